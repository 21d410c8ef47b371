//! Tokens as the server's memory knows them.

use patronus_types::site::Site;
use patronus_types::token::TokenKind;
use patronus_types::{Name, TenantId};
use rusqlite::Row;

use crate::sqlite::codec::Columns;
use crate::{AgentRecord, Change, NewToken, PrincipalRecord};

/// The columns that [`read`] takes, of tokens that a request can carry. An enrolment token is none of them: it is
/// looked up when it is used, which is once.
macro_rules! select {
    () => {
        "SELECT t.hash, t.id, t.kind, t.tenant_id, t.role, t.description, t.expires_at, s.id, s.name, s.network_id
         FROM tokens t LEFT JOIN sites s ON s.id = t.site_id
         WHERE t.kind IN ('api', 'agent') AND t.revoked_at IS NULL"
    };
}
pub(super) use select;

/// Reads what [`select`] selects.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Change> {
    let mut columns = Columns::new(row);
    let hash = columns.plain()?;
    let (token, kind, tenant, role) = (columns.text()?, columns.word()?, columns.text()?, columns.word()?);
    let description: String = columns.plain()?;
    let expires_at = columns.maybe_time()?;
    let (site, site_name, network) = (columns.maybe_text()?, columns.maybe_text()?, columns.maybe_text()?);
    let agent = match (kind, site, site_name, network) {
        (TokenKind::Agent, Some(site), Some(site_name), Some(network)) => {
            Some(AgentRecord { site, site_name, network })
        }
        _ => None,
    };
    let name = agent.as_ref().map_or(description, |agent: &AgentRecord| Name::to_string(&agent.site_name));
    Ok(Change::TokenAdded(hash, PrincipalRecord { token, kind, tenant, role, name, agent, expires_at }))
}

/// What to tell of a new API token.
pub(super) fn of_api_token(tenant: TenantId, new: &NewToken) -> Change {
    added(tenant, new, new.description.clone(), None)
}

/// What to tell of a new agent's token.
pub(super) fn of_agent_token(tenant: TenantId, new: &NewToken, site: &Site) -> Change {
    let agent = AgentRecord { site: site.id, site_name: site.spec.name.clone(), network: site.network_id };
    added(tenant, new, site.spec.name.to_string(), Some(agent))
}

fn added(tenant: TenantId, new: &NewToken, name: String, agent: Option<AgentRecord>) -> Change {
    let (token, kind, role, expires_at) = (new.id, new.kind, new.role, new.expires_at);
    Change::TokenAdded(new.hash.clone(), PrincipalRecord { token, kind, tenant, role, name, agent, expires_at })
}
