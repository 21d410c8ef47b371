//! What stands between a declared network and bundles that work: faults that only several objects together can have.
//!
//! All findings at once, each in words that name the sites. Errors stand against a release, warnings are told with it.
//! Everything is sorted or looked up, nothing compares all pairs, so a thousand sites take milliseconds.

mod addresses;
mod endpoints;
mod keys;
mod policies;
mod prefixes;
mod probes;
mod reach;
mod various;

use std::fmt;

use patronus_types::Name;
use patronus_types::api::error::Fault;

use crate::mesh::{Input, Site};

/// The most sites a message names; it counts the rest.
const MAX_NAMED: usize = 8;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The network cannot be released.
    Error,
    /// It can, but part of it will not work as declared.
    Warning,
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Two sites have overlapping prefixes, or a prefix overlaps the overlay's range.
    Overlap,
    /// Two uplinks have one key.
    DuplicateKey,
    /// Two sites have one overlay address, or one is outside the range.
    Address,
    /// A spoke has no hub.
    NoHub,
    /// Two sites that need a tunnel have no endpoint on either side.
    NoEndpoint,
    /// Two uplinks are reached at the same address and ports.
    DuplicateEndpoint,
    /// An uplink's endpoint lies in what the tunnels carry.
    EndpointInside,
    /// Several uplinks, and one without its device.
    Device,
    /// Ports that cannot be used.
    Port,
    /// `hub` or `via` that has no effect.
    Topology,
    /// Tunnels larger than an uplink carries.
    Mtu,
    /// IPv6 prefixes without IPv6 overlay addresses.
    NoIpv6,
    /// A probe that nobody runs, or too many on one site.
    Probe,
    /// A policy that names what is not there, expects what is not true, or has no effect.
    Policy,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::DuplicateKey => "duplicate_key",
            Self::Address => "address",
            Self::NoHub => "no_hub",
            Self::NoEndpoint => "no_endpoint",
            Self::DuplicateEndpoint => "duplicate_endpoint",
            Self::EndpointInside => "endpoint_inside",
            Self::Device => "device",
            Self::Port => "port",
            Self::Topology => "topology",
            Self::Mtu => "mtu",
            Self::NoIpv6 => "no_ipv6",
            Self::Probe => "probe",
            Self::Policy => "policy",
        })
    }
}

/// One finding. Errors sort before warnings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What kind it is.
    pub code: Code,
    /// The sites concerned, in order of name.
    pub sites: Vec<Name>,
    /// What is wrong, naming them, and what to do.
    pub message: String,
}

impl From<Finding> for Fault {
    fn from(finding: Finding) -> Self {
        Self { pointer: String::new(), detail: finding.message }
    }
}

impl Finding {
    fn error(code: Code, sites: Vec<Name>, message: String) -> Self {
        Self::new(Severity::Error, code, sites, message)
    }

    fn warning(code: Code, sites: Vec<Name>, message: String) -> Self {
        Self::new(Severity::Warning, code, sites, message)
    }

    fn new(severity: Severity, code: Code, mut sites: Vec<Name>, message: String) -> Self {
        sites.sort_unstable();
        sites.dedup();
        Self { severity, code, sites, message }
    }

    /// Whether it stands against a release.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Looks for everything; errors first, then in order of kind and site.
pub fn lint(input: &Input) -> Vec<Finding> {
    let mut sites: Vec<&Site> = input.sites.iter().collect();
    sites.sort_by_key(|site| (&site.spec.name, site.id));
    let mut findings = Vec::new();
    prefixes::lint(&mut findings, &input.spec, &sites);
    keys::lint(&mut findings, &sites);
    addresses::lint(&mut findings, &input.spec, &sites);
    reach::lint(&mut findings, &input.spec, &sites);
    endpoints::lint(&mut findings, &input.spec, &sites);
    probes::lint(&mut findings, &input.spec, &sites);
    various::lint(&mut findings, &input.spec, &sites);
    policies::lint(&mut findings, input);
    findings.sort();
    findings
}

/// Names as people write them: `a, b and c`, at most a handful.
fn list(names: &[&Name]) -> String {
    let (shown, rest) = names.split_at(names.len().min(MAX_NAMED));
    let words: Vec<&str> = shown.iter().map(|name| name.as_str()).collect();
    match (words.split_last(), rest.len()) {
        (Some(_), more @ 1..) => format!("{} and {more} more", words.join(", ")),
        (Some((last, before @ [_, ..])), 0) => format!("{} and {last}", before.join(", ")),
        _ => words.concat(),
    }
}

fn names(sites: &[&Site]) -> Vec<Name> {
    sites.iter().map(|site| site.spec.name.clone()).collect()
}

#[cfg(test)]
mod tests;
