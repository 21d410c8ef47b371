//! Whether a downloaded bundle may be run here. Nothing of it is used before all of this holds.

use patronus_core::archive::{self, ArchiveError, Contents, Limits};
use patronus_core::digest::sha256;
use patronus_core::mesh;
use patronus_core::signature::{KeyId, Signature, SignatureError, Statement, VerifyingKey};
use patronus_types::Digest;
use patronus_types::api::agent::Desired;
use patronus_types::bundle::{CONTENT_FILE, Content, Party};

use crate::state::{Identity, Refused, Release, Versions};

/// Why a bundle is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The archive breaks a rule.
    #[error("the archive is refused: {0}")]
    Archive(#[from] ArchiveError),
    /// The archive holds something else than was announced.
    #[error("the archive holds {found} and not {wanted}, which was announced")]
    Digest {
        /// What was announced.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// No signature of a key that is pinned here.
    #[error("no signature of a key that this site trusts ({pinned}): {why}")]
    Signer {
        /// The ids of the pinned keys.
        pinned: String,
        /// What is wrong with the signatures that came.
        why: String,
    },
    /// A file with a signature that cannot be read.
    #[error("its signature cannot be read: {0}")]
    Unsigned(String),
    /// It was signed for somebody else.
    #[error("it was signed for {what} {found}, and this is {wanted}")]
    Addressee {
        /// `network` or `site`.
        what: &'static str,
        /// Whom it was signed for.
        found: String,
        /// Who this is.
        wanted: String,
    },
    /// The server announced another version or digest than was signed.
    #[error("the server announced version {announced} and the signature says {signed}")]
    Announced {
        /// By the server.
        announced: String,
        /// By the signature.
        signed: String,
    },
    /// The version is not accepted.
    #[error(transparent)]
    Version(#[from] Refused),
    /// Its content cannot be read.
    #[error("{0}")]
    Content(String),
}

/// A bundle that may be run.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What to keep of its statement.
    pub release: Release,
    /// Who signed it.
    pub key: KeyId,
    /// What was signed.
    pub statement: Statement,
    /// Its files.
    pub files: Vec<archive::File>,
    /// What it says.
    pub content: Content,
}

/// Refuses what needs no download to be refused: a foreign signer, an older number.
pub fn announced(identity: &Identity, versions: &Versions, desired: &Desired) -> Result<(), VerifyError> {
    let pinned = identity.verifying_keys();
    choose(&pinned, desired)?;
    // An unsigned number can be refused unseen: a signed one would have to say the same.
    if desired.version < versions.highest() && pinned.len() == 1 {
        return Err(Refused::Older { version: desired.version, highest: versions.highest() }.into());
    }
    Ok(())
}

/// What a file with its signature announces, as a server would. None of it is to be believed before [`verify`].
pub fn of_file(signature: &str, archive: &[u8]) -> Result<Desired, VerifyError> {
    let statement = Signature::parse(signature).and_then(|signature| signature.claims());
    let statement = statement.map_err(|error| VerifyError::Unsigned(error.to_string()))?;
    let hashes = archive::check(archive, &Limits::DEFAULT)?;
    let signatures = vec![signature.to_owned()];
    Ok(Desired { version: statement.version, digest: statement.digest, size: hashes.len, signatures })
}

/// Checks an archive against what was announced, what is pinned and what was accepted before.
pub fn verify(
    identity: &Identity,
    versions: &Versions,
    desired: &Desired,
    archive: &[u8],
) -> Result<Verified, VerifyError> {
    let Contents { files, hashes } = archive::read(archive, &Limits::DEFAULT)?;
    if hashes.digest != desired.digest {
        return Err(VerifyError::Digest { wanted: desired.digest, found: hashes.digest });
    }
    let pinned = identity.verifying_keys();
    let (key, text, signature) = choose(&pinned, desired)?;
    let statement = signature.verify(key, &hashes.prehash).map_err(|error| signer(&pinned, &error))?;
    let content = mesh::content_of_files(&files);
    check_statement(identity, desired, &statement, content.as_ref().ok())?;
    versions.judge(key.id(), &statement)?;
    let content = content.map_err(|error| VerifyError::Content(error.to_string()))?;
    check_content(identity, &content)?;
    let release = Release {
        version: statement.version,
        digest: statement.digest,
        signature: text.to_owned(),
        prehash: Release::prehash_text(&hashes.prehash),
        content_sha256: content_digest(&files),
    };
    Ok(Verified { release, key: key.id(), statement, files, content })
}

/// Checks that a bundle which is here already was signed again, as another version; its content was checked when it came.
pub fn verify_again(
    identity: &Identity,
    versions: &Versions,
    desired: &Desired,
    here: &Release,
) -> Result<(KeyId, Statement, Release), VerifyError> {
    let pinned = identity.verifying_keys();
    let (key, text, signature) = choose(&pinned, desired)?;
    let prehash = here.prehash().ok_or_else(|| VerifyError::Content("its record on the disk is damaged".to_owned()))?;
    let statement = signature.verify(key, &prehash).map_err(|error| signer(&pinned, &error))?;
    check_statement(identity, desired, &statement, None)?;
    versions.judge(key.id(), &statement)?;
    let release = Release { version: statement.version, signature: text.to_owned(), ..here.clone() };
    Ok((key.id(), statement, release))
}

/// Refuses what was signed for somebody else, who is called as the signed content calls him, or as something else than
/// was announced.
fn check_statement(
    identity: &Identity,
    desired: &Desired,
    statement: &Statement,
    content: Option<&Content>,
) -> Result<(), VerifyError> {
    addressee(("network", &identity.network), statement.network, content.map(|content| &content.network))?;
    addressee(("site", &identity.site), statement.site, content.map(|content| &content.site))?;
    if (statement.version, statement.digest) != (desired.version, desired.digest) {
        let say = |version: u64, digest: Digest| format!("{version} ({})", digest.short());
        return Err(VerifyError::Announced {
            announced: say(desired.version, desired.digest),
            signed: say(statement.version, statement.digest),
        });
    }
    Ok(())
}

fn addressee<Id: PartialEq + std::fmt::Display>(
    (what, this): (&'static str, &Party<Id>),
    found: Id,
    known: Option<&Party<Id>>,
) -> Result<(), VerifyError> {
    if found == this.id {
        return Ok(());
    }
    let (found, wanted) = match known.filter(|other| other.id == found) {
        Some(other) if other.name != this.name => (format!("`{}`", other.name), format!("`{}`", this.name)),
        // A name may have been another site's before.
        Some(other) => (format!("`{}` ({})", other.name, other.id), format!("`{}` ({})", this.name, this.id)),
        None => (found.to_string(), format!("`{}` ({})", this.name, this.id)),
    };
    Err(VerifyError::Addressee { what, found, wanted })
}

/// The first signature that names a pinned key.
fn choose<'a>(
    pinned: &'a [VerifyingKey],
    desired: &'a Desired,
) -> Result<(&'a VerifyingKey, &'a str, Signature), VerifyError> {
    let mut fault = SignatureError::Format("the server sent none");
    for text in &desired.signatures {
        match Signature::parse(text) {
            Ok(signature) => match pinned.iter().find(|key| key.id() == signature.key_id()) {
                Some(key) => return Ok((key, text, signature)),
                None => {
                    let found = signature.key_id();
                    let expected = pinned.first().map_or(found, VerifyingKey::id);
                    fault = SignatureError::Key { expected, found };
                }
            },
            Err(error) => fault = error,
        }
    }
    Err(signer(pinned, &fault))
}

fn signer(pinned: &[VerifyingKey], why: &SignatureError) -> VerifyError {
    let pinned: Vec<String> = pinned.iter().map(|key| key.id().to_string()).collect();
    VerifyError::Signer { pinned: pinned.join(", "), why: why.to_string() }
}

fn check_content(identity: &Identity, content: &Content) -> Result<(), VerifyError> {
    addressee(("network", &identity.network), content.network.id, Some(&content.network))?;
    addressee(("site", &identity.site), content.site.id, Some(&content.site))?;
    check_keys(identity, content)
}

/// An uplink with a key that is not ours could never have a session.
fn check_keys(identity: &Identity, content: &Content) -> Result<(), VerifyError> {
    for (index, uplink) in content.uplinks.iter().enumerate() {
        if !identity.is_of_uplink(index, uplink.public_key) {
            return Err(VerifyError::Content(format!(
                "uplink `{}` has a key that this site does not have: if the site was enrolled anew since it was published, \
                 publish again, as in patronusctl bundle publish --network {}; if the server or this host was restored \
                 from a backup, have the keys that are here taken over with patronusctl site rotate-key {}",
                uplink.name, identity.network.name, identity.site.name
            )));
        }
    }
    Ok(())
}

fn content_digest(files: &[archive::File]) -> Digest {
    sha256(files.iter().find(|file| file.name == CONTENT_FILE).map_or(&[], |file| file.data.as_slice()))
}
