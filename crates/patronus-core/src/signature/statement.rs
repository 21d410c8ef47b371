//! What a signature says about a bundle: the trusted comment.

use std::str::FromStr;

use patronus_types::{Digest, NetworkId, SiteId, Timestamp};

use super::SignatureError;

/// The form of the statement; a signature of the same key over anything else does not begin with it.
const FORMAT: &str = "1";
const NO_PREVIOUS: &str = "none";

/// That in this network this site shall run this bundle, as this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The network.
    pub network: NetworkId,
    /// The one site it is for.
    pub site: SiteId,
    /// The release's number.
    pub version: u64,
    /// SHA-256 of the bundle's tar.
    pub digest: Digest,
    /// The digest this site had in the release before; where the server may send it back to.
    pub previous: Option<Digest>,
    /// When it was signed.
    pub issued_at: Timestamp,
}

impl Statement {
    /// The trusted comment: `key=value` fields in a fixed order, parted by one space.
    pub fn to_comment(&self) -> String {
        let Self { network, site, version, digest, previous, issued_at } = self;
        let previous = previous.map_or_else(|| NO_PREVIOUS.to_owned(), |previous| previous.to_string());
        format!(
            "patronus={FORMAT} network={network} site={site} version={version} digest={digest} previous={previous} issued_at={issued_at}"
        )
    }

    /// Reads a trusted comment. Each statement has exactly one text; anything else is refused.
    pub fn parse(comment: &str) -> Result<Self, SignatureError> {
        let mut fields = comment.split(' ');
        let mut next = |key| fields.next().and_then(|field| field.strip_prefix(key)?.strip_prefix('='));
        if next("patronus") != Some(FORMAT) {
            return Err(SignatureError::Statement("it does not begin with `patronus=1`"));
        }
        let statement = Self {
            network: read(next("network"), "network")?,
            site: read(next("site"), "site")?,
            version: read(next("version"), "version")?,
            digest: read(next("digest"), "digest")?,
            previous: match next("previous") {
                Some(NO_PREVIOUS) => None,
                value => Some(read(value, "previous")?),
            },
            issued_at: read(next("issued_at"), "issued_at")?,
        };
        if statement.to_comment() != comment {
            return Err(SignatureError::Statement("it holds more or other text than the fields it is made of"));
        }
        Ok(statement)
    }
}

fn read<T: FromStr>(value: Option<&str>, key: &'static str) -> Result<T, SignatureError> {
    value.and_then(|value| value.parse().ok()).ok_or(SignatureError::Statement(key))
}
