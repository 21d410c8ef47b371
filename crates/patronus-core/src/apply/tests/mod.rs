//! Plans carried out on a model of the kernel, from arbitrary states.

mod damage;
mod kernel;
mod lab;
mod small;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::mesh::tests::sample::network;
use damage::damages;
use kernel::Kernel;
use lab::{content_of, facts, wanted};
use model::{Driver, PeerState, class_of_route};

/// Whether what is there is what is desired.
fn satisfied(kernel: &Kernel, desired: &Desired, memory: &Memory) -> Result<(), TestCaseError> {
    let now = &kernel.now;
    prop_assert_eq!(now.tunnels.keys().collect::<Vec<_>>(), desired.tunnels.keys().collect::<Vec<_>>());
    for (name, wanted) in &desired.tunnels {
        let is = &now.tunnels[name];
        let state = is.wireguard.as_ref().unwrap();
        prop_assert_eq!((is.mtu, is.up, is.rp_filter, is.driver), (wanted.mtu, true, Some(2), desired.driver));
        prop_assert_eq!(&is.addresses, &wanted.addresses);
        prop_assert_eq!((state.public_key, state.port), (Some(wanted.public_key), wanted.port));
        prop_assert_eq!(state.peers.keys().collect::<Vec<_>>(), wanted.peers.keys().collect::<Vec<_>>());
        for (key, peer) in &wanted.peers {
            let PeerState { endpoint, allowed_ips, keepalive_s, preshared, .. } = &state.peers[key];
            prop_assert_eq!((allowed_ips, *keepalive_s, *preshared), (&peer.allowed_ips, peer.keepalive_s, false));
            if peer.endpoint.is_some() && memory.endpoints.is_empty() {
                prop_assert_eq!(*endpoint, peer.endpoint);
            }
        }
    }
    let (of_classes, twins): (BTreeSet<_>, BTreeSet<_>) =
        now.twins.iter().cloned().partition(|route| class_of_route(route).is_some());
    prop_assert_eq!(&(&now.routes | &of_classes), &desired.routes);
    prop_assert!(desired.twins.is_subset(&twins));
    prop_assert!(twins.iter().all(|twin| desired.twins.contains(twin) || !memory.twins.contains(twin)));
    prop_assert_eq!(&now.rules, &desired.rules);
    prop_assert_eq!(kernel.firewall_text(), desired.firewall.as_ref());
    for (path, value) in &desired.sysctls {
        prop_assert_eq!(now.sysctls.get(path), Some(value));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// From nothing, from another bundle, and from any damage to it.
    #[test]
    fn a_plan_leads_to_the_desired_state_and_a_second_is_empty(
        (before, after) in (network(), network()),
        facts_before in facts(),
        facts_after in facts(),
        damages in damages(),
        remember in any::<bool>(),
    ) {
        let first = content_of(&before).map_or_else(|| Desired::nothing(facts_before.owner, facts_before.driver), |content| wanted(&content, &facts_before));
        let second = content_of(&after).map_or_else(|| Desired::nothing(facts_after.owner, facts_after.driver), |content| wanted(&content, &facts_after));

        let mut kernel = Kernel::new(&facts_before);
        kernel.carry_out(&plan(&first, &kernel.now, &Memory::default()))?;
        satisfied(&kernel, &first, &Memory::default())?;
        prop_assert!(plan(&first, &kernel.now, &Memory::default()).is_empty());

        kernel.arrive(&facts_after);
        damages.iter().for_each(|damage| damage.strike(&mut kernel.now));
        let known = Memory::of(&first);
        let mut memory = if remember { known } else { Memory { classes: known.classes, ..Memory::default() } };
        let plan_made = plan(&second, &kernel.now, &memory);
        kernel.carry_out(&plan_made)?;
        satisfied(&kernel, &second, &memory)?;
        memory.add(&second);
        let again = plan(&second, &kernel.now, &memory);
        prop_assert!(again.is_empty(), "{:?}", again);
        prop_assert_eq!(again.counts.changed + again.counts.restarted + again.counts.created + again.counts.removed, 0);
    }

    /// Between two bundles of one network nothing that both want is ever without a way.
    #[test]
    fn what_both_want_always_has_a_way(before in network(), after in network(), facts in facts()) {
        let (Some(first), Some(second)) = (content_of(&before), content_of(&after)) else { return Ok(()) };
        let (first, second) = (wanted(&first, &facts), wanted(&second, &facts));
        let mut kernel = Kernel::new(&facts);
        kernel.carry_out(&plan(&first, &kernel.now, &Memory::default()))?;

        let both = kernel::destinations(&first).intersection(&kernel::destinations(&second)).copied().collect::<Vec<_>>();
        let made = plan(&second, &kernel.now, &Memory::of(&first));
        prop_assert_eq!(made.counts.restarted, 0, "uplinks keep their keys");
        for step in made.apply.iter().chain(&made.clean) {
            let deletes = matches!(step, Step::DeleteTunnel { .. });
            kernel.step(step)?;
            for destination in &both {
                prop_assert!(kernel.has_way(*destination), "{} after {}", destination, step);
            }
            prop_assert!(!deletes || made.clean.contains(step), "no device goes before the proof");
        }
    }

    /// Leaving takes away everything, and nothing else.
    #[test]
    fn leaving_leaves_nothing(before in network(), facts in facts()) {
        let Some(content) = content_of(&before) else { return Ok(()) };
        let first = wanted(&content, &facts);
        let mut kernel = Kernel::new(&facts);
        let foreign = kernel::foreign_twin();
        kernel.now.twins.insert(foreign.clone());
        let of_another = kernel::class_of_another();
        kernel.now.rules.insert(of_another.clone());
        kernel.carry_out(&plan(&first, &kernel.now, &Memory::default()))?;
        let nothing = Desired::nothing(facts.owner, Driver::Kernel);
        kernel.carry_out(&plan(&nothing, &kernel.now, &Memory::of(&first)))?;
        prop_assert!(kernel.now.tunnels.is_empty() && kernel.now.routes.is_empty());
        prop_assert_eq!(kernel.now.rules.iter().collect::<Vec<_>>(), [&of_another]);
        prop_assert_eq!(kernel.now.twins.iter().collect::<Vec<_>>(), [&foreign]);
        prop_assert_eq!(kernel.firewall_text(), None);
    }
}
