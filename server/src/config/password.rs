//! Passwords in addresses.

use url::{ParseError, Url};

/// Refuses an address that may have the rest of a password behind its host, where it would be shown.
pub(super) fn refuse_behind_host(url: &Url) -> Result<(), &'static str> {
    if url.path().contains('@') || url.fragment().is_some() {
        return Err("has an @ or # behind its host; write the /, # or @ of a password as %2F, %23 or %40");
    }
    Ok(())
}

/// What to say of an address whose port is no number: perhaps a password has a `/`, and the parser takes what stands
/// before it for a port.
pub(super) fn cut_short(error: ParseError) -> Option<&'static str> {
    (error == ParseError::InvalidPort).then_some(
        "has a port that is no number up to 65535; correct it, or write the /, # or @ of a password as %2F, %23 or %40",
    )
}
