//! The program `patronus-agent`.

fn main() -> std::process::ExitCode {
    patronus_agent::main()
}
