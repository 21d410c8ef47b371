//! Bounds of the numbers that people write: one table for the checks, and for the words where something is no number at
//! all.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// From which number to which, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    least: u32,
    most: u32,
    unit: &'static str,
}

/// The cost of an uplink; bounded so that sums and weights of costs stay small.
pub const COST: Bound = Bound { least: 0, most: 1_000_000, unit: "" };
/// The MTU of an uplink.
pub const UPLINK_MTU: Bound = Bound { least: 1360, most: 9000, unit: " bytes" };
/// The lowest MTU of a tunnel: what IPv6 needs.
pub const MIN_MTU: u16 = 1280;
/// The highest MTU of a tunnel.
pub const MAX_MTU: u16 = 8920;
/// The MTU of a tunnel.
pub const TUNNEL_MTU: Bound = Bound { least: MIN_MTU as u32, most: MAX_MTU as u32, unit: " bytes" };
/// How often agents ask for changes.
pub const POLL_INTERVAL: Bound = Bound { least: 1, most: 3600, unit: " seconds" };
/// How long a change may take to prove itself: at least what a handshake that is repeated once takes.
pub const CONFIRM_TIMEOUT: Bound = Bound { least: 5, most: 600, unit: " seconds" };
/// The age at which a site's keys are replaced.
pub const KEY_AGE: Bound = Bound { least: 1, most: 3650, unit: " days" };
/// How long a probe's answer may take.
pub const PROBE_TIMEOUT: Bound = Bound { least: 100, most: 5000, unit: " milliseconds" };
/// How many of a site's probes must pass.
pub const PROBES_REQUIRED: Bound = Bound { least: 1, most: 16, unit: "" };
/// An HTTP status.
pub const HTTP_STATUS: Bound = Bound { least: 100, most: 599, unit: "" };
/// Milliseconds between two packets on a path.
pub const PATH_INTERVAL: Bound = Bound { least: 20, most: 10_000, unit: " milliseconds" };
/// How long a path must have been good before it is used again.
pub const PATH_HOLD: Bound = Bound { least: 1, most: 3600, unit: " seconds" };
/// By how much a path must be better in latency.
pub const PATH_MARGIN: Bound = Bound { least: 0, most: 10_000, unit: " milliseconds" };
/// What the packets on an uplink's paths may take of it.
pub const PATH_BUDGET: Bound = Bound { least: 1, most: 1_000_000, unit: " kbit/s" };
/// The priority of a policy.
pub const PRIORITY: Bound = Bound { least: 0, most: 1000, unit: "" };
/// A share.
pub const PERCENT: Bound = Bound { least: 0, most: 100, unit: " percent" };

impl Bound {
    /// Whether a number is within.
    pub fn holds(&self, number: impl Into<u32>) -> bool {
        (self.least..=self.most).contains(&number.into())
    }

    /// What to write instead of something.
    pub fn instead_of(&self, given: impl fmt::Display) -> String {
        format!("use {self}, not {given}")
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}{}", self.least, self.most, self.unit)
    }
}

/// Reads a number that has a place in its type; whether it is within its bound is checked later, with all the rest.
struct Number<T>(Bound, PhantomData<T>);

impl<T: TryFrom<u64>> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value).map_err(|_| E::custom(self.0.instead_of(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        let Ok(positive) = u64::try_from(value) else { return Err(E::custom(self.0.instead_of(value))) };
        self.visit_u64(positive)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Err(E::custom(self.0.instead_of(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        Err(E::custom(self.0.instead_of(format_args!("the text `{}`", value.escape_debug()))))
    }
}

macro_rules! numbers {
    ($($name:ident: $type:ty = $bound:ident;)*) => {$(
        pub(crate) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
            deserializer.deserialize_any(Number::<$type>($bound, PhantomData))
        }
    )*};
}

numbers! {
    cost: u32 = COST;
    uplink_mtu: u16 = UPLINK_MTU;
    poll_interval: u16 = POLL_INTERVAL;
    confirm_timeout: u16 = CONFIRM_TIMEOUT;
    percent: u8 = PERCENT;
    path_interval: u16 = PATH_INTERVAL;
    path_hold: u16 = PATH_HOLD;
    path_margin: u16 = PATH_MARGIN;
    path_budget: u32 = PATH_BUDGET;
    priority: u16 = PRIORITY;

    probe_timeout: u16 = PROBE_TIMEOUT;
}

macro_rules! maybe_numbers {
    ($($name:ident: $type:ty = $bound:ident;)*) => {$(
        pub(crate) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$type>, D::Error> {
            struct Bounded($type);
            impl<'de> Deserialize<'de> for Bounded {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(Number::<$type>($bound, PhantomData)).map(Self)
                }
            }
            Ok(Option::<Bounded>::deserialize(deserializer)?.map(|bounded| bounded.0))
        }
    )*};
}

maybe_numbers! {
    tunnel_mtu: u16 = TUNNEL_MTU;
    key_age: u16 = KEY_AGE;
    probes: u8 = PROBES_REQUIRED;
}

#[cfg(test)]
mod tests {
    use crate::network::NetworkSpec;
    use crate::site::Uplink;

    fn refusal<T: serde::de::DeserializeOwned>(field: &str) -> String {
        let text = format!(r#"{{"name": "a", {field}}}"#);
        let error = serde_json::from_str::<T>(&text).err().unwrap().to_string();
        error.split(" at line ").next().unwrap().to_owned()
    }

    #[test]
    fn what_is_no_such_number_is_told_the_bound() {
        for (field, said) in [
            (r#""cost": "much""#, "use 0 to 1000000, not the text `much`"),
            (r#""cost": -1"#, "use 0 to 1000000, not -1"),
            (r#""mtu": 99999"#, "use 1360 to 9000 bytes, not 99999"),
            (r#""mtu": 1500.5"#, "use 1360 to 9000 bytes, not 1500.5"),
        ] {
            assert_eq!(refusal::<Uplink>(field), said);
        }
        assert_eq!(refusal::<NetworkSpec>(r#""mtu": "x""#), "use 1280 to 8920 bytes, not the text `x`");
        assert_eq!(refusal::<NetworkSpec>(r#""poll_interval_s": 70000"#), "use 1 to 3600 seconds, not 70000");
        let whole = r#"{"name": "a", "mtu": null, "poll_interval_s": 9}"#;
        assert_eq!(serde_json::from_str::<NetworkSpec>(whole).unwrap().poll_interval_s, 9);
    }
}
