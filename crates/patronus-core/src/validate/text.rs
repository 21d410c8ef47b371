//! Free texts and labels: bounded, and without anything that could disturb a terminal.

use std::collections::BTreeMap;

use super::Faults;

const MAX_LABELS: usize = 64;
const MAX_LABEL_KEY: usize = 63;
const MAX_TEXT: usize = 255;

/// A line of free text.
pub(super) fn line(faults: &mut Faults, pointer: &str, text: &str) {
    faults.check(text.len() <= MAX_TEXT, pointer, format!("use at most {MAX_TEXT} bytes, not {}", text.len()));
    faults.check(!text.chars().any(char::is_control), pointer, "control characters are not allowed");
}

/// Labels: a key is a word, a value a short line.
pub(super) fn labels(faults: &mut Faults, pointer: &str, labels: &BTreeMap<String, String>) {
    faults.check(labels.len() <= MAX_LABELS, pointer, format!("use at most {MAX_LABELS} labels, not {}", labels.len()));
    for (key, value) in labels {
        let pointer = format!("{pointer}/{}", escape(key));
        faults.check(
            is_key(key),
            &pointer,
            format!("a label's key is 1 to {MAX_LABEL_KEY} of A-Z, a-z, 0-9, `.`, `_`, `-`, `/`, beginning with a letter or digit"),
        );
        line(faults, &pointer, value);
    }
}

fn is_key(key: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    key.len() <= MAX_LABEL_KEY
        && key.bytes().all(inner)
        && key.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// A member's name as a part of a JSON pointer (RFC 6901).
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, value: &str) -> Vec<String> {
        let mut faults = Faults::default();
        labels(&mut faults, "/labels", &BTreeMap::from([(key.to_owned(), value.to_owned())]));
        faults.into_vec().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn labels_are_short_words() {
        assert!(of("example.net/role", "edge router").is_empty());
        assert_eq!(of("a/~b", "x"), ["/labels/a~1~0b"]);
        assert_eq!(of("", "x"), ["/labels/"]);
        assert_eq!(of("a", "x\u{1b}[2J"), ["/labels/a"]);
        assert_eq!(of("a", &"x".repeat(256)), ["/labels/a"]);
    }
}
