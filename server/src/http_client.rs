//! What to say where a request of the server's own fails.

use std::error::Error as _;

/// The remedy where no HTTP client can be made: each needs certificates of authorities, whomever it asks.
pub(crate) const CERTIFICATES: &str = "install the certificates of authorities (ca-certificates), or have \
    SSL_CERT_FILE or SSL_CERT_DIR, where they are set, name some that are there";

/// The causes of a client's error, each behind a colon; without the error's own words, which quote the address, and so
/// perhaps a password.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
