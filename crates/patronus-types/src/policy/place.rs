//! Where packets come from or go to, and by which uplinks.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;

use crate::schema::string_type;
use crate::{Invalid, Name};

/// A source or a destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The addresses of a range.
    Range(IpNet),
    /// A site's overlay addresses and what is behind it.
    Site(Name),
    /// The same of all sites with these labels.
    Sites(Selector),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Site(name) => write!(f, "site:{name}"),
            Self::Sites(selector) => selector.fmt(f),
        }
    }
}

impl FromStr for Place {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(range) = text.parse::<IpNet>() {
            return canonical(range, text).map(Self::Range);
        }
        if text.contains('=') {
            return text.parse().map(Self::Sites);
        }
        let site = text.strip_prefix("site:").and_then(|name| name.parse().ok()).map(Self::Site);
        let shown = text.escape_debug();
        site.ok_or_else(|| {
            Invalid::new(format_args!(
                "`{shown}` is no place: use a range as 10.1.0.0/16, `site:NAME`, or labels as `key=value`"
            ))
        })
    }
}

fn canonical(range: IpNet, text: &str) -> Result<IpNet, Invalid> {
    if range.trunc() == range {
        return Ok(range);
    }
    Err(Invalid::new(format_args!("bits are set behind the prefix of `{text}`: did you mean {}?", range.trunc())))
}

string_type!(Place, "^\\S+$", "site:amsterdam");

/// Labels that all must hold: `key=value` and `key!=value`, joined by commas.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Vec<Requirement>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    key: String,
    value: String,
    wanted: bool,
}

impl Selector {
    /// Whether all of it holds for these labels. A label that is not there differs from every value.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|it| (labels.get(&it.key) == Some(&it.value)) == it.wanted)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, value, wanted }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let sign = if *wanted { "=" } else { "!=" };
            write!(f, "{comma}{key}{sign}{value}")?;
        }
        Ok(())
    }
}

impl FromStr for Selector {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let requirements: Option<Vec<Requirement>> = text.split(',').map(requirement).collect();
        let shown = text.escape_debug();
        requirements.map(Self).ok_or_else(|| {
            Invalid::new(format_args!(
                "`{shown}` is no selector: use labels as `key=value` or `key!=value`, joined by commas"
            ))
        })
    }
}

fn requirement(text: &str) -> Option<Requirement> {
    let (key, value) = text.split_once('=')?;
    let (key, wanted) = key.strip_suffix('!').map_or((key, true), |key| (key, false));
    let plain =
        |word: &str| !word.is_empty() && !word.contains(|letter: char| letter.is_whitespace() || "=!".contains(letter));
    (plain(key) && plain(value)).then(|| Requirement { key: key.to_owned(), value: value.to_owned(), wanted })
}

string_type!(Selector, "^[^=,\\s]+!?=[^=,\\s]+(,[^=,\\s]+!?=[^=,\\s]+)*$", "role=branch");

/// Some of a site's uplinks: one by its name, or those with labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UplinkRef {
    /// One uplink.
    Name(Name),
    /// All with these labels.
    Labels(Selector),
}

impl UplinkRef {
    /// Whether an uplink with this name and these labels is meant.
    pub fn matches(&self, name: &Name, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Labels(selector) => selector.matches(labels),
        }
    }
}

impl fmt::Display for UplinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Labels(selector) => selector.fmt(f),
        }
    }
}

impl FromStr for UplinkRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains('=') { text.parse().map(Self::Labels) } else { text.parse().map(Self::Name) }
    }
}

string_type!(UplinkRef, "^\\S+$", "fiber");
