//! Userspace WireGuard: one process a tunnel, configured through its socket.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::process::{self, ProcessEnd};
use super::uapi::{self, UapiError};
use crate::effects::error::{Error, Result};
use crate::effects::model::{WireguardChange, WireguardState};
use crate::effects::ports;

/// How long a process may take to open its UDP socket after its interface came up.
const PATIENCE: Duration = Duration::from_secs(5);
/// A process tells nobody when its UDP socket is open, so it is asked.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// How userspace tunnels are made and reached.
#[derive(Debug, Clone)]
pub(super) struct Userspace {
    program: PathBuf,
    sockets: PathBuf,
}

impl Userspace {
    pub(super) fn new(program: PathBuf, sockets: PathBuf) -> Self {
        Self { program, sockets }
    }

    /// Starts the process of an interface and returns when it can be configured.
    pub(super) async fn start(&self, name: &str) -> Result<()> {
        process::start(&self.program, name).await?;
        self.read(name).await.map(drop)
    }

    /// Waits until the device of an interface that is up has a UDP socket.
    pub(super) async fn ready(&self, name: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.read(name).await?.port == 0 {
            if Instant::now() > deadline {
                return Err(Error::Timeout { doing: format!("open the UDP socket of `{name}`"), after: PATIENCE });
            }
            sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// To be taken before the interface is deleted: tells when its process is gone.
    pub(super) async fn watch_end(&self, name: &str) -> ProcessEnd {
        ProcessEnd::watch(self.socket(name)).await
    }

    pub(super) async fn read(&self, name: &str) -> Result<WireguardState> {
        uapi::get(&self.socket(name)).await.map_err(|error| Error::device(name, error))
    }

    pub(super) async fn change(&self, name: &str, change: &WireguardChange) -> Result<()> {
        match (uapi::set(&self.socket(name), change).await, change.port) {
            (Ok(()), _) => Ok(()),
            (Err(UapiError::Refused(code)), Some(port)) if code == rustix::io::Errno::ADDRINUSE.raw_os_error() => {
                Err(Error::PortInUse { interface: name.to_owned(), port, holder: ports::holder(port) })
            }
            (Err(error), _) => Err(Error::device(name, error)),
        }
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.sockets.join(format!("{name}.sock"))
    }
}
