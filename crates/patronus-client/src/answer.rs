//! What came back.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, StatusCode};
use patronus_types::api::error::{ErrorCode, Problem};
use patronus_types::api::{PROBLEM_JSON, REQUEST_ID};
use serde::de::DeserializeOwned;

use crate::Error;

/// An object with the ETag that a change or deletion of it has to name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<T> {
    /// The object.
    pub value: T,
    /// Its ETag, as the server sent it.
    pub etag: String,
}

/// A successful answer (2xx or 304), read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) server: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.rubbish(format!("{error}")))
    }

    pub(crate) fn tagged<T: DeserializeOwned>(&self) -> Result<Tagged<T>, Error> {
        let etag = self.header(ETAG.as_str()).ok_or_else(|| self.rubbish("it has no ETag".to_owned()))?.to_owned();
        Ok(Tagged { value: self.json()?, etag })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn rubbish(&self, what: String) -> Error {
        Error::Rubbish { server: self.server.clone(), what }
    }
}

/// Reads what a server says of its refusal; what is not a problem document becomes one.
pub(crate) fn problem(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Problem {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_problem = text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(PROBLEM_JSON));
    let parsed = if is_problem { serde_json::from_slice::<Problem>(body).ok() } else { None };
    let mut problem = parsed.unwrap_or_else(|| {
        let reason = status.canonical_reason().unwrap_or("an error");
        let said = match text(LOCATION.as_str()).filter(|_| status.is_redirection()) {
            Some(place) => format!(
                "something in between sends us on to {:.200}, which is not followed: name the server itself",
                place.escape_debug().to_string()
            ),
            None => format!("the answer was {} {reason}, without a reason", status.as_u16()),
        };
        let mut problem = Problem::new(code_of(status), said);
        problem.status = status.as_u16();
        problem
    });
    problem.request_id = problem.request_id.or_else(|| text(REQUEST_ID).map(str::to_owned));
    problem
}

/// The code of a status that came from something in between, such as a proxy.
fn code_of(status: StatusCode) -> ErrorCode {
    match status.as_u16() {
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::Forbidden,
        413 => ErrorCode::TooLarge,
        429 => ErrorCode::RateLimited,
        502..=504 => ErrorCode::Unavailable,
        _ => ErrorCode::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_page_becomes_a_problem() {
        let problem = problem(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>");
        assert_eq!((problem.status, problem.code), (502, ErrorCode::Unavailable));
    }

    #[test]
    fn a_redirection_is_named() {
        let headers = [(LOCATION, http::HeaderValue::from_static("https://login.example/"))].into_iter().collect();
        let problem = problem(StatusCode::FOUND, &headers, b"");
        assert!(problem.detail.contains("https://login.example/"), "{}", problem.detail);
    }

    #[test]
    fn a_code_of_a_later_version_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(PROBLEM_JSON));
        let body = br#"{"type": "x", "title": "x", "status": 418, "detail": "short and stout", "code": "teapot"}"#;
        let problem = problem(StatusCode::IM_A_TEAPOT, &headers, body);
        assert_eq!((problem.code, problem.detail.as_str()), (ErrorCode::Unknown, "short and stout"));
    }
}
