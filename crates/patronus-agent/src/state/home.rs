//! One network's folder.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use patronus_core::digest::sha256;
use patronus_core::signature::VerifyingKey;
use patronus_types::Digest;
use patronus_types::bundle::{CONTENT_FILE, Content};

use super::{
    Classes, CondemnedList, Earlier, Identity, Journal, Orders, Progress, Release, Result, Snapshot, StateError,
    Versions, read_json, write_json,
};
use crate::effects::{self, disk};
use crate::failpoint;

pub(super) const IDENTITY: &str = "identity.json";
const BUNDLES: &str = "bundles";
const CURRENT: &str = "current";
const PREVIOUS: &str = "previous";
const RELEASE: &str = "release.json";
const VERSIONS: &str = "versions.json";
const DAMAGED_VERSIONS: &str = "versions.json.damaged";
const JOURNAL: &str = "apply.json";
const SNAPSHOT: &str = "snapshot.json";
const CONDEMNED: &str = "condemned.json";
const ORDERS: &str = "orders.json";
const PROGRESS: &str = "progress.json";
const EARLIER: &str = "earlier.json";
/// Beside the networks' folders.
const CLASSES: &str = "classes.json";
/// How the names begin under which files are written before they get their own.
const UNFINISHED: &str = ".new-";
const PARTIAL: &str = ".download-";

/// The folder of one network.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folders of the host's other networks.
    pub fn siblings(&self) -> Vec<Self> {
        let Some(all) = self.path.parent() else { return Vec::new() };
        let entries = fs::read_dir(all).into_iter().flatten().flatten();
        let networks = entries.filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.parse::<patronus_types::NetworkId>().is_ok())
        });
        networks.map(|entry| Self::new(entry.path())).filter(|other| other.path != self.path).collect()
    }

    /// Who this host is in the network.
    pub fn identity(&self) -> Result<Identity> {
        let path = self.path.join(IDENTITY);
        let corrupt = |why: &str| StateError::Corrupt { path: path.clone(), why: why.to_owned() };
        let identity: Identity = read_json(&path)?.ok_or_else(|| corrupt("the file is missing"))?;
        match identity.fault() {
            Some(why) => Err(corrupt(why)),
            None => Ok(identity),
        }
    }

    /// Records who this host is, before anybody hears of a new key.
    pub fn save_identity(&self, identity: &Identity) -> Result<()> {
        write_json(&self.path.join(IDENTITY), identity)
    }

    /// The highest accepted versions; none where the file is missing.
    pub fn versions(&self) -> Result<Option<Versions>> {
        read_json(&self.path.join(VERSIONS))
    }

    /// Records accepted versions, before anything is done for them.
    pub fn save_versions(&self, versions: &Versions) -> Result<()> {
        write_json(&self.path.join(VERSIONS), versions)
    }

    /// What the bundles on the disk say of accepted versions, for when the file is missing or cannot be read. Only what one of the keys
    /// signed counts.
    pub fn versions_of_bundles(&self, keys: &[VerifyingKey]) -> Versions {
        let mut versions = Versions::default();
        for digest in self.kept() {
            let Ok(Some(release)) = read_json::<Release>(&self.bundle(digest).join(RELEASE)) else { continue };
            if let Some((key, statement)) = release.signed_by(keys) {
                versions.restore(key, &statement);
            }
        }
        versions
    }

    /// Puts versions in the place of a file that cannot be read, which is kept beside it.
    pub fn replace_versions(&self, versions: &Versions) -> Result<()> {
        let _ = fs::rename(self.path.join(VERSIONS), self.path.join(DAMAGED_VERSIONS));
        self.save_versions(versions)
    }

    /// The numbers of classes of traffic on this host.
    pub fn classes(&self) -> Classes {
        Classes::new(self.path.parent().unwrap_or(&self.path).join(CLASSES))
    }

    /// The host's own settings from before they were changed.
    pub fn earlier(&self) -> Earlier {
        Earlier::new(self.path.join(EARLIER))
    }

    /// What was remembered of the past. Rubbish is nothing: it is only for reports.
    pub fn progress(&self) -> Progress {
        read_json(&self.path.join(PROGRESS)).ok().flatten().unwrap_or_default()
    }

    /// Remembers it.
    pub fn save_progress(&self, progress: &Progress) -> Result<()> {
        write_json(&self.path.join(PROGRESS), progress)
    }

    /// The apply that was in flight when the agent ended, if one was.
    pub fn journal(&self) -> Result<Option<Journal>> {
        read_json(&self.path.join(JOURNAL))
    }

    /// Notes how far a change has come.
    pub fn record(&self, journal: &Journal) -> Result<()> {
        write_json(&self.path.join(JOURNAL), journal)
    }

    /// How it was before the change under way. Without it a revert goes by the bundle alone.
    pub fn snapshot(&self) -> Snapshot {
        read_json(&self.path.join(SNAPSHOT)).ok().flatten().unwrap_or_default()
    }

    /// Keeps how it is, before a change.
    pub fn save_snapshot(&self, snapshot: &Snapshot) -> Result<()> {
        write_json(&self.path.join(SNAPSHOT), snapshot)
    }

    /// Ends a change.
    pub fn end(&self) -> Result<()> {
        failpoint::hit("before-end");
        disk::remove(&self.path.join(JOURNAL))?;
        Ok(disk::remove(&self.path.join(SNAPSHOT))?)
    }

    /// The bundles that are not tried again. With a file that cannot be read they are tried once more, and proven.
    pub fn condemned(&self) -> CondemnedList {
        read_json(&self.path.join(CONDEMNED)).ok().flatten().unwrap_or_default()
    }

    /// Remembers them.
    pub fn save_condemned(&self, condemned: &CondemnedList) -> Result<()> {
        write_json(&self.path.join(CONDEMNED), condemned)
    }

    /// What somebody on this host has ordered.
    pub fn orders(&self) -> Result<Orders> {
        Ok(read_json(&self.path.join(ORDERS))?.unwrap_or_default())
    }

    /// Keeps it.
    pub fn save_orders(&self, orders: Orders) -> Result<()> {
        write_json(&self.path.join(ORDERS), &orders)
    }

    /// Puts a verified bundle on the disk; afterwards all of it is there. Files with the release's statement last, so
    /// that a folder without one is known to be cut short.
    pub fn stage<'a>(&self, release: &Release, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
        let folder = self.bundle(release.digest);
        if !matches!(self.load(release.digest), Ok(Some(_))) {
            remove_folder(&folder)?;
            disk::private_folder(&folder)?;
            for (name, content) in files {
                stage_file(&folder, name, content)?;
                failpoint::hit("staged-file");
            }
        }
        write_json(&folder.join(RELEASE), release)?;
        disk::sync_folder(&self.path.join(BUNDLES)).map_err(|source| self.failed("sync", source))
    }

    /// A bundle that was staged whole, with its statement; none if there is none.
    pub fn load(&self, digest: Digest) -> Result<Option<(Release, Content)>> {
        let folder = self.bundle(digest);
        let Some(release) = read_json::<Release>(&folder.join(RELEASE))? else { return Ok(None) };
        let path = folder.join(CONTENT_FILE);
        let corrupt = |why: String| StateError::Corrupt { path: path.clone(), why };
        let content = disk::read(&path)?.ok_or_else(|| corrupt("the file is missing".to_owned()))?;
        if release.digest != digest || sha256(&content) != release.content_sha256 {
            return Err(corrupt("it is not what was verified when it came".to_owned()));
        }
        let content = serde_json::from_slice(&content).map_err(|error| corrupt(error.to_string()))?;
        Ok(Some((release, content)))
    }

    /// The bundles that something points at: the current one, the one before, and that of an apply in flight.
    pub fn kept(&self) -> BTreeSet<Digest> {
        let journal = self.journal().ok().flatten().map(|journal| journal.digest);
        [self.current(), self.previous(), journal].into_iter().flatten().collect()
    }

    /// What `current` points at.
    pub fn current(&self) -> Option<Digest> {
        self.target(CURRENT)
    }

    /// What `previous` points at.
    pub fn previous(&self) -> Option<Digest> {
        self.target(PREVIOUS)
    }

    /// What all bundles on the disk say, as far as they can be read.
    pub fn contents(&self) -> Vec<Content> {
        let entries = fs::read_dir(self.path.join(BUNDLES)).into_iter().flatten().flatten();
        let digests = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        digests.filter_map(|digest| Some(self.load(digest).ok()??.1)).collect()
    }

    /// Makes a staged bundle the current one.
    pub fn flip(&self, digest: Digest) -> Result<()> {
        let before = self.current();
        if let Some(before) = before.filter(|before| *before != digest) {
            self.point(PREVIOUS, before)?;
            failpoint::hit("between-links");
        }
        if before != Some(digest) {
            self.point(CURRENT, digest)?;
        }
        failpoint::hit("flipped");
        Ok(())
    }

    /// Undoes a flip: `current` points at what ran before, or at nothing.
    pub fn point_back(&self, before: Option<Digest>) -> Result<()> {
        match before {
            Some(before) => self.point(CURRENT, before),
            None => Ok(disk::remove(&self.path.join(CURRENT))?),
        }
    }

    /// Removes bundles that nothing points at, rests of downloads, and of writes that were cut short.
    pub fn clean(&self) -> Result<()> {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    true => remove_folder(&entry.path())?,
                    false => disk::remove(&entry.path())?,
                }
            }
        }
        self.clean_bundles()
    }

    fn clean_bundles(&self) -> Result<()> {
        // With a journal that cannot be read nothing is known to be useless.
        self.journal()?;
        let wanted: BTreeSet<String> = self.kept().iter().map(Digest::to_string).collect();
        let folder = self.path.join(BUNDLES);
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if wanted.contains(&name) {
                continue;
            }
            match name.starts_with(PARTIAL) {
                true => disk::remove(&entry.path())?,
                false => remove_folder(&entry.path())?,
            }
        }
        Ok(())
    }

    /// Where a download is collected.
    pub fn partial(&self, digest: Digest) -> Result<PathBuf> {
        let folder = self.path.join(BUNDLES);
        disk::private_folder(&folder)?;
        Ok(folder.join(format!("{PARTIAL}{digest}")))
    }

    /// Removes everything of the network. The folder disappears in one instant.
    pub fn remove(&self) -> Result<()> {
        let hidden = self.path.with_file_name(format!(
            ".left-{}",
            self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        ));
        remove_folder(&hidden)?;
        match fs::rename(&self.path, &hidden) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            moved => moved.map_err(|source| self.failed("remove", source))?,
        }
        remove_folder(&hidden)
    }

    fn bundle(&self, digest: Digest) -> PathBuf {
        self.path.join(BUNDLES).join(digest.to_string())
    }

    fn target(&self, link: &str) -> Option<Digest> {
        let target = fs::read_link(self.path.join(link)).ok()?;
        target.file_name()?.to_str()?.parse().ok()
    }

    fn point(&self, link: &str, digest: Digest) -> Result<()> {
        let target = Path::new(BUNDLES).join(digest.to_string());
        Ok(disk::swap_link(&self.path.join(link), &target)?)
    }

    fn failed(&self, doing: &'static str, source: std::io::Error) -> StateError {
        effects::Error::File { doing, path: self.path.clone(), source }.into()
    }
}

fn stage_file(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(|source| effects::Error::File { doing: "make the folder", path: parent.to_owned(), source })?;
    }
    Ok(disk::write(&path, content)?)
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => {
            removed.map_err(|source| effects::Error::File { doing: "remove", path: path.to_owned(), source }.into())
        }
    }
}
