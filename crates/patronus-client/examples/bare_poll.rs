//! The plainest version check there is with reqwest and rustls, the yardstick of scripts/bench/agent-footprint: no state,
//! no retries, no tunnels.
//!
//! Usage: `bare_poll URL CA_FILE TOKEN_FILE`. Asks once a second for as long as it is let, and prints after every thirty
//! times what one cost: microseconds of processor time, as the kernel counted them. Stops at the first answer that is
//! neither 200 nor 304.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{AUTHORIZATION, ETAG, HeaderValue, IF_NONE_MATCH};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

const WINDOW: u64 = 30;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let [url, ca_file, token_file] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: bare_poll URL CA_FILE TOKEN_FILE".into());
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file)?)?;
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build()?;
    let token = HeaderValue::from_str(&format!("Bearer {}", std::fs::read_to_string(token_file)?.trim()))?;
    let mut etag = HeaderValue::from_static("\"\"");
    let mut before = processor_ns()?;
    for polls in 1.. {
        let request = http.get(url).header(AUTHORIZATION, &token).header(IF_NONE_MATCH, &etag);
        let answer = request.send().await?;
        match answer.status() {
            StatusCode::NOT_MODIFIED => {}
            StatusCode::OK => etag = answer.headers().get(ETAG).ok_or("an answer without an ETag")?.clone(),
            other => return Err(format!("answered {other}").into()),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        if polls % WINDOW == 0 {
            writeln!(std::io::stdout(), "{}", (processor_ns()? - before) / WINDOW / 1000)?;
            before = processor_ns()?;
        }
    }
    Ok(())
}

/// What this thread, the only one, has had of a processor.
fn processor_ns() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("no schedstat here")?.parse()?)
}
