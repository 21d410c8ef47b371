//! Sleeping so that the process is woken once.
//!
//! The runtime keeps far timers in slots of 64 ms from its start, and wakes at a slot's beginning only to sort what is in
//! it. A timer that falls on such a beginning spares that wake-up, which is a tenth of what an idle poll costs.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

const SLOT: Duration = Duration::from_millis(64);
/// The runtime's own start is a little earlier than what is noted, and it counts begun milliseconds as whole ones.
const EARLY: Duration = Duration::from_micros(500);

static START: OnceLock<Instant> = OnceLock::new();

/// Notes the runtime's start; called right after it was made. Where it never is, timers stay as they are.
pub fn started() {
    let _ = START.set(Instant::now());
}

/// The next beginning of a slot.
pub(super) fn slot(at: Instant) -> Instant {
    START.get().map_or(at, |start| after(*start, at))
}

fn after(start: Instant, at: Instant) -> Instant {
    let millis = at.saturating_duration_since(start).saturating_add(EARLY).as_millis();
    let slots = u32::try_from(millis / SLOT.as_millis() + 1).unwrap_or(u32::MAX);
    start + SLOT * slots - EARLY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_moves_to_the_next_slot_and_no_further() {
        let start = Instant::now();
        for millis in [0, 1, 63, 64, 65, 1000, 5000, 400 * 24 * 3600 * 1000] {
            let at = start + Duration::from_millis(millis);
            let moved = after(start, at);
            assert!(moved > at && moved <= at + SLOT, "{millis}");
            let whole = (moved + EARLY - start).as_millis();
            assert_eq!(whole % SLOT.as_millis(), 0, "{millis}");
        }
    }
}
