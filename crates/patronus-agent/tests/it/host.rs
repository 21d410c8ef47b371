//! What is read of the host's own links, and news of them.

use std::time::Duration;

use patronus_agent::effects::sysctl::Setting;
use patronus_agent::effects::{Device as _, Error, News, Watch};

use crate::lab::{device, is_root, pair, tunnelled_pair};

#[test]
fn an_uplink_is_read() {
    if !is_root() {
        return;
    }
    let (one, _two) = tunnelled_pair();
    one.namespace.sh("ip link set wan mtu 1400 && ip route add default via 192.0.2.2 metric 5 && ip -6 route add default via 2001:db8::2");
    let (link, links, none) = one.namespace.run(|| async {
        let device = device();
        (
            device.host_link("wan").await.unwrap(),
            device.host_links().await.unwrap(),
            device.host_link("nope").await.unwrap(),
        )
    });
    let link = link.unwrap();
    assert!(link.running);
    assert_eq!(link.mtu, 1400);
    assert_eq!(link.gateway("0.0.0.0".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
    assert_eq!(link.gateway("::".parse().unwrap()), Some("2001:db8::2".parse().unwrap()));
    assert_eq!(link.addresses.len(), 3);
    assert!(
        link.routes.iter().any(|route| route.destination == "192.0.2.0/24".parse().unwrap() && route.gateway.is_none())
    );
    assert_eq!(links.keys().collect::<Vec<_>>(), ["lo", "wan"]);
    assert_eq!(links["wan"], link);
    assert_eq!(none, None);
}

#[test]
fn news_are_told_and_joined() {
    if !is_root() {
        return;
    }
    let (one, _two) = pair();
    // Else the kernel adds routes of its own when it has made sure of the link-local address, a second or two later.
    one.namespace.sh("echo 1 >/proc/sys/net/ipv6/conf/wan/disable_ipv6");
    one.namespace.run(|| async {
        let mut watch = Watch::new().unwrap();
        let sh = |command: &str| {
            assert!(std::process::Command::new("bash").args(["-c", command]).status().unwrap().success())
        };
        sh("ip addr add 203.0.113.1/24 dev wan; ip addr add 203.0.113.2/24 dev wan; ip route add 10.99.0.0/16 dev wan");
        let mut seen = (false, false);
        while seen != (true, true) {
            let news = tokio::time::timeout(Duration::from_secs(5), watch.news()).await.unwrap().unwrap();
            seen = (seen.0 || news.addresses, seen.1 || news.routes);
        }
        sh("ip route add 10.98.0.0/16 dev wan proto 80; ip link set wan mtu 1400");
        let mut seen = News::default();
        while !seen.links {
            let news = tokio::time::timeout(Duration::from_secs(5), watch.news()).await.unwrap().unwrap();
            seen = News { links: news.links, routes: seen.routes || news.routes, ..seen };
        }
        assert!(!seen.routes, "our own routes are no news: {seen:?}");
    });
}

#[test]
fn a_setting_tells_what_it_was() {
    if !is_root() {
        return;
    }
    let (one, _two) = pair();
    one.namespace.run(|| async {
        let device = device();
        let path = Setting::ArpIgnore("wan".to_owned()).path().unwrap();
        assert_eq!(device.set_sysctl(&path, "1").await.unwrap(), Some("0".to_owned()));
        assert_eq!(device.set_sysctl(&path, "1").await.unwrap(), None);
        let observed = device.observe(&crate::lab::owner()).await.unwrap();
        assert_eq!(observed.sysctls[&path], "1");
        assert!(matches!(device.set_sysctl("kernel/hostname", "x").await, Err(Error::ForeignSetting(_))));
    });
}
