//! Whether a server answers, over connections that did not exist before.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::control::{Control, ControlError, Server};
use crate::network::Network;

const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

/// Asks the servers until one answers.
pub(super) struct Servers {
    pub(super) answers: mpsc::Receiver<Result<(), String>>,
    task: JoinHandle<()>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Servers {
    pub(super) fn ask(servers: Vec<Dialled>) -> Self {
        let (told, answers) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let answer = ask(servers.clone()).await;
                if told.send(answer).await.is_err() {
                    return;
                }
                sleep(PAUSE).await;
            }
        });
        Self { answers, task }
    }
}

/// A server to which a new connection can be made.
pub(super) type Dialled = Arc<dyn Fn() -> Result<Arc<dyn Control>, ControlError> + Send + Sync>;

/// Whether a server answers over a new connection. Any answer that is authentic counts, a refusal too.
pub(super) async fn ask(servers: Vec<Dialled>) -> Result<(), String> {
    let mut why = "no server is known".to_owned();
    for dial in servers {
        let asked = async { dial()?.state(None, None).await };
        why = match timeout(PATIENCE, asked).await {
            Ok(Ok(_) | Err(ControlError::Refused { .. })) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
    }
    Err(why)
}

impl Network {
    /// Every server, each ready for a new connection.
    pub(super) fn servers(&self) -> Vec<Dialled> {
        let identity = &self.identity;
        let servers = identity.servers.iter().map(|url| {
            let server = Server { url: url.clone(), ca_sha256: identity.ca_sha256 };
            let (dial, token) = (Arc::clone(&self.world.dial), identity.token.clone());
            let dialled: Dialled = Arc::new(move || dial.dial(&server, Some(&token)));
            dialled
        });
        servers.collect()
    }
}
