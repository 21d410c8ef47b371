//! `path why`: which path packets take, and why no other.

use std::fmt::Write as _;

use clap_complete::engine::ArgValueCompleter;
use patronus_types::Name;
use patronus_types::api::paths::{PathWhy, WhyPath, WhyRequest};
use patronus_types::policy::{Dscp, Protocol};

use crate::app::App;
use crate::commands::policy::{action_text, service};
use crate::complete;
use crate::error::Result;

/// Arguments of `path why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From which site
    #[arg(add = ArgValueCompleter::new(complete::sites))]
    from: Name,
    /// To which site
    #[arg(add = ArgValueCompleter::new(complete::sites))]
    to: Name,
    /// The protocol, by name or number; tcp without one
    #[arg(long)]
    protocol: Option<Protocol>,
    /// The destination port
    #[arg(long, value_name = "PORT")]
    dport: Option<u16>,
    /// The source port
    #[arg(long, value_name = "PORT")]
    sport: Option<u16>,
    /// The class in the IP header, 0 to 63 or by name as ef
    #[arg(long)]
    dscp: Option<Dscp>,
}

/// Asks.
pub fn run(app: &App, args: &Args) -> Result {
    let request = WhyRequest {
        network: None,
        from: args.from.clone(),
        to: args.to.clone(),
        service: service(args.protocol, args.dport, args.sport)?,
        src_port: args.sport,
        dscp: args.dscp,
    };
    let client = app.client()?;
    let why = app.run(async { Ok(client.paths().why(&request).await?) })?;
    app.out.value(&why, || page(&why))
}

fn page(why: &PathWhy) -> String {
    let does = why.verdict.action.as_ref().map_or_else(|| "best path".to_owned(), action_text);
    let by =
        why.verdict.policy.as_ref().map_or_else(|| "no policy matches".to_owned(), |name| format!("policy {name}"));
    let mut text = format!("{} to {}: {does}; {by}\n", why.verdict.src, why.verdict.dst);
    for missed in &why.verdict.missed {
        let _ = writeln!(text, "  not {}: {}", missed.policy, missed.reason);
    }
    if why.paths.is_empty() {
        text.push_str("the site has reported no paths there\n");
    }
    for path in &why.paths {
        let mark = if Some(path.path.id) == why.chosen { "takes" } else { "  not" };
        let _ = writeln!(text, "{mark} {}", line(path));
    }
    text
}

fn line(WhyPath { path, because }: &WhyPath) -> String {
    let mut line = format!("{} to {}", path.source_uplink, path.dest_uplink);
    let state = &path.state;
    if let (Some(latency), Some(loss)) = (state.latency_ms, state.packet_loss_pct) {
        let _ = write!(line, ", {latency} ms, loss {loss} %");
    }
    because.iter().for_each(|reason| line.push_str(&format!(": {reason}")));
    if path.stale { line + " (the site has not reported lately)" } else { line }
}
