//! What one site sends to another, of one class.

use std::fmt;
use std::time::Duration;

use crate::model::Path;

/// Packets a second, for the count of those lost.
pub const RATE: f64 = 1000.0;

/// One flow.
#[derive(Debug, Clone)]
pub struct Flow {
    /// From where.
    pub site: usize,
    /// To where.
    pub peer: usize,
    /// Of which class; 0 is the default one.
    pub class: usize,
    /// By which uplinks; none for nowhere.
    pub uplinks: Option<(u8, u8)>,
    /// By which it went last.
    last: Option<(u8, u8)>,
    /// Since when.
    pub since: Duration,
    /// When it last went from one path to another.
    pub moved: Option<Duration>,
    /// How often it did.
    pub moves: usize,
    /// How many packets were lost, at [`RATE`] all the time.
    pub lost: f64,
    counted: Duration,
}

impl Flow {
    /// It goes nowhere yet.
    pub fn new(site: usize, peer: usize, class: usize) -> Self {
        let (since, counted) = (Duration::ZERO, Duration::ZERO);
        Self { site, peer, class, uplinks: None, last: None, since, moved: None, moves: 0, lost: 0.0, counted }
    }

    /// The path that it takes.
    pub fn path(&self) -> Option<Path> {
        self.uplinks.map(|uplinks| (self.site, self.peer, uplinks))
    }

    /// The path that it took last, where it goes nowhere now.
    pub fn left(&self) -> Option<Path> {
        self.last.map(|uplinks| (self.site, self.peer, uplinks))
    }

    /// It goes by these. Says whether that is a move from one path to another.
    pub fn turn(&mut self, uplinks: Option<(u8, u8)>, now: Duration) -> bool {
        let moves = uplinks.is_some() && self.last.is_some() && uplinks != self.last;
        if moves {
            (self.moved, self.moves) = (Some(now), self.moves + 1);
        }
        (self.uplinks, self.last, self.since) = (uplinks, uplinks.or(self.last), now);
        moves
    }

    /// Until now, so large a share was lost since this was last said.
    pub fn count(&mut self, share: f64, now: Duration) {
        self.lost += share * RATE * now.saturating_sub(self.counted).as_secs_f64();
        self.counted = now;
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "class {} of s{} to s{} by ", self.class, self.site, self.peer)?;
        match self.uplinks {
            Some((local, remote)) => write!(f, "({local}, {remote})"),
            None => f.write_str("nothing"),
        }
    }
}
