//! What a release may do to a site that is refused unless its publisher says that it is meant.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::Invalid;
use crate::schema::word_type;

/// What can go wrong for good, or nearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Risk {
    /// A site's way to the server goes away, or into a tunnel that it did not go by before.
    LosesServer,
    /// A site loses more of its peers than the network allows at once.
    RemovesPeers,
    /// A site's neighbours are told keys that its agent does not have.
    OtherKeys,
}

word_type!(Risk, "risk", { LosesServer: "loses-server", RemovesPeers: "removes-peers", OtherKeys: "other-keys" });

impl Risk {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LosesServer, Self::RemovesPeers, Self::OtherKeys];

    /// Its code, as operators write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::LosesServer => "loses-server",
            Self::RemovesPeers => "removes-peers",
            Self::OtherKeys => "other-keys",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Risk {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let codes = Self::ALL.map(Self::code);
        let known = Self::ALL.into_iter().find(|risk| risk.code() == text);
        known.ok_or_else(|| Invalid::new(crate::words::none_of(text, "risk", &codes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_risk_is_its_code_everywhere() {
        for risk in Risk::ALL {
            assert_eq!(risk.code().parse(), Ok(risk));
            assert_eq!(serde_json::to_value(risk).unwrap(), risk.code());
            assert_eq!(serde_json::from_value::<Risk>(risk.code().into()).unwrap(), risk);
        }
        let refused = "remove-peers".parse::<Risk>().unwrap_err().to_string();
        assert_eq!(refused, "`remove-peers` is no risk: did you mean `removes-peers`?");
    }
}
