//! Archives: from a server, checked against what was announced; from a file; to a file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use patronus_client::Client;
use patronus_core::archive::{Contents, Limits, read};
use patronus_types::api::MAX_ARCHIVE_BYTES;
use patronus_types::bundle::Bundle;

use super::about;
use crate::app::App;
use crate::cli::BundleRef;
use crate::error::{CliError, Exit, Result};
use crate::output::Progress;

/// A bundle with its archive, whose digest holds.
pub struct Fetched {
    /// What the release says.
    pub bundle: Bundle,
    /// The tar.gz.
    pub archive: Vec<u8>,
    /// What is in it.
    pub contents: Contents,
}

/// The bundles that a reference means: one site's, or all of the release.
pub async fn bundles(client: &Client, wanted: &BundleRef) -> Result<Vec<Bundle>> {
    let found = match &wanted.site {
        Some(site) => client.bundles().get(&wanted.version, &site.to_string()).await.map(|bundle| vec![bundle]),
        None => client.bundles().list(&wanted.version).all().await,
    };
    let found = found.map_err(|error| about(error, wanted))?;
    if found.is_empty() {
        return Err(CliError::new(Exit::NotFound, format!("release {} holds no bundle", wanted.version))
            .help("patronusctl bundle list"));
    }
    Ok(found)
}

/// Downloads one bundle and checks that it is what was announced.
pub async fn fetch(client: &Client, bundle: Bundle, progress: &mut Progress<'_>) -> Result<Fetched> {
    let mut archive = Vec::new();
    let (version, site) = (bundle.version.to_string(), bundle.site_id.to_string());
    let mut report = |held, total| progress.at(held, total, None);
    client.bundles().download(&version, &site, &mut archive, &mut report).await?;
    let name = format!("bundle/{}/{}", bundle.version, bundle.site);
    let contents = open(&archive, &name)?;
    if contents.hashes.digest != bundle.digest {
        let error = CliError::new(Exit::Failed, "the archive is not what the release says").about("object", name);
        return Err(error.cause(format!("its digest is {}, not {}", contents.hashes.digest, bundle.digest)));
    }
    Ok(Fetched { bundle, archive, contents })
}

/// Downloads every bundle that a reference means, and shows how far it is.
pub fn fetch_all(app: &App, wanted: &BundleRef) -> Result<Vec<Fetched>> {
    let client = app.client()?;
    let mut progress = app.out.transfer("downloading");
    let fetched = app.run(async {
        let mut fetched = Vec::new();
        for bundle in bundles(&client, wanted).await? {
            fetched.push(fetch(&client, bundle, &mut progress).await?);
        }
        Ok(fetched)
    });
    progress.clear();
    fetched
}

/// Opens an archive by the rules that agents have.
pub fn open(archive: &[u8], name: &str) -> Result<Contents> {
    read(archive, &Limits::DEFAULT)
        .map_err(|error| CliError::new(Exit::Invalid, "the archive does not hold").about("object", name).cause(error))
}

/// Reads an archive from a file, or from stdin.
pub fn load(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::Usage } else { Exit::Local };
        CliError::new(exit, format!("{} cannot be read", path.display())).cause(error)
    };
    let limit = u64::try_from(MAX_ARCHIVE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() > MAX_ARCHIVE_BYTES {
        return Err(CliError::new(
            Exit::Invalid,
            format!("{} is larger than {MAX_ARCHIVE_BYTES} bytes", path.display()),
        ));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all.
pub fn save(path: &Path, bytes: &[u8]) -> Result {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    let written = std::fs::create_dir_all(&folder).and_then(|()| crate::config::write_private(path, bytes));
    written.map_err(|error| CliError::new(Exit::Output, format!("{} cannot be written", path.display())).cause(error))
}
