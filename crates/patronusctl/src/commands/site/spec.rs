//! What a site is made of, as flags.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use clap_complete::engine::ArgValueCompleter;
use ipnet::IpNet;
use patronus_types::{Endpoint, Name};
use serde_json::{Map, Value, json};

use crate::cli::{name_or_nothing, number, pair, range};
use crate::commands::fields::Fields;
use crate::complete;
use crate::error::Result;
use patronus_types::words::nearest;

/// What a site is made of.
#[derive(Debug, clap::Args)]
pub struct Spec {
    /// Where it is, in words
    #[arg(long)]
    location: Option<String>,
    /// Region
    #[arg(long, value_name = "NAME", value_parser = name_or_nothing)]
    region: Option<String>,
    /// Zone within the region
    #[arg(long, value_name = "NAME", value_parser = name_or_nothing)]
    zone: Option<String>,
    /// A label; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Whether it is a hub of a hub-spoke network
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    hub: Option<bool>,
    /// A spoke's home hub
    #[arg(long, value_name = "SITE", value_parser = name_or_nothing, add = ArgValueCompleter::new(complete::sites))]
    via: Option<String>,
}

/// What a new site has several of.
#[derive(Debug, clap::Args)]
pub struct Parts {
    /// An address range behind it; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = range)]
    prefix: Vec<IpNet>,
    /// Where it is reached: HOST or HOST:PORT; the k-th makes uplink k
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "uplink")]
    endpoint: Vec<Endpoint>,
    /// A way out, in full: name, endpoint, device, gateway, gateway6, cost, mtu, metered, drained; may be given four times
    #[arg(long, value_name = "name=…,endpoint=…", value_parser = uplink)]
    uplink: Vec<Value>,
}

impl Parts {
    /// Adds what was given.
    pub fn add_to(&self, fields: &mut Fields) -> Result {
        fields.list("prefixes", &self.prefix)?;
        fields.list("endpoints", &self.endpoint)?;
        fields.list("uplinks", &self.uplink)
    }
}

impl Spec {
    /// What was given.
    pub fn fields(&self) -> Result<Fields> {
        let mut fields = Fields::default();
        fields.set("location", self.location.as_ref())?;
        fields.text("region", self.region.as_ref())?;
        fields.text("zone", self.zone.as_ref())?;
        if !self.label.is_empty() {
            fields.set("labels", Some(self.label.iter().cloned().collect::<BTreeMap<_, _>>()))?;
        }
        fields.set("hub", self.hub)?;
        fields.text("via", self.via.as_ref())?;
        Ok(fields)
    }
}

const KEYS: &[&str] = &["name", "endpoint", "device", "gateway", "gateway6", "cost", "mtu", "metered", "drained"];

/// An uplink as `key=value,…`; on the ways to it, nothing takes a value back.
pub fn uplink(text: &str) -> std::result::Result<Value, String> {
    let mut fields = Map::new();
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or((part, "true"));
        let value = match key {
            "endpoint" | "device" | "gateway" | "gateway6" if value.is_empty() => Value::Null,
            "name" => json!(value.parse::<Name>().map_err(|error| error.to_string())?),
            "endpoint" => json!(value.parse::<Endpoint>().map_err(|error| error.to_string())?),
            "device" => json!(value),
            "gateway" => json!(read::<Ipv4Addr>(value, "`gateway` is an IPv4 address, such as 192.0.2.1")?),
            "gateway6" => json!(read::<Ipv6Addr>(value, "`gateway6` is an IPv6 address, such as 2001:db8::1")?),
            "cost" => json!(number("a number as `cost`", 0_u32, 1_000_000)(value)?),
            "mtu" => json!(number("a number of bytes as `mtu`", 1360_u16, 9000)(value)?),
            "metered" | "drained" => {
                json!(value.parse::<bool>().map_err(|_| format!("`{key}` is true or false"))?)
            }
            other => {
                let near = nearest(other, KEYS.iter().copied());
                return Err(near.map_or_else(
                    || format!("the keys are {}", KEYS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ));
            }
        };
        if fields.insert(key.to_owned(), value).is_some() {
            return Err(format!("`{key}` is given twice"));
        }
    }
    if fields.contains_key("name") { Ok(Value::Object(fields)) } else { Err("`name=…` is missing".to_owned()) }
}

fn read<T: FromStr>(value: &str, expected: &str) -> std::result::Result<T, String> {
    value.parse().map_err(|_| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uplinks_are_read() {
        let read = uplink("name=lte,device=wwan0,cost=500,metered").unwrap();
        assert_eq!(read, json!({"name": "lte", "device": "wwan0", "cost": 500, "metered": true}));
        assert_eq!(uplink("name=a,cots=1").unwrap_err(), "did you mean `cost`?");
        for (text, said) in [
            ("name=a,gateway=zz", "`gateway` is an IPv4 address, such as 192.0.2.1"),
            ("name=a,gateway6=10.0.0.1", "`gateway6` is an IPv6 address, such as 2001:db8::1"),
            ("name=a,mtu=99999", "write a number of bytes as `mtu`, 1360 to 9000"),
            ("name=a,cost=-1", "write a number as `cost`, 0 to 1000000"),
        ] {
            assert_eq!(uplink(text).unwrap_err(), said, "{text}");
        }
        assert!(uplink("device=eth0").is_err() && uplink("name=a,name=b").is_err() && uplink("name=a,cost=x").is_err());
    }
}
