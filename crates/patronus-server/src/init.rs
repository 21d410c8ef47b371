//! `patronus-server init`: makes a data folder that `serve` can work with. Again changes nothing; after an
//! interruption it goes on where it stopped.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use patronus_store::sqlite::SqliteStore;
use patronus_store::{NewNetwork, Store, StoreError, Write};
use patronus_types::event::Actor;
use patronus_types::network::NetworkSpec;
use patronus_types::permission::Role;
use patronus_types::user::User;
use patronus_types::{Name, NetworkId, Ref, TenantId, Timestamp, UserId};
use zeroize::Zeroizing;

use crate::app::Clock;
use crate::auth::password;
use crate::folder::Folder;
use crate::keys::{ServerSecret, Tls, ensure_signing_key, names_of, random};

/// The file of the database in the folder.
const DATABASE: &str = "patronus.db";

/// What `init` is told.
pub struct Options {
    /// The folder.
    pub data: PathBuf,
    /// The first admin's login name.
    pub admin: Name,
    /// Where the password comes from.
    pub password: PasswordFrom,
    /// Names for the certificate.
    pub names: Vec<String>,
}

/// Where the first admin's password comes from; never an argument, which every user of the host can read.
pub enum PasswordFrom {
    /// It is asked for.
    Terminal,
    /// The first line of stdin.
    Stdin,
    /// The first line of a file.
    File(PathBuf),
}

impl PasswordFrom {
    /// A file, or stdin for `-`.
    pub fn file(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}

/// Runs the command.
pub fn command(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (data, admin) = (options.data.display().to_string(), options.admin.clone());
    let host = options.names.first().map_or_else(|| "HOST".to_owned(), |name| in_url(name));
    let mut stdout = std::io::stdout();
    if runtime.block_on(init(options, &Clock::system()))? {
        writeln!(stdout, "initialised `{data}` with the admin `{admin}`")?;
        write!(stdout, "{}", next(&data, &host))?;
    } else {
        writeln!(stdout, "`{data}` is already initialised; nothing was changed")?;
    }
    Ok(())
}

/// What to type next: plain HTTP on loopback, which is the default, is out of every agent's reach but one on this host.
fn next(data: &str, host: &str) -> String {
    let whose = if host == "HOST" { "\n  HOST is the name or address under which they reach this one" } else { "" };
    format!(
        "next, for agents on other machines:\n  \
         patronus-server serve --data {data} --listen 0.0.0.0:8443 --public-url https://{host}:8443{whose}\n\
         to try it on this machine alone:\n  \
         patronus-server serve --data {data}\n"
    )
}

/// A name or address as it stands in a URL.
fn in_url(host: &str) -> String {
    host.parse::<std::net::Ipv6Addr>().map_or_else(|_| host.to_owned(), |address| format!("[{address}]"))
}

/// Makes the folder; answers whether there was anything to do.
pub async fn init(options: Options, clock: &Clock) -> anyhow::Result<bool> {
    let folder = Folder::create(&options.data)?;
    if folder.is_complete()? {
        return Ok(false);
    }
    let lock = folder.lock()?;
    // The password first: who gives up here has made nothing.
    let hash = password::hash(&read_password(&options)?, &random()?).map_err(|error| anyhow::anyhow!("{error}"))?;
    let secret = ServerSecret::ensure(&folder)?;
    ensure_signing_key(&folder)?;
    Tls::ensure(&folder, &names_of(crate::run::host_name().as_deref(), &options.names), clock.now())?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path(DATABASE))?);
    let filled = fill(&*store, options.admin, hash, clock.now()).await;
    let claimed = store.claim(secret.mark()).await;
    store.close().await;
    filled.context("cannot write the database")?;
    claimed.context("cannot write the database")?;
    folder.complete()?;
    drop(lock);
    Ok(true)
}

/// What a new database holds: the tenant `default`, its network `default`, the admin.
async fn fill(store: &dyn Store, admin: Name, password_hash: String, now: Timestamp) -> anyhow::Result<()> {
    let default: Name = "default".parse()?;
    let tenant = match store.tenant(&Ref::Name(default.clone())).await {
        Ok(tenant) => tenant.id,
        Err(StoreError::NotFound { .. }) => {
            let id = TenantId::new(milliseconds(now), &random()?);
            store.create_tenant(&write(id, now), default.clone()).await?.id
        }
        Err(error) => return Err(error.into()),
    };
    if let Err(StoreError::NotFound { .. }) = store.network(tenant, &Ref::Name(default.clone())).await {
        let id = NetworkId::new(milliseconds(now), &random()?);
        store.create_network(&write(tenant, now), NewNetwork { id, spec: NetworkSpec::named(default) }).await?;
    }
    if !store.has_users().await? {
        let id = UserId::new(milliseconds(now), &random()?);
        let user = User { id, name: admin, role: Role::Admin, created_at: now };
        store.create_user(&write(tenant, now), user, password_hash).await?;
    }
    Ok(())
}

fn write(tenant: TenantId, now: Timestamp) -> Write {
    Write { tenant, actor: Actor::system(), request_id: None, now, dry_run: false, idempotency: None, seen: Vec::new() }
}

fn milliseconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond()).unwrap_or_default()
}

fn read_password(options: &Options) -> anyhow::Result<Zeroizing<String>> {
    let password = match &options.password {
        PasswordFrom::Terminal => ask(&options.admin)?,
        PasswordFrom::Stdin => {
            first_line(&mut std::io::stdin().lock()).context("cannot read the password from stdin")?
        }
        PasswordFrom::File(path) => {
            let mut file = std::fs::File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
            first_line(&mut file).with_context(|| format!("cannot read `{}`", path.display()))?
        }
    };
    let length = password.chars().count();
    ensure!(length >= password::MIN_LEN, "the password has {length} characters; use at least {}", password::MIN_LEN);
    ensure!(password.len() <= password::MAX_LEN, "the password is longer than {} bytes", password::MAX_LEN);
    Ok(password)
}

fn ask(admin: &Name) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password of `{admin}`: use --password-file FILE, or `-` for stdin");
    }
    let once = Zeroizing::new(rpassword::prompt_password(format!("Password for the admin `{admin}`: "))?);
    let twice = Zeroizing::new(rpassword::prompt_password("Again: ")?);
    ensure!(*once == *twice, "the two passwords differ; nothing was made");
    Ok(once)
}

fn first_line(source: &mut dyn std::io::Read) -> anyhow::Result<Zeroizing<String>> {
    let limit = u64::try_from(password::MAX_LEN)? + 3;
    let mut text = Zeroizing::new(String::new());
    source.take(limit).read_to_string(&mut text)?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_command_leads_to_a_server_that_agents_can_reach() {
        let told = next("/srv/p", "HOST");
        assert!(told.contains("serve --data /srv/p --listen 0.0.0.0:8443 --public-url https://HOST:8443\n"), "{told}");
        assert!(told.contains("HOST is the name") && told.ends_with("serve --data /srv/p\n"), "{told}");
        let told = next("d", &in_url("2001:db8::1"));
        assert!(told.contains("--public-url https://[2001:db8::1]:8443\n") && !told.contains("HOST"), "{told}");
    }
}
