//! Tables: a header, one object a line, two spaces between columns, nothing else.

use comfy_table::{Attribute, Cell as TableCell, Color, Table, presets};

use super::{Style, Tone, escape};

/// A column's name and what it gives way to.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Its name in capitals.
    pub name: &'static str,
    /// 0 stays; the greatest is dropped first where the terminal is too narrow.
    pub rank: u8,
    /// Whether it is free text: cut to [`READABLE`] before another column is dropped.
    pub text: bool,
}

/// As much of a free text as tells what it is about.
const READABLE: usize = 40;

impl Head {
    /// A column that stays.
    pub fn fixed(name: &'static str) -> Self {
        Self { name, rank: 0, text: false }
    }
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// What it says; empty is shown as `-`.
    pub text: String,
    /// How much it matters.
    pub tone: Option<Tone>,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: None }
    }
}

impl Cell {
    /// A cell in a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone: Some(tone) }
    }

    /// What a value says, if there is one.
    pub fn of<T: ToString>(value: Option<T>) -> Self {
        value.map(|value| value.to_string()).unwrap_or_default().into()
    }
}

/// How to lay a table out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The terminal's width; without one nothing is cut.
    pub width: Option<usize>,
    /// Colour.
    pub style: Style,
    /// Whether there is a header.
    pub header: bool,
}

/// The table as text, and the names of the columns that had to go.
pub fn render(heads: &[Head], rows: Vec<Vec<Cell>>, layout: Layout) -> (String, Vec<&'static str>) {
    let mut heads = heads.to_vec();
    let mut rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row.into_iter().map(clean).collect()).collect();
    let mut dropped = Vec::new();
    if let Some(width) = layout.width {
        while least(&heads, &rows) > width {
            let Some(index) = least_wanted(&heads) else { break };
            dropped.push(heads.remove(index).name);
            rows.iter_mut().for_each(|row| drop(row.remove(index)));
        }
        cut(&heads, &mut rows, width);
    }
    dropped.reverse();
    (draw(&heads, rows, layout), dropped)
}

fn clean(cell: Cell) -> Cell {
    let text = if cell.text.is_empty() { "-".to_owned() } else { escape(&cell.text).into_owned() };
    Cell { text, ..cell }
}

fn widths(heads: &[Head], rows: &[Vec<Cell>]) -> Vec<usize> {
    let mut table = Table::new();
    table.set_header(heads.iter().map(|head| head.name));
    for row in rows {
        table.add_row(row.iter().map(|cell| cell.text.as_str()));
    }
    table.column_max_content_widths().into_iter().map(usize::from).collect()
}

fn needed(heads: &[Head], rows: &[Vec<Cell>]) -> usize {
    widths(heads, rows).iter().sum::<usize>() + 2 * heads.len().saturating_sub(1)
}

/// The same with free texts cut.
fn least(heads: &[Head], rows: &[Vec<Cell>]) -> usize {
    let spare = |(head, width): (&Head, usize)| if head.text { width.saturating_sub(READABLE) } else { 0 };
    needed(heads, rows) - heads.iter().zip(widths(heads, rows)).map(spare).sum::<usize>()
}

fn least_wanted(heads: &[Head]) -> Option<usize> {
    let ranked = heads.iter().enumerate().filter(|(_, head)| head.rank > 0);
    ranked.max_by_key(|(_, head)| head.rank).map(|(index, _)| index)
}

/// Shortens the free text, or else the widest column, until the rest fits, down to eight characters.
fn cut(heads: &[Head], rows: &mut [Vec<Cell>], width: usize) {
    let excess = needed(heads, rows).saturating_sub(width);
    let widths = widths(heads, rows);
    let text = |index: usize| heads.get(index).is_some_and(|head| head.text);
    let most = widths.into_iter().enumerate().max_by_key(|(index, width)| (text(*index), *width));
    let Some((index, widest)) = most else { return };
    if excess == 0 {
        return;
    }
    let room = widest.saturating_sub(excess).max(8);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(index)) {
        if cell.text.chars().count() > room {
            cell.text = cell.text.chars().take(room - 1).chain(['…']).collect();
        }
    }
}

fn draw(heads: &[Head], rows: Vec<Vec<Cell>>, layout: Layout) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if layout.style.colour {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    if layout.header {
        table.set_header(heads.iter().map(|head| TableCell::new(head.name).add_attribute(Attribute::Bold)));
    }
    for row in rows {
        table.add_row(row.into_iter().map(drawn));
    }
    // Colours keep the blanks at a line's end from being trimmed: there must be none after the last column.
    let last = heads.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn drawn(cell: Cell) -> TableCell {
    let drawn = TableCell::new(cell.text);
    match cell.tone {
        None => drawn,
        Some(Tone::Good) => drawn.fg(Color::DarkGreen),
        Some(Tone::Warn) => drawn.fg(Color::DarkYellow),
        Some(Tone::Bad) => drawn.fg(Color::DarkRed),
        Some(Tone::Dim) => drawn.add_attribute(Attribute::Dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: &[Head] = &[
        Head { name: "NAME", rank: 0, text: false },
        Head { name: "PLACE", rank: 1, text: false },
        Head { name: "AGE", rank: 2, text: false },
    ];

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["ams".into(), "Amsterdam, Science Park".into(), "3m".into()],
            vec!["fra\u{1b}[0m".into(), "".into(), "2d4h".into()],
        ]
    }

    fn layout(width: Option<usize>) -> Layout {
        Layout { width, style: Style::PLAIN, header: true }
    }

    #[test]
    fn a_pipe_cuts_nothing_and_lines_have_no_tail() {
        let (text, dropped) = render(HEADS, rows(), layout(None));
        let expected = "NAME            PLACE                    AGE\n\
                        ams             Amsterdam, Science Park  3m\n\
                        fra\\u{1b}[0m    -                        2d4h\n";
        assert_eq!(
            text,
            expected
                .replace("[0m    -", "[0m  -")
                .replace("NAME            P", "NAME          P")
                .replace("ams             A", "ams           A")
        );
        assert!(dropped.is_empty());
    }

    #[test]
    fn a_narrow_terminal_loses_columns_by_rank_and_then_letters() {
        let (text, dropped) = render(HEADS, rows(), layout(Some(40)));
        assert_eq!(dropped, ["AGE"]);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        let (text, dropped) = render(HEADS, rows(), layout(Some(10)));
        assert_eq!(dropped, ["PLACE", "AGE"]);
        assert!(text.contains('…') && text.lines().count() == 3, "{text}");
    }

    #[test]
    fn a_long_text_is_cut_before_a_column_is_dropped() {
        let heads = [
            Head::fixed("NUMBER"),
            Head { name: "TYPE", rank: 2, text: false },
            Head { name: "MESSAGE", rank: 0, text: true },
        ];
        let row = || vec![vec!["12".into(), "bundle.applied".into(), "x".repeat(150).into()]];
        let (text, dropped) = render(&heads, row(), layout(Some(70)));
        assert!(dropped.is_empty() && text.contains("bundle.applied") && text.contains("xxx…"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 70), "{text}");
        let (_, dropped) = render(&heads, row(), layout(Some(60)));
        assert_eq!(dropped, ["TYPE"]);
    }
}
