//! Fields of objects by their dotted names: choosing, sorting.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::error::{CliError, Result};
use patronus_types::words::nearest;

/// A field to sort by, and in which direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortBy {
    /// Its dotted name.
    pub field: String,
    /// Greatest first.
    pub descending: bool,
}

impl std::str::FromStr for SortBy {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (field, descending) = match text.rsplit_once(':') {
            Some((field, "desc")) => (field, true),
            Some((field, "asc")) => (field, false),
            Some(_) => return Err("write FIELD, FIELD:asc or FIELD:desc".to_owned()),
            None => (text, false),
        };
        if field.is_empty() {
            Err("it names no field".to_owned())
        } else {
            Ok(Self { field: field.to_owned(), descending })
        }
    }
}

/// The field of an object, if it is there.
pub fn field<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Refuses a field that no object of the kind has.
pub fn check_field(value: &Value, path: &str) -> Result {
    let Some(object) = value.as_object() else { return Ok(()) };
    let first = path.split('.').next().unwrap_or_default();
    if object.contains_key(first) {
        return Ok(());
    }
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let error = CliError::usage(format!("there is no field `{path}`"));
    Err(match nearest(first, names.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("the fields are {}", names.join(", "))),
    })
}

/// Only the named fields, each under the name that was asked for.
pub fn project(value: &Value, fields: &[String]) -> Value {
    let pick = |path: &String| (path.clone(), field(value, path).cloned().unwrap_or(Value::Null));
    Value::Object(fields.iter().map(pick).collect::<Map<_, _>>())
}

/// Orders two objects by a field; what has no value comes last, in either direction.
pub fn compare(left: &Value, right: &Value, by: &SortBy) -> Ordering {
    let present = |value| field(value, &by.field).filter(|value| !value.is_null());
    match (present(left), present(right)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) if by.descending => order(right, left),
        (Some(left), Some(right)) => order(left, right),
    }
}

fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => left.to_string().cmp(&right.to_string()),
    }
}

/// A value in a cell of a table.
pub fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_value_sorts_last_in_both_directions() {
        for (text, expected) in [("n", [1, 2, 0]), ("n:desc", [2, 1, 0])] {
            let by: SortBy = text.parse().unwrap();
            let mut objects = [json!({"n": null, "i": 0}), json!({"n": 10, "i": 2}), json!({"n": 9, "i": 1})];
            objects.sort_by(|left, right| compare(left, right, &by));
            assert_eq!(objects.map(|object| object["i"].as_u64().unwrap()), expected);
        }
        assert!("n:up".parse::<SortBy>().is_err());
    }

    #[test]
    fn an_unknown_field_is_refused_with_a_suggestion() {
        let error = check_field(&json!({"name": 1}), "nmae").unwrap_err();
        assert_eq!(error.help, ["did you mean `name`?"]);
        assert!(check_field(&json!({"agent": null}), "agent.version").is_ok());
    }
}
