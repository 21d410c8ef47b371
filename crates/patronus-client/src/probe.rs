//! Whether any URL answers, and how: for what is no Patronus server.

use std::time::Duration;

use crate::tls::Trust;
use crate::{Builder, ServerUrl, failure};

/// The status that a URL answers with, over a new connection, by the authorities that the system trusts. Redirects are not
/// followed, and nothing of the body is read.
///
/// # Errors
/// Why there is no answer, in words, a certificate that does not hold included.
pub async fn status_of(url: &str, patience: Duration, user_agent: &str) -> Result<u16, String> {
    let builder = Builder::default().user_agent(user_agent).connect_timeout(patience);
    let mut tls = Trust::System.config_for(url.starts_with("https://")).map_err(|error| error.to_string())?;
    tls.alpn_protocols.clear();
    // No server of ours, so no proxy either: it is asked as hosts of the site would.
    let http = builder.http(&[] as &[ServerUrl], tls).map_err(|error| error.to_string())?;
    match http.get(url).timeout(patience).send().await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) => Err(failure::words(&error)),
    }
}
