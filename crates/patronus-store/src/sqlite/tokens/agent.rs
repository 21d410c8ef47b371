//! Tokens of sites: one for each agent, and those that bring one in.

use patronus_types::permission::Role;
use patronus_types::site::Site;
use patronus_types::token::TokenKind;
use patronus_types::{Name, SiteId, TokenId};
use rusqlite::params;

use super::principal;
use crate::sqlite::codec::{Ms, Text};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Unit, rows};
use crate::{Change, NewToken};

/// Makes the token of a site's agent.
pub(in crate::sqlite) fn add_agent(unit: &mut Unit<'_>, site: &Site, id: TokenId, hash: &str) -> Outcome<()> {
    let new = NewToken {
        id,
        kind: TokenKind::Agent,
        hash: hash.to_owned(),
        description: String::new(),
        role: Role::System,
        site: Some((site.network_id, site.id)),
        expires_at: None,
    };
    super::insert(unit, &new, Some(site.spec.name.clone()))?;
    unit.changes.push(principal::of_agent_token(unit.tenant(), &new, site));
    Ok(())
}

/// Whether a token was not revoked.
pub(in crate::sqlite) fn works(unit: &Unit<'_>, id: TokenId) -> Outcome<bool> {
    let sql = "SELECT 1 FROM tokens WHERE id = ?1 AND revoked_at IS NULL";
    Ok(unit.row(sql, [Text(id)], |_| Ok(()))?.is_some())
}

/// Revokes the tokens of a site's agents. No event of its own: what made it necessary has one.
pub(in crate::sqlite) fn revoke_agents(unit: &mut Unit<'_>, site: SiteId) -> Outcome<()> {
    revoke(
        unit,
        site,
        "UPDATE tokens SET revoked_at = ?2 WHERE site_id = ?1 AND revoked_at IS NULL AND kind = 'agent' RETURNING hash",
    )
}

/// Revokes every token of a site, those too that would bring an agent in.
pub(in crate::sqlite) fn revoke_of_site(unit: &mut Unit<'_>, site: SiteId) -> Outcome<()> {
    revoke(unit, site, "UPDATE tokens SET revoked_at = ?2 WHERE site_id = ?1 AND revoked_at IS NULL RETURNING hash")
}

fn revoke(unit: &mut Unit<'_>, site: SiteId, sql: &str) -> Outcome<()> {
    let ended = rows(unit.connection, sql, params![Text(site), Ms(unit.now())], |row| row.get(0))?;
    unit.changes.extend(ended.into_iter().map(Change::TokenRemoved));
    Ok(())
}

/// Tells the new name of a site wherever its tokens carry it.
pub(in crate::sqlite) fn rename_site(unit: &mut Unit<'_>, site: SiteId, name: &Name) -> Outcome<()> {
    unit.execute("UPDATE tokens SET site = ?2 WHERE site_id = ?1", params![Text(site), Text(name)])?;
    let sql = concat!(principal::select!(), " AND t.site_id = ?1");
    let renamed = rows(unit.connection, sql, [Text(site)], principal::read)?;
    unit.changes.extend(renamed);
    Ok(())
}
