//! What happened, for people who look for the cause, and as one number to compare runs by.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How many of the last are kept.
const KEPT: usize = 24;

/// What happened last, and a hash of all that ever did.
#[derive(Debug, Clone)]
pub struct Trail {
    last: VecDeque<String>,
    hash: u64,
}

impl Default for Trail {
    fn default() -> Self {
        // FNV-1a, by Fowler, Noll and Vo: the same on every machine.
        Self { last: VecDeque::new(), hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Trail {
    /// Something happened.
    pub fn note(&mut self, at: Duration, what: &impl fmt::Display) {
        let line = format!("{:>10.4} s  {what}", at.as_secs_f64());
        self.mix(line.as_bytes());
        self.last.push_back(line);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// Something happened that nobody wants to read of.
    pub fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Of everything.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_shown_and_all_are_hashed() {
        let trail = |count: u64| {
            let mut trail = Trail::default();
            (0..count).for_each(|turn| trail.note(Duration::from_millis(turn), &turn));
            trail
        };
        assert_eq!(trail(100).to_string().lines().count(), KEPT);
        assert_eq!(trail(1).to_string(), "    0.0000 s  0\n");
        assert_eq!(trail(100).hash(), trail(100).hash());
        assert_ne!(trail(100).hash(), trail(101).hash());
    }
}
