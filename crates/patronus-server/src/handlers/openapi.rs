//! The OpenAPI document: made from the route table, once.

use std::sync::OnceLock;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderValue, Response, StatusCode};
use patronus_core::digest::sha256;

use crate::error::Result;
use crate::extract::Call;
use crate::respond;

/// `GET /v1/openapi.json`
pub async fn document(call: Call) -> Result<Response<Body>> {
    static DOCUMENT: OnceLock<(Bytes, String)> = OnceLock::new();
    let (bytes, etag) = DOCUMENT.get_or_init(|| {
        let bytes = serde_json::to_vec_pretty(&patronus_types::api::openapi::document()).unwrap_or_default();
        let etag = format!("\"{}\"", sha256(&bytes).short());
        (bytes.into(), etag)
    });
    let tag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
    let mut response = if respond::matches_etag(call.headers(), &tag) {
        respond::status(StatusCode::NOT_MODIFIED)
    } else {
        Response::new(Body::from(bytes.clone()))
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}
