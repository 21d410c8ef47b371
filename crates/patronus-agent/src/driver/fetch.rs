//! Downloading an archive into a file that outlives the agent, so that it goes on where it ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patronus_types::Digest;

use crate::control::{Control, ControlError, Sink};

/// A server that sends a byte now and then must not hold the agent for ever.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Downloads an archive. What an earlier try brought is not asked for again.
pub async fn fetch(control: Arc<dyn Control>, digest: Digest, path: PathBuf) -> Result<Vec<u8>, ControlError> {
    let kept =
        |error: io::Error| ControlError::Kept(format!("cannot keep the download in {}: {error}", path.display()));
    let mut partial = Partial::open(&path).map_err(kept)?;
    let download = control.bundle(digest, &mut partial);
    match tokio::time::timeout(PATIENCE, download).await {
        Ok(result) => result?,
        Err(_) => return Err(ControlError::Unreachable("the download takes more than ten minutes".to_owned())),
    }
    drop(partial);
    std::fs::read(&path).map_err(kept)
}

struct Partial {
    file: File,
    held: u64,
}

impl Partial {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let held = file.metadata()?.len();
        Ok(Self { file, held })
    }
}

impl Sink for Partial {
    fn held(&self) -> u64 {
        self.held
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.held += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.held = 0;
        Ok(())
    }
}
