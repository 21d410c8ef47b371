//! Addresses and ranges, whose types are not ours: they travel as text, and a text that is none is told what would be one.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::de::{Deserialize, Deserializer, Error};

/// What a type is called, and how one looks.
pub(crate) trait Foreign: FromStr {
    const WHAT: &str;
    const EXAMPLE: &str;
}

impl Foreign for IpNet {
    const WHAT: &str = "an address range";
    const EXAMPLE: &str = "192.168.1.0/24 or fd00:1::/64";
}

impl Foreign for Ipv4Net {
    const WHAT: &str = "an IPv4 range";
    const EXAMPLE: &str = "10.210.0.0/16";
}

impl Foreign for Ipv6Net {
    const WHAT: &str = "an IPv6 range";
    const EXAMPLE: &str = "fd00:1::/64";
}

impl Foreign for Ipv4Addr {
    const WHAT: &str = "an IPv4 address";
    const EXAMPLE: &str = "192.0.2.1";
}

impl Foreign for Ipv6Addr {
    const WHAT: &str = "an IPv6 address";
    const EXAMPLE: &str = "2001:db8::1";
}

struct Written<T>(T);

impl<'de, T: Foreign> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom(refusal::<T>(&text)))
    }
}

fn refusal<T: Foreign>(text: &str) -> String {
    if T::EXAMPLE.contains('/') && text.parse::<IpAddr>().is_ok() {
        return format!("`{text}` is one address and not a range: add the length, as in {}", T::EXAMPLE);
    }
    format!("`{}` is not {}: use one as {}", text.escape_debug(), T::WHAT, T::EXAMPLE)
}

/// One that must be there.
pub(crate) fn one<'de, T: Foreign, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Written::deserialize(deserializer).map(|written| written.0)
}

/// One that may be there.
pub(crate) fn maybe<'de, T: Foreign, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Written(value)| value))
}

/// Any number of them.
pub(crate) fn list<'de, T: Foreign, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::deserialize(deserializer)?.into_iter().map(|Written(value)| value).collect())
}

/// Stand-ins in derived schemas.
#[cfg(feature = "schema")]
pub(crate) mod schema {
    /// An address range in CIDR notation.
    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "Cidr", extend("examples" = ["192.168.1.0/24", "fd00:1::/64"]))]
    pub struct Cidr(#[allow(dead_code, reason = "only its schema is used")] String);

    /// An IP address.
    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "Address", extend("examples" = ["192.0.2.1", "2001:db8::1"]))]
    pub struct Address(#[allow(dead_code, reason = "only its schema is used")] String);
}

#[cfg(test)]
mod tests {
    use crate::network::NetworkSpec;
    use crate::site::SiteInput;

    fn site(field: &str) -> String {
        let text = format!(r#"{{"name": "a", {field}}}"#);
        serde_json::from_str::<SiteInput>(&text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_none_is_told_what_would_be_one() {
        assert!(
            site(r#""prefixes": ["10.0.0.0/8", "lan"]"#)
                .starts_with("`lan` is not an address range: use one as 192.168.1.0/24 or fd00:1::/64")
        );
        assert!(site(r#""prefixes": ["192.168.1.0"]"#).contains("`192.168.1.0` is one address and not a range"));
        assert!(
            site(r#""uplinks": [{"name": "a", "gateway": "fe80::1"}]"#).contains("is not an IPv4 address: use one as")
        );
        let range6 = r#"{"name": "a", "range6": "10.0.0.0/8"}"#;
        let refused = serde_json::from_str::<NetworkSpec>(range6).unwrap_err().to_string();
        assert!(refused.contains("`10.0.0.0/8` is not an IPv6 range: use one as fd00:1::/64"), "{refused}");
        assert!(serde_json::from_str::<NetworkSpec>(r#"{"name": "a", "range6": null}"#).is_ok());
    }
}
