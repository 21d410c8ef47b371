//! When to try again, and after how long.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Whether a status says "not now" rather than "no".
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// The pause before the given round of tries (1 is the first repeat): doubled each time, half of it by chance, and at
/// least what the server asked for.
pub(crate) fn pause(round: u32, retry_after: Option<Duration>) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << round.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let jittered = full / 2 + full.mul_f64(chance() / 2.0);
    jittered.max(retry_after.unwrap_or_default())
}

/// A number from 0 to 1; without a source of randomness 1, which only makes pauses longer.
fn chance() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

/// What `Retry-After` asks for, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: jiff::Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_never_undercut_the_server() {
        for round in 1..40 {
            let pause = pause(round, None);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE);
        }
        assert_eq!(pause(1, Some(Duration::from_secs(60))), Duration::from_secs(60));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(text));
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Fri, 02 Jan 2026 03:04:15 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(read("Fri, 02 Jan 2026 03:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
