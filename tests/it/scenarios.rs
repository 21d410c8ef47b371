//! The scripts of `tests/scenarios`, each a test.

use patronus_tests::{passes, passes_with_kernel, printed, root, scenario, tells};

macro_rules! scenarios {
    ($names:ident, $how:ident: $($(#[doc = $doc:literal])+ $test:ident: $name:literal;)*) => {
        const $names: &[&str] = &[$($name),*];
        $($(#[doc = $doc])+ #[test] fn $test() { $how($name); })*
    };
}

scenarios! {
    NAMES, passes:
    /// The story of the README, judged by wg, ip and ping.
    demo: "demo";
    /// The commands of the documents, as they stand there.
    getting_started: "getting-started";
    /// A hub, a spoke, and a spoke behind NAT.
    hub_spoke: "hub-spoke";
    /// One agent in two networks.
    two_networks: "two-networks";
    /// minisign and wg-quick in the hands of a person.
    by_hand: "by-hand";
    /// An operator's own WireGuard configuration.
    upload: "upload";
    /// Nothing foreign is touched, no foreign program is run.
    foreign: "foreign";
    /// A change that cuts sites off, undone by the sites.
    proof: "proof";
    /// Whoever is at a site has the last word, and the server can hold one.
    local: "local";
    /// A site's keys, replaced under traffic.
    key_rotation: "key-rotation";
    /// A site that goes back in the middle of that.
    going_back: "going-back";
    /// A server from before keys were replaced.
    restored: "restored";
    /// A site whose agent is away while keys are replaced.
    silent_site: "silent-site";
    /// What an operator declares must answer, or the sites go back.
    probes: "probes";
    /// A login in the keyring or a file, renewed by many programs at once.
    login: "login";
}

scenarios! {
    WITH_KERNEL, passes_with_kernel:
    /// Tunnels that run, moved from userspace to the kernel and back.
    driver: "driver";
}

// What these find out is printed.
scenarios! {
    TOLD, tells:
    /// Broken bundles, with the server up and with it down.
    faults: "faults";
    /// The agent is killed wherever it says that it is.
    crashes: "crashes";
    /// Changes under traffic, and what others lose by the same.
    stream: "stream";
    /// A black hole, carrier up, server stopped.
    failover: "failover";
    /// What is measured, as people see it.
    paths: "paths";
    /// Policies, counted where packets leave.
    policies: "policies";
    /// Random changes, and what the kernel holds after each.
    random: "random";
}

#[test]
fn every_script_is_named_here() {
    let mut files: Vec<String> = std::fs::read_dir(root().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sh"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut names = [NAMES, WITH_KERNEL, TOLD].concat();
    names.sort_unstable();
    assert_eq!(files, names);
}

/// The demo's judges see a tunnel that is restarted when it need not be.
#[test]
fn the_demo_fails_when_a_tunnel_is_restarted() {
    let Some(output) = scenario("demo", &[("PATRONUS_DEMO_RESTART_A_TUNNEL", "1")]) else { return };
    let said = printed(&output);
    assert!(!output.status.success(), "the demo must fail:\n{said}");
    assert!(said.contains("were lost while") || said.contains("a tunnel was restarted"), "{said}");
}
