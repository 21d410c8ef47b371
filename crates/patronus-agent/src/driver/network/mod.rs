//! One membership's loop. It sleeps until the earliest of: an answer, a timer, the kernel's news, a question from here.

mod download;
mod errand;
mod paths;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use patronus_core::backoff::Backoff;
use patronus_types::api::agent::{Desired, State};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Command, wheel};
use crate::control::{Answer, Control, ControlError, Server};
use crate::leave;
use crate::network::{Awaited, Evidence, Network, Retry, Todo};
use crate::poll::{Poll, spread};
use crate::probe::PathNews;

/// How often the kernel is compared with what shall run, when it says nothing by itself.
const LOOK: Duration = Duration::from_secs(5 * 60);
/// News come in bursts: a link that goes down takes its addresses and routes along.
const SETTLE: Duration = Duration::from_millis(100);
/// The same in bad weather, where news never end.
const LOOK_APART: Duration = Duration::from_secs(1);
/// How seldom at last what cannot be mended is tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const YOUNG: Duration = Duration::from_secs(30);
const YOUNG_LOOK: Duration = Duration::from_secs(10);
/// The same while keys are replaced, where traffic waits for sessions soon after a change, and otherwise: nothing tells of
/// sessions that come and go.
const WAITING_LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));
/// The same while nothing comes by some path and endpoints have names: those may have other addresses by now.
const DOUBT_LOOK: Duration = Duration::from_secs(30);
/// How often a packet goes into each tunnel. A session is renewed by a packet when it is two minutes old, and is dead at
/// three: so this lies between.
const PULSE: Duration = Duration::from_secs(125);
const PULSE_JITTER: Duration = Duration::from_secs(8);
/// How long after a change a session is begun: the others have the same news, and a first message that comes too early is
/// repeated only after five seconds.
const GREET: Duration = Duration::from_millis(500);
/// How often the server is told that nothing changed.
const REPORT: Duration = Duration::from_secs(5 * 60);
const REPORT_AGAIN: Duration = Duration::from_secs(20);
/// How soon and at last how seldom something that failed here is tried again.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15 * 60));
/// Beyond any timer that is set: a little over a year.
const FAR: Duration = Duration::from_secs(400 * 24 * 3600);

type Flight<T> = BoxFuture<'static, T>;

/// An answer to the question what to run, and how long it took.
type Asked = (Duration, Result<Answer, ControlError>);

/// What ends the sleep.
enum Event {
    Command(Option<Command>),
    Asked(Asked),
    Fetched(Result<Vec<u8>, ControlError>),
    Reported(Result<(), ControlError>),
    PathsTold(Result<(), ControlError>),
    Evidence(Evidence),
    KernelNews,
    /// A path fell silent, or is heard again, or traffic took another one.
    PathNews,
    Timer,
}

struct Loop {
    network: Network,
    poll: Poll,
    control: Option<(usize, Arc<dyn Control>)>,
    etag: Option<String>,
    asking: Option<Flight<Asked>>,
    fetching: Option<Flight<Result<Vec<u8>, ControlError>>>,
    /// What is being fetched.
    fetched: Option<Desired>,
    fetched_since: Instant,
    report: Option<Flight<Result<(), ControlError>>>,
    ask_at: Instant,
    /// While a request is under way: when the one after it may come at the soonest.
    asks_again: Instant,
    look_at: Instant,
    looked_at: Instant,
    /// After a change the kernel is looked at more often, so that the server soon hears whether sessions came up.
    young_until: Instant,
    pulse_at: Instant,
    /// Whether the sessions that this side begins after a change were begun.
    greeted: bool,
    look_again: Backoff,
    retry_at: Option<Instant>,
    retry: Backoff,
    report_at: Instant,
    reported: Option<String>,
    /// Who asked here for a change that goes on.
    waiting: Vec<(Awaited, errand::Answer)>,
    /// What becomes of paths.
    news_of_paths: watch::Receiver<PathNews>,
    /// What the server is told of paths.
    paths: paths::Telling,
}

/// Runs a membership until it is left or `commands` closes. Tunnels stay as they are then.
pub async fn run(mut network: Network, mut commands: mpsc::Receiver<Command>, mut news: watch::Receiver<u64>) {
    let news_of_paths = network.measure_paths().await;
    let whole = network.recover().await;
    let mut this = Loop::new(network, whole, news_of_paths);
    loop {
        this.answer_waiting();
        this.launch().await;
        match this.next(&mut commands, &mut news).await {
            Event::Command(None) => {
                // Nobody would be there to undo what does not hold.
                this.network.abort("the agent was stopped before the change had proven itself").await;
                this.network.rest_paths().await;
                return this.answer_waiting();
            }
            Event::Command(Some(Command::Status(answer))) => {
                let _ = answer.send(this.network.status(true).await);
            }
            Event::Command(Some(Command::Retry(answer))) => {
                let _ = answer.send(this.network.forgive());
                this.pursue().await;
            }
            Event::Command(Some(Command::Order(order, answer))) => this.obey(order, answer).await,
            Event::Command(Some(Command::Apply(file, errand))) => this.bring(&file, errand).await,
            Event::Command(Some(Command::Revert(errand))) => this.revert(errand).await,
            Event::Command(Some(Command::Leave(answer))) => {
                // The server, which is told, may be reached by what ran before alone.
                this.network.abort("the site leaves").await;
                let left = leave::leave(&mut this.network).await;
                let done = left.is_ok();
                let _ = answer.send(left);
                if done {
                    return;
                }
            }
            Event::Asked((took, result)) => this.answered(took, result).await,
            Event::Fetched(result) => this.fetched(result).await,
            Event::Reported(result) => this.reported(result),
            Event::Evidence(evidence) => this.weigh(evidence).await,
            Event::KernelNews => this.look_soon(),
            Event::PathsTold(result) => this.paths_told(result),
            Event::PathNews => this.path_news(),
            Event::Timer => this.timer().await,
        }
    }
}

impl Loop {
    fn new(network: Network, whole: bool, news_of_paths: watch::Receiver<PathNews>) -> Self {
        let identity = network.identity();
        let interval = Duration::from_secs(identity.poll_interval_s.into());
        let poll = Poll::new(network.world().polling, identity.servers.len(), interval);
        let now = Instant::now();
        let paths = paths::Telling::new(now, network.world().clock.random());
        let mut this = Self {
            network,
            poll,
            control: None,
            etag: None,
            asking: None,
            fetching: None,
            fetched: None,
            fetched_since: now,
            report: None,
            ask_at: now,
            asks_again: now,
            look_at: now + YOUNG_LOOK,
            looked_at: now,
            young_until: now + YOUNG,
            pulse_at: now + GREET,
            greeted: false,
            look_again: Backoff::new(AGAIN.0, LOOK_AGAIN),
            retry_at: None,
            retry: Backoff::new(AGAIN.0, AGAIN.1),
            report_at: now,
            reported: None,
            waiting: Vec::new(),
            news_of_paths,
            paths,
        };
        if !whole {
            this.look_at = now + this.look_again.fail(this.random());
        }
        this
    }

    /// Sends what is due.
    async fn launch(&mut self) {
        self.tell_paths().await;
        let now = Instant::now();
        if self.asking.is_none() && self.ask_at <= now {
            match self.control() {
                Ok(control) => self.ask(control),
                Err(error) => self.failed(&error),
            }
        }
        if self.report.is_none()
            && self.report_at <= now
            && self.etag.is_some()
            && let Ok(control) = self.control()
        {
            // Of what is, not of what was when somebody last looked.
            self.look().await;
            let report = self.network.report();
            self.reported = Some(self.network.gist());
            self.report = Some(Box::pin(async move { control.report(&report).await }));
        }
    }

    async fn next(&mut self, commands: &mut mpsc::Receiver<Command>, news: &mut watch::Receiver<u64>) -> Event {
        let wake = self.wake();
        tokio::select! {
            biased;
            command = commands.recv() => Event::Command(command),
            asked = land(&mut self.asking) => Event::Asked(asked),
            fetched = land(&mut self.fetching) => Event::Fetched(fetched),
            result = land(&mut self.report) => Event::Reported(result),
            evidence = self.network.evidence() => Event::Evidence(evidence),
            result = land(self.paths.flight()) => Event::PathsTold(result),
            Ok(()) = self.news_of_paths.changed() => Event::PathNews,
            changed = news.changed() => match changed {
                Ok(()) => Event::KernelNews,
                Err(_) => Event::Command(None),
            },
            () = sleep_until(wheel::slot(wake)) => Event::Timer,
        }
    }

    /// The earliest timer.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let far = now + FAR;
        // A timer that is set when an answer comes and is the earliest of all makes the runtime wake itself; one that was
        // there before, at about the same time, spares that.
        let ask = match self.asking {
            None => self.ask_at,
            Some(_) if self.asks_again > now => self.asks_again,
            Some(_) => far,
        };
        let report = if self.report.is_none() && self.etag.is_some() { self.report_at } else { far };
        let paths = self.paths.at().unwrap_or(far);
        ask.min(report).min(paths).min(self.retry_at.unwrap_or(far)).min(self.look_at).min(self.pulse_at)
    }

    async fn timer(&mut self) {
        let now = Instant::now();
        if self.pulse_at <= now {
            self.pulse();
        }
        if self.look_at <= now {
            self.look().await;
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.pursue().await;
        }
    }

    fn pulse(&mut self) {
        self.network.pulse(!self.greeted);
        self.greeted = true;
        self.pulse_at = Instant::now() + PULSE + spread(PULSE_JITTER, self.random());
    }

    /// Compares the kernel with what shall run.
    async fn look(&mut self) {
        // Within the first seconds the other side may still begin.
        let begun = self.young_until - YOUNG;
        let healed = self.network.heal(begun.elapsed() >= YOUNG_LOOK / 2).await;
        let now = Instant::now();
        let wait = match healed {
            Ok(_) => {
                self.look_again.reset();
                spread(self.usual_look(now), self.random())
            }
            Err(_) => self.look_again.fail(self.random()).max(LOOK_APART),
        };
        self.looked_at = now;
        self.look_at = now + wait;
        self.tell_changes();
    }

    /// When the kernel is looked at again, as long as all is well.
    fn usual_look(&self, now: Instant) -> Duration {
        match (now < self.young_until, self.network.has_spare()) {
            (true, true) if !self.network.waits_for().is_empty() => WAITING_LOOK.0,
            (_, true) => WAITING_LOOK.1,
            (true, false) => YOUNG_LOOK,
            (false, false) if self.network.doubts_names() => DOUBT_LOOK,
            (false, false) => LOOK,
        }
    }

    fn path_news(&mut self) {
        self.paths.hurry(Instant::now());
        if self.network.doubts_names() {
            self.look_soon();
        }
    }

    fn look_soon(&mut self) {
        let soon = (Instant::now() + SETTLE).max(self.looked_at + LOOK_APART);
        self.look_at = self.look_at.min(soon);
    }

    async fn answered(&mut self, took: Duration, result: Result<Answer, ControlError>) {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => return self.failed(&error),
        };
        let server = self.server(self.poll.preferred()).url;
        self.network.heard(&server);
        let news = match answer {
            Answer::Unchanged => false,
            Answer::Changed { etag, state } => self.told(etag, state),
        };
        let random = self.random();
        self.ask_at = Instant::now() + self.poll.succeeded(news, took, random);
        if news {
            self.retry.reset();
            self.pursue().await;
            self.tell_changes();
        }
    }

    fn told(&mut self, etag: String, state: State) -> bool {
        self.poll.set_interval(Duration::from_secs(state.poll_interval_s.into()));
        self.etag = Some(etag);
        self.network.told(state)
    }

    fn failed(&mut self, error: &ControlError) {
        let server = self.server(self.poll.preferred()).url;
        let random = self.random();
        let wait = self.poll.failed(error, random);
        self.network.unheard(&server, error);
        self.ask_at = Instant::now() + wait;
    }

    /// A piece of evidence for the change under way.
    async fn weigh(&mut self, evidence: Evidence) {
        if let Some(retry) = self.network.weigh(evidence).await {
            self.settle(retry);
            self.tell_changes();
            // What came meanwhile.
            if retry == Retry::No {
                self.pursue().await;
            }
        }
    }

    /// Does what the server wants, one change at a time.
    async fn pursue(&mut self) {
        if self.network.is_overtaken() {
            self.network.give_up("another version came before the change had proven itself").await;
        }
        if self.network.is_changing() {
            return;
        }
        let todo = self.network.wants();
        if let (Todo::Fetch(wanted), Some(fetched)) = (&todo, &self.fetched)
            && wanted == fetched
        {
            return;
        }
        (self.fetching, self.fetched) = (None, None);
        match todo {
            Todo::Nothing => self.retry_at = None,
            Todo::Refuse(desired, reason) => self.network.refuse(&desired, reason),
            Todo::Adopt(desired) => {
                let retry = self.network.adopt(&desired).await;
                self.settle(retry);
            }
            Todo::Fetch(desired) => self.fetch(desired),
        }
    }

    fn settle(&mut self, retry: Retry) {
        self.retry_at = match retry {
            Retry::No => {
                self.retry.reset();
                None
            }
            Retry::Proving => None,
            Retry::Fetch | Retry::Later => {
                let random = self.random();
                // Some wait always: the next request must not come at once, for ever.
                Some(Instant::now() + self.retry.fail(random).max(AGAIN.0 / 2))
            }
        };
        let now = Instant::now();
        self.young_until = now + YOUNG;
        (self.pulse_at, self.greeted) = (now + GREET, false);
        self.look_at = self.look_at.min(now + self.usual_look(now));
    }

    fn ask(&mut self, control: Arc<dyn Control>) {
        let ask = self.poll.ask(self.etag.is_some());
        let etag = self.etag.clone();
        self.asks_again = Instant::now() + self.poll.soonest(ask);
        self.asking = Some(Box::pin(async move {
            let started = Instant::now();
            let result = control.state(etag.as_deref(), ask.wait_s).await;
            (started.elapsed(), result)
        }));
    }

    fn reported(&mut self, result: Result<(), ControlError>) {
        let random = self.random();
        let wait = match result {
            Ok(()) => spread(REPORT, random),
            Err(error) => {
                tracing::debug!(%error, "the report was not taken");
                self.reported = None;
                spread(REPORT_AGAIN, random)
            }
        };
        self.report_at = Instant::now() + wait;
        if self.reported.is_some() {
            self.tell_changes();
        }
    }

    /// Has a report sent soon if there is something to tell.
    fn tell_changes(&mut self) {
        if self.report.is_none() && self.reported.as_ref().is_some_and(|reported| *reported != self.network.gist()) {
            self.report_at = Instant::now();
        }
    }

    /// The server to ask now. One connection is kept, to the one that answers.
    fn control(&mut self) -> Result<Arc<dyn Control>, ControlError> {
        let preferred = self.poll.preferred();
        if let Some((index, control)) = &self.control
            && *index == preferred
        {
            return Ok(Arc::clone(control));
        }
        let token = &self.network.identity().token;
        let control = self.network.world().dial.dial(&self.server(preferred), Some(token))?;
        self.control = Some((preferred, Arc::clone(&control)));
        Ok(control)
    }

    fn server(&self, index: usize) -> Server {
        let identity = self.network.identity();
        Server { url: identity.servers.get(index).cloned().unwrap_or_default(), ca_sha256: identity.ca_sha256 }
    }

    fn random(&self) -> u64 {
        self.network.world().clock.random()
    }
}

/// Waits for a flight; for ever where there is none.
async fn land<T>(slot: &mut Option<Flight<T>>) -> T {
    let landed = match slot {
        Some(flight) => flight.await,
        None => pending().await,
    };
    *slot = None;
    landed
}
