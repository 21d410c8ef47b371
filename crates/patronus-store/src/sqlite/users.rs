//! Users, and logins as chains of refresh tokens that are used once each.

use jiff::SignedDuration;
use patronus_types::event::Severity;
use patronus_types::user::User;
use patronus_types::{Name, TenantId, UserId};
use rusqlite::{Row, params};

use super::SqliteStore;
use super::codec::{Columns, Ms, Text, Word};
use super::failure::Outcome;
use super::unit::{Draft, Unit, not_found, row, rows};
use crate::{Credential, NewRefresh, Result, Rotation, StoreError, Users, Write};

/// Expired tokens removed with each new login: more than one, so that their number falls.
const REMOVED_AT_ONCE: u32 = 16;

/// A used token is remembered this long beyond its end, for clocks that differ.
const GRACE: SignedDuration = SignedDuration::from_hours(1);

const BY_ID: &str = "SELECT id, name, role, created_at, tenant_id, password_hash FROM users WHERE id = ?1";
const BY_NAME: &str = "SELECT id, name, role, created_at, tenant_id, password_hash FROM users WHERE name = ?1";

#[async_trait::async_trait]
impl Users for SqliteStore {
    async fn create_user(&self, write: &Write, user: User, password_hash: String) -> Result<User> {
        self.write(write, move |unit| create(unit, user.clone(), &password_hash)).await
    }

    async fn credential(&self, name: &Name) -> Result<Credential> {
        let found = self.readers.short(|connection| row(connection, BY_NAME, [Text(name)], credential))?;
        found.ok_or_else(|| not_found("user", name))
    }

    async fn user(&self, id: UserId) -> Result<User> {
        let found = self.readers.short(|connection| row(connection, BY_ID, [Text(id)], credential))?;
        found.map(|found| found.user).ok_or_else(|| not_found("user", id))
    }

    async fn has_users(&self) -> Result<bool> {
        let any = self.readers.short(|connection| row(connection, "SELECT 1 FROM users LIMIT 1", [], |_| Ok(())))?;
        Ok(any.is_some())
    }

    async fn begin_login(&self, write: &Write, user: UserId, refresh: NewRefresh) -> Result<()> {
        self.write(write, move |unit| begin(unit, user, &refresh)).await
    }

    async fn rotate_refresh(&self, write: &Write, hash: &str, next: NewRefresh) -> Result<Rotation> {
        let hash = hash.to_owned();
        self.write(write, move |unit| rotate(unit, &hash, &next)).await
    }

    async fn end_login(&self, write: &Write, hash: &str) -> Result<()> {
        let hash = hash.to_owned();
        self.write(write, move |unit| end(unit, &hash)).await
    }
}

fn create(unit: &mut Unit<'_>, user: User, password_hash: &str) -> Outcome<User> {
    if unit.row("SELECT 1 FROM users WHERE name = ?1", [Text(&user.name)], |_| Ok(()))?.is_some() {
        return Err(StoreError::Exists(format!("there is a user `{}` already", user.name)).into());
    }
    unit.execute(
        "INSERT INTO users (id, tenant_id, name, role, password_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            Text(user.id),
            Text(unit.tenant()),
            Text(&user.name),
            Word(user.role),
            password_hash,
            Ms(user.created_at)
        ],
    )?;
    let message = format!("user `{}` was created", user.name);
    unit.event(Draft::info("user.created", message).about("user", user.id, &user.name))?;
    Ok(user)
}

fn begin(unit: &mut Unit<'_>, user: UserId, refresh: &NewRefresh) -> Outcome<()> {
    let Credential { user, tenant, .. } =
        unit.row(BY_ID, [Text(user)], credential)?.ok_or_else(|| not_found("user", user))?;
    remove_expired(unit)?;
    let login = unit.row(
        "INSERT INTO logins (tenant_id, user_id, created_at) VALUES (?1, ?2, ?3) RETURNING id",
        params![Text(tenant), Text(user.id), Ms(unit.now())],
        |row| row.get::<_, i64>(0),
    )?;
    let login = login.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    add_refresh(unit, tenant, login, refresh)?;
    let message = format!("`{}` logged in", user.name);
    unit.event_in(tenant, Draft::info("user.logged-in", message).about("user", user.id, &user.name))
}

fn remove_expired(unit: &Unit<'_>) -> Outcome<()> {
    let bereft = rows(
        unit.connection,
        "DELETE FROM refresh_tokens WHERE hash IN
            (SELECT hash FROM refresh_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2) RETURNING login_id",
        params![Ms(unit.now() - GRACE), REMOVED_AT_ONCE],
        |row| row.get::<_, i64>(0),
    )?;
    for login in bereft {
        unit.execute(
            "DELETE FROM logins WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE login_id = ?1)",
            [login],
        )?;
    }
    Ok(())
}

fn add_refresh(unit: &Unit<'_>, tenant: TenantId, login: i64, refresh: &NewRefresh) -> Outcome<()> {
    unit.execute(
        "INSERT INTO refresh_tokens (hash, tenant_id, login_id, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![refresh.hash, Text(tenant), login, Ms(refresh.expires_at)],
    )?;
    Ok(())
}

/// A refresh token with its login and user.
struct Chain {
    credential: Credential,
    login: i64,
    usable: bool,
    used: bool,
}

fn chain(unit: &Unit<'_>, hash: &str) -> Outcome<Option<Chain>> {
    unit.row(
        "SELECT u.id, u.name, u.role, u.created_at, u.tenant_id, u.password_hash,
                l.id, l.ended_at IS NULL AND r.expires_at > ?2, r.used_at IS NOT NULL
         FROM refresh_tokens r JOIN logins l ON l.id = r.login_id JOIN users u ON u.id = l.user_id WHERE r.hash = ?1",
        params![hash, Ms(unit.now())],
        |row| {
            let credential = credential(row)?;
            Ok(Chain { credential, login: row.get(6)?, usable: row.get(7)?, used: row.get(8)? })
        },
    )
}

fn rotate(unit: &mut Unit<'_>, hash: &str, next: &NewRefresh) -> Outcome<Rotation> {
    let Some(chain) = chain(unit, hash)?.filter(|chain| chain.usable) else { return Ok(Rotation::Refused) };
    let Credential { user, tenant, .. } = chain.credential;
    if chain.used {
        end_chain(unit, chain.login)?;
        let message = format!("a used refresh token of `{}` was presented again: its login has ended", user.name);
        let draft = Draft::info("user.refresh-reused", message).about("user", user.id, &user.name);
        unit.event_in(tenant, draft.severity(Severity::Warning))?;
        return Ok(Rotation::Reused);
    }
    unit.execute("UPDATE refresh_tokens SET used_at = ?2 WHERE hash = ?1", params![hash, Ms(unit.now())])?;
    add_refresh(unit, tenant, chain.login, next)?;
    Ok(Rotation::Rotated(user, tenant))
}

fn end(unit: &mut Unit<'_>, hash: &str) -> Outcome<()> {
    let Some(chain) = chain(unit, hash)?.filter(|chain| chain.usable) else { return Ok(()) };
    end_chain(unit, chain.login)?;
    let Credential { user, tenant, .. } = chain.credential;
    let message = format!("`{}` logged out", user.name);
    unit.event_in(tenant, Draft::info("user.logged-out", message).about("user", user.id, &user.name))
}

fn end_chain(unit: &Unit<'_>, login: i64) -> Outcome<()> {
    unit.execute("UPDATE logins SET ended_at = ?2 WHERE id = ?1", params![login, Ms(unit.now())])?;
    Ok(())
}

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    let mut columns = Columns::new(row);
    let user = User { id: columns.text()?, name: columns.text()?, role: columns.word()?, created_at: columns.time()? };
    Ok(Credential { user, tenant: columns.text()?, password_hash: columns.plain()? })
}
