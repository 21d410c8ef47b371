//! Completions, called as the shells' loaders call them.

use std::time::{Duration, Instant};

use crate::api::world;
use crate::fake::{Fake, Reply, nowhere};
use crate::program::{Home, Ran};

fn complete(home: &Home, line: &[&str]) -> Ran {
    let mut words = vec!["--", "patronusctl"];
    words.extend(line);
    let index = line.len().to_string();
    let mut command = home.command(&words);
    command.env("PATRONUSCTL_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_IFS", "\n");
    Ran::new(command.output().unwrap())
}

fn candidates(home: &Home, line: &[&str]) -> Vec<String> {
    let ran = complete(home, line);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn commands_flags_and_live_names_complete() {
    let server = world();
    let home = Home::at(&server.url);
    assert_eq!(candidates(&home, &["sit"]), ["site"]);
    assert_eq!(candidates(&home, &["site", "get", "a"]), ["ams"]);
    assert_eq!(candidates(&home, &["site", "get", ""]), ["ams", "fra"]);
    assert_eq!(candidates(&home, &["site", "rotate-key", "f"]), ["fra"]);
    assert_eq!(candidates(&home, &["network", "get", ""]), ["lab"]);
    assert_eq!(candidates(&home, &["bundle", "get", ""]), ["latest", "2", "1"]);
    assert_eq!(candidates(&home, &["bundle", "get", "2/"]), ["2/ams", "2/fra"]);
    assert_eq!(candidates(&home, &["site", "list", "-o", "js"]), ["json", "jsonl"]);
}

#[test]
fn flags_are_offered_where_they_are_begun_or_nothing_else_can_stand() {
    let server = world();
    let home = Home::at(&server.url);
    assert!(candidates(&home, &["site", ""]).iter().all(|word| !word.starts_with('-')));
    let flags = candidates(&home, &["site", "get", "--"]);
    assert!(flags.contains(&"--network".to_owned()), "{flags:?}");
    let alone = candidates(&home, &["site", "list", ""]);
    assert!(alone.contains(&"--status".to_owned()), "{alone:?}");
}

#[test]
fn help_completes_commands_and_topics() {
    let home = Home::bare();
    let all = candidates(&home, &["help", ""]);
    for word in ["site", "bundle", "exit-codes", "output"] {
        assert!(all.contains(&word.to_owned()), "{word}: {all:?}");
    }
    assert_eq!(candidates(&home, &["help", "ex"]), ["exit-codes"]);
    assert_eq!(candidates(&home, &["help", "bundle", "ro"]), ["rollback"]);
    assert!(!candidates(&home, &["help", "bundle", ""]).contains(&"exit-codes".to_owned()));
}

#[test]
fn the_context_on_the_line_counts_and_contexts_complete() {
    let server = world();
    let home = Home::bare();
    home.run(&format!("context set one --server {} --credential-file token", server.url));
    home.run("context set two --server http://127.0.0.1:1 --credential-file token");
    home.run("context use two");
    let token = home.write("token", "ptn_api_x");
    private(&token);
    assert_eq!(candidates(&home, &["--context", "o"]), ["one"]);
    assert_eq!(candidates(&home, &["--context", "one", "site", "get", ""]), ["ams", "fra"]);
    assert_eq!(names(&home, &["site", "get", ""]), [""; 0]);
}

/// Without a name to offer, flags are: these aside.
fn names(home: &Home, line: &[&str]) -> Vec<String> {
    candidates(home, line).into_iter().filter(|word| !word.starts_with('-')).collect()
}

pub fn private(path: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let _ = path;
}

#[test]
fn a_server_that_is_away_costs_no_time_and_no_words() {
    let silent = Fake::new(|_, _| Reply::Hang);
    for url in [nowhere(), silent.url.clone()] {
        let started = Instant::now();
        let home = Home::at(&url).with("PATRONUS_COMPLETE_TIMEOUT", "");
        assert!(names(&home, &["site", "get", ""]).is_empty());
        // A quarter of a second where nothing else runs; an ordinary call would wait for half a minute.
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

#[test]
fn names_that_were_listed_are_remembered() {
    let server = world();
    let home = Home::bare();
    private(&home.write("token", "ptn_api_x"));
    home.run(&format!("context set one --server {} --credential-file token", server.url));
    assert_eq!(home.run("site list -o name").code, 0);
    home.run(&format!("context set one --server {}", nowhere()));
    assert_eq!(candidates(&home, &["site", "get", ""]), ["ams", "fra"]);
}

#[test]
fn ordinary_calls_are_not_taken_for_completions() {
    let server = world();
    let home = Home::at(&server.url).with("COMPLETE", "bash").with("PATRONUSCTL_COMPLETE", "");
    assert_eq!(home.run("site list -o name").stdout, "site/ams\nsite/fra\n");
}

#[test]
fn every_loader_asks_the_installed_program() {
    let home = Home::bare();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let loader = home.run(&format!("completions {shell}"));
        assert!(loader.stdout.contains("PATRONUSCTL_COMPLETE"), "{shell}");
        let registration = Ran::new(home.command(&[]).env("PATRONUSCTL_COMPLETE", shell).output().unwrap());
        assert!(
            registration.code == 0 && registration.stdout.contains("patronusctl"),
            "{shell}: {}",
            registration.stderr
        );
    }
    let unknown = Ran::new(home.command(&[]).env("PATRONUSCTL_COMPLETE", "tcsh").output().unwrap());
    assert_eq!(unknown.code, 2);
}
