//! The forms of an answer.

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people: the important columns.
    #[default]
    Table,
    /// For people: all columns.
    Wide,
    /// One JSON document: an object, or an array for a list.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// The same objects as YAML.
    Yaml,
    /// `kind/name`, one a line.
    Name,
    /// The id, one a line.
    Id,
}

impl Format {
    /// Whether it is for people.
    pub fn is_human(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// Whether errors are JSON too.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ProgressStyle {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// One line per change.
    Plain,
    /// Not at all.
    None,
}
