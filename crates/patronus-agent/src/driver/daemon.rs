//! The host's side of the agent: signals, the local socket, the kernel's news, and one loop for each network.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use patronus_types::NetworkId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Command, Errand, File, network};
use crate::effects::{News, Watch, disk};
use crate::failure::{Exit, Failure};
use crate::local::{Call, Listener, Request, Response};
use crate::network::{Network, Teller};
use crate::state::{Entry, StateDir};
use crate::status::NetworkStatus;
use crate::world::World;

/// How often the folder is looked at for networks that came without anybody saying so.
const RESCAN: Duration = Duration::from_secs(60);
/// The same while one of them cannot be read: somebody may be mending it.
const RESCAN_BROKEN: Duration = Duration::from_secs(10);
/// How long a network may take to end the step it is at.
const STOP: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(30);

/// The networks of this host, each with its loop.
struct Daemon {
    state: StateDir,
    world: World,
    running: BTreeMap<NetworkId, Member>,
    unreadable: BTreeMap<NetworkId, String>,
    news: watch::Sender<u64>,
    listed: Option<SystemTime>,
}

struct Member {
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

enum Event {
    Call(Option<Call>),
    Kernel(Option<News>),
    Rescan,
    Stop,
}

/// Runs until it is told to stop. Tunnels stay as they are.
pub async fn run(folder: &Path, world: World) -> Result<(), Failure> {
    let state = StateDir::create(folder)?;
    let _lock: disk::StateLock = state.lock()?;
    let mut signals = Signals::new().map_err(|error| Failure::new(Exit::Failed, error))?;
    let (calls, mut inbox) = mpsc::channel(8);
    let _socket = Listener::bind(state.socket(), calls).map_err(|error| {
        Failure::new(Exit::State, format_args!("cannot answer on {}: {error}", state.socket().display()))
    })?;
    let mut kernel = Watch::new().ok();
    let (news, _) = watch::channel(0);
    let mut daemon = Daemon { state, world, running: BTreeMap::new(), unreadable: BTreeMap::new(), news, listed: None };
    daemon.rescan();
    daemon.greet();
    let mut rescan_at = Instant::now() + daemon.rescan_in();
    loop {
        let event = tokio::select! {
            () = signals.stop() => Event::Stop,
            call = inbox.recv() => Event::Call(call),
            news = kernel_news(&mut kernel) => Event::Kernel(news),
            () = sleep_until(rescan_at) => Event::Rescan,
        };
        match event {
            Event::Stop | Event::Call(None) => break,
            Event::Call(Some(call)) => daemon.answer(call),
            Event::Kernel(Some(_)) => daemon.news.send_modify(|count| *count += 1),
            Event::Kernel(None) => {
                // The listener ended; until the next one begins, each network looks by itself now and then.
                kernel = None;
                daemon.news.send_modify(|count| *count += 1);
            }
            Event::Rescan => {
                kernel = kernel.or_else(|| Watch::new().ok());
                daemon.rescan_if_changed();
                rescan_at = Instant::now() + daemon.rescan_in();
            }
        }
    }
    daemon.stop().await;
    Ok(())
}

async fn kernel_news(kernel: &mut Option<Watch>) -> Option<News> {
    match kernel {
        Some(watch) => watch.news().await,
        None => std::future::pending().await,
    }
}

impl Daemon {
    fn greet(&self) {
        let (networks, driver) = (self.running.len(), self.world.device.driver());
        tracing::info!(version = crate::VERSION, state = %self.state.root().display(), networks, %driver, "patronus-agent runs");
        if !self.world.host.may_change_network() {
            tracing::warn!("this process may not change the network: run it as root, or give it CAP_NET_ADMIN");
        }
        if networks == 0 {
            tracing::info!("this host is in no network yet; `patronus-agent enrol` joins one");
        }
    }

    fn rescan_if_changed(&mut self) {
        let ended = self.running.values().any(|member| member.task.is_finished());
        // That a file was mended does not change the folder.
        if ended || !self.unreadable.is_empty() || self.listed != self.state.changed_at() {
            self.rescan();
        }
    }

    /// Takes up networks that were joined, and forgets those that were left.
    fn rescan(&mut self) {
        self.listed = self.state.changed_at();
        self.running.retain(|_, member| !member.task.is_finished());
        let before = std::mem::take(&mut self.unreadable);
        match self.state.entries() {
            Ok(entries) => entries.into_iter().for_each(|entry| self.take_up(entry, &before)),
            Err(error) => tracing::error!(%error, "the state folder cannot be listed"),
        }
    }

    /// How long until the next look at the folder.
    fn rescan_in(&self) -> Duration {
        if self.unreadable.is_empty() { RESCAN } else { RESCAN_BROKEN }
    }

    /// Takes up a network, or says why it cannot be; once for each reason.
    fn take_up(&mut self, entry: Entry, unreadable: &BTreeMap<NetworkId, String>) {
        if self.running.contains_key(&entry.network) {
            return;
        }
        let opened = entry.identity.and_then(|identity| Network::open(entry.home, identity, self.world.clone()));
        match opened {
            Ok(network) => {
                let identity = network.identity();
                tracing::info!(network = %identity.network.name, site = %identity.site.name, "takes up a network");
                let (commands, inbox) = mpsc::channel(8);
                let task = tokio::spawn(network::run(network, inbox, self.news.subscribe()));
                self.running.insert(entry.network, Member { commands, task });
            }
            Err(error) => {
                let why = error.with_advice(entry.network);
                if unreadable.get(&entry.network) != Some(&why) {
                    tracing::error!(network = %entry.network, error = why, "a network cannot be taken up; the others are not affected");
                }
                self.unreadable.insert(entry.network, why);
            }
        }
    }

    fn answer(&mut self, call: Call) {
        match call.request {
            Request::Rescan => {
                self.rescan();
                let _ = call.answer.send(Response::Done);
            }
            Request::Status => {
                // In a task of its own: a network that is busy with its kernel must not hold up the others.
                tokio::spawn(self.status(call.answer));
            }
            Request::Leave { network } => self.hand(network, call.answer, (Command::Leave, Response::Left)),
            Request::Retry { network } => self.hand(network, call.answer, (Command::Retry, Response::Ended)),
            Request::Order { network, order } => {
                self.hand(network, call.answer, (|answer| Command::Order(order, answer), Response::Ended));
            }
            Request::Revert { network } => {
                let teller = teller(call.steps);
                let command = |answer| Command::Revert(Errand { teller, answer });
                self.hand(network, call.answer, (command, Response::Ended));
            }
            Request::Apply { network, signature, .. } => {
                let (file, teller) = (File { archive: call.archive, signature }, teller(call.steps));
                let command = |answer| Command::Apply(file, Errand { teller, answer });
                self.hand(network, call.answer, (command, Response::Ended));
            }
        }
    }

    fn status(&self, answer: oneshot::Sender<Response>) -> impl Future<Output = ()> + Send + use<> {
        let networks: Vec<_> =
            self.running.iter().map(|(network, member)| (*network, member.commands.clone())).collect();
        let (unreadable, state) = (self.unreadable.clone(), self.state.clone());
        async move {
            let mut all: Vec<NetworkStatus> =
                unreadable.iter().map(|(network, why)| NetworkStatus::unreadable(*network, why)).collect();
            for (network, commands) in networks {
                let status = ask(network, &commands).await;
                // One that was left meanwhile is none of this host's.
                if state.home(network).path().exists() {
                    all.push(status);
                }
            }
            all.sort_by_key(|status| status.network_id);
            let _ = answer.send(Response::Status(all));
        }
    }

    /// Hands a question to a network's loop; its answer goes to who asked.
    fn hand<T: Send + 'static>(
        &self,
        network: NetworkId,
        answer: oneshot::Sender<Response>,
        (command, done): (impl FnOnce(oneshot::Sender<Result<T, String>>) -> Command, fn(T) -> Response),
    ) {
        let Some(member) = self.running.get(&network) else {
            let why = match self.unreadable.get(&network) {
                Some(why) => format!("{why}; stop the agent, then leave again"),
                None => format!("this agent does not run network {network}"),
            };
            let _ = answer.send(Response::Failed(why));
            return;
        };
        let commands = member.commands.clone();
        let (asked, told) = oneshot::channel();
        let command = command(asked);
        tokio::spawn(async move {
            let sent = commands.send(command).await;
            let _ = answer.send(match (sent, told.await) {
                (Ok(()), Ok(Ok(value))) => done(value),
                (Ok(()), Ok(Err(why))) => Response::Failed(why),
                _ => Response::Failed("the network ended meanwhile".to_owned()),
            });
        });
    }

    /// Lets each network end the step it is at. What a longer one leaves undone is done at the next start.
    async fn stop(self) {
        tracing::info!("stops; tunnels stay as they are");
        let deadline = Instant::now() + STOP;
        let tasks: Vec<JoinHandle<()>> = self.running.into_values().map(|member| member.task).collect();
        for task in tasks {
            let _ = tokio::time::timeout_at(deadline, task).await;
        }
    }
}

/// Sends each step to who asked; nobody may be listening any more.
fn teller(steps: mpsc::UnboundedSender<String>) -> Teller {
    Arc::new(move |line| {
        let _ = steps.send(line);
    })
}

async fn ask(network: NetworkId, commands: &mpsc::Sender<Command>) -> NetworkStatus {
    let (answer, told) = oneshot::channel();
    let asked = async {
        commands.send(Command::Status(answer)).await.ok()?;
        told.await.ok()
    };
    match timeout(ANSWER, asked).await {
        Ok(Some(status)) => status,
        Ok(None) => NetworkStatus::unreadable(network, &"it ended and is taken up again soon"),
        Err(_) => NetworkStatus::unreadable(network, &"it is busy and did not answer"),
    }
}

/// The signals that stop the agent.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Lab;

    fn daemon(lab: &Lab) -> Daemon {
        let (news, _) = watch::channel(0);
        Daemon {
            state: lab.state(),
            world: lab.world(),
            running: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            news,
            listed: None,
        }
    }

    #[tokio::test]
    async fn a_network_is_taken_up_when_its_file_was_mended() {
        let lab = Lab::new();
        let path = lab.home().path().join("identity.json");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, b"{").unwrap();
        let mut daemon = daemon(&lab);
        daemon.rescan();
        let why = daemon.unreadable.values().next().unwrap();
        assert!(why.contains("identity.json") && why.contains("leave --network network_"), "{why}");
        assert_eq!(daemon.rescan_in(), RESCAN_BROKEN);
        std::fs::write(&path, whole).unwrap();
        daemon.rescan_if_changed();
        assert!(daemon.unreadable.is_empty());
        assert_eq!(daemon.running.len(), 1);
        daemon.stop().await;
    }

    #[tokio::test]
    async fn a_network_that_was_left_is_not_shown() {
        let lab = Lab::new();
        let mut daemon = daemon(&lab);
        daemon.rescan();
        lab.home().remove().unwrap();
        let (answer, told) = oneshot::channel();
        daemon.status(answer).await;
        assert_eq!(told.await.unwrap(), Response::Status(Vec::new()));
        daemon.stop().await;
    }
}
