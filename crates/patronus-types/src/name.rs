//! Names that people give, and references that are a name or an id.

use std::fmt;
use std::str::FromStr;

use crate::schema::string_type;
use crate::{AnyId, Invalid};

/// A name: `[a-z0-9][a-z0-9-]{0,62}`. It holds no `_`, so it never looks like an id, and no `/` or `:`, so it is safe in references and completions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = text.bytes().next().is_some_and(letter);
        if first && text.len() <= 63 && text.bytes().all(|byte| letter(byte) || byte == b'-') {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(format_args!(
            "`{}` is not a name: use 1 to 63 of a-z, 0-9 and `-`, beginning with a letter or digit",
            text.escape_debug()
        )))
    }
}

string_type!(Name, "^[a-z0-9][a-z0-9-]{0,62}$", "amsterdam");

/// A reference in a path or a manifest: an id or a name. Which kind of object it means is known from where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ref {
    /// `<kind>_` and 26 characters.
    Id(AnyId),
    /// A name, resolved inside a tenant and network.
    Name(Name),
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl FromStr for Ref {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains('_') { text.parse().map(Self::Id) } else { text.parse().map(Self::Name) }
    }
}

string_type!(Ref, "^([a-z]+_[0-9a-z]{26}|[a-z0-9][a-z0-9-]{0,62})$", "amsterdam");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "0", "ams-1", &"x".repeat(63)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a/b", "a:b", "a b", "ä", &"x".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_is_an_id_or_a_name() {
        assert!(matches!("ams-1".parse(), Ok(Ref::Name(_))));
        assert!(matches!(crate::SiteId::new(1, &[0; 10]).to_string().parse(), Ok(Ref::Id(_))));
        assert!("site_short".parse::<Ref>().is_err());
    }
}
