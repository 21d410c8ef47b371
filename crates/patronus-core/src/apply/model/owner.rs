//! Whose a thing in the kernel is: the numbers and names of one network on this host.

use std::ops::RangeInclusive;

use patronus_types::NetworkId;

/// One network on this host. Two networks never share a number, so one can be removed without touching the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    index: u8,
    network: NetworkId,
}

impl Owner {
    /// The most networks on one host: the index is one base-36 digit.
    pub const MAX: u8 = 36;

    /// `index` is the network's number on this host, below [`Owner::MAX`]; none for a larger one.
    pub fn new(index: u8, network: NetworkId) -> Option<Self> {
        (index < Self::MAX).then_some(Self { index, network })
    }

    /// The network's number on this host.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// What each of the network's interfaces carries. Nothing without it is ever touched.
    pub fn alias(&self) -> String {
        format!("patronus:{}", self.network)
    }

    /// How the names of the network's interfaces begin.
    pub fn interface_prefix(&self) -> String {
        format!("pt{}", self.digit())
    }

    /// The interface of local uplink `local` and remote uplink `remote`.
    pub fn interface(&self, local: u8, remote: u8) -> String {
        format!("pt{}{local}{remote}", self.digit())
    }

    /// The local and the remote uplink of an interface; none of the spare one, and of what is not ours.
    pub fn uplinks_of(&self, interface: &str) -> Option<(u8, u8)> {
        let digits: Vec<char> = interface.strip_prefix(&self.interface_prefix())?.chars().collect();
        let &[local, remote] = digits.as_slice() else { return None };
        let uplink = |digit: char| u8::try_from(digit.to_digit(10)?).ok();
        Some((uplink(local)?, uplink(remote)?))
    }

    /// The spare interface, for what cannot be changed in place.
    pub fn spare_interface(&self) -> String {
        format!("pt{}s", self.digit())
    }

    /// The routing table of one uplink.
    pub fn uplink_table(&self, uplink: u8) -> u32 {
        20_300 + 4 * u32::from(self.index) + u32::from(uplink)
    }

    /// The routing tables of all four uplinks.
    pub fn uplink_tables(&self) -> RangeInclusive<u32> {
        self.uplink_table(0)..=self.uplink_table(3)
    }

    /// Priority of the rule that sends an uplink's source ports to its table.
    pub fn port_rule_priority(&self, uplink: u8) -> u32 {
        4_000 + 16 * u32::from(self.index) + u32::from(uplink)
    }

    /// Priority of the rule that sends an uplink's source address to its table.
    pub fn address_rule_priority(&self, uplink: u8) -> u32 {
        self.port_rule_priority(uplink) + 4
    }

    /// Priority of the rule that sends the spare tunnel's source port to an uplink's table.
    pub fn spare_rule_priority(&self) -> u32 {
        self.port_rule_priority(0) + 8
    }

    /// All priorities that the network's rules may have.
    pub fn rule_priorities(&self) -> RangeInclusive<u32> {
        self.port_rule_priority(0)..=self.port_rule_priority(0) + 15
    }

    /// The network's nft table, in family `inet`.
    pub fn nft_table(&self) -> String {
        format!("patronus-{}", self.digit())
    }

    fn digit(&self) -> char {
        char::from_digit(u32::from(self.index), 36).unwrap_or('0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(index: u8) -> Owner {
        Owner::new(index, NetworkId::new(1, &[0; 10])).unwrap()
    }

    #[test]
    fn numbers_follow_the_plan() {
        assert_eq!(owner(0).interface(1, 2), "pt012");
        assert_eq!(owner(35).spare_interface(), "ptzs");
        assert_eq!(owner(2).uplink_table(3), 20_311);
        assert_eq!(owner(2).rule_priorities(), 4_032..=4_047);
        assert_eq!(owner(1).address_rule_priority(2), 4_022);
        assert_eq!(Owner::new(36, NetworkId::new(1, &[0; 10])), None);
    }

    #[test]
    fn networks_share_no_table_and_no_priority() {
        for index in 1..Owner::MAX {
            assert!(owner(index - 1).uplink_tables().end() < owner(index).uplink_tables().start());
            assert!(owner(index - 1).rule_priorities().end() < owner(index).rule_priorities().start());
        }
    }
}
