//! Answering on the local socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patronus_types::api::MAX_ARCHIVE_BYTES;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Address, Request, Response};

/// How long an archive may take to come, and an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a caller may say nothing: it holds a place that others wait for.
const SILENCE: Duration = Duration::from_secs(2);
const LONGEST_REQUEST: u64 = 64 << 10;
const CALLERS: usize = 8;

/// A request and where its answer goes.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// The archive that came with it; else empty.
    pub archive: Vec<u8>,
    /// Takes a line at each step of what takes a while.
    pub steps: mpsc::UnboundedSender<String>,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Response>,
}

/// The socket, gone when this is dropped.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    task: tokio::task::AbortHandle,
}

impl Listener {
    /// Listens; whoever holds the state folder's lock may take the place of a socket that was left behind.
    pub fn bind(path: PathBuf, calls: mpsc::Sender<Call>) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let address = Address::of(&path)?;
        let listener = UnixListener::bind(&address.path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let task = tokio::spawn(accept(listener, calls)).abort_handle();
        Ok(Self { path, task })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, calls: mpsc::Sender<Call>) {
    let places = Arc::new(Semaphore::new(CALLERS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: some will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let calls = calls.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = serve(stream, calls).await;
        });
    }
}

async fn serve(stream: UnixStream, calls: mpsc::Sender<Call>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let asked = tokio::time::timeout(PATIENCE, receive(BufReader::new(read))).await;
    let asked = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let response = match asked {
        Ok((request, archive)) => forward(request, archive, (&calls, &mut write)).await,
        Err(error) => Response::Failed(format!("this is no request: {error}")),
    };
    send(&mut write, &response).await
}

/// A request, and the archive that comes with some.
async fn receive(mut stream: BufReader<OwnedReadHalf>) -> io::Result<(Request, Vec<u8>)> {
    let (mut line, mut archive) = (String::new(), Vec::new());
    let mut head = (&mut stream).take(LONGEST_REQUEST);
    tokio::time::timeout(SILENCE, head.read_line(&mut line)).await??;
    let request = serde_json::from_str(&line)?;
    if let Request::Apply { length, .. } = &request {
        let limit = u64::try_from(MAX_ARCHIVE_BYTES).unwrap_or(u64::MAX);
        if *length > limit {
            return Err(io::Error::other("the archive is too large"));
        }
        stream.take(*length).read_to_end(&mut archive).await?;
        if u64::try_from(archive.len()).ok() != Some(*length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((request, archive))
}

/// Asks the agent, and passes on what it says meanwhile. That nobody listens any more ends nothing.
async fn forward(
    request: Request,
    archive: Vec<u8>,
    (calls, write): (&mpsc::Sender<Call>, &mut OwnedWriteHalf),
) -> Response {
    let ((answer, mut answered), (steps, mut said)) = (oneshot::channel(), mpsc::unbounded_channel());
    let sent = calls.send(Call { request, archive, steps, answer }).await;
    let stopping = || Response::Failed("the agent is stopping".to_owned());
    if sent.is_err() {
        return stopping();
    }
    loop {
        tokio::select! {
            biased;
            Some(line) = said.recv() => drop(send(write, &Response::Step(line)).await),
            response = &mut answered => return response.unwrap_or_else(|_| stopping()),
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    tokio::time::timeout(PATIENCE, write.write_all(&line)).await?
}
