//! The network that everything is tried in: four sites, of which `ams` is the one with the kernel.

/// One site. Those with two uplinks have `fiber`, the cheaper one, and `lte`.
pub struct Site {
    pub name: &'static str,
    pub labels: &'static [(&'static str, &'static str)],
    pub prefixes: &'static [&'static str],
    pub addresses: [&'static str; 2],
    pub uplinks: u8,
}

pub const OWN: &str = "ams";

pub const SITES: [Site; 4] = [
    Site {
        name: OWN,
        labels: &[("role", "hq"), ("land", "nl")],
        prefixes: &["10.1.0.0/16", "fd01::/48"],
        addresses: ["10.210.0.1", "fd00:210::1"],
        uplinks: 2,
    },
    Site {
        name: "fra",
        labels: &[("role", "branch"), ("land", "de")],
        prefixes: &["10.2.0.0/24", "10.2.1.0/24", "fd02::/48"],
        addresses: ["10.210.0.2", "fd00:210::2"],
        uplinks: 2,
    },
    Site {
        name: "lon",
        labels: &[("role", "branch"), ("land", "uk")],
        prefixes: &["10.3.0.0/16", "fd03::/48"],
        addresses: ["10.210.0.3", "fd00:210::3"],
        uplinks: 2,
    },
    Site {
        name: "nyc",
        labels: &[("land", "us")],
        prefixes: &["10.4.0.0/16"],
        addresses: ["10.210.0.4", "fd00:210::4"],
        uplinks: 1,
    },
];

/// The uplinks by index, each with the value of its label `kind`.
pub const UPLINKS: [(&str, &str); 2] = [("fiber", "wired"), ("lte", "radio")];

/// The host's own addresses on the side of its hosts.
pub const LAN: [&str; 2] = ["10.1.0.1", "fd01::1"];

/// The source port of probes.
pub const PROBE_PORT: u16 = 51_837;

/// The sites but for `ams`.
pub fn peers() -> impl Iterator<Item = &'static Site> {
    SITES.iter().filter(|site| site.name != OWN)
}
