//! Ending a login.

use crate::app::App;
use crate::credential::Kept;
use crate::error::{CliError, Exit, Result};

/// Arguments of `logout`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it. What is kept here goes in any case; the server is told if it can be.
pub fn run(app: &App, _: Args) -> Result {
    let target = app.target()?;
    let context = target.context.clone().ok_or_else(|| {
        CliError::new(Exit::Local, "there is no context to log out of").help("patronusctl context list")
    })?;
    let Some(store) = target.settings.credential.clone() else {
        return app.out.outcome("context", &context, "was not logged in", false);
    };
    let local = |why: String| {
        CliError::new(Exit::Local, format!("the credential of context `{context}` cannot be reached")).cause(why)
    };
    // Also what cannot be read goes, and what cannot go ends on the server at least.
    let kept = store.read(&context).ok().flatten().map(|text| Kept::parse(&text));
    let erased = store.erase(&context).map_err(local);
    if let Some(Ok(Kept::Login(login))) = kept {
        let told =
            target.client().and_then(|client| app.run(async { Ok(client.auth().logout(&login.refresh_token).await?) }));
        if let Err(error) = told {
            app.out
                .notice(&format!("the server could not be told, its side of the login ends by itself: {}", error.what));
        }
    }
    erased?;
    app.out.outcome("context", &context, "logged out", false)
}
