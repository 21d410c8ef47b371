//! Conversations with the kernel over rtnetlink.
//!
//! Each operation opens its own socket: that costs some 20 µs, and no answer of a broken conversation can be taken for
//! one of the next. The kernel's checks are strict where it knows them, so that it filters what is listed.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::stream::Stream;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::{Handle, IpVersion};
use rustix::io::Errno;

use super::error::{Error, Result};
use super::model::Family;

/// The kernel answers at once; this only ends what would otherwise wait for ever for a lost answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a conversation in the network namespace of this thread. It ends when the handle is dropped.
pub(super) fn open() -> Result<Handle> {
    let opened = rtnetlink::new_connection_with_strict_check().or_else(|_| rtnetlink::new_connection());
    let (connection, handle, _) = opened.map_err(|error| Error::kernel("open a netlink socket", error))?;
    tokio::spawn(connection);
    Ok(handle)
}

/// Waits for one request's answer.
pub(super) async fn request<T>(
    doing: impl Fn() -> String,
    answer: impl Future<Output = Result<T, rtnetlink::Error>>,
) -> Result<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Error::kernel(doing(), to_io(error))),
        Err(_) => Err(Error::Timeout { doing: doing(), after: PATIENCE }),
    }
}

/// Like [`request`], and an answer that says that nothing had to be done is none.
pub(super) async fn request_unless<T>(
    harmless: Errno,
    doing: impl Fn() -> String,
    answer: impl Future<Output = Result<T, rtnetlink::Error>>,
) -> Result<Option<T>> {
    match request(doing, answer).await {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.errno() == Some(harmless) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits for a whole listing.
pub(super) async fn list<T>(doing: &str, answers: impl Stream<Item = Result<T, rtnetlink::Error>>) -> Result<Vec<T>> {
    request(|| doing.to_owned(), answers.try_collect()).await
}

/// The same of one family: where the host has no IPv6 there is nothing, and IPv4 is not held up by that.
pub(super) async fn list_of<T>(
    family: Family,
    doing: &str,
    answers: impl Stream<Item = Result<T, rtnetlink::Error>>,
) -> Result<Vec<T>> {
    match list(doing, answers).await {
        Err(error) if is_missing(family, error.errno()) => Ok(Vec::new()),
        other => other,
    }
}

fn is_missing(family: Family, error: Option<Errno>) -> bool {
    let missing = [Errno::NOENT, Errno::AFNOSUPPORT, Errno::OPNOTSUPP];
    family == Family::V6 && error.is_some_and(|error| missing.contains(&error))
}

pub(super) fn version(family: Family) -> IpVersion {
    match family {
        Family::V4 => IpVersion::V4,
        Family::V6 => IpVersion::V6,
    }
}

pub(super) fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

fn to_io(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_host_without_ipv6_is_no_fault_and_another_error_is() {
        let refused = |errno: Errno| {
            let mut message = rtnetlink::packet_core::ErrorMessage::default();
            message.code = std::num::NonZeroI32::new(-errno.raw_os_error());
            stream::iter([Err::<(), _>(rtnetlink::Error::NetlinkError(message))])
        };
        let listed = |family, errno| async move { list_of(family, "list", refused(errno)).await.map(|all| all.len()) };
        assert_eq!(listed(Family::V6, Errno::AFNOSUPPORT).await.ok(), Some(0));
        assert!(listed(Family::V6, Errno::PERM).await.is_err());
        assert!(listed(Family::V4, Errno::AFNOSUPPORT).await.is_err());
    }
}
