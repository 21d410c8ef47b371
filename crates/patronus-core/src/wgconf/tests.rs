use proptest::prelude::*;

use super::*;

const KEY_A: &str = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
const KEY_B: &str = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";

fn faults(text: &str) -> Vec<String> {
    parse(text).unwrap_err().as_slice().iter().map(ToString::to_string).collect()
}

/// The faults of a good configuration with `line` in its interface, or in its peer.
fn interface_faults(line: &str) -> Vec<String> {
    faults(&format!("[Interface]\nAddress = 10.0.0.1/24\n{line}\n"))
}

fn peer_faults(line: &str) -> Vec<String> {
    faults(&format!("[Interface]\nAddress = 10.0.0.1\n[Peer]\nPublicKey = {KEY_A}\nAllowedIPs = 10.0.0.2\n{line}\n"))
}

#[test]
fn an_ordinary_configuration() {
    let text = format!(
        "\u{feff}# my hub\r\n[interface]\r\n  Address = 10.0.0.1/24, fd00::1/64 # both\r\nAddress=10.0.1.1\r\nlistenport = 51820\r\nMTU=1400\n\
         Table = auto\n\n[Peer]\nPublicKey = {KEY_A}\nAllowedIPs = 10.0.0.2/32,10.2.0.0/16\nAllowedIPs = fd00::2\n\
         Endpoint = [2001:db8::1]:51820\nPersistentKeepalive = 25\n\n[PEER]\nPublicKey={KEY_B}\nAllowedIPs=10.0.0.3\nPersistentKeepalive=off"
    );
    let config = parse(&text).unwrap();
    let nets = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect::<Vec<IpNet>>();
    assert_eq!(config.interface.addresses, nets(&["10.0.0.1/24", "fd00::1/64", "10.0.1.1/32"]));
    assert_eq!((config.interface.listen_port, config.interface.mtu), (Some(51820), Some(1400)));
    assert_eq!(config.peers.len(), 2);
    assert_eq!(config.peers[0].allowed_ips, nets(&["10.0.0.2/32", "10.2.0.0/16", "fd00::2/128"]));
    assert_eq!(config.peers[0].endpoint.as_ref().unwrap().to_string(), "[2001:db8::1]:51820");
    assert_eq!((config.peers[0].keepalive_s, config.peers[1].keepalive_s), (Some(25), Some(0)));
}

#[test]
fn commands_and_secrets_are_refused_with_the_reason() {
    for key in ["PreUp", "PostUp", "PreDown", "postdown"] {
        let expected =
            format!("3:1: {key}: a bundle runs no commands, since they would run as root: take the line out");
        assert_eq!(interface_faults(&format!("{key} = iptables -F; # nat")), [expected]);
    }
    let secret = "aDy1VlCbBqTEnQnFkYOZcsJtb2vm2ZfLXqbV0Yx5xVY=";
    for (key, faults) in [
        ("PrivateKey", interface_faults(&format!("PrivateKey = {secret}"))),
        ("PresharedKey", peer_faults(&format!("PresharedKey = {secret}"))),
    ] {
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains(key) && !faults[0].contains(secret), "{}", faults[0]);
    }
    for key in ["SaveConfig", "DNS", "FwMark"] {
        assert!(interface_faults(&format!("{key} = true"))[0].starts_with(&format!("3:1: {key}: ")));
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let secret = "aDy1VlCbBqTEnQnFkYOZcsJtb2vm2ZfLXqbV0Yx5xVY";
    for line in [format!("PublicKey = {secret}"), format!("PresharedKey={secret}="), secret.to_owned()] {
        let text = format!("[Interface]\nAddress = 10.0.0.1\n[Peer]\nAllowedIPs = 10.0.0.2\n{line}\n");
        assert!(!parse(&text).unwrap_err().to_string().contains(secret), "{line}");
    }
}

#[test]
fn places_are_exact() {
    assert_eq!(
        interface_faults("  Address = 10.0.0.2, ü, 10.0.0.1/8, 300.0.0.1"),
        [
            "3:23: `ü` is not an address or a range: use 10.0.0.1/32 or fd00::/64",
            "3:26: the address 10.0.0.1 stands here twice",
            "3:38: `300.0.0.1` is not an address or a range: use 10.0.0.1/32 or fd00::/64",
        ]
    );
    assert_eq!(interface_faults("\tMtu\t=\t1279")[0].split(' ').next(), Some("3:8:"));
}

#[test]
fn every_fault_is_told_at_once() {
    let text = format!(
        "Address = 10.0.0.1\nMTU = 1\n[Interface]\nListenPort = 0\nListenPort = 5\nNonsense = 1\nPublicKey = {KEY_A}\nMTU =\nwhat\n\
         [Server]\nMTU = 1\n[Interface]\n[Peer]\nPublicKey = {KEY_A}\nMTU = 1400\nEndpoint = 192.0.2.1\nAllowedIPs = 10.0.0.1/24, 10.0.0.0/24\n\
         [Peer]\nPublicKey = {KEY_A}\nAllowedIPs = 10.0.0.0/24\nPersistentKeepalive = 65536\n[Peer]\n"
    );
    assert_eq!(
        faults(&text),
        [
            "1:1: settings stand below [Interface] or [Peer]",
            "3:1: [Interface] has no address: add `Address = …`",
            "4:14: `0` is not a port: use 1 to 65535",
            "5:1: ListenPort stands in this section twice",
            "6:1: `Nonsense` is not a setting of WireGuard or wg-quick",
            "7:1: PublicKey belongs into [Peer]",
            "8:6: MTU has no value",
            "9:1: expected `Key = value` or a section in brackets",
            "10:1: there is no section `Server`, only [Interface] and [Peer]",
            "12:1: [Interface] stands in line 3 already",
            "15:1: MTU belongs into [Interface]",
            "16:12: the endpoint `192.0.2.1` has no port: WireGuard needs HOST:PORT",
            "17:14: `10.0.0.1/24` has bits behind its prefix: did you mean 10.0.0.0/24 or 10.0.0.1/32?",
            "19:13: line 14 has a peer with this key already",
            "20:14: 10.0.0.0/24 stands in line 17 already; one range has one peer",
            "21:23: `65536` is not a keepalive: use 0 to 65535 seconds, or `off`",
            "22:1: this peer gets no traffic: add `AllowedIPs = …`",
            "22:1: this peer has no key: add `PublicKey = …`",
        ]
    );
}

#[test]
fn values_are_plain() {
    for line in [
        "ListenPort = 65536",
        "ListenPort = +5",
        "ListenPort = 0x10",
        "ListenPort = 051",
        "ListenPort = 5 6",
        "MTU = 65536",
    ] {
        assert_eq!(interface_faults(line).len(), 1, "{line}");
    }
    for line in [
        "Table = 51820",
        "Address = 0.0.0.0/0",
        "Address = 224.0.0.1/32",
        "Address = 10.0.0.9/33",
        "Address = 10.0.0.9,",
    ] {
        assert_eq!(interface_faults(line).len(), 1, "{line}");
    }
    for line in [
        "Endpoint = a:b:1",
        "Endpoint = :1",
        "Endpoint = h:0",
        "Endpoint = ::1:5",
        "AllowedIPs = all",
        "PersistentKeepalive = -1",
    ] {
        assert_eq!(peer_faults(line).len(), 1, "{line}");
    }
}

#[test]
fn empty_and_foreign_files() {
    assert_eq!(faults(""), ["1:1: there is no [Interface]"]);
    assert_eq!(faults(&" ".repeat(2 << 20)).len(), 1);
    let many = parse(&"noise\n".repeat(1000)).unwrap_err();
    assert_eq!(many.as_slice().len(), 100);
    assert!(many.to_string().ends_with("\nand 900 more"));
    let odd = interface_faults(&format!("{}\u{1b}[2J = 1", "x".repeat(100)));
    assert!(odd[0].len() < 150 && !odd[0].contains('\u{1b}'));
}

#[test]
fn the_text_is_what_wg_quick_takes() {
    let text = format!(
        "[Interface]\n# PrivateKey = (stays on the site; put it here to use this file by hand)\nAddress = 10.0.0.1/32, fd00::1/128\n\
         ListenPort = 51820\nMTU = 1420\nTable = off\n\n[Peer]\nPublicKey = {KEY_A}\nAllowedIPs = 10.0.0.2/32, fd00::2/128\n\
         Endpoint = hub.example.net:51820\nPersistentKeepalive = 25\n\n[Peer]\nPublicKey = {KEY_B}\nAllowedIPs = 10.0.0.3/32\n"
    );
    assert_eq!(parse(&text).unwrap().to_string(), text);
}

fn address() -> impl Strategy<Value = std::net::IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(Into::into), any::<[u8; 16]>().prop_map(Into::into)]
}

fn range() -> impl Strategy<Value = IpNet> {
    (address(), 0u8..=128).prop_map(|(address, len)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        IpNet::new(address, len.min(longest)).unwrap()
    })
}

fn config() -> impl Strategy<Value = Config> {
    let usable = range().prop_filter("usable", |net| !net.addr().is_unspecified() && !net.addr().is_multicast());
    let addresses = prop::collection::vec(usable, 1..4);
    let interface = (addresses, prop::option::of(1u16..), prop::option::of(1280u16..), any::<bool>());
    let endpoint = (address(), 1u16..)
        .prop_map(|(address, port)| Endpoint { host: patronus_types::Host::Address(address), port: Some(port) });
    let ranges = prop::collection::vec(range(), 1..4);
    let peer = (any::<[u8; 32]>(), ranges, prop::option::of(endpoint), prop::option::of(any::<u16>()));
    (interface, prop::collection::vec(peer, 0..5)).prop_map(|((mut addresses, listen_port, mtu, table_off), peers)| {
        addresses.sort();
        addresses.dedup_by_key(|net| net.addr());
        let mut used = std::collections::BTreeSet::new();
        let mut fresh = |net: &IpNet| used.insert(net.trunc()).then(|| net.trunc());
        let mut peers: Vec<Peer> = peers
            .into_iter()
            .map(|(key, ranges, endpoint, keepalive_s)| Peer {
                public_key: PublicKey(key),
                allowed_ips: ranges.iter().filter_map(&mut fresh).collect(),
                endpoint,
                keepalive_s,
            })
            .filter(|peer| !peer.allowed_ips.is_empty() && peer.public_key.0 != [0; 32])
            .collect();
        peers.sort_by_key(|peer| peer.public_key);
        peers.dedup_by_key(|peer| peer.public_key);
        Config { interface: Interface { addresses, listen_port, mtu, table_off }, peers }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(config in config()) {
        prop_assert_eq!(parse(&config.to_string()), Ok(config));
    }

    #[test]
    fn no_text_panics_and_places_lie_in_it(text in "((\\[(Interface|Peer|x)\\]|(Address|MTU|PublicKey|AllowedIPs|Endpoint|x) ?= ?[0-9a-f./:, ]{0,20}|\\PC{0,20})\r?\n?){0,12}") {
        if let Err(faults) = parse(&text) {
            let lines: Vec<&str> = text.lines().collect();
            prop_assert!(!faults.as_slice().is_empty());
            for fault in faults.as_slice() {
                let line = lines.get(fault.line - 1).copied().unwrap_or_default();
                prop_assert!(fault.column <= line.chars().count() + 1, "{}", fault);
            }
        }
    }
}
