use patronus_types::release::DeclaredSite;
use proptest::prelude::*;

use super::*;
use crate::mesh::Input;
use crate::mesh::tests::sample;

const SERVER: &str = "198.51.100.10";

fn content(sites: usize) -> Content {
    let compiled = crate::mesh::compile(&sample::sites(sites)).unwrap();
    crate::mesh::content(&compiled.sites[0].tar.to_vec()).unwrap()
}

fn without(content: &Content, gone: impl Fn(usize) -> bool) -> Content {
    let peers = content.peers.iter().enumerate().filter(|(index, _)| !gone(*index));
    Content { peers: peers.map(|(_, peer)| peer.clone()).collect(), ..content.clone() }
}

fn with_range(content: &Content, peer: usize, range: &str) -> Content {
    let mut content = content.clone();
    content.peers[peer].allowed_ips.push(range.parse().unwrap());
    content
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn risks(before: Option<&Content>, after: &Content) -> Vec<Risk> {
    dangers(before, after, &[vec![address(SERVER)]]).into_iter().map(|danger| danger.risk).collect()
}

#[test]
fn more_than_half_of_the_peers_is_too_many() {
    for (sites, removed, is_risk) in
        [(2, 1, true), (3, 1, false), (3, 2, true), (5, 2, false), (5, 3, true), (5, 4, true), (1, 0, false)]
    {
        let before = content(sites);
        let after = without(&before, |index| index < removed);
        let expected: &[Risk] = if is_risk { &[Risk::RemovesPeers] } else { &[] };
        assert_eq!(risks(Some(&before), &after), expected, "{removed} of {}", sites - 1);
        assert_eq!(risks(None, &after), [], "a first bundle removes nothing");
    }
}

#[test]
fn the_share_is_the_network_s_and_the_words_name_the_peers() {
    let before = content(5);
    let mut after = without(&before, |index| index > 0);
    after.confirm.max_removed_percent = 75;
    assert_eq!(risks(Some(&before), &after), []);
    after.confirm.max_removed_percent = 0;
    let told = dangers(Some(&before), &after, &[])[0].to_string();
    let gone: Vec<&str> = before.peers[1..].iter().map(|peer| peer.name.as_str()).collect();
    let expected = format!(
        "3 of 4 peers would be removed at once ({}), and 0 % may be; if that is meant, publish it with --accept-risk \
         removes-peers",
        gone.join(", ")
    );
    assert_eq!(told, expected);
}

#[test]
fn new_keys_and_new_names_remove_nobody() {
    let before = content(3);
    let mut after = before.clone();
    for (byte, peer) in (100..).zip(&mut after.peers) {
        peer.uplinks.iter_mut().for_each(|uplink| uplink.public_key = PublicKey([byte; 32]));
    }
    assert_eq!(risks(Some(&before), &after), []);
    let mut after = before.clone();
    after.peers.iter_mut().for_each(|peer| peer.name = format!("new-{}", peer.name).parse().unwrap());
    assert_eq!(risks(Some(&before), &after), []);
}

#[test]
fn a_range_that_newly_holds_the_server_is_named() {
    let before = content(3);
    let after = with_range(&before, 1, "198.51.100.0/24");
    for before in [None, Some(&before)] {
        let told = dangers(before, &after, &[vec![address(SERVER)]]);
        let peer = &after.peers[1].name;
        let expected = format!(
            "what goes to the server 198.51.100.10 would go into the tunnel to {peer} (198.51.100.0/24); if that is meant, \
             publish it with --accept-risk loses-server"
        );
        assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
    assert_eq!(risks(Some(&after), &after), [], "it went there before");
    assert_eq!(risks(Some(&after), &before), [], "it is given back");
    assert_eq!(risks(Some(&after), &with_range(&before, 0, "198.51.100.0/25")), [], "it goes by another peer");
}

#[test]
fn a_peer_through_which_the_server_is_reached_stays() {
    let before = with_range(&content(4), 1, "198.51.100.0/24");
    assert_eq!(risks(Some(&before), &without(&before, |index| index == 1)), [Risk::LosesServer]);
    assert_eq!(risks(Some(&before), &without(&before, |index| index == 0)), []);
    assert_eq!(risks(Some(&before), &without(&before, |_| true)), [Risk::LosesServer, Risk::RemovesPeers]);
}

#[test]
fn one_server_that_stays_is_enough_and_an_unknown_one_is_none() {
    let before = content(3);
    let after = with_range(&before, 0, "198.51.100.0/24");
    let (near, far) = (address(SERVER), address("203.0.113.9"));
    let any = |servers: &[Vec<IpAddr>]| !dangers(Some(&before), &after, servers).is_empty();
    assert!(any(&[vec![near]]) && any(&[vec![near], vec![]]) && any(&[vec![far, near]]));
    assert!(!any(&[vec![near], vec![far]]) && !any(&[vec![]]) && !any(&[]));
}

#[test]
fn the_site_s_own_address_is_no_way_into_a_tunnel() {
    let before = content(3);
    let mut after = with_range(&before, 0, "198.51.100.0/24");
    after.addresses.push(address(SERVER));
    assert_eq!(risks(Some(&before), &after), []);
}

fn declared(input: &Input) -> Declared {
    let site =
        |site: &crate::mesh::Site| DeclaredSite { id: site.id, spec: site.spec.clone(), source: Source::Compiled };
    Declared { network: input.spec.clone(), sites: input.sites.iter().map(site).collect(), policies: Vec::new() }
}

#[test]
fn what_cannot_be_a_risk_needs_no_closer_look() {
    let now = declared(&sample::sites(4));
    let servers = [vec![address(SERVER)]];
    assert!(!is_thinkable(None, &now, &servers));
    assert!(!is_thinkable(Some((&now, 5, 2)), &now, &servers));
    assert!(is_thinkable(Some((&now, 5, 3)), &now, &servers));
    assert!(is_thinkable(None, &now, &[vec![address("10.210.0.3")]]), "in the overlay");
    let mut other = now.clone();
    other.sites[1].spec.prefixes.push("198.51.100.0/24".parse().unwrap());
    assert!(is_thinkable(None, &other, &servers) && is_thinkable(Some((&other, 4, 0)), &now, &servers));
    let mut other = now.clone();
    other.sites[0].source = Source::Uploaded;
    assert!(is_thinkable(Some((&other, 4, 0)), &now, &[]));
    let mut other = now.clone();
    other.network.topology = Topology::HubSpoke;
    assert!(is_thinkable(None, &other, &[]));
}

proptest! {
    /// Only what is taken away is a risk, and the same is never one.
    #[test]
    fn what_only_grows_is_safe(sites in 1usize..8, more in 0usize..8) {
        let (before, after) = (content(sites), content(sites + more));
        prop_assert_eq!(risks(Some(&before), &after), []);
        prop_assert_eq!(risks(Some(&after), &after), []);
        let is_risk = (more * 100) > (sites + more - 1) * 50;
        let (then, now) = (declared(&sample::sites(sites + more)), declared(&sample::sites(sites)));
        prop_assert_eq!(is_thinkable(Some((&then, sites + more, more)), &now, &[]), is_risk);
        prop_assert_eq!(!risks(Some(&after), &before).is_empty(), is_risk);
    }
}
