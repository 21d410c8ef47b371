//! Contexts: which server, which network, which login.

use std::path::PathBuf;

use clap::ValueHint;
use clap_complete::engine::ArgValueCompleter;
use patronus_types::{Digest, Name};
use serde::Serialize;

use crate::app::App;
use crate::complete;
use crate::config::{Config, Context};
use crate::credential::Store;
use crate::error::{CliError, Exit, Result};
use crate::output::{Cell, Column, Object, Tone};
use crate::settings::{check_address, chosen_context, find};

/// What can be done with contexts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List contexts
    List,
    /// Use a context from now on
    Use {
        /// Its name
        #[arg(add = ArgValueCompleter::new(complete::contexts))]
        name: String,
    },
    /// Show a context, the one in use by default
    Show {
        /// Its name
        #[arg(add = ArgValueCompleter::new(complete::contexts))]
        name: Option<String>,
    },
    /// Make or change a context: takes --server, --network, --tenant and --ca-file
    Set(Set),
    /// Delete a context and what is kept of its login
    Delete {
        /// Its name
        #[arg(add = ArgValueCompleter::new(complete::contexts))]
        name: String,
    },
}

impl Command {
    /// Whether it changes anything, all of which is on this machine.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Use { .. } | Self::Set(_) | Self::Delete { .. })
    }
}

/// Arguments of `context set`.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its name
    #[arg(add = ArgValueCompleter::new(complete::contexts))]
    name: Name,
    /// Trust only the CA with this SHA-256
    #[arg(long, value_name = "DIGEST", conflicts_with = "ca_file")]
    ca_sha256: Option<Digest>,
    /// Read the credential (a token or a login) from a file that only its owner can read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "credential_command")]
    credential_file: Option<PathBuf>,
    /// Have the credential kept by a program, which is called with get, store or erase
    #[arg(long, value_name = "CMD", value_hint = ValueHint::CommandString)]
    credential_command: Option<String>,
}

/// A context as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    /// Whether it is in use.
    current: bool,
    /// What says so: flag, environment or file.
    origin: Option<String>,
    #[serde(flatten)]
    settings: Context,
}

impl Shown {
    fn new(app: &App, config: &Config, name: &str, settings: &Context) -> Self {
        let chosen = chosen_context(&app.globals, &app.env, config).filter(|(chosen, _)| chosen == name);
        let origin = chosen.map(|(_, origin)| origin.to_owned());
        Self { name: name.to_owned(), current: origin.is_some(), origin, settings: settings.clone() }
    }
}

/// Runs it.
pub fn run(app: &App, command: Command) -> Result {
    match command {
        Command::List => list(app),
        Command::Use { name } => use_it(app, &name),
        Command::Show { name } => show(app, name),
        Command::Set(args) => set(app, &args),
        Command::Delete { name } => delete(app, &name),
    }
}

fn list(app: &App) -> Result {
    let config = app.config()?;
    let contexts = config.contexts.iter().map(|(name, settings)| Shown::new(app, config, name, settings));
    app.out.list(contexts.collect(), false)
}

fn use_it(app: &App, name: &str) -> Result {
    Config::change(&app.paths, |config| {
        find(config, name)?;
        config.current = Some(name.to_owned());
        Ok(())
    })?;
    if let Some(other) = app.env.ours("CONTEXT").filter(|other| *other != name) {
        app.out.notice(&format!("PATRONUS_CONTEXT is set: it uses `{other}` before this"));
    }
    app.out.outcome("context", name, "in use", false)
}

fn show(app: &App, name: Option<String>) -> Result {
    let config = app.config()?;
    let name = match name {
        Some(name) => name,
        None => chosen_context(&app.globals, &app.env, config).map(|(name, _)| name).ok_or_else(|| {
            CliError::new(Exit::Local, "no context is in use")
                .help("patronusctl context list")
                .help(crate::error::LOGIN)
        })?,
    };
    let shown = Shown::new(app, config, &name, find(config, &name)?);
    if !app.out.view.format.is_human() || !app.out.view.fields.is_empty() {
        return app.out.object(&shown);
    }
    let it = &shown.settings;
    let lines = [
        ("name", Some(shown.name.clone())),
        ("in use", Some(shown.origin.as_ref().map_or("no".to_owned(), |origin| format!("yes ({origin})")))),
        ("servers", Some(it.servers.join(" "))),
        ("ca file", it.ca_file.as_ref().map(|path| path.display().to_string())),
        ("ca sha256", it.ca_sha256.map(|digest| digest.to_string())),
        ("tenant", it.tenant.as_ref().map(ToString::to_string)),
        ("network", it.network.as_ref().map(ToString::to_string)),
        ("user", it.user.clone()),
        ("credential", it.credential.as_ref().map(ToString::to_string)),
    ];
    let line = |(name, value): &(&str, Option<String>)| {
        let value = value.as_deref().filter(|value| !value.is_empty()).unwrap_or("-");
        format!("{name:<12}{}\n", crate::output::escape(value))
    };
    app.out.write(&lines.iter().map(line).collect::<String>())
}

fn set(app: &App, args: &Set) -> Result {
    let name = args.name.to_string();
    for server in &app.globals.server {
        check_address(server).map_err(|mut error| {
            error.exit = Exit::Usage;
            error.code = Exit::Usage.word().to_owned();
            error
        })?;
    }
    let ca_file = app.globals.ca_file.as_deref().map(absolute).transpose()?;
    let credential = credential(args)?;
    let (settings, made) = Config::change(&app.paths, |config| {
        let made = !config.contexts.contains_key(&name);
        let context = config.contexts.entry(name.clone()).or_default();
        if !app.globals.server.is_empty() {
            context.servers.clone_from(&app.globals.server);
        }
        if ca_file.is_some() || args.ca_sha256.is_some() {
            (context.ca_file, context.ca_sha256) = (ca_file, args.ca_sha256);
        }
        context.network = app.globals.network.clone().or(context.network.take());
        context.tenant = app.globals.tenant.clone().or(context.tenant.take());
        context.credential = credential.or(context.credential.take());
        let settings = context.clone();
        config.current.get_or_insert_with(|| name.clone());
        Ok((settings, made))
    })?;
    if settings.servers.is_empty() {
        app.out.notice("it names no server yet: add --server URL");
    }
    app.out.outcome("context", &name, if made { "created" } else { "updated" }, false)
}

fn credential(args: &Set) -> Result<Option<Store>> {
    if let Some(path) = &args.credential_file {
        return Ok(Some(Store::File { path: absolute(path)? }));
    }
    let Some(command) = &args.credential_command else { return Ok(None) };
    command_store(command).map(Some)
}

/// A store that a program keeps, from the words of its command line.
pub fn command_store(command: &str) -> Result<Store> {
    let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if command.is_empty() {
        return Err(CliError::usage("the command of the credential store is empty"));
    }
    Ok(Store::Command { command })
}

/// A path that means the same from everywhere.
pub fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|error| CliError::new(Exit::Local, format!("{} is not a path", path.display())).cause(error))
}

fn delete(app: &App, name: &str) -> Result {
    let settings = find(app.config()?, name)?.clone();
    if let Some(store) = &settings.credential {
        // A file of one's own that a context merely points to is left alone.
        let ours = match store {
            Store::File { path } => app.paths.credential(name).as_ref() == Some(path),
            Store::Keyring | Store::Command { .. } => true,
        };
        if ours && let Err(why) = store.erase(name) {
            app.out.notice(&format!("what is kept of its login could not be removed: {why}"));
        }
    }
    Config::change(&app.paths, |config| {
        config.contexts.remove(name);
        if config.current.as_deref() == Some(name) {
            config.current = None;
        }
        Ok(())
    })?;
    app.out.outcome("context", name, "deleted", false)
}

impl Object for Shown {
    const KIND: &'static str = "context";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.name.clone()
    }

    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::fixed("NAME", |it, _| it.name.clone().into()),
            Column::fixed("IN USE", |it, _| match &it.origin {
                Some(origin) => Cell::toned(format!("yes ({origin})"), Tone::Good),
                None => "no".into(),
            }),
            Column::ranked(1, "SERVERS", |it, _| it.settings.servers.join(",").into()),
            Column::ranked(2, "NETWORK", |it, _| Cell::of(it.settings.network.as_ref())),
            Column::ranked(4, "USER", |it, _| Cell::of(it.settings.user.as_ref())),
            Column::ranked(3, "CREDENTIAL", |it, _| Cell::of(it.settings.credential.as_ref())),
        ]
    }
}
