//! The nft table.

use patronus_agent::effects::model::Firewall;
use patronus_agent::effects::{Device as _, Linux, Settings, nft};

use crate::lab::{Namespace, device, is_root, network, owner};

#[test]
fn the_table_is_replaced_known_again_and_removed() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.sh("nft add table inet theirs");
    namespace.run(|| async {
        let (device, chains) = (device(), nft::mss_clamp(&owner()));
        let expected = Firewall::Present(nft::digest(&chains));
        assert_eq!(device.observe(&owner()).await.unwrap().firewall, Firewall::Missing);
        for _ in 0..2 {
            assert_eq!(device.replace_firewall(&owner(), &chains).await.unwrap(), expected);
            assert_eq!(device.observe(&owner()).await.unwrap().firewall, expected);
        }
        assert_eq!(device.observe(&network(1)).await.unwrap().firewall, Firewall::Missing);
    });
    let listing = namespace.sh("nft list ruleset");
    assert_eq!(listing.matches("maxseg size set rt mtu").count(), 2, "{listing}");
    namespace.run(|| async {
        for _ in 0..2 {
            assert_eq!(device().remove_firewall(&owner()).await.unwrap(), Firewall::Missing);
        }
    });
    assert_eq!(namespace.sh("nft list tables").trim(), "table inet theirs");
}

/// Chains that a packet is led to by a map, beside one that is hooked at this priority.
fn asking(to: &str, priority: &str) -> String {
    format!(
        "\tchain passes {{ accept; }}\n\
         \tmap asked {{ typeof ip saddr . ip daddr : verdict; flags interval; elements = {{ {to} . 0.0.0.0/0 : goto passes }}; }}\n\
         \tchain ask {{ ip saddr . ip daddr vmap @asked; }}\n\
         \tchain hooked {{ type filter hook prerouting priority {priority}; policy accept; jump ask; }}\n"
    )
}

#[test]
fn nothing_is_left_of_what_was_replaced() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    // The hook of a chain cannot change in place.
    for (to, priority) in
        [("10.1.0.0/16", "mangle"), ("10.2.0.0/16", "mangle"), ("10.2.0.0/16", "raw"), ("10.3.0.0/16", "raw")]
    {
        let chains = asking(to, priority);
        namespace.run(move || async move {
            let made = device().replace_firewall(&owner(), &chains).await.unwrap();
            assert_eq!(made, Firewall::Present(nft::digest(&chains)));
            assert_eq!(device().observe(&owner()).await.unwrap().firewall, made);
        });
        let listing = namespace.sh("nft list ruleset");
        let count = |words| listing.matches(words).count();
        assert_eq!([count("\tmap "), count("\tchain "), count("10."), count(to)], [1, 4, 1, 1], "{listing}");
        assert_eq!(count(&format!("priority {priority}")), 1, "{listing}");
    }
}

#[test]
fn a_missing_program_and_a_refused_table_are_reported() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| async {
        let missing = Linux::new(Settings::default(), "no-such-nft".into());
        let Firewall::Unavailable(reason) = missing.observe(&owner()).await.unwrap().firewall else { panic!() };
        assert!(reason.contains("install nftables"), "{reason}");
        let refused = device().replace_firewall(&owner(), "nonsense").await.unwrap();
        assert!(matches!(refused, Firewall::Unavailable(_)), "{refused:?}");
        assert_eq!(device().observe(&owner()).await.unwrap().firewall, Firewall::Missing);
    });
}

#[test]
fn the_marks_of_flows_are_seen() {
    if !is_root() {
        return;
    }
    let namespace = Namespace::new();
    namespace.run(|| async { assert!(device().flow_marks().await.unwrap().is_empty()) });
    let marks = "ct mark set 0x07000000";
    namespace
        .sh(&format!("nft 'table inet theirs {{ chain out {{ type filter hook output priority 0; {marks}; }}; }}'"));
    namespace.sh("ping -c 1 -W 1 127.0.0.1");
    namespace.run(|| async { assert_eq!(device().flow_marks().await.unwrap(), [7 << 24].into()) });
}
