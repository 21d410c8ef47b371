//! Users and their logins.

use patronus_types::user::User;
use patronus_types::{Name, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Result, Write};

/// A user with what a login compares.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The user.
    pub user: User,
    /// The tenant the user works in.
    pub tenant: TenantId,
    /// The password's hash in PHC form.
    pub password_hash: String,
}

/// A refresh token to keep.
#[derive(Debug, Clone)]
pub struct NewRefresh {
    /// The hash under which it is found.
    pub hash: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What came of presenting a refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rotation {
    /// It was the newest of its login; the next one is stored.
    Rotated(User, TenantId),
    /// It had been used before: the whole login has ended, and an event says so.
    Reused,
    /// It is unknown, expired or its login has ended.
    Refused,
}

/// What a store does with users.
#[async_trait::async_trait]
pub trait Users {
    /// Makes a user.
    async fn create_user(&self, write: &Write, user: User, password_hash: String) -> Result<User>;

    /// Finds a user by login name.
    async fn credential(&self, name: &Name) -> Result<Credential>;

    /// Finds a user by id.
    async fn user(&self, id: UserId) -> Result<User>;

    /// Whether there is any user.
    async fn has_users(&self) -> Result<bool>;

    /// Begins a login.
    async fn begin_login(&self, write: &Write, user: UserId, refresh: NewRefresh) -> Result<()>;

    /// Takes a refresh token and stores the next one of the same login.
    async fn rotate_refresh(&self, write: &Write, hash: &str, next: NewRefresh) -> Result<Rotation>;

    /// Ends the login a refresh token belongs to. An unknown one is no error.
    async fn end_login(&self, write: &Write, hash: &str) -> Result<()>;
}
