//! The kind of problem of not knowing who asks.

use poem::http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use poem_openapi::registry::MetaSchema;

use super::{
    Problem,
    kind::{Header, Kind},
};

/// It is not known who asks.
#[derive(Debug)]
pub enum Unidentified {
    /// No bearer token was sent.
    NoToken,
    /// One was sent, and does not stand for a user.
    InvalidToken(String),
}

impl Unidentified {
    /// A token was sent, and `reason` is why it does not count: a clause for a frontend developer, with
    /// nothing in it that helps to forge one.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::InvalidToken(reason.into())
    }
}

impl Kind for Unidentified {
    const STATUS: StatusCode = StatusCode::UNAUTHORIZED;
    const DESCRIPTION: &'static str =
        "No token, or one that does not verify: this is checked before parameters and body.";
    const HEADER: Option<Header> = Some(Header {
        name: "WWW-Authenticate",
        description: "The challenge of RFC 6750: `Bearer`, with `error` and `error_description` where a token was sent.",
        required: true,
        schema: || MetaSchema {
            example: Some(r#"Bearer error="invalid_token", error_description="the token expired 40 s ago""#.into()),
            ..MetaSchema::new("string")
        },
    });

    fn example() -> Self {
        Self::because("the token expired 40 s ago")
    }
}

impl From<Unidentified> for Problem {
    fn from(unidentified: Unidentified) -> Self {
        let (detail, challenge) = match unidentified {
            Unidentified::NoToken => {
                ("a token is needed: send it as Authorization: Bearer <token>".to_owned(), "Bearer".to_owned())
            }
            Unidentified::InvalidToken(reason) => {
                let challenge = format!(r#"Bearer error="invalid_token", error_description="{}""#, quotable(&reason));
                (reason, challenge)
            }
        };
        let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static("Bearer"));
        Self::new(Unidentified::STATUS, detail).with_header(WWW_AUTHENTICATE, challenge)
    }
}

/// What RFC 6750 allows in `error_description`: visible ASCII and spaces without `"` and `\`.
fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}
