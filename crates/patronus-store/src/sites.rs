//! Sites and what their agents tell.

use std::net::IpAddr;

use patronus_types::api::agent::{Outcome, Report, Undone};
use patronus_types::api::page::StatusFilter;
use patronus_types::api::standing::{Halted, SiteMode};
use patronus_types::bundle::Source;
use patronus_types::network::Network;
use patronus_types::rotation::OfferedKeys;
use patronus_types::site::{Site, SiteSpec};
use patronus_types::{Name, NetworkId, PublicKey, Ref, SiteId, TenantId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use crate::{Page, Paged, Result, Write};

/// A site to make. Its overlay addresses are given out by the store.
#[derive(Debug, Clone)]
pub struct NewSite {
    /// Its id.
    pub id: SiteId,
    /// Its network.
    pub network: NetworkId,
    /// What was declared.
    pub spec: SiteSpec,
    /// The key of its first uplink, for a site without an agent.
    pub public_key: Option<PublicKey>,
}

/// A site as the compiler needs it.
#[derive(Debug, Clone)]
pub struct SiteRecord {
    /// Its id.
    pub id: SiteId,
    /// What was declared.
    pub spec: SiteSpec,
    /// Its overlay addresses: IPv4, then IPv6.
    pub addresses: Vec<IpAddr>,
    /// Its keys by uplink index.
    pub public_keys: Vec<PublicKey>,
    /// Its first UDP port.
    pub port_base: Option<u16>,
    /// Whether its bundles are compiled or uploaded.
    pub source: Source,
    /// When its agent left, if none has come since.
    pub left_at: Option<Timestamp>,
    /// Bundles that its agent undid and does not try again.
    pub undone: Vec<Undone>,
    /// What it does with the version it should run.
    pub mode: SiteMode,
    /// What somebody on the site has stopped.
    pub halted: Option<Halted>,
    /// What it told that the replacing of keys waits for.
    pub keys: SiteKeys,
}

impl SiteRecord {
    /// The keys that its agent has, where it cannot use those that stand here: this was restored from a backup that is older
    /// than a replacing of its keys, or its agent from one.
    pub fn other_keys(&self) -> Option<&[PublicKey]> {
        let SiteKeys { reported, offered, .. } = &self.keys;
        let offers = offered.as_ref().is_some_and(|offered| offered.public_keys == self.public_keys);
        (!reported.is_empty() && *reported != self.public_keys && !offers).then_some(reported)
    }
}

/// What the replacing of keys has to know of a site.
#[derive(Debug, Clone, Default)]
pub struct SiteKeys {
    /// Which set of keys it has, counted from 1 with those of its enrolment.
    pub number: u32,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether an agent runs it.
    pub enrolled: bool,
    /// Whether it has been in a release.
    pub released: bool,
    /// When its agent was last heard.
    pub last_seen_at: Option<Timestamp>,
    /// The version it reported to run.
    pub running_version: Option<u64>,
    /// The last outcome it reported.
    pub last_outcome: Option<Outcome>,
    /// The keys of its uplinks, as its agent has them.
    pub reported: Vec<PublicKey>,
    /// The key for its spare tunnel.
    pub spare: Option<PublicKey>,
    /// The keys that it offers.
    pub offered: Option<OfferedKeys>,
    /// Peers whose traffic has yet to move to where the version wants it.
    pub waits_for: Vec<Name>,
}

/// Which sites to list.
#[derive(Debug, Clone, Default)]
pub struct SiteFilter {
    /// Only those of a network.
    pub network: Option<NetworkId>,
    /// Only those that are heard, or not.
    pub status: StatusFilter,
}

/// What an agent brings to enrol.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// Hash of the enrolment token.
    pub token_hash: String,
    /// Hash of the agent's nonce.
    pub nonce_hash: String,
    /// The keys of its uplinks, four.
    pub public_keys: Vec<PublicKey>,
    /// Its first UDP port.
    pub port_base: u16,
    /// The agent's version.
    pub agent_version: String,
    /// The host's name.
    pub hostname: String,
    /// Id for the agent's token, if one is made.
    pub agent_token: TokenId,
    /// Hash of the agent's token (derived from the nonce, so a repeat has the same).
    pub agent_token_hash: String,
}

/// What enrolling gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrolled {
    /// The site.
    pub site: Site,
    /// Its network.
    pub network: Network,
    /// Whether this was a repeat of an enrolment within the hour.
    pub repeated: bool,
}

/// A report with when it came.
#[derive(Debug, Clone)]
pub struct SiteReport {
    /// The site.
    pub site: SiteId,
    /// What its agent said.
    pub report: Report,
}

/// What a store does with sites. Reads take `now` to tell `active` from `inactive` (heard within 120 s).
#[async_trait::async_trait]
pub trait Sites {
    /// Makes a site and gives it addresses. `site.created`.
    async fn create_site(&self, write: &Write, new: NewSite) -> Result<Site>;

    /// Reads one. A name is looked for in `network`, else in the whole tenant.
    async fn site(&self, tenant: TenantId, network: Option<NetworkId>, reference: &Ref, now: Timestamp)
    -> Result<Site>;

    /// Lists sites by name, then id.
    async fn sites(&self, tenant: TenantId, filter: SiteFilter, page: Page, now: Timestamp) -> Result<Paged<Site>>;

    /// Changes one that is at version `expected`. `site.updated`.
    async fn update_site(
        &self,
        write: &Write,
        id: SiteId,
        expected: u64,
        spec: SiteSpec,
        public_key: Option<PublicKey>,
    ) -> Result<Site>;

    /// Sets what one does with the version it should run; nothing happens if it does so. `site.held`, `site.shadowed` or
    /// `site.unheld`.
    async fn set_site_mode(&self, write: &Write, id: SiteId, mode: SiteMode) -> Result<Site>;

    /// Deletes one that is at version `expected`, revokes its tokens, frees its addresses late. `site.deleted`.
    async fn delete_site(&self, write: &Write, id: SiteId, expected: u64) -> Result<()>;

    /// Uses an enrolment token, once. A repeat with the same token, keys and nonce within an hour answers the same.
    /// `write.tenant` is ignored: the token knows its tenant. An enrolment of a site that had an agent replaces its
    /// keys and revokes the old agent's token. `site.enrolled`.
    async fn enrol(&self, write: &Write, enrolment: Enrolment) -> Result<Enrolled>;

    /// Keeps an agent's report if its sequence number is not older than the newest; makes `bundle.applied`,
    /// `bundle.failed`, `bundle.refused` or `bundle.reverted` when the outcome is new.
    async fn report(&self, write: &Write, report: SiteReport) -> Result<()>;

    /// Revokes the agent's token and marks the site as left; `site.left`.
    async fn leave(&self, write: &Write, site: SiteId) -> Result<()>;

    /// Writes down when sites were last heard; no event.
    async fn heard(&self, seen: Vec<(SiteId, Timestamp)>) -> Result<()>;

    /// The tenant and the network of a site.
    async fn home_of(&self, id: SiteId) -> Result<(TenantId, NetworkId)>;

    /// The name of a site, for messages.
    async fn site_name(&self, id: SiteId) -> Result<Name>;
}
