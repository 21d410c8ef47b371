//! The values of settings, each with words for what is wrong.

use std::net::IpAddr;

use ipnet::IpNet;
use patronus_types::{Endpoint, PublicKey};

use super::setting::shown;

const MIN_MTU: u16 = 1280;

pub(super) fn port(text: &str) -> Result<u16, String> {
    number(text).filter(|&port| port > 0).ok_or_else(|| format!("`{}` is not a port: use 1 to 65535", shown(text)))
}

pub(super) fn mtu(text: &str) -> Result<u16, String> {
    let mtu = number(text).filter(|&mtu| mtu >= MIN_MTU);
    mtu.ok_or_else(|| format!("`{}` is not an MTU: use {MIN_MTU} to 65535, or leave it out for 1420", shown(text)))
}

/// Patronus sets routes itself, so a table of wg-quick's own has no meaning; `off` and `auto` do no harm.
pub(super) fn table_off(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(true),
        "auto" => Ok(false),
        _ => Err(format!("Table is `off` or `auto`, not `{}`: Patronus sets the routes", shown(text))),
    }
}

pub(super) fn keepalive(text: &str) -> Result<u16, String> {
    let seconds = if text.eq_ignore_ascii_case("off") { Some(0) } else { number(text) };
    seconds.ok_or_else(|| format!("`{}` is not a keepalive: use 0 to 65535 seconds, or `off`", shown(text)))
}

/// The value is not repeated: it could be a private key in the wrong place.
pub(super) fn public_key(text: &str) -> Result<PublicKey, String> {
    text.parse().map_err(|invalid: patronus_types::Invalid| invalid.to_string())
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, String> {
    let endpoint: Endpoint = text.parse().map_err(|invalid: patronus_types::Invalid| invalid.to_string())?;
    match endpoint.port {
        Some(_) => Ok(endpoint),
        None => Err(format!("the endpoint `{}` has no port: WireGuard needs HOST:PORT", shown(text))),
    }
}

/// An address of the interface: bits behind the prefix name the host.
pub(super) fn address(text: &str) -> Result<IpNet, String> {
    let address = range(text)?;
    let unusable = address.addr().is_unspecified() || address.addr().is_multicast();
    if unusable { Err(format!("`{}` is no address of a host", shown(text))) } else { Ok(address) }
}

/// A range of addresses: bits behind the prefix are a mistake, which WireGuard would silently drop.
pub(super) fn allowed_ip(text: &str) -> Result<IpNet, String> {
    let range = range(text)?;
    if range.trunc() == range {
        return Ok(range);
    }
    Err(format!(
        "`{}` has bits behind its prefix: did you mean {} or {}?",
        shown(text),
        range.trunc(),
        host(range.addr())
    ))
}

fn range(text: &str) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().ok().map(host);
    let range = text.parse::<IpNet>().ok().or_else(alone);
    range.ok_or_else(|| format!("`{}` is not an address or a range: use 10.0.0.1/32 or fd00::/64", shown(text)))
}

fn host(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// Plain digits; `+5`, `0x5` and `05` are somebody's mistake.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
