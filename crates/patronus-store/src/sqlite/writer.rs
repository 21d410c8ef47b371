//! The one thread that writes.
//!
//! Callers put jobs into a bounded queue. The thread takes all that wait, runs them in one transaction, commits once,
//! hands what changed to the commit hook, and only then answers them: an answer means that the write is on the disk and
//! that the server's memory knows it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Answers, Asked, Batch, Job};
use super::checkpoint::Checkpoint;
use super::open::{self, FolderLock};
use crate::{Change, CommitHook, Result, StoreError};

/// Jobs that may wait before callers do.
const QUEUE: usize = 1024;

/// Jobs in one transaction at most, so that the first of them does not wait for ever.
const BATCH: usize = 512;

/// The commit hook, set once the server is ready for it.
type Hook = Arc<Mutex<Option<CommitHook>>>;

/// A write that waits.
struct Queued {
    /// Where its caller waits.
    runtime: Option<Handle>,
    job: Box<dyn Job>,
}

/// What the callers' side holds. Dropping it ends the thread after the writes that wait.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Queued>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    hook: Hook,
}

/// What the thread holds.
struct Thread {
    path: PathBuf,
    connection: Connection,
    checkpoint: Checkpoint,
    queue: mpsc::Receiver<Queued>,
    hook: Hook,
    _lock: Arc<FolderLock>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(path: PathBuf, mut connection: Connection, lock: Arc<FolderLock>) -> std::io::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let hook = Hook::default();
        let checkpoint = Checkpoint::of(&mut connection);
        let thread = Thread { path, connection, checkpoint, queue, hook: Arc::clone(&hook), _lock: lock };
        let handle = std::thread::Builder::new().name("store-writer".to_owned()).spawn(|| thread.run())?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(handle)), hook })
    }

    /// Sets the commit hook.
    pub(super) fn set_hook(&self, hook: CommitHook) {
        *locked(&self.hook) = Some(hook);
    }

    /// Runs work on the writer's thread, perhaps more than once, and waits for its commit.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Batch<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let queued = Queued { runtime: Handle::try_current().ok(), job: Box::new(Asked::new(work, sender)) };
        let queue = locked(&self.queue).clone().ok_or(StoreError::Closed)?;
        queue.send(queued).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets the thread end after the writes that wait; answers its handle, once.
    pub(super) fn end(&self) -> Option<JoinHandle<()>> {
        locked(&self.queue).take();
        locked(&self.thread).take()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(thread) = self.end() {
            let _ = thread.join();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Thread {
    fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            self.work(first);
        }
    }

    /// Commits a batch. Jobs that come while others of it are at work join it: a commit costs as much as many writes.
    fn work(&mut self, first: Queued) {
        let Queued { runtime, job } = first;
        let mut batch = Batch::begin(&self.connection);
        let (mut waiting, mut next) = (Vec::new(), Some(job));
        while let Some(mut job) = next {
            batch.run(&mut *job, &mut waiting);
            waiting.extend(held(job));
            next = if waiting.len() < BATCH { self.queue.try_recv().ok().map(|queued| queued.job) } else { None };
        }
        let fault = match batch.commit() {
            Ok(changes) => {
                self.tell(changes);
                None
            }
            Err(fault) => {
                tracing::error!(error = %fault, writes = waiting.len(), "a commit failed: nothing of it was written");
                self.recover();
                Some(fault)
            }
        };
        Answers { waiting, fault }.give(runtime);
        self.checkpoint.run_if_due(&self.connection);
    }

    fn tell(&self, changes: Vec<Change>) {
        let hook = locked(&self.hook);
        if let Some(hook) = hook.as_ref().filter(|_| !changes.is_empty()) {
            hook(changes);
        }
    }

    /// Makes the connection fit for the next batch, whatever state the failure left it in.
    fn recover(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(%error, "could not roll back");
        }
        if self.connection.is_autocommit() {
            return;
        }
        match open::writer(&self.path) {
            Ok(mut connection) => {
                self.checkpoint = Checkpoint::of(&mut connection);
                self.connection = connection;
            }
            Err(error) => tracing::error!(%error, "could not open the data file again; the next write tries it"),
        }
    }
}

/// Holds an answer back until the commit.
#[cfg(not(test))]
fn held(job: Box<dyn Job>) -> Option<Box<dyn Job>> {
    Some(job)
}

/// The same, unless this is to be a wrong build: the kill test shows with one that it would see it.
#[cfg(test)]
fn held(job: Box<dyn Job>) -> Option<Box<dyn Job>> {
    if ANSWERS_EARLY.load(std::sync::atomic::Ordering::Relaxed) {
        job.answer(None);
        return None;
    }
    Some(job)
}

/// Whether writes are answered before the commit.
#[cfg(test)]
pub(super) static ANSWERS_EARLY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
