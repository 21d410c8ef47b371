//! Label selectors: `-l region=eu,tier!=test,backup`.

use std::collections::BTreeMap;
use std::str::FromStr;

/// All of its terms have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Is(String, String),
    IsNot(String, String),
    Has(String),
    HasNot(String),
}

impl Selector {
    /// Whether labels are selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|term| match term {
            Term::Is(key, value) => labels.get(key) == Some(value),
            Term::IsNot(key, value) => labels.get(key) != Some(value),
            Term::Has(key) => labels.contains_key(key),
            Term::HasNot(key) => !labels.contains_key(key),
        })
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(term).collect::<Result<_, _>>().map(Self)
    }
}

fn term(text: &str) -> Result<Term, String> {
    let term = if let Some((key, value)) = text.split_once("!=") {
        Term::IsNot(key.to_owned(), value.to_owned())
    } else if let Some((key, value)) = text.split_once('=') {
        Term::Is(key.to_owned(), value.to_owned())
    } else if let Some(key) = text.strip_prefix('!') {
        Term::HasNot(key.to_owned())
    } else {
        Term::Has(text.to_owned())
    };
    let (Term::Is(key, _) | Term::IsNot(key, _) | Term::Has(key) | Term::HasNot(key)) = &term;
    if key.is_empty() {
        Err("a selector is KEY=VALUE, KEY!=VALUE, KEY or !KEY, with commas between; an empty one selects nothing"
            .to_owned())
    } else {
        Ok(term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_joined_by_and() {
        let labels = BTreeMap::from([("region".to_owned(), "eu".to_owned()), ("backup".to_owned(), String::new())]);
        let matches = |text: &str| text.parse::<Selector>().unwrap().matches(&labels);
        assert!(matches("region=eu") && matches("region=eu,backup,!spare,tier!=x"));
        assert!(!matches("region=eu,spare") && !matches("region!=eu") && !matches("!backup"));
        for bad in ["", "=x", "a,,b", "!"] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }
}
