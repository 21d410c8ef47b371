//! Figures that people write: limits in milliseconds and percent.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Invalid;

/// A number from 0 to 1,000,000 with at most three decimals. There is no negative one and none that is not a number; the
/// fourth decimal is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(u32);

const MOST: u32 = 1_000_000;

impl Decimal {
    /// A whole number; the largest one where it is larger.
    pub fn whole(number: u32) -> Self {
        Self(number.min(MOST) * 1000)
    }

    /// From so many thousandths; the largest one where they are more.
    pub fn thousandths(number: u32) -> Self {
        Self(number.min(MOST * 1000))
    }

    /// The nearest one; none to a number out of bounds, or that is none.
    pub fn nearest(number: f64) -> Option<Self> {
        Self::read(number).ok()
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// In thousandths.
    pub fn as_thousandths(self) -> u32 {
        self.0
    }

    fn read(number: f64) -> Result<Self, Invalid> {
        if (0.0..=f64::from(MOST)).contains(&number) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded in the line above")]
            return Ok(Self((number * 1000.0).round() as u32));
        }
        Err(Invalid::new(format_args!("use a number from 0 to {MOST}, not {number}")))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

impl FromStr for Decimal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let none = || Invalid::new(format_args!("`{}` is no number: use one as 2.5", text.escape_debug()));
        Self::read(text.parse().map_err(|_| none())?)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_u32(self.0 / 1000),
            _ => serializer.serialize_f64(self.get()),
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Decimal, E> {
        let whole = u32::try_from(value).ok().filter(|whole| *whole <= MOST).map(Decimal::whole);
        whole.ok_or_else(|| E::custom(format_args!("use a number from 0 to {MOST}, not {value}")))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Decimal, E> {
        let positive = u64::try_from(value);
        self.visit_u64(positive.map_err(|_| E::custom(format_args!("use a number from 0 to {MOST}, not {value}")))?)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Decimal, E> {
        Decimal::read(value).map_err(E::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "minimum": 0, "maximum": MOST, "examples": [2.5]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_can_be_limits_are_read() {
        let read = |json: &str| serde_json::from_str::<Decimal>(json).map_err(|error| error.to_string());
        for (json, thousandths) in [("0", 0), ("150", 150_000), ("2.5", 2_500), ("0.0004", 0), ("1e6", 1_000_000_000)] {
            assert_eq!(read(json), Ok(Decimal(thousandths)), "{json}");
        }
        for json in ["-1", "-0.5", "1000000.1", "18446744073709551615", "1e300", "\"2\"", "null", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
        assert!(read("-1").unwrap_err().starts_with("use a number from 0 to 1000000, not -1"));
        for text in ["NaN", "inf", "-0.1", "", "1,5"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert_eq!(serde_json::to_string(&[Decimal(2_500), Decimal(150_000)]).unwrap(), "[2.5,150]");
    }
}
