//! Places where a test can end the agent, to show that it goes on whole from there.
//!
//! A place is named by [`hit`], between two effects that each happen entirely or not at all. In debug builds the variable
//! `PATRONUS_FAILPOINT=name` (or `name:3`, the third time) aborts the process there, as `kill -9` would. With
//! `PATRONUS_FAILPOINT_ANNOUNCE=FILE` (a pipe, say) it writes the name there instead and waits to be killed; without a
//! place that is wanted it writes the names of all that it passes. Unit tests count through all places with `arm`. Release
//! builds contain nothing of it.

/// Ends the agent here if a test asked for that.
#[inline]
pub fn hit(name: &str) {
    #[cfg(any(debug_assertions, test))]
    debug::hit(name);
    #[cfg(not(any(debug_assertions, test)))]
    let _ = name;
}

#[cfg(test)]
pub use debug::{Crash, arm, disarm};

#[cfg(any(debug_assertions, test))]
mod debug {
    use std::cell::Cell;
    use std::ffi::OsString;
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// What a test's crash unwinds with; it passes by every error path, as a real crash does.
    #[derive(Debug)]
    pub struct Crash;

    thread_local! {
        static COUNTDOWN: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// Crashes at the n-th place from now on, counted from 0, in this thread.
    #[cfg(test)]
    pub fn arm(places: u32) {
        COUNTDOWN.set(Some(places));
    }

    /// Ends what `arm` began; true if it never came to a crash.
    #[cfg(test)]
    pub fn disarm() -> bool {
        COUNTDOWN.take().is_some()
    }

    pub(super) fn hit(name: &str) {
        if let Some(left) = COUNTDOWN.get() {
            if left == 0 {
                COUNTDOWN.set(None);
                std::panic::resume_unwind(Box::new(Crash));
            }
            COUNTDOWN.set(Some(left - 1));
        }
        let wanted = wanted();
        if wanted.is_none() {
            announce(name);
        }
        if wanted.is_some_and(|(place, left)| place == name && left.fetch_sub(1, Ordering::Relaxed) == 1) {
            end(name);
        }
    }

    /// Ends here, or has somebody else end it.
    fn end(name: &str) -> ! {
        if !announce(name) {
            std::process::abort();
        }
        loop {
            std::thread::park();
        }
    }

    /// Writes the name to whoever wants to know; false where nobody does.
    fn announce(name: &str) -> bool {
        static FILE: OnceLock<Option<OsString>> = OnceLock::new();
        let file = FILE.get_or_init(|| std::env::var_os("PATRONUS_FAILPOINT_ANNOUNCE")).as_ref();
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        file.is_some_and(|path| open(path).and_then(|mut file| writeln!(file, "{name}")).is_ok())
    }

    fn wanted() -> Option<&'static (String, AtomicU32)> {
        static WANTED: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
        let read = || {
            let text = std::env::var("PATRONUS_FAILPOINT").ok().filter(|text| !text.is_empty())?;
            let (name, nth) = text.split_once(':').unwrap_or((&text, "1"));
            Some((name.to_owned(), AtomicU32::new(nth.parse().unwrap_or(1))))
        };
        WANTED.get_or_init(read).as_ref()
    }
}
