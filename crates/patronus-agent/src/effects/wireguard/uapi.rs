//! The text protocol of userspace WireGuard's configuration socket: one command, one answer, then an empty line.
//!
//! Own code and not `wireguard_uapi::xplatform`, because that has no time limit (a stuck process would hold the agent),
//! writes each fragment of a request by itself (16,000 writes for 1,000 peers), and cannot read a learnt link-local
//! endpoint with a zone (`[fe80::1%eth0]:51820`), without which nothing of the device could be read.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use patronus_types::{PublicKey, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use zeroize::{Zeroize as _, Zeroizing};

use crate::effects::model::{
    AllowedIps, Peer, PeerChange, PeerState, PeerUpdate, PrivateKey, WireguardChange, WireguardState,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// 1,000 peers are some 400 kB.
const MAX_ANSWER: usize = 64 << 20;

/// Why a conversation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum UapiError {
    #[error("cannot talk to its process: {0}")]
    Io(#[from] std::io::Error),
    #[error("its process does not answer: end it, then the agent starts another")]
    Silent,
    #[error("its process refused: {}", std::io::Error::from_raw_os_error(*.0))]
    Refused(i32),
    #[error("its process gave an answer that cannot be read: {0}")]
    Rubbish(String),
}

/// Reads a device.
pub(super) async fn get(socket: &Path) -> Result<WireguardState, UapiError> {
    let answer = exchange(socket, "get=1\n\n").await?;
    parse(&answer)
}

/// Changes a device.
pub(super) async fn set(socket: &Path, change: &WireguardChange) -> Result<(), UapiError> {
    let answer = exchange(socket, &render(change)).await?;
    parse(&answer).map(drop)
}

async fn exchange(socket: &Path, command: &str) -> Result<Zeroizing<String>, UapiError> {
    tokio::time::timeout(PATIENCE, converse(socket, command)).await.map_err(|_| UapiError::Silent)?
}

async fn converse(socket: &Path, command: &str) -> Result<Zeroizing<String>, UapiError> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(command.as_bytes()).await?;
    let mut answer = Zeroizing::new(Vec::with_capacity(4096));
    while !answer.ends_with(b"\n\n") {
        if answer.len() > MAX_ANSWER {
            return Err(UapiError::Rubbish("it is longer than 64 MiB".to_owned()));
        }
        if stream.read_buf(&mut *answer).await? == 0 {
            return Err(UapiError::Rubbish("it ends early".to_owned()));
        }
    }
    let text = String::from_utf8(std::mem::take(&mut *answer)).map_err(|error| {
        error.into_bytes().zeroize();
        UapiError::Rubbish("it is not text".to_owned())
    })?;
    Ok(Zeroizing::new(text))
}

fn render(change: &WireguardChange) -> Zeroizing<String> {
    // Reserved at once, so that a growing buffer leaves no copy of the key behind.
    let mut text = Zeroizing::new(String::with_capacity(512 + 512 * change.peers.len()));
    text.push_str("set=1\n");
    if let Some(key) = &change.private_key {
        line(&mut text, "private_key", Hex(key.expose()));
    }
    if let Some(port) = change.port {
        line(&mut text, "listen_port", port);
    }
    for peer in &change.peers {
        render_peer(&mut text, peer);
    }
    text.push('\n');
    text
}

fn render_peer(text: &mut String, change: &PeerChange) {
    match change {
        PeerChange::Add(peer) => render_new(text, peer),
        PeerChange::Update(update) => render_update(text, update),
        PeerChange::Remove(key) => {
            line(text, "public_key", Hex(&key.0));
            line(text, "remove", true);
        }
    }
}

fn render_new(text: &mut String, peer: &Peer) {
    line(text, "public_key", Hex(&peer.public_key.0));
    if let Some(key) = &peer.preshared_key {
        line(text, "preshared_key", Hex(key.expose()));
    }
    if let Some(endpoint) = peer.endpoint {
        line(text, "endpoint", endpoint);
    }
    line(text, "persistent_keepalive_interval", peer.keepalive_s);
    line(text, "replace_allowed_ips", true);
    render_allowed(text, &peer.allowed_ips);
}

fn render_update(text: &mut String, update: &PeerUpdate) {
    line(text, "public_key", Hex(&update.public_key.0));
    line(text, "update_only", true);
    if let Some(key) = &update.preshared_key {
        line(text, "preshared_key", Hex(key.expose()));
    }
    if let Some(endpoint) = update.endpoint {
        line(text, "endpoint", endpoint);
    }
    if let Some(keepalive_s) = update.keepalive_s {
        line(text, "persistent_keepalive_interval", keepalive_s);
    }
    match &update.allowed_ips {
        AllowedIps::Keep => {}
        AllowedIps::Add(nets) => render_allowed(text, nets),
        AllowedIps::Replace(nets) => {
            line(text, "replace_allowed_ips", true);
            render_allowed(text, nets);
        }
    }
}

fn render_allowed(text: &mut String, nets: &[IpNet]) {
    for net in nets {
        line(text, "allowed_ip", net);
    }
}

fn line(text: &mut String, key: &str, value: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key}={value}");
}

struct Hex<'a>(&'a [u8; 32]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn parse(answer: &str) -> Result<WireguardState, UapiError> {
    let mut state = WireguardState::default();
    let mut peer: Option<(PublicKey, PeerState, Handshake)> = None;
    for line in answer.lines().filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once('=').ok_or_else(|| UapiError::Rubbish("a line without `=`".to_owned()))?;
        match key {
            "errno" => check_errno(value)?,
            "private_key" => state.public_key = Some(PrivateKey::new(hex(value)?).public_key()),
            "listen_port" => state.port = number(value)?,
            "public_key" => {
                let next = PublicKey(hex(value)?);
                finish(&mut state, peer.replace((next, PeerState::default(), Handshake::default())));
            }
            _ => {
                if let Some((_, peer, handshake)) = &mut peer {
                    parse_peer(peer, handshake, key, value)?;
                }
            }
        }
    }
    finish(&mut state, peer);
    Ok(state)
}

#[derive(Default)]
struct Handshake {
    seconds: i64,
    nanoseconds: i32,
}

fn finish(state: &mut WireguardState, peer: Option<(PublicKey, PeerState, Handshake)>) {
    if let Some((key, mut peer, handshake)) = peer {
        if handshake.seconds > 0 {
            peer.last_handshake = Timestamp::new(handshake.seconds, handshake.nanoseconds).ok();
        }
        state.peers.insert(key, peer);
    }
}

fn parse_peer(peer: &mut PeerState, handshake: &mut Handshake, key: &str, value: &str) -> Result<(), UapiError> {
    match key {
        "preshared_key" => peer.preshared = value.bytes().any(|digit| digit != b'0'),
        "endpoint" => peer.endpoint = Some(endpoint(value)?),
        "persistent_keepalive_interval" => peer.keepalive_s = number(value)?,
        "allowed_ip" => {
            peer.allowed_ips.insert(value.parse().map_err(|_| rubbish(value))?);
        }
        "rx_bytes" => peer.rx_bytes = number(value)?,
        "tx_bytes" => peer.tx_bytes = number(value)?,
        "last_handshake_time_sec" => handshake.seconds = number(value)?,
        "last_handshake_time_nsec" => handshake.nanoseconds = number(value)?,
        // A later version may tell more.
        _ => {}
    }
    Ok(())
}

fn check_errno(value: &str) -> Result<(), UapiError> {
    match number::<i32>(value)? {
        0 => Ok(()),
        code => Err(UapiError::Refused(code.saturating_abs())),
    }
}

/// An endpoint, without the zone of a link-local address: that is a name here and a number in the type.
fn endpoint(value: &str) -> Result<SocketAddr, UapiError> {
    let plain = match (value.split_once('%'), value.rsplit_once(']')) {
        (Some((address, _)), Some((_, port))) => format!("{address}]{port}"),
        _ => value.to_owned(),
    };
    plain.parse().map_err(|_| rubbish(value))
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, UapiError> {
    value.parse().map_err(|_| rubbish(value))
}

/// Never called with a key's line: what it quotes is logged.
fn rubbish(value: &str) -> UapiError {
    UapiError::Rubbish(format!("{:?}", value.chars().take(80).collect::<String>()))
}

fn hex(value: &str) -> Result<[u8; 32], UapiError> {
    let mut bytes = [0; 32];
    let digits = value.as_bytes();
    if digits.len() != 64 {
        return Err(UapiError::Rubbish("a key of another length".to_owned()));
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

fn digit(letter: u8) -> Result<u8, UapiError> {
    match letter {
        b'0'..=b'9' => Ok(letter - b'0'),
        b'a'..=b'f' => Ok(letter - b'a' + 10),
        b'A'..=b'F' => Ok(letter - b'A' + 10),
        _ => Err(UapiError::Rubbish("a key that is not hexadecimal".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33";

    fn key() -> PublicKey {
        PublicKey(hex(KEY).unwrap())
    }

    #[test]
    fn an_update_says_only_what_changes_and_makes_no_peer() {
        let update = PeerUpdate { keepalive_s: Some(25), ..PeerUpdate::of(key()) };
        let change = WireguardChange { peers: vec![PeerChange::Update(update)], ..WireguardChange::default() };
        let expected = format!("set=1\npublic_key={KEY}\nupdate_only=true\npersistent_keepalive_interval=25\n\n");
        assert_eq!(*render(&change), expected);
    }

    #[test]
    fn addresses_are_added_without_emptying_the_list() {
        let net = "10.0.0.0/24".parse().unwrap();
        let add = PeerUpdate { allowed_ips: AllowedIps::Add(vec![net]), ..PeerUpdate::of(key()) };
        let change = WireguardChange { peers: vec![PeerChange::Update(add)], ..WireguardChange::default() };
        assert!(!render(&change).contains("replace_allowed_ips"));
        assert!(render(&change).contains("allowed_ip=10.0.0.0/24\n"));
    }

    #[test]
    fn a_device_is_read() {
        let answer = format!(
            "private_key={KEY}\nlisten_port=51820\npublic_key={KEY}\npreshared_key={:064}\nprotocol_version=1\n\
             endpoint=[fe80::1%eth0]:51820\nlast_handshake_time_sec=5\nlast_handshake_time_nsec=7\ntx_bytes=2\nrx_bytes=3\n\
             persistent_keepalive_interval=25\nallowed_ip=10.0.0.1/32\nallowed_ip=fd00::/64\nerrno=0\n\n",
            0
        );
        let state = parse(&answer).unwrap();
        let peer = &state.peers[&key()];
        assert_eq!(state.port, 51820);
        assert_eq!(peer.endpoint, Some("[fe80::1]:51820".parse().unwrap()));
        assert_eq!((peer.tx_bytes, peer.rx_bytes, peer.keepalive_s, peer.preshared), (2, 3, 25, false));
        assert_eq!(peer.last_handshake, Timestamp::new(5, 7).ok());
        assert_eq!(peer.allowed_ips.len(), 2);
    }

    #[test]
    fn a_refusal_is_an_error_and_no_key_is_quoted() {
        assert!(matches!(parse("errno=-98\n\n"), Err(UapiError::Refused(98))));
        let error = parse("private_key=zz\n\n").unwrap_err().to_string();
        assert!(!error.contains("zz"), "{error}");
    }
}
