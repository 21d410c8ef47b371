//! Label selectors: `-l region=eu,tier!=test,backup`. A site's region and zone are selected like labels.

use std::str::FromStr;

use patronus_types::site::SiteSpec;

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
    /// Whether a site is selected.
    pub fn matches(&self, site: &SiteSpec) -> bool {
        self.0.iter().all(|term| match term {
            Term::Is(key, value) => site.label(key) == Some(value),
            Term::IsNot(key, value) => site.label(key) != Some(value),
            Term::Has(key) => site.label(key).is_some(),
            Term::HasNot(key) => site.label(key).is_none(),
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
        let json = r#"{"name": "ams", "region": "eu", "labels": {"backup": ""}}"#;
        let site: SiteSpec = serde_json::from_str(json).unwrap();
        let matches = |text: &str| text.parse::<Selector>().unwrap().matches(&site);
        assert!(matches("region=eu") && matches("region=eu,backup,!spare,tier!=x"));
        assert!(!matches("region=eu,spare") && !matches("region!=eu") && !matches("!backup"));
        assert!(matches("region,!zone,zone!=west") && !matches("zone"));
        for bad in ["", "=x", "a,,b", "!"] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }
}
