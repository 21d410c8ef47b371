use std::sync::Arc;
use std::time::Duration;

use patronus_types::Name;
use patronus_types::api::agent::{Mode, OutcomeKind};
use patronus_types::api::error::ErrorCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::*;
use crate::config::Polling;
use crate::fakes::{Lab, Say, state};
use crate::network::Network;
use crate::state::Order;

/// A network's loop on a paused clock.
struct Agent {
    commands: mpsc::Sender<Command>,
    news: watch::Sender<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Agent {
    fn start(lab: &Lab) -> Self {
        Self::start_network(lab.open())
    }

    fn start_network(network: Network) -> Self {
        let (commands, inbox) = mpsc::channel(8);
        let (news, heard) = watch::channel(0);
        Self { commands, news, task: tokio::spawn(network::run(network, inbox, heard)) }
    }

    async fn status(&self) -> NetworkStatus {
        let (answer, told) = oneshot::channel();
        self.commands.send(Command::Status(answer)).await.unwrap();
        told.await.unwrap()
    }

    async fn stop(self) {
        drop(self.commands);
        self.task.await.unwrap();
    }
}

/// Lets time pass.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn asked(lab: &Lab, what: &str) -> usize {
    lab.server.inner().asked.iter().filter(|line| line.ends_with(what)).count()
}

#[tokio::test(start_paused = true)]
async fn a_published_version_is_running_at_once_and_reported() {
    let lab = Lab::new();
    let agent = Agent::start(&lab);
    pass(1).await;
    assert_eq!(lab.server.inner().reports.len(), 1, "that it is there");
    lab.publish(&lab.version(1, 2));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(lab.kernel.tunnels(), [("pt000".to_owned(), 1, 2)]);
    pass(1).await;
    let report = lab.server.inner().reports.last().cloned().unwrap();
    assert_eq!(report.running.unwrap().version, 1);
    assert_eq!(report.outcome.unwrap().result, OutcomeKind::Applied);
    assert_eq!(report.driver.as_deref(), Some("userspace"));
    agent.stop().await;
    assert_eq!(lab.kernel.tunnels().len(), 1, "a clean stop leaves the tunnels");
}

#[tokio::test(start_paused = true)]
async fn waiting_is_cheap() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(3600).await;
    let (states, reports) = (asked(&lab, "state"), lab.server.inner().reports.len());
    assert!((60..=70).contains(&states), "{states} requests in an hour");
    assert!(reports <= 20, "{reports} reports in an hour");
    let numbers: Vec<u64> = lab.server.inner().reports.iter().map(|report| report.seq).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn plain_polling_works_too() {
    let lab = Lab::new();
    let world = crate::world::World { polling: Polling::Interval, ..lab.world() };
    let network = Network::open(lab.home(), lab.identity(), world).unwrap();
    let agent = Agent::start_network(network);
    pass(100).await;
    let states = asked(&lab, "state");
    assert!((18..=26).contains(&states), "{states} requests in 100 s");
    lab.publish(&lab.version(1, 2));
    pass(7).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tunnels_come_from_the_disk_without_a_server() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    agent.stop().await;
    let before = lab.kernel.shape();
    lab.kernel.delete("pt000");
    lab.server.says(std::iter::repeat_n(Say::Away, 100_000));
    let agent = Agent::start(&lab);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let fresh = lab.kernel.shape();
    assert_eq!(fresh, before);
    let asked_before = asked(&lab, "state");
    pass(24 * 3600).await;
    let tries = asked(&lab, "state") - asked_before;
    assert!((24 * 3600 / 30..24 * 3600).contains(&tries), "{tries} tries in a day at two servers");
    let member = agent.status().await.member.unwrap();
    let contact = member.contact.unwrap();
    assert!(!contact.reachable && contact.error.unwrap().contains("connection refused"));
    lab.server.inner().script.clear();
    lab.publish(&lab.version(2, 3));
    pass(31).await;
    assert_eq!(lab.kernel.tunnels()[0].2, 3, "it comes back by itself");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_server_is_asked_when_one_fails() {
    let lab = Lab::new();
    lab.server.says([Say::Away]);
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(lab.kernel.tunnels().len(), 1, "without waiting");
    assert_eq!(lab.server.inner().asked[..2], ["https://a.example state", "https://b.example state"]);
    assert_eq!(agent.status().await.member.unwrap().contact.unwrap().server, "https://b.example");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rubbish_and_refusals_do_no_harm() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    let before = lab.kernel.shape();
    let codes = [ErrorCode::Internal, ErrorCode::RateLimited, ErrorCode::Unavailable, ErrorCode::NotFound];
    let script = codes.into_iter().map(Say::No).chain([Say::Rubbish, Say::Away, Say::Rubbish]);
    lab.server.says(script);
    lab.server.want(state(Mode::Apply, &lab.version(1, 2)));
    pass(600).await;
    assert_eq!(lab.kernel.shape(), before);
    assert!(agent.status().await.member.unwrap().contact.unwrap().reachable);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_shown_seldom() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    lab.server.says(std::iter::repeat_n(Say::No(ErrorCode::Unauthenticated), 100_000));
    lab.server.want(state(Mode::Apply, &lab.version(2, 3)));
    pass(2).await;
    let before = asked(&lab, "state");
    pass(24 * 3600).await;
    let tries = asked(&lab, "state") - before;
    assert!((90..=400).contains(&tries), "{tries} tries in a day");
    assert_eq!(lab.kernel.tunnels().len(), 1, "tunnels stay");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_download_goes_on_where_it_broke_off() {
    let lab = Lab::new();
    let agent = Agent::start(&lab);
    pass(1).await;
    // The answer to the waiting question, then two that break off.
    let version = lab.version(1, 5);
    lab.server.says([Say::Yes, Say::Part(10), Say::Part(20)]);
    lab.publish(&version);
    pass(30).await;
    assert_eq!(lab.kernel.tunnels()[0].2, 5);
    let ranges = lab.server.inner().ranges.clone();
    assert!(ranges.contains(&10), "{ranges:?}");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_is_not_what_was_announced_never_runs() {
    let lab = Lab::new();
    let version = lab.version(1, 2);
    lab.server.serve(version.desired.digest, lab.version(1, 3).archive);
    lab.server.want(state(Mode::Apply, &version));
    let agent = Agent::start(&lab);
    pass(3600).await;
    assert_eq!(lab.kernel.tunnels(), []);
    let downloads = asked(&lab, "bundle");
    assert!((5..40).contains(&downloads), "{downloads} downloads in an hour");
    assert_eq!(agent.status().await.member.unwrap().outcome.unwrap().result, OutcomeKind::Refused);
    lab.publish(&version);
    pass(1).await;
    assert_eq!(lab.kernel.tunnels(), [], "the same state again is no news");
    pass(900).await;
    assert_eq!(lab.kernel.tunnels().len(), 1, "but it is fetched again now and then");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_kernels_news_lead_to_a_look() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(5).await;
    lab.kernel.delete("pt000");
    agent.news.send_modify(|count| *count += 1);
    pass(1).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    lab.kernel.delete("pt000");
    pass(75).await;
    assert_eq!(lab.kernel.tunnels().len(), 1, "also where nothing was said");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_failed_here_is_tried_again() {
    let lab = Lab::new();
    lab.kernel.state().fail = Some(("create".to_owned(), 2));
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    let outcome = agent.status().await.member.unwrap().outcome.unwrap();
    assert_eq!(outcome.result, OutcomeKind::Failed);
    pass(60).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    assert_eq!(lab.server.inner().reports.last().unwrap().outcome.clone().unwrap().result, OutcomeKind::Applied);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn leaving_ends_the_loop() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    lab.server.says([Say::Away, Say::Away]);
    let (answer, told) = oneshot::channel();
    agent.commands.send(Command::Leave(answer)).await.unwrap();
    let notes = told.await.unwrap().unwrap();
    assert!(notes[0].contains("patronusctl site delete site-0"), "{notes:?}");
    agent.task.await.unwrap();
    assert_eq!(lab.kernel.tunnels(), []);
    assert!(lab.state().entries().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_does_not_stop_the_rest() {
    let lab = Lab::new();
    lab.publish(&lab.version(1, 2));
    let agent = Agent::start(&lab);
    pass(1).await;
    lab.server.says([Say::Silence]);
    lab.server.want(state(Mode::Apply, &lab.version(1, 2)));
    pass(1).await;
    lab.kernel.delete("pt000");
    let started = Instant::now();
    agent.status().await;
    assert!(started.elapsed() < Duration::from_secs(1));
    pass(75).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_networks_do_not_wait_for_each_other() {
    let (one, two) = (Lab::new(), Lab::new());
    one.server.says([Say::Silence]);
    two.publish(&two.version(1, 2));
    let (stuck, free) = (Agent::start(&one), Agent::start(&two));
    pass(1).await;
    assert_eq!(two.kernel.tunnels().len(), 1);
    assert_eq!(Arc::strong_count(&one.world().device), 1);
    stuck.stop().await;
    free.stop().await;
}

/// An agent with so many peers whose agents answer so many packets from now on.
async fn proven(lab: &Lab, peers: usize, answers: usize) -> Agent {
    lab.publish(&lab.version(1, peers));
    let agent = Agent::start(lab);
    pass(1).await;
    lab.kernel.handshake(Some("2026-11-20T23:59:00Z".parse().unwrap()));
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), answers);
    agent
}

fn outcome(lab: &Lab) -> (u64, OutcomeKind, String) {
    let outcome = lab.server.inner().reports.last().cloned().unwrap().outcome.unwrap();
    (outcome.version, outcome.result, outcome.reason.unwrap_or_default())
}

/// Packets to one peer before a change: a small one and one of full size.
const BEFORE: usize = 2;

#[tokio::test(start_paused = true)]
async fn a_change_that_holds_is_kept_as_soon_as_it_is_proven() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    lab.publish(&lab.version(2, 3));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.kernel.tunnels()[0].2, 3);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_many_peers_each_is_asked() {
    let lab = Lab::new();
    let agent = proven(&lab, 150, usize::MAX).await;
    lab.publish(&lab.version(2, 151));
    pass(3).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    // Half may fall silent, and which half must not matter.
    let peers = lab.open().running_content().peers;
    lab.kernel.handshake(Some("2026-11-20T23:59:00Z".parse().unwrap()));
    lab.echo.answers(peers.iter().take(70).flat_map(|peer| peer.addresses.clone()), BEFORE);
    lab.publish(&lab.version(3, 150));
    pass(40).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_does_not_prove_itself_by_the_routes_of_the_one_before() {
    let lab = Lab::new();
    let agent = proven(&lab, 3, BEFORE).await;
    let (before, gone) = (lab.kernel.shape(), "10.3.0.0/16".parse().unwrap());
    let leads = || lab.kernel.routes().iter().any(|route| route.destination == gone);
    assert!(leads());
    lab.publish(&lab.version(2, 2));
    pass(20).await;
    assert!(agent.status().await.member.unwrap().proving.is_some() && !leads());
    assert_eq!(lab.kernel.tunnels()[0].2, 3, "its session may be needed again");
    pass(12).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_silences_a_peer_is_undone_and_not_tried_again() {
    let mut lab = Lab::new();
    lab.echo = lab.echo.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(29).await;
    assert_ne!(lab.kernel.shape(), before, "it has half a minute");
    let proving = agent.status().await.member.unwrap().proving.unwrap();
    let names: Vec<&str> = proving.peers.iter().map(Name::as_str).collect();
    assert_eq!((proving.version, proving.server, names), (2, false, vec!["site-1", "site-2"]));
    assert!((1..=2).contains(&proving.left_s), "{}", proving.left_s);
    pass(4).await;
    assert_eq!(lab.kernel.shape(), before);
    let (version, kind, reason) = outcome(&lab);
    assert_eq!((version, kind), (2, OutcomeKind::Reverted));
    assert_eq!(reason, "2 of 2 peers silent for 30 s after the change: site-1, site-2");
    assert_eq!(lab.server.inner().reports.last().unwrap().running.unwrap().version, 1);
    let fetched = asked(&lab, "bundle");
    lab.publish(&lab.version(3, 3));
    pass(600).await;
    let (version, kind, reason) = outcome(&lab);
    assert_eq!((version, kind), (3, OutcomeKind::Refused));
    assert!(reason.contains("the same was tried here as version 2"), "{reason}");
    assert_eq!((lab.kernel.shape(), asked(&lab, "bundle")), (before, fetched));
    lab.echo.heal();
    let (answer, told) = oneshot::channel();
    agent.commands.send(Command::Retry(answer)).await.unwrap();
    told.await.unwrap().unwrap();
    pass(40).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()), "tried again when somebody says so");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_no_agent_answers_authenticated_bytes_are_the_proof() {
    for bytes in [32, 0] {
        let lab = Lab { mute: true, ..Lab::new() };
        let agent = proven(&lab, 2, 0).await;
        lab.kernel.receive(1000);
        lab.publish(&lab.version(2, 3));
        pass(11).await;
        let proving = agent.status().await.member.unwrap().proving.unwrap();
        assert_eq!(proving.peers.len(), 2, "what came before proves nothing");
        lab.kernel.receive(bytes);
        pass(40).await;
        let expected = if bytes > 0 { OutcomeKind::Applied } else { OutcomeKind::Reverted };
        assert_eq!(outcome(&lab).1, expected, "{bytes}");
        agent.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cuts_off_the_server_is_undone_and_not_tried_again() {
    let mut lab = Lab::new();
    lab.server = lab.server.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(40).await;
    assert_eq!(lab.kernel.shape(), before);
    let reason = "server unreachable for 30 s after the change (connection refused)".to_owned();
    assert_eq!(outcome(&lab), (2, OutcomeKind::Reverted, reason));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_by_itself_condemns_no_change() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    // The version and its bundle, and then nothing.
    lab.server.says([Say::Yes, Say::Yes].into_iter().chain(std::iter::repeat_n(Say::Away, 10_000)));
    lab.publish(&lab.version(2, 3));
    pass(31).await;
    assert_eq!(lab.kernel.shape(), before);
    pass(14).await;
    assert_eq!(agent.status().await.member.unwrap().outcome.unwrap().result, OutcomeKind::Reverted);
    pass(3600).await;
    lab.server.inner().script.clear();
    pass(1200).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()), "once the server is there");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn peers_that_stay_silent_when_it_is_undone_condemn_no_change() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(40).await;
    assert_eq!(lab.kernel.shape(), before);
    pass(1200).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()), "it was never the change");
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_away_must_be_there_for_the_next_try() {
    let mut lab = Lab::new();
    lab.server = lab.server.cut_off_by(&lab.kernel, 2);
    let agent = proven(&lab, 2, usize::MAX).await;
    let before = lab.kernel.shape();
    // Away by itself for a while beside being cut off, so that nobody can tell whose fault it is at first.
    lab.publish(&lab.version(2, 3));
    pass(20).await;
    lab.server.says(std::iter::repeat_n(Say::Away, 40));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    assert_eq!(outcome(&lab).1, OutcomeKind::Reverted);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_stopped_undoes_what_has_not_proven_itself() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    lab.publish(&lab.version(2, 3));
    pass(10).await;
    assert_ne!(lab.kernel.shape(), before);
    agent.stop().await;
    assert_eq!(lab.kernel.shape(), before);
    assert!(lab.home().journal().unwrap().is_none());
    assert_eq!(lab.home().progress().interrupted, None, "that is no fault of the bundle");
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_does_not_wait_for_the_proof_of_an_older_one() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    lab.publish(&lab.version(3, 4));
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_while_a_change_proves_itself_comes_back() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    let changed = lab.kernel.shape();
    lab.kernel.delete("pt000");
    agent.news.send_modify(|count| *count += 1);
    pass(3).await;
    assert_eq!(lab.kernel.tunnels().len(), 1);
    assert!(lab.kernel.shape().len() >= changed.len() - 200);
    agent.stop().await;
}

/// Asks the loop to run a version from a file; the end comes when it has ended.
async fn bring(agent: &Agent, version: &crate::fakes::Version) -> oneshot::Receiver<Result<String, String>> {
    let (answer, end) = oneshot::channel();
    let file = File { archive: version.archive.clone(), signature: version.desired.signatures[0].clone() };
    agent.commands.send(Command::Apply(file, Errand { teller: Arc::new(drop), answer })).await.unwrap();
    end
}

#[tokio::test(start_paused = true)]
async fn a_file_is_awaited_to_its_end_and_the_server_does_not_fight_it() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    let end = bring(&agent, &lab.version(5, 3)).await.await.unwrap();
    assert!(end.unwrap().starts_with("version 5 runs: "));
    pass(600).await;
    assert_eq!(outcome(&lab), (5, OutcomeKind::Applied, String::new()), "the server still says version 1");
    assert_eq!(lab.server.inner().reports.last().unwrap().highest_accepted, 5);
    let end = bring(&agent, &lab.version(5, 3)).await.await.unwrap();
    assert_eq!(end.unwrap(), "version 5 runs already");
    lab.publish(&lab.version(6, 2));
    pass(1).await;
    assert_eq!(outcome(&lab), (6, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_file_hears_how_it_ended() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    let ends = [bring(&agent, &lab.version(2, 3)).await, bring(&agent, &lab.version(2, 3)).await];
    pass(20).await;
    // The server's older version does not overtake it.
    lab.publish(&lab.version(1, 2));
    pass(5).await;
    assert_ne!(lab.kernel.shape(), before, "it has half a minute");
    for end in ends {
        let why = end.await.unwrap().unwrap_err();
        assert!(why.contains("2 of 2 peers silent for 30 s"), "{why}");
    }
    assert_eq!(lab.kernel.shape(), before);
    let peers = lab.open().running_content().peers;
    let answer = || lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), BEFORE);
    answer();
    let end = bring(&agent, &lab.version(3, 3)).await;
    pass(5).await;
    lab.publish(&lab.version(4, 2));
    assert!(end.await.unwrap().unwrap_err().contains("was given up for another one"));
    answer();
    let end = bring(&agent, &lab.version(5, 4)).await;
    pass(5).await;
    agent.stop().await;
    assert!(end.await.unwrap().unwrap_err().contains("the agent was stopped"));
    assert_eq!(lab.kernel.tunnels()[0].2, 2);
}

async fn order(agent: &Agent, order: Order) {
    let (answer, told) = oneshot::channel();
    agent.commands.send(Command::Order(order, answer)).await.unwrap();
    told.await.unwrap().unwrap();
}

async fn revert(agent: &Agent) -> Result<String, String> {
    let (answer, end) = oneshot::channel();
    agent.commands.send(Command::Revert(Errand { teller: Arc::new(drop), answer })).await.unwrap();
    end.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_paused_site_finishes_its_change_reports_and_takes_nothing_more() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    order(&agent, Order::Pause).await;
    assert!(agent.status().await.member.unwrap().proving.is_some(), "it goes on");
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    lab.publish(&lab.version(3, 4));
    pass(60).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    assert!(lab.server.inner().reports.last().unwrap().halted.unwrap().paused);
    order(&agent, Order::Resume).await;
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.server.inner().reports.last().unwrap().halted, None);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn going_back_is_not_undone_by_the_server() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, usize::MAX).await;
    lab.publish(&lab.version(2, 3));
    pass(2).await;
    assert!(revert(&agent).await.unwrap().starts_with("version 1 runs: "));
    pass(3600).await;
    assert_eq!(outcome(&lab), (1, OutcomeKind::Applied, String::new()));
    assert_eq!(lab.server.inner().reports.last().unwrap().halted.unwrap().left_version, Some(2));
    lab.publish(&lab.version(3, 2));
    pass(2).await;
    assert_eq!(outcome(&lab), (3, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_proves_itself_is_undone_when_somebody_says_so() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    let before = lab.kernel.shape();
    let end = bring(&agent, &lab.version(2, 3)).await;
    pass(5).await;
    lab.publish(&lab.version(2, 3));
    assert!(revert(&agent).await.unwrap().starts_with("version 1 runs again"));
    assert!(end.await.unwrap().unwrap_err().contains("by `patronus-agent revert`"));
    pass(3600).await;
    assert_eq!(lab.kernel.shape(), before);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_server_holds_keeps_running_and_a_proof_is_finished() {
    let lab = Lab::new();
    let agent = proven(&lab, 2, BEFORE).await;
    lab.publish(&lab.version(2, 3));
    pass(5).await;
    lab.server.want(state(Mode::Hold, &lab.version(3, 4)));
    pass(1).await;
    let peers = lab.open().running_content().peers;
    lab.echo.answers(peers.iter().flat_map(|peer| peer.addresses.clone()), usize::MAX);
    pass(60).await;
    assert_eq!(outcome(&lab), (2, OutcomeKind::Applied, String::new()));
    agent.stop().await;
}
