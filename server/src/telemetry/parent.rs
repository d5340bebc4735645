//! The trace that a client tells of (W3C Trace Context). The library reads it, but takes the first of several headers,
//! and identifiers of any length, even with signs: so it is given only what the standard allows.

use opentelemetry::{Context, propagation::TextMapPropagator as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use poem::http::{HeaderMap, HeaderValue};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// How long `VERSION-TRACE-PARENT-FLAGS` is.
const LENGTH: usize = 55;

/// The client's span, within which ours is; nothing where it tells of none, or not as the standard has it.
pub(super) fn parent(headers: &HeaderMap) -> Context {
    let mut told = HeaderMap::new();
    let mut parents = headers.get_all(PARENT).iter();
    if let (Some(parent), None) = (parents.next(), parents.next())
        && has_form(parent.as_bytes())
    {
        told.insert(PARENT, parent.clone());
        let states: Vec<_> = headers.get_all(STATE).iter().map(HeaderValue::as_bytes).collect();
        // Of headers that are good, so is what they are together.
        if let Ok(state) = HeaderValue::from_bytes(&states.join(&b',')) {
            told.insert(STATE, state);
        }
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(&told))
}

/// Whether these are lower-case hexadecimal digits, with dashes where they must be, of a valid version. A later version
/// than ours may have more, behind another dash.
fn has_form(parent: &[u8]) -> bool {
    let Some((known, more)) = parent.split_at_checked(LENGTH) else { return false };
    let fits = |(place, byte): (usize, &u8)| match place {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    let may_have_more = !known.starts_with(b"00") && more.starts_with(b"-");
    known.iter().enumerate().all(fits) && !known.starts_with(b"ff") && (more.is_empty() || may_have_more)
}
