//! Progress on stderr: bars on a terminal, one plain line per change elsewhere, and nothing for what is over at once.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};

use super::{Output, ProgressStyle, escape};

/// What takes no longer is not worth a word.
const QUIET: Duration = Duration::from_millis(300);

enum Kind {
    Bar(ProgressBar),
    Plain { last: String },
    None,
}

/// One thing that goes on.
pub struct Progress<'a> {
    out: &'a Output,
    started: Instant,
    shown: bool,
    what: String,
    kind: Kind,
}

impl Output {
    /// Begins to show progress of bytes.
    pub fn transfer(&self, what: &str) -> Progress<'_> {
        self.progress(what, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
    }

    /// Begins to show progress of things that are counted.
    pub fn counting(&self, what: &str) -> Progress<'_> {
        self.progress(what, "{msg} {bar:30} {pos}/{len}")
    }

    fn progress(&self, what: &str, template: &str) -> Progress<'_> {
        let capable = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let kind = match self.view.progress {
            _ if self.view.quiet => Kind::None,
            ProgressStyle::None => Kind::None,
            ProgressStyle::Auto if capable => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
                bar.set_style(BarStyle::with_template(template).unwrap_or_else(|_| BarStyle::default_bar()));
                bar.set_message(escape(what).into_owned());
                Kind::Bar(bar)
            }
            _ => Kind::Plain { last: String::new() },
        };
        Progress { out: self, started: Instant::now(), shown: false, what: what.to_owned(), kind }
    }
}

impl Progress<'_> {
    /// So much of the total is done. `words` says it for those who see no bar; none means that it is not worth a line.
    pub fn at(&mut self, done: u64, total: Option<u64>, words: Option<&str>) {
        if self.started.elapsed() < QUIET {
            return;
        }
        match &mut self.kind {
            Kind::Bar(bar) => {
                if !std::mem::replace(&mut self.shown, true) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                if let Some(total) = total {
                    bar.set_length(total);
                }
                bar.set_position(done);
            }
            Kind::Plain { last } => {
                let Some(words) = words.filter(|words| *words != last) else { return };
                self.out.notice(&format!("{}: {words}", self.what));
                last.clear();
                last.push_str(words);
            }
            Kind::None => {}
        }
    }

    /// Removes the bar, so that the answer stands alone.
    pub fn clear(self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}
