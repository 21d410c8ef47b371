//! Where in a document a field stands, by the path that the server names it by.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as _, de};

/// The line and column, counted from 1, of a field such as `uplinks.0.endpoint`, or of the nearest that is there and holds
/// it.
pub fn position(text: &str, field: &str) -> Option<(usize, usize)> {
    let path: Vec<&str> = field.split('.').filter(|step| !step.is_empty()).collect();
    let shorthand = match path.as_slice() {
        ["uplinks", index, "endpoint"] => find(text, &["endpoints", index]),
        _ => None,
    };
    let whole = find(text, &path);
    whole.or(shorthand).or_else(|| (1..path.len()).rev().find_map(|length| find(text, &path[..length])))
}

fn find(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    let mut found = None;
    // What does not belong here has been told before; a place found is a place, whatever comes after it.
    let _ = serde_yaml::with_deserializer_from_str(text, |deserializer| {
        Step { path, found: &mut found }.deserialize(deserializer)
    });
    found
}

/// One step down the path.
struct Step<'a> {
    path: &'a [&'a str],
    found: &'a mut Option<(usize, usize)>,
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.path.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let here = serde_yaml::Spanned::<IgnoredAny>::deserialize(deserializer)?.referenced;
        let number = |count: u64| usize::try_from(count).unwrap_or_default();
        *self.found = Some((number(here.line()), number(here.column())));
        Ok(())
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.path {
                [wanted, rest @ ..] if *wanted == key => {
                    map.next_value_seed(Step { path: rest, found: &mut *self.found })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0usize.. {
            let here = self.path.first().and_then(|wanted| wanted.parse().ok()) == Some(index);
            let path = if here { &self.path[1..] } else { &[] };
            let more = match here {
                true => list.next_element_seed(Step { path, found: &mut *self.found })?.is_some(),
                false => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    // A path that goes on below a value has no place of its own.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn a_field_has_its_place() {
        let text = "kind: site\nname: ams\nhub: true\nprefixes:\n  - 10.1.0.0/16\n  - 10.2.0.0/16\nuplinks:\n  - name: a\n    cost: 5\n  - {name: b, gateway: 192.0.2.1}\n";
        for (field, place) in [
            ("name", (2, 7)),
            ("prefixes.1", (6, 5)),
            ("uplinks.0.cost", (9, 11)),
            ("uplinks.1.gateway", (10, 24)),
            ("uplinks.1.device", (10, 5)),
            ("prefixes.7", (5, 3)),
            ("hub.x", (3, 6)),
        ] {
            assert_eq!(position(text, field), Some(place), "{field}");
        }
        assert_eq!((position(text, "region"), position(text, "")), (None, Some((1, 1))));
    }

    #[test]
    fn json_and_shorthands_too() {
        let json = "{\"kind\": \"site\",\n \"name\": \"ams\", \"endpoints\": [\"a.example\", \"b.example\"]}";
        assert_eq!(position(json, "uplinks.1.endpoint"), Some((2, 44)));
        assert_eq!(position("kind: [", "name"), None);
    }
}
