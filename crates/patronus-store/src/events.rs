//! Events, read. They are written by the methods whose changes they tell of.

use patronus_types::event::Event;
use patronus_types::{NetworkId, TenantId};

use crate::{Page, Paged, Result};

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only those of a network.
    pub network: Option<NetworkId>,
    /// Only a type (`site.created`), or with a dot at the end a group (`site.`).
    pub kind: Option<String>,
    /// Only those with a greater number; oldest first then, else newest first.
    pub after: Option<u64>,
}

/// What a store does with events.
#[async_trait::async_trait]
pub trait Events {
    /// Lists a tenant's events.
    async fn events(&self, tenant: TenantId, filter: EventFilter, page: Page) -> Result<Paged<Event>>;

    /// The newest number of a tenant, 0 before the first.
    async fn newest_event(&self, tenant: TenantId) -> Result<u64>;
}
