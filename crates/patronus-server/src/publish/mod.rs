//! Publishing: where core (what to compile, what stands against it, how it is signed) and the store meet.
//!
//! A publication reads the declared state at one moment, and the store refuses it if that moment has passed when it
//! is written; then it is made again from the newer state. Everything that takes processor time happens off the
//! async threads, and one publication of a network at a time.

mod compare;
mod guard;
mod make;
mod plan;
mod rotate;
mod spread;
mod still;
mod upload;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use patronus_store::{NewRelease, StoreError, Write};
use patronus_types::api::error::ErrorCode;
use patronus_types::api::releases::Published;
use patronus_types::release::{Declared, Release, ReleaseKind, Terms};
use patronus_types::{NetworkId, Ref, ReleaseId};

use crate::app::{App, new_id};
use crate::error::{Error, Result};

pub use compare::compare;
use plan::Plan;
pub use plan::input;
pub use rotate::{Step, as_released};

/// How often a publication is made again because the network has moved on meanwhile.
const TRIES: usize = 5;

/// What is to be published, and what for.
struct Job<'a> {
    app: &'a Arc<App>,
    write: Write,
    network: NetworkId,
    words: Words,
    what: What,
}

/// What the publisher says of the release.
pub struct Words {
    /// Why.
    pub message: String,
    /// What holds for it alone.
    pub terms: Terms,
}

enum What {
    /// The declared state; with `true`, also of the sites that run an upload.
    Declared(bool),
    /// An older release's declared state.
    Older(u64),
    /// The declared state, but for sites an operator's own configurations.
    Uploaded(upload::Upload),
    /// The declared state of the newest release, with the next step in the replacing of a site's keys.
    Step(Step),
}

/// Publishes the declared state.
pub async fn publish(
    app: &Arc<App>,
    write: Write,
    network: NetworkId,
    words: Words,
    compiled: bool,
) -> Result<Published> {
    Job { app, write, network, words, what: What::Declared(compiled) }.run().await
}

/// Publishes an older release's declared state again, with today's keys, addresses and members.
pub async fn rollback(
    app: &Arc<App>,
    write: Write,
    network: NetworkId,
    version: u64,
    words: Words,
) -> Result<Published> {
    Job { app, write, network, words, what: What::Older(version) }.run().await
}

/// Publishes the next step in the replacing of a site's keys, and nothing that was declared since the newest release.
///
/// # Errors
/// A conflict where it is not the next one any more.
pub async fn step(app: &Arc<App>, write: Write, network: NetworkId, message: String, step: Step) -> Result<Published> {
    // As the newest release was meant, so is this one, which has its declared state.
    let terms = app.store.release(network, None).await?.terms;
    let words = Words { message, terms };
    Job { app, write, network, words, what: What::Step(step) }.run().await
}

/// Publishes an operator's own WireGuard configurations.
pub async fn upload(
    app: &Arc<App>,
    write: Write,
    network: NetworkId,
    archive: Bytes,
    site: Option<&Ref>,
    words: Words,
) -> Result<Published> {
    let site = match site {
        Some(reference) => Some(app.store.site(write.tenant, Some(network), reference, write.now).await?.id),
        None => None,
    };
    let read = tokio::task::spawn_blocking(move || upload::Upload::read(&archive, site));
    let upload = read.await.map_err(Error::internal)??;
    Job { app, write, network, words, what: What::Uploaded(upload) }.run().await
}

impl Job<'_> {
    async fn run(self) -> Result<Published> {
        if let Some(release) = self.earlier_answer().await? {
            return Ok(Published { release, created: true, warnings: Vec::new() });
        }
        let _turn = self.app.publishing.turn(self.network).await;
        let mut tries = 1;
        loop {
            match self.attempt().await {
                Err(error) if error.code() == ErrorCode::Conflict && tries < TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self) -> Result<Published> {
        let began = Instant::now();
        let plan = Plan::new(self).await?;
        let planned = began.elapsed();
        let draft = tokio::task::spawn_blocking(move || make::compile(plan));
        let draft = draft.await.map_err(Error::internal)??;
        let compiled = began.elapsed();
        let warnings = draft.warnings.clone();
        if draft.is_same() {
            let release = self.app.store.release(self.network, None).await?;
            return Ok(Published { release, created: false, warnings });
        }
        guard::check(self.app, &draft).await?;
        let (signing_key, now) = (self.app.signing_key.clone(), self.write.now);
        let signed = tokio::task::spawn_blocking(move || draft.sign(&signing_key, now));
        let mut release = signed.await.map_err(Error::internal)?;
        release.id = new_id!(self.app, self.write.now, ReleaseId);
        release.message = self.words.message.clone();
        let release = self.app.store.create_release(&self.write, release).await?;
        let (version, sites, stored) = (release.version, release.sites, began.elapsed());
        tracing::info!(version, sites, ?planned, ?compiled, ?stored, "release made");
        Ok(Published { release, created: true, warnings })
    }

    /// What a repeat under an idempotency key is answered. Compiling again would find that nothing changed since
    /// the first time, so the store is asked before, with a release that it takes only as a repeat: its number is
    /// below every other.
    async fn earlier_answer(&self) -> Result<Option<Release>> {
        if self.write.idempotency.is_none() || self.write.dry_run {
            return Ok(None);
        }
        let network = self.app.store.compile_input(self.write.tenant, self.network).await?.network;
        let impossible = NewRelease {
            id: new_id!(self.app, self.write.now, ReleaseId),
            network: self.network,
            version: 0,
            kind: ReleaseKind::Publish,
            rollback_of: None,
            message: String::new(),
            terms: Terms::default(),
            generation: network.generation,
            declared: Declared { network: network.spec, sites: Vec::new(), policies: Vec::new() },
            pending: Vec::new(),
            chunks: Vec::new(),
            bundles: Vec::new(),
            changed: 0,
            rotation: None,
        };
        match self.app.store.create_release(&self.write, impossible).await {
            Ok(release) => Ok(Some(release)),
            Err(StoreError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
