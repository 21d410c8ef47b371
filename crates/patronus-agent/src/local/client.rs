//! Asking the running agent.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use patronus_types::NetworkId;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Address, Request, Response};
use crate::failure::{Exit, Failure, denied};
use crate::state::StateDir;
use crate::status::NetworkStatus;

const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// No agent runs on this folder.
    #[error("no agent runs here")]
    NotRunning,
    /// This user may not ask.
    #[error("cannot look at the agent of {}: permission denied", .0.display())]
    Denied(PathBuf),
    /// It cannot be asked.
    #[error("cannot ask the running agent: {0}")]
    Io(io::Error),
    /// It said no.
    #[error("{0}")]
    Failed(String),
}

/// The running agent of a state folder.
#[derive(Debug)]
pub struct Client {
    folder: PathBuf,
    socket: PathBuf,
}

impl Client {
    /// The agent that may run on a folder.
    pub fn new(state: &StateDir) -> Self {
        Self { folder: state.root().to_owned(), socket: state.socket() }
    }

    /// How its networks stand.
    pub async fn status(&self) -> Result<Vec<NetworkStatus>, LocalError> {
        match self.ask(&Request::Status).await? {
            Response::Status(networks) => Ok(networks),
            other => Err(unexpected(other)),
        }
    }

    /// Has it look for networks that were joined meanwhile.
    pub async fn rescan(&self) -> Result<(), LocalError> {
        match self.ask(&Request::Rescan).await? {
            Response::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Has it try again what was undone.
    pub async fn retry(&self, network: NetworkId) -> Result<(), LocalError> {
        match self.ask(&Request::Retry { network }).await? {
            Response::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Has it leave a network; gives what went wrong on the way.
    pub async fn leave(&self, network: NetworkId) -> Result<Vec<String>, LocalError> {
        match self.ask(&Request::Leave { network }).await? {
            Response::Left(notes) => Ok(notes),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Response, LocalError> {
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => LocalError::NotRunning,
                io::ErrorKind::PermissionDenied => LocalError::Denied(self.folder.clone()),
                _ => LocalError::Io(error),
            }),
            Err(_) => Err(LocalError::Io(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn exchange(&self, request: &Request) -> io::Result<Response> {
        let address = Address::of(&self.socket)?;
        let mut stream = UnixStream::connect(&address.path).await?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(stream).take(LONGEST_ANSWER).read_line(&mut answer).await?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        let exit = if matches!(error, LocalError::Denied(_)) { Exit::State } else { Exit::Failed };
        let help = match &error {
            LocalError::NotRunning => "start it: patronus-agent run".to_owned(),
            LocalError::Denied(folder) => denied(folder),
            LocalError::Io(_) | LocalError::Failed(_) => "look at the agent's log".to_owned(),
        };
        Self::new(exit, error).help(help)
    }
}

fn unexpected(response: Response) -> LocalError {
    match response {
        Response::Failed(why) => LocalError::Failed(why),
        _ => LocalError::Failed("it gave the answer to another question: is it of another version?".to_owned()),
    }
}
