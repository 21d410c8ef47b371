//! The command line: what was typed and what it means. A flag goes before its variable, and an empty variable is an unset one.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use patronus_types::Ref;

const DEFAULT_STATE: &str = "/var/lib/patronus-agent";

/// Keeps the tunnels of one site as its newest signed bundle says
#[derive(Debug, Parser)]
#[command(name = "patronus-agent", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much is logged to stderr [default: info for `run`, else warn; env: PATRONUS_LOG_LEVEL]
    #[arg(long, global = true, value_enum)]
    pub log_level: Option<LogLevel>,
    /// Form of the log [default: text; env: PATRONUS_LOG_FORMAT]
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Join a network with an invitation; repeat it for further networks
    Enrol(Enrol),
    /// Run the agent
    Run(Run),
    /// Show what runs, with or without a running agent
    Status(Status),
    /// Try again what did not prove itself here and was undone
    Retry(Member),
    /// Undo the change under way, or go back to what ran before the last one, and stay there
    Revert(Revert),
    /// Keep what runs and apply nothing that the server names
    Pause(Member),
    /// Apply again what the server names: ends `pause`, and what a `revert` holds
    Resume(Member),
    /// Run a signed bundle from a file, as `patronusctl bundle download` writes it
    Apply(Apply),
    /// Leave a network and remove everything of it from this host
    Leave(Leave),
}

/// Where the state is.
#[derive(Debug, Args)]
pub struct State {
    /// Folder with keys, tokens and bundles [default: /var/lib/patronus-agent; env: PATRONUS_STATE]
    #[arg(long = "state", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl State {
    /// The folder that is meant.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone().or_else(|| variable("PATRONUS_STATE").map(PathBuf::from)).unwrap_or(DEFAULT_STATE.into())
    }
}

/// `enrol`.
#[derive(Debug, Args)]
pub struct Enrol {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The invitation that `patronusctl token create --kind enrol` printed; `-` reads stdin [env: PATRONUS_TOKEN_FILE]
    #[arg(long, value_name = "FILE|-")]
    token_file: Option<PathBuf>,
    /// Use these servers instead of the invitation's; repeat it for several [env: PATRONUS_SERVER]
    #[arg(long = "server", value_name = "URL")]
    servers: Vec<String>,
    /// Seconds to keep trying while no server answers
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
}

impl Enrol {
    /// The file of the invitation.
    pub fn token_file(&self) -> Option<PathBuf> {
        self.token_file.clone().or_else(|| variable("PATRONUS_TOKEN_FILE").map(PathBuf::from))
    }

    /// The servers to use instead of the invitation's; empty for those.
    pub fn servers(&self) -> Vec<String> {
        match self.servers.is_empty() {
            true => variable("PATRONUS_SERVER")
                .iter()
                .flat_map(|list| list.split(','))
                .map(|url| url.trim().to_owned())
                .collect(),
            false => self.servers.clone(),
        }
    }
}

/// A configuration file.
#[derive(Debug, Args)]
pub struct Configured {
    /// The agent's configuration file; everything in it has a default [env: PATRONUS_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Configured {
    /// The file.
    pub fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| variable("PATRONUS_CONFIG").map(PathBuf::from))
    }
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The configuration file.
    #[command(flatten)]
    pub config: Configured,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The configuration file.
    #[command(flatten)]
    pub config: Configured,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Only this network
    #[arg(long, value_name = "NAME|ID")]
    pub network: Option<Ref>,
}

/// `retry`, `pause`, `resume`.
#[derive(Debug, Args)]
pub struct Member {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The network; needed where there are several
    #[arg(long, value_name = "NAME|ID")]
    pub network: Option<Ref>,
}

/// `revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The configuration file.
    #[command(flatten)]
    pub config: Configured,
    /// The network; needed where there are several
    #[arg(long, value_name = "NAME|ID")]
    pub network: Option<Ref>,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The configuration file.
    #[command(flatten)]
    pub config: Configured,
    /// The archive
    #[arg(long, value_name = "ARCHIVE")]
    pub file: PathBuf,
    /// Its signature [default: beside the archive, with `.minisig` for `.gz`]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// The network; needed where there are several
    #[arg(long, value_name = "NAME|ID")]
    pub network: Option<Ref>,
}

/// `leave`.
#[derive(Debug, Args)]
pub struct Leave {
    /// Where the state is.
    #[command(flatten)]
    pub state: State,
    /// The configuration file.
    #[command(flatten)]
    pub config: Configured,
    /// The network to leave; needed where there are several
    #[arg(long, value_name = "NAME|ID")]
    pub network: Option<Ref>,
}

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what is not as it should be.
    Warn,
    /// And what changed.
    Info,
    /// And each step.
    Debug,
    /// And everything else.
    Trace,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

impl Cli {
    /// How much is logged.
    pub fn log_level(&self) -> LogLevel {
        // A command says by itself what it did; only the daemon has nobody in front of it.
        let usual = if matches!(self.command, Command::Run(_)) { LogLevel::Info } else { LogLevel::Warn };
        self.log_level.or_else(|| choice("PATRONUS_LOG_LEVEL")).unwrap_or(usual)
    }

    /// Form of the log.
    pub fn log_format(&self) -> LogFormat {
        self.log_format.or_else(|| choice("PATRONUS_LOG_FORMAT")).unwrap_or_default()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn choice<T: ValueEnum>(name: &str) -> Option<T> {
    variable(name).and_then(|value| T::from_str(&value, true).ok())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        let typed = ["patronus-agent", "enrol", "--token", "ptn_enrol_x"];
        assert!(Cli::try_parse_from(typed).is_err());
    }
}
