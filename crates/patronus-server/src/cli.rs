//! The command line: what was typed, and what comes of it. Nothing is decided here.
//!
//! Exit codes: 0 done, 1 failed, 2 usage.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use patronus_types::Endpoint;

use crate::config::{Config, EXAMPLE, Layer, LogFormat, TlsMode};
use crate::renew::Renewal;
use crate::{init, renew, run};

/// The server of Patronus: holds what a network should be, and tells every site its part of it.
///
/// Begin with `patronus-server init --data DIR`, then `patronus-server serve --data DIR`.
#[derive(Debug, Parser)]
#[command(name = "patronus-server", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a data folder: secret, signing key, certificates, database, first admin. Again changes nothing
    Init(InitArgs),
    /// Serve the API
    Serve(Box<ServeArgs>),
    /// Show the configuration file
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a complete file with every setting explained
    Example,
}

#[derive(Debug, Args)]
struct InitArgs {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Login name of the first admin
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
    /// Read the admin's password (at least 12 characters) from a file, or `-` for stdin; else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A name or address under which the server will be reached, for its certificate; repeatable
    #[arg(long, value_name = "HOST", value_parser = host)]
    name: Vec<String>,
    /// On a folder that is initialised: make the server's certificate anew, by the same CA; agents notice nothing
    #[arg(long, conflicts_with_all = ["admin", "password_file", "new_ca"])]
    new_certificate: bool,
    /// On a folder that is initialised: make a new CA and a certificate of it. Agents and people pin the CA: all
    /// must be enrolled anew, or log in with the new ca.pem
    #[arg(long, conflicts_with_all = ["admin", "password_file"])]
    new_ca: bool,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A configuration file: see `patronus-server config example`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The database, `sqlite:PATH` [default: in the data folder]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Where agents and people reach the server [default: the listening URL]; repeatable
    #[arg(long, value_name = "URL")]
    public_url: Vec<String>,
    /// When to serve over TLS: auto (all but loopback), always or never [default: auto]
    #[arg(long, value_name = "WHEN", value_parser = str::parse::<TlsMode>)]
    tls: Option<TlsMode>,
    /// What to log: off, error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How to log: console or json [default: console]
    #[arg(long, value_name = "FORMAT", value_parser = str::parse::<LogFormat>)]
    log_format: Option<LogFormat>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _best_effort = error.print();
            return ExitCode::from(code);
        }
    };
    match execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _best_effort = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(InitArgs { data, name, new_ca, new_certificate, .. }) if new_ca || new_certificate => {
            let what = if new_ca { Renewal::Ca } else { Renewal::Certificate };
            renew::command(&data_folder(data)?, &name, what)
        }
        Command::Init(args) => init::command(args.into_options()?),
        Command::Serve(args) => run::command(Config::load(args.into_layer(), variable)?),
        Command::Config { command: ConfigCommand::Example } => {
            std::io::stdout().write_all(EXAMPLE.as_bytes())?;
            Ok(())
        }
    }
}

impl InitArgs {
    fn into_options(self) -> anyhow::Result<init::Options> {
        let password_file = self.password_file.or_else(|| told("PATRONUS_PASSWORD_FILE").map(PathBuf::from));
        let admin = self.admin.or_else(|| told("PATRONUS_ADMIN")).unwrap_or_else(|| "admin".to_owned());
        Ok(init::Options {
            data: data_folder(self.data)?,
            admin: admin.parse()?,
            password: password_file.map_or(init::PasswordFrom::Terminal, init::PasswordFrom::file),
            names: self.name,
        })
    }
}

impl ServeArgs {
    fn into_layer(self) -> Layer {
        Layer {
            config: self.config,
            data: self.data,
            listen: self.listen,
            database: self.database,
            public_url: (!self.public_url.is_empty()).then_some(self.public_url),
            tls: self.tls,
            log_level: self.log_level,
            log_format: self.log_format,
            ..Layer::default()
        }
    }
}

fn data_folder(said: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let data = said.or_else(|| told("PATRONUS_DATA").map(PathBuf::from));
    data.ok_or_else(|| anyhow::anyhow!("say where: patronus-server init --data DIR"))
}

/// A name or address alone, as it stands in a certificate.
fn host(text: &str) -> Result<String, String> {
    let alone = text.parse::<Endpoint>().ok().filter(|endpoint| endpoint.port.is_none());
    alone.map(|_| text.to_owned()).ok_or_else(|| "use a name or an address alone, without https:// and port".to_owned())
}

/// What the environment says; an empty variable says nothing.
fn told(name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_a_name_alone() {
        for good in ["patronus.example.net", "server", "203.0.113.7", "2001:db8::7"] {
            assert_eq!(host(good), Ok(good.to_owned()));
        }
        for bad in ["https://patronus.example.net:8443", "patronus.example.net:8443", "a b_%", ""] {
            assert!(host(bad).unwrap_err().contains("alone"), "{bad}");
        }
    }
}
