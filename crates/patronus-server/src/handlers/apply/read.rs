//! Reading manifests one by one, so that a fault is told with its document and its place in it.

use patronus_types::api::error::ErrorCode;
use patronus_types::manifest::Manifest;
use patronus_types::network::NetworkSpec;
use patronus_types::policy::PolicyInput;
use patronus_types::site::SiteInput;
use patronus_types::words;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::extract::parse_value;

const MAX_DOCUMENTS: usize = 10_000;
const MAX_FAULTS: usize = 100;

/// The manifests of a body, or the faults of all of them.
pub fn documents(body: Value) -> Result<Vec<Manifest>> {
    let documents = list(body)?;
    let mut manifests = Vec::with_capacity(documents.len());
    let mut faults = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        match manifest(document, &format!("/documents/{index}")) {
            Ok(manifest) => manifests.push(manifest),
            Err(error) if faults.len() < MAX_FAULTS => faults.extend(error.into_faults()),
            Err(_) => {}
        }
    }
    if faults.is_empty() { Ok(manifests) } else { Err(Error::faults(ErrorCode::Invalid, faults)) }
}

fn list(body: Value) -> Result<Vec<Value>> {
    let Value::Object(mut body) = body else {
        return Err(Error::invalid("", "send an object with the manifests in `documents`"));
    };
    let documents = body.remove("documents");
    if let Some(unknown) = body.keys().next() {
        return Err(Error::invalid(format!("/{unknown}"), words::none_of(unknown, "field here", &["documents"])));
    }
    match documents {
        Some(Value::Array(documents)) if documents.len() <= MAX_DOCUMENTS => Ok(documents),
        Some(Value::Array(_)) => Err(Error::invalid("/documents", format_args!("at most {MAX_DOCUMENTS}"))),
        Some(_) => Err(Error::invalid("/documents", "a list of manifests")),
        None => Err(Error::invalid("", "send the manifests in `documents`")),
    }
}

/// `kind` first, then the object: read as one, a fault would lose its place.
fn manifest(document: Value, pointer: &str) -> Result<Manifest> {
    let Value::Object(mut fields) = document else {
        return Err(Error::invalid(pointer, "a manifest is an object with `kind` and the object's own fields"));
    };
    match kind(&mut fields).as_deref() {
        Some("network") => parse_value::<NetworkSpec>(Value::Object(fields), pointer).map(Manifest::Network),
        Some("site") => parse_value::<SiteInput>(Value::Object(fields), pointer).map(Box::new).map(Manifest::Site),
        Some("policy") => {
            parse_value::<PolicyInput>(Value::Object(fields), pointer).map(Box::new).map(Manifest::Policy)
        }
        Some(other) => {
            let detail = words::none_of(other, "kind of manifest", &["network", "site", "policy"]);
            Err(Error::invalid(format!("{pointer}/kind"), detail))
        }
        None => Err(Error::invalid(format!("{pointer}/kind"), "say which kind it is: `network`, `site` or `policy`")),
    }
}

fn kind(fields: &mut Map<String, Value>) -> Option<String> {
    fields.remove("kind")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_are_told_with_their_places() {
        let body = json!({"documents": [
            {"kind": "site", "name": "ok"},
            {"kind": "site", "name": "x", "uplinks": [{"name": "a", "cost": "much"}]},
            {"kind": "rule"},
            {"name": "y"},
        ]});
        let error = documents(body).unwrap_err();
        let places: Vec<_> = error.into_faults().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(places, ["/documents/1/uplinks/0/cost", "/documents/2/kind", "/documents/3/kind"]);
        assert!(documents(json!({"documents": [], "more": 1})).is_err());
        assert!(documents(json!([])).is_err());
    }
}
