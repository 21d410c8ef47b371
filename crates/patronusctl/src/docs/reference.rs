//! The reference in Markdown: every command with its arguments, flags and examples; the global flags once.

use std::fmt::Write as _;

use super::walk;
use crate::cli::{Cli, ENVIRONMENT, FILES, examples};
use crate::error::exit_table;

/// The whole page.
pub fn reference() -> String {
    let mut tree = Cli::tree();
    tree.build();
    let mut page = String::from(
        "# patronusctl\n\n<!-- Made by `cargo xtask gen` from the tree of commands. -->\n\nEvery command takes the \
         [global options](#global-options). `patronusctl help COMMAND` shows the same.\n",
    );
    walk(&tree, "", &mut |path, command| {
        if !path.is_empty() {
            section(&mut page, path, command);
        }
    });
    page.push_str("\n## Global options\n\n| option | |\n|---|---|\n");
    tree.get_arguments().filter(|arg| arg.is_global_set()).for_each(|arg| row(&mut page, arg));
    let _ = write!(
        page,
        "\n## Environment\n\n```text\n{ENVIRONMENT}```\n\n## Files\n\n```text\n{FILES}```\n\n## Exit codes\n\n```text\n{}```\n",
        exit_table()
    );
    page
}

fn section(page: &mut String, path: &str, command: &clap::Command) {
    let level = if path.contains(' ') { "###" } else { "##" };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let more = long.split_once("\n\n").map(|(_, more)| format!("\n{more}\n")).unwrap_or_default();
    let _ = write!(page, "\n{level} {path}\n\n{about}.\n{more}");
    if command.get_subcommands().next().is_some() {
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace(" [OPTIONS]", "");
    let _ = write!(page, "\n```text\n{usage}\n```\n");
    let own =
        command.get_arguments().filter(|arg| !arg.is_global_set() && !arg.is_hide_set() && arg.get_id() != "help");
    let mut own = own.peekable();
    if own.peek().is_some() {
        page.push_str("\n| argument | |\n|---|---|\n");
        own.for_each(|arg| row(page, arg));
    }
    let lines = examples(path);
    if !lines.is_empty() {
        let _ = write!(page, "\n```sh\n{}\n```\n", lines.join("\n"));
    }
}

fn row(page: &mut String, arg: &clap::Arg) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    // A default that the code decides on stands at the end of the help itself; the values come before it.
    let (help, said) = help.split_at(help.find(" [default:").unwrap_or(help.len()));
    let takes = arg.get_action().takes_values();
    let values: Vec<String> = arg.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
    let values = if takes && !values.is_empty() { format!(": {}", values.join(", ")) } else { String::new() };
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let shown = takes && !defaults.is_empty() && !arg.is_hide_default_value_set();
    let default = if shown { format!(" [default: {}]", defaults.join(", ")) } else { said.to_owned() };
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let _ = writeln!(
        page,
        "| `{}` | {} |",
        format!("{short}{arg}").replace('|', "\\|"),
        format!("{help}{values}{default}").replace('|', "\\|")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_options_and_defaults_are_told() {
        let page = reference();
        for row in [
            "| `-o, --output <FORMAT>` | The form of the answer: `table`,",
            "| `--role <ROLE>` | What an API token may do: `viewer`, `operator`, `admin` [default: viewer] |",
            "| `--wait-timeout <SPAN>` | How long to wait [default: 5m] |",
            "| `--status <STATUS>` | Which: heard of within 120 seconds, not heard of, or all: `active`, `inactive`, \
             `all` [default: all] |",
        ] {
            assert!(page.contains(row), "{row}");
        }
        assert!(!page.contains("[default: false]"), "a flag is off until it is given");
    }
}
