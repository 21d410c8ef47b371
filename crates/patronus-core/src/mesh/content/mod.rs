//! Reading a bundle's content as the agent does: whatever is not understood or out of bounds is refused whole.

mod check;

#[cfg(test)]
pub(super) use check::overlapping;

use patronus_types::bundle::{CONTENT_FILE, Content, FORMAT};
use serde::Deserialize;

use crate::archive::{self, ArchiveError, File, Limits};

/// Why a content is not accepted. Nothing of it is used then.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The archive around it is bad.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is none.
    #[error("the archive has no {CONTENT_FILE}, so it is not a bundle")]
    Missing,
    /// It was made by another version.
    #[error(
        "the bundle has format {found} and this version reads format {FORMAT}; upgrade the older of agent and server"
    )]
    Format {
        /// The format it has.
        found: u32,
    },
    /// It is not what the format says.
    #[error("{CONTENT_FILE} cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A value is out of bounds; all of them, each with its place.
    #[error("{CONTENT_FILE} does not hold: {}", .0.join("; "))]
    Invalid(Vec<String>),
}

/// Reads the content from a tar.
///
/// # Errors
/// When the tar or the content is not in order.
pub fn content(tar: &[u8]) -> Result<Content, ContentError> {
    content_of_files(&archive::read_tar(tar, &Limits::DEFAULT)?.files)
}

/// Reads the content from the files of an archive.
///
/// # Errors
/// When there is none or it is not in order.
pub fn content_of_files(files: &[File]) -> Result<Content, ContentError> {
    let file = files.iter().find(|file| file.name == CONTENT_FILE).ok_or(ContentError::Missing)?;
    content_of_json(&file.data)
}

/// Reads the content from the bytes of `bundle.json`.
///
/// # Errors
/// When it is of another format, has unknown fields or values out of bounds.
pub fn content_of_json(json: &[u8]) -> Result<Content, ContentError> {
    // The number first: another format may have other fields.
    #[derive(Deserialize)]
    struct Number {
        format: u32,
    }
    let found = serde_json::from_slice::<Number>(json)?.format;
    if found != FORMAT {
        return Err(ContentError::Format { found });
    }
    let content: Content = serde_json::from_slice(json)?;
    let faults = check::faults(&content);
    if faults.is_empty() { Ok(content) } else { Err(ContentError::Invalid(faults)) }
}

#[cfg(test)]
mod tests;
