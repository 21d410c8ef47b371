//! The compiler against a naive one, over random networks.

mod naive;
pub(crate) mod sample;

use proptest::prelude::*;

use super::*;
use crate::mesh::content::overlapping;
use sample::{network, sites};

fn contents(input: &Input) -> Vec<patronus_types::bundle::Content> {
    compile(input).unwrap().sites.iter().map(|site| content(&site.tar.to_vec()).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_bundle_says_what_a_naive_compiler_says(input in network()) {
        let compilation = compile(&input).unwrap();
        let naive = naive::compile(&input);
        prop_assert_eq!(compilation.sites.len() + compilation.pending.len(), input.sites.len());
        prop_assert_eq!(compilation.sites.len(), naive.len());
        for (site, expected) in compilation.sites.iter().zip(&naive) {
            let tar = site.tar.to_vec();
            prop_assert_eq!(&content(&tar).unwrap(), expected);
            prop_assert_eq!(site.hashes, crate::digest::hashes(&tar));
            let files = crate::archive::read_tar(&tar[..], &crate::archive::Limits::DEFAULT).unwrap().files;
            let texts: Vec<_> = files.into_iter().skip(1).map(|file| (file.name, String::from_utf8(file.data).unwrap())).collect();
            prop_assert_eq!(texts, naive::wireguard(expected));
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter((input, shuffled) in network().prop_flat_map(|input| {
        let sites = Just(input.sites.clone()).prop_shuffle();
        (Just(input.clone()), sites.prop_map(move |sites| Input { sites, ..input.clone() }))
    })) {
        prop_assert_eq!(compile(&input).unwrap(), compile(&shuffled).unwrap());
    }

    #[test]
    fn peers_are_mutual_and_keep_apart(input in network()) {
        let contents = contents(&input);
        let by_name = |name: &Name| contents.iter().find(|content| content.site.name == *name).unwrap();
        for one in &contents {
            for peer in &one.peers {
                let other = by_name(&peer.name);
                let back = other.peers.iter().find(|back| back.name == one.site.name).expect("mutual");
                for tunnel in one.tunnels.iter().filter(|tunnel| usize::from(tunnel.remote) < peer.uplinks.len()) {
                    let mirror = other.tunnels.iter().find(|far| (far.local, far.remote) == (tunnel.remote, tunnel.local));
                    let mirror = mirror.expect("the same tunnel from the other end");
                    let near = &back.uplinks[usize::from(tunnel.local)];
                    let far = &peer.uplinks[usize::from(tunnel.remote)];
                    prop_assert_eq!(near.public_key, one.uplinks[usize::from(tunnel.local)].public_key);
                    prop_assert_eq!(far.public_key, other.uplinks[usize::from(tunnel.remote)].public_key);
                    // Where no other port was declared, the port that is told is the one that is listened on.
                    let declared = &input.sites.iter().find(|site| site.spec.name == peer.name).unwrap().spec.uplinks;
                    let declared = declared[usize::from(tunnel.remote)].endpoint.as_ref();
                    let base = declared.and_then(|endpoint| endpoint.port);
                    let told = far.endpoint.as_ref().map(|endpoint| endpoint.port.unwrap() + u16::from(tunnel.local));
                    let listened = base.map_or(mirror.port, |base| base + u16::from(tunnel.local));
                    prop_assert_eq!(told, declared.map(|_| listened));
                }
                let spares = (one.spare.as_ref(), other.spare.as_ref());
                let found = |spare: Option<&patronus_types::bundle::Spare>, name: &Name| spare.and_then(|spare| {
                    spare.peers.iter().find(|peer| peer.name == *name).map(|peer| peer.public_key)
                });
                let (there, back) = (found(spares.0, &peer.name), found(spares.1, &one.site.name));
                prop_assert_eq!(there, back.and(spares.1.map(|spare| spare.public_key)), "spare tunnels are mutual");
                for address in &peer.addresses {
                    prop_assert!(peer.allowed_ips.iter().any(|range| range.contains(address)));
                }
            }
            let mut ranges: Vec<_> = one.peers.iter().flat_map(|peer| peer.allowed_ips.clone()).collect();
            let spoke = one.peers.len() == 1;
            prop_assert!(spoke || !overlapping(&mut ranges), "one address, one peer");
        }
    }
}

#[test]
fn a_bundle_of_a_mesh_is_a_handful_of_slices() {
    let input = sites(50);
    let compilation = compile(&input).unwrap();
    for site in &compilation.sites {
        assert!(site.tar.slices().len() <= 8, "{}", site.tar.slices().len());
    }
    let chunks: std::collections::BTreeSet<_> =
        compilation.sites.iter().flat_map(|site| site.tar.chunks().into_keys()).collect();
    assert_eq!(chunks.len(), 3, "entries, sections, and one chunk of everybody's own");
}

#[test]
fn ports_that_do_not_exist_are_refused() {
    let mut input = sites(2);
    input.sites[1].port_base = Some(65_534);
    assert!(compile(&input).unwrap_err().to_string().contains("site-0001"));
}

#[test]
fn what_a_person_reads() {
    let mut input = sites(3);
    input.sites[1].spec.uplinks[0].endpoint = None;
    let compiled = compile(&input).unwrap();
    let files =
        crate::archive::read_tar(compiled.sites[1].tar.reader(), &crate::archive::Limits::DEFAULT).unwrap().files;
    let text = String::from_utf8(files[1].data.clone()).unwrap();
    let key = |index: usize| input.sites[index].public_keys[0].to_string();
    let expected = format!(
        "# Patronus: network lab, site site-0001, uplink up0 with uplink 0 of the others.\n\
         # For people; the agent reads bundle.json. To use it with wg-quick, put the site's key into the line below.\n\
         [Interface]\n\
         # PrivateKey = (the private half of {})\n\
         Address = 10.210.0.2/32\n\
         ListenPort = 51820\n\
         MTU = 1420\n\
         \n[Peer]\n# site-0000\nPublicKey = {}\nEndpoint = 198.18.0.1:51820\nAllowedIPs = 10.0.0.0/24, 10.210.0.1/32\nPersistentKeepalive = 25\n\
         \n[Peer]\n# site-0002\nPublicKey = {}\nEndpoint = 198.18.0.3:51820\nAllowedIPs = 10.0.2.0/24, 10.210.0.3/32\nPersistentKeepalive = 25\n",
        key(1),
        key(0),
        key(2)
    );
    assert_eq!(text, expected);
}
