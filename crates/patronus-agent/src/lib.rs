//! The agent of one site: it keeps the site's tunnels as the newest signed bundle says, with or without a server.
//!
//! `patronus-agent run` starts every network from the disk before it asks a server anything. From then on each network
//! has a loop of its own (`driver`): it asks for the version to run (`poll` says whom and when), downloads it,
//! verifies it (`verify`), keeps it (`state`), and brings the kernel to it by the least change (`converge`; what
//! that is, `patronus_core::apply` says). If the kernel drifts from what shall run, it is brought back the same way.
//!
//! Invariants: nothing unverified is ever used; a version's number is on the disk before anything acts on it; a crash at
//! any point ends, after the next start, in the old state or the new; one network's trouble is not another's; tunnels
//! outlive the agent; nothing that is not Patronus' own is touched.

mod alone;
mod apply;
mod cli;
mod clock;
mod config;
mod control;
mod converge;
mod driver;
mod echo;
pub mod effects;
mod enrol;
mod failpoint;
mod failure;
#[cfg(test)]
mod fakes;
mod host;
mod leave;
mod local;
mod log;
pub mod manual;
mod network;
mod orders;
mod output;
mod poll;
mod probe;
mod reach;
mod retry;
mod revert;
mod state;
mod status;
mod verify;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use cli::{Cli, Command};
use config::Config;
use failure::{Exit, Failure};
use state::Order;
use world::World;

/// The program's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start(cli.log_level(), cli.log_format());
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::say(&failure);
            failure.exit.into()
        }
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    // One thread: the agent waits, and a second one would only cost memory.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, format_args!("cannot start: {error}")))?;
    driver::wheel::started();
    let done = runtime.block_on(execute(cli.command));
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

async fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Enrol(enrol) => {
            let token_file = enrol.token_file().ok_or_else(|| {
                Failure::new(Exit::Usage, "no invitation is named")
                    .help("give its file with --token-file FILE, or - for stdin")
            })?;
            let means = enrol::Means {
                dial: &control::Https,
                clock: &clock::System,
                host: &host::ThisHost,
                patience: Duration::from_secs(enrol.timeout),
            };
            enrol::command(&enrol.state.folder(), &token_file, enrol.servers(), &means).await
        }
        Command::Run(run) => {
            let world = real(&Config::load(run.config.path().as_deref())?)?;
            driver::daemon::run(&run.state.folder(), world).await
        }
        Command::Status(status) => {
            let world = real(&Config::load(status.config.path().as_deref())?)?;
            status::command(&status.state.folder(), status.network.as_ref(), status.output, &world).await
        }
        Command::Retry(retry) => retry::command(&retry.state.folder(), retry.network.as_ref()).await,
        Command::Pause(wanted) => orders::command(&wanted.state.folder(), wanted.network.as_ref(), Order::Pause).await,
        Command::Resume(wanted) => {
            orders::command(&wanted.state.folder(), wanted.network.as_ref(), Order::Resume).await
        }
        Command::Revert(wanted) => {
            let world = real(&Config::load(wanted.config.path().as_deref())?)?;
            revert::command(&wanted.state.folder(), wanted.network.as_ref(), &world).await
        }
        Command::Apply(apply) => {
            let world = real(&Config::load(apply.config.path().as_deref())?)?;
            let (folder, signature) = (apply.state.folder(), apply.signature.as_deref());
            apply::command((&folder, apply.network.as_ref()), &apply.file, signature, &world).await
        }
        Command::Leave(leave) => {
            let world = real(&Config::load(leave.config.path().as_deref())?)?;
            leave::command(&leave.state.folder(), leave.network.as_ref(), &world).await
        }
    }
}

fn real(config: &Config) -> Result<World, Failure> {
    World::real(config).map_err(|error| Failure::new(Exit::State, error))
}

/// The host's name, as far as the kernel says.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
