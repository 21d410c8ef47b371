//! One line of a configuration: a section, a setting, or nothing.

/// Where something stands: line and column, both from 1.
pub(super) type Place = (usize, usize);

/// A piece of a line and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place,
}

impl<'a> Span<'a> {
    /// The piece without spaces around it.
    fn trimmed(self) -> Self {
        let start = self.text.trim_start();
        let skipped = self.text[..self.text.len() - start.len()].chars().count();
        Self { text: start.trim_end(), place: (self.place.0, self.place.1 + skipped) }
    }

    /// The parts between commas, without spaces around them.
    pub(super) fn list(self) -> impl Iterator<Item = Span<'a>> {
        let mut column = self.place.1;
        self.text.split(',').map(move |text| {
            let part = Span { text, place: (self.place.0, column) };
            column += text.chars().count() + 1;
            part.trimmed()
        })
    }
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Empty,
    /// `[Name]`.
    Section(Span<'a>),
    /// `Key = value`.
    Setting { key: Span<'a>, value: Span<'a> },
    /// Neither.
    Other(Place),
}

impl<'a> Line<'a> {
    /// Takes a line apart. A comment begins at `#`, wherever that stands.
    pub(super) fn parse(number: usize, text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let line = Span { text, place: (number, 1) }.trimmed();
        if line.text.is_empty() {
            return Self::Empty;
        }
        if let Some(name) = line.text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::Section(Span { text: name, place: line.place });
        }
        let Some((key, value)) = line.text.split_once('=') else { return Self::Other(line.place) };
        let column = line.place.1 + key.chars().count() + 1;
        let value = Span { text: value, place: (number, column) }.trimmed();
        Self::Setting { key: Span { text: key, place: line.place }.trimmed(), value }
    }
}
