//! From text to values, collecting every fault on the way.

use std::collections::BTreeMap;

use ipnet::IpNet;
use patronus_types::{Endpoint, PublicKey};

use super::error::Faults;
use super::line::{Line, Place, Span};
use super::setting::{Section, Setting, find, shown};
use super::{Config, Interface, Peer, value};

/// A thousand peers have a fifth of this.
const MAX_LEN: usize = 1 << 20;

/// Reads a configuration in the form of `wg-quick`.
pub fn parse(text: &str) -> Result<Config, Faults> {
    let mut parser = Parser::default();
    if text.len() > MAX_LEN {
        parser.faults.add((1, 1), "the file is longer than 1 MiB; it is not a WireGuard configuration");
        return parser.finish();
    }
    // Editors of some systems begin a file with this mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, text) in text.lines().enumerate() {
        parser.line(Line::parse(index + 1, text));
    }
    parser.finish()
}

/// A peer as far as it was read.
#[derive(Debug, Default)]
struct Draft {
    place: Place,
    seen: Vec<Setting>,
    public_key: Option<PublicKey>,
    allowed_ips: Vec<IpNet>,
    endpoint: Option<Endpoint>,
    keepalive_s: Option<u16>,
}

#[derive(Debug, Default)]
struct Parser {
    faults: Faults,
    /// Where `[Interface]` stands.
    interface_at: Option<Place>,
    interface: Interface,
    peers: Vec<Draft>,
    /// The section that settings now belong to; none at the top and after an unknown one.
    section: Option<Section>,
    /// Whether the missing or unknown section was told already.
    section_told: bool,
    /// Which settings `[Interface]` has, whether good or not.
    seen: Vec<Setting>,
    /// Which line has a peer's key, and which an allowed range.
    keys: BTreeMap<PublicKey, usize>,
    ranges: BTreeMap<IpNet, usize>,
}

impl Parser {
    fn line(&mut self, line: Line<'_>) {
        match line {
            Line::Empty => {}
            Line::Section(name) => self.section(name),
            Line::Setting { key, value } => self.setting(key, value),
            Line::Other(place) => self.faults.add(place, "expected `Key = value` or a section in brackets"),
        }
    }

    fn section(&mut self, name: Span<'_>) {
        self.section = Section::named(name.text);
        self.section_told = self.section.is_none();
        match self.section {
            None => {
                let message = format!("there is no section `{}`, only [Interface] and [Peer]", shown(name.text));
                self.faults.add(name.place, message);
            }
            Some(Section::Interface) => match self.interface_at {
                None => self.interface_at = Some(name.place),
                Some((line, _)) => self.faults.add(name.place, format!("[Interface] stands in line {line} already")),
            },
            Some(Section::Peer) => {
                let place = name.place;
                let draft = Draft { place, ..Draft::default() };
                self.peers.push(draft);
            }
        }
    }

    fn setting(&mut self, name: Span<'_>, value: Span<'_>) {
        let Some(section) = self.section else {
            if !self.section_told {
                self.faults.add(name.place, "settings stand below [Interface] or [Peer]");
                self.section_told = true;
            }
            return;
        };
        let key = match find(section, name.text) {
            Ok(key) => key,
            Err(message) => return self.faults.add(name.place, message),
        };
        let seen = match (section, self.peers.last_mut()) {
            (Section::Peer, Some(peer)) => &mut peer.seen,
            _ => &mut self.seen,
        };
        if seen.contains(&key) && !key.is_list() {
            return self.faults.add(name.place, format!("{} stands in this section twice", shown(name.text)));
        }
        seen.push(key);
        if value.text.is_empty() {
            return self.faults.add(value.place, format!("{} has no value", shown(name.text)));
        }
        if key.is_list() {
            value.list().for_each(|item| self.item(key, item));
        } else if let Err(message) = self.scalar(key, value) {
            self.faults.add(value.place, message);
        }
    }

    fn scalar(&mut self, key: Setting, span: Span<'_>) -> Result<(), String> {
        let peer = self.peers.last_mut();
        match (key, peer) {
            (Setting::ListenPort, _) => self.interface.listen_port = Some(value::port(span.text)?),
            (Setting::Mtu, _) => self.interface.mtu = Some(value::mtu(span.text)?),
            (Setting::Table, _) => self.interface.table_off = value::table_off(span.text)?,
            (Setting::Endpoint, Some(peer)) => peer.endpoint = Some(value::endpoint(span.text)?),
            (Setting::Keepalive, Some(peer)) => peer.keepalive_s = Some(value::keepalive(span.text)?),
            (Setting::PublicKey, Some(peer)) => {
                let key = value::public_key(span.text)?;
                peer.public_key = Some(key);
                if let Some(line) = self.keys.insert(key, span.place.0) {
                    return Err(format!("line {line} has a peer with this key already"));
                }
            }
            (Setting::Address | Setting::AllowedIps, _) | (_, None) => {}
        }
        Ok(())
    }

    fn item(&mut self, key: Setting, span: Span<'_>) {
        let result = match key {
            Setting::Address => self.address(span),
            _ => self.allowed_ip(span),
        };
        if let Err(message) = result {
            self.faults.add(span.place, message);
        }
    }

    fn address(&mut self, span: Span<'_>) -> Result<(), String> {
        let address = value::address(span.text)?;
        if self.interface.addresses.iter().any(|other| other.addr() == address.addr()) {
            return Err(format!("the address {} stands here twice", address.addr()));
        }
        self.interface.addresses.push(address);
        Ok(())
    }

    fn allowed_ip(&mut self, span: Span<'_>) -> Result<(), String> {
        let range = value::allowed_ip(span.text)?;
        if let Some(peer) = self.peers.last_mut() {
            peer.allowed_ips.push(range);
        }
        match self.ranges.insert(range, span.place.0) {
            None => Ok(()),
            Some(line) => Err(format!("{range} stands in line {line} already; one range has one peer")),
        }
    }

    fn finish(mut self) -> Result<Config, Faults> {
        match self.interface_at {
            None if self.faults.as_slice().is_empty() => self.faults.add((1, 1), "there is no [Interface]"),
            Some(place) if !self.seen.contains(&Setting::Address) => {
                self.faults.add(place, "[Interface] has no address: add `Address = …`");
            }
            _ => {}
        }
        let drafts = std::mem::take(&mut self.peers);
        let peers = drafts.into_iter().filter_map(|draft| self.peer(draft)).collect();
        self.faults.or(Config { interface: self.interface, peers })
    }

    /// A key or range that is there and faulty has been told of; here it counts as there.
    fn peer(&mut self, draft: Draft) -> Option<Peer> {
        let Draft { place, seen, public_key, allowed_ips, endpoint, keepalive_s } = draft;
        if !seen.contains(&Setting::PublicKey) {
            self.faults.add(place, "this peer has no key: add `PublicKey = …`");
        }
        if !seen.contains(&Setting::AllowedIps) {
            self.faults.add(place, "this peer gets no traffic: add `AllowedIPs = …`");
        }
        Some(Peer { public_key: public_key?, allowed_ips, endpoint, keepalive_s })
    }
}
