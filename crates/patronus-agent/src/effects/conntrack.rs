//! The marks that flows carry, as connection tracking has them (linux/netfilter/nfnetlink_conntrack.h). Nothing is changed.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::error::{Error, Result};

const AF_NETLINK: i32 = 16;
const NETLINK_NETFILTER: i32 = 12;
/// Subsystem 1, message 1: list the flows.
const GET: u16 = 0x0101;
/// A request for a listing.
const REQUEST_DUMP: u16 = 0x0301;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const CTA_MARK: u16 = 8;
/// Flags in an attribute's type.
const TYPE_MASK: u16 = 0x3fff;
/// A netlink header, and what netfilter puts before attributes.
const HEADER: usize = 16;
const HEADERS: usize = HEADER + 4;
const PATIENCE: Duration = Duration::from_secs(3);

/// All marks of all flows; zero, which none has been given, is not among them.
pub(super) async fn marks() -> Result<BTreeSet<u32>> {
    let failed = |error| Error::kernel("list the flows that are tracked", error);
    match tokio::task::spawn_blocking(list).await {
        Ok(marks) => marks.map_err(failed),
        Err(_) => Err(failed(io::Error::other("the listing ended early"))),
    }
}

fn list() -> io::Result<BTreeSet<u32>> {
    let mut socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(Protocol::from(NETLINK_NETFILTER)))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::with_capacity(HEADERS);
    request.extend(u32::try_from(HEADERS).unwrap_or_default().to_ne_bytes());
    request.extend(GET.to_ne_bytes());
    request.extend(REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 12]);
    socket.write_all(&request)?;
    let mut marks = BTreeSet::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = socket.read(&mut buffer)?;
        if take(&buffer[..len], &mut marks)? {
            return Ok(marks);
        }
    }
}

/// Reads the messages of one answer; true if it was the last.
fn take(mut messages: &[u8], marks: &mut BTreeSet<u32>) -> io::Result<bool> {
    while messages.len() >= HEADER {
        let len = usize::try_from(number(messages, 0)).unwrap_or_default();
        let (kind, end) = (half(messages, 4), len.min(messages.len()));
        match kind {
            DONE => return Ok(true),
            ERROR => {
                let code = i32::from_ne_bytes(number(messages, HEADER).to_ne_bytes());
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            _ => marks.extend(messages.get(HEADERS..end).and_then(mark)),
        }
        if len < HEADER {
            return Err(io::ErrorKind::InvalidData.into());
        }
        messages = messages.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// The mark among a flow's attributes.
fn mark(mut attributes: &[u8]) -> Option<u32> {
    while attributes.len() >= 4 {
        let len = usize::from(half(attributes, 0));
        if half(attributes, 2) & TYPE_MASK == CTA_MARK {
            let value: [u8; 4] = attributes.get(4..8)?.try_into().ok()?;
            return Some(u32::from_be_bytes(value)).filter(|mark| *mark != 0);
        }
        attributes = attributes.get(len.max(4).next_multiple_of(4)..)?;
    }
    None
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let half = bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
    half.map(u16::from_ne_bytes).unwrap_or_default()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    number.map(u32::from_ne_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(HEADER + body.len()).unwrap();
        let mut message = [len.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), &[0; 10], body].concat();
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn marks_are_read_and_rubbish_is_an_error_or_nothing() {
        let attribute = |kind: u16, value: &[u8]| {
            let len = u16::try_from(4 + value.len()).unwrap();
            [len.to_ne_bytes().as_slice(), &kind.to_ne_bytes(), value].concat()
        };
        let flow = |mark: u32| {
            [vec![0; 4], attribute(0x8001, &[1, 2, 3, 4]), attribute(CTA_MARK, &mark.to_be_bytes())].concat()
        };
        let flows = [message(0x0100, &flow(7 << 24)), message(0x0100, &flow(0)), message(0x0100, &[0; 6])].concat();
        let mut marks = BTreeSet::new();
        assert!(!take(&flows, &mut marks).unwrap());
        assert_eq!(marks, BTreeSet::from([7 << 24]));
        assert!(take(&message(DONE, &[0; 4]), &mut marks).unwrap());
        let refused = take(&message(ERROR, &(-1i32).to_ne_bytes()), &mut marks).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(1));
        assert!(take(&[0; 20], &mut marks).is_err(), "it does not go on for ever");
        assert!(!take(&[1; 3], &mut marks).unwrap());
    }
}
