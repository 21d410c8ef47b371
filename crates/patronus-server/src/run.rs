//! `patronus-server serve`: opens the data folder, the store and the port, and serves until it is told to stop.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use patronus_store::Store;
use patronus_store::sqlite::SqliteStore;
use patronus_types::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Clock, Parts};
use crate::config::{Config, TlsMode};
use crate::folder::{Folder, Lock};
use crate::index::Index;
use crate::keys::{ServerSecret, Tls, names_of, signing_key};
use crate::serve::{Listener, serve};

/// Compiling and compressing are bound by processors, not by threads that wait.
const MAX_BLOCKING_THREADS: usize = 32;

/// A server that is ready to serve.
pub struct Server {
    /// Where it listens.
    pub listener: Listener,
    /// What it serves.
    pub app: Arc<App>,
    /// Keeps other servers off the folder.
    pub lock: Lock,
}

/// Runs the command.
pub fn command(config: Config) -> anyhow::Result<()> {
    crate::log::install(&config)?;
    raise_open_files();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).build()?.block_on(run(config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    let Server { listener, app, lock } = Server::open(&config, Clock::system()).await?;
    let url = listener.url()?;
    tracing::info!(url, data = %config.data.display(), version = env!("CARGO_PKG_VERSION"), "serving");
    say(&format!("listening on {url}\n"))?;
    serve(listener, app, stop).await;
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

impl Server {
    /// Opens everything that a configuration names.
    ///
    /// # Errors
    /// When something is missing, damaged or taken; the message says what to do.
    pub async fn open(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let folder = Folder::open(&config.data)?;
        let lock = folder.lock()?;
        let secure = match config.tls {
            TlsMode::Auto => !config.listen.ip().is_loopback(),
            TlsMode::Always => true,
            TlsMode::Never => false,
        };
        Tls::present(&folder)?;
        let tls = if secure { Some(Tls::open(&folder, &names(config), clock.now())?) } else { None };
        // The port before the database: a second server on the same port should touch nothing.
        let listener = Listener::bind(config.listen, tls.as_ref().map(Tls::config).transpose()?).await?;
        let public_urls = public_urls(config, &listener)?;
        let ca_sha256 = match public_urls.iter().any(|url| url.starts_with("https://")) {
            true => Some(Tls::read(&folder)?.ca_sha256()),
            false => None,
        };
        let secret = ServerSecret::read(&folder)?;
        let (store, index) = open_store(config, &secret).await?;
        let not_before =
            folder.completed_at().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        let app = App::new(Parts {
            store,
            index,
            secret,
            signing_key: signing_key(&folder)?,
            ca_sha256,
            certificate: tls.as_ref().map(Tls::validity).transpose()?,
            public_urls,
            clock,
            not_before,
            limits: config.limits,
            lifetimes: config.lifetimes,
            history: config.history,
        })?;
        Ok(Self { listener, app, lock })
    }
}

/// What invitations say: as configured, else the listening URL. An agent elsewhere cannot reach `0.0.0.0`.
fn public_urls(config: &Config, listener: &Listener) -> anyhow::Result<Vec<String>> {
    if !config.public_urls.is_empty() {
        return Ok(config.public_urls.clone());
    }
    let url = listener.url()?;
    if !config.listen.ip().is_unspecified() {
        return Ok(vec![url]);
    }
    let port = url.rsplit_once(':').map(|(_, port)| port.to_owned()).unwrap_or_default();
    let url = host_name().map_or(url, |name| format!("https://{name}:{port}"));
    tracing::warn!(url, "invitations will name this URL; say with --public-url where agents really reach this server");
    Ok(vec![url])
}

/// The store, and the index that its commits feed.
async fn open_store(config: &Config, secret: &ServerSecret) -> anyhow::Result<(Arc<dyn Store>, Arc<Index>)> {
    let store = SqliteStore::open(&config.database)?;
    let index = Arc::new(Index::default());
    let fed = index.clone();
    store.set_commit_hook(Box::new(move |changes| fed.apply(changes)));
    let store: Arc<dyn Store> = Arc::new(store);
    let path = config.database.display();
    let filled = store.has_users().await.with_context(|| format!("cannot read the database `{path}`"))?;
    anyhow::ensure!(
        filled,
        "the database `{path}` is empty: put the one that `init` made there, or leave out --database"
    );
    anyhow::ensure!(
        store.claim(secret.mark()).await.with_context(|| format!("cannot write the database `{path}`"))?,
        "the secret in `{}` is not the one of the database `{path}`, and every token would be dead: \
         restore both from one backup",
        config.data.display()
    );
    index.apply(store.snapshot().await.context("cannot read the database")?);
    Ok((store, index))
}

/// Every name under which the configuration says the server is reached.
fn names(config: &Config) -> BTreeSet<String> {
    let hosts = config.public_urls.iter().filter_map(|url| host_of(url));
    let own = Some(config.listen.ip()).filter(|address| !address.is_unspecified()).map(|address| address.to_string());
    names_of(host_name().as_deref(), &hosts.chain(own).collect::<Vec<_>>())
}

fn host_of(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    Some(uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned())
}

/// This host's name, if it can be on a certificate.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}

fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Each waiting agent is an open file, and the usual limit of 1,024 is meant for programs that do not count on more.
/// What is allowed bounds the connections.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?maximum, "cannot raise the number of open files");
    }
}

/// The one line on stdout. A closed pipe is nobody's fault.
fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let said = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    said.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
