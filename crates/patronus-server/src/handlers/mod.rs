//! The handlers, a file a noun. Each gets a [`Call`](crate::extract::Call) whose permission has been checked.

pub mod agent;
pub mod apply;
pub mod auth;
pub mod bundles;
pub mod events;
pub mod health;
pub mod networks;
pub mod openapi;
pub mod paths;
pub mod policies;
pub mod releases;
pub mod rotations;
pub mod sites;
pub mod tokens;

use patronus_store::{Page, Paged, StoreError};
use patronus_types::api::error::{ErrorCode, Fault};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::extract::parse_value;

/// Refuses a value with faults.
fn valid(faults: Vec<Fault>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::faults(ErrorCode::Invalid, faults)) }
}

/// Applies a merge patch (RFC 7396) and reads the outcome.
fn patched<T: DeserializeOwned>(mut object: Value, patch: Map<String, Value>) -> Result<T> {
    merge(&mut object, Value::Object(patch));
    parse_value(object, "")
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (key, value) in patch {
            match value {
                Value::Null => {
                    fields.remove(&key);
                }
                value => merge(fields.entry(key).or_insert(Value::Null), value),
            }
        }
    }
}

/// Reads every page of a list.
async fn every<T, F>(mut page_of: impl FnMut(Page) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<Paged<T>, StoreError>>,
{
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let page = page_of(Page { limit: patronus_types::api::page::MAX_LIMIT, cursor, count: false }).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(items),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7396() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r#"{}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut value: Value = serde_json::from_str(original).unwrap();
            merge(&mut value, serde_json::from_str(patch).unwrap());
            assert_eq!(value, serde_json::from_str::<Value>(result).unwrap());
        }
    }
}
