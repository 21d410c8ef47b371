//! Reading a body: its type, its length, and where in it a value does not hold.

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use patronus_core::digest::sha256;
use patronus_types::api::error::ErrorCode;
use patronus_types::{Digest, words};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Call;
use crate::error::{Error, Result};

/// What is said of a field that is not there.
pub(super) const MISSING: &str = "this must be given";

/// The largest JSON body but for sets of manifests.
pub const MAX_JSON: usize = 1024 * 1024;

impl Call {
    /// The body as JSON, every field known and valid.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.expect_type(&["application/json"])?;
        parse(&self.bytes(MAX_JSON).await?)
    }

    /// The same, where no body at all means the default.
    pub async fn json_or_default<T: DeserializeOwned + Default>(&mut self) -> Result<T> {
        if self.headers().contains_key(CONTENT_TYPE) {
            return self.json().await;
        }
        match self.bytes(MAX_JSON).await?.is_empty() {
            true => Ok(T::default()),
            false => Err(wrong_type(&["application/json"])),
        }
    }

    /// A JSON body of any shape up to a length.
    pub async fn json_value(&mut self, limit: usize) -> Result<Value> {
        self.expect_type(&["application/json"])?;
        parse(&self.bytes(limit).await?)
    }

    /// A merge patch (RFC 7396): an object.
    pub async fn patch(&mut self) -> Result<serde_json::Map<String, Value>> {
        self.expect_type(&["application/merge-patch+json", "application/json"])?;
        match parse(&self.bytes(MAX_JSON).await?)? {
            Value::Object(patch) => Ok(patch),
            _ => Err(Error::invalid("", "a patch is an object with the fields to change")),
        }
    }

    /// A body of one of some types, up to a length.
    pub async fn archive(&mut self, types: &[&str], limit: usize) -> Result<Bytes> {
        self.expect_type(types)?;
        self.bytes(limit).await
    }

    /// SHA-256 of the query and the body as far as it was read.
    pub(super) fn digest(&self) -> Digest {
        let body = self.body_digest.unwrap_or_else(|| sha256(b""));
        sha256(&[&body.0[..], self.uri().query().unwrap_or_default().as_bytes()].concat())
    }

    async fn bytes(&mut self, limit: usize) -> Result<Bytes> {
        let too_large = || Error::new(ErrorCode::TooLarge, format_args!("the body is larger than {limit} bytes"));
        let told =
            self.headers().get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if told.is_some_and(|length: usize| length > limit) {
            return Err(too_large());
        }
        let body = crate::index::locked(&self.body).take().unwrap_or_else(Body::empty);
        let read = Limited::new(body, limit).collect().await;
        let bytes = read.map_err(|error| match error.is::<LengthLimitError>() {
            true => too_large(),
            false => Error::new(ErrorCode::BadRequest, "the body ended too early").cause(error),
        })?;
        let bytes = bytes.to_bytes();
        self.body_digest = Some(sha256(&bytes));
        Ok(bytes)
    }

    fn expect_type(&self, types: &[&str]) -> Result<()> {
        let told = self.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if types.contains(&essence.as_str()) { Ok(()) } else { Err(wrong_type(types)) }
    }
}

fn wrong_type(types: &[&str]) -> Error {
    Error::new(
        ErrorCode::UnsupportedMediaType,
        format_args!("send the body as `Content-Type: {}`", types.join("` or `")),
    )
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| refused("", &error))?;
    reader.end().map_err(|error| Error::new(ErrorCode::BadRequest, format_args!("after the JSON value: {error}")))?;
    Ok(value)
}

/// Reads a part of a body that stands at a JSON pointer.
pub fn parse_value<T: DeserializeOwned>(value: Value, pointer: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| refused(pointer, &error))
}

/// Broken JSON is a bad request; JSON that says what it may not is an invalid value, at its place.
fn refused(base: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    use serde_path_to_error::Segment;
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() || inner.is_io() {
        return Error::new(ErrorCode::BadRequest, format_args!("the body is not JSON: {inner}"));
    }
    let mut pointer = base.to_owned();
    for segment in error.path() {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer = format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"));
    }
    let text = inner.to_string();
    match words::missing_field(&text) {
        Some(field) => Error::invalid(format!("{pointer}/{field}"), MISSING),
        None => Error::invalid(pointer, words::of_serde(&text)),
    }
}

#[cfg(test)]
mod tests {
    use patronus_types::site::SiteInput;

    use super::*;

    fn refusal(text: &str) -> String {
        parse::<SiteInput>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_is_told_with_its_place_in_words() {
        for (text, said) in [
            (r#"{"name":"a","uplinks":[{"name":"x","cost":-1}]}"#, "uplinks[0].cost: use 0 to 1000000, not -1"),
            (r#"{"name":"a","uplinks":[{"cost":1}]}"#, "uplinks[0].name: this must be given"),
            (r#"{"name":"a","locaton":1}"#, "locaton: `locaton` is no field here: did you mean `location`?"),
            (r#"{"name":"a","prefixes":["10.0.0.0"]}"#, "prefixes[0]: `10.0.0.0` is one address"),
            (r#"{"name":"A b"}"#, "name: `A b` is not a name"),
            (r#"{"name":"a","name":"b"}"#, "`name` is given twice"),
        ] {
            let told = refusal(text);
            assert!(told.contains(said), "{told}");
        }
        assert!(refusal(r#"{"name":"#).starts_with("BadRequest"));
        assert!(refusal(r#"{"name":"a"} x"#).starts_with("BadRequest"));
    }
}
