//! The tree of commands: what can be typed.

mod examples;
mod globals;
mod topics;
mod value;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use examples::examples;
pub use globals::Globals;
pub use topics::{ENVIRONMENT, FILES, TOPICS, topic};
pub use value::{
    BundleRef, application, count, duration, name_or_nothing, number, pair, range, range4, range6, reference, release,
    seconds,
};

use crate::commands::{
    apply, bundle, completions, context, event, help, login, logout, man, network, path, policy, site, status, token,
    version, whoami,
};

/// Run WireGuard networks between sites
///
/// patronusctl talks to a patronus-server: it declares networks and sites, publishes their configuration as signed
/// bundles, and shows what the sites make of them.
#[derive(Debug, Parser)]
#[command(
    name = "patronusctl",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    infer_subcommands = false,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub globals: Globals,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Log in to a server and make a context for it
    Login(login::Args),
    /// End a login
    Logout(logout::Args),
    /// Say who the server takes you for
    Whoami(whoami::Args),
    /// Show the servers, networks and sites on one screen
    Status(status::Args),
    /// Manage contexts: which server, which network, which login
    #[command(subcommand, alias = "contexts")]
    Context(context::Command),
    /// Manage networks
    #[command(subcommand, alias = "networks")]
    Network(network::Command),
    /// Manage sites
    #[command(subcommand, alias = "sites")]
    Site(site::Command),
    /// See how paths between sites do, and why packets take which
    #[command(subcommand, alias = "paths")]
    Path(path::Command),
    /// Say what becomes of which packets
    #[command(subcommand, alias = "policies")]
    Policy(policy::Command),
    /// Publish and inspect what sites run
    #[command(subcommand, alias = "bundles")]
    Bundle(bundle::Command),
    /// Manage tokens for people, CI and sites that join
    #[command(subcommand, alias = "tokens")]
    Token(token::Command),
    /// See what happened
    #[command(subcommand, alias = "events")]
    Event(event::Command),
    /// Create and change networks, sites and policies from manifests, in one transaction
    Apply(apply::Args),
    /// Show the versions of client and server
    Version(version::Args),
    /// Print the loader for completions in a shell
    Completions(completions::Args),
    /// Write the man pages into a folder
    Man(man::Args),
    /// Explain a command or a topic
    Help(help::Args),
}

impl Cli {
    /// The tree without its examples, for documents that show them otherwise.
    pub fn tree() -> clap::Command {
        Self::command()
    }
}

/// The global flags that `-h` shows as well; `--help` shows all.
const ESSENTIAL: &[&str] = &["context", "network", "output", "dry_run", "yes"];

/// The tree with its examples.
pub fn command() -> clap::Command {
    let is_rare = |arg: &clap::Arg| arg.is_global_set() && !ESSENTIAL.contains(&arg.get_id().as_str());
    let tree = Cli::command().mut_args(|arg| if is_rare(&arg) { arg.hide_short_help(true) } else { arg });
    with_examples(tree, &mut Vec::new())
}

fn with_examples(command: clap::Command, path: &mut Vec<String>) -> clap::Command {
    let lines = examples(&path.join(" "));
    let command = match lines.is_empty() {
        true => command,
        false => {
            let said =
                |lines: &[&str]| lines.iter().fold("Examples:".to_owned(), |text, line| format!("{text}\n  {line}"));
            command.after_help(said(&lines[..1])).after_long_help(said(lines))
        }
    };
    command.mut_subcommands(|child| {
        path.push(child.get_name().to_owned());
        let child = with_examples(child, path);
        path.pop();
        child
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::FromArgMatches as _;

    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let children: Vec<_> = command.get_subcommands().collect();
        if children.is_empty() {
            found.push(path.trim().to_owned());
        }
        children.iter().for_each(|child| leaves(child, &format!("{path} {}", child.get_name()), found));
    }

    #[test]
    fn the_tree_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_and_every_example_parses() {
        let mut found = Vec::new();
        leaves(&command(), "", &mut found);
        for path in found {
            let lines = examples(&path);
            assert!(!lines.is_empty(), "no example for `{path}`");
            for line in lines.iter().filter(|line| line.starts_with("patronusctl ")) {
                let line = line.split(" > ").next().unwrap().split(" | ").next().unwrap();
                let parsed =
                    command().try_get_matches_from(line.split_whitespace().map(|word| word.trim_matches('\'')));
                assert!(parsed.is_ok(), "`{line}`: {}", parsed.unwrap_err());
                Cli::from_arg_matches(&parsed.unwrap()).unwrap();
            }
        }
    }

    #[test]
    fn the_short_help_is_short() {
        let mut found = Vec::new();
        leaves(&command(), "", &mut found);
        for path in found {
            let mut leaf = command();
            leaf.build();
            for word in path.split_whitespace() {
                leaf = leaf.find_subcommand(word).unwrap().clone();
            }
            let (short, long) = (leaf.render_help().to_string(), leaf.render_long_help().to_string());
            assert!(short.contains("--network") && !short.contains("--connect-timeout"), "{path}: {short}");
            assert!(long.contains("--connect-timeout"), "{path}");
            assert!(short.lines().count() <= 45, "{path}: {short}");
        }
    }

    /// An argument with a global flag's id is taken for it; of another type it ends the program.
    #[test]
    fn no_argument_is_taken_for_a_global_flag() {
        fn own(command: &clap::Command, globals: &BTreeSet<String>) {
            for argument in command.get_arguments() {
                assert!(!globals.contains(argument.get_id().as_str()), "{}: {argument}", command.get_name());
            }
            command.get_subcommands().for_each(|child| own(child, globals));
        }
        let tree = command();
        let globals = tree.get_arguments().map(|it| it.get_id().to_string()).collect();
        tree.get_subcommands().for_each(|child| own(child, &globals));
    }

    #[test]
    fn every_command_takes_the_global_flags() {
        let mut found = Vec::new();
        leaves(&command(), "", &mut found);
        for path in found {
            let line = examples(&path).iter().find(|line| line.starts_with("patronusctl ")).unwrap();
            let words = line.split(" > ").next().unwrap().split(" | ").next().unwrap().split_whitespace();
            let words = words.map(|word| word.trim_matches('\'')).chain(["-o", "json", "--no-input", "--retries", "0"]);
            // An example that has the flag already is proof enough.
            if !line.contains("-o ") {
                assert!(command().try_get_matches_from(words).is_ok(), "{path}");
            }
        }
    }
}
