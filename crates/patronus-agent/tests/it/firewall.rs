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
