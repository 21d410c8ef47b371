//! Policies.

use patronus_types::policy::{Policy, PolicySpec};
use patronus_types::{NetworkId, PolicyId, Ref, TenantId};

use crate::{Page, Paged, Result, Write};

/// A policy to make.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Its id.
    pub id: PolicyId,
    /// Its network.
    pub network: NetworkId,
    /// What was declared.
    pub spec: PolicySpec,
}

/// What a store does with policies. Whether they hold together is for whoever writes to look at; [`Write::seen`] keeps
/// that true.
#[async_trait::async_trait]
pub trait Policies {
    /// Makes a policy. `policy.created`.
    async fn create_policy(&self, write: &Write, new: NewPolicy) -> Result<Policy>;

    /// Reads one of a tenant; a name may be in several networks.
    async fn policy(&self, tenant: TenantId, network: Option<NetworkId>, reference: &Ref) -> Result<Policy>;

    /// Lists a tenant's policies, or those of a network, by name.
    async fn policies(&self, tenant: TenantId, network: Option<NetworkId>, page: Page) -> Result<Paged<Policy>>;

    /// Changes one that is at version `expected`. `policy.updated`.
    async fn update_policy(&self, write: &Write, id: PolicyId, expected: u64, spec: PolicySpec) -> Result<Policy>;

    /// Deletes one that is at version `expected`. `policy.deleted`.
    async fn delete_policy(&self, write: &Write, id: PolicyId, expected: u64) -> Result<()>;
}
