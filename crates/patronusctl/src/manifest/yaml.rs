//! YAML and JSON, read strictly: no duplicate keys, no aliases, no words that turn into booleans; each fault has its place.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use crate::error::Fault;
use patronus_types::words::nearest;

/// A fault at a place, both counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlFault {
    /// The line.
    pub line: usize,
    /// The column; 0 where only the line is known.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl YamlFault {
    /// A fault at the first column of a line.
    pub fn at_line(line: usize, what: impl Display) -> Self {
        Self { line, column: 0, what: what.to_string() }
    }

    /// The same fault of a document that begins further down.
    pub fn shifted(self, lines: usize) -> Self {
        Self { line: self.line + lines, ..self }
    }

    /// The fault as it is shown: with the file, and the line it is in.
    pub fn placed(&self, file: &str, text: &str) -> Fault {
        let place = match self.column {
            0 => format!("{file}:{}", self.line),
            column => format!("{file}:{}:{column}", self.line),
        };
        Fault { place, what: self.what.clone(), excerpt: excerpt(text, self.line, self.column) }
    }
}

fn excerpt(text: &str, line: usize, column: usize) -> Option<String> {
    let shown = text.lines().nth(line.checked_sub(1)?)?;
    // A very long line would bury the message.
    if shown.trim().is_empty() || shown.len() > 160 {
        return None;
    }
    match column {
        0 => Some(shown.to_owned()),
        column => Some(format!("{shown}\n{}^", " ".repeat(column - 1))),
    }
}

/// What a field of a kind of document holds, in words that follow `is`.
pub type Expected = fn(&str) -> Option<&'static str>;

/// Reads one document.
///
/// # Errors
/// The first fault.
pub fn parse<T: DeserializeOwned>(text: &str, expected: Expected) -> Result<T, YamlFault> {
    let options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_yaml::budget! { max_nodes: 200_000, max_anchors: 0, max_depth: 32 },
    };
    serde_yaml::from_str_with_options(text, options).map_err(|error| fault(&error, text, expected))
}

fn fault(error: &serde_yaml::Error, text: &str, expected: Expected) -> YamlFault {
    let location = error.location();
    let number = |pick: fn(&serde_yaml::Location) -> u64| {
        location.as_ref().map_or(0, |it| usize::try_from(pick(it)).unwrap_or(0))
    };
    let (line, column) = (number(serde_yaml::Location::line).max(1), number(serde_yaml::Location::column));
    let field = || field_at(text, line, column).and_then(|field| Some((field, expected(field)?)));
    YamlFault { line, column, what: words(error, field) }
}

/// The message alone, without the place and the advice to programmers that the library adds. `field` is what stands at
/// the place, and what belongs there.
fn words<'a>(error: &serde_yaml::Error, field: impl Fn() -> Option<(&'a str, &'static str)>) -> String {
    use serde_yaml::Error::{DuplicateMappingKey, SerdeMissingField, SerdeUnknownField, SerdeUnknownVariant};
    match error.without_snippet() {
        SerdeUnknownField { field, expected, .. } => unknown_field(field, expected),
        SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is none of: {}", expected.join(", "))
        }
        DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` is written twice"),
        other => {
            let text = other.to_string();
            let end = text.rfind(" at line ").unwrap_or(text.len());
            let text = text[..end].trim_start_matches("error: ").trim();
            match field().filter(|_| is_of_a_value(text)) {
                Some((field, expected)) => format!("`{field}` is {expected}"),
                None => plain(text),
            }
        }
    }
}

/// Whether the library speaks of a value in the words of its types.
fn is_of_a_value(text: &str) -> bool {
    text.starts_with("invalid ") && !text.starts_with("invalid indentation")
        || text.starts_with("cannot deserialize null")
}

/// The field whose value stands at a place, both counted from 1: the last one that begins before it.
fn field_at(text: &str, line: usize, column: usize) -> Option<&str> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let here = if column == 0 { usize::MAX } else { column };
    lines.iter().rev().enumerate().find_map(|(up, shown)| last_key(shown, if up == 0 { here } else { usize::MAX }))
}

fn last_key(line: &str, before: usize) -> Option<&str> {
    let mut keys = line.match_indices(':').filter_map(|(colon, _)| {
        let ends = line[colon + 1..].chars().next().is_none_or(char::is_whitespace);
        let quoted = line[..colon].trim_end_matches(['"', '\'']);
        let key = quoted.rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next()?;
        (ends && !key.is_empty() && quoted.len() - key.len() < before).then_some(key)
    });
    keys.next_back()
}

/// What the library says of a document's shape and of its bounds, in words for whoever wrote the document.
fn plain(text: &str) -> String {
    let said = match text {
        "expected mapping start" => "fields belong here, written as `name: value`",
        "expected sequence start" => "a list belongs here, written as `[a, b]` or as lines that begin with `- `",
        "expected string scalar" => "a text belongs here",
        _ if text.starts_with("budget breached: Anchors") || text.starts_with("budget breached: Aliases") => {
            "anchors and aliases (`&` and `*`) are not taken: write the value out"
        }
        "invalid boolean (strict mode expects true/false)" => "true or false belongs here",
        "while scanning a plain scalar, found a tab" => "there is a tab: indent with spaces",
        "mapping values are not allowed in this context" => {
            "there is a second `: ` on the line: put the value in quotes, or begin a new line"
        }
        _ if text.starts_with("cannot deserialize null") => "a value is missing: write one, or leave the field out",
        _ if is_number(text) => "a whole number belongs here",
        "recursion limit exceeded" => "nothing is nested this deeply",
        _ if text.starts_with("budget breached: Depth") => "nothing is nested this deeply",
        _ if text.starts_with("budget breached: ") => "the document is too large: write several",
        other => other,
    };
    said.to_owned()
}

/// Whether the library misses a number, which it names by its size in bits.
fn is_number(text: &str) -> bool {
    let kind = text.strip_prefix("invalid ").and_then(|kind| kind.strip_prefix(['u', 'i']));
    kind.is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Names the nearest field, not all of them.
fn unknown_field(written: &str, known: &[&'static str]) -> String {
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("unknown field `{written}`: did you mean `{near}`?"),
        None => format!("unknown field `{written}`: the fields are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use patronus_types::site::SiteInput;

    use super::*;

    fn place(text: &str) -> (usize, usize, String) {
        let fault = parse::<SiteInput>(text, |_| None).unwrap_err();
        (fault.line, fault.column, fault.what)
    }

    #[test]
    fn every_fault_has_its_place() {
        let (line, column, what) = place("name: ams\nlocaton: Amsterdam\n");
        assert_eq!((line, column), (2, 1));
        assert_eq!(what, "unknown field `locaton`: did you mean `location`?");
        let (line, column, what) = place("name: ams\nname: fra\n");
        assert_eq!((line, column), (2, 1), "{what}");
        assert_eq!(what, "`name` is written twice");
        let (line, _, what) = place("name: ams\nuplinks:\n  - name: fibre\n    cots: 3\n");
        assert_eq!(line, 4, "{what}");
        let (line, column, what) = place("name: AMS\n");
        assert_eq!((line, column), (1, 7), "{what}");
        let (line, _, what) = place("name: ams\nhub: yes\n");
        assert_eq!(line, 2, "{what}");
        let (line, _, what) = place("name: ams\n]\n");
        assert_eq!(line, 2, "{what}");
    }

    #[test]
    fn shapes_and_bounds_are_said_in_words() {
        for (text, said) in [
            ("hello\n", "fields belong here"),
            ("- name: ams\n", "fields belong here"),
            ("name: [ams]\n", "a text belongs here"),
            ("name: ams\nuplinks: 3\n", "a list belongs here"),
            ("name: &it ams\n", "anchors and aliases"),
            ("name: ams\nregion: *it\n", "lias"),
            (&format!("name: ams\nuplinks: {}", "[".repeat(1000)), "nested this deeply"),
        ] {
            let (line, column, what) = place(text);
            assert!(what.contains(said), "{text:.40}: {line}:{column}: {what}");
        }
    }
}
