//! What can be wrong with an archive.

use std::fmt;

/// Why an archive was refused. Nothing of a refused archive has been used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Too many compressed bytes.
    #[error("the archive has {len} bytes and at most {limit} are accepted")]
    Compressed {
        /// What it has.
        len: u64,
        /// What it may have.
        limit: u64,
    },
    /// Too many bytes inside.
    #[error("the archive expands to more than {limit} bytes; a bundle needs far less: check what was packed")]
    Expanded {
        /// What it may have.
        limit: u64,
    },
    /// Too many entries.
    #[error("the archive has more than {limit} entries; a bundle needs far less: check what was packed")]
    Entries {
        /// How many it may have.
        limit: u32,
    },
    /// Something else than a `.tar.gz`.
    #[error("this is not a .tar.gz: make one with `tar -czf bundle.tar.gz FILES`")]
    NotTarGz,
    /// The end is missing.
    #[error("the archive is cut off after {at} bytes of its tar; transfer or pack it again")]
    Truncated {
        /// How much of the tar could be read.
        at: u64,
    },
    /// The compressed stream is damaged.
    #[error("the archive is damaged: {0}; transfer or pack it again")]
    Gzip(String),
    /// The tar inside is damaged.
    #[error("the tar in the archive is damaged at byte {at}: {fault}; pack it again")]
    Damaged {
        /// Where in the tar.
        at: u64,
        /// What is wrong there.
        fault: &'static str,
    },
    /// Something follows the end.
    #[error("something follows the archive's end; pack it again, and append nothing")]
    Trailing,
    /// A name that is not accepted.
    #[error("the entry `{}` {fault}", .name.escape_debug())]
    Name {
        /// The name as far as it is text.
        name: String,
        /// What is wrong with it.
        fault: NameFault,
    },
    /// A link, device or other thing that is neither file nor directory.
    #[error("the entry `{}` is {kind}; only files and directories are accepted", .name.escape_debug())]
    Kind {
        /// Its name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// An extended header that says more than is read here.
    #[error("an extended header sets `{}`, which is not accepted; pack with `tar --format=ustar -czf`", .0.escape_debug())]
    Extension(String),
}

/// Why a name is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    /// No name at all.
    Empty,
    /// It begins with `/`.
    Absolute,
    /// It has `..`, `.` or nothing between two `/`.
    Component,
    /// It is not UTF-8.
    Encoding,
    /// It has a control character, `\` or `:`.
    Character,
    /// It is longer than a file name may be.
    Length,
    /// A file whose name ends in `/`.
    FileWithSlash,
    /// It stands in the archive twice.
    Duplicate,
    /// It is a file, and other entries lie below it.
    FileAndDirectory,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "has no name",
            Self::Absolute => "has an absolute name; pack with relative names (`tar -C DIR -czf …`)",
            Self::Component => {
                "has `..`, `.` or an empty part in its name; pack from the folder itself (`tar -C DIR -czf …`)"
            }
            Self::Encoding => "has a name that is not UTF-8; rename the file",
            Self::Character => "has a control character, `\\` or `:` in its name; rename the file",
            Self::Length => "has a name of more than 255 bytes; rename the file",
            Self::FileWithSlash => "is a file and its name ends in `/`; pack it again",
            Self::Duplicate => "is in the archive twice; pack it again",
            Self::FileAndDirectory => "is a file, and other entries lie below it; pack it again",
        })
    }
}
