//! A policy from flags.

use patronus_types::Name;
use patronus_types::policy::{Dscp, Expectation, Place, Ports, Protocol, UplinkRef};
use serde_json::{Value, json};

use crate::cli::number;
use crate::commands::fields::Fields;
use crate::error::{CliError, Result};

/// What a policy is made of.
#[derive(Debug, clap::Args)]
pub struct Spec {
    /// Higher is asked first, 0 to 1000
    #[arg(long, value_parser = number("a priority", 0_u16, 1000), allow_negative_numbers = true)]
    priority: Option<u16>,
    /// From where: an address range, site:NAME, or labels of sites as KEY=VALUE; may be given several times
    #[arg(long, value_name = "PLACE")]
    src: Vec<Place>,
    /// To where, likewise
    #[arg(long, value_name = "PLACE")]
    dst: Vec<Place>,
    /// The protocol above IP, by name or number
    #[arg(long)]
    protocol: Option<Protocol>,
    /// From a port or a range of ports; may be given several times
    #[arg(long, value_name = "PORTS")]
    sport: Vec<Ports>,
    /// To a port or a range of ports; may be given several times
    #[arg(long, value_name = "PORTS")]
    dport: Vec<Ports>,
    /// The class in the IP header, 0 to 63 or by name as ef
    #[arg(long)]
    dscp: Option<Dscp>,
    /// A named application, such as web, ssh or voip
    #[arg(long)]
    app: Option<Name>,
    /// What becomes of the packets
    #[arg(long, value_parser = ["route", "drop", "rate_limit"])]
    action: Option<String>,
    /// The uplink to take, by name or by labels as KEY=VALUE; may be given several times, the best first
    #[arg(long, value_name = "UPLINK")]
    prefer: Vec<UplinkRef>,
    /// Milliseconds of a round trip that a path may have
    #[arg(long, value_name = "MS")]
    max_latency: Option<f64>,
    /// Percent of packets that a path may lose
    #[arg(long, value_name = "PERCENT")]
    max_loss: Option<f64>,
    /// Milliseconds from one round trip to the next that a path may have
    #[arg(long, value_name = "MS")]
    max_jitter: Option<f64>,
    /// What happens where no path is good enough
    #[arg(long, value_parser = ["any", "drop"])]
    fallback: Option<String>,
    /// How much may pass: NUMBERbit/s or NUMBERpackets/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Value>,
    /// How much may pass at once after a pause: bytes, or packets
    #[arg(long, value_name = "NUMBER")]
    burst: Option<u32>,
    /// What must be true, as `from ams to fra tcp/443 -> route via fiber`; may be given several times
    #[arg(long, value_name = "LINE")]
    expect: Vec<Expectation>,
}

impl Spec {
    /// A whole policy.
    pub fn whole(&self, name: &Name) -> Result<Fields> {
        let mut fields = self.part()?;
        fields.set("name", Some(name))?;
        fields.0.entry("match_criteria").or_insert_with(|| json!({}));
        for (flag, missing) in [("--priority", self.priority.is_none()), ("--action", self.action().is_none())] {
            if missing {
                return Err(CliError::usage(format!("{flag} is missing: a policy has one")));
            }
        }
        Ok(fields)
    }

    /// What was given.
    pub fn part(&self) -> Result<Fields> {
        let mut fields = Fields::default();
        fields.set("priority", self.priority)?;
        let mut criteria = Fields::default();
        criteria.list("src", &self.src)?;
        criteria.list("dst", &self.dst)?;
        criteria.set("protocol", self.protocol)?;
        criteria.list("src_ports", &self.sport)?;
        criteria.list("dst_ports", &self.dport)?;
        criteria.set("dscp", self.dscp)?;
        criteria.set("app", self.app.as_ref())?;
        fields.set("match_criteria", some(criteria))?;
        fields.set("action", self.action())?;
        fields.set("route", some(self.route()?))?;
        let mut limit = self.rate.clone();
        if let (Some(Value::Object(limit)), Some(burst)) = (&mut limit, self.burst) {
            limit.insert("burst".to_owned(), json!(burst));
        }
        fields.set("rate_limit", limit)?;
        fields.list("expect", &self.expect)?;
        Ok(fields)
    }

    /// The action, which follows from what belongs to it.
    fn action(&self) -> Option<&str> {
        let route = !self.prefer.is_empty() || self.fallback.is_some();
        let sla = self.max_latency.is_some() || self.max_loss.is_some() || self.max_jitter.is_some();
        match &self.action {
            Some(action) => Some(action),
            None if self.rate.is_some() => Some("rate_limit"),
            None if route || sla => Some("route"),
            None => None,
        }
    }

    fn route(&self) -> Result<Fields> {
        let (mut route, mut sla) = (Fields::default(), Fields::default());
        route.list("prefer", &self.prefer)?;
        sla.set("latency_ms", self.max_latency)?;
        sla.set("packet_loss_pct", self.max_loss)?;
        sla.set("jitter_ms", self.max_jitter)?;
        route.set("sla", some(sla))?;
        route.set("fallback", self.fallback.as_ref())?;
        Ok(route)
    }
}

fn some(fields: Fields) -> Option<Value> {
    Some(fields.0).filter(|fields| !fields.is_empty()).map(Value::Object)
}

/// `8000000bit/s`, `100packets/s`.
fn rate(text: &str) -> std::result::Result<Value, String> {
    let wrong = || "write a rate as 8000000bit/s or 100packets/s".to_owned();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let rate: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "bit/s" | "packets/s" => Ok(json!({"rate": rate, "unit": unit})),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn spec(line: &str) -> Spec {
        let command = Spec::augment_args(clap::Command::new("x"));
        Spec::from_arg_matches(&command.get_matches_from(line.split(' '))).unwrap()
    }

    #[test]
    fn what_belongs_to_an_action_says_which_it_is() {
        let web = spec("x --priority 7 --dst site:fra --app web --prefer fiber --max-latency 50 --fallback drop");
        let name: Name = "web".parse().unwrap();
        let expected = json!({
            "name": "web", "priority": 7, "match_criteria": {"dst": ["site:fra"], "app": "web"}, "action": "route",
            "route": {"prefer": ["fiber"], "sla": {"latency_ms": 50.0}, "fallback": "drop"},
        });
        assert_eq!(Value::Object(web.whole(&name).unwrap().0), expected);
        let slow = spec("x --priority 7 --protocol udp --dport 53 --rate 100packets/s --burst 10");
        let fields = slow.whole(&name).unwrap().0;
        assert_eq!(fields["rate_limit"], json!({"rate": 100, "unit": "packets/s", "burst": 10}));
        assert_eq!(fields["action"], json!("rate_limit"));
        assert!(spec("x --priority 7").whole(&name).unwrap_err().what.contains("--action"));
        assert!(spec("x --action drop").whole(&name).unwrap_err().what.contains("--priority"));
        assert!(rate("100").is_err() && rate("x").is_err() && rate("1kbit/s").is_err());
    }
}
