//! A token in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use patronus_store::PrincipalRecord;
use patronus_types::Timestamp;

use super::SiteSlot;

/// A token that works, who it stands for, and when it was used.
pub struct TokenEntry {
    /// Who it stands for.
    pub record: PrincipalRecord,
    slot: Option<Arc<SiteSlot>>,
    revoked: AtomicBool,
    /// The minute of the last use, and the last minute that was handed out to be written down.
    used_minute: AtomicI64,
    written_minute: AtomicI64,
}

impl TokenEntry {
    pub(super) fn new(record: PrincipalRecord, slot: Option<Arc<SiteSlot>>) -> Self {
        Self {
            record,
            slot,
            revoked: AtomicBool::new(false),
            used_minute: AtomicI64::new(0),
            written_minute: AtomicI64::new(0),
        }
    }

    /// The site of an agent's token.
    pub fn slot(&self) -> Option<&Arc<SiteSlot>> {
        self.slot.as_ref()
    }

    /// Whether it works now; who waits for long asks again.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        !self.revoked.load(Ordering::Acquire) && self.record.expires_at.is_none_or(|end| now < end)
    }

    /// Notes a use.
    pub fn mark_used(&self, now: Timestamp) {
        self.used_minute.store(now.as_second().div_euclid(60), Ordering::Relaxed);
    }

    pub(super) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
        if let Some(slot) = &self.slot {
            slot.wake();
        }
    }

    /// The minute of the last use, once.
    pub(super) fn take_used(&self) -> Option<Timestamp> {
        let used = self.used_minute.load(Ordering::Relaxed);
        let written = self.written_minute.swap(used, Ordering::Relaxed);
        (used != written).then(|| Timestamp::from_second(used.saturating_mul(60)).ok())?
    }
}
