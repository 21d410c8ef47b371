mod orders;
mod paths;
mod proof;

use std::sync::Arc;
use std::time::Duration;

use patronus_types::api::agent::{Mode, OutcomeKind};
use patronus_types::api::error::ErrorCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::*;
use crate::config::Polling;
use crate::fakes::{Lab, Say, state};
use crate::network::Network;

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
