//! Networks, and sets of manifests.

use patronus_types::network::{Network, NetworkSpec};
use patronus_types::policy::{Policy, PolicySpec};
use patronus_types::site::{Site, SiteSpec};
use patronus_types::{NetworkId, PolicyId, PublicKey, Ref, SiteId, TenantId};

use crate::{NewPolicy, NewSite, Page, Paged, Result, RotationRecord, SiteRecord, Write};

/// A network to make.
#[derive(Debug, Clone)]
pub struct NewNetwork {
    /// Its id.
    pub id: NetworkId,
    /// What was declared.
    pub spec: NetworkSpec,
}

/// A network with all its sites, read at one moment: what a release is compiled from.
#[derive(Debug, Clone)]
pub struct NetworkRecord {
    /// The network.
    pub network: Network,
    /// All its sites, in order of id.
    pub sites: Vec<SiteRecord>,
    /// Its policies, in order of name.
    pub policies: Vec<PolicySpec>,
    /// The replacing of a site's keys, if one goes on.
    pub rotation: Option<RotationRecord>,
    /// The number the next release must have at least: above the newest release and above every version that an
    /// agent reported to have accepted.
    pub next_version: u64,
}

/// One step of [`Networks::apply`].
#[derive(Debug, Clone)]
pub enum ApplyOp {
    /// Makes a network.
    CreateNetwork(NewNetwork),
    /// Changes a network that is at `expected`.
    UpdateNetwork {
        /// Which.
        id: NetworkId,
        /// Its version when it was read.
        expected: u64,
        /// What it becomes.
        spec: NetworkSpec,
    },
    /// Makes a site.
    CreateSite(NewSite),
    /// Changes a site that is at `expected`.
    UpdateSite {
        /// Which.
        id: SiteId,
        /// Its version when it was read.
        expected: u64,
        /// What it becomes.
        spec: Box<SiteSpec>,
        /// The key of its first uplink, if given.
        public_key: Option<PublicKey>,
    },
    /// Makes a policy.
    CreatePolicy(NewPolicy),
    /// Changes a policy that is at `expected`.
    UpdatePolicy {
        /// Which.
        id: PolicyId,
        /// Its version when it was read.
        expected: u64,
        /// What it becomes.
        spec: Box<PolicySpec>,
    },
}

/// What a store does with networks.
#[async_trait::async_trait]
pub trait Networks {
    /// Makes a network. `network.created`.
    async fn create_network(&self, write: &Write, new: NewNetwork) -> Result<Network>;

    /// Reads one of a tenant.
    async fn network(&self, tenant: TenantId, reference: &Ref) -> Result<Network>;

    /// Lists a tenant's networks by name.
    async fn networks(&self, tenant: TenantId, page: Page) -> Result<Paged<Network>>;

    /// Changes one that is at version `expected`. A new `range` or `range6` is a conflict while there are sites.
    /// `network.updated`.
    async fn update_network(&self, write: &Write, id: NetworkId, expected: u64, spec: NetworkSpec) -> Result<Network>;

    /// Deletes one that is at version `expected` and has no sites. `network.deleted`.
    async fn delete_network(&self, write: &Write, id: NetworkId, expected: u64) -> Result<()>;

    /// Reads a network with everything a release is compiled from, in one read transaction.
    async fn compile_input(&self, tenant: TenantId, id: NetworkId) -> Result<NetworkRecord>;

    /// Does all steps or none, in their order. Events as by the single methods.
    async fn apply(&self, write: &Write, ops: Vec<ApplyOp>) -> Result<Vec<Applied>>;
}

/// What a step of [`Networks::apply`] left behind.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Applied {
    /// The network as it is now.
    Network(Box<Network>),
    /// The site as it is now.
    Site(Box<Site>),
    /// The policy as it is now.
    Policy(Box<Policy>),
}
