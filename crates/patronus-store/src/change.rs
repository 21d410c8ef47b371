//! What a commit changed that the server keeps in memory.

use patronus_types::api::agent::Desired;
use patronus_types::api::standing::SiteMode;
use patronus_types::permission::Role;
use patronus_types::token::TokenKind;
use patronus_types::{Name, NetworkId, SiteId, TenantId, Timestamp, TokenId};

/// Who a token stands for: what an authentication needs to know, without SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalRecord {
    /// The token's id.
    pub token: TokenId,
    /// The token's kind: `Api` or `Agent`.
    pub kind: TokenKind,
    /// Its tenant.
    pub tenant: TenantId,
    /// What it may do.
    pub role: Role,
    /// A name for events: the token's description, or the site's name.
    pub name: String,
    /// An agent's site.
    pub agent: Option<AgentRecord>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// The site of an agent's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRecord {
    /// The site.
    pub site: SiteId,
    /// The site's name.
    pub site_name: Name,
    /// Its network.
    pub network: NetworkId,
}

/// One committed change, in the order of the commits.
#[derive(Debug, Clone)]
pub enum Change {
    /// A token works from now on. The text is its hash as stored.
    TokenAdded(String, PrincipalRecord),
    /// A token no longer works.
    TokenRemoved(String),
    /// A site should run this, or nothing.
    Desired {
        /// The site.
        site: SiteId,
        /// What to run.
        desired: Option<Desired>,
    },
    /// What a site does with what it should run.
    Mode {
        /// The site.
        site: SiteId,
        /// The mode.
        mode: SiteMode,
    },
    /// A site's agent shall offer the set of keys with this number, or none.
    NewKeys {
        /// The site.
        site: SiteId,
        /// The number.
        number: Option<u32>,
    },
    /// Something that the replacing of keys may have waited for.
    Rotations,
    /// A network's poll interval, in seconds.
    PollInterval {
        /// The network.
        network: NetworkId,
        /// Its interval.
        seconds: u16,
    },
    /// A site is gone.
    SiteRemoved(SiteId),
    /// Events were written; the newest number of the tenant.
    Events {
        /// The tenant.
        tenant: TenantId,
        /// The newest number.
        newest: u64,
    },
}

/// Called by the writer after each commit, before the callers are answered; it must not block.
pub type CommitHook = Box<dyn Fn(Vec<Change>) + Send + Sync>;
