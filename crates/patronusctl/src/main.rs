//! The command line of Patronus.

fn main() -> std::process::ExitCode {
    patronusctl::main()
}
