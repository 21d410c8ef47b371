//! `policy test`: which policy decides, and why the others do not.

use clap_complete::engine::ArgValueCompleter;
use patronus_types::api::policies::{TestRequest, TestResponse, TestVerdict};
use patronus_types::policy::{Dscp, Point, Ports, Protocol, Service};

use super::rows::action_text;
use crate::app::App;
use crate::complete;
use crate::error::{CliError, Exit, Fault, Result};

/// Arguments of `policy test`. Without any, everything that the policies expect is looked at.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From where: a site or an address
    #[arg(long, value_name = "PLACE", requires = "to", add = ArgValueCompleter::new(complete::sites))]
    from: Option<Point>,
    /// To where, likewise
    #[arg(long, value_name = "PLACE", requires = "from", add = ArgValueCompleter::new(complete::sites))]
    to: Option<Point>,
    /// The protocol, by name or number; tcp without one
    #[arg(long, requires = "from")]
    protocol: Option<Protocol>,
    /// The destination port
    #[arg(long, value_name = "PORT", requires = "from")]
    dport: Option<u16>,
    /// The source port
    #[arg(long, value_name = "PORT", requires = "from")]
    sport: Option<u16>,
    /// The class in the IP header, 0 to 63 or by name as ef
    #[arg(long, requires = "from")]
    dscp: Option<Dscp>,
}

/// Asks.
pub fn run(app: &App, args: &Args) -> Result {
    let request = request(args)?;
    let client = app.client()?;
    let answer = app.run(async { Ok(client.policies().test(&request).await?) })?;
    app.out.value(&answer, || page(&request, &answer))?;
    if answer.failed.is_empty() {
        return Ok(());
    }
    let faults = answer.failed.iter().map(|what| Fault { place: String::new(), what: what.clone(), excerpt: None });
    let what = format!("{} of {} expectations are not true", answer.failed.len(), answer.expectations);
    Err(CliError::new(Exit::Failed, what).faults(faults.collect()))
}

fn request(args: &Args) -> Result<TestRequest> {
    let Args { from, to, protocol, dport, sport, dscp } = args;
    let service = service(*protocol, *dport, *sport)?;
    Ok(TestRequest { network: None, from: from.clone(), to: to.clone(), service, src_port: *sport, dscp: *dscp })
}

/// A protocol and the port where it is named.
pub fn service(protocol: Option<Protocol>, dport: Option<u16>, sport: Option<u16>) -> Result<Option<Service>> {
    let protocol = protocol.or(dport.map(|_| Protocol::TCP));
    if let (Some(protocol), Some(_)) = (protocol.filter(|protocol| !protocol.has_ports()), dport.or(sport)) {
        return Err(CliError::usage(format!("{protocol} has no ports")));
    }
    let ports = dport.map(|port| Ports { first: port, last: port });
    Ok(protocol.map(|protocol| Service { protocol, ports }))
}

fn page(request: &TestRequest, answer: &TestResponse) -> String {
    match &request.from {
        Some(_) => answer.verdicts.iter().map(verdict).collect(),
        None if answer.expectations == 0 => "the policies expect nothing\n".to_owned(),
        None if answer.failed.is_empty() => format!("all {} expectations are true\n", answer.expectations),
        None => String::new(),
    }
}

fn verdict(verdict: &TestVerdict) -> String {
    let TestVerdict { src, dst, pairs, policy, action, missed } = verdict;
    let alike = if *pairs > 1 { format!(" (and {} more pairs of addresses)", pairs - 1) } else { String::new() };
    let does = action.as_ref().map_or_else(|| "best path".to_owned(), action_text);
    let by = policy.as_ref().map_or_else(|| "no policy matches".to_owned(), |name| format!("policy {name}"));
    let mut text = format!("{src} to {dst}{alike}: {does}; {by}\n");
    for missed in missed {
        text.push_str(&format!("  not {}: {}\n", missed.policy, missed.reason));
    }
    text
}
