//! Why nobody can be asked by HTTP, and what to do about it.

use std::error::Error as _;

/// What helps where no client can be made: it needs certificates of authorities, whomever it asks.
pub(crate) const CERTIFICATES: &str = "install the certificates of authorities (ca-certificates), or have \
    SSL_CERT_FILE or SSL_CERT_DIR, where they are set, name some that are there";

/// The causes of an error of the client, each behind a colon; without its own words, which have the address, and so
/// maybe a password.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut words = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
