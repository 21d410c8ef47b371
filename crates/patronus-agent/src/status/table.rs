//! The table: a block for each network.

use std::fmt::Write as _;

use patronus_types::api::agent::{Mode, Outcome, OutcomeKind, Shadow, Steps};

use patronus_types::Name;
use patronus_types::path::PathStatus;

use crate::probe::PathView;

use super::{Contact, Member, NetworkStatus, PeerStatus, Proving, Status, TunnelStatus};

/// How many peers are named.
const NAMED: usize = 5;

/// Everything as text.
pub fn render(status: &Status) -> String {
    let mut text = String::new();
    if !status.agent_running {
        text.push_str("no agent runs here; this is what the disk and the kernel say\n");
    }
    for network in &status.networks {
        if !text.is_empty() {
            text.push('\n');
        }
        block(&mut text, network);
    }
    text
}

fn block(text: &mut String, status: &NetworkStatus) {
    match &status.member {
        Some(member) => membership(text, member),
        None => field(text, "network", &status.network_id.to_string()),
    }
    for warning in &status.warnings {
        field(text, "warning", &plain(warning));
    }
}

fn membership(text: &mut String, member: &Member) {
    field(text, "network", member.network.name.as_str());
    field(text, "site", member.site.name.as_str());
    let addresses: Vec<String> = member.addresses.iter().map(ToString::to_string).collect();
    if !addresses.is_empty() {
        field(text, "addresses", &addresses.join(" "));
    }
    field(text, "server", &server(member));
    field(text, "version", &version(member));
    if let Some(driver) = &member.driver {
        field(text, "driver", driver);
    }
    if let Some(outcome) = &member.outcome {
        field(text, "outcome", &plain(&say(outcome)));
        if let Some(next) = next(member, outcome) {
            field(text, "next", &next);
        }
    }
    if let Some(proving) = &member.proving {
        field(text, "proving", &waits(proving));
    }
    if !member.waits_for.is_empty() {
        let names = named(&member.waits_for).join(", ");
        field(text, "keys", &format!("are being replaced; waits for a session with: {names}"));
    }
    for line in member.shadow.iter().flat_map(foreseen) {
        field(text, "shadow", &plain(&line));
    }
    for path in worth_telling(&member.paths) {
        field(text, "path", &plain(&path_line(path)));
    }
    for tunnel in &member.tunnels {
        tunnel_lines(text, tunnel);
    }
}

/// The paths to sites where there is a choice, and those that are not well.
fn worth_telling(paths: &[PathView]) -> impl Iterator<Item = &PathView> {
    let has_choice = |path: &PathView| paths.iter().filter(|other| other.site == path.site).count() > 1;
    paths.iter().filter(move |path| path.state.status != PathStatus::Up || has_choice(path))
}

fn path_line(path: &PathView) -> String {
    let state = &path.state;
    let mut line =
        format!("{} by {} to its uplink {}: {}", path.site, path.uplink, path.far_uplink, word(state.status));
    if let (Some(latency), Some(jitter), Some(loss)) = (state.latency_ms, state.jitter_ms, state.packet_loss_pct) {
        let _ = write!(line, ", {latency} ms, jitter {jitter} ms, loss {loss} %");
    }
    if let Some(reason) = &state.reason {
        let _ = write!(line, "; {reason}");
    }
    if !path.policies.is_empty() {
        let names: Vec<&str> = path.policies.iter().map(|name| name.as_str()).collect();
        let _ = write!(line, "; carries what these policies take: {}", names.join(", "));
    }
    line
}

fn word(status: PathStatus) -> &'static str {
    match status {
        PathStatus::Up => "up",
        PathStatus::Degraded => "degraded",
        PathStatus::Down => "down",
    }
}

fn field(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<10} {value}");
}

fn server(member: &Member) -> String {
    match &member.contact {
        None => member.servers.join(" "),
        Some(Contact { server, reachable: true, error: Some(error), .. }) => format!("{server} ({})", plain(error)),
        // Only a new connection tells whether it is there after a change.
        Some(Contact { server, reachable: true, last_answer_at, .. }) if awaited(member) => {
            let before = last_answer_at.map(|at| format!(", last at {at:.0}")).unwrap_or_default();
            format!("{server} (answered before the change{before}; has yet to answer after it)")
        }
        Some(Contact { server, reachable: true, .. }) => format!("{server} (reachable)"),
        Some(Contact { server, error, .. }) => {
            format!("{server} (not reachable: {})", plain(error.as_deref().unwrap_or("not asked yet")))
        }
    }
}

/// Whether a change waits for the server to answer.
fn awaited(member: &Member) -> bool {
    member.proving.as_ref().is_some_and(|proving| proving.server)
}

fn version(member: &Member) -> String {
    let mut version = match &member.running {
        Some(running) => format!("{} ({})", running.version, running.digest.short()),
        None => "none yet".to_owned(),
    };
    let mode = member.contact.as_ref().and_then(|contact| contact.mode);
    if let Some(known) =
        member.known_version.filter(|known| Some(*known) != member.running.map(|running| running.version))
    {
        let _ = write!(version, ", the server has {known}");
    }
    match mode {
        Some(Mode::Hold) => version.push_str(", held"),
        Some(Mode::Shadow) => version.push_str(", shadow: nothing is changed"),
        Some(Mode::Return) => version.push_str(", told to return"),
        Some(Mode::Apply) | None => {}
    }
    if member.halted.is_some_and(|halted| halted.paused) {
        version.push_str(", paused here");
    }
    if let Some(left) = member.halted.and_then(|halted| halted.left_version) {
        let _ = write!(version, ", stays here since version {left} was left");
    }
    version
}

fn say(outcome: &Outcome) -> String {
    let word = match outcome.result {
        OutcomeKind::Applied => "applied",
        OutcomeKind::Refused => "refused",
        OutcomeKind::Failed => "failed",
        OutcomeKind::Reverted => "reverted",
    };
    let mut line = format!("version {} {word} in {} ms", outcome.version, outcome.duration_ms);
    let counts = counted(&outcome.steps);
    // What was undone counts as what was tried.
    if !counts.is_empty() && outcome.result == OutcomeKind::Applied {
        let _ = write!(line, ": {counts}");
    }
    if let Some(reason) = &outcome.reason {
        let _ = write!(line, ": {reason}");
    }
    line
}

/// What comes next where the newest version does not run, and what a person can do.
fn next(member: &Member, outcome: &Outcome) -> Option<String> {
    let overtaken = member.known_version.is_some_and(|known| known > outcome.version);
    if outcome.result == OutcomeKind::Applied || overtaken {
        return None;
    }
    let condemned = member.undone.iter().any(|undone| undone.digest == outcome.digest);
    Some(match outcome.result {
        _ if condemned => format!(
            "this content ({}) is marked bad and not tried again here, under any version, unless you say so: patronus-agent retry",
            outcome.digest.short()
        ),
        OutcomeKind::Refused => {
            "waits for another version; to have this one looked at again: patronus-agent retry".to_owned()
        }
        _ => "it is tried again, later and later; to try it now: patronus-agent retry".to_owned(),
    })
}

fn foreseen(shadow: &Shadow) -> Vec<String> {
    let Shadow { version, steps, plan, refusal } = shadow;
    if let Some(refusal) = refusal {
        return vec![format!("version {version} could not be applied: {refusal}")];
    }
    let first = match counted(steps).as_str() {
        "" => format!("version {version} would change no tunnel"),
        counts => format!("version {version}: {counts}"),
    };
    std::iter::once(first).chain(plan.iter().map(|line| format!("would {line}"))).collect()
}

/// What was done to tunnels and peers, as far as anything was.
fn counted(steps: &Steps) -> String {
    let counts = [
        ("kept", steps.kept),
        ("changed", steps.changed),
        ("restarted", steps.restarted),
        ("created", steps.created),
        ("removed", steps.removed),
    ];
    let counts = counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn waits(Proving { version, left_s, server, peers }: &Proving) -> String {
    let all: Vec<String> = server.then(|| "the server".to_owned()).into_iter().chain(named(peers)).collect();
    format!("version {version}, {left_s} s left, waits for: {}", all.join(", "))
}

/// The first few names, and how many more there are.
fn named(names: &[Name]) -> Vec<String> {
    let more = names.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    names.iter().take(NAMED).map(Name::to_string).chain(more).collect()
}

fn tunnel_lines(text: &mut String, tunnel: &TunnelStatus) {
    let TunnelStatus { interface, port, mtu, peers, .. } = tunnel;
    let alive = peers.iter().filter(|peer| peer.alive).count();
    field(text, "tunnel", &format!("{interface}  port {port}  mtu {mtu}  {alive} of {} peers alive", peers.len()));
    for peer in peers {
        peer_line(text, peer);
    }
}

fn peer_line(text: &mut String, peer: &PeerStatus) {
    let name = peer.name.as_ref().map_or_else(|| peer.public_key.to_string(), ToString::to_string);
    let endpoint = peer.endpoint.map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string());
    let handshake = match peer.handshake_age_s {
        Some(age) => format!("handshake {age} s ago"),
        None => "no handshake yet".to_owned(),
    };
    let _ = writeln!(text, "  {name:<20} {endpoint:<24} {handshake}, {} B in, {} B out", peer.rx_bytes, peer.tx_bytes);
}

/// Text that came from elsewhere, without what a terminal would obey.
fn plain(text: &str) -> String {
    let bidi =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let safe = |letter: char| if letter.is_control() || bidi(letter) { '\u{fffd}' } else { letter };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use patronus_types::api::agent::Undone;

    use super::*;
    use crate::fakes::{Lab, proven, state};

    async fn status(agent_running: bool) -> Status {
        let lab = Lab::new();
        let version = lab.version(7, 2);
        let mut network = lab.open();
        network.told(state(Mode::Apply, &version));
        network.take(&version.desired, &version.archive).await;
        proven(&mut network).await;
        network.heard("https://a.example");
        network.not_fetched(&lab.version(8, 3).desired, &"the \u{1b}[31mserver\u{202e} is away");
        let networks = vec![network.status(agent_running).await];
        Status { agent_version: crate::VERSION.to_owned(), agent_running, networks }
    }

    #[tokio::test]
    async fn a_block_for_each_network() {
        let text = render(&status(true).await);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "network    net",
                "site       site-0",
                "addresses  10.210.0.1",
                "server     https://a.example (reachable)"
            ]
        );
        assert!(lines[4].starts_with("version    7 ("), "{text}");
        assert!(text.contains("tunnel     pt000  port 51820  mtu 1420  0 of 2 peers alive\n  site-1 "), "{text}");
        assert!(text.contains("no handshake yet"));
    }

    #[test]
    fn what_a_change_waits_for_is_named() {
        let peers = (1..=7).map(|number| format!("site-{number}").parse().unwrap()).collect();
        let proving = Proving { version: 3, left_s: 24, server: true, peers };
        let said = "version 3, 24 s left, waits for: the server, site-1, site-2, site-3, site-4, site-5, 2 more";
        assert_eq!(waits(&proving), said);
    }

    #[tokio::test]
    async fn a_server_that_a_change_waits_for_is_not_said_to_be_reachable() {
        let mut status = status(true).await;
        let member = status.networks[0].member.as_mut().unwrap();
        member.proving = Some(Proving { version: 8, left_s: 20, server: true, peers: Vec::new() });
        let text = render(&status);
        assert!(!text.contains("(reachable)"), "{text}");
        assert!(text.contains("https://a.example (answered before the change, last at "), "{text}");
        assert!(text.contains("; has yet to answer after it)\n"), "{text}");
        let member = status.networks[0].member.as_mut().unwrap();
        member.proving.as_mut().unwrap().server = false;
        assert!(render(&status).contains("https://a.example (reachable)"));
    }

    #[tokio::test]
    async fn what_was_undone_says_what_comes_next() {
        let mut status = status(true).await;
        let member = status.networks[0].member.as_mut().unwrap();
        let outcome = member.outcome.as_mut().unwrap();
        (outcome.result, outcome.reason) = (OutcomeKind::Reverted, Some("it was silent".to_owned()));
        member.known_version = Some(7);
        let undone = Undone { version: 7, digest: outcome.digest };
        let said = |status: &Status| {
            let text = render(status);
            let lines = text.lines().filter(|line| line.starts_with("outcome") || line.starts_with("next"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let [outcome, next] = said(&status).try_into().unwrap();
        assert!(outcome.ends_with(" ms: it was silent"), "what was undone was not changed: {outcome}");
        assert!(next.starts_with("next       it is tried again, later and later"), "{next}");
        status.networks[0].member.as_mut().unwrap().undone.push(undone);
        let next = said(&status).remove(1);
        assert!(next.contains("is marked bad") && next.ends_with("patronus-agent retry"), "{next}");
        status.networks[0].member.as_mut().unwrap().known_version = Some(8);
        assert_eq!(said(&status).len(), 1, "another version is on its way");
    }

    #[tokio::test]
    async fn a_site_that_is_no_longer_known_is_told_what_to_do() {
        use crate::control::ControlError;
        use patronus_types::api::error::ErrorCode;

        let lab = Lab::new();
        let mut network = lab.open();
        let code = ErrorCode::Unauthenticated;
        let refused = ControlError::Refused { code, detail: "log in again".to_owned(), retry_after: None };
        network.unheard("https://a.example", &refused);
        let networks = vec![network.status(true).await];
        let text = render(&Status { agent_version: crate::VERSION.to_owned(), agent_running: true, networks });
        assert!(text.contains("https://a.example (it refuses this site"), "{text}");
        assert!(text.contains("leave --network net") && !text.contains("log in"), "{text}");
    }

    #[tokio::test]
    async fn a_terminal_is_told_nothing_by_a_server() {
        let text = render(&status(true).await);
        assert!(text.contains("the \u{fffd}[31mserver\u{fffd} is away"), "{text}");
    }

    #[tokio::test]
    async fn without_an_agent_nothing_is_said_of_servers() {
        let status = status(false).await;
        assert!(render(&status).starts_with("no agent runs here"));
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["networks"][0]["member"]["contact"], serde_json::Value::Null);
        assert_eq!(json["networks"][0]["member"]["running"]["version"], 7);
        assert_eq!(serde_json::from_value::<Status>(json).unwrap(), status);
    }
}
