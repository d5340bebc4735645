//! A token explained step by step, for the command line: by the very code that verifies tokens.

use std::fmt;

use todo_api::{Failure, Unidentified, UserId, bearer};

use super::{
    Authenticator, UnusableJwks,
    claims::{self, Claims, span},
    is_hmac,
    key::Key,
    token::{Token, short},
};
use crate::{AuthConfig, clock};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in a word.
    pub name: &'static str,
    /// What was found, and whether that is as it must be.
    pub finding: Result<String, String>,
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, words) = match &self.finding {
            Ok(words) => ("ok", words),
            Err(words) => ("FAIL", words),
        };
        write!(formatter, "{verdict:<4}  {:<10} {words}", self.name)
    }
}

/// Explains `token`, which counts if all of the checks hold; they end where there is nothing left to look at. It may be
/// pasted with the header that it came in.
///
/// # Errors
///
/// Where no request to the issuer can be made at all.
pub async fn check_token(token: &str, config: &AuthConfig) -> Result<Vec<Check>, UnusableJwks> {
    let authenticator = Authenticator::new(config, 1)?;
    let mut checks = Vec::new();
    let mut note = |name, finding: Result<String, Unidentified>| {
        checks.push(Check {
            name,
            finding: finding.map(|found| harmless(&found)).map_err(|unidentified| harmless(&words(&unidentified))),
        });
    };
    match Token::parse(bare(token)) {
        Err(unidentified) => note("form", Err(unidentified)),
        Ok(token) => {
            let id = token.key_id.as_deref().map_or("no kid".to_owned(), |id| format!("kid {}", short(id)));
            note("form", Ok(format!("a signed JSON Web Token: alg {:?}, {id}", token.algorithm)));
            let key = authenticator.key(&token).await.map_err(refusal);
            note("signature", key.map(|key| authenticator.signature(&token, &key)));
            match token.claims() {
                Err(unidentified) => note("claims", Err(unidentified)),
                Ok(claims) => authenticator.explain(&claims, note),
            }
        }
    }
    Ok(checks)
}

/// The token alone, without the name of its header and the scheme.
fn bare(pasted: &str) -> &str {
    let header = pasted.split_once(':').filter(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
    let credentials = header.map_or(pasted, |(_, credentials)| credentials).trim();
    bearer(credentials).unwrap_or(credentials)
}

impl Authenticator {
    fn explain(&self, claims: &Claims, mut note: impl FnMut(&'static str, Result<String, Unidentified>)) {
        let now = clock::now_seconds();
        let left = |expires: f64| format!("for {} more, leeway included", span(expires - now));
        note("exp", claims::expiry(claims, now).map(left));
        note("nbf", claims::start(claims, now).map(|()| "has begun".to_owned()));
        note("iss", self.rules.issuer(claims).map(|()| said(claims, "iss")));
        note("aud", self.rules.audience(claims).map(|()| said(claims, "aud")));
        note("user", claims::user(claims).map(|user: UserId| user.as_str().to_owned()));
    }

    fn signature(&self, token: &Token<'_>, key: &Key) -> String {
        match (&self.jwks, key.id()) {
            (Some(jwks), Some(id)) => format!("holds, by the key {id} of {jwks}"),
            (Some(jwks), None) if !is_hmac(token) => format!("holds, by a key of {jwks}"),
            _ => "holds, by the configured key".to_owned(),
        }
    }
}

/// A claim that was accepted, or was not looked at because nothing is configured.
fn said(claims: &Claims, name: &str) -> String {
    claims.get(name).map_or("not said, and any is accepted".to_owned(), |value| format!("{value} is accepted"))
}

/// Without control characters, which would steer the terminal: a token says anybody's words.
fn harmless(words: &str) -> String {
    words.replace(char::is_control, "\u{FFFD}")
}

/// Why there is no key. `Broken` does not happen: nobody else waits for the issuer here.
fn refusal(failure: Failure<Unidentified>) -> Unidentified {
    match failure {
        Failure::Refused(unidentified) => unidentified,
        Failure::Broken(_) => Unidentified::because("too many wait for the keys of the issuer"),
    }
}

fn words(unidentified: &Unidentified) -> String {
    match unidentified {
        Unidentified::InvalidToken(reason) => reason.clone(),
        Unidentified::NoToken => "there is no token".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_be_pasted_with_its_header() {
        for pasted in
            ["a.b.c", " a.b.c\n", "Bearer a.b.c", "bearer a.b.c\n", "BEARER  a.b.c", "authorization: Bearer a.b.c\n"]
        {
            assert_eq!(bare(pasted), "a.b.c", "{pasted:?}");
        }
        assert_eq!(bare("Basic a.b.c"), "Basic a.b.c");
    }
}
