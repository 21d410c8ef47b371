//! Text that came from elsewhere, made harmless for a terminal.

use std::borrow::Cow;

/// Whether a character could move the cursor, hide text or turn its direction.
fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text with control, escape and bidirectional characters written out.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for letter in text.chars() {
        if is_dangerous(letter) { shown.extend(letter.escape_default()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_act_on_the_terminal() {
        assert_eq!(escape("plain, ä and 日本"), "plain, ä and 日本");
        assert_eq!(escape("a\x1b[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\\nd");
    }
}
