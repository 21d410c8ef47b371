//! From a plan to a draft (lint, compile, compare with the release before), and from there to a signed release.

use std::collections::{BTreeMap, BTreeSet};

use patronus_core::digest::Hashes;
use patronus_core::lint::{Finding, lint};
use patronus_core::mesh::{Compiled, Laid, Layout, lay_out};
use patronus_core::rope::Rope;
use patronus_core::signature::{SigningKey, Statement, sign};
use patronus_store::{Chunk, NewBundle, NewRelease, Slice};
use patronus_types::api::agent::Undone;
use patronus_types::api::error::{ErrorCode, Fault};
use patronus_types::bundle::{Bundle, Source};
use patronus_types::{Digest, Name, ReleaseId, SiteId, Timestamp};

use super::plan::Plan;
use super::spread::spread;
use crate::error::{Error, Result};

/// A release that is compiled and not yet signed.
pub struct Draft {
    /// What it is made of.
    pub plan: Plan,
    /// The sites' bundles.
    pub parts: Vec<Part>,
    /// What the lint says.
    pub warnings: Vec<String>,
    pending: Vec<Name>,
    changed: u64,
}

/// A site's bundle on its way into a release.
pub struct Part {
    /// The site.
    pub site: SiteId,
    /// Its name.
    pub name: Name,
    /// The tar.
    pub tar: Rope,
    /// What it is known by.
    pub hashes: Hashes,
    source: Source,
}

/// Compiles a plan.
pub fn compile(mut plan: Plan) -> Result<Draft> {
    let mut warnings = linted(&plan)?;
    let Layout { sites, pending } = lay_out(&plan.input).map_err(not_compiled)?;
    let uploaded = std::mem::take(&mut plan.uploaded);
    let parts = spread(sites, |laid| part(laid, &uploaded));
    warnings.extend(parts.iter().filter_map(|part| refused(part, plan.undone.get(&part.site)?)));
    let changed = differing(&parts, &plan.before);
    let pending = pending.into_iter().map(|(_, name)| name).collect();
    Ok(Draft { plan, parts, warnings, pending, changed })
}

impl Draft {
    /// Whether every site would run what it runs.
    pub fn is_same(&self) -> bool {
        self.changed == 0 && !self.plan.due
    }

    /// Signs it; its id and message are still to be given.
    pub fn sign(self, signing_key: &SigningKey, now: Timestamp) -> NewRelease {
        let Self { plan, parts, pending, changed, .. } = self;
        let signer = Signer { plan: &plan, key: signing_key, now };
        let signed = spread(parts, |part| signer.bundle(part));
        let mut chunks = BTreeMap::new();
        let bundles = signed.into_iter().map(|(bundle, tar)| with_slices(bundle, &tar, &mut chunks)).collect();
        NewRelease {
            // Given by the caller, who may read clock and random numbers.
            id: ReleaseId::new(0, &[0; 10]),
            network: plan.input.network,
            version: plan.version,
            kind: plan.kind,
            rollback_of: plan.rollback_of,
            message: String::new(),
            terms: plan.terms,
            generation: plan.generation,
            declared: plan.declared,
            pending,
            chunks: chunks.into_values().collect(),
            bundles,
            changed,
            rotation: plan.step,
        }
    }
}

fn part(laid: Laid, uploaded: &BTreeMap<SiteId, Rope>) -> Part {
    let (tar, source) = match uploaded.get(&laid.id) {
        None => (laid.tar, Source::Compiled),
        Some(tar) => (tar.clone(), Source::Uploaded),
    };
    let Compiled { id: site, name, tar, hashes } = Laid { tar, ..laid }.compiled();
    Part { site, name, tar, hashes, source }
}

/// Warnings; errors that concern a site which is compiled stand against the release.
fn linted(plan: &Plan) -> Result<Vec<String>> {
    let uploaded: BTreeSet<&Name> = plan
        .input
        .sites
        .iter()
        .filter(|site| plan.uploaded.contains_key(&site.id))
        .map(|site| &site.spec.name)
        .collect();
    let concerns =
        |finding: &Finding| finding.sites.is_empty() || finding.sites.iter().any(|name| !uploaded.contains(name));
    let (errors, warnings): (Vec<_>, Vec<_>) =
        lint(&plan.input).into_iter().filter(concerns).partition(Finding::is_error);
    if errors.is_empty() {
        let found = warnings.into_iter().map(|finding| finding.message);
        let of_sites = plan.left.iter().map(left).chain(plan.still.iter().cloned());
        return Ok(found.chain(of_sites).chain(plan.gone.clone()).collect());
    }
    Err(Error::faults(ErrorCode::Lint, errors.into_iter().map(Fault::from).collect()))
}

fn left(site: &Name) -> String {
    format!(
        "site `{site}`: its agent left, and the others still keep tunnels for it: delete the site, or enrol it anew"
    )
}

/// That a site will not run what it would get.
fn refused(part: &Part, undone: &[Undone]) -> Option<String> {
    let Undone { version, .. } = undone.iter().find(|one| one.digest == part.hashes.digest)?;
    Some(format!(
        "site `{}` undid the same as version {version}, and will refuse it: change something for it before you publish, \
         or run `patronus-agent retry` there",
        part.name
    ))
}

fn not_compiled(error: patronus_core::mesh::CompileError) -> Error {
    Error::faults(ErrorCode::Lint, vec![Fault { pointer: String::new(), detail: error.to_string() }])
}

/// How many sites get something else than in the release before, or nothing any more.
fn differing(parts: &[Part], before: &BTreeMap<SiteId, Bundle>) -> u64 {
    let new = parts.iter().filter(|part| before.get(&part.site).is_none_or(|old| old.digest != part.hashes.digest));
    let now: BTreeSet<SiteId> = parts.iter().map(|part| part.site).collect();
    let gone = before.keys().filter(|site| !now.contains(site));
    u64::try_from(new.count() + gone.count()).unwrap_or(u64::MAX)
}

struct Signer<'a> {
    plan: &'a Plan,
    key: &'a SigningKey,
    now: Timestamp,
}

impl Signer<'_> {
    /// A signed bundle, still without its slices; and its tar, unless the store has that from the release before.
    fn bundle(&self, part: Part) -> (NewBundle, Rope) {
        let Part { site, name, tar, hashes, source } = part;
        let before = self.plan.before.get(&site).map(|bundle| bundle.digest);
        let statement = Statement {
            network: self.plan.input.network,
            site,
            version: self.plan.version,
            digest: hashes.digest,
            previous: before,
            issued_at: self.now,
            terms: self.plan.terms.clone(),
        };
        let signature = sign(self.key, &hashes.prehash, &statement);
        let (digest, size) = (hashes.digest, hashes.len);
        let bundle = NewBundle { site, name, digest, size, source, signature, slices: Vec::new() };
        (bundle, if before == Some(digest) { Rope::default() } else { tar })
    }
}

fn with_slices(bundle: NewBundle, tar: &Rope, chunks: &mut BTreeMap<Digest, Chunk>) -> NewBundle {
    NewBundle { slices: slices(tar, chunks), ..bundle }
}

fn slices(tar: &Rope, chunks: &mut BTreeMap<Digest, Chunk>) -> Vec<Slice> {
    for (digest, chunk) in tar.chunks() {
        chunks.entry(digest).or_insert_with(|| Chunk { digest, bytes: chunk.bytes().into() });
    }
    tar.refs().into_iter().map(|slice| Slice { chunk: slice.chunk, offset: slice.offset, len: slice.len }).collect()
}
