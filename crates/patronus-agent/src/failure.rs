//! What a command ends with when it did not do its work: words, a next step, and an exit code.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The exit codes of `patronus-agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It failed.
    Failed = 1,
    /// It was called wrongly.
    Usage = 2,
    /// This host is in no network, or not in the one that was named.
    NotEnrolled = 3,
    /// No server could be reached, or it is not the one that was promised.
    Unreachable = 13,
    /// The state folder or the configuration cannot be read or written.
    State = 17,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::NotEnrolled => Self::from(3),
            Exit::Unreachable => Self::from(13),
            Exit::State => Self::from(17),
        }
    }
}

/// A command's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Failure {
    /// A failure in words.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None }
    }

    /// The same with what to do next.
    pub fn help(self, help: impl fmt::Display) -> Self {
        Self { help: Some(help.to_string()), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl From<crate::effects::Error> for Failure {
    fn from(error: crate::effects::Error) -> Self {
        let exit = match &error {
            crate::effects::Error::File { .. } => Exit::State,
            _ => Exit::Failed,
        };
        let help = match &error {
            crate::effects::Error::File { path, source, .. } => file_help(path, source),
            _ => None,
        };
        Self { help, ..Self::new(exit, error) }
    }
}

/// What to do where a file may not be read or written: whose it is decides.
pub fn denied(path: &Path) -> String {
    let owner = path.ancestors().find_map(|path| std::fs::metadata(path).ok()).map(|metadata| metadata.uid());
    let user = rustix::process::geteuid().as_raw();
    match owner {
        Some(owner) if owner == user => {
            format!("see who may do what there: ls -ld {}", path.display())
        }
        None | Some(0) => "this is root's: run the same command with sudo".to_owned(),
        Some(owner) => format!("this is another user's: run the same command as user {owner}, or with sudo"),
    }
}

fn file_help(path: &Path, source: &std::io::Error) -> Option<String> {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => Some(format!(
            "{}; an agent that runs as another user needs a state folder that is all that user's",
            denied(path)
        )),
        std::io::ErrorKind::StorageFull => Some("free some space on the disk; nothing was lost".to_owned()),
        std::io::ErrorKind::ReadOnlyFilesystem => Some("name a folder that can be written with --state DIR".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_is_decides_what_to_do() {
        let own = tempfile::tempdir().unwrap();
        assert!(denied(&own.path().join("a/b")).starts_with("see who may do what there: ls -ld "));
        // Only root can give a folder away.
        if std::os::unix::fs::chown(own.path(), Some(12_345), None).is_ok() {
            assert!(denied(&own.path().join("a/b")).contains("as user 12345"));
        }
        if !rustix::process::geteuid().is_root() {
            assert!(denied(Path::new("/nonexistent/a")).contains("with sudo"));
        }
    }
}
