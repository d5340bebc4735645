//! The outside of a token, before any key is tried.

use jsonwebtoken::{Header, decode_header};
use todo_api::Unidentified;

/// A token whose header is one that we read at all.
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) header: Header,
}

impl<'a> Token<'a> {
    /// Reads the header. Refuses what is no JSON Web Token, and headers that change what the token means.
    pub(super) fn parse(text: &'a str) -> Result<Self, Unidentified> {
        match text.split('.').count() {
            3 => {}
            // Better Auth's opaque session token is one part, or two with its signature.
            1 | 2 => {
                return Err(Unidentified::because(
                    "this is no JSON Web Token; if it is the session token of Better Auth, ask GET /api/auth/token for one",
                ));
            }
            5 => return Err(Unidentified::because("this is an encrypted token; send a signed one")),
            parts => return Err(Unidentified::because(format!("a token has 3 parts, this has {parts}"))),
        }
        let header = decode_header(text)
            .map_err(|_| Unidentified::because("the header of the token is none of a signed JSON Web Token"))?;
        // RFC 7515, 4.1.11: who does not understand what is critical must refuse, and we know no extension.
        if header.crit.is_some() {
            return Err(Unidentified::because("the token has a crit header, and no extension is supported"));
        }
        // The same keys sign other things as well; RFC 8725, 3.11 has them say so.
        if let Some(kind) = header.typ.as_deref().filter(|kind| !is_token(kind)) {
            let kind: String = kind.chars().take(64).collect();
            return Err(Unidentified::because(format!("the token is of the type {kind}, not JWT")));
        }
        Ok(Self { text, header })
    }
}

fn is_token(kind: &str) -> bool {
    let kind =
        kind.get(..12).filter(|prefix| prefix.eq_ignore_ascii_case("application/")).map_or(kind, |_| &kind[12..]);
    kind.eq_ignore_ascii_case("jwt") || kind.eq_ignore_ascii_case("at+jwt")
}
