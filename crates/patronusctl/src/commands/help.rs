//! Help on commands and topics.

use clap_complete::engine::ArgValueCompleter;

use crate::app::App;
use crate::cli::{TOPICS, command, topic};
use crate::complete;
use crate::error::{CliError, Result};
use patronus_types::words::nearest;

/// Arguments of `help`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A command, or one of exit-codes, environment, output, files, references
    #[arg(value_name = "TOPIC", add = ArgValueCompleter::new(complete::topics))]
    words: Vec<String>,
}

/// Runs it.
pub fn run(app: &App, args: Args) -> Result {
    if let [word] = args.words.as_slice()
        && let Some(text) = topic(word)
    {
        return app.out.write(&text);
    }
    let mut found = command();
    found.build();
    for word in &args.words {
        found = match found.find_subcommand(word) {
            Some(child) => child.clone(),
            None => return Err(unknown(&found, word)),
        };
    }
    let mut text = found.render_long_help().to_string();
    if args.words.is_empty() {
        text.push_str("\nTopics (patronusctl help TOPIC):\n");
        TOPICS.iter().for_each(|(name, about)| text.push_str(&format!("  {name:<12} {about}\n")));
    }
    app.out.write(&text)
}

fn unknown(parent: &clap::Command, word: &str) -> CliError {
    let commands = parent.get_subcommands().map(clap::Command::get_name);
    let names: Vec<&str> = commands.chain(TOPICS.iter().map(|(name, _)| *name)).collect();
    let error = CliError::usage(format!("there is no command or topic `{word}`"));
    match nearest(word, names.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("patronusctl help"),
    }
}
