//! From the arguments to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use crate::app::App;
use crate::cli::{self, Cli, Command};
use crate::commands;
use crate::error::{CliError, Exit, Result, from_clap};
use crate::output::{self, Format, Style};
use crate::settings::Env;

/// The program.
pub fn main() -> ExitCode {
    end_bugs_with_their_code();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Asked for in scripts and by package managers: it has to cost nothing.
    if let [_, only] = arguments.as_slice()
        && (only == "--version" || only == "-V")
    {
        return ended(
            output::print_plain(concat!("patronusctl ", env!("CARGO_PKG_VERSION"), "\n")),
            false,
            Style::PLAIN,
        );
    }
    if crate::complete::requested() {
        return crate::complete::answer(arguments);
    }
    let json = asks_for_json(&arguments);
    match parse(arguments) {
        Ok(cli) => run(cli),
        Err(outcome) => ended(outcome, json, Style::PLAIN),
    }
}

/// A panic is a bug of this program, and has an exit code of its own.
#[allow(
    clippy::exit,
    reason = "a panic hook has no other way to choose the code, and the release build aborts after it"
)]
fn end_bugs_with_their_code() {
    std::panic::set_hook(Box::new(|panic| {
        let error = CliError::new(Exit::Bug, "this is a bug of patronusctl").cause(panic);
        output::print_error(&error.help("please report it, with what was typed"), false, Style::PLAIN);
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
}

fn parse(arguments: Vec<OsString>) -> std::result::Result<Cli, Result> {
    let tree = cli::command();
    let command = understood(&tree, &arguments);
    let parsed = tree.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => output::print_plain(&error.render().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::print_help_to_stderr(&error.render().to_string());
            Err(CliError::silent(Exit::Usage))
        }
        _ => Err(from_clap(&error, &command)),
    })
}

/// The words of the command, as far as they are commands. Flags before them are passed over, as are their values.
fn understood(tree: &clap::Command, arguments: &[OsString]) -> Vec<String> {
    let mut words = Vec::new();
    let mut found = tree;
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(child) = found.find_subcommand(word) {
            words.push(child.get_name().to_owned());
            found = child;
        }
    }
    words
}

fn run(cli: Cli) -> ExitCode {
    let Cli { command, globals } = cli;
    let app = match App::new(globals, Env::of_process(), jiff::Timestamp::now()) {
        Ok(app) => app,
        Err(error) => return ended(Err(error), false, Style::PLAIN),
    };
    let outcome = refuse_idle_flags(&app, &command)
        .and_then(|()| refuse_nameless(&app, &command))
        .and_then(|()| dispatch(&app, command));
    let outcome = outcome.map_err(|error| app.placed(error));
    ended(outcome, app.out.view.format.is_json(), app.out.notices)
}

fn dispatch(app: &App, command: Command) -> Result {
    match command {
        Command::Login(args) => commands::login::run(app, args),
        Command::Logout(args) => commands::logout::run(app, args),
        Command::Whoami(args) => commands::whoami::run(app, args),
        Command::Status(args) => commands::status::run(app, args),
        Command::Context(command) => commands::context::run(app, command),
        Command::Network(command) => commands::network::run(app, command),
        Command::Site(command) => commands::site::run(app, command),
        Command::Path(command) => commands::path::run(app, command),
        Command::Policy(command) => commands::policy::run(app, command),
        Command::Bundle(command) => commands::bundle::run(app, command),
        Command::Token(command) => commands::token::run(app, command),
        Command::Event(command) => commands::event::run(app, command),
        Command::Apply(args) => commands::apply::run(app, args),
        Command::Version(args) => commands::version::run(app, args),
        Command::Completions(args) => commands::completions::run(app, args),
        Command::Man(args) => commands::man::run(app, args),
        Command::Help(args) => commands::help::run(app, args),
    }
}

/// A flag that does nothing would be taken for one that does.
fn refuse_idle_flags(app: &App, command: &Command) -> Result {
    let is_local = match command {
        Command::Login(_) | Command::Logout(_) => true,
        Command::Context(command) => command.changes(),
        _ => false,
    };
    if app.mode.dry_run && is_local {
        return Err(CliError::usage("--dry-run is for changes on the server, and this one is on this machine")
            .help("nothing was changed; leave the flag out to do it"));
    }
    let selects = matches!(command, Command::Site(command) if command.selects());
    if app.globals.selector.is_some() && !selects {
        return Err(CliError::usage("--selector means nothing to this command")
            .help("only sites have labels: patronusctl site list -l KEY=VALUE"));
    }
    Ok(())
}

/// What has no name is not asked for at all, and above all nothing is written that could then not be shown.
fn refuse_nameless(app: &App, command: &Command) -> Result {
    let format = app.out.view.format;
    let what = match (format, command) {
        (Format::Name | Format::Id, Command::Status(_)) => Some("the status"),
        (Format::Name | Format::Id, Command::Version(_)) => Some("a version"),
        (Format::Name | Format::Id, Command::Policy(commands::policy::Command::Test(_))) => Some("what policies do"),
        (Format::Name | Format::Id, Command::Path(commands::path::Command::Why(_))) => Some("why a path is taken"),
        (Format::Id, Command::Apply(_)) => Some("what is applied"),
        (format, Command::Bundle(command)) => command.nameless(format),
        _ => None,
    };
    what.map_or(Ok(()), |what| Err(output::nameless(what, format)))
}

fn ended(outcome: Result, json: bool, style: Style) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if !error.silent {
        output::print_error(&error, json, style);
    }
    ExitCode::from(error.exit.code())
}

/// Whether errors should be JSON although the arguments cannot be read.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let words: Vec<_> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let pair = |pair: &[&str]| matches!(pair, ["-o" | "--output", "json" | "jsonl"]);
    let single = |word: &&str| matches!(*word, "-ojson" | "-o=json" | "--output=json" | "-ojsonl" | "--output=jsonl");
    words.windows(2).any(pair) || words.iter().any(single)
}
