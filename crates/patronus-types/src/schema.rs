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

pub(crate) use string_type;

/// Stand-ins for foreign types in derived schemas: they travel as strings.
#[cfg(feature = "schema")]
pub(crate) mod foreign {
    /// An address range in CIDR notation.
    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "Cidr", extend("examples" = ["192.168.1.0/24", "fd00:1::/64"]))]
    pub struct Cidr(#[allow(dead_code, reason = "only its schema is used")] String);

    /// An IP address.
    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "Address", extend("examples" = ["192.0.2.1", "2001:db8::1"]))]
    pub struct Address(#[allow(dead_code, reason = "only its schema is used")] String);
}
