//! Who the server takes the caller for.

use patronus_types::api::auth::Me;
use serde::Serialize;

use super::status::word;
use crate::app::App;
use crate::error::Result;
use crate::output::Format;

/// Arguments of `whoami`.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    me: Me,
    context: Option<String>,
    server: String,
    credential: Option<String>,
}

/// Runs it.
pub fn run(app: &App, _: Args) -> Result {
    let client = app.client()?;
    let me = app.run(async { Ok(client.auth().me().await?) })?;
    let target = app.target()?;
    let store = target.settings.credential.as_ref().map(ToString::to_string);
    let answer = Answer {
        me,
        context: target.context.clone(),
        server: client.server().to_owned(),
        credential: crate::token_source::origin(app).or(store),
    };
    let actor = &answer.me.actor;
    match app.out.view.format {
        Format::Name => return app.out.write(&format!("{}/{}\n", word(&actor.kind), actor.name)),
        Format::Id => {
            let id = actor.id.as_ref().map_or_else(|| actor.name.clone(), ToString::to_string);
            return app.out.write(&format!("{id}\n"));
        }
        _ => {}
    }
    app.out.value(&answer, || {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "name        {} ({})\nrole        {}\ntenant      {}\nserver      {}\ncontext     {}\ncredential  {}\n",
            answer.me.actor.name,
            word(&answer.me.actor.kind),
            word(&answer.me.role),
            answer.me.tenant_id,
            answer.server,
            dash(&answer.context),
            dash(&answer.credential),
        )
    })
}
