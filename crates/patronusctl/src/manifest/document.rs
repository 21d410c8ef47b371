//! One document: its `kind` is read first, then the object's own fields, so that each fault keeps its place. (A tagged
//! enum would lose it: serde copies the fields before it reads them.)

use std::fmt;
use std::marker::PhantomData;

use patronus_types::manifest::Manifest;
use patronus_types::network::NetworkSpec;
use patronus_types::policy::PolicyInput;
use patronus_types::site::SiteInput;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::yaml::{YamlFault, parse};
use patronus_types::words::nearest;

const KINDS: &[&str] = &["network", "site", "policy"];

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Reads one document; `None` where it is empty.
pub fn read(text: &str) -> Result<Option<Manifest>, YamlFault> {
    let empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(empty) {
        return Ok(None);
    }
    let first = text.lines().position(|line| !empty(line)).unwrap_or_default() + 1;
    let Kind { kind } = parse(text, |_| None)?;
    match kind.as_deref() {
        Some("network") => parse::<WithoutKind<NetworkSpec>>(text, of_network).map(|it| Some(Manifest::Network(it.0))),
        Some("site") => parse::<WithoutKind<SiteInput>>(text, of_site).map(|it| Some(Manifest::Site(Box::new(it.0)))),
        Some("policy") => {
            parse::<WithoutKind<PolicyInput>>(text, |_| None).map(|it| Some(Manifest::Policy(Box::new(it.0))))
        }
        Some(other) => Err(YamlFault::at_line(kind_line(text).unwrap_or(first), unknown(other))),
        None => {
            Err(YamlFault::at_line(first, "`kind` is missing: write `kind: network`, `kind: site` or `kind: policy`"))
        }
    }
}

/// What the fields of a network hold.
fn of_network(field: &str) -> Option<&'static str> {
    Some(match field {
        "range" => "an IPv4 range, such as 10.210.0.0/16",
        "range6" => "an IPv6 range, such as fd00:210::/64",
        "mtu" => "a number of bytes, 1280 to 8920",
        "poll_interval_s" => "a number of seconds, 1 to 3600",
        _ => return None,
    })
}

/// What the fields of a site and of its uplinks hold.
fn of_site(field: &str) -> Option<&'static str> {
    Some(match field {
        "location" => "a text, such as Amsterdam; leave it out for none",
        "hub" | "metered" | "drained" => "true or false",
        "prefixes" => "a list of address ranges, such as [192.168.1.0/24]",
        "gateway" => "an IPv4 address, such as 192.0.2.1",
        "gateway6" => "an IPv6 address, such as 2001:db8::1",
        "cost" => "a number, 0 to 1000000",
        "mtu" => "a number of bytes, 1360 to 9000",
        _ => return None,
    })
}

fn unknown(kind: &str) -> String {
    match nearest(kind, KINDS.iter().copied()) {
        Some(near) => format!("unknown kind `{kind}`: did you mean `{near}`?"),
        None => format!("unknown kind `{kind}`: the kinds are {}", KINDS.join(", ")),
    }
}

fn kind_line(text: &str) -> Option<usize> {
    let begins = |line: &str| line.trim_start_matches(['{', ' ', '"', '\'']).starts_with("kind");
    text.lines().position(begins).map(|index| index + 1)
}

/// An object whose map has a `kind` beside its own fields.
struct WithoutKind<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for WithoutKind<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `kind:` and its fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(Skipping(map)))
            }
        }
        deserializer.deserialize_map(Fields(PhantomData)).map(WithoutKind)
    }
}

/// A map without its `kind`.
struct Skipping<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Skipping<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.0.next_key_seed(Peek(&mut seed))? {
                None => return Ok(None),
                Some(Some(key)) => return Ok(Some(key)),
                Some(None) => drop(self.0.next_value::<IgnoredAny>()?),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

/// Hands a key on while the library still knows where it stands, unless it is `kind`.
struct Peek<'a, K>(&'a mut Option<K>);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Peek<'_, K> {
    type Value = Option<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Peek<'_, K> {
    type Value = Option<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == "kind" {
            return Ok(None);
        }
        match self.0.take() {
            Some(seed) => seed.deserialize(serde::de::value::StrDeserializer::new(key)).map(Some),
            None => Err(E::custom("a key was read twice")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_told_what_belongs_there() {
        let network = |field: &str| format!("kind: network\nname: lab\n{field}\n");
        let site = |field: &str| format!("kind: site\nname: ams\n{field}\n");
        for (text, said) in [
            (network("mtu: x"), "use 1280 to 8920 bytes, not the text `x`"),
            (network("mtu: 70000"), "use 1280 to 8920 bytes, not 70000"),
            (
                network("range: 10.0.0.0"),
                "`10.0.0.0` is one address and not a range: add the length, as in 10.210.0.0/16",
            ),
            (network("range6: 10.0.0.0/8"), "`10.0.0.0/8` is not an IPv6 range: use one as fd00:1::/64"),
            (network("poll_interval_s: 5s"), "use 1 to 3600 seconds, not the text `5s`"),
            (network("topology: ring"), "`ring` is no topology: use `mesh` or `hub-spoke`"),
            (network("driver: gre"), "`gre` is no driver: use `wireguard`"),
            ("kind: network\n".to_owned(), "`name` is missing"),
            (site("hub: yes"), "`hub` is true or false"),
            (site("hub:"), "`hub` is true or false"),
            (site("location:"), "`location` is a text, such as Amsterdam; leave it out for none"),
            (site("prefixes: [fd00::/64, x]"), "`x` is not an address range: use one as 192.168.1.0/24 or fd00:1::/64"),
            (site("prefixes:\n  - x"), "`x` is not an address range: use one as 192.168.1.0/24 or fd00:1::/64"),
            (site("uplinks: [{name: a, gateway: zz}]"), "`zz` is not an IPv4 address: use one as 192.0.2.1"),
            (site("uplinks:\n- name: a\n  mtu: 99999"), "use 1360 to 9000 bytes, not 99999"),
            (site("uplinks: [{name: a, cost: much, mtu: 1500}]"), "use 0 to 1000000, not the text `much`"),
            ("{\"kind\": \"site\", \"name\": \"ams\", \"hub\": 7}".to_owned(), "`hub` is true or false"),
            (
                site("location: a: b"),
                "there is a second `: ` on the line: put the value in quotes, or begin a new line",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err().what, said, "{text}");
        }
    }
}
