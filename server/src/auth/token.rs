//! The outside of a token, before any key is tried.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::Value;
use todo_api::{Unidentified, json_value};

use super::{claims::Claims, key::OF_USE};

/// The most bytes that a token has. Better Auth's have some 700; it puts the whole user in. Well below what
/// all headers of a request may have, so that the answer can say what is wrong.
const MAX_BYTES: usize = 8 * 1024;

/// A token whose header is one that we read at all.
pub(super) struct Token<'a> {
    /// How its header says that it was signed; a key decides whether that may be.
    pub(super) algorithm: Algorithm,
    /// The name of the key that signed it.
    pub(super) key_id: Option<String>,
    /// What was signed.
    pub(super) message: &'a [u8],
    /// The signature, in base64url.
    pub(super) signature: &'a str,
    payload: &'a str,
}

/// What we look at in a header. `jku`, `jwk`, `x5u` and `x5c`, by which a token would bring its own
/// key, are not among it.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// A member that is there, even as null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(Some)
}

impl<'a> Token<'a> {
    /// Reads the header. Refuses what is no JSON Web Token, and headers that change what the token means.
    pub(super) fn parse(text: &'a str) -> Result<Self, Unidentified> {
        let (header, payload, signature) = parts(text)?;
        let message = &text.as_bytes()[..header.len() + 1 + payload.len()];
        let header: Header = URL_SAFE_NO_PAD
            .decode(header)
            .ok()
            // Of a list, the members would be taken by their places.
            .filter(|json| json.trim_ascii_start().starts_with(b"{"))
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| Unidentified::because("the header of the token is not that of a signed JSON Web Token"))?;
        // RFC 7515, 4.1.11: who does not understand what is critical must refuse, and we know no extension.
        if header.crit.is_some() {
            return Err(Unidentified::because("the token has a crit header, and no extension is supported"));
        }
        // The same keys sign other things as well; RFC 8725, 3.11 has them say so.
        if let Some(kind) = header.typ.as_deref().filter(|kind| !is_type_of_tokens(kind)) {
            return Err(Unidentified::because(format!("the token is of the type {}, not JWT", short(kind))));
        }
        let algorithm = algorithm(&header.alg)?;
        Ok(Self { algorithm, key_id: header.kid, message, signature, payload })
    }

    /// The claims. They mean nothing unless the signature holds.
    pub(super) fn claims(&self) -> Result<Claims, Unidentified> {
        let json = URL_SAFE_NO_PAD.decode(self.payload).ok();
        match json.and_then(|json| json_value(&json).ok()) {
            Some(Value::Object(claims)) => Ok(claims),
            _ => Err(Unidentified::because("the claims of the token cannot be read as a JSON object")),
        }
    }
}

fn parts(text: &str) -> Result<(&str, &str, &str), Unidentified> {
    if text.len() > MAX_BYTES {
        return Err(Unidentified::because(format!(
            "the token has {} bytes, and may have at most {MAX_BYTES}: put less into it (definePayload of Better Auth)",
            text.len()
        )));
    }
    let mut parts = text.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.count()) {
        (Some(header), Some(payload), Some(signature), 0) => Ok((header, payload, signature)),
        (_, _, None, _) => Err(Unidentified::because(
            "this is no JSON Web Token; if it is the session token of Better Auth, ask its GET /api/auth/token for \
             one, and send that",
        )),
        (.., 2) => Err(Unidentified::because("this is an encrypted token; send a signed one")),
        (.., more) => Err(Unidentified::because(format!("a token has 3 parts, this has {}", 3 + more))),
    }
}

/// Whether `typ` is that of a token; `application/` may be left out (RFC 7515, 4.1.9).
fn is_type_of_tokens(kind: &str) -> bool {
    let known = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
    known.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn algorithm(name: &str) -> Result<Algorithm, Unidentified> {
    name.parse().map_err(|_| {
        Unidentified::because(match name {
            _ if name.eq_ignore_ascii_case("none") => "the token is not signed (alg is none)".to_owned(),
            _ => format!(
                "the token is signed with {}, which is not supported; {OF_USE}, or, with the shared secret, with HS256",
                short(name)
            ),
        })
    })
}

/// Words of a token, cut to what fits into a sentence.
pub(super) fn short(words: &str) -> String {
    match words.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}
