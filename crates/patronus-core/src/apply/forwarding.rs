//! Whether the host passes on what a site is there for. The agent only looks: a router's settings are its owner's.

use patronus_types::bundle::Content;

use super::model::Family;

/// What the host does not forward although the site should, in words; `forwards` says what it does.
pub fn not_forwarded(content: &Content, forwards: impl Fn(Family) -> bool) -> Vec<String> {
    let wanted = [
        (Family::V4, content.forwards.ipv4, "IPv4", "net.ipv4.ip_forward"),
        (Family::V6, content.forwards.ipv6, "IPv6", "net.ipv6.conf.all.forwarding"),
    ];
    let missing = wanted.into_iter().filter(|&(family, wanted, ..)| wanted && !forwards(family));
    let say = |(_, _, name, setting)| {
        format!(
            "this host does not forward {name}, so hosts behind this site reach no other site and are not reached: \
             sysctl -w {setting}=1 (and the same in a file of /etc/sysctl.d, for the next start)"
        )
    };
    missing.map(say).collect()
}

#[cfg(test)]
mod tests {
    use patronus_types::bundle::Forwards;

    use super::*;

    #[test]
    fn only_what_is_wanted_and_not_there_is_told() {
        let compiled = crate::mesh::compile(&crate::mesh::tests::sample::sites(2)).unwrap();
        let mut content = crate::mesh::content(&compiled.sites[0].tar.to_vec()).unwrap();
        assert_eq!(content.forwards, Forwards { ipv4: true, ipv6: false }, "there is an IPv4 prefix behind it");
        assert!(not_forwarded(&content, |_| true).is_empty());
        let told = not_forwarded(&content, |_| false);
        assert!(told.len() == 1 && told[0].contains("sysctl -w net.ipv4.ip_forward=1"), "{told:?}");
        content.forwards = Forwards { ipv4: true, ipv6: true };
        let told = not_forwarded(&content, |family| family == Family::V4);
        assert!(told.len() == 1 && told[0].contains("sysctl -w net.ipv6.conf.all.forwarding=1"), "{told:?}");
        content.forwards = Forwards::default();
        assert!(not_forwarded(&content, |_| false).is_empty());
    }
}
