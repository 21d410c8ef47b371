//! Objects of the API: lists of them, one of them, what became of one.

use serde::Serialize;
use serde_json::Value;

use super::table::{Layout, render};
use super::value::{cell, check_field, compare, project};
use super::{Cell, Format, Head, Output};
use crate::error::{CliError, Exit, Result};

/// A column of a kind of object.
pub struct Column<T> {
    /// Its name and rank.
    pub head: Head,
    /// Only in `wide`.
    pub wide: bool,
    /// Only where one of the objects has something to say in it.
    pub optional: bool,
    /// What it says of an object.
    pub cell: fn(&T, &Output) -> Cell,
}

impl<T> Column<T> {
    /// A column that always stays.
    pub fn fixed(name: &'static str, cell: fn(&T, &Output) -> Cell) -> Self {
        Self { head: Head::fixed(name), wide: false, optional: false, cell }
    }

    /// A column that gives way, the greatest rank first.
    pub fn ranked(rank: u8, name: &'static str, cell: fn(&T, &Output) -> Cell) -> Self {
        Self { head: Head { name, rank, text: false }, wide: false, optional: false, cell }
    }

    /// A column that always stays, where one of the objects has something to say in it.
    pub fn optional(name: &'static str, cell: fn(&T, &Output) -> Cell) -> Self {
        Self { optional: true, ..Self::fixed(name, cell) }
    }

    /// A column of free text; of rank 0 it always stays.
    pub fn text(rank: u8, name: &'static str, cell: fn(&T, &Output) -> Cell) -> Self {
        Self { head: Head { name, rank, text: true }, ..Self::fixed(name, cell) }
    }

    /// A column of `wide`.
    pub fn wide(name: &'static str, cell: fn(&T, &Output) -> Cell) -> Self {
        Self { head: Head { name, rank: 100, text: false }, wide: true, optional: false, cell }
    }
}

/// A kind of object that can be shown.
pub trait Object: Serialize + Sized {
    /// The word before the slash.
    const KIND: &'static str;
    /// What people call it.
    fn name(&self) -> String;
    /// Its id.
    fn id(&self) -> String;
    /// What `-o name` prints of it, which stdin takes back.
    fn reference(&self) -> String {
        format!("{}/{}", Self::KIND, self.name())
    }
    /// Its columns.
    fn columns() -> Vec<Column<Self>>;
}

impl Output {
    /// Shows a list: sorted and cut as asked. `more` says that the server has more than was fetched.
    pub fn list<T: Object>(&self, mut objects: Vec<T>, mut more: bool) -> Result {
        if let Some(by) = &self.view.sort_by {
            objects = self.sorted(objects, by)?;
        }
        if let Some(limit) = self.view.limit.filter(|limit| *limit < objects.len()) {
            objects.truncate(limit);
            more = true;
        }
        self.objects(&objects)?;
        if more {
            self.notice(&format!("there are more: these are the first {}", objects.len()));
        }
        if objects.is_empty() && self.view.format.is_human() {
            self.notice(&format!("no {}", plural(T::KIND)));
        }
        Ok(())
    }

    fn sorted<T: Object>(&self, objects: Vec<T>, by: &super::SortBy) -> Result<Vec<T>> {
        let mut pairs =
            objects.into_iter().map(|object| Ok((value_of(&object)?, object))).collect::<Result<Vec<_>>>()?;
        if let Some((value, _)) = pairs.first() {
            check_field(value, &by.field)?;
        }
        pairs.sort_by(|left, right| compare(&left.0, &right.0, by));
        Ok(pairs.into_iter().map(|(_, object)| object).collect())
    }

    /// Shows several objects as a list.
    pub fn objects<T: Object>(&self, objects: &[T]) -> Result {
        match self.view.format {
            Format::Name => self.lines(objects.iter().map(T::reference)),
            Format::Id => self.lines(objects.iter().map(T::id)),
            _ if !self.view.fields.is_empty() => self.picked(&values_of(objects)?, true),
            Format::Table | Format::Wide => self.table(objects),
            Format::Jsonl => {
                let lines = objects.iter().map(|object| self.machine(object)).collect::<Result<Vec<_>>>()?;
                self.write(&lines.concat())
            }
            Format::Json | Format::Yaml => self.write(&self.machine(&objects)?),
        }
    }

    /// Shows one object.
    pub fn object<T: Object>(&self, object: &T) -> Result {
        match self.view.format {
            Format::Json | Format::Jsonl | Format::Yaml => self.answer(object),
            _ => self.objects(std::slice::from_ref(object)),
        }
    }

    /// Shows any value in a form for programs, or only the fields that were asked for: of each, where it is a list.
    pub(super) fn answer<T: Serialize>(&self, value: &T) -> Result {
        if self.view.fields.is_empty() && self.view.format != Format::Jsonl {
            return self.write(&self.machine(value)?);
        }
        match value_of(value)? {
            Value::Array(items) if self.view.fields.is_empty() => self.lines(items.iter().map(ToString::to_string)),
            Value::Array(items) => self.picked(&items, true),
            _ if self.view.fields.is_empty() => self.write(&self.machine(value)?),
            value => self.picked(&[value], false),
        }
    }

    /// Shows the fields that were asked for.
    fn picked(&self, values: &[Value], as_list: bool) -> Result {
        let values = self.projected(values)?;
        match (self.view.format, values.first()) {
            (Format::Json | Format::Yaml, Some(only)) if !as_list => self.write(&self.machine(only)?),
            (Format::Json | Format::Yaml, _) => self.write(&self.machine(&values)?),
            (Format::Jsonl, _) => self.lines(values.iter().map(ToString::to_string)),
            _ => self.field_table(&values),
        }
    }

    /// Tells what became of an object: a line for people, else the object itself.
    pub fn done<T: Object>(&self, object: &T, what: &str, dry_run: bool) -> Result {
        if !self.view.format.is_human() {
            return self.object(object);
        }
        self.outcome(T::KIND, &object.name(), what, dry_run)
    }

    /// Tells what became of something that is no more.
    pub fn outcome(&self, kind: &str, name: &str, what: &str, dry_run: bool) -> Result {
        let suffix = if dry_run { " (dry run)" } else { "" };
        match self.view.format {
            Format::Table | Format::Wide => self.write(&format!("{kind} {name} {what}{suffix}\n")),
            Format::Name => self.write(&format!("{kind}/{name}\n")),
            Format::Id => self.write(&format!("{name}\n")),
            _ => {
                let outcome = serde_json::json!({"kind": kind, "name": name, "outcome": what, "dry_run": dry_run});
                self.write(&self.machine(&outcome)?)
            }
        }
    }

    /// Shows one object of a stream: each on lines of its own, so that a reader can take them as they come.
    pub fn objects_line<T: Object>(&self, object: &T) -> Result {
        match self.view.format {
            // A stream is no document; an object a line is the only JSON it can be.
            Format::Json | Format::Jsonl if self.view.fields.is_empty() => {
                self.write(&format!("{}\n", serde_json::to_string(object).unwrap_or_default()))
            }
            Format::Json | Format::Jsonl => {
                self.lines(self.projected(&[value_of(object)?])?.iter().map(ToString::to_string))
            }
            Format::Yaml => self.write(&format!("---\n{}", self.machine(object)?)),
            _ => self.objects(std::slice::from_ref(object)),
        }
    }

    fn lines(&self, lines: impl Iterator<Item = String>) -> Result {
        self.write(&lines.map(|line| line + "\n").collect::<String>())
    }

    fn table<T: Object>(&self, objects: &[T]) -> Result {
        let wide = self.view.format == Format::Wide;
        let says = |column: &Column<T>| objects.iter().any(|object| !(column.cell)(object, self).text.is_empty());
        let shown = |column: &Column<T>| (wide || !column.wide) && (!column.optional || says(column));
        let columns: Vec<Column<T>> = T::columns().into_iter().filter(shown).collect();
        let rows = objects.iter().map(|object| columns.iter().map(|column| (column.cell)(object, self)).collect());
        let heads: Vec<Head> = columns.iter().map(|column| column.head).collect();
        self.rows(&heads, rows.collect())
    }

    /// Shows any rows as a table.
    pub fn rows(&self, heads: &[Head], rows: Vec<Vec<Cell>>) -> Result {
        if rows.is_empty() {
            return Ok(());
        }
        let (text, dropped) = render(heads, rows, self.layout());
        self.write(&text)?;
        if !dropped.is_empty() {
            self.notice(&format!(
                "too narrow for {}; -o wide into a file, or --fields, shows them",
                dropped.join(", ")
            ));
        }
        Ok(())
    }

    /// Any rows as the text of a table.
    pub fn rows_text(&self, heads: &[Head], rows: Vec<Vec<Cell>>) -> String {
        if rows.is_empty() { String::new() } else { render(heads, rows, self.layout()).0 }
    }

    fn layout(&self) -> Layout {
        let wide = self.view.format == Format::Wide;
        Layout { width: self.width.filter(|_| !wide), style: self.style, header: !self.view.no_headers }
    }

    fn field_table(&self, values: &[Value]) -> Result {
        let heads: Vec<String> = self.view.fields.iter().map(|field| field.to_uppercase()).collect();
        let cells = |value: &Value| self.view.fields.iter().map(|field| cell(value.get(field)).into()).collect();
        let mut rows: Vec<Vec<Cell>> = values.iter().map(cells).collect();
        if !self.view.no_headers && !rows.is_empty() {
            rows.insert(0, heads.into_iter().map(Cell::from).collect());
        }
        let nameless: Vec<Head> = self.view.fields.iter().map(|_| Head::fixed("")).collect();
        let layout = Layout { header: false, ..self.layout() };
        self.write(&render(&nameless, rows, layout).0)
    }

    fn projected(&self, values: &[Value]) -> Result<Vec<Value>> {
        if let Some(first) = values.first() {
            self.view.fields.iter().try_for_each(|field| check_field(first, field))?;
        }
        Ok(values.iter().map(|value| project(value, &self.view.fields)).collect())
    }
}

fn values_of<T: Serialize>(objects: &[T]) -> Result<Vec<Value>> {
    objects.iter().map(value_of).collect()
}

fn value_of<T: Serialize>(object: &T) -> Result<Value> {
    serde_json::to_value(object).map_err(|error| CliError::new(Exit::Bug, "an object cannot be written").cause(error))
}

/// The plural of a kind.
pub fn plural(kind: &str) -> String {
    format!("{kind}s")
}
