//! Runs Patronus for real: the programs as they are built, in the namespaces of `tests/lab`, with real tunnels.
//!
//! A scenario is a script in `tests/scenarios` whose second line says which lab it wants; `tests/it/scenarios.rs` names
//! each as a test. They take turns: two labs at once would not disturb each other's networks, but each other's clocks.
#![allow(clippy::panic, reason = "a test harness fails by panicking")]

pub mod small_disk;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

static TURN: Mutex<()> = Mutex::new(());

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder that the programs were built in: that of the running test, without `deps`.
///
/// # Panics
/// When a program is missing, with the command that builds it.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let folder = test.ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default();
    for program in ["patronus-server", "patronus-agent", "patronusctl", "forge"] {
        let path = folder.join(program);
        assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    }
    folder
}

/// Why tunnels cannot be tried on this machine, as `scripts/test` found out; `None` where they can.
fn obstacle() -> Option<String> {
    std::env::var("PATRONUS_NO_NAMESPACES").ok().filter(|reason| !reason.is_empty())
}

fn say_not_run(name: &str, reason: &str) {
    say(&format!("NOT RUN: {name}: {reason}\n"));
}

/// Past what holds back the output of tests.
pub fn say(note: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).unwrap_or_default();
}

/// Whether a test of the kernel can run here; `also` is a reason against it that it found out itself. That it cannot is
/// said aloud, and not accepted in CI.
///
/// # Panics
/// When it cannot, in CI.
pub fn can_run(name: &str, also: Option<String>) -> bool {
    let Some(reason) = obstacle().or(also) else { return true };
    assert!(std::env::var_os("CI").is_none(), "{name} cannot run: {reason}");
    say_not_run(name, &reason);
    false
}

/// Runs a script of `tests/scenarios` in its lab, with more environment.
/// `None` where this machine has no namespaces; that is said aloud, and not accepted in CI.
///
/// # Panics
/// When the script is missing, or when there are no namespaces in CI.
pub fn scenario(name: &str, environment: &[(&str, &str)]) -> Option<Output> {
    if !can_run(&format!("scenario {name}"), None) {
        return None;
    }
    let programs = programs();
    let script = root().join("tests/scenarios").join(format!("{name}.sh"));
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new("bash")
        .arg(script)
        .env("PATRONUS_BIN", programs)
        .envs(environment.iter().copied())
        .stdin(std::process::Stdio::null())
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) => panic!("scenario {name} cannot be started: {error}"),
    }
}

/// Runs a scenario that must succeed; gives its output, if it could run here.
///
/// # Panics
/// With everything the scenario printed, when it fails.
fn success(name: &str) -> Option<Output> {
    let output = scenario(name, &[])?;
    assert!(output.status.success(), "scenario {name}: {}\n{}", output.status, printed(&output));
    Some(output)
}

/// Runs a scenario that must succeed.
///
/// # Panics
/// With everything the scenario printed, when it fails.
pub fn passes(name: &str) {
    success(name);
}

/// Runs a scenario that must succeed and is about the kernel's own WireGuard. Where this kernel has none that is said
/// aloud, and accepted in CI too: `make test-kernel` runs it in any case.
///
/// # Panics
/// With everything the scenario printed, when it fails.
pub fn passes_with_kernel(name: &str) {
    if obstacle().is_some() || kernel_has_wireguard() {
        passes(name);
    } else {
        say_not_run(&format!("scenario {name}"), "this kernel has no WireGuard; make test-kernel brings one that has");
    }
}

fn kernel_has_wireguard() -> bool {
    let lab = root().join("tests/lab/netns-wan.sh");
    let tried = Command::new(lab).args("-u 1 -- ip link add wg0 type wireguard".split(' ')).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Runs a scenario that must succeed, and says aloud what it found out.
///
/// # Panics
/// With everything the scenario printed, when it fails.
pub fn tells(name: &str) {
    let Some(output) = success(name) else { return };
    say(&String::from_utf8_lossy(&output.stdout));
}

/// What a program printed.
pub fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
