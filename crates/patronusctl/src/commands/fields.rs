//! Objects from flags: only what was given, so that the same set makes a request, a patch or a comparison.

use std::collections::BTreeMap;

use patronus_types::Name;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{CliError, Exit, Fault, Result};

/// The fields that were given.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub Map<String, Value>);

impl Fields {
    /// Adds a field that was given.
    pub fn set<T: Serialize>(&mut self, name: &str, value: Option<T>) -> Result {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), json(&value)?);
        }
        Ok(())
    }

    /// Adds a text that was given; an empty one takes the field back to nothing.
    pub fn text(&mut self, name: &str, value: Option<&String>) -> Result {
        match value {
            Some(text) if text.is_empty() => self.set(name, Some(Value::Null)),
            value => self.set(name, value),
        }
    }

    /// Adds a list that was given.
    pub fn list<T: Serialize>(&mut self, name: &str, values: &[T]) -> Result {
        self.set(name, Some(values).filter(|values| !values.is_empty()))
    }

    /// Adds those entries of a map that were given; one without a value is taken out.
    pub fn map<'a, T: Serialize>(
        &mut self,
        name: &str,
        entries: impl Iterator<Item = (&'a Name, Option<T>)>,
    ) -> Result {
        let entries: BTreeMap<&Name, Option<T>> = entries.collect();
        self.set(name, Some(entries).filter(|entries| !entries.is_empty()))
    }

    /// The whole object. Nothing, which only means something to a patch, is left out.
    pub fn into_object<T: DeserializeOwned>(mut self) -> Result<T> {
        self.0.retain(|_, value| !value.is_null());
        for map in self.0.values_mut().filter_map(Value::as_object_mut) {
            map.retain(|_, value| !value.is_null());
        }
        serde_json::from_value(Value::Object(self.0)).map_err(|error| CliError::usage(error.to_string()))
    }

    /// The merge patch.
    pub fn into_patch(self) -> Result<Value> {
        if self.0.is_empty() {
            return Err(CliError::usage("nothing is to be changed").help("name a field by its flag: see --help"));
        }
        Ok(Value::Object(self.0))
    }

    /// Refuses an object that exists and is not as asked for.
    pub fn must_be_in<T: Serialize>(&self, existing: &T, kind: &str, name: &str) -> Result {
        let faults = self.differing(existing)?;
        if faults.is_empty() {
            return Ok(());
        }
        let error = CliError::new(Exit::Conflict, format!("{kind} `{name}` exists and is not as asked for"));
        Err(error.faults(faults).help(format!("patronusctl {kind} update {name}")))
    }

    /// The fields in which an object that exists is not as asked for.
    fn differing<T: Serialize>(&self, existing: &T) -> Result<Vec<Fault>> {
        let existing = json(existing)?;
        let differs = |(name, wanted): (&String, &Value)| {
            let found = existing.get(name)?;
            (!covers(found, wanted)).then(|| Fault {
                place: name.clone(),
                what: format!("it is {found}, not {wanted}"),
                excerpt: None,
            })
        };
        Ok(self.0.iter().filter_map(differs).collect())
    }
}

/// Whether everything that is wanted is there.
fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| covers(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| covers(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// A value as the API has it.
pub fn json<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| CliError::new(Exit::Bug, "a value cannot be written").cause(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_given_is_compared() {
        let mut fields = Fields::default();
        fields.set("mtu", Some(1400)).unwrap();
        fields.list("uplinks", &[json!({"name": "fibre"})]).unwrap();
        fields.text("region", Some(&String::new())).unwrap();
        let existing = json!({"mtu": 1380, "uplinks": [{"name": "fibre", "cost": 100}], "region": null, "other": 1});
        let faults = fields.differing(&existing).unwrap();
        assert_eq!(faults.len(), 1);
        assert_eq!((faults[0].place.as_str(), faults[0].what.as_str()), ("mtu", "it is 1380, not 1400"));
        assert_eq!(fields.clone().into_patch().unwrap()["region"], Value::Null);
        assert!(Fields::default().into_patch().is_err());
    }
}
