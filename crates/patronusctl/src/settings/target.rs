//! Where calls go, whom they trust, and how long they may take.

use std::path::PathBuf;
use std::time::Duration;

use patronus_client::{Builder, Client, Scope, ServerUrl, Trust};
use patronus_types::Digest;

use super::Env;
use crate::cli::{Globals, count, duration};
use crate::config::{Config, Context};
use crate::error::{CliError, Exit, Result};
use patronus_types::words::nearest;

/// The certificate authority to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ca {
    /// Those that the system trusts.
    System,
    /// Those in a PEM file.
    File(PathBuf),
    /// The one with this SHA-256.
    Pin(Digest),
}

/// Where calls go.
#[derive(Debug, Clone)]
pub struct Target {
    /// The context's name, if one is in use.
    pub context: Option<String>,
    /// The context itself.
    pub settings: Context,
    /// The servers, the preferred one first.
    pub servers: Vec<String>,
    /// Whom to trust.
    pub ca: Ca,
    /// Tenant and network.
    pub scope: Scope,
    /// For all tries of a call.
    pub timeout: Duration,
    /// For a connection.
    pub connect_timeout: Duration,
    /// How often a call is repeated.
    pub retries: u32,
}

/// Which context is in use, and what says so.
pub fn chosen_context(globals: &Globals, env: &Env, config: &Config) -> Option<(String, &'static str)> {
    let flag = globals.context.clone().map(|name| (name, "flag"));
    let variable = || env.ours("CONTEXT").map(|name| (name.to_owned(), "environment"));
    let file = || config.current.clone().map(|name| (name, "file"));
    flag.or_else(variable).or_else(file)
}

impl Target {
    /// From flags, environment and the context in use.
    pub fn new(globals: &Globals, env: &Env, config: &Config) -> Result<Self> {
        let chosen = chosen_context(globals, env, config).map(|(name, _)| name);
        let settings = match &chosen {
            Some(name) => find(config, name)?.clone(),
            None => Context::default(),
        };
        let from_env = || {
            env.ours("SERVER")
                .map(|text| text.split([',', ' ']).filter(|url| !url.is_empty()).map(str::to_owned).collect())
        };
        let servers = match globals.server.is_empty() {
            false => globals.server.clone(),
            true => from_env().unwrap_or_else(|| settings.servers.clone()),
        };
        let reference = |flag: &Option<_>, name, fallback: &Option<_>| match flag {
            Some(it) => Ok(Some(it)).map(|it| it.cloned()),
            None => env.parsed(name).map(|it| it.or_else(|| fallback.clone())),
        };
        let scope = Scope {
            tenant: reference(&globals.tenant, "TENANT", &settings.tenant)?,
            network: reference(&globals.network, "NETWORK", &settings.network)?,
        };
        let seconds = |flag: Option<Duration>, name, default| {
            let span: Option<Duration> = flag.map_or_else(|| env.with(name, duration), |it| Ok(Some(it)))?;
            Ok::<Duration, CliError>(span.unwrap_or(Duration::from_secs(default)))
        };
        Ok(Self {
            ca: ca(globals, env, &settings),
            timeout: seconds(globals.timeout, "TIMEOUT", 30)?,
            connect_timeout: seconds(globals.connect_timeout, "CONNECT_TIMEOUT", 5)?,
            retries: globals.retries.map_or_else(|| env.with("RETRIES", count), |it| Ok(Some(it)))?.unwrap_or(3),
            context: chosen,
            settings,
            servers,
            scope,
        })
    }

    /// A server that was named for this command and is none of the context's: the context's login is not for it.
    pub fn stranger(&self) -> Option<&str> {
        let same = |one: &str, other: &str| match (ServerUrl::parse(one), ServerUrl::parse(other)) {
            (Ok(one), Ok(other)) => one.as_str() == other.as_str(),
            _ => one == other,
        };
        let known = |server: &str| self.settings.servers.iter().any(|known| same(known, server));
        self.servers.iter().map(String::as_str).find(|server| !known(server))
    }

    /// How to log in to the context in use once more; `None` where it does not say where to.
    pub fn log_in_again(&self) -> Option<String> {
        let context = self.context.as_ref().filter(|_| !self.settings.servers.is_empty())?;
        let user = self.settings.user.as_deref().unwrap_or("NAME");
        Some(format!("patronusctl login --context {context} --user {user}"))
    }

    /// A client of the servers, without a credential.
    pub fn client(&self) -> Result<Client> {
        self.client_telling(0)
    }

    /// The same; from verbosity 1 on it tells of tries that failed.
    pub fn client_telling(&self, verbosity: u8) -> Result<Client> {
        if self.servers.is_empty() {
            return Err(CliError::new(Exit::Local, "no server is known")
                .help("log in: patronusctl login --server URL --user NAME")
                .help("or name one for this command: --server URL"));
        }
        self.servers.iter().try_for_each(|server| check_address(server))?;
        let builder = self.builder()?;
        let builder = if verbosity > 0 { builder.on_failed_try(crate::output::failed_try) } else { builder };
        Ok(builder.build()?)
    }

    fn builder(&self) -> Result<Builder> {
        let trust = match &self.ca {
            Ca::System => Trust::System,
            Ca::Pin(digest) => Trust::Pin(*digest),
            Ca::File(path) => Trust::CaPem(std::fs::read(path).map_err(|error| {
                CliError::new(Exit::Local, format!("the CA file {} cannot be read", path.display())).cause(error)
            })?),
        };
        let builder = Client::builder()
            .servers(self.servers.iter().cloned())
            .trust(trust)
            .scope(self.scope.clone())
            .user_agent(concat!("patronusctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .request_timeout(self.timeout)
            .total_timeout(self.timeout)
            .retries(self.retries);
        Ok(builder)
    }
}

fn ca(globals: &Globals, env: &Env, settings: &Context) -> Ca {
    let file = globals.ca_file.clone().or_else(|| env.ours("CA_FILE").map(PathBuf::from));
    match (file, &settings.ca_file, settings.ca_sha256) {
        (Some(path), _, _) => Ca::File(path),
        (None, Some(path), _) => Ca::File(path.clone()),
        (None, None, Some(digest)) => Ca::Pin(digest),
        (None, None, None) => Ca::System,
    }
}

/// Refuses what is no server's address, and says which one may be meant.
pub fn check_address(server: &str) -> Result {
    let Err(error) = ServerUrl::parse(server) else { return Ok(()) };
    let error = CliError::new(Exit::Local, error.to_string());
    Err(match ServerUrl::meant(server) {
        Some(meant) => error.help(format!("--server {}", meant.as_str())),
        None => error.help("--server https://HOST:PORT"),
    })
}

/// A context by name.
pub fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Context> {
    config.contexts.get(name).ok_or_else(|| {
        let error = CliError::new(Exit::Local, format!("there is no context `{name}`"));
        match nearest(name, config.contexts.keys().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help("patronusctl context list"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let lab = Context { servers: vec!["http://127.0.0.1:1".to_owned()], ..Context::default() };
        Config { current: Some("lab".to_owned()), contexts: [("lab".to_owned(), lab)].into() }
    }

    #[test]
    fn flag_beats_environment_beats_context_beats_default() {
        let env =
            Env::from([("PATRONUS_SERVER", "http://127.0.0.1:2, http://127.0.0.1:3"), ("PATRONUS_TIMEOUT", "1m")]);
        let flag = Globals { server: vec!["http://127.0.0.1:4".to_owned()], ..Globals::default() };
        let servers = |globals: &Globals, env: &Env| Target::new(globals, env, &config()).unwrap().servers;
        assert_eq!(servers(&flag, &env), ["http://127.0.0.1:4"]);
        assert_eq!(servers(&Globals::default(), &env), ["http://127.0.0.1:2", "http://127.0.0.1:3"]);
        assert_eq!(servers(&Globals::default(), &Env::default()), ["http://127.0.0.1:1"]);
        let target = Target::new(&Globals::default(), &env, &config()).unwrap();
        assert_eq!((target.timeout.as_secs(), target.retries), (60, 3));
    }

    #[test]
    fn an_unknown_context_is_a_local_error_with_a_suggestion() {
        let globals = Globals { context: Some("lba".to_owned()), ..Globals::default() };
        let error = Target::new(&globals, &Env::default(), &config()).unwrap_err();
        assert_eq!((error.exit, error.help[0].as_str()), (Exit::Local, "did you mean `lab`?"));
    }
}
