//! The only teller of time: what the store writes down and what tokens are held against comes from here.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use chrono::Utc;

/// Microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now_micros() -> i64 {
    Utc::now().timestamp_micros()
}

/// This second as the header `Date` writes it (RFC 9110, 5.6.7).
pub(crate) fn http_date() -> String {
    Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Seconds since 1970-01-01T00:00:00Z, the `NumericDate` of RFC 7519.
pub(crate) fn now_seconds() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this age are below 2^52")]
    let micros = now_micros() as f64;
    micros / 1e6
}
