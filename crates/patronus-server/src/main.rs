//! The server program.

fn main() -> std::process::ExitCode {
    patronus_server::cli::main()
}
