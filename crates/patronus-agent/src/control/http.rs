//! Servers over HTTPS, by the SDK.
//!
//! One client knows one server and repeats nothing: when and whom to ask again is decided in one place, [`crate::poll`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use patronus_client::{Client, Credential, Error, Sink, Trust};
use patronus_types::Digest;
use patronus_types::api::MAX_ARCHIVE_BYTES;
use patronus_types::api::agent::{EnrolRequest, EnrolResponse, Report};
use patronus_types::api::paths::PathReport;
use patronus_types::token::Secret;

use super::{Answer, Control, ControlError, Dial, Server};

const CONNECT: Duration = Duration::from_secs(5);
/// Between two polls of the usual interval a connection is kept, and servers keep it longer.
const IDLE: Duration = Duration::from_secs(15);

/// The largest answer that is read, archives aside. A state is less than 2 KiB.
const LARGEST_ANSWER: usize = 256 * 1024;

/// Dials over HTTPS, or plain HTTP on loopback.
#[derive(Debug, Clone, Copy, Default)]
pub struct Https;

impl Dial for Https {
    fn dial(&self, server: &Server, token: Option<&Secret>) -> Result<Arc<dyn Control>, ControlError> {
        let credential = token.map_or(Credential::None, |token| Credential::Token(token.expose().to_owned()));
        let client = Client::builder()
            .server(&server.url)
            .trust(server.ca_sha256.map_or(Trust::System, Trust::Pin))
            .credential(credential)
            .user_agent(concat!("patronus-agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .idle_timeout(IDLE)
            .http1_only()
            .retries(0)
            .largest_answer(LARGEST_ANSWER)
            .build()?;
        Ok(Arc::new(Remote(client)))
    }
}

struct Remote(Client);

#[async_trait]
impl Control for Remote {
    async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, ControlError> {
        Ok(self.0.agent().enrol(request).await?)
    }

    async fn state(&self, etag: Option<&str>, wait_s: Option<u32>) -> Result<Answer, ControlError> {
        let answer = self.0.agent().state(etag, wait_s.unwrap_or_default()).await?;
        Ok(answer.map_or(Answer::Unchanged, |tagged| Answer::Changed { etag: tagged.etag, state: tagged.value }))
    }

    async fn bundle(&self, digest: Digest, into: &mut dyn Sink) -> Result<(), ControlError> {
        let limit = u64::try_from(MAX_ARCHIVE_BYTES).unwrap_or(u64::MAX);
        Ok(self.0.agent().bundle(&digest, into, limit, &mut |_, _| {}).await?)
    }

    async fn report(&self, report: &Report) -> Result<(), ControlError> {
        Ok(self.0.agent().report(report).await?)
    }

    async fn paths(&self, report: &PathReport) -> Result<(), ControlError> {
        Ok(self.0.agent().paths(report).await?)
    }

    async fn leave(&self) -> Result<(), ControlError> {
        Ok(self.0.agent().leave().await?)
    }
}

impl From<Error> for ControlError {
    fn from(error: Error) -> Self {
        let words = error.to_string();
        match error {
            Error::Api { problem, retry_after, .. } => {
                Self::Refused { code: problem.code, detail: problem.to_string(), retry_after }
            }
            Error::Unreachable { .. } | Error::Timeout { .. } | Error::OutcomeUnknown { .. } => {
                Self::Unreachable(words)
            }
            Error::Tls { .. } | Error::Setup(_) | Error::Credential { .. } => Self::Untrusted(words),
            Error::Rubbish { .. } => Self::Rubbish(words),
            Error::Sink(_) => Self::Kept(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A server whose answers never end; gives its URL, and at last how much of one was taken.
    fn endless() -> (String, std::thread::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: \"1\"\r\n\r\n").unwrap();
            let piece = [b' '; 16 * 1024];
            (0..8192).take_while(|_| stream.write_all(&piece).is_ok()).count() * piece.len()
        };
        (url, std::thread::spawn(serve))
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_short() {
        let (url, server) = endless();
        let control = Https.dial(&Server { url, ca_sha256: None }, None).unwrap();
        let error = control.state(None, None).await.unwrap_err();
        assert!(matches!(error, ControlError::Rubbish(_)), "{error}");
        drop(control);
        // The connection is closed by a task of this thread.
        let taken = tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap();
        // What the sockets hold is no memory of ours.
        assert!(taken < 16 * 1024 * 1024, "{taken} bytes");
    }
}
