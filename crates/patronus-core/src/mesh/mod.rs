//! From a network and its sites to one bundle for each site.
//!
//! In a mesh the entry of a peer is the same on every site, so each is rendered once, into a shared [chunk](crate::rope);
//! a site's tar is a list of slices: its own head, what comes before its own entry, what comes after it. Compiling a
//! thousand sites therefore costs little more than hashing what they get.
//!
//! Invariants: the same declared state gives the same bytes whatever the order of the input; if A has B as a peer on
//! interface (i, j), B has A on (j, i); the allowed addresses of two peers of one site never overlap. The last holds
//! for what the [lint](crate::lint) lets pass.

mod content;
mod input;
mod render;
mod spare;
mod topology;
mod uploaded;

use std::collections::BTreeSet;

use patronus_types::api::error::Fault;
use patronus_types::{Name, SiteId};

use crate::archive::ArchiveError;
use crate::digest::Hashes;
use crate::rope::{Draft, Rope};

pub use content::{ContentError, content, content_of_files, content_of_json};
pub use input::{DEFAULT_PORT_BASE, Input, KEEPALIVE_S, Rotating, Site};
pub(crate) use topology::home_hub;
pub use uploaded::{Upload, UploadError, Uploaded, uploaded};

/// What compiling gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compilation {
    /// The bundles, in order of site name.
    pub sites: Vec<Compiled>,
    /// Sites that have no keys or no address yet and are in nobody's bundle, in order of name.
    pub pending: Vec<(SiteId, Name)>,
}

/// One site's bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// The site.
    pub id: SiteId,
    /// Its name.
    pub name: Name,
    /// The tar.
    pub tar: Rope,
    /// The tar's digest, the prehash to sign and its length.
    pub hashes: Hashes,
}

/// What a network's bundles consist of, before anything is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The bundles, in order of site name.
    pub sites: Vec<Laid>,
    /// As in [`Compilation`].
    pub pending: Vec<(SiteId, Name)>,
}

/// One site's bundle that is still to be hashed, which is nearly all of the work and can be done site by site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// The site.
    pub id: SiteId,
    /// Its name.
    pub name: Name,
    /// The tar.
    pub tar: Rope,
}

impl Laid {
    /// Hashes the tar.
    pub fn compiled(self) -> Compiled {
        let Self { id, name, tar } = self;
        let hashes = tar.hashes();
        Compiled { id, name, tar, hashes }
    }
}

/// Why a network cannot be compiled. Values that pass [validation](crate::validate) never lead here.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A port number above 65,535.
    #[error("site {site}: uplink {uplink} would need UDP ports above 65535; set a lower port_base or endpoint port")]
    Port {
        /// The site.
        site: Name,
        /// The uplink.
        uplink: Name,
    },
    /// Policies that name what is not there.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Policies(Vec<Fault>),
    /// An entry could not be written.
    #[error("a bundle's content could not be rendered: {0}")]
    Render(#[from] serde_json::Error),
    /// The tar could not be laid out.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Compiles the bundle of every site that is ready.
///
/// # Errors
/// When a value is out of the bounds that [`crate::validate`] keeps.
pub fn compile(input: &Input) -> Result<Compilation, CompileError> {
    let Layout { sites, pending } = lay_out(input)?;
    Ok(Compilation { sites: sites.into_iter().map(Laid::compiled).collect(), pending })
}

/// Makes the bundle of every site that is ready, for a caller that spreads the hashing over processors.
///
/// # Errors
/// As [`compile`].
pub fn lay_out(input: &Input) -> Result<Layout, CompileError> {
    let network = topology::Network::new(input)?;
    let mut render = render::Render::new(&network)?;
    // One draft for all, so that the private heads of all sites end up in one chunk.
    let mut all = Draft::default();
    let mut lens = Vec::with_capacity(network.members.len());
    for index in 0..network.members.len() {
        let tar = render.tar(index)?;
        lens.push(tar.len());
        all.push_draft(tar);
    }
    let tars = split(&all.seal(), &lens);
    let laid = |(member, tar): (&topology::Member<'_>, Rope)| {
        let site = member.site;
        Laid { id: site.id, name: site.spec.name.clone(), tar }
    };
    let sites = network.members.iter().zip(tars).map(laid).collect();
    Ok(Layout { sites, pending: network.pending })
}

/// The sites that have tunnels with a site.
///
/// # Errors
/// As [`compile`].
pub fn partners(input: &Input, site: SiteId) -> Result<BTreeSet<SiteId>, CompileError> {
    let network = topology::Network::new(input)?;
    Ok(network.partners(site).into_iter().map(|index| network.members[index].site.id).collect())
}

/// Cuts a rope into ropes of the given lengths.
fn split(rope: &Rope, lens: &[usize]) -> Vec<Rope> {
    let mut slices = rope.slices().iter().map(|slice| (slice.chunk(), slice.range()));
    let mut rest = None;
    let mut cut = |len: usize| {
        let mut part = Rope::default();
        let mut missing = len;
        while missing > 0 {
            let Some((chunk, range)) = rest.take().or_else(|| slices.next()) else { break };
            let end = range.end.min(range.start + missing);
            missing -= end - range.start;
            if let Some(slice) = chunk.slice(range.start..end) {
                part.push(slice);
            }
            if end < range.end {
                rest = Some((chunk, end..range.end));
            }
        }
        part
    };
    lens.iter().map(|&len| cut(len)).collect()
}

#[cfg(test)]
pub(crate) mod tests;
