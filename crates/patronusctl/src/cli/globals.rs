//! Flags of every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use patronus_types::Ref;

use super::{count, duration};
use crate::complete;
use crate::output::{ColorChoice, Format, ProgressStyle, SortBy, TimeStyle};
use crate::select::Selector;

/// Flags of every command. Each can also be set by a variable: `--no-input` is `PATRONUS_NO_INPUT`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The context to use
    #[arg(long, global = true, value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    pub context: Option<String>,
    /// A server; may be given several times, the first is tried first
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub server: Vec<String>,
    /// The tenant
    #[arg(long, global = true, value_name = "NAME")]
    pub tenant: Option<Ref>,
    /// The network
    #[arg(long, global = true, value_name = "NAME", add = ArgValueCompleter::new(complete::networks))]
    pub network: Option<Ref>,
    /// The form of the answer
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Only these fields, by their names in JSON
    #[arg(long, global = true, value_name = "A,B.C", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Sort lists by a field; what has none comes last
    #[arg(long, global = true, value_name = "FIELD[:desc]")]
    pub sort_by: Option<SortBy>,
    /// Only sites with these labels: KEY=VALUE, KEY!=VALUE, KEY, !KEY; `region` and `zone` count as labels
    #[arg(short = 'l', long, global = true, value_name = "SELECTOR")]
    pub selector: Option<Selector>,
    /// The most objects of a list; all without it
    #[arg(long, global = true, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    pub limit: Option<usize>,
    /// Tables without their first line
    #[arg(long, global = true)]
    pub no_headers: bool,
    /// How times are written: ages on a terminal, UTC elsewhere
    #[arg(long, global = true, value_name = "STYLE")]
    pub time: Option<TimeStyle>,
    /// Whether to use colour
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<ColorChoice>,
    /// Say nothing but answers and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How progress is shown
    #[arg(long, global = true, value_name = "STYLE")]
    pub progress: Option<ProgressStyle>,
    /// Ask nothing
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Yes to what can be undone
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Confirms what cannot be undone: the name of what goes, or how many there are
    #[arg(long, global = true, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Check everything and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// The longest a call may take with all its tries [default: 30s]
    #[arg(long, global = true, value_name = "SPAN", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// The longest that connecting may take [default: 5s]
    #[arg(long, global = true, value_name = "SPAN", value_parser = duration)]
    pub connect_timeout: Option<Duration>,
    /// How often a failed call is repeated [default: 3]
    #[arg(long, global = true, value_name = "N", value_parser = count::<u32>, allow_negative_numbers = true)]
    pub retries: Option<u32>,
    /// Makes the repeat of a write harmless for 24 hours
    #[arg(long, global = true, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Read the token from a file, or from stdin with -
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// Trust only the CA in this PEM file
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca_file: Option<PathBuf>,
}
