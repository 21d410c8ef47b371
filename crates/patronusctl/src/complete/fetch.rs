//! Asking the server for names, quickly or not at all.

use std::time::Duration;

use jiff::Timestamp;
use patronus_client::{Client, Credential};
use patronus_types::api::page::StatusFilter;

use super::{cache, typed};
use crate::app::App;
use crate::cli::duration;
use crate::commands::path::Names;
use crate::credential::{Kept, Store};
use crate::error::Result;
use crate::output::Object as _;
use crate::settings::{Env, Target};

/// What a person who presses Tab waits without noticing; `PATRONUS_COMPLETE_TIMEOUT` is for those whose server is far.
const BUDGET: Duration = Duration::from_millis(250);

/// The names of a kind: fresh ones from the cache, else from the server, else whatever was seen last.
pub fn names(what: &str) -> Vec<String> {
    let arguments = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let globals = typed::globals(arguments);
    let Ok(app) = App::new(globals, Env::of_process(), Timestamp::now()) else { return Vec::new() };
    let Ok(target) = app.target() else { return Vec::new() };
    let (known, fresh) = cache::recall(&app.paths, target, what, app.now());
    if fresh {
        return known;
    }
    match ask(&app, target, what) {
        Some(names) => {
            cache::keep(&app.paths, target, what, names.clone(), app.now());
            names
        }
        None => known,
    }
}

fn ask(app: &App, target: &Target, what: &str) -> Option<Vec<String>> {
    let mut target = target.clone();
    let budget = app.env.with("COMPLETE_TIMEOUT", duration).ok()?.unwrap_or(BUDGET);
    (target.retries, target.timeout, target.connect_timeout) = (0, budget, budget / 2);
    let token = token(app, &target)?;
    let client = target.client().ok()?.authenticated(Credential::Token(token));
    let asked = app.run(async { Ok(tokio::time::timeout(budget, list(&client, what)).await.ok()) });
    asked.ok()??.ok()
}

/// A token that is at hand. A keyring could open a dialog, a program could do anything, a renewal could be lost half-way.
fn token(app: &App, target: &Target) -> Option<String> {
    if let Ok(Some(token)) = crate::token_source::given(app) {
        return Some(token);
    }
    if target.stranger().is_some() {
        return None;
    }
    let store = target.settings.credential.as_ref().filter(|store| matches!(store, Store::File { .. }))?;
    match Kept::parse(&store.read(target.context.as_deref()?).ok()??).ok()? {
        Kept::Token(token) => Some(token),
        Kept::Login(login) => login.is_fresh(app.now()).then_some(login.access_token),
    }
}

async fn list(client: &Client, what: &str) -> Result<Vec<String>> {
    Ok(match what {
        "networks" => client.networks().list().all().await?.into_iter().map(|it| it.spec.name.to_string()).collect(),
        "paths" => paths(client).await?,
        "policies" => client.policies().list().all().await?.into_iter().map(|it| it.spec.name.to_string()).collect(),
        "sites" => {
            let sites = client.sites().list(StatusFilter::All).all().await?;
            sites.into_iter().map(|it| it.spec.name.to_string()).collect()
        }
        _ => client.releases().list().take(100).await?.0.into_iter().map(|it| it.version.to_string()).collect(),
    })
}

async fn paths(client: &Client) -> Result<Vec<String>> {
    let names = Names::read(client).await?;
    let paths = client.paths().list(None, None).all().await?;
    Ok(paths.into_iter().map(|path| names.named(path).name()).collect())
}
