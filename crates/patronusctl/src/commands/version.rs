//! The versions of client and server.

use serde_json::json;

use crate::app::App;
use crate::error::Result;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this program's; no server is asked
    #[arg(long)]
    client: bool,
}

const CLIENT: &str = env!("CARGO_PKG_VERSION");

/// Runs it. Without a server there is only the client's.
pub fn run(app: &App, args: Args) -> Result {
    let server = if args.client { None } else { server(app) };
    let (server, error) = match server {
        Some(Ok(version)) => (Some(version), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    app.out.value(&json!({"client": CLIENT, "server": server}), || {
        let line = server.as_ref().map(|version| format!("server  {version}\n"));
        format!("client  {CLIENT}\n{}", line.unwrap_or_default())
    })?;
    error.map_or(Ok(()), Err)
}

/// What the server says; `None` where none is known.
fn server(app: &App) -> Option<Result<String>> {
    let target = match app.target() {
        Ok(target) if target.servers.is_empty() => return None,
        Ok(target) => target,
        Err(error) => return Some(Err(error)),
    };
    let health = target.client().and_then(|client| app.run(async { Ok(client.health().live().await?) }));
    Some(health.map(|health| health.version))
}
