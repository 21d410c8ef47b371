//! Protocols, ports and classes, by number or by name.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::Invalid;
use crate::schema::string_type;
use crate::words::none_of;

/// A protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);

    /// Whether its header begins with two ports.
    pub fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }
}

/// Names of the IANA's list of protocol numbers.
const PROTOCOLS: [(&str, u8); 10] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmpv6", 58),
    ("sctp", 132),
    ("dccp", 33),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipip", 4),
];

/// Code points of RFC 2474, 2597, 3246, 5865 and 8622.
const CLASSES: [(&str, u8); 23] = [
    ("cs0", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("ef", 46),
    ("va", 44),
    ("le", 1),
];

/// The class of a packet (differentiated services code point), 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dscp(u8);

impl Dscp {
    /// None above 63.
    pub fn new(number: u8) -> Option<Self> {
        (number < 64).then_some(Self(number))
    }

    /// Its number.
    pub fn get(self) -> u8 {
        self.0
    }
}

fn named(table: &[(&'static str, u8)], number: u8) -> Option<&'static str> {
    table.iter().find(|(_, it)| *it == number).map(|(name, _)| *name)
}

fn numbered(table: &[(&'static str, u8)], text: &str) -> Option<u8> {
    table
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, number)| *number)
        .or_else(|| text.parse().ok())
}

fn written(f: &mut fmt::Formatter<'_>, table: &[(&'static str, u8)], number: u8) -> fmt::Result {
    match named(table, number) {
        Some(name) => f.write_str(name),
        None => write!(f, "{number}"),
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(f, &PROTOCOLS, self.0)
    }
}

impl FromStr for Protocol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let names: Vec<&str> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
        numbered(&PROTOCOLS, text).map(Self).ok_or_else(|| Invalid(none_of(text, "protocol", &names)))
    }
}

impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(f, &CLASSES, self.0)
    }
}

impl FromStr for Dscp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let names: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
        let known = numbered(&CLASSES, text);
        if known.is_some_and(|number| number > 63) {
            return Err(Invalid::new(format_args!("`{text}` is no class: use a number from 0 to 63")));
        }
        known.map(Self).ok_or_else(|| Invalid(none_of(text, "class", &names)))
    }
}

/// From one port to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// The last, not below the first.
    pub last: u16,
}

impl Ports {
    /// One port.
    pub fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether a port is among them.
    pub fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for Ports {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let ports = port(first).zip(port(last)).filter(|(first, last)| first <= last);
        let shown = text.escape_debug();
        ports
            .map(|(first, last)| Self { first, last })
            .ok_or_else(|| Invalid::new(format_args!("`{shown}` are no ports: use 0 to 65535 as 443 or 8000-8100")))
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.first == self.last {
            true => serializer.serialize_u16(self.first),
            false => serializer.collect_str(self),
        }
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Dscp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! text_or_number {
    ($($type:ident: $schema:tt)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextOrNumber(PhantomData))
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )*};
}

text_or_number! {
    Protocol: {"type": ["string", "integer"], "examples": ["tcp", 89]}
    Dscp: {"type": ["string", "integer"], "examples": ["ef", 46]}
    Ports: {"type": ["string", "integer"], "examples": [443, "8000-8100"]}
}

/// What a number would be as text is what it means.
struct TextOrNumber<T>(PhantomData<T>);

impl<T: FromStr<Err = Invalid>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or text")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        value.to_string().parse().map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        value.parse().map_err(E::custom)
    }
}

/// Reads a list, or what could be its only entry.
pub(super) fn one_or_many<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(OneOrMany(PhantomData))
}

struct OneOrMany<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<T>, E> {
        Ok(vec![T::deserialize(value.into_deserializer())?])
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<T>, E> {
        Ok(vec![T::deserialize(value.into_deserializer())?])
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<T>, E> {
        Ok(vec![T::deserialize(value.into_deserializer())?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list))
    }
}

/// A protocol, with ports where it has some: `tcp/443`, `udp/10000-20000`, `esp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// The protocol.
    pub protocol: Protocol,
    /// The destination ports; all where there is none.
    pub ports: Option<Ports>,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ports {
            Some(ports) => write!(f, "{}/{ports}", self.protocol),
            None => self.protocol.fmt(f),
        }
    }
}

impl FromStr for Service {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((protocol, ports)) = text.split_once('/') else {
            return Ok(Self { protocol: text.parse()?, ports: None });
        };
        let this = Self { protocol: protocol.parse()?, ports: Some(ports.parse()?) };
        if !this.protocol.has_ports() {
            return Err(Invalid::new(format_args!("`{text}`: {} has no ports", this.protocol)));
        }
        Ok(this)
    }
}

string_type!(Service, "^[a-z0-9]+(/[0-9]+(-[0-9]+)?)?$", "tcp/443");
