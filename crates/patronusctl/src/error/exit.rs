//! The exit codes: one table for the code, the help, the man pages and the tests.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or already so.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// A flag or argument that cannot be.
    Usage = 2,
    /// Not found.
    NotFound = 3,
    /// Not logged in.
    NotLoggedIn = 4,
    /// Forbidden.
    Forbidden = 5,
    /// Conflict, exists, lost race.
    Conflict = 6,
    /// Invalid manifest or value.
    Invalid = 7,
    /// A wait timed out.
    WaitTimedOut = 8,
    /// What was waited for can no longer happen.
    Impossible = 9,
    /// Differences.
    Differences = 10,
    /// Some items failed.
    Partial = 11,
    /// Confirmation needed or declined.
    Unconfirmed = 12,
    /// Server unreachable or not to be trusted.
    Unreachable = 13,
    /// A write timed out.
    OutcomeUnknown = 14,
    /// Rate limited.
    RateLimited = 15,
    /// Versions do not go together.
    Incompatible = 16,
    /// Local configuration or credential store.
    Local = 17,
    /// A bug of this program.
    Bug = 70,
    /// Output could not be written.
    Output = 74,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The code.
    pub code: u8,
    /// What it means.
    pub meaning: &'static str,
    /// Whether, and when, another try makes sense.
    pub again: &'static str,
}

impl Exit {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::NotLoggedIn,
        Self::Forbidden,
        Self::Conflict,
        Self::Invalid,
        Self::WaitTimedOut,
        Self::Impossible,
        Self::Differences,
        Self::Partial,
        Self::Unconfirmed,
        Self::Unreachable,
        Self::OutcomeUnknown,
        Self::RateLimited,
        Self::Incompatible,
        Self::Local,
        Self::Bug,
        Self::Output,
    ];

    /// The code as the shell sees it.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotLoggedIn => 4,
            Self::Forbidden => 5,
            Self::Conflict => 6,
            Self::Invalid => 7,
            Self::WaitTimedOut => 8,
            Self::Impossible => 9,
            Self::Differences => 10,
            Self::Partial => 11,
            Self::Unconfirmed => 12,
            Self::Unreachable => 13,
            Self::OutcomeUnknown => 14,
            Self::RateLimited => 15,
            Self::Incompatible => 16,
            Self::Local => 17,
            Self::Bug => 70,
            Self::Output => 74,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done, or already so", "-"),
            Self::Failed => ("failed", "perhaps"),
            Self::Usage => ("usage: a flag or argument that cannot be", "no"),
            Self::NotFound => ("not found", "no"),
            Self::NotLoggedIn => ("not logged in, or the login has ended", "after login"),
            Self::Forbidden => ("forbidden", "no"),
            Self::Conflict => ("conflict: exists, or changed meanwhile", "after reading again"),
            Self::Invalid => ("invalid manifest or value", "no"),
            Self::WaitTimedOut => ("what was waited for did not happen in time", "yes"),
            Self::Impossible => ("what was waited for can no longer happen", "no"),
            Self::Differences => ("there are differences (with --exit-code)", "-"),
            Self::Partial => ("some items failed", "the failed ones"),
            Self::Unconfirmed => ("confirmation needed or declined; nothing changed", "with what the error names"),
            Self::Unreachable => ("server unreachable, or not to be trusted", "later"),
            Self::OutcomeUnknown => ("a write timed out: its outcome is unknown", "with the same --idempotency-key"),
            Self::RateLimited => ("rate limited, also after retries", "later"),
            Self::Incompatible => ("the versions of client and server do not go together", "no"),
            Self::Local => ("local configuration or credential store", "no"),
            Self::Bug => ("a bug of this program", "no"),
            Self::Output => ("the output could not be written", "no"),
        }
    }

    /// The row of the table.
    pub fn row(self) -> Row {
        let (meaning, again) = self.words();
        Row { code: self.code(), meaning, again }
    }

    /// The word in `error[…]` where the server gave none.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::NotLoggedIn => "not_logged_in",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::WaitTimedOut => "wait_timed_out",
            Self::Impossible => "impossible",
            Self::Differences => "differences",
            Self::Partial => "partial",
            Self::Unconfirmed => "unconfirmed",
            Self::Unreachable => "unreachable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::RateLimited => "rate_limited",
            Self::Incompatible => "incompatible",
            Self::Local => "local",
            Self::Bug => "bug",
            Self::Output => "output",
        }
    }
}

/// What a shell adds: the program was interrupted.
pub const INTERRUPTED: &[(u8, &str)] = &[(130, "interrupted (INT)"), (143, "interrupted (TERM)")];

/// The table as text, for `help exit-codes`.
pub fn table() -> String {
    let mut text = format!("{:>4}  {:<54}{}\n", "CODE", "MEANING", "TRY AGAIN");
    for row in Exit::ALL.iter().map(|exit| exit.row()) {
        text.push_str(&format!("{:>4}  {:<54}{}\n", row.code, row.meaning, row.again));
    }
    for (code, meaning) in INTERRUPTED {
        text.push_str(&format!("{code:>4}  {meaning:<54}yes\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_in_the_table_once_and_is_the_number_of_its_name() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        let mut sorted = codes.clone();
        sorted.dedup();
        assert_eq!(codes, sorted);
        assert!(Exit::ALL.iter().all(|&exit| exit as u8 == exit.code()));
        assert_eq!(table().lines().count(), Exit::ALL.len() + INTERRUPTED.len() + 1);
    }
}
