//! The process of a userspace tunnel: started so that it outlives the agent, ended with its interface.

use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::Command;

use crate::effects::error::{Error, Result};

/// How long the program may take to put itself into the background, and to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where the program and what it needs are looked for, whatever environment the agent has.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Starts the program for an interface and waits until it has put itself into the background. It makes the interface and
/// the socket before that, so both exist afterwards.
///
/// It gets none of our environment: tokens do not belong there, `WG_PROCESS_FOREGROUND` would keep it in the foreground
/// (and with the value 0 makes `wireguard-go` start itself again without end), and a `LOG_LEVEL` would give the process
/// that stays our file for its log, which nobody would ever shorten.
pub(super) async fn start(program: &Path, name: &str) -> Result<()> {
    let mut words = words()?;
    let mut child = Command::new(program)
        .arg(name)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        // `wireguard-go` complains on both.
        .stdout(words.try_clone().map_err(|source| failed(program, source))?)
        .stderr(words.try_clone().map_err(|source| failed(program, source))?)
        // Not in the agent's group: a Ctrl-C that ends the agent leaves the tunnels.
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NoProgram(program.to_owned()),
            _ => failed(program, error),
        })?;
    match tokio::time::timeout(PATIENCE, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            let said = read_back(&mut words);
            Err(failed(program, if said.is_empty() { status.to_string() } else { said }))
        }
        Ok(Err(error)) => Err(failed(program, error)),
        Err(_) => {
            // It was given up, so nothing may come of it later.
            let _ = child.start_kill();
            Err(failed(
                program,
                "it stays in the foreground; a program that goes into the background by itself is needed",
            ))
        }
    }
}

fn failed(program: &Path, message: impl ToString) -> Error {
    Error::Program { program: program.display().to_string(), message: message.to_string() }
}

/// A file for the program's complaints. A pipe would break, and end a process that still writes to it later.
fn words() -> Result<std::fs::File> {
    tempfile::tempfile().map_err(|source| Error::File {
        doing: "make a temporary file in",
        path: std::env::temp_dir(),
        source,
    })
}

fn read_back(words: &mut std::fs::File) -> String {
    let mut text = Vec::new();
    let read = words.rewind().and_then(|()| words.take(4096).read_to_end(&mut text));
    match read {
        Ok(_) => without_banner(&String::from_utf8_lossy(&text)),
        Err(_) => String::new(),
    }
}

/// `wireguard-go` begins with a box that recommends the kernel's WireGuard.
fn without_banner(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(['┌', '│', '└'])).collect();
    lines.join("\n").trim().to_owned()
}

/// The end of a process, seen by the end of a conversation with it.
pub(super) struct ProcessEnd {
    socket: PathBuf,
    conversation: Option<UnixStream>,
}

impl ProcessEnd {
    /// Begins a conversation that will end with the process.
    pub(super) async fn watch(socket: PathBuf) -> Self {
        let conversation = UnixStream::connect(&socket).await.ok();
        Self { socket, conversation }
    }

    /// Waits until the process is gone, and its socket with it. A socket that is left over was a dead process's, or that
    /// of one that does not end in time; the next process of this name shall not take it for a living one's.
    pub(super) async fn wait(self) -> Result<()> {
        if let Some(mut conversation) = self.conversation {
            // Whatever ends it, an end or an error, is the answer.
            let _ = tokio::time::timeout(PATIENCE, conversation.read_u8()).await;
        }
        match std::fs::remove_file(&self.socket) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { doing: "remove", path: self.socket, source })
            }
            _ => Ok(()),
        }
    }
}
