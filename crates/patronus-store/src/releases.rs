//! Releases and their bundles.
//!
//! A bundle's tar is kept as slices over content-addressed chunks, since most of its bytes are the same on every site.
//! Chunks and archives are counted by the bundles that use them and go when no release does.

use std::sync::Arc;

use patronus_types::bundle::{Bundle, Source};
use patronus_types::release::{Declared, Release, ReleaseKind, Terms};
use patronus_types::{Digest, Name, NetworkId, ReleaseId, SiteId};
use serde::{Deserialize, Serialize};

use crate::{Page, Paged, Result, RotationStep, Write};

/// A run of bytes that bundles share, named by its SHA-256.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// A part of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Which chunk.
    pub chunk: Digest,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub len: u64,
}

/// A site's bundle in a release to make.
#[derive(Debug, Clone)]
pub struct NewBundle {
    /// The site.
    pub site: SiteId,
    /// The site's name.
    pub name: Name,
    /// SHA-256 of the tar.
    pub digest: Digest,
    /// Length of the tar in bytes.
    pub size: u64,
    /// Where it came from.
    pub source: Source,
    /// The signature, as a `.minisig` file holds it.
    pub signature: String,
    /// What the tar is made of; empty where the digest is already stored.
    pub slices: Vec<Slice>,
}

/// A release to make.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// Its id.
    pub id: ReleaseId,
    /// Its network.
    pub network: NetworkId,
    /// Its number; a conflict if it is not above every version released or accepted so far.
    pub version: u64,
    /// How it came to be.
    pub kind: ReleaseKind,
    /// The version whose declared state a rollback took.
    pub rollback_of: Option<u64>,
    /// Why.
    pub message: String,
    /// What holds for it alone.
    pub terms: Terms,
    /// The network's generation it was compiled from; a conflict if the network has moved on.
    pub generation: u64,
    /// The declared state.
    pub declared: Declared,
    /// Sites that have no bundle in it.
    pub pending: Vec<Name>,
    /// What the bundles are made of.
    pub chunks: Vec<Chunk>,
    /// The bundles; sites' sources become those of their bundles.
    pub bundles: Vec<NewBundle>,
    /// How many bundles differ from the release before.
    pub changed: u64,
    /// The step in the replacing of a site's keys that it takes; a conflict if that is not the next one.
    pub rotation: Option<RotationStep>,
}

/// A stored bundle's bytes.
#[derive(Debug, Clone)]
pub struct StoredBundle {
    /// What the tar is made of, in order.
    pub slices: Vec<Slice>,
    /// The chunks that the slices name, checked against their digests.
    pub chunks: Vec<Chunk>,
    /// The `.tar.gz`, if it was made before.
    pub archive: Option<Arc<[u8]>>,
}

/// What a store does with releases.
#[async_trait::async_trait]
pub trait Releases {
    /// Makes a release and what its sites should run. `release.published`, `release.rolled-back`, `release.uploaded` or
    /// `release.rotation`; with the last `site.rotation-advanced`, `site.keys-rotated` or `site.rotation-cancelled`.
    async fn create_release(&self, write: &Write, new: NewRelease) -> Result<Release>;

    /// Reads one by number; the newest without.
    async fn release(&self, network: NetworkId, version: Option<u64>) -> Result<Release>;

    /// Lists a network's releases, newest first.
    async fn releases(&self, network: NetworkId, page: Page) -> Result<Paged<Release>>;

    /// The declared state of one.
    async fn declared(&self, network: NetworkId, version: u64) -> Result<Declared>;

    /// All bundles of one, by site name.
    async fn bundles(&self, network: NetworkId, version: u64) -> Result<Vec<Bundle>>;

    /// The bundle of a site in one.
    async fn bundle(&self, network: NetworkId, version: u64, site: SiteId) -> Result<Bundle>;

    /// Whether a site's bundles of any version have this digest.
    async fn site_has_bundle(&self, site: SiteId, digest: Digest) -> Result<bool>;

    /// The bytes of a bundle.
    async fn stored_bundle(&self, digest: Digest) -> Result<StoredBundle>;

    /// The archive made of a bundle before, without its chunks; none if none was made yet.
    async fn archive(&self, digest: Digest) -> Result<Option<Arc<[u8]>>>;

    /// Keeps the archive made of a bundle. No event.
    async fn keep_archive(&self, digest: Digest, archive: Arc<[u8]>) -> Result<()>;
}
