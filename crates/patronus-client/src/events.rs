//! Events: lists, and a watch that goes on after the server was away.

use std::time::Duration;

use patronus_types::api::MAX_WAIT_S;
use patronus_types::api::route::Op;
use patronus_types::event::Event;

use crate::call::Call;
use crate::{Client, Error, Pages, retry};

/// See [`Client::events`].
#[derive(Debug, Clone, Copy)]
pub struct Events<'a>(pub(crate) &'a Client);

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// A type, or a group of types (`site.`).
    pub kind: Option<String>,
    /// Only those with a greater number, oldest first; without it newest first.
    pub after: Option<u64>,
}

impl Events<'_> {
    /// Events of the scope, newest first, or after a number, oldest first.
    pub fn list(&self, filter: &Filter) -> Pages<Event> {
        Pages::of(self.0, self.call(filter).query("limit", Some(1000)))
    }

    /// The number of the newest event; 0 where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn newest(&self) -> Result<u64, Error> {
        let call = self.call(&Filter::default()).query("limit", Some(1));
        let events: Vec<Event> = self.0.send(call).await?.json()?;
        Ok(events.first().map_or(0, |event| event.number))
    }

    /// Follows events from `filter.after`, or from now on.
    ///
    /// # Errors
    /// When the newest event cannot be read.
    pub async fn watch(&self, filter: Filter) -> Result<Watch, Error> {
        let after = match filter.after {
            Some(after) => after,
            None => self.newest().await?,
        };
        Ok(Watch { client: self.0.clone(), kind: filter.kind, after, failures: 0, pause: Duration::ZERO })
    }

    fn call(&self, filter: &Filter) -> Call {
        Call::new(Op::EventList, &[]).scope(self.0).query("type", filter.kind.as_ref()).query("after", filter.after)
    }
}

/// Follows events. Its cursor is the number of the last event, so nothing is lost or seen twice.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    kind: Option<String>,
    after: u64,
    failures: u32,
    /// Before the next try.
    pause: Duration,
}

/// What a watch brings.
#[derive(Debug)]
pub enum Step {
    /// New events, oldest first.
    Events(Vec<Event>),
    /// The server is away: the next call waits as long and goes on.
    Away(Error, Duration),
}

impl Watch {
    /// The number of the last event that was seen.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// What another try cannot mend.
    pub async fn next(&mut self) -> Result<Step, Error> {
        tokio::time::sleep(std::mem::take(&mut self.pause)).await;
        loop {
            let filter = Filter { kind: self.kind.clone(), after: Some(self.after) };
            let wait = Duration::from_secs(MAX_WAIT_S.into());
            let call = Events(&self.client).call(&filter).query("wait", Some(MAX_WAIT_S)).waiting(wait);
            match self.client.send(call).await.and_then(|answer| answer.json::<Vec<Event>>()) {
                Ok(events) if events.is_empty() => self.failures = 0,
                Ok(events) => {
                    self.failures = 0;
                    self.after = events.iter().map(|event| event.number).max().unwrap_or(self.after);
                    return Ok(Step::Events(events));
                }
                Err(error) if error.is_transient() => {
                    self.failures = self.failures.saturating_add(1);
                    self.pause = retry::pause(self.failures, None);
                    return Ok(Step::Away(error, self.pause));
                }
                Err(error) => return Err(error),
            }
        }
    }
}
