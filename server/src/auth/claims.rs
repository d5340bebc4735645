//! The inside of a token, once its signature holds.

use serde_json::{Map, Value};
use todo_api::{Unidentified, UserId};

use crate::AuthConfig;

/// Seconds by which the clocks of issuer and server may differ.
const LEEWAY: f64 = 5.0;

/// The claims that name the user, of which the first present one counts.
const USER_CLAIMS: [&str; 4] = ["userId", "user_id", "sub", "id"];

pub(super) type Claims = Map<String, Value>;

/// What is asked of claims.
pub(super) struct Rules {
    issuers: Vec<String>,
    audiences: Vec<String>,
}

impl Rules {
    pub(super) fn new(config: &AuthConfig) -> Self {
        let origins = |given: &[String]| given.iter().map(|name| trimmed(name).to_owned()).collect();
        Self { issuers: origins(&config.issuers), audiences: origins(&config.audiences) }
    }

    /// The user whom `claims` name, if they hold at `now`, in seconds since 1970.
    pub(super) fn user(&self, claims: &Claims, now: i64) -> Result<UserId, Unidentified> {
        let expiry = numeric_date(claims, "exp")?
            .ok_or_else(|| Unidentified::because("the token has no exp claim, which is required"))?;
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age are far below 2^52")]
        let now_seconds = now as f64;
        if expiry + LEEWAY <= now_seconds {
            return Err(Unidentified::because(format!("the token expired {:.0} s ago", now_seconds - expiry)));
        }
        if let Some(start) = numeric_date(claims, "nbf")?
            && start - LEEWAY > now_seconds
        {
            return Err(Unidentified::because(format!("the token counts only in {:.0} s (nbf)", start - now_seconds)));
        }
        expect_one_of("iss", &self.issuers, claims.get("iss"))?;
        expect_one_of("aud", &self.audiences, claims.get("aud"))?;
        user(claims)
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

/// Where values are configured, the claim must have one of them; `aud` may be a list. A trailing slash
/// makes no difference: Better Auth cuts it off the origin that it puts there.
fn expect_one_of(name: &str, accepted: &[String], claim: Option<&Value>) -> Result<(), Unidentified> {
    if accepted.is_empty() {
        return Ok(());
    }
    let is_accepted =
        |value: &Value| value.as_str().is_some_and(|text| accepted.iter().any(|one| one == trimmed(text)));
    let holds = match claim {
        Some(Value::Array(values)) => values.iter().any(is_accepted),
        Some(value) => is_accepted(value),
        None => false,
    };
    if holds {
        return Ok(());
    }
    let found = claim.map_or("has none".to_owned(), |value| format!("has {value}"));
    Err(Unidentified::because(format!("the {name} claim should be {}; the token {found}", accepted.join(" or "))))
}

fn trimmed(origin: &str) -> &str {
    origin.trim_end_matches('/')
}

fn user(claims: &Claims) -> Result<UserId, Unidentified> {
    let present = USER_CLAIMS.into_iter().find_map(|name| {
        let value = claims.get(name)?;
        (!value.is_null()).then_some((name, value))
    });
    let Some((name, value)) = present else {
        return Err(Unidentified::because(format!("the token names no user: none of {}", USER_CLAIMS.join(", "))));
    };
    value.as_str().and_then(UserId::parse).ok_or_else(|| {
        Unidentified::because(format!("the {name} claim must be a string of 1 to 255 characters without U+0000"))
    })
}
