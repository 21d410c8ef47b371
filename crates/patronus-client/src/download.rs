//! Downloads that go on where they broke off, within a bound.

use std::fs::File;
use std::io::{self, Write as _};

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use patronus_types::api::MAX_ARCHIVE_BYTES;
use tokio::time::timeout;

use crate::call::{Call, Opened, in_transit};
use crate::error::Obstacle;
use crate::{Client, Error, retry};

/// Where a download goes. What it already holds is not fetched again.
pub trait Sink: Send {
    /// How many bytes it holds.
    fn held(&self) -> u64;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Forgets everything.
    ///
    /// # Errors
    /// When that fails.
    fn restart(&mut self) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn held(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

/// Bytes that are there and bytes there will be, where the server says so.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, Option<u64>) + Send);

/// The most that is taken, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) u64);

impl Default for Limit {
    fn default() -> Self {
        Self(u64::try_from(MAX_ARCHIVE_BYTES).unwrap_or(u64::MAX))
    }
}

/// A file that a download is written to; it may hold the beginning already.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    held: u64,
}

impl FileSink {
    /// Takes a file that is open for writing at its end.
    ///
    /// # Errors
    /// When its length cannot be read.
    pub fn new(file: File) -> io::Result<Self> {
        let held = file.metadata()?.len();
        Ok(Self { file, held })
    }

    /// Gives the file back.
    pub fn into_inner(self) -> File {
        self.file
    }
}

impl Sink for FileSink {
    fn held(&self) -> u64 {
        self.held
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.held += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        use std::io::Seek as _;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.held = 0;
        Ok(())
    }
}

type MakeCall<'a> = &'a (dyn Fn() -> Result<Call, Error> + Send + Sync);

impl Client {
    /// Fetches what `call` names into the sink. A connection that breaks off is taken up again as often as it brought
    /// something, and else as often as the client retries.
    pub(crate) async fn download(
        &self,
        call: MakeCall<'_>,
        into: &mut dyn Sink,
        limit: Limit,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let mut etag: Option<String> = None;
        let mut fruitless = 0;
        loop {
            let before = into.held();
            let outcome = self.stretch(call()?, into, &mut etag, limit, progress).await;
            let error = match outcome {
                Ok(()) => return Ok(()),
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            fruitless = if into.held() > before { 0 } else { fruitless + 1 };
            if fruitless > self.inner.limits.retries {
                return Err(error);
            }
            tokio::time::sleep(retry::pause(fruitless.max(1), None)).await;
        }
    }

    /// One connection's worth.
    async fn stretch(
        &self,
        mut call: Call,
        into: &mut dyn Sink,
        etag: &mut Option<String>,
        limit: Limit,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        if into.held() > 0 {
            call = call.header(RANGE, &format!("bytes={}-", into.held()))?;
            if let Some(etag) = etag.as_deref() {
                call = call.header(IF_RANGE, etag)?;
            }
        }
        let opened = match self.open(&call).await {
            Ok(opened) => opened,
            Err(error) if error.problem().is_some_and(|problem| problem.status == 416) && into.held() > 0 => {
                // What is held is not a beginning of what is there.
                into.restart().map_err(|error| Error::Sink(error.to_string()))?;
                return Err(Error::Unreachable {
                    server: self.server().to_owned(),
                    cause: error.to_string(),
                    obstacle: Obstacle::Other,
                });
            }
            Err(error) => return Err(error),
        };
        let total = begin(&opened, into)?;
        *etag = header(&opened, &ETAG).map(str::to_owned);
        if total.is_some_and(|total| total > limit.0) {
            return Err(too_large(limit));
        }
        self.pour(opened, into, total, limit, progress).await
    }

    async fn pour(
        &self,
        opened: Opened,
        into: &mut dyn Sink,
        total: Option<u64>,
        limit: Limit,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let Opened { server, mut response } = opened;
        progress(into.held(), total);
        loop {
            let patience = self.inner.limits.request_timeout;
            let piece = timeout(patience, response.chunk()).await;
            let piece = piece.map_err(|_| Error::Timeout { server: server.clone(), after: patience })?;
            let Some(piece) = piece.map_err(|error| in_transit(&server, &error))? else { break };
            if into.held() + u64::try_from(piece.len()).unwrap_or(u64::MAX) > limit.0 {
                return Err(too_large(limit));
            }
            into.append(&piece).map_err(|error| Error::Sink(format!("the download cannot be kept: {error}")))?;
            progress(into.held(), total);
        }
        match total {
            Some(total) if into.held() < total => Err(Error::Unreachable {
                server,
                cause: "the connection broke off".to_owned(),
                obstacle: Obstacle::Other,
            }),
            _ => Ok(()),
        }
    }
}

/// Readies the sink for what the server sends, and reads how much there will be.
fn begin(opened: &Opened, into: &mut dyn Sink) -> Result<Option<u64>, Error> {
    let rubbish = |what: &str| Error::Rubbish { server: opened.server.clone(), what: what.to_owned() };
    if opened.response.status() != StatusCode::PARTIAL_CONTENT {
        if into.held() > 0 {
            into.restart().map_err(|error| Error::Sink(error.to_string()))?;
        }
        return Ok(header(opened, &CONTENT_LENGTH).and_then(|length| length.parse().ok()));
    }
    let range = header(opened, &CONTENT_RANGE).ok_or_else(|| rubbish("a part without its place"))?;
    let (start, total) = content_range(range).ok_or_else(|| rubbish("a part whose place cannot be read"))?;
    if start != into.held() {
        return Err(rubbish("another part than was asked for"));
    }
    Ok(total)
}

fn header<'a>(opened: &'a Opened, name: &http::HeaderName) -> Option<&'a str> {
    opened.response.headers().get(name)?.to_str().ok()
}

/// The start and the total of `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    Some((start, total.parse().ok()))
}

fn too_large(limit: Limit) -> Error {
    Error::Sink(format!("the bundle is larger than {} bytes", limit.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("bytes */10"), None);
        assert_eq!(content_range("5-9/10"), None);
    }
}
