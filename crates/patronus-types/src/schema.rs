//! String-shaped values: serde, `Display`-based equality with the text form, and their JSON Schema, in one macro.

/// Makes a type with `Display` and `FromStr<Err = Invalid>` travel as a JSON string with the given pattern.
macro_rules! string_type {
    ($type:ident, $pattern:literal, $example:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern, "examples": [$example]})
            }
        }
    };
}

/// Reads a type that is one of some words, as serde writes it; another word is told them.
macro_rules! word_type {
    ($type:ident, $what:literal, { $($variant:ident: $word:literal),* }) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                match &*text {
                    $($word => Ok(Self::$variant),)*
                    other => Err(serde::de::Error::custom(crate::words::none_of(other, $what, &[$($word),*]))),
                }
            }
        }
    };
}

pub(crate) use {string_type, word_type};
