//! The one request to the issuer, bounded in time and in bytes.

use std::{fmt, time::Duration};

use reqwest::{Client, StatusCode, header, redirect};
use serde_json::Value;
use todo_api::json_value;
use url::Url;

use crate::http_client::{CERTIFICATES, causes};

/// How long the issuer may take for a whole answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes of an answer: some hundred keys of the largest kind.
const MAX_BYTES: usize = 128 * 1024;

/// What to look at where nothing is answered.
const REACH: &str = "does the issuer run, and is it reached from this machine (by way of HTTP_PROXY or HTTPS_PROXY, \
    where set)? By https, is its certificate of an authority that this machine knows?";

/// What to look at where something else than keys is answered.
const ADDRESS: &str = "is the address right? Better Auth serves its keys at /api/auth/jwks";

/// Where the keys are published.
pub(super) struct Source {
    client: Client,
    url: Url,
}

/// No request to the issuer can be made.
#[derive(Debug, thiserror::Error)]
#[error("AUTH_JWKS_URL cannot be asked{}; {CERTIFICATES}", causes(.0))]
pub struct UnusableJwks(#[source] reqwest::Error);

/// Why there are no keys to be had, and what to do, for whoever runs the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{}{}; {REACH}", silence(.0), causes(.0))]
    Unanswered(#[from] reqwest::Error),
    #[error("it answered {0}; have it let this server ask more often (rateLimit of Better Auth)")]
    Limited(StatusCode),
    #[error("it answered {0}; its own log says why, or that of a proxy before it")]
    Failing(StatusCode),
    #[error("it answered {0}; {ADDRESS}")]
    Status(StatusCode),
    #[error("it answered more than {MAX_BYTES} bytes; {ADDRESS}")]
    TooLarge,
    #[error("it answered no JSON Web Key Set; {ADDRESS}")]
    NoSet,
}

impl FetchError {
    /// Whether nothing, or not all, was said in time.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Unanswered(error) if error.is_timeout())
    }
}

impl Source {
    pub(super) fn new(url: &Url) -> Result<Self, UnusableJwks> {
        // A redirect would let the keys come from a place that nobody configured.
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build();
        Ok(Self { client: client.map_err(UnusableJwks)?, url: url.clone() })
    }

    /// The keys as they are published, of which not all need be of use.
    pub(super) async fn fetch(&self) -> Result<Vec<Value>, FetchError> {
        let request = self.client.get(self.url.clone()).header(header::ACCEPT, "application/json");
        let mut response = request.send().await?;
        match response.status() {
            StatusCode::OK => {}
            status @ StatusCode::TOO_MANY_REQUESTS => return Err(FetchError::Limited(status)),
            status if status.is_server_error() => return Err(FetchError::Failing(status)),
            status => return Err(FetchError::Status(status)),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
        }
        parse(&body).ok_or(FetchError::NoSet)
    }
}

/// The keys of a set (RFC 7517, 5).
fn parse(body: &[u8]) -> Option<Vec<Value>> {
    let mut set = json_value(body).ok()?;
    match set.get_mut("keys")?.take() {
        Value::Array(keys) => Some(keys),
        _ => None,
    }
}

fn silence(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { "no answer in time" } else { "no answer" }
}

/// The address without its password and parameters.
impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}
