//! Answering on the local socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Address, Request, Response};

const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_REQUEST: u64 = 4096;
const CALLERS: usize = 8;

/// A request and where its answer goes.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
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
            let _ = tokio::time::timeout(PATIENCE, serve(stream, calls)).await;
        });
    }
}

async fn serve(stream: UnixStream, calls: mpsc::Sender<Call>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read).take(LONGEST_REQUEST).read_line(&mut line).await?;
    let response = match serde_json::from_str(&line) {
        Ok(request) => forward(request, &calls).await,
        Err(error) => Response::Failed(format!("this is no request: {error}")),
    };
    let mut answer = serde_json::to_vec(&response)?;
    answer.push(b'\n');
    write.write_all(&answer).await
}

async fn forward(request: Request, calls: &mpsc::Sender<Call>) -> Response {
    let (answer, answered) = oneshot::channel();
    let sent = calls.send(Call { request, answer }).await;
    match (sent, answered.await) {
        (Ok(()), Ok(response)) => response,
        _ => Response::Failed("the agent is stopping".to_owned()),
    }
}
