//! What holds a rotation open, in words that follow a site's name.

use jiff::SignedDuration;
use patronus_types::Timestamp;

/// A site counts as silent when its agent was not heard for this time.
pub(super) const SILENT: SignedDuration = SignedDuration::from_secs(120);

pub(super) const ABSENT: &str = "has no agent that could make new keys: enrol one, or give it another `public_key`";
pub(super) const BY_HAND: &str = "has no agent: whoever runs it has to replace the peer's key by hand";
pub(super) const UPLOADED: &str =
    "runs an uploaded bundle, which keeps the old keys: run `patronusctl bundle publish --compiled` first";
pub(super) const SPARELESS: &str =
    "has named no key for a spare tunnel yet: update its agent if that is older than the server";
pub(super) const APART: &str = "has no session over the spare tunnel with the site, and would lose its tunnels with it";
pub(super) const UNRELEASED: &str = "waits for the release";

/// When a silent site was last heard, as the end of a sentence; nothing where it is heard.
pub(super) fn heard(last_seen_at: Option<Timestamp>, now: Timestamp) -> String {
    match last_seen_at.map(|at| now.duration_since(at)) {
        None => "; never heard of".to_owned(),
        Some(silence) if silence < SILENT => String::new(),
        Some(silence) => format!("; last heard {} ago", span(silence)),
    }
}

/// A span of at least minutes in its greatest unit.
fn span(span: SignedDuration) -> String {
    match (span.as_hours() / 24, span.as_hours()) {
        (days @ 2.., _) => format!("{days} days"),
        (_, hours @ 2..) => format!("{hours} h"),
        _ => format!("{} min", span.as_mins()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_silent_are_told_since_when() {
        let now = Timestamp::from_second(10_000_000).unwrap();
        let said = |seconds| heard(Some(now - SignedDuration::from_secs(seconds)), now);
        for (seconds, words) in [
            (0, ""),
            (119, ""),
            (120, "; last heard 2 min ago"),
            (7_199, "; last heard 119 min ago"),
            (7_200, "; last heard 2 h ago"),
            (172_799, "; last heard 47 h ago"),
            (172_800, "; last heard 2 days ago"),
            (-5, ""),
        ] {
            assert_eq!(said(seconds), words, "{seconds}");
        }
        assert_eq!(heard(None, now), "; never heard of");
    }
}
