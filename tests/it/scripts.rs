//! The scripts that people start: what they cannot do they say at once, and in words.

use std::process::{Command, Output};

use patronus_tests::{printed, root};

fn script(name: &str, words: &[&str]) -> std::io::Result<Output> {
    Command::new(root().join(name)).args(words).env("PATRONUS_DEMO_TUN", "/nonexistent").output()
}

#[test]
fn the_demo_refuses_an_unknown_word_before_it_builds() {
    let output = script("scripts/run-demo", &["--kep"]).unwrap();
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("'--kep' is not one of its words") && !said.contains("Building"), "{said}");
}

#[test]
fn a_machine_without_tunnels_is_told_what_it_lacks() {
    let output = script("scripts/demo", &["--check"]).unwrap();
    let said = printed(&output);
    // Where the kernel has WireGuard nothing is missing.
    let told = output.status.code() == Some(77) && (said.contains("modprobe") || said.contains("as root"));
    assert!(told || output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn only_a_lab_is_entered() {
    let lab = "tests/lab/netns-wan.sh";
    let mut stranger = Command::new("bash").args(["-c", "bash -c 'sleep 60; :'; :"]).spawn().unwrap();
    let id = stranger.id().to_string();
    for (words, code, expected) in [
        (&["-e", &id][..], 69, "is not a running netns-wan.sh"),
        (&["-e", "1"], 69, "process 1 is not a running netns-wan.sh"),
        (&["-e", "one"], 64, "'one' is no number"),
        (&["-e"], 64, "-e needs a value"),
        (&["-x"], 64, "-x is not one of its options"),
        (&[], 64, "it takes a command"),
    ] {
        let output = script(lab, words).unwrap();
        let said = printed(&output);
        assert!(output.status.code() == Some(code) && said.contains(expected), "{words:?}: {said}");
    }
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    for child in children.split_whitespace() {
        Command::new("kill").arg(child).status().unwrap();
    }
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
