//! Tenants.

use patronus_types::tenant::Tenant;
use patronus_types::{Name, Ref};

use crate::{Result, Write};

/// What a store does with tenants.
#[async_trait::async_trait]
pub trait Tenants {
    /// Makes a tenant; `write.tenant` is its id.
    async fn create_tenant(&self, write: &Write, name: Name) -> Result<Tenant>;

    /// Reads one.
    async fn tenant(&self, reference: &Ref) -> Result<Tenant>;
}
