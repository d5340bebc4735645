//! The inside of a token, once its signature holds.

use std::slice;

use serde_json::{Map, Value};
use todo_api::{Unidentified, UserId};

use super::token::short;
use crate::AuthConfig;

/// Seconds by which the clocks of issuer and server may differ.
const LEEWAY: f64 = 5.0;

/// The claims that name the user, of which the first present one counts.
const USER_CLAIMS: [&str; 4] = ["userId", "user_id", "sub", "id"];

pub(super) type Claims = Map<String, Value>;

/// What the configuration asks of claims, beyond what is asked of all.
pub(super) struct Rules {
    issuers: Vec<String>,
    audiences: Vec<String>,
}

impl Rules {
    pub(super) fn new(config: &AuthConfig) -> Self {
        let origins = |given: &[String]| given.iter().map(|name| trimmed(name).to_owned()).collect();
        Self { issuers: origins(&config.issuers), audiences: origins(&config.audiences) }
    }

    /// The user whom `claims` name, and until when they hold, if they do at `now`; both in seconds since 1970.
    pub(super) fn user(&self, claims: &Claims, now: f64) -> Result<(UserId, f64), Unidentified> {
        let expires = expiry(claims, now)?;
        start(claims, now)?;
        self.issuer(claims)?;
        self.audience(claims)?;
        Ok((user(claims)?, expires))
    }

    /// Where issuers are configured, one of them must have issued the token.
    pub(super) fn issuer(&self, claims: &Claims) -> Result<(), Unidentified> {
        let found = claims.get("iss");
        expect_one_of(&self.issuers, found.map(slice::from_ref)).map_err(|expected| {
            Unidentified::because(match found {
                Some(found) => format!("the token is issued by {}, expected {expected} (AUTH_ISSUER)", shown(found)),
                None => format!("the token does not say who issued it (iss), expected {expected} (AUTH_ISSUER)"),
            })
        })
    }

    /// Where audiences are configured, the token must be made for one of them.
    pub(super) fn audience(&self, claims: &Claims) -> Result<(), Unidentified> {
        let found = claims.get("aud");
        // One, or a list (RFC 7519, 4.1.3).
        let audiences = found.map(|found| found.as_array().map_or(slice::from_ref(found), Vec::as_slice));
        expect_one_of(&self.audiences, audiences).map_err(|expected| {
            Unidentified::because(match found {
                Some(found) => format!("the token is made for {}, expected {expected} (AUTH_AUDIENCE)", shown(found)),
                None => format!("the token does not say for whom it is (aud), expected {expected} (AUTH_AUDIENCE)"),
            })
        })
    }
}

/// When the claims expire, leeway included, if that is after `now`.
pub(super) fn expiry(claims: &Claims, now: f64) -> Result<f64, Unidentified> {
    let expiry = numeric_date(claims, "exp")?
        .ok_or_else(|| Unidentified::because("the token has no exp claim, which is required"))?;
    if expiry + LEEWAY <= now {
        return Err(Unidentified::because(format!("the token expired {} ago", span(now - expiry))));
    }
    Ok(expiry + LEEWAY)
}

/// Refuses claims that begin to hold only after `now`.
pub(super) fn start(claims: &Claims, now: f64) -> Result<(), Unidentified> {
    match numeric_date(claims, "nbf")? {
        Some(start) if start - LEEWAY > now => {
            Err(Unidentified::because(format!("the token counts only in {} (nbf)", span(start - now))))
        }
        _ => Ok(()),
    }
}

/// A duration in words, to the second where that matters.
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        ..3.2e10 => format!("{:.0} days", seconds / 86_400.0),
        _ => "more than 1000 years".to_owned(),
    }
}

/// A moment in seconds since 1970, as RFC 7519 has it: any JSON number.
fn numeric_date(claims: &Claims, name: &str) -> Result<Option<f64>, Unidentified> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(Unidentified::because(format!("the {name} claim of the token is no number"))),
    }
}

/// One of the `claimed` values must be `accepted`, unless nothing is configured; the error lists what is accepted. A
/// trailing slash makes no difference: Better Auth cuts it off the origin that it puts there.
fn expect_one_of(accepted: &[String], claimed: Option<&[Value]>) -> Result<(), String> {
    let is_accepted =
        |value: &Value| value.as_str().is_some_and(|text| accepted.iter().any(|one| one == trimmed(text)));
    let holds = accepted.is_empty() || claimed.is_some_and(|values| values.iter().any(is_accepted));
    if holds { Ok(()) } else { Err(accepted.join(" or ")) }
}

/// A claim, as it stands in a message.
fn shown(claim: &Value) -> String {
    match claim {
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    }
}

fn trimmed(name: &str) -> &str {
    if name.contains("://") { name.strip_suffix('/').unwrap_or(name) } else { name }
}

/// The user whom the claims name.
pub(super) fn user(claims: &Claims) -> Result<UserId, Unidentified> {
    let present = USER_CLAIMS.into_iter().find_map(|name| {
        let value = claims.get(name)?;
        (!value.is_null()).then_some((name, value))
    });
    let Some((name, value)) = present else {
        if claims.get("session").is_some_and(Value::is_object) {
            return Err(Unidentified::because(
                "this is the cookie cache of a Better Auth session, which is no token for an API; ask its GET \
                 /api/auth/token for one, and send that",
            ));
        }
        return Err(Unidentified::because(format!("the token names no user: none of {}", USER_CLAIMS.join(", "))));
    };
    value.as_str().and_then(UserId::parse).ok_or_else(|| {
        Unidentified::because(format!("the {name} claim must be a string of 1 to 255 characters without U+0000"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clocks_may_differ_by_five_seconds() {
        let claims = |name: &str| Claims::from_iter([(name.to_owned(), json!(100))]);
        for (now, counts) in [(104.9, true), (105.0, false)] {
            assert_eq!(expiry(&claims("exp"), now).is_ok(), counts, "at {now}");
        }
        for (now, counts) in [(94.9, false), (95.0, true)] {
            assert_eq!(start(&claims("nbf"), now).is_ok(), counts, "at {now}");
        }
    }
}
