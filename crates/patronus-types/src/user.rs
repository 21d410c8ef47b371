//! People who log in.

use serde::{Deserialize, Serialize};

use crate::permission::Role;
use crate::{Name, Timestamp, UserId};

/// One user. The password's hash never leaves the store and the login handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The login name, unique on the server.
    pub name: Name,
    /// What the user may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}
