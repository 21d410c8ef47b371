//! A tenant: the isolation boundary that owns networks, users and tokens.

use serde::{Deserialize, Serialize};

use crate::{Name, TenantId, Timestamp};

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, unique on the server.
    pub name: Name,
    /// When it was made.
    pub created_at: Timestamp,
}
