//! Tokens, and what the server keeps of them in memory.

mod agent;
mod principal;
mod snapshot;

use patronus_types::token::{Token, TokenKind};
use patronus_types::{Name, NetworkId, SiteId, TenantId, Timestamp, TokenId};
use rusqlite::{Connection, Row, params};

pub(super) use self::agent::{add_agent, rename_site, revoke_agents, revoke_of_site, works};
use super::SqliteStore;
use super::codec::{Columns, Ms, Text, Word, as_kept};
use super::failure::Outcome;
use super::unit::{Draft, Unit, not_found, row};
use super::{networks, page};
use crate::{Change, NewToken, Page, Paged, Result, TokenFilter, Tokens, Write};

macro_rules! select {
    () => {
        "SELECT id, kind, description, role, network_id, site_id, site, created_by, created_at, expires_at, used_at,
            last_used_at, revoked_at
         FROM tokens"
    };
}

#[async_trait::async_trait]
impl Tokens for SqliteStore {
    async fn create_token(&self, write: &Write, new: NewToken) -> Result<Token> {
        self.write(write, move |unit| create(unit, &new)).await
    }

    async fn token(&self, tenant: TenantId, id: TokenId) -> Result<Token> {
        self.readers.short(|connection| load(connection, tenant, id))
    }

    async fn tokens(&self, tenant: TenantId, filter: TokenFilter, page: Page) -> Result<Paged<Token>> {
        self.readers.sized(page.limit, move |connection| list(connection, tenant, &filter, &page)).await
    }

    async fn revoke_token(&self, write: &Write, id: TokenId) -> Result<Token> {
        self.write(write, move |unit| revoke(unit, id)).await
    }

    async fn used(&self, used: Vec<(TokenId, Timestamp)>) -> Result<()> {
        self.maintain(move |connection| note_used(connection, &used)).await
    }

    async fn snapshot(&self) -> Result<Vec<Change>> {
        self.readers.long(snapshot::read).await
    }
}

fn create(unit: &mut Unit<'_>, new: &NewToken) -> Outcome<Token> {
    let site = new.site.map(|(network, site)| site_in(unit, network, site)).transpose()?;
    let token = insert(unit, new, site)?;
    if new.kind == TokenKind::Api {
        unit.changes.push(principal::of_api_token(unit.tenant(), new));
    }
    tell(unit, "token.created", &token, "created")?;
    Ok(token)
}

fn site_in(unit: &Unit<'_>, network: NetworkId, site: SiteId) -> Outcome<Name> {
    networks::find(unit, network)?;
    let found = unit.row(
        "SELECT name FROM sites WHERE id = ?1 AND network_id = ?2",
        params![Text(site), Text(network)],
        |row| row.get::<_, Text<Name>>(0),
    )?;
    Ok(found.map(|Text(name)| name).ok_or_else(|| not_found("site", site))?)
}

/// Keeps a new token, and answers it as it will be read.
fn insert(unit: &Unit<'_>, new: &NewToken, site: Option<Name>) -> Outcome<Token> {
    let (network_id, site_id) = new.site.unzip();
    let token = Token {
        id: new.id,
        kind: new.kind,
        description: new.description.clone(),
        role: new.role,
        network_id,
        site_id,
        site,
        created_by: unit.write.actor.name.clone(),
        created_at: as_kept(unit.now()),
        expires_at: new.expires_at.map(as_kept),
        used_at: None,
        last_used_at: None,
        revoked_at: None,
    };
    unit.execute(
        "INSERT INTO tokens (id, tenant_id, kind, hash, description, role, network_id, site_id, site, created_by,
            created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            Text(token.id),
            Text(unit.tenant()),
            Word(token.kind),
            new.hash,
            token.description,
            Word(token.role),
            token.network_id.map(Text),
            token.site_id.map(Text),
            token.site.as_ref().map(Text),
            token.created_by,
            Ms(token.created_at),
            token.expires_at.map(Ms),
        ],
    )?;
    Ok(token)
}

fn revoke(unit: &mut Unit<'_>, id: TokenId) -> Outcome<Token> {
    let ended = unit.row(
        "UPDATE tokens SET revoked_at = ?3 WHERE tenant_id = ?1 AND id = ?2 AND revoked_at IS NULL RETURNING hash",
        params![Text(unit.tenant()), Text(id), Ms(unit.now())],
        |row| row.get::<_, String>(0),
    )?;
    let token = load(unit.connection, unit.tenant(), id)?;
    if let Some(hash) = ended {
        unit.changes.push(Change::TokenRemoved(hash));
        tell(unit, "token.revoked", &token, "revoked")?;
    }
    Ok(token)
}

fn tell(unit: &mut Unit<'_>, kind: &'static str, token: &Token, what: &str) -> Outcome<()> {
    let mut draft = Draft::info(kind, format!("{} token `{}` was {what}", token.kind, label(token)));
    draft.network = token.network_id;
    unit.event(draft.about("token", token.id, label(token)))
}

/// What people call a token: its description, else its site, else its id.
fn label(token: &Token) -> String {
    let site = || token.site.as_ref().map_or_else(|| token.id.to_string(), ToString::to_string);
    if token.description.is_empty() { site() } else { token.description.clone() }
}

fn load(connection: &Connection, tenant: TenantId, id: TokenId) -> Outcome<Token> {
    let sql = concat!(select!(), " WHERE tenant_id = ?1 AND id = ?2");
    Ok(row(connection, sql, params![Text(tenant), Text(id)], read)?.ok_or_else(|| not_found("token", id))?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let mut columns = Columns::new(row);
    Ok(Token {
        id: columns.text()?,
        kind: columns.word()?,
        description: columns.plain()?,
        role: columns.word()?,
        network_id: columns.maybe_text()?,
        site_id: columns.maybe_text()?,
        site: columns.maybe_text()?,
        created_by: columns.plain()?,
        created_at: columns.time()?,
        expires_at: columns.maybe_time()?,
        used_at: columns.maybe_time()?,
        last_used_at: columns.maybe_time()?,
        revoked_at: columns.maybe_time()?,
    })
}

fn list(connection: &Connection, tenant: TenantId, filter: &TokenFilter, page: &Page) -> Outcome<Paged<Token>> {
    let before = page::place::<TokenId>(page)?.map(Text);
    let network = filter.network.map(Text);
    page::read(
        connection,
        page,
        (
            concat!(
                select!(),
                " WHERE tenant_id = ?1 AND (?2 IS NULL OR network_id = ?2) AND (?3 IS NULL OR id < ?3)
                 ORDER BY id DESC LIMIT ?4"
            ),
            params![Text(tenant), network, before, page::fetch(page)],
        ),
        (
            "SELECT count(*) FROM tokens WHERE tenant_id = ?1 AND (?2 IS NULL OR network_id = ?2)",
            params![Text(tenant), network],
        ),
        (read, |token| token.id.to_string()),
    )
}

fn note_used(connection: &Connection, used: &[(TokenId, Timestamp)]) -> Outcome<()> {
    let mut statement = connection
        .prepare_cached("UPDATE tokens SET last_used_at = max(coalesce(last_used_at, 0), ?2) WHERE id = ?1")?;
    for (token, at) in used {
        statement.execute(params![Text(token), Ms(*at)])?;
    }
    Ok(())
}
