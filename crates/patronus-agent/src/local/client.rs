//! Asking the running agent.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use patronus_types::NetworkId;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Address, Request, Response};
use crate::driver::File;
use crate::failure::{Exit, Failure, denied};
use crate::state::{Order, StateDir};
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

    /// Has it try again what was undone; gives what that is.
    pub async fn retry(&self, network: NetworkId) -> Result<String, LocalError> {
        match self.ask(&Request::Retry { network }).await? {
            Response::Ended(said) => Ok(said),
            other => Err(unexpected(other)),
        }
    }

    /// Has it stop or go on; gives what that does.
    pub async fn order(&self, network: NetworkId, order: Order) -> Result<String, LocalError> {
        match self.ask(&Request::Order { network, order }).await? {
            Response::Ended(said) => Ok(said),
            other => Err(unexpected(other)),
        }
    }

    /// Has it go back, and says each step; gives what can be said of the end.
    pub async fn revert(&self, network: NetworkId, steps: impl FnMut(String)) -> Result<String, LocalError> {
        self.errand(&Request::Revert { network }, &[], steps).await
    }

    /// Has it leave a network; gives what went wrong on the way.
    pub async fn leave(&self, network: NetworkId) -> Result<Vec<String>, LocalError> {
        match self.ask(&Request::Leave { network }).await? {
            Response::Left(notes) => Ok(notes),
            other => Err(unexpected(other)),
        }
    }

    /// Has it run a bundle, and says each step; gives what can be said of the end.
    pub async fn apply(
        &self,
        network: NetworkId,
        file: &File,
        steps: impl FnMut(String),
    ) -> Result<String, LocalError> {
        let length = u64::try_from(file.archive.len()).unwrap_or(u64::MAX);
        let request = Request::Apply { network, signature: file.signature.clone(), length };
        self.errand(&request, &file.archive, steps).await
    }

    /// Asks for something that takes as long as it takes.
    async fn errand(
        &self,
        request: &Request,
        archive: &[u8],
        mut steps: impl FnMut(String),
    ) -> Result<String, LocalError> {
        let mut stream = self.patiently(self.send(request, archive)).await?;
        loop {
            match receive(&mut stream).await.map_err(|error| self.failed(error))? {
                Response::Step(line) => steps(line),
                Response::Ended(end) => return Ok(end),
                other => return Err(unexpected(other)),
            }
        }
    }

    async fn ask(&self, request: &Request) -> Result<Response, LocalError> {
        self.patiently(async {
            let mut stream = self.send(request, &[]).await?;
            receive(&mut stream).await
        })
        .await
    }

    async fn patiently<T>(&self, asked: impl Future<Output = io::Result<T>>) -> Result<T, LocalError> {
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> LocalError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => LocalError::NotRunning,
            io::ErrorKind::PermissionDenied => LocalError::Denied(self.folder.clone()),
            _ => LocalError::Io(error),
        }
    }

    async fn send(&self, request: &Request, archive: &[u8]) -> io::Result<BufReader<UnixStream>> {
        let address = Address::of(&self.socket)?;
        let mut stream = UnixStream::connect(&address.path).await?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        stream.write_all(archive).await?;
        Ok(BufReader::new(stream))
    }
}

async fn receive(stream: &mut BufReader<UnixStream>) -> io::Result<Response> {
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_line(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::other("it ended in the middle"));
    }
    Ok(serde_json::from_str(&answer)?)
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
