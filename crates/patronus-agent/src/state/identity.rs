//! Who this host is in one network: the only file with secrets that last.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patronus_core::signature::VerifyingKey;
use patronus_types::bundle::Party;
use patronus_types::token::Secret;
use patronus_types::{Digest, NetworkId, PublicKey, SiteId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::Keyring;
use crate::effects::model::{Owner, PrivateKey};

/// The format number this version writes and reads.
pub const FORMAT: u32 = 1;

/// What enrolling left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// [`FORMAT`].
    pub format: u32,
    /// The network.
    pub network: Party<NetworkId>,
    /// The site.
    pub site: Party<SiteId>,
    /// The network's number on this host.
    pub index: u8,
    /// The first of its UDP ports.
    pub port_base: u16,
    /// One key pair for each uplink the site can have.
    pub keys: KeyPairs,
    /// The keys beside them.
    #[serde(default)]
    pub keyring: Keyring,
    /// The agent's own token.
    pub token: Secret,
    /// The servers, in the order they are tried.
    pub servers: Vec<String>,
    /// SHA-256 of the CA that signs their certificates; none for plain HTTP on loopback.
    pub ca_sha256: Option<Digest>,
    /// The keys whose signatures count, as minisign public key files hold them.
    pub signing_keys: Vec<String>,
    /// SHA-256 of the invitation's token: the same invitation again is no second enrolment.
    pub invitation: Digest,
    /// How often to ask for changes until the server says otherwise, in seconds.
    pub poll_interval_s: u16,
    /// When.
    pub enrolled_at: Timestamp,
}

impl Identity {
    /// Whose things in the kernel are this network's.
    pub fn owner(&self) -> Option<Owner> {
        Owner::new(self.index, self.network.id)
    }

    /// The keys whose signatures count.
    pub fn verifying_keys(&self) -> Vec<VerifyingKey> {
        self.signing_keys.iter().filter_map(|text| VerifyingKey::parse(text).ok()).collect()
    }

    /// Why this identity cannot be used, if it cannot.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.format != FORMAT {
            return Some("it was written by another version of patronus-agent");
        }
        if self.owner().is_none() {
            return Some("its network number is not 0 to 35");
        }
        if self.verifying_keys().is_empty() {
            return Some("it pins no signing key");
        }
        None
    }
}

/// Key pairs by uplink, as base64 of their private halves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPairs(Vec<PrivateKey>);

impl KeyPairs {
    /// Takes them in order of uplink.
    pub fn new(keys: Vec<PrivateKey>) -> Self {
        Self(keys)
    }

    /// The private halves in order of uplink.
    pub fn private(&self) -> &[PrivateKey] {
        &self.0
    }

    /// The public halves in order of uplink.
    pub fn public(&self) -> Vec<PublicKey> {
        self.0.iter().map(PrivateKey::public_key).collect()
    }
}

impl Serialize for KeyPairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|key| STANDARD.encode(key.expose())))
    }
}

impl<'de> Deserialize<'de> for KeyPairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Zeroizing::new(Vec::<String>::deserialize(deserializer)?);
        let key = |text: &String| {
            let bytes = STANDARD.decode(text).map(Zeroizing::new).ok()?;
            <[u8; 32]>::try_from(bytes.as_slice()).ok().map(PrivateKey::new)
        };
        let keys: Option<Vec<PrivateKey>> = texts.iter().map(key).collect();
        keys.map(Self).ok_or_else(|| de::Error::custom("a private key is 44 characters of base64"))
    }
}
