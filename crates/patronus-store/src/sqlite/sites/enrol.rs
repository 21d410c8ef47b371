//! How an agent joins and leaves.
//!
//! An enrolment token brings one agent in, once. Since the agent may never see the answer, the same token with the same
//! keys and nonce gives the same answer for an hour; the nonce is a secret of that agent, public keys are not.

use jiff::SignedDuration;
use patronus_types::site::Site;
use patronus_types::{SiteId, TenantId, Timestamp, TokenId};
use rusqlite::{Row, params};

use super::{key, row};
use crate::sqlite::codec::{Columns, Ms, Text, joined};
use crate::sqlite::failure::Outcome;
use crate::sqlite::unit::{Draft, Unit};
use crate::sqlite::{networks, rotations, tokens};
use crate::{Enrolled, Enrolment, StoreError, Write};

/// How long the same enrolment is answered again.
const REPEATABLE: SignedDuration = SignedDuration::from_hours(1);

/// An enrolment token as it is kept.
struct Ticket {
    id: TokenId,
    tenant: TenantId,
    site: SiteId,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    used_at: Option<Timestamp>,
    nonce_hash: Option<String>,
    public_keys: Option<String>,
    agent_token: Option<TokenId>,
}

/// Brings an agent in. The token knows its tenant; the write's own is ignored.
pub(super) fn enrol(unit: &mut Unit<'_>, enrolment: &Enrolment) -> Outcome<Enrolled> {
    let ticket = ticket(unit, &enrolment.token_hash)?.ok_or(StoreError::Credential("unknown enrolment token"))?;
    let write = Write { tenant: ticket.tenant, ..unit.write.clone() };
    let mut inner = Unit::new(unit.connection, &write, std::mem::take(&mut unit.newest));
    let repeated = is_repeat(&inner, &ticket, enrolment)?;
    if !repeated {
        join(&mut inner, &ticket, enrolment)?;
    }
    let site = row::load(&inner, ticket.site)?;
    let network = networks::find(&inner, site.network_id)?;
    let Unit { mut changes, newest, .. } = inner;
    unit.changes.append(&mut changes);
    unit.newest = newest;
    Ok(Enrolled { site, network, repeated })
}

fn ticket(unit: &Unit<'_>, hash: &str) -> Outcome<Option<Ticket>> {
    let read = |row: &Row<'_>| {
        let mut columns = Columns::new(row);
        Ok(Ticket {
            id: columns.text()?,
            tenant: columns.text()?,
            site: columns.text()?,
            expires_at: columns.maybe_time()?,
            revoked_at: columns.maybe_time()?,
            used_at: columns.maybe_time()?,
            nonce_hash: columns.plain()?,
            public_keys: columns.plain()?,
            agent_token: columns.maybe_text()?,
        })
    };
    unit.row(
        "SELECT id, tenant_id, site_id, expires_at, revoked_at, used_at, nonce_hash, public_keys, agent_token_id
         FROM tokens WHERE hash = ?1 AND kind = 'enrol'",
        [hash],
        read,
    )
}

/// Whether the token was used by this same enrolment; an error if it cannot be used.
fn is_repeat(unit: &Unit<'_>, ticket: &Ticket, enrolment: &Enrolment) -> Outcome<bool> {
    if ticket.revoked_at.is_some() {
        return Err(StoreError::Credential("revoked enrolment token").into());
    }
    let Some(used_at) = ticket.used_at else {
        let expired = ticket.expires_at.is_some_and(|at| at <= unit.now());
        return if expired { Err(StoreError::Credential("expired enrolment token").into()) } else { Ok(false) };
    };
    let same = ticket.nonce_hash.as_deref() == Some(&enrolment.nonce_hash)
        && ticket.public_keys.as_deref() == Some(&joined(&enrolment.public_keys))
        && unit.now().duration_since(used_at) <= REPEATABLE;
    let holds = match ticket.agent_token {
        Some(token) if same => tokens::works(unit, token)?,
        _ => false,
    };
    if holds { Ok(true) } else { Err(StoreError::Credential("used enrolment token").into()) }
}

fn join(unit: &mut Unit<'_>, ticket: &Ticket, enrolment: &Enrolment) -> Outcome<()> {
    let site = row::load(unit, ticket.site)?;
    tokens::revoke_agents(unit, site.id)?;
    rotations::end_of(unit, &site, "another agent was enrolled")?;
    key::set(unit, site.id, &enrolment.public_keys)?;
    unit.execute(
        "UPDATE tokens SET used_at = ?2, nonce_hash = ?3, public_keys = ?4, agent_token_id = ?5 WHERE id = ?1",
        params![
            Text(ticket.id),
            Ms(unit.now()),
            enrolment.nonce_hash,
            joined(&enrolment.public_keys),
            Text(enrolment.agent_token),
        ],
    )?;
    // A new agent counts its reports from the start and runs nothing yet.
    unit.execute(
        "UPDATE sites SET port_base = ?2, agent_version = ?3, hostname = ?4, driver = NULL, enrolled_at = ?5,
            left_at = NULL, last_seen_at = ?5, running_version = NULL, last_outcome = NULL,
            failed_version = NULL, report_seq = NULL, last_report = NULL, version = version + 1
         WHERE id = ?1",
        params![Text(site.id), enrolment.port_base, enrolment.agent_version, enrolment.hostname, Ms(unit.now()),],
    )?;
    tokens::add_agent(unit, &site, enrolment.agent_token, &enrolment.agent_token_hash)?;
    networks::grown(unit, site.network_id)?;
    let message = format!("site `{}` was enrolled on host `{}`", site.spec.name, enrolment.hostname);
    unit.event(Draft::info("site.enrolled", message).about("site", site.id, &site.spec.name).within(site.network_id))
}

/// Ends a site's agent. The site keeps its keys and addresses: others may still run bundles that name them.
pub(super) fn leave(unit: &mut Unit<'_>, id: SiteId) -> Outcome<()> {
    let site = row::load(unit, id)?;
    if site.enrolled_at.is_none() {
        return Ok(());
    }
    rotations::end_of(unit, &site, "its agent left")?;
    let Site { network_id, spec, .. } = site;
    tokens::revoke_agents(unit, id)?;
    unit.execute(
        "UPDATE sites SET left_at = ?2, enrolled_at = NULL, agent_version = NULL, hostname = NULL, driver = NULL,
            running_version = NULL, last_outcome = NULL, failed_version = NULL, version = version + 1
         WHERE id = ?1",
        params![Text(id), Ms(unit.now())],
    )?;
    let message = format!("the agent of site `{}` left", spec.name);
    unit.event(Draft::info("site.left", message).about("site", id, &spec.name).within(network_id))
}
