//! What a change changed, a line for each field, so that nothing goes unsaid.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::fields::json;
use crate::error::Result;

/// The differences between an object before and after.
pub fn changes<T: Serialize>(before: &T, after: &T) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    compare("", &json(before)?, &json(after)?, &mut lines);
    Ok(lines)
}

fn compare(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let parts = |map: &serde_json::Map<String, Value>| map.clone().into_iter().collect();
            each(path, &parts(before), &parts(after), lines);
        }
        (Value::Array(before), Value::Array(after)) => each(path, &members(before), &members(after), lines),
        (before, after) if before == after => {}
        (before, after) => match (is_nothing(before), is_nothing(after)) {
            (true, true) => {}
            (true, false) => lines.push(format!("+ {path}: {}", text(after))),
            (false, true) => lines.push(format!("- {path}: {}", text(before))),
            (false, false) => lines.push(format!("~ {path}: {} → {}", text(before), text(after))),
        },
    }
}

fn each(path: &str, before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, lines: &mut Vec<String>) {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = match (path, name.split_once(' ')) {
            ("", _) => name.clone(),
            // A value among others: it has no name below the list's.
            (path, Some(("", _))) => path.to_owned(),
            (path, _) => format!("{path}.{name}"),
        };
        let part = |parts: &BTreeMap<String, Value>| parts.get(name).cloned().unwrap_or_default();
        compare(&path, &part(before), &part(after), lines);
    }
}

/// The members of a list, by their names; values that have none by themselves, with a space before.
fn members(list: &[Value]) -> BTreeMap<String, Value> {
    let key = |member: &Value| match member.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => format!(" {}", text(member)),
    };
    list.iter().map(|member| (key(member), member.clone())).collect()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let told = fields.iter().filter(|(name, value)| *name != "name" && !is_nothing(value));
            told.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(",")
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_that_changed_has_a_line() {
        let before = json!({
            "location": "Amsterdam", "region": "eu", "prefixes": ["10.1.0.0/24", "10.2.0.0/24"], "labels": {"a": "1"},
            "uplinks": [{"name": "fibre", "endpoint": "192.0.2.1", "cost": 100}, {"name": "lte", "endpoint": null, "cost": 500}],
        });
        let after = json!({
            "location": "", "region": "eu", "prefixes": ["10.2.0.0/24", "10.3.0.0/24"], "labels": {"a": "2", "b": "3"},
            "uplinks": [{"name": "fibre", "endpoint": "192.0.2.9", "cost": 100}],
        });
        let said = [
            "~ labels.a: 1 → 2",
            "+ labels.b: 3",
            "- location: Amsterdam",
            "- prefixes: 10.1.0.0/24",
            "+ prefixes: 10.3.0.0/24",
            "~ uplinks.fibre.endpoint: 192.0.2.1 → 192.0.2.9",
            "- uplinks.lte: cost=500",
        ];
        assert_eq!(changes(&before, &after).unwrap(), said);
        assert_eq!(changes(&after, &after).unwrap(), Vec::<String>::new());
    }
}
