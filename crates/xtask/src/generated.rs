//! The files that are made from the code, and whether those in the tree are the same.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use patronus_types::api::openapi;
use patronusctl::docs;

/// Folders that hold nothing but generated files.
const WHOLE: &[&str] = &["completions", "man", "docs/api"];

/// Every generated file by its path.
pub fn files() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for (name, text) in docs::loaders() {
        files.insert(format!("completions/{name}"), text.as_bytes().to_vec());
    }
    for (name, page) in docs::man_pages() {
        files.insert(format!("man/{name}"), page);
    }
    for (name, page) in crate::man::pages() {
        files.insert(format!("man/{name}"), page);
    }
    let document = serde_yaml::to_string(&openapi::document()).context("the OpenAPI document cannot be written")?;
    let head = "# Made by `cargo xtask gen` from the route table and the types.\n";
    files.insert("docs/api/openapi.yaml".to_owned(), format!("{head}{document}").into_bytes());
    files.insert("docs/cli.md".to_owned(), docs::reference().into_bytes());
    Ok(files)
}

/// Writes what differs and removes what is no more; tells how many files that were.
pub fn write(root: &Path) -> Result<usize> {
    let files = files()?;
    let mut changed = 0;
    for path in leftovers(root, &files)? {
        std::fs::remove_file(root.join(&path)).with_context(|| format!("{path} cannot be removed"))?;
        changed += 1;
    }
    for (path, bytes) in &files {
        let target = root.join(path);
        if std::fs::read(&target).is_ok_and(|there| there == *bytes) {
            continue;
        }
        let folder = target.parent().context("a file is in a folder")?;
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&target, bytes))
            .with_context(|| format!("{path} cannot be written"))?;
        changed += 1;
    }
    Ok(changed)
}

/// What is not as the code says.
pub fn stale(root: &Path) -> Result<Vec<String>> {
    let files = files()?;
    let differs =
        |(path, bytes): &(&String, &Vec<u8>)| !std::fs::read(root.join(path)).is_ok_and(|there| there == **bytes);
    let stale =
        files.iter().filter(differs).map(|(path, _)| format!("{path} is stale: run `cargo xtask gen` and commit it"));
    let leftovers = leftovers(root, &files)?;
    let leftovers =
        leftovers.into_iter().map(|path| format!("{path} is not made any more: run `cargo xtask gen` and commit it"));
    Ok(stale.chain(leftovers).collect())
}

fn leftovers(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in WHOLE {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let path = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !files.contains_key(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_is_not_stale_and_what_was_touched_is() {
        let folder = tempfile::tempdir().unwrap();
        let count = files().unwrap().len();
        assert_eq!(write(folder.path()).unwrap(), count);
        assert_eq!((write(folder.path()).unwrap(), stale(folder.path()).unwrap().len()), (0, 0));
        std::fs::write(folder.path().join("man/patronusctl.1"), "old").unwrap();
        std::fs::write(folder.path().join("man/gone.1"), "old").unwrap();
        let faults = stale(folder.path()).unwrap();
        assert!(
            faults[0].starts_with("man/patronusctl.1 is stale") && faults[1].starts_with("man/gone.1 is not made"),
            "{faults:?}"
        );
    }
}
