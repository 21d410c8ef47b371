//! Logging in: a credential and a context for it.

mod password;
mod trust;

use std::path::PathBuf;

use clap::ValueHint;
use patronus_client::{Client, Login};
use patronus_types::Digest;
use patronus_types::api::auth::Me;
use serde::Serialize;

use super::context::{absolute, command_store};
use super::status::word;
use crate::app::App;
use crate::config::{Config, Context};
use crate::credential::Store;
use crate::error::{CliError, Exit, Result};
use crate::output::Format;
use crate::settings::{Ca, Target};

/// Arguments of `login`. The server, the CA and the context's name are global flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user's name
    #[arg(long, value_name = "NAME", required = true)]
    user: String,
    /// Read the password from a file, or from stdin with -; without it a terminal is asked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    password_file: Option<PathBuf>,
    /// Where to keep the login [default: keyring, or where the context keeps it]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreKind>,
    /// The program that keeps it: called with get, store or erase
    #[arg(long, value_name = "CMD", required_if_eq("store", "command"), value_hint = ValueHint::CommandString)]
    store_command: Option<String>,
    /// Trust only the CA with this SHA-256
    #[arg(long, value_name = "DIGEST", conflicts_with = "ca_file")]
    ca_sha256: Option<Digest>,
}

/// Where a login can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    /// The system's keyring
    Keyring,
    /// A file that only its owner can read
    File,
    /// A program
    Command,
}

#[derive(Serialize)]
struct Answer {
    context: String,
    server: String,
    user: String,
    role: String,
    credential: String,
}

/// Runs it.
pub fn run(app: &App, args: Args) -> Result {
    let config = app.config()?;
    let name = app.globals.context.clone().or_else(|| app.env.ours("CONTEXT").map(str::to_owned));
    let name = name.or_else(|| config.current.clone()).unwrap_or_else(|| "default".to_owned());
    if name.parse::<patronus_types::Name>().is_err() {
        return Err(CliError::usage(format!("`{name}` cannot be a context's name: use a-z, 0-9 and -")));
    }
    let mut context = config.contexts.get(&name).cloned().unwrap_or_default();
    let mut target = target(app, &args, &context)?;
    let store = store(app, &args, &name, &context)?;
    store.probe(&name).map_err(|why| no_store(&why))?;
    let client = trust::settle(app, &mut target)?;
    let password = password::read(app, &args)?;
    let (login, me) = app.run(log_in(&client, &args.user, &password, app))?;

    let text = serde_json::to_string(&login)
        .map_err(|error| CliError::new(Exit::Bug, "the login cannot be written").cause(error))?;
    store.write(&name, &text).map_err(|why| CliError::new(Exit::Local, "the login cannot be kept").cause(why))?;
    fill(&mut context, &target, &store, &args.user)?;
    Config::change(&app.paths, |config| {
        config.contexts.insert(name.clone(), context);
        config.current = Some(name.clone());
        Ok(())
    })?;
    let answer = Answer {
        context: name,
        server: client.server().to_owned(),
        user: me.actor.name,
        role: word(&me.role),
        credential: store.to_string(),
    };
    if matches!(app.out.view.format, Format::Name | Format::Id) {
        return app.out.outcome("context", &answer.context, "in use", false);
    }
    app.out.value(&answer, || {
        let Answer { context, server, user, role, credential } = &answer;
        format!("logged in to {server} as {user} ({role})\ncontext {context} is in use; the login is kept in: {credential}\n")
    })
}

/// Where to log in: the flags, else what the context has.
fn target(app: &App, args: &Args, context: &Context) -> Result<Target> {
    let globals = crate::cli::Globals { context: None, ..app.globals.clone() };
    let known = Config { current: Some("it".to_owned()), contexts: [("it".to_owned(), context.clone())].into() };
    let env = app.env.without("PATRONUS_CONTEXT");
    let mut target = Target::new(&globals, &env, &known)?;
    target.context = None;
    if target.servers.is_empty() {
        return Err(CliError::usage("no server is named").help("patronusctl login --server URL --user NAME"));
    }
    // Another server than before has another CA, unless one is named.
    if let Some(digest) = args.ca_sha256 {
        target.ca = Ca::Pin(digest);
    } else if app.globals.ca_file.is_none() && !app.globals.server.is_empty() && app.globals.server != context.servers {
        target.ca = Ca::System;
    }
    Ok(target)
}

fn store(app: &App, args: &Args, name: &str, context: &Context) -> Result<Store> {
    let file = || {
        let path = app
            .paths
            .credential(name)
            .ok_or_else(|| no_store("there is no folder for it: set HOME or XDG_CONFIG_HOME"))?;
        Ok(Store::File { path: absolute(&path)? })
    };
    match (args.store, &args.store_command, &context.credential) {
        (Some(StoreKind::Keyring), _, _) => Ok(Store::Keyring),
        (Some(StoreKind::File), _, _) => file(),
        (Some(StoreKind::Command) | None, Some(command), _) => command_store(command),
        (None, None, Some(known)) => Ok(known.clone()),
        _ => Ok(Store::Keyring),
    }
}

fn no_store(why: &str) -> CliError {
    CliError::new(Exit::Local, "the login cannot be kept")
        .cause(why)
        .help("add --store file to keep it in a file that only you can read")
}

async fn log_in(client: &Client, user: &str, password: &str, app: &App) -> Result<(Login, Me)> {
    let answer = client.auth().login(user, password).await.map_err(|error| {
        let mut shown = CliError::from(error);
        if shown.exit == Exit::NotLoggedIn {
            shown.what = format!("the server does not take this password for `{user}`");
            shown.help = vec!["check the name and the password; both are case-sensitive".to_owned()];
        }
        shown
    })?;
    let login = Login::new(answer, app.now());
    let credential = patronus_client::Credential::Token(login.access_token.clone());
    let me = client.authenticated(credential).auth().me().await?;
    Ok((login, me))
}

fn fill(context: &mut Context, target: &Target, store: &Store, user: &str) -> Result {
    context.servers.clone_from(&target.servers);
    (context.ca_file, context.ca_sha256) = match &target.ca {
        Ca::System => (None, None),
        Ca::File(path) => (Some(absolute(path)?), None),
        Ca::Pin(digest) => (None, Some(*digest)),
    };
    context.tenant.clone_from(&target.scope.tenant);
    context.network.clone_from(&target.scope.network);
    context.user = Some(user.to_owned());
    context.credential = Some(store.clone());
    Ok(())
}
