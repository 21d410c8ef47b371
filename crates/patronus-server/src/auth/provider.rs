//! HS256 for `jsonwebtoken`, on ring. Its own backends bring the `rsa` crate or a C build along; we need one algorithm.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(signer(*algorithm, key)?)),
    verifier_factory: |algorithm, key| Ok(Box::new(verifier(*algorithm, key)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes the provider the process's own; again does nothing.
pub fn install() {
    let _already_there = PROVIDER.install_default();
}

struct Hs256(hmac::Key);

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Hs256> {
    match key.family() {
        AlgorithmFamily::Hmac => hs256(algorithm, key.as_bytes()),
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Hs256> {
    match (key.family(), key.kind()) {
        (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => hs256(algorithm, secret),
        _ => Err(ErrorKind::InvalidKeyFormat.into()),
    }
}

fn hs256(algorithm: Algorithm, secret: &[u8]) -> Result<Hs256> {
    match algorithm {
        Algorithm::HS256 => Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
