//! Checks that no compiler does.

use std::path::Path;

use anyhow::Result;

use crate::{generated, tree};

/// What may stand at the top, beside files that begin with a dot.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "completions",
    "crates",
    "docs",
    "examples",
    "man",
    "scripts",
    "tests",
];

/// Packages that must not come in: a second TLS stack, a C library to be installed, an open advisory.
const UNWANTED: &[&str] =
    &["aws-lc-rs", "aws-lc-sys", "libdbus-sys", "native-tls", "openssl-sys", "rsa", "rustls-pemfile"];

/// The longest a source file may be, in lines. Longer ones hide what they do.
const LONGEST: usize = 500;

/// Everything that is not as it should be, a line each.
pub fn faults(root: &Path) -> Result<Vec<String>> {
    let files = tree::files(root)?;
    let mut faults = generated::stale(root)?;
    faults.extend(layout(&files));
    faults.extend(packages(&std::fs::read_to_string(root.join("Cargo.lock"))?));
    for file in &files {
        // What is not text holds no path that anybody reads.
        if let Ok(text) = std::fs::read_to_string(root.join(file)) {
            faults.extend(contents(file, &text));
        }
    }
    Ok(faults)
}

fn layout(files: &[String]) -> Vec<String> {
    let mut tops: Vec<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    tops.dedup();
    let strange = tops.into_iter().filter(|top| !top.starts_with('.') && !TOP.contains(top));
    strange.map(|top| format!("{top} does not belong at the top: see docs/architecture.md")).collect()
}

fn packages(lock: &str) -> Vec<String> {
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let unwanted = names.filter(|name| UNWANTED.contains(name));
    unwanted.map(|name| format!("Cargo.lock: {name} came in: `cargo tree -i {name}` says by what")).collect()
}

fn contents(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if file.ends_with(".rs") && text.lines().count() > LONGEST {
        faults.push(format!("{file}: longer than {LONGEST} lines: part it"));
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(path) = machine_path(line) {
            faults.push(format!("{file}:{}: names a path of somebody's machine ({path}…)", index + 1));
        }
    }
    faults
}

/// A path that only exists where somebody worked.
fn machine_path(line: &str) -> Option<String> {
    // Put together here, so that this file does not name them either.
    let forbidden =
        [("/wo", "rk/"), ("/root", "/."), ("/home", "/user"), ("/Use", "rs/"), ("/tmp", "/target-"), ("../sha", "red")];
    let found = forbidden.into_iter().map(|(first, second)| format!("{first}{second}"));
    found.into_iter().find(|path| line.contains(path.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_at_the_top_are_named() {
        let files = ["Cargo.toml", ".gitignore", "crates/a/src/lib.rs", "notes.txt"].map(str::to_owned);
        let faults = layout(&files);
        assert!(faults.len() == 1 && faults[0].starts_with("notes.txt"), "{faults:?}");
    }

    #[test]
    fn unwanted_packages_are_found_by_their_whole_name() {
        assert!(packages("name = \"rsa-like\"\n").is_empty());
        assert_eq!(packages("name = \"rsa\"\n").len(), 1);
    }

    #[test]
    fn machine_paths_and_giants_are_found() {
        let line = format!("see {}{}main", "/wo", "rk/");
        assert_eq!(contents("a.md", &line).len(), 1);
        assert!(contents("a.md", "worktree/work-in-progress").is_empty());
        assert_eq!(contents("a.rs", &"\n".repeat(501)).len(), 1);
    }
}
