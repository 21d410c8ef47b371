//! What is on the line already. A completer only sees the word it completes, so the flags before it are read here.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::Globals;

/// The line as the shell's shim hands it over: behind `--`, which stands before the program's name.
fn line(arguments: &[OsString]) -> &[OsString] {
    let shim = arguments.iter().position(|word| word == "--");
    shim.and_then(|shim| arguments.get(shim + 1..)).unwrap_or_default()
}

/// The word that is being completed: the one whose index the shim tells, else the last.
pub fn current(arguments: &[OsString]) -> Option<&OsString> {
    let line = line(arguments);
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse::<usize>().ok());
    index.map_or_else(|| line.last(), |index| line.get(index))
}

/// The words between a command and the word that is being completed.
pub fn behind(command: &str) -> Vec<String> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let words: Vec<String> = line(&arguments).iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let from = words.iter().position(|word| word == command).map_or(words.len(), |index| index + 1);
    let words = words.get(from..).unwrap_or_default();
    words.split_last().map(|(_, before)| before.to_vec()).unwrap_or_default()
}

/// The flags that say where to ask, as far as they are typed.
pub fn globals(arguments: impl Iterator<Item = String>) -> Globals {
    let mut globals = Globals::default();
    // The shim puts the line behind `--`.
    let mut words = arguments.skip_while(|word| word != "--").skip(1).peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (flag.to_owned(), words.peek().cloned()),
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        match name.as_str() {
            "context" => globals.context = Some(value),
            "server" => globals.server.push(value),
            "network" => globals.network = value.parse().ok(),
            "tenant" => globals.tenant = value.parse().ok(),
            "ca-file" => globals.ca_file = Some(PathBuf::from(value)),
            "token-file" if value != "-" => globals.token_file = Some(PathBuf::from(value)),
            _ => {}
        }
    }
    globals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_before_the_word_are_seen() {
        let line = ["/bin/patronusctl", "--", "patronusctl", "--context", "lab", "--network=eu", "site", "get", ""];
        let globals = globals(line.into_iter().map(str::to_owned));
        assert_eq!(globals.context.as_deref(), Some("lab"));
        assert_eq!(globals.network.map(|it| it.to_string()).as_deref(), Some("eu"));
    }
}
