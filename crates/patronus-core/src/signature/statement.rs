//! What a signature says about a bundle: the trusted comment.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use patronus_types::bound::CONFIRM_TIMEOUT;
use patronus_types::release::Terms;
use patronus_types::risk::Risk;
use patronus_types::{Digest, NetworkId, SiteId, Timestamp};

use super::SignatureError;

/// The form of the statement; a signature of the same key over anything else does not begin with it.
const FORMAT: &str = "1";
const NO_PREVIOUS: &str = "none";
const TIMEOUT: &str = "confirm_timeout_s";
const RISKS: &str = "accept_risks";

/// That in this network this site shall run this bundle, as this version.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What holds for this version alone.
    pub terms: Terms,
}

impl Statement {
    /// The trusted comment: `key=value` fields in a fixed order, parted by one space; terms only where there are some.
    pub fn to_comment(&self) -> String {
        let Self { network, site, version, digest, previous, issued_at, terms } = self;
        let previous = previous.map_or_else(|| NO_PREVIOUS.to_owned(), |previous| previous.to_string());
        let mut comment = format!(
            "patronus={FORMAT} network={network} site={site} version={version} digest={digest} previous={previous} issued_at={issued_at}"
        );
        if let Some(seconds) = terms.confirm_timeout_s {
            let _ = write!(comment, " {TIMEOUT}={seconds}");
        }
        let codes: Vec<&str> = terms.accept_risks.iter().map(|risk| risk.code()).collect();
        if !codes.is_empty() {
            let _ = write!(comment, " {RISKS}={}", codes.join(","));
        }
        comment
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
            terms: terms(fields)?,
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

/// What follows the fields that each statement has. That nothing else does and in which order is seen by writing it again.
fn terms<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Terms, SignatureError> {
    let mut terms = Terms::default();
    for (key, value) in fields.filter_map(|field| field.split_once('=')) {
        match key {
            TIMEOUT => terms.confirm_timeout_s = Some(timeout(value)?),
            RISKS => terms.accept_risks = risks(value)?,
            _ => {}
        }
    }
    Ok(terms)
}

fn timeout(value: &str) -> Result<u16, SignatureError> {
    read(Some(value), TIMEOUT).and_then(|seconds: u16| {
        if CONFIRM_TIMEOUT.holds(seconds) { Ok(seconds) } else { Err(SignatureError::Statement(TIMEOUT)) }
    })
}

fn risks(value: &str) -> Result<BTreeSet<Risk>, SignatureError> {
    value.split(',').map(|code| read(Some(code), RISKS)).collect()
}
