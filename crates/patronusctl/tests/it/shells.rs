//! Completions in the shells themselves: the loader lies where each shell looks for it, and TAB is pressed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::api::world;
use crate::complete::private;
use crate::program::{Home, Ran, TOKEN};

/// What is typed, and what is offered. Both are whole words: what stands before them stays.
const LINES: &[(&str, &[&str])] = &[
    ("patronusctl si", &["site"]),
    ("patronusctl site desc", &["describe"]),
    ("patronusctl site list --no-h", &["--no-headers"]),
    ("patronusctl site list -o js", &["json", "jsonl"]),
    ("patronusctl site list --output=js", &["--output=json", "--output=jsonl"]),
    ("patronusctl site list --color=", &["--color=auto", "--color=always", "--color=never"]),
    ("patronusctl --server http://127.0.0.1:1 --server=https://x site desc", &["describe"]),
    ("patronusctl --timeout=3s site get a", &["ams"]),
    ("patronusctl --sort-by name:desc site get f", &["fra"]),
    ("patronusctl bundle get 2/", &["2/ams", "2/fra"]),
    ("patronusctl site get ", &["ams", "fra"]),
    ("patronusctl help exit", &["exit-codes"]),
    ("patronusctl help bundle roll", &["rollback"]),
    ("patronusctl frob", &[]),
];

#[test]
fn bash_completes() {
    if there("bash", &[program("bash"), program("python3"), Some("/usr/share/bash-completion/bash_completion".into())])
    {
        let home = completing("bash", ".local/share/bash-completion/completions/patronusctl.bash");
        // Readline keeps what stands before the last `=`.
        interactive(&home, "bash", |word| word.rsplit('=').next().unwrap_or(word));
    }
}

#[test]
fn zsh_completes() {
    if there("zsh", &[program("zsh"), program("python3")]) {
        interactive(&completing("zsh", "loaders/_patronusctl"), "zsh", |word| word);
    }
}

#[test]
fn fish_completes() {
    if !there("fish", &[program("fish")]) {
        return;
    }
    let home = completing("fish", ".config/fish/completions/patronusctl.fish");
    for (line, offered) in LINES {
        let ran = with_path(&home, Command::new("fish").args(["-c", &format!("complete -C '{line}'")]));
        let words: Vec<&str> = ran.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
        assert_eq!((words.as_slice(), ran.code), (*offered, 0), "{line}: {}", ran.stderr);
    }
}

/// Presses TAB, so to say, and compares the line that becomes of it.
fn interactive(home: &Home, shell: &str, inserted: fn(&str) -> &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/shells/press_tab.py");
    let ran = with_path(home, Command::new("python3").arg(script).arg(shell).args(LINES.iter().map(|(line, _)| line)));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let expected: Vec<String> = LINES.iter().map(|(line, offered)| completed(line, offered, inserted)).collect();
    assert_eq!(lines, expected);
}

fn completed(line: &str, offered: &[&str], inserted: fn(&str) -> &str) -> String {
    if offered.is_empty() {
        return line.to_owned();
    }
    let kept = line.rfind(' ').map_or(0, |space| space + 1);
    let first = offered.first().copied().unwrap_or_default();
    let stays = first.len() - inserted(first).len();
    let words: Vec<&str> = offered.iter().map(|word| inserted(word)).collect();
    format!("{}{}{}", &line[..kept], &first[..stays], words.join(" "))
}

/// A home with the loader, and with names that were just listed: no server is asked in a hurry.
fn completing(shell: &str, loader: &str) -> Home {
    let server = world();
    let home = Home::bare();
    private(&home.write("token", TOKEN));
    home.run(&format!("context set lab --server {} --credential-file token", server.url));
    home.run("context use lab");
    assert_eq!(home.run("site list -o name").code, 0);
    let text = home.run(&format!("completions {shell}")).stdout;
    home.write(loader, &text);
    home
}

fn with_path(home: &Home, command: &mut Command) -> Ran {
    let own = Path::new(env!("CARGO_BIN_EXE_patronusctl")).parent().unwrap();
    let path = std::env::join_paths([own.to_path_buf()].into_iter().chain(folders())).unwrap();
    Ran::new(home.dress(command).env("PATH", path).env("TERM", "dumb").output().unwrap())
}

fn folders() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

fn program(name: &str) -> Option<PathBuf> {
    folders().into_iter().map(|folder| folder.join(name)).find(|path| path.exists())
}

/// Whether everything is there; says aloud what is not tested, or fails where that must not be.
fn there(what: &str, needed: &[Option<PathBuf>]) -> bool {
    let there = needed.iter().all(|path| path.as_ref().is_some_and(|path| path.exists()));
    if !there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is not installed: run scripts/setup test");
        eprintln!("SKIPPED: {what} is not installed (scripts/setup test)");
    }
    there
}
