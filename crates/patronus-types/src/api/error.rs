//! Errors as they travel: RFC 9457 problem documents with a stable code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as a word that scripts can rely on. Each code has one status and one title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ErrorCode {
    /// The request cannot be read.
    BadRequest,
    /// No valid credential.
    Unauthenticated,
    /// The credential does not allow this.
    Forbidden,
    /// No such object.
    NotFound,
    /// No such route.
    NoRoute,
    /// The route does not know this method.
    MethodNotAllowed,
    /// A name is in several networks.
    Ambiguous,
    /// The name, key or prefix is taken.
    Exists,
    /// The object is in a state that does not allow this.
    Conflict,
    /// The object changed since it was read.
    PreconditionFailed,
    /// A body or URL above its limit.
    TooLarge,
    /// A content type that the route does not take.
    UnsupportedMediaType,
    /// A value that does not hold; all of them are in `errors`.
    Invalid,
    /// The declared state cannot be compiled; what stands against it is in `errors`.
    Lint,
    /// A site might be lost by it, and that was not accepted; what would happen to which site is in `errors`.
    Risk,
    /// The same idempotency key with another request.
    IdempotencyMismatch,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// Too many requests.
    RateLimited,
    /// A fault of the server; its log has the request id.
    Internal,
    /// The server cannot do this now.
    Unavailable,
    /// The disk is full.
    StorageFull,
    /// A code that this client does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound | Self::NoRoute => 404,
            Self::MethodNotAllowed => 405,
            Self::Ambiguous | Self::Exists | Self::Conflict | Self::Risk => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::Lint | Self::IdempotencyMismatch => 422,
            Self::PreconditionRequired => 428,
            Self::RateLimited => 429,
            Self::Internal | Self::Unknown => 500,
            Self::Unavailable => 503,
            Self::StorageFull => 507,
        }
    }

    /// The title: the same words for every error of the code.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be read",
            Self::Unauthenticated => "Not authenticated",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::NoRoute => "No such route",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Ambiguous => "The name is ambiguous",
            Self::Exists => "Already exists",
            Self::Conflict => "Conflict",
            Self::PreconditionFailed => "Changed in the meantime",
            Self::TooLarge => "Too large",
            Self::UnsupportedMediaType => "Unsupported content type",
            Self::Invalid => "A value does not hold",
            Self::Lint => "The network cannot be compiled",
            Self::Risk => "A risk that was not accepted",
            Self::IdempotencyMismatch => "The idempotency key was used for another request",
            Self::PreconditionRequired => "If-Match is required",
            Self::RateLimited => "Too many requests",
            Self::Internal | Self::Unknown => "Internal error",
            Self::Unavailable => "Unavailable",
            Self::StorageFull => "The disk is full",
        }
    }
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// A URI of the code's description.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and what to do next; where `errors` say it, only how many they are.
    pub detail: String,
    /// The code.
    pub code: ErrorCode,
    /// The request's id.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Each single fault.
    #[serde(default)]
    pub errors: Vec<Fault>,
}

impl Problem {
    /// A problem of a code with its detail.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let kind =
            serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        Self {
            kind: format!("urn:patronus:error:{kind}"),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            request_id: None,
            errors: Vec::new(),
        }
    }
}

impl fmt::Display for Problem {
    /// All of it in one line: what went wrong, and each fault with its field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        let mut separator = ": ";
        for fault in &self.errors {
            write!(f, "{separator}{fault}")?;
            separator = "; ";
        }
        Ok(())
    }
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901) into the body; a parameter of the query likewise, as `/limit`; empty for the
    /// whole.
    pub pointer: String,
    /// What, in words.
    pub detail: String,
}

impl Fault {
    /// The field as an operator writes it: `uplinks[0].cost` for `/uplinks/0/cost`; empty for the whole.
    pub fn field(&self) -> String {
        let mut field = String::new();
        for part in self.pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let is = |plain: fn(&u8) -> bool| !part.is_empty() && part.as_bytes().iter().all(plain);
            if is(u8::is_ascii_digit) {
                field.push_str(&format!("[{part}]"));
            } else if is(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
                let dot = if field.is_empty() { "" } else { "." };
                field.push_str(&format!("{dot}{part}"));
            } else {
                field.push_str(&format!("[{part:?}]"));
            }
        }
        field
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.is_empty() {
            true => f.write_str(&self.detail),
            false => write!(f, "{}: {}", self.field(), self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_it_is_written() {
        let fault = |pointer: &str| Fault { pointer: pointer.to_owned(), detail: "no".to_owned() };
        for (pointer, field) in [
            ("", ""),
            ("/name", "name"),
            ("/uplinks/1/endpoint", "uplinks[1].endpoint"),
            ("/documents/0/prefixes/2", "documents[0].prefixes[2]"),
            ("/labels/example.net~1role", "labels[\"example.net/role\"]"),
            ("/labels/", "labels[\"\"]"),
        ] {
            assert_eq!(fault(pointer).field(), field);
        }
        let mut problem = Problem::new(ErrorCode::Invalid, "2 values do not hold");
        problem.errors = vec![fault("/uplinks/0/cost"), fault("")];
        assert_eq!(problem.to_string(), "2 values do not hold: uplinks[0].cost: no; no");
    }
}
