//! Ids of requests: the caller's own if it is decent, else a new one.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use patronus_types::api::REQUEST_ID;

const MAX_LEN: usize = 128;

/// Makes ids that no other run of a server makes: its random prefix and a count.
pub struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    /// With eight random bytes.
    pub fn new(random: [u8; 8]) -> Self {
        Self { prefix: crate::keys::hex(&random), next: AtomicU64::new(1) }
    }

    /// The request's id.
    pub fn of(&self, headers: &HeaderMap) -> String {
        let decent = |id: &&str| {
            (1..=MAX_LEN).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte))
        };
        match headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(decent) {
            Some(id) => id.to_owned(),
            None => format!("{}-{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_taken_unless_it_could_harm_a_log() {
        let ids = RequestIds::new([1; 8]);
        let of = |id: &'static [u8]| {
            let value = http::HeaderValue::from_bytes(id).unwrap();
            ids.of(&HeaderMap::from_iter([(http::HeaderName::from_static(REQUEST_ID), value)]))
        };
        assert_eq!(of(b"deploy-42"), "deploy-42");
        assert!(of(b"a b").starts_with("0101010101010101-"));
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
