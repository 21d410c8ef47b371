//! Answers: JSON, pages, ETags, ranges.

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use patronus_store::Paged;
use patronus_types::api::TOTAL_COUNT;
use serde::Serialize;

use crate::error::{Error, Result};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// 200 with JSON.
pub fn json<T: Serialize>(value: &T) -> Result<Response<Body>> {
    with_status(StatusCode::OK, value)
}

/// 201 with JSON and where the new object is.
pub fn created<T: Serialize>(value: &T, location: &str) -> Result<Response<Body>> {
    let mut response = with_status(StatusCode::CREATED, value)?;
    set(&mut response, LOCATION, location);
    Ok(response)
}

/// Any status with JSON.
pub fn with_status<T: Serialize>(status: StatusCode, value: &T) -> Result<Response<Body>> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).map_err(Error::internal)?));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

/// 204.
pub fn no_content() -> Response<Body> {
    status(StatusCode::NO_CONTENT)
}

/// An answer without a body.
pub fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds the ETag of an object's version.
pub fn tagged(mut response: Response<Body>, version: u64) -> Response<Body> {
    set(&mut response, ETAG, &format!("\"{version}\""));
    response
}

/// One page of a list, with where the next one is and how many there are in all.
pub fn page<T: Serialize>(paged: &Paged<T>, uri: &Uri) -> Result<Response<Body>> {
    let mut response = json(&paged.items)?;
    if let Some(cursor) = &paged.next {
        set(&mut response, LINK, &format!("<{}>; rel=\"next\"", next(uri, cursor)));
    }
    if let Some(total) = paged.total {
        set(&mut response, HeaderName::from_static(TOTAL_COUNT), &total.to_string());
    }
    Ok(response)
}

/// Bytes that never change, named by their ETag: whole, a range, or nothing new.
pub fn immutable(bytes: Bytes, content_type: &'static str, etag: &HeaderValue, headers: &HeaderMap) -> Response<Body> {
    if matches_etag(headers, etag) {
        let mut response = status(StatusCode::NOT_MODIFIED);
        response.headers_mut().insert(ETAG, etag.clone());
        return response;
    }
    let len = bytes.len();
    let mut response = match wanted_range(headers, etag, len) {
        Wanted::Whole => Response::new(Body::from(bytes)),
        Wanted::Part(start, end) => {
            let mut response = Response::new(Body::from(bytes.slice(start..end)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, CONTENT_RANGE, &format!("bytes {start}-{}/{len}", end - 1));
            response
        }
        Wanted::Beyond => {
            let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut response, CONTENT_RANGE, &format!("bytes */{len}"));
            response
        }
    };
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(ETAG, etag.clone());
    response
}

/// Whether the caller already has what the ETag names.
pub fn matches_etag(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = |value: &HeaderValue| {
        value == etag
            || value.to_str().is_ok_and(|list| {
                let mut tags = list.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
                tags.any(|tag| tag == "*" || tag.as_bytes() == etag.as_bytes())
            })
    };
    headers.get_all(IF_NONE_MATCH).iter().any(known)
}

/// Sets a header from text that we made.
pub fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

enum Wanted {
    Whole,
    Part(usize, usize),
    Beyond,
}

/// One range of bytes; several at once, and anything unreadable, mean the whole (RFC 9110).
fn wanted_range(headers: &HeaderMap, etag: &HeaderValue, len: usize) -> Wanted {
    if headers.get(IF_RANGE).is_some_and(|known| known != etag) {
        return Wanted::Whole;
    }
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { return Wanted::Whole };
    let span = match (first.trim().parse::<usize>(), last.trim()) {
        (Ok(first), "") => Some((first, len)),
        (Ok(first), last) => last
            .parse::<usize>()
            .ok()
            .filter(|&last| first <= last)
            .map(|last| (first, last.saturating_add(1).min(len))),
        (Err(_), last) if first.trim().is_empty() => {
            last.parse::<usize>().ok().map(|count| (len.saturating_sub(count), len))
        }
        _ => None,
    };
    match span {
        None => Wanted::Whole,
        Some((start, end)) if start < end => Wanted::Part(start, end),
        Some(_) => Wanted::Beyond,
    }
}

/// The request's own path and query with another cursor.
fn next(uri: &Uri, cursor: &str) -> String {
    let kept =
        uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let escaped: String = cursor
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let query: Vec<_> = kept.map(str::to_owned).chain([format!("cursor={escaped}")]).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(range: &str, extra: Option<(&'static str, &'static str)>) -> (u16, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::try_from(range).unwrap());
        if let Some((name, value)) = extra {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let response =
            immutable(Bytes::from_static(b"0123456789"), "text/plain", &HeaderValue::from_static("\"x\""), &headers);
        let range = response.headers().get(CONTENT_RANGE).map(|range| range.to_str().unwrap().to_owned());
        (response.status().as_u16(), range)
    }

    #[test]
    fn ranges_as_rfc_9110_has_them() {
        let part = |text: &str| (206, Some(text.to_owned()));
        assert_eq!(get("bytes=2-4", None), part("bytes 2-4/10"));
        assert_eq!(get("bytes=7-", None), part("bytes 7-9/10"));
        assert_eq!(get("bytes=-3", None), part("bytes 7-9/10"));
        assert_eq!(get("bytes=0-99", None), part("bytes 0-9/10"));
        assert_eq!(get("bytes=10-", None), (416, Some("bytes */10".into())));
        for whole in ["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x"] {
            assert_eq!(get(whole, None), (200, None), "{whole}");
        }
        assert_eq!(get("bytes=2-4", Some(("if-range", "\"x\""))), part("bytes 2-4/10"));
        assert_eq!(get("bytes=2-4", Some(("if-range", "\"y\""))), (200, None));
        assert_eq!(get("bytes=2-4", Some(("if-none-match", "\"a\", W/\"x\""))), (304, None));
    }

    #[test]
    fn the_next_page_keeps_the_query() {
        let uri = "/v1/sites?limit=2&cursor=old&status=all".parse().unwrap();
        assert_eq!(next(&uri, "a+b"), "/v1/sites?limit=2&status=all&cursor=a%2Bb");
    }
}
