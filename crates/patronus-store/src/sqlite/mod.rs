//! The store on SQLite.
#![allow(unused_imports)]

mod events;
mod networks;
mod releases;
mod sites;
mod tenants;
mod tokens;
mod users;

use std::path::Path;

use crate::{CommitHook, Result, Store};

/// A store in one SQLite file.
pub struct SqliteStore {}

/// Why a data file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another server uses {0}: stop it first")]
    InUse(std::path::PathBuf),
}

impl SqliteStore {
    /// Opens the file, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When another process has it, a newer version wrote it, or it cannot be read or written.
    pub fn open(_path: &Path) -> std::result::Result<Self, OpenError> {
        Ok(Self {})
    }

    /// Sets what is called with each commit's changes, before its callers are answered.
    /// Set it before the first write and before [`crate::Tokens::snapshot`].
    pub fn set_commit_hook(&self, _hook: CommitHook) {}
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) {}
}
