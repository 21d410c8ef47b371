//! What every command has at hand.

use std::cell::OnceCell;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use patronus_client::{Client, Credential, Session};
use patronus_types::Name;

use crate::cli::Globals;
use crate::config::{Config, Paths};
use crate::credential::{Keeper, Kept};
use crate::error::{CliError, Exit, Result};
use crate::output::{Output, can_ask};
use crate::settings::{Env, Mode, Target, View};

/// What every command has at hand. What costs something is made when it is first asked for.
pub struct App {
    /// Flags.
    pub globals: Globals,
    /// Variables.
    pub env: Env,
    /// Folders.
    pub paths: Paths,
    /// How to write.
    pub mode: Mode,
    /// Where to write to.
    pub out: Output,
    config: OnceCell<Config>,
    target: OnceCell<Target>,
}

impl App {
    /// From flags and environment.
    pub fn new(globals: Globals, env: Env, now: Timestamp) -> Result<Self> {
        let view = View::new(&globals, &env)?;
        let mode = Mode::new(&globals, &env)?;
        let paths = Paths::new(&env);
        Ok(Self {
            out: Output::new(view, now),
            mode,
            paths,
            globals,
            env,
            config: OnceCell::new(),
            target: OnceCell::new(),
        })
    }

    /// When the program began.
    pub fn now(&self) -> Timestamp {
        self.out.now
    }

    /// The configuration.
    pub fn config(&self) -> Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = Config::load(&self.paths)?;
        Ok(self.config.get_or_init(|| config))
    }

    /// Where calls go.
    pub fn target(&self) -> Result<&Target> {
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        let target = Target::new(&self.globals, &self.env, self.config()?)?;
        Ok(self.target.get_or_init(|| target))
    }

    /// A client with the credential. Stores are read here, before any runtime runs.
    pub fn client(&self) -> Result<Client> {
        let target = self.target()?;
        let client = target.client_telling(self.out.view.verbosity)?;
        self.out.detail(&format!("servers: {}", target.servers.join(", ")));
        let credential = self.credential(&client)?;
        Ok(client.authenticated(credential))
    }

    fn credential(&self, client: &Client) -> Result<Credential> {
        if let Some(token) = crate::token_source::given(self)? {
            return Ok(Credential::Token(token));
        }
        let target = self.target()?;
        let (Some(context), Some(store)) = (&target.context, &target.settings.credential) else {
            return Err(CliError::new(Exit::NotLoggedIn, "there is no login and no token").help(crate::error::LOGIN));
        };
        if let Some(server) = target.stranger() {
            let what = format!("the login of context `{context}` is not for {server}, so it was not sent there");
            return Err(CliError::new(Exit::NotLoggedIn, what)
                .help(format!("log in there: patronusctl login --server {server} --user NAME --context NAME"))
                .help("or give a token for it: --token-file FILE"));
        }
        let failed = |why: String| {
            CliError::new(Exit::Local, format!("the credential of context `{context}` cannot be read"))
                .cause(why)
                .help(format!("put that right, or log in anew: patronusctl login --context {context} --user NAME"))
        };
        let text = store.read(context).map_err(failed)?.ok_or_else(|| {
            CliError::new(Exit::NotLoggedIn, format!("context `{context}` is not logged in")).help(crate::error::LOGIN)
        })?;
        match Kept::parse(&text).map_err(failed)? {
            Kept::Token(token) => Ok(Credential::Token(token)),
            Kept::Login(login) => {
                let keeper = self.keeper(context, store)?;
                Ok(Credential::Source(Arc::new(Session::resume(client, Arc::new(keeper), *login))))
            }
        }
    }

    /// A context's store with its lock.
    pub fn keeper(&self, context: &str, store: &crate::credential::Store) -> Result<Keeper> {
        let lock = self.paths.credential(context).ok_or_else(|| {
            CliError::new(Exit::Local, "there is no place for a login")
                .help("set HOME, XDG_CONFIG_HOME or PATRONUS_CONFIG")
        })?;
        Ok(Keeper { store: store.clone(), context: context.to_owned(), lock })
    }

    /// Runs a future to its end.
    pub fn run<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime
            .map_err(|error| CliError::new(Exit::Failed, "the program cannot be started").cause(error))?
            .block_on(future)
    }

    /// Whether a person can be asked.
    pub fn interactive(&self) -> bool {
        !self.mode.no_input && can_ask()
    }

    /// How to let a site join, with the network if the context alone does not say it.
    pub fn invite(&self, site: &Name) -> String {
        let network = self.globals.network.as_ref().map(|network| format!(" --network {network}"));
        format!("patronusctl token create --kind enrol --site {site}{}", network.unwrap_or_default())
    }

    /// Adds what is known of the surroundings to an error.
    pub fn placed(&self, error: CliError) -> CliError {
        let Some(target) = self.target.get() else { return error };
        let mut error = match &target.context {
            Some(context) => error.about("context", context.clone()),
            None => error,
        };
        if error.wants_network {
            error = error.help("add --network NAME").help(match &target.context {
                Some(context) => format!("or once for all: patronusctl context set {context} --network NAME"),
                None => "or once for all: export PATRONUS_NETWORK=NAME".to_owned(),
            });
        }
        // A server that is away may be the wrong one, which only a context keeps to oneself.
        let from_context = self.globals.server.is_empty() && self.env.ours("SERVER").is_none();
        if let Some(context) = target.context.as_ref().filter(|_| error.exit == Exit::Unreachable && from_context) {
            error = error.help(format!("see where this points to: patronusctl context show {context}"));
        }
        if let Some(again) = target.log_in_again() {
            error.help.iter_mut().filter(|help| *help == crate::error::LOGIN).for_each(|help| help.clone_from(&again));
        }
        // A local or usage error has nothing to do with a server.
        match target.servers.first() {
            Some(server) if !matches!(error.exit, Exit::Local | Exit::Usage | Exit::Unconfirmed) => {
                error.about("server", server.clone())
            }
            _ => error,
        }
    }
}
