//! Addresses of what the server asks by HTTP.

use poem::http::Uri;
use url::Url;

use super::{password, reader::Reader};

/// An address of `http` or `https`; `wanted` says whose it is, with an example.
pub(super) fn read(reader: &mut Reader, variable: &str, given: &str, wanted: &str) -> Option<Url> {
    match parse(given.trim()) {
        Ok(url) => return Some(url),
        Err(Some(words)) => reader.refuse(variable, words),
        Err(None) => reader.refuse(variable, format_args!("is no address; write that of {wanted}")),
    }
    None
}

fn parse(given: &str) -> Result<Url, Option<&'static str>> {
    let url = Url::parse(given).map_err(password::cut_short)?;
    // The HTTP client parses it again, more strictly, and its error would quote the whole address with the password: so
    // we refuse first.
    if !["http", "https"].contains(&url.scheme()) || url.as_str().parse::<Uri>().is_err() {
        return Err(None);
    }
    password::refuse_behind_host(&url)?;
    if url.query().is_some_and(|query| query.contains('@')) {
        return Err(Some("has an @ behind a ?; write the ? of a password as %3F, and any other @ as %40"));
    }
    Ok(url)
}
