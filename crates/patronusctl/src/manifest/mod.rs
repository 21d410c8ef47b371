//! Manifests: files, folders or stdin with documents of YAML or JSON, several per file. All faults of all documents are
//! told at once.

mod document;
mod position;
pub mod yaml;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use patronus_types::manifest::Manifest;

use crate::error::{CliError, Exit, Fault, Result};
use yaml::YamlFault;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A document and where it begins.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it says.
    pub manifest: Manifest,
    file: String,
    /// The line that it begins on, counted from 1.
    line: usize,
    /// The number of lines before `text`.
    before: usize,
    text: String,
}

impl Document {
    /// Where it begins: `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// A fault of a field, such as `uplinks.0.endpoint`: where that stands, or else where the document begins.
    pub fn fault(&self, field: &str, what: &str) -> Fault {
        let known = position::position(&self.text, field).filter(|_| !field.is_empty());
        let (line, column) = known.unwrap_or((self.line - self.before, 0));
        // The excerpt is found in the document, the line counts in the file.
        let Fault { what, excerpt, .. } =
            YamlFault { line, column, what: what.to_owned() }.placed(&self.file, &self.text);
        let place = match known {
            Some((line, column)) => format!("{}:{}:{column}", self.file, line + self.before),
            None => self.place(),
        };
        let place = if field.is_empty() { place } else { format!("{place} {field}") };
        Fault { place, what, excerpt }
    }
}

/// Reads everything that `-f` names.
///
/// # Errors
/// With every fault that was found.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        for file in files(path)? {
            let (name, text) = load(&file)?;
            read_text(&name, &text, &mut documents, &mut faults);
        }
    }
    if !faults.is_empty() {
        let what = if faults.len() == 1 {
            "a manifest does not hold".to_owned()
        } else {
            format!("{} manifests do not hold", faults.len())
        };
        return Err(CliError::new(Exit::Invalid, what).faults(faults));
    }
    if documents.is_empty() {
        return Err(CliError::usage("there is no document in what -f names"));
    }
    Ok(documents)
}

fn read_text(name: &str, text: &str, documents: &mut Vec<Document>, faults: &mut Vec<Fault>) {
    for (first, part) in split(text) {
        match document::read(&part) {
            Ok(None) => {}
            Ok(Some(manifest)) => {
                let blank = part.lines().take_while(|line| line.trim().is_empty() || line.starts_with('#')).count();
                let (file, line) = (name.to_owned(), first + blank + 1);
                documents.push(Document { manifest, file, line, before: first, text: part });
            }
            Err(fault) => faults.push(fault.shifted(first).placed(name, text)),
        }
    }
}

/// The documents of a file, each with the number of lines before it. `---` in the first column parts them, also within
/// block scalars: so YAML has it.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(0, String::new())];
    for (index, line) in text.lines().enumerate() {
        let marker = line.strip_prefix("---").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        match (marker, parts.last_mut()) {
            (Some(rest), _) if rest.trim().is_empty() || rest.trim().starts_with('#') => {
                parts.push((index + 1, String::new()))
            }
            // Content on the marker's own line keeps its column.
            (Some(rest), _) => parts.push((index, format!("   {rest}\n"))),
            (None, Some((_, part))) => {
                part.push_str(line);
                part.push('\n');
            }
            (None, None) => {}
        }
    }
    parts
}

/// The files that a path stands for: itself, or the manifests of a folder in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.as_os_str() == "-" || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error| CliError::new(Exit::Local, format!("{} cannot be read", path.display())).cause(error);
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(unreadable)?;
    let is_manifest =
        |path: &PathBuf| path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known));
    let mut files: Vec<PathBuf> = paths.into_iter().filter(|path| is_manifest(path) && path.is_file()).collect();
    files.sort();
    if files.is_empty() {
        return Err(CliError::usage(format!("{} holds no .yaml, .yml or .json file", path.display())));
    }
    Ok(files)
}

/// The name and text of a file, or of stdin.
pub fn load(path: &Path) -> Result<(String, String)> {
    let name = if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() };
    let unreadable = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::Usage } else { Exit::Local };
        CliError::new(exit, format!("{name} cannot be read")).cause(error)
    };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(CliError::new(Exit::Invalid, format!("{name} is larger than {LARGEST} bytes")));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| CliError::new(Exit::Invalid, format!("{name} is not text in UTF-8")))?;
    Ok((name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let (mut documents, mut faults) = (Vec::new(), Vec::new());
        read_text("net.yaml", text, &mut documents, &mut faults);
        faults.into_iter().map(|fault| format!("{}: {}", fault.place, fault.what)).collect()
    }

    #[test]
    fn all_documents_are_read_and_know_their_place() {
        let (mut documents, mut faults) = (Vec::new(), Vec::new());
        let text = "# lab\nkind: network\nname: lab\n---\nkind: site\nname: ams\n--- # next\n{\"kind\": \"site\", \"name\": \"fra\"}\n---\n";
        read_text("net.yaml", text, &mut documents, &mut faults);
        let places: Vec<String> = documents.iter().map(Document::place).collect();
        assert_eq!(places, ["net.yaml:2", "net.yaml:5", "net.yaml:8"]);
        assert!(faults.is_empty());
    }

    #[test]
    fn a_fault_that_the_server_finds_has_its_place() {
        let (mut documents, mut faults) = (Vec::new(), Vec::new());
        let text =
            "kind: network\nname: lab\n---\n# Amsterdam\nkind: site\nname: ams\nuplinks:\n  - name: a\n    cost: 7\n";
        read_text("net.yaml", text, &mut documents, &mut faults);
        let said = |field: &str| {
            let Fault { place, excerpt, .. } = documents[1].fault(field, "no");
            (place, excerpt.unwrap_or_default())
        };
        let cost = ("net.yaml:9:11 uplinks.0.cost".to_owned(), "    cost: 7\n          ^".to_owned());
        assert_eq!(said("uplinks.0.cost"), cost);
        assert_eq!(
            said("uplinks.0.gateway").0,
            "net.yaml:8:5 uplinks.0.gateway",
            "what is not there is where it belongs"
        );
        assert_eq!(said("via"), ("net.yaml:5 via".to_owned(), "kind: site".to_owned()));
        assert_eq!(said("").0, "net.yaml:5");
    }

    #[test]
    fn all_faults_are_told_at_once_with_line_and_column() {
        let text = "kind: network\nname: lab\nrnage: 10.0.0.0/8\n---\nkind: site\nname: ams\nname: fra\n---\nkind: sitee\n---\nname: x\n---\nkind: site\nname: bad_name\n";
        assert_eq!(
            faults(text),
            [
                "net.yaml:3:1: unknown field `rnage`: did you mean `range`?",
                "net.yaml:7:1: `name` is written twice",
                "net.yaml:9: unknown kind `sitee`: did you mean `site`?",
                "net.yaml:11: `kind` is missing: write `kind: network`, `kind: site` or `kind: policy`",
                "net.yaml:14:7: `bad_name` is not a name: use 1 to 63 of a-z, 0-9 and `-`, beginning with a letter or digit",
            ]
        );
    }

    #[test]
    fn a_fault_shows_its_line() {
        let (mut documents, mut faults) = (Vec::new(), Vec::new());
        read_text(
            "a.yaml",
            "kind: site\nname: ams\n---\nkind: site\nname: x\n colour: 1\n",
            &mut documents,
            &mut faults,
        );
        assert_eq!(documents.len(), 1);
        assert!(faults[0].place.starts_with("a.yaml:6"), "{}", faults[0].place);
        assert!(faults[0].excerpt.as_ref().unwrap().contains("colour: 1"));
    }
}
