//! The numbers a network gets on this host: its index, and the first of its UDP ports.

use patronus_types::NetworkId;

use crate::effects::model::Owner;
use crate::failure::{Exit, Failure};
use crate::host::Host;
use crate::state::StateDir;

const FIRST_PORT: u16 = 51_820;
const BLOCK: u16 = 32;
/// Sixteen tunnels, the spare and the probes.
const USED: u16 = 18;
const LAST_PORT: u16 = 65_519;

/// What a network gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Its number on this host.
    pub index: u8,
    /// The first of its UDP ports.
    pub port_base: u16,
}

/// The numbers that networks of this state folder have.
pub fn taken(state: &StateDir) -> Result<Vec<Numbers>, Failure> {
    let mut taken: Vec<Numbers> =
        state.joining()?.iter().map(|joining| Numbers { index: joining.index, port_base: joining.port_base }).collect();
    for entry in state.entries()? {
        match entry.identity {
            Ok(identity) => taken.push(Numbers { index: identity.index, port_base: identity.port_base }),
            // Its numbers are unknown, and so is what it has in the kernel.
            Err(error) => {
                return Err(Failure::new(Exit::State, format_args!("cannot tell which numbers are free: {error}"))
                    .help(format_args!("mend that file, or run: patronus-agent leave --network {}", entry.network)));
            }
        }
    }
    Ok(taken)
}

/// The lowest index that is free, and the first block of ports from its own on that can be bound.
pub fn choose(taken: &[Numbers], host: &dyn Host) -> Result<Numbers, Failure> {
    let free = |index: &u8| !taken.iter().any(|numbers| numbers.index == *index) && !in_use(*index, host);
    let index = (0..Owner::MAX).find(free).ok_or_else(|| {
        Failure::new(Exit::Failed, "this host is in 36 networks, which is the most").help("leave one of them first")
    })?;
    let apart = |base: &u16| taken.iter().all(|numbers| numbers.port_base.abs_diff(*base) >= BLOCK);
    let bindable = |base: &u16| (*base..*base + USED).all(|port| host.port_taken(port).is_none());
    let own = FIRST_PORT + BLOCK * u16::from(index);
    let bases = (own..=LAST_PORT).step_by(usize::from(BLOCK)).chain((1024..own).step_by(usize::from(BLOCK)));
    let port_base = bases.filter(apart).find(bindable).ok_or_else(|| {
        Failure::new(Exit::Failed, "there is no block of 18 free UDP ports on this host")
            .help("`ss -lun` shows who has them")
    })?;
    Ok(Numbers { index, port_base })
}

/// Whether interfaces with the index's names exist: another state folder of this host may have it.
fn in_use(index: u8, host: &dyn Host) -> bool {
    let Some(owner) = Owner::new(index, NetworkId::new(0, &[0; 10])) else { return true };
    let pairs = (0..4).flat_map(|local| (0..4).map(move |remote| (local, remote)));
    let mut names = pairs.map(|(local, remote)| owner.interface(local, remote)).chain([owner.spare_interface()]);
    names.any(|name| host.has_interface(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::FakeHost;

    fn busy(interfaces: &'static [&'static str], ports: &'static [u16]) -> FakeHost {
        FakeHost { interfaces, ports, ..FakeHost::default() }
    }

    #[test]
    fn the_first_network_gets_the_first_numbers() {
        let empty = FakeHost::default();
        let first = choose(&[], &empty).unwrap();
        assert_eq!(first, Numbers { index: 0, port_base: 51_820 });
        assert_eq!(choose(&[first], &empty).unwrap(), Numbers { index: 1, port_base: 51_852 });
    }

    #[test]
    fn what_others_have_is_passed_by() {
        let busy = busy(&["pt000", "pt1s", "pt2zz"], &[51_901]);
        assert_eq!(choose(&[], &busy).unwrap(), Numbers { index: 2, port_base: 51_916 });
        let shifted = Numbers { index: 0, port_base: 51_852 };
        let empty = FakeHost::default();
        assert_eq!(choose(&[shifted], &empty).unwrap(), Numbers { index: 1, port_base: 51_884 });
    }

    #[test]
    fn a_full_host_says_so() {
        let empty = FakeHost::default();
        let all: Vec<Numbers> = (0..36).map(|index| Numbers { index, port_base: 1024 }).collect();
        assert!(choose(&all, &empty).unwrap_err().message.contains("36 networks"));
    }
}
