//! Colour, where it is wanted.

use std::fmt;

use anstyle::{AnsiColor, Style as Ansi};

/// How much a word matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Something failed.
    Bad,
    /// Beside the point.
    Dim,
}

/// Whether a stream is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether it is.
    pub colour: bool,
}

impl Style {
    /// No colour.
    pub const PLAIN: Self = Self { colour: false };

    /// The text in a tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let ansi = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Dim => Ansi::new().dimmed(),
        };
        if self.colour { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }

    /// The text as something that failed.
    pub fn bad(self, text: &str) -> String {
        self.tone(Tone::Bad, text)
    }

    /// The text as something good.
    pub fn good(self, text: &str) -> String {
        self.tone(Tone::Good, text)
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl fmt::Display for ColorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        })
    }
}
