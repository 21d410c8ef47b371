//! The chains, maps and sets as `nft` reads them; they stand in the network's table beside others.
//!
//! A packet is asked about only if `main` would send it into one of the network's tunnels. Its flow's mark decides if that has
//! a class that is still used; otherwise the maps do, and the flow gets the mark. What the default takes gets one too, so that
//! the maps are asked once for a flow and not for each packet. What is dropped or limited gets none.

use std::fmt::Write;

use ipnet::IpNet;
use patronus_types::policy::{Dscp, RateLimit, RateUnit, Rule};

use super::entries::{Entry, Key, Transport};
use super::{Program, Step, Verdict};
use crate::policy::overlap::families;

/// Bytes that may pass at once where a policy does not say: ten full packets, or what passes in 100 ms.
const LEAST_BURST: u64 = 15_000;
/// An error of ICMP belongs to the flow that it is about and looks like another: what becomes of it is not the flow's.
const LEAVE_ERRORS: &str = "ct state related meta l4proto { 1, 58 } return;";

/// The numbers of one network on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// How the names of its interfaces begin.
    pub prefix: String,
    /// The port of its probes, which no policy touches.
    pub probe_port: u16,
    /// By how many bits the class is shifted in a mark, at most 24.
    pub shift: u8,
    /// The ids of [`super::classes`], in their order, and last that of the default.
    pub ids: Vec<u8>,
}

impl Numbers {
    fn mask(&self) -> u32 {
        0xff << self.shift.min(24)
    }

    fn mark(&self, id: u8) -> u32 {
        u32::from(id) << self.shift.min(24)
    }

    fn default_id(&self) -> u8 {
        self.ids.last().copied().unwrap_or_default()
    }

    fn class(&self, place: usize) -> u8 {
        self.ids.get(place).copied().unwrap_or_default()
    }
}

/// The text of a program; empty where there are no policies. `rules` are those that it was compiled from.
pub fn firewall(program: &Program, rules: &[Rule], numbers: &Numbers) -> String {
    if program.steps.is_empty() {
        return String::new();
    }
    let mut text = Text { body: String::new(), asks: String::new(), numbers };
    text.verdict_chains(program);
    for (index, step) in program.steps.iter().enumerate() {
        match step {
            Step::All(verdict) => text.ask("", *verdict),
            Step::Map { dscp, ports, entries } => text.map(index, (*dscp, *ports), entries),
            Step::Rule { rule, verdict } => text.rule(index, &rules[*rule], *verdict),
        }
    }
    text.chains()
}

struct Text<'a> {
    body: String,
    /// The lines of the chain that asks the maps.
    asks: String,
    numbers: &'a Numbers,
}

impl Text<'_> {
    fn line(&mut self, line: std::fmt::Arguments) {
        let _ = writeln!(self.body, "\t{line}");
    }

    fn ask(&mut self, condition: &str, verdict: Verdict) {
        let verdict = self.goto(verdict);
        let space = if condition.is_empty() { "" } else { " " };
        let _ = write!(self.asks, "{condition}{space}{verdict}; ");
    }

    fn goto(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Class(place) => format!("goto class_{}", self.numbers.class(place)),
            Verdict::Default => "goto unclassed".to_owned(),
            Verdict::Drop => "drop".to_owned(),
            Verdict::Limit(place) => format!("goto limit_{place}"),
        }
    }

    fn verdict_chains(&mut self, program: &Program) {
        let numbers = self.numbers;
        let keep = !numbers.mask();
        for &id in numbers.ids.iter().rev().skip(1).rev() {
            let mark = numbers.mark(id);
            self.line(format_args!(
                "chain class_{id} {{ meta mark set meta mark & {keep:#010x} | {mark:#010x}; {LEAVE_ERRORS} \
                 ct mark set ct mark & {keep:#010x} | {mark:#010x}; }}"
            ));
        }
        let mark = numbers.mark(numbers.default_id());
        self.line(format_args!(
            "chain unclassed {{ {LEAVE_ERRORS} ct mark set ct mark & {keep:#010x} | {mark:#010x}; }}"
        ));
        for (place, limit) in program.limits.iter().enumerate() {
            // A mark of before would be one that another class may get.
            let over = over(limit);
            self.line(format_args!(
                "chain limit_{place} {{ ct mark set ct mark & {keep:#010x}; limit rate over {over} drop; }}"
            ));
        }
    }

    /// No two entries meet, so those that ask for ports can be in a map beside the others.
    fn map(&mut self, index: usize, (dscp, ports): (Option<Dscp>, bool), entries: &[Entry]) {
        for v4 in [true, false] {
            for by in if ports { &[By::Ports, By::Protocol][..] } else { &[By::Addresses] } {
                let own = |entry: &&Entry| entry.key.src.addr().is_ipv4() == v4 && By::of(&entry.key) == *by;
                let own: Vec<&Entry> = entries.iter().filter(own).collect();
                if !own.is_empty() {
                    self.part(index, (dscp, *by, v4), &own);
                }
            }
        }
    }

    fn part(&mut self, index: usize, (dscp, by, v4): (Option<Dscp>, By, bool), entries: &[&Entry]) {
        let family = if v4 { "ip" } else { "ip6" };
        let name = format!("ask_{index}_{family}{}", by.suffix());
        let question = by.question(family);
        let elements: Vec<String> =
            entries.iter().map(|entry| format!("{} : {}", key_text(&entry.key), self.goto(entry.verdict))).collect();
        let elements = elements.join(", ");
        self.line(format_args!(
            "map {name} {{ typeof {question} : verdict; flags interval; elements = {{ {elements} }}; }}"
        ));
        let class = dscp.map(|dscp| format!("{family} dscp {} ", dscp.get())).unwrap_or_default();
        let _ = write!(self.asks, "{class}{question} vmap @{name}; ");
    }

    fn rule(&mut self, index: usize, rule: &Rule, verdict: Verdict) {
        let of = families(rule);
        for (family, v4, kind) in [("ip", true, "ipv4_addr"), ("ip6", false, "ipv6_addr")] {
            if !(if v4 { of.v4 } else { of.v6 }) {
                continue;
            }
            let mut condition = String::new();
            for (side, ranges) in [("saddr", &rule.src), ("daddr", &rule.dst)] {
                let Some(ranges) = ranges else { continue };
                let name = format!("set_{index}_{family}_{side}");
                let own = ranges.iter().filter(|range| range.addr().is_ipv4() == v4);
                let elements: Vec<String> = own.map(IpNet::to_string).collect();
                let elements = elements.join(", ");
                self.line(format_args!("set {name} {{ type {kind}; flags interval; elements = {{ {elements} }}; }}"));
                let _ = write!(condition, "{family} {side} @{name} ");
            }
            if rule.src.is_none() && rule.dst.is_none() {
                let _ = write!(condition, "meta nfproto {} ", if v4 { "ipv4" } else { "ipv6" });
            }
            if let Some(dscp) = rule.dscp {
                let _ = write!(condition, "{family} dscp {} ", dscp.get());
            }
            for services in services_texts(rule) {
                self.ask(format!("{condition}{services}").trim_end(), verdict);
            }
        }
    }

    fn chains(mut self) -> String {
        let numbers = self.numbers;
        let mut known: Vec<String> = Vec::new();
        let default = numbers.default_id();
        for &id in &numbers.ids {
            let target = if id == default { "return".to_owned() } else { format!("goto class_{id}") };
            known.push(format!("{:#010x} : {target}", numbers.mark(id)));
        }
        let (mask, known, asks) = (numbers.mask(), known.join(", "), std::mem::take(&mut self.asks));
        self.line(format_args!(
            "chain classify {{ ct mark & {mask:#010x} vmap {{ {known} }}; {asks}goto unclassed; }}"
        ));
        let (prefix, port) = (&numbers.prefix, numbers.probe_port);
        self.line(format_args!(
            "chain classify_forward {{ type filter hook prerouting priority mangle; policy accept; \
             fib daddr oifname \"{prefix}*\" jump classify; }}"
        ));
        self.line(format_args!(
            "chain classify_output {{ type route hook output priority mangle; policy accept; \
             udp sport {port} return; oifname \"{prefix}*\" jump classify; }}"
        ));
        self.body
    }
}

/// What a map asks for. Ports only where a rule names some: a packet of less than four bytes has none, and the kernel answers
/// no question about what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Addresses,
    Protocol,
    Ports,
}

impl By {
    fn of(key: &Key) -> Self {
        match &key.service {
            None => Self::Addresses,
            Some(service) if service.names_ports() => Self::Ports,
            Some(_) => Self::Protocol,
        }
    }

    fn suffix(self) -> &'static str {
        if self == Self::Protocol { "_protocol" } else { "" }
    }

    fn question(self, family: &str) -> String {
        let more = match self {
            Self::Addresses => "",
            Self::Protocol => " . meta l4proto",
            Self::Ports => " . meta l4proto . th sport . th dport",
        };
        format!("{family} saddr . {family} daddr{more}")
    }
}

/// The conditions, each for itself, one of which is to hold.
fn services_texts(rule: &Rule) -> Vec<String> {
    if rule.services.is_empty() {
        return vec![String::new()];
    }
    let services = super::entries::of_services(rule);
    let (with, without): (Vec<_>, Vec<_>) = services.into_iter().partition(Transport::names_ports);
    let one_of = |by: &str, services: &[Transport]| {
        let elements: Vec<String> = services.iter().map(service_text).collect();
        (!services.is_empty()).then(|| format!("{by} {{ {} }}", elements.join(", ")))
    };
    let texts = [one_of("meta l4proto . th sport . th dport", &with), one_of("meta l4proto", &without)];
    texts.into_iter().flatten().collect()
}

fn key_text(Key { src, dst, service }: &Key) -> String {
    match service {
        Some(service) => format!("{src} . {dst} . {}", service_text(service)),
        None => format!("{src} . {dst}"),
    }
}

fn service_text(service: &Transport) -> String {
    let Transport { protocol, src, dst } = service;
    if service.names_ports() { format!("{} . {src} . {dst}", protocol.0) } else { protocol.0.to_string() }
}

fn over(limit: &RateLimit) -> String {
    let RateLimit { rate, unit, burst } = *limit;
    match unit {
        RateUnit::Bits => {
            let bytes = rate.div_ceil(8).max(1);
            let burst = burst.map_or((bytes / 10).max(LEAST_BURST), u64::from).min(u64::from(u32::MAX));
            // Of bytes the kernel lets what comes in a second pass at once too, and adds the burst to that; no unit of nft's
            // is less.
            format!("{bytes} bytes/second burst {} bytes", burst.saturating_sub(bytes))
        }
        RateUnit::Packets => {
            let burst = burst.map_or((rate / 10).max(10), u64::from).clamp(1, u64::from(u32::MAX));
            format!("{rate}/second burst {burst} packets")
        }
    }
}
