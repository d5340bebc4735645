//! What is known of one request beside its HTTP parts.

use std::sync::OnceLock;

use crate::{UserId, scalar::published, text::Shape};

/// The name of a request, `X-Request-Id`: 1 to 128 of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    const SHAPE: Shape = Shape {
        min_length: Some(1),
        max_length: 128,
        pattern: "^[A-Za-z0-9._-]+$",
        example: "4f1c0bb4-6fd1-4c35-b6f3-0a5c6a1d2e9b",
    };

    /// Takes `id` if it can be one.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        ((1..=Self::SHAPE.max_length).contains(&id.len()) && id.bytes().all(is_good)).then(|| Self(id.to_owned()))
    }

    /// The id as it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

published!(RequestId, "request_id", Self::SHAPE.schema());

/// The identity of a request, and of its caller once known. The server puts it into the request's data
/// (in an `Arc`) and reads it again for the log line.
#[derive(Debug)]
pub struct RequestContext {
    id: RequestId,
    caller: OnceLock<UserId>,
}

impl RequestContext {
    /// A context of the request of that name.
    #[must_use]
    pub fn new(id: RequestId) -> Self {
        Self { id, caller: OnceLock::new() }
    }

    /// The request's name.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Who asks, once a token has been verified.
    #[must_use]
    pub fn caller(&self) -> Option<&UserId> {
        self.caller.get()
    }

    /// Notes who asks; a request has one caller, so the first word stands.
    pub(crate) fn note_caller(&self, user: &UserId) {
        self.caller.get_or_init(|| user.clone());
    }
}
