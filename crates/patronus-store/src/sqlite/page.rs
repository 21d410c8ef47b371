//! Pages of a list: one row more than asked tells whether there is another page; its cursor is the last row's place.

use std::str::FromStr;

use patronus_types::api::page::{DEFAULT_LIMIT, MAX_LIMIT};
use rusqlite::{Connection, Params, Row};

use super::failure::Outcome;
use super::unit::{row, rows};
use crate::{Page, Paged, StoreError};

/// How many rows to ask the database for.
pub(super) fn fetch(page: &Page) -> u32 {
    limit(page) + 1
}

fn limit(page: &Page) -> u32 {
    match page.limit {
        0 => DEFAULT_LIMIT,
        limit => limit.min(MAX_LIMIT),
    }
}

/// Where the page before ended, in the list's own terms.
pub(super) fn place<T: FromStr>(page: &Page) -> Outcome<Option<T>> {
    let parse = |cursor: &String| cursor.parse().map_err(|_| StoreError::Cursor.into());
    page.cursor.as_ref().map(parse).transpose()
}

/// The same for lists that are ordered by name, then id: `name:id`.
pub(super) fn named_place(page: &Page) -> Outcome<(String, String)> {
    let split = |cursor: &String| {
        let (name, id) = cursor.split_once(':').ok_or(StoreError::Cursor)?;
        Ok::<_, StoreError>((name.to_owned(), id.to_owned()))
    };
    // Before the first name.
    Ok(page.cursor.as_ref().map(split).transpose()?.unwrap_or_default())
}

/// Cuts off the row that only showed that there is more.
pub(super) fn cut<T>(mut items: Vec<T>, page: &Page, total: Option<u64>, cursor: impl Fn(&T) -> String) -> Paged<T> {
    let limit = usize::try_from(limit(page)).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Paged { items, next, total }
}

/// Reads a page. `list` is ordered and limited by [`fetch`]; `count` is asked only if the page wants it.
pub(super) fn read<T, P: Params, Q: Params>(
    connection: &Connection,
    page: &Page,
    (list, params): (&str, P),
    (count, count_params): (&str, Q),
    (item, cursor): (impl FnMut(&Row<'_>) -> rusqlite::Result<T>, impl Fn(&T) -> String),
) -> Outcome<Paged<T>> {
    let items = rows(connection, list, params, item)?;
    let total = if page.count { row(connection, count, count_params, |row| row.get(0))? } else { None };
    Ok(cut(items, page, total, cursor))
}
