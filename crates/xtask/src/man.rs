//! The man pages of server and agent: one each, with all their commands. `patronusctl` makes its own.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use patronusctl::docs::preformatted;

/// A program, and what its page says beside its command line.
struct Program {
    command: Command,
    exits: &'static [(u8, &'static str)],
    environment: &'static str,
    files: &'static str,
    also: &'static str,
}

/// The pages by their file names.
pub fn pages() -> Vec<(String, Vec<u8>)> {
    let (agent, server) = (
        Program {
            command: patronus_agent::manual::command(),
            exits: patronus_agent::manual::EXITS,
            environment: patronus_agent::manual::ENVIRONMENT,
            files: patronus_agent::manual::FILES,
            also: "patronusctl(1), patronus-server(8), wg(8)",
        },
        Program {
            command: patronus_server::manual::command(),
            exits: patronus_server::manual::EXITS,
            environment: patronus_server::manual::ENVIRONMENT,
            files: patronus_server::manual::FILES,
            also: "patronusctl(1), patronus-agent(8)",
        },
    );
    [agent, server].into_iter().map(|program| (format!("{}.8", program.command.get_name()), page(program))).collect()
}

fn page(program: Program) -> Vec<u8> {
    let Program { mut command, exits, environment, files, also } = program;
    command.build();
    let source = format!("{} {}", command.get_name(), env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).section("8").date("").source(source).manual("Patronus");
    let mut out = Vec::new();
    let mut written = vec![man.render_title(&mut out), man.render_name_section(&mut out)];
    written.push(section("SYNOPSIS", &[usage(&command)]).to_writer(&mut out));
    written.push(man.render_description_section(&mut out));
    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    describe(&command, &mut commands);
    written.push(commands.to_writer(&mut out));
    written.push(man.render_options_section(&mut out));
    let mut codes = Roff::new();
    codes.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exits {
        codes.control("TP", ["5"]).text([bold(code.to_string())]).text([roman(*meaning)]);
    }
    written.push(codes.to_writer(&mut out));
    for (title, text) in [("ENVIRONMENT", environment), ("FILES", files)] {
        written.push(preformatted(title, text).to_writer(&mut out));
    }
    written.push(section("SEE ALSO", &[also.to_owned()]).to_writer(&mut out));
    debug_assert!(written.iter().all(Result::is_ok), "writing to memory does not fail");
    // Older formatters know no more than ASCII.
    String::from_utf8_lossy(&out).replace('…', "...").into_bytes()
}

/// Each command that does something, with its own options.
fn describe(command: &Command, roff: &mut Roff) {
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        if child.get_subcommands().next().is_some() {
            describe(child, roff);
            continue;
        }
        roff.control("SS", [usage(child).as_str()]);
        if let Some(about) = child.get_long_about().or_else(|| child.get_about()) {
            roff.text([roman(format!("{about}."))]);
        }
        let own = child
            .get_arguments()
            .filter(|arg| !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str()));
        for arg in own {
            let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []).text([bold(shape(arg))]).text([roman(help + &choices(arg))]);
        }
    }
}

/// How an argument is written.
fn shape(arg: &clap::Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let long = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    let value = arg.get_value_names().filter(|_| arg.get_action().takes_values());
    let value =
        value.map(|names| names.iter().map(|name| format!(" <{name}>")).collect::<String>()).unwrap_or_default();
    format!("{short}{long}{value}")
}

/// What may be written, and what is meant where nothing is.
fn choices(arg: &clap::Arg) -> String {
    let names: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let choices = match arg.get_action().takes_values() && !names.is_empty() {
        true => format!(": {}", names.join(", ")),
        false => String::new(),
    };
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let takes = arg.get_action().takes_values() && !defaults.is_empty();
    if takes { format!("{choices} [default: {}]", defaults.join(" ")) } else { choices }
}

fn usage(command: &Command) -> String {
    command.clone().render_usage().to_string().trim_start_matches("Usage: ").trim().to_owned()
}

fn section(title: &str, lines: &[String]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]).text(lines.iter().map(|line| roman(line.as_str())).collect::<Vec<_>>());
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_of_a_program_is_on_its_page() {
        let pages = pages();
        assert_eq!(
            pages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["patronus-agent.8", "patronus-server.8"]
        );
        for ((name, page), said) in pages.into_iter().zip([
            [
                "patronus-agent enrol",
                "patronus-agent revert",
                "--token-file",
                "--log-level",
                "PATRONUS_STATE",
                "agent.sock",
            ],
            [
                "patronus-server serve",
                "patronus-server config example",
                "--new-ca",
                "--public-url",
                "PATRONUS_DATA",
                "tls/",
            ],
        ]) {
            let text = String::from_utf8(page).unwrap().replace('\\', "");
            assert!(text.is_ascii(), "{name}");
            for section in
                ["NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "\"SEE ALSO\""]
            {
                assert!(text.contains(&format!(".SH {section}")), "{name} has no {section}");
            }
            said.iter().for_each(|said| assert!(text.contains(said), "{name} says nothing of {said}: {text}"));
        }
    }
}
