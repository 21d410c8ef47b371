//! A real, small file system for a test that fills it, in a mount namespace of its own.
//!
//! The test starts its own program again, with the name of an ignored test that does the work on that file system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::printed;

const MOUNTED: &str = "PATRONUS_TEST_FULL_FOLDER";

/// Runs the ignored test `name` of this program on a file system of `megabytes` that is mounted at `folder`.
/// Where there are no mount namespaces that is said aloud, and not accepted in CI.
///
/// # Panics
/// When the test fails or is not there.
pub fn run(folder: &Path, megabytes: u32, name: &str) {
    let script = r#"mount -t tmpfs -o "size=$1m,mode=700" none "$2" && shift 2 && exec "$@""#;
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", &megabytes.to_string()])
        .arg(folder);
    command.arg(std::env::current_exe().unwrap_or_default());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    let output = command.env(MOUNTED, folder).env("TMPDIR", folder).output();
    let why = match output {
        // A name that matches nothing is a success for the test program.
        Ok(output) if output.status.success() => {
            return assert!(printed(&output).contains("1 passed"), "{}", printed(&output));
        }
        Ok(output) if printed(&output).contains("running 1 test") => panic!("{}", printed(&output)),
        Ok(output) => printed(&output),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "no mount namespace: {why}");
    let note = format!("SKIPPED: the test of a full disk needs a mount namespace: {why}\n");
    std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).unwrap_or_default();
}

/// In the ignored test: where the small file system is; none where somebody else started it.
pub fn mounted() -> Option<PathBuf> {
    std::env::var_os(MOUNTED).filter(|folder: &OsString| !folder.is_empty()).map(PathBuf::from)
}
