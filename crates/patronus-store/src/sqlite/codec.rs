//! Values as columns: text for what has a text form, JSON for declared things, integers of milliseconds for times.
//!
//! [`Columns`] reads a row from left to right, so that a reading function and its list of columns stand in one order.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

use patronus_types::{Digest, Timestamp};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What has a text form: ids, names, keys.
pub(super) struct Text<T>(pub T);

/// A value as JSON.
pub(super) struct Json<T>(pub T);

/// A plain enum by the word it has in JSON.
pub(super) struct Word<T>(pub T);

/// A time in milliseconds since 1970.
pub(super) struct Ms(pub Timestamp);

/// A time as [`Ms`] keeps it.
pub(super) fn as_kept(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// A digest as its 32 bytes.
pub(super) struct Sha(pub Digest);

fn unreadable<E: Error + Send + Sync + 'static>(error: E) -> FromSqlError {
    FromSqlError::Other(Box::new(error))
}

fn unwritable<E: Error + Send + Sync + 'static>(error: E) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

impl<T: Display> ToSql for Text<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        // Room for an id: to grow piece by piece costs as much as all else here.
        let mut text = String::with_capacity(40);
        write!(text, "{}", self.0).map_err(unwritable)?;
        Ok(text.into())
    }
}

impl<T: FromStr<Err: Error + Send + Sync + 'static>> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(unreadable)
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0).map(Into::into).map_err(unwritable)
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(unreadable)
    }
}

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let mut quoted = serde_json::to_string(&self.0).map_err(unwritable)?;
        quoted.pop();
        quoted.remove(0);
        Ok(quoted.into())
    }
}

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(value.as_str()?);
        T::deserialize(word).map(Self).map_err(unreadable)
    }
}

impl ToSql for Ms {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Ms {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Timestamp::from_millisecond(value.as_i64()?).map(Self).map_err(unreadable)
    }
}

impl ToSql for Sha {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.0.as_slice().into())
    }
}

impl FromSql for Sha {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(|bytes| Self(Digest(bytes)))
    }
}

/// A row, read from left to right.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    /// Begins at the first column.
    pub(super) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// A column that needs no translation.
    pub(super) fn plain<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }

    /// Something by its text form.
    pub(super) fn text<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self) -> rusqlite::Result<T> {
        self.plain::<Text<T>>().map(|Text(value)| value)
    }

    /// Something by its text form, or NULL.
    pub(super) fn maybe_text<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self) -> rusqlite::Result<Option<T>> {
        self.plain::<Option<Text<T>>>().map(|found| found.map(|Text(value)| value))
    }

    /// Values by their text forms with spaces between.
    pub(super) fn texts<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self) -> rusqlite::Result<Vec<T>> {
        let index = self.next;
        let joined: String = self.plain()?;
        let unreadable =
            |error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error));
        joined.split_ascii_whitespace().map(|part| part.parse().map_err(unreadable)).collect()
    }

    /// A value kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        self.plain::<Json<T>>().map(|Json(value)| value)
    }

    /// A value kept as JSON, or NULL.
    pub(super) fn maybe_json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Option<T>> {
        self.plain::<Option<Json<T>>>().map(|found| found.map(|Json(value)| value))
    }

    /// An enum by its word.
    pub(super) fn word<T: DeserializeOwned>(&mut self) -> rusqlite::Result<T> {
        self.plain::<Word<T>>().map(|Word(value)| value)
    }

    /// A time.
    pub(super) fn time(&mut self) -> rusqlite::Result<Timestamp> {
        self.plain::<Ms>().map(|Ms(value)| value)
    }

    /// A time, or NULL.
    pub(super) fn maybe_time(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        self.plain::<Option<Ms>>().map(|found| found.map(|Ms(value)| value))
    }

    /// A digest.
    pub(super) fn digest(&mut self) -> rusqlite::Result<Digest> {
        self.plain::<Sha>().map(|Sha(value)| value)
    }
}

/// Values by their text forms with spaces between; none of them holds one.
pub(super) fn joined<T: Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
