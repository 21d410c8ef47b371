//! Why a request was not done: one type, one table to status and code.
//!
//! What went wrong inside is for the log, under the request's id; the caller gets words that help the caller. Every
//! failure of authentication has the same body, whatever the reason was.

use std::fmt;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, header};
use patronus_store::StoreError;
use patronus_types::api::PROBLEM_JSON;
use patronus_types::api::error::{ErrorCode, Fault, Problem};

/// What handlers answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A request's failure.
pub struct Error(Box<Inner>);

struct Inner {
    code: ErrorCode,
    detail: String,
    faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    cause: Option<String>,
}

const UNAUTHENTICATED: &str =
    "the credential is missing, wrong, expired or revoked: log in again, or use another token";
const INTERNAL: &str = "the server failed; its log tells more under the request id";

impl Error {
    /// An error of a code with words for the caller.
    pub fn new(code: ErrorCode, detail: impl fmt::Display) -> Self {
        Self(Box::new(Inner { code, detail: detail.to_string(), faults: Vec::new(), headers: Vec::new(), cause: None }))
    }

    /// The one answer to every failure of authentication; the reason goes to the log.
    pub fn unauthenticated(reason: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Unauthenticated, UNAUTHENTICATED)
            .cause(reason)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// A fault of the server; the reason goes to the log.
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, INTERNAL).cause(reason)
    }

    /// A single value that does not hold; without a pointer, the request as a whole.
    pub fn invalid(pointer: impl Into<String>, detail: impl fmt::Display) -> Self {
        let fault = Fault { pointer: pointer.into(), detail: detail.to_string() };
        match fault.pointer.is_empty() {
            true => Self::new(ErrorCode::Invalid, fault.detail),
            false => Self::faults(ErrorCode::Invalid, vec![fault]),
        }
    }

    /// Several faults at once. They say what is wrong, and the detail only how many they are: each thing is said once.
    pub fn faults(code: ErrorCode, faults: Vec<Fault>) -> Self {
        let detail = match (faults.len(), code) {
            (1, ErrorCode::Lint) => "one thing stands against publishing".to_owned(),
            (count, ErrorCode::Lint) => format!("{count} things stand against publishing"),
            (1, ErrorCode::Risk) => "a site might be lost by it".to_owned(),
            (_, ErrorCode::Risk) => "sites might be lost by it".to_owned(),
            (1, _) => "one value does not hold".to_owned(),
            (count, _) => format!("{count} values do not hold"),
        };
        Self::new(code, detail).with(faults)
    }

    /// Adds faults.
    #[must_use]
    pub fn with(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds words for the log.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The same as the words of one field of a larger request.
    #[must_use]
    pub fn of_field(self, pointer: &str) -> Self {
        if self.0.code == ErrorCode::Invalid { Self::invalid(pointer, self.0.detail) } else { self }
    }

    /// The single faults; of a request that does not hold as a whole, that.
    pub fn into_faults(self) -> Vec<Fault> {
        match self.0.faults.is_empty() {
            true => vec![Fault { pointer: String::new(), detail: self.0.detail }],
            false => self.0.faults,
        }
    }

    /// The answer; what only the log may know is logged here.
    pub fn into_response(self, request_id: &str) -> Response<Body> {
        let Inner { code, detail, faults, headers, cause } = *self.0;
        match cause {
            Some(cause) if code.status() >= 500 => tracing::error!(request_id, cause, "request failed"),
            Some(cause) => tracing::info!(request_id, cause, "request refused"),
            None => {}
        }
        let mut problem = Problem::new(code, detail);
        problem.errors = faults;
        problem.request_id = Some(request_id.to_owned());
        let mut response = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
        *response.status_mut() = http::StatusCode::from_u16(code.status()).unwrap_or_default();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response.headers_mut().extend(headers);
        response
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.code, self.0.detail)?;
        self.0.faults.iter().try_for_each(|fault| write!(f, "; {fault}"))?;
        self.0.cause.iter().try_for_each(|cause| write!(f, " ({cause})"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        use ErrorCode::{
            Conflict, Exists, IdempotencyMismatch, NotFound, PreconditionFailed, StorageFull, Unavailable,
        };
        match &error {
            StoreError::NotFound { .. } => Self::new(NotFound, error),
            StoreError::Exists(_) => Self::new(Exists, error),
            StoreError::Ambiguous { ids, .. } => {
                let faults = ids.iter().map(|id| Fault { pointer: String::new(), detail: id.to_string() });
                Self::new(ErrorCode::Ambiguous, format_args!("{error}: name the network, or use an id"))
                    .with(faults.collect())
            }
            StoreError::Changed { .. } => Self::new(PreconditionFailed, error),
            StoreError::Conflict(_) | StoreError::Moved => Self::new(Conflict, error),
            StoreError::Credential(reason) => Self::unauthenticated(reason),
            StoreError::IdempotencyMismatch => Self::new(IdempotencyMismatch, error),
            StoreError::Full => {
                Self::new(StorageFull, "the server's disk is full: nothing was changed; make room and try again")
            }
            StoreError::Cursor => Self::invalid("/cursor", "take it from the Link header of the page before"),
            StoreError::Closed => Self::new(Unavailable, "the server is stopping: try again"),
            StoreError::Database(_) | StoreError::Damaged(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_inside_is_not_told() {
        let error = Error::from(StoreError::Database("no such table: secrets".into()));
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(!error.0.detail.contains("table"));
    }

    #[tokio::test]
    async fn each_thing_is_said_once() {
        use http_body_util::BodyExt as _;
        let fault = |pointer: &str| Fault { pointer: pointer.to_owned(), detail: "use 1 to 9".to_owned() };
        for (error, detail, errors) in [
            (Error::invalid("", "use 1 to 9"), "use 1 to 9", 0),
            (Error::invalid("/uplinks/0/cost", "use 1 to 9"), "one value does not hold", 1),
            (Error::faults(ErrorCode::Invalid, vec![fault("/a"), fault("")]), "2 values do not hold", 2),
            (Error::faults(ErrorCode::Lint, vec![fault("")]), "one thing stands against publishing", 1),
        ] {
            let answer = error.into_response("r");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let problem: Problem = serde_json::from_slice(&body).unwrap();
            assert_eq!((problem.detail.as_str(), problem.errors.len()), (detail, errors));
        }
    }

    #[test]
    fn all_failures_of_authentication_look_alike() {
        let one = Error::unauthenticated("unknown user");
        let other = Error::from(StoreError::Credential("revoked"));
        assert_eq!((one.0.code, one.0.detail), (other.0.code, other.0.detail));
    }
}
