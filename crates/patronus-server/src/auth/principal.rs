//! A caller who has shown a credential.

use std::sync::Arc;

use patronus_store::AgentRecord;
use patronus_types::api::error::ErrorCode;
use patronus_types::event::{Actor, ActorKind};
use patronus_types::permission::{Permission, Role};
use patronus_types::token::TokenKind;
use patronus_types::{Name, TenantId, UserId};

use crate::error::{Error, Result};
use crate::index::TokenEntry;

/// A person who logged in.
#[derive(Debug, Clone)]
pub struct UserPrincipal {
    /// Who.
    pub id: UserId,
    /// The login name.
    pub name: Name,
    /// What the person may do.
    pub role: Role,
    /// Where.
    pub tenant: TenantId,
}

/// Who calls.
#[derive(Clone)]
pub enum Principal {
    /// A person.
    User(Arc<UserPrincipal>),
    /// A program or an agent.
    Token(Arc<TokenEntry>),
}

impl Principal {
    /// What the caller may do.
    pub fn role(&self) -> Role {
        match self {
            Self::User(user) => user.role,
            Self::Token(entry) => entry.record.role,
        }
    }

    /// The caller's tenant.
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::User(user) => user.tenant,
            Self::Token(entry) => entry.record.tenant,
        }
    }

    /// Refuses a caller whose role does not hold the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.role().allows(permission) {
            return Ok(());
        }
        let name = serde_json::to_value(permission).unwrap_or_default();
        let role = serde_json::to_value(self.role()).unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Err(Error::new(
            ErrorCode::Forbidden,
            format_args!("this needs `{}`, which the role `{}` does not have", text(&name), text(&role)),
        ))
    }

    /// The site of an agent.
    pub fn agent(&self) -> Option<&AgentRecord> {
        match self {
            Self::User(_) => None,
            Self::Token(entry) => entry.record.agent.as_ref(),
        }
    }

    /// The caller as events name it.
    pub fn actor(&self) -> Actor {
        match self {
            Self::User(user) => Actor { kind: ActorKind::User, id: Some(user.id.into()), name: user.name.to_string() },
            Self::Token(entry) => {
                let record = &entry.record;
                let agent = record.kind == TokenKind::Agent;
                let id = record.agent.as_ref().map_or_else(|| record.token.into(), |agent| agent.site.into());
                let kind = if agent { ActorKind::Agent } else { ActorKind::Token };
                Actor { kind, id: Some(id), name: record.name.clone() }
            }
        }
    }

    /// A text that no two callers share.
    pub fn key(&self) -> String {
        match self {
            Self::User(user) => user.id.to_string(),
            Self::Token(entry) => entry.record.token.to_string(),
        }
    }
}
