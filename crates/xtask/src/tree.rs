//! The files that belong to the project: what git knows, or everything but what is built.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

/// Paths relative to the root, sorted.
pub fn files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output();
    let mut files = match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // A file that was removed but not committed is still listed.
            text.split('\0').filter(|path| !path.is_empty() && root.join(path).is_file()).map(str::to_owned).collect()
        }
        _ => walk(root, "")?,
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, folder: &str) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if path == "target" || path == ".git" {
            continue;
        }
        match entry.file_type()? {
            kind if kind.is_dir() => files.extend(walk(root, &path)?),
            kind if kind.is_file() => files.push(path),
            _ => {}
        }
    }
    if folder.is_empty() && files.is_empty() {
        bail!("there are no files");
    }
    Ok(files)
}
