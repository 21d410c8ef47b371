//! Whether the server is the right one. Nothing is trusted because it was there first: its CA is named, known to the
//! system, or compared by a person.

use patronus_client::{Authority, Client, Error, Mistrust, ServerUrl};

use crate::app::App;
use crate::error::{CliError, Exit, Result};
use crate::settings::{Ca, Target};

/// Makes sure of the server, by asking a person if nothing else helps, and gives a client of it.
pub(super) fn settle(app: &App, target: &mut Target) -> Result<Client> {
    let client = target.client()?;
    let tls = target.servers.iter().any(|server| server.starts_with("https://"));
    if target.ca != Ca::System || !tls {
        return Ok(client);
    }
    let refused = match app.run(async { Ok(client.health().live().await) })? {
        Err(Error::Tls { server, mistrust: Mistrust::UnknownIssuer, .. }) => server,
        // Whatever else is wrong will show at the login itself.
        _ => return Ok(client),
    };
    let server = ServerUrl::parse(&refused)?;
    let seen = app.run(async { Ok(Authority::of(&server, target.connect_timeout).await?) })?;
    if !app.interactive() {
        let error = CliError::new(Exit::Unreachable, "the server's CA is not known here").about("server", refused);
        return Err(error
            .cause(format!("it shows a CA with SHA-256 {}", seen.sha256))
            .help("copy the CA from the server's data folder and add --ca-file FILE")
            .help("or compare it with that of tls/ca.pem there, and add --ca-sha256 DIGEST"));
    }
    app.out.notice(&format!("The CA of {refused} is not known here. Its SHA-256 is"));
    app.out.notice(&format!("  {}", seen.sha256));
    app.out.notice("Compare it with that of tls/ca.pem in the server's data folder.");
    let answer = app.out.ask("Is it the same? [y/N]")?;
    if !matches!(answer.as_str(), "y" | "Y" | "yes") {
        return Err(CliError::new(Exit::Unconfirmed, "the server is not trusted; nothing was sent to it"));
    }
    target.ca = Ca::Pin(seen.sha256);
    target.client()
}
