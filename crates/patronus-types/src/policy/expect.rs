//! What must be true of a network's policies, in one line: `from ams to fra tcp/443 → route via fiber`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Dscp, Service, UplinkRef};
use crate::schema::string_type;
use crate::{Invalid, Name};

/// `from PLACE to PLACE [SERVICE] [sport PORT] [dscp CLASS] → route [via UPLINK] | drop | rate_limit`, and perhaps
/// `by POLICY`. A place is a site's name or an address; `->` may stand for the arrow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expectation {
    /// From where.
    pub from: Point,
    /// To where.
    pub to: Point,
    /// The protocol, and the port where it names one.
    pub service: Option<Service>,
    /// The source port.
    pub src_port: Option<u16>,
    /// The class; 0 where none is named.
    pub dscp: Option<Dscp>,
    /// What becomes of it.
    pub outcome: Expected,
    /// The policy that says so.
    pub by: Option<Name>,
}

/// One end of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Point {
    /// Every range behind a site, and its own addresses.
    Site(Name),
    /// One address.
    Address(IpAddr),
}

/// What becomes of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expected {
    /// It is routed; by this uplink first, where one is named.
    Route(Option<UplinkRef>),
    /// It goes nowhere.
    Drop,
    /// It is routed within a rate.
    RateLimit,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Point {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self::Address).or_else(|_| text.parse().map(Self::Site))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(None) => f.write_str("route"),
            Self::Route(Some(uplink)) => write!(f, "route via {uplink}"),
            Self::Drop => f.write_str("drop"),
            Self::RateLimit => f.write_str("rate_limit"),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.from, self.to)?;
        if let Some(service) = &self.service {
            write!(f, " {service}")?;
        }
        if let Some(port) = self.src_port {
            write!(f, " sport {port}")?;
        }
        if let Some(dscp) = self.dscp {
            write!(f, " dscp {dscp}")?;
        }
        write!(f, " → {}", self.outcome)?;
        if let Some(policy) = &self.by {
            write!(f, " by {policy}")?;
        }
        Ok(())
    }
}

impl FromStr for Expectation {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = |why: &dyn fmt::Display| Invalid::new(format_args!("`{}`: {why}", text.escape_debug()));
        let (flow, outcome) = text
            .split_once('→')
            .or_else(|| text.split_once("->"))
            .ok_or_else(|| refused(&"write it as `from ams to fra tcp/443 → route via fiber`"))?;
        let mut words = flow.split_whitespace();
        let (mut from, mut to) = (None, None);
        let mut this = Draft::default();
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or_else(|| refused(&format_args!("nothing stands behind `{word}`")));
            match word {
                "from" if from.is_none() => from = Some(next()?.parse().map_err(|why| refused(&why))?),
                "to" if to.is_none() => to = Some(next()?.parse().map_err(|why| refused(&why))?),
                "sport" if this.src_port.is_none() => {
                    let port = next()?;
                    this.src_port = Some(port.parse().map_err(|_| refused(&format_args!("`{port}` is no port")))?);
                }
                "dscp" if this.dscp.is_none() => this.dscp = Some(next()?.parse().map_err(|why| refused(&why))?),
                _ if this.service.is_none() => this.service = Some(word.parse().map_err(|why| refused(&why))?),
                _ => return Err(refused(&format_args!("`{word}` is one word too many"))),
            }
        }
        let (Some(from), Some(to)) = (from, to) else { return Err(refused(&"it needs `from` and `to`")) };
        let is_one = |service: &Service| service.ports.is_none_or(|ports| ports.first == ports.last);
        if !this.service.as_ref().is_none_or(is_one) {
            return Err(refused(&"a flow has one port, not a range"));
        }
        let (outcome, by) = outcome_of(outcome).map_err(|why| refused(&why))?;
        let Draft { service, src_port, dscp } = this;
        Ok(Self { from, to, service, src_port, dscp, outcome, by })
    }
}

#[derive(Default)]
struct Draft {
    service: Option<Service>,
    src_port: Option<u16>,
    dscp: Option<Dscp>,
}

fn outcome_of(text: &str) -> Result<(Expected, Option<Name>), Invalid> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (words, by) = match words.as_slice() {
        [words @ .., "by", policy] => (words, Some(policy.parse()?)),
        words => (words, None),
    };
    let outcome = match words {
        ["route"] => Expected::Route(None),
        ["route", "via", uplink] => Expected::Route(Some(uplink.parse()?)),
        ["drop"] => Expected::Drop,
        ["rate_limit"] => Expected::RateLimit,
        _ => return Err(Invalid::new("behind the arrow use `route`, `route via UPLINK`, `drop` or `rate_limit`")),
    };
    Ok((outcome, by))
}

string_type!(Point, "^\\S+$", "ams");
string_type!(Expectation, "^from \\S+ to \\S+.* (→|->) .+$", "from ams to fra tcp/443 → route via fiber");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_written() {
        for line in [
            "from ams to fra tcp/443 → route via fiber",
            "from 192.168.1.7 to fd00::1 udp/53 sport 4000 dscp ef → drop by no-dns",
            "from ams to 10.0.0.1 → rate_limit",
            "from ams to fra icmp → route via kind=lte by bulk",
        ] {
            assert_eq!(line.parse::<Expectation>().unwrap().to_string(), line);
        }
        let typed: Expectation = "to fra  from ams   tcp/443 -> route via fiber".parse().unwrap();
        assert_eq!(typed.to_string(), "from ams to fra tcp/443 → route via fiber");
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for (line, said) in [
            ("from ams to fra", "write it as"),
            ("from ams → drop", "it needs `from` and `to`"),
            ("from ams to → drop", "nothing stands behind `to`"),
            ("from ams to fra tcp/80-90 → drop", "a flow has one port"),
            ("from ams to fra tcp udp → drop", "`udp` is one word too many"),
            ("from ams to fra tcp/443 → allow", "behind the arrow"),
            ("from ams to fra tcp/443 →", "behind the arrow"),
            ("from Ams to fra → drop", "`Ams` is not a name"),
            ("from ams to fra icmp/1 → drop", "icmp has no ports"),
        ] {
            let refused = line.parse::<Expectation>().unwrap_err().to_string();
            assert!(refused.contains(said), "{line}: {refused}");
        }
    }
}
