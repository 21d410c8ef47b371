//! Which fields of two objects differ.

use serde_json::Value;

/// The fields that differ, with a dot between levels; lists are compared whole.
pub fn differing(before: &Value, after: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    walk("", before, after, &mut fields);
    fields
}

fn walk(path: &str, before: &Value, after: &Value, fields: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or(Value::Null);
                walk(&path, &of(old), &of(new), fields);
            }
        }
        _ => fields.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_by_their_path() {
        let before = json!({"name": "a", "labels": {"x": "1", "y": "2"}, "uplinks": [1], "via": null});
        let after = json!({"name": "a", "labels": {"x": "1", "z": "2"}, "uplinks": [2], "via": null});
        assert_eq!(differing(&before, &after), ["labels.y", "labels.z", "uplinks"]);
        assert!(differing(&before, &before).is_empty());
    }
}
