//! Words for people: what of a value does not hold, what may stand there, and what was probably meant.
//!
//! The parsers below say what a machine expected (`u32`, `unknown variant`); whoever wrote the value never heard of that.

/// The word that is nearest to what was written, if one is near: few letters differ, or they begin alike.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |word: &str| {
        let letters = written.chars().count().max(word.chars().count());
        let differ = strsim::damerau_levenshtein(written, word);
        differ <= 1.max(letters / 4) && differ < letters || strsim::jaro_winkler(written, word) > 0.85
    };
    let near = words.into_iter().filter(|word| near(word));
    near.min_by_key(|word| strsim::damerau_levenshtein(written, word))
}

/// That a word is none of those that may stand there: the one that was probably meant, else all of them.
pub fn none_of(written: &str, what: &str, words: &[&str]) -> String {
    let shown = written.escape_debug();
    match nearest(written, words.iter().copied()) {
        Some(near) => format!("`{shown}` is no {what}: did you mean `{near}`?"),
        None => format!("`{shown}` is no {what}: use {}", listed(words)),
    }
}

/// `a`, `b` or `c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("`{}` or `{last}`", first.join("`, `")),
    }
}

/// What serde says of a value, in an operator's words. Words of our own pass through.
pub fn of_serde(message: &str) -> String {
    let text = message.split(" at line ").next().unwrap_or(message);
    choice(text).or_else(|| presence(text)).or_else(|| shape(text)).unwrap_or_else(|| text.to_owned())
}

/// The field that serde says is missing.
pub fn missing_field(message: &str) -> Option<&str> {
    quoted(message.strip_prefix("missing field ")?)
}

fn choice(text: &str) -> Option<String> {
    let kinds = [("unknown field ", "field here"), ("unknown variant ", "word for this")];
    let (rest, what) = kinds.iter().find_map(|(begin, what)| Some((text.strip_prefix(begin)?, what)))?;
    let written = quoted(rest)?;
    let known = rest.split_once(", expected ").map(|(_, known)| known).unwrap_or_default();
    let words: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    Some(none_of(written, what, &words))
}

fn presence(text: &str) -> Option<String> {
    if let Some(field) = missing_field(text) {
        return Some(format!("`{field}` is missing"));
    }
    Some(format!("`{}` is given twice", quoted(text.strip_prefix("duplicate field ")?)?))
}

fn shape(text: &str) -> Option<String> {
    let plain = match text {
        "invalid digit found in string" | "cannot parse integer from empty string" => "use a whole number",
        "number too large to fit in target type" => "the number is too large",
        "provided string was not `true` or `false`" => "use `true` or `false`",
        _ => {
            let rest = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "))?;
            let (found, wanted) = rest.rsplit_once(", expected ")?;
            return Some(format!("use {}, not {}", expected(wanted), unexpected(found)));
        }
    };
    Some(plain.to_owned())
}

fn expected(wanted: &str) -> &str {
    match wanted {
        "a boolean" => "`true` or `false`",
        "a string" | "string" | "a borrowed string" | "str" => "text (a number stands in quotes)",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        _ if wanted.starts_with("struct ") || wanted.starts_with("a map") => "an object with fields",
        _ if wanted.contains(" enum ") || wanted.starts_with("enum ") => "one of the words for this",
        _ => wanted,
    }
}

fn unexpected(found: &str) -> String {
    let value = quoted(found).unwrap_or(found);
    match found.split('`').next().unwrap_or_default().trim_end() {
        "integer" | "floating point" => format!("the number {value}"),
        "boolean" => format!("`{value}`"),
        "null" | "unit value" | "Option value" => "nothing".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        _ => match found.strip_prefix("string ") {
            Some(text) => format!("the text {text}"),
            None => found.to_owned(),
        },
    }
}

/// What stands between the first two backquotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::api::tokens::TokenCreate;
    use crate::site::SiteInput;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("amss", ["fra", "ams", "lon"]), Some("ams"));
        assert_eq!(nearest("lba", ["lab", "prod"]), Some("lab"));
        assert_eq!(nearest("zzz", ["fra", "ams"]), None);
        assert_eq!(nearest("a", []), None);
    }

    fn told<T: DeserializeOwned>(text: &str) -> String {
        of_serde(&serde_json::from_str::<T>(text).err().unwrap().to_string())
    }

    #[test]
    fn no_word_of_a_parser_is_left() {
        for (text, said) in [
            (r#"{"name": "a", "locaton": "x"}"#, "`locaton` is no field here: did you mean `location`?"),
            (r#"{}"#, "`name` is missing"),
            (r#"{"name": "a", "name": "b"}"#, "`name` is given twice"),
            (r#"{"name": 7}"#, "use text (a number stands in quotes), not the number 7"),
            (r#"{"name": "a", "hub": "yes"}"#, "use `true` or `false`, not the text \"yes\""),
            (r#"{"name": "a", "uplinks": {}}"#, "use a list, not an object"),
            (r#"{"name": "a", "uplinks": [1]}"#, "use an object with fields, not the number 1"),
            (r#"{"name": "a", "labels": []}"#, "use an object with fields, not a list"),
            (r#"{"name": null}"#, "use text (a number stands in quotes), not nothing"),
        ] {
            assert_eq!(told::<SiteInput>(text), said, "{text}");
        }
        assert!(told::<SiteInput>(r#"{"name": "a", "zzz": 1}"#).starts_with("`zzz` is no field here: use `network`, "));
        assert_eq!(told::<TokenCreate>(r#"{"kind": "enroll"}"#), "`enroll` is no word for this: did you mean `enrol`?");
        assert_eq!(
            told::<TokenCreate>(r#"{"kind": "enrol", "expires_in_s": "1h"}"#),
            "use a whole number from 0 on, not the text \"1h\""
        );
        assert_eq!(of_serde("`x` is not a name: use …"), "`x` is not a name: use …");
    }
}
