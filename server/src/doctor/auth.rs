//! Whose tokens count.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Checked, Finding};
use crate::{
    AuthConfig, JwksConfig,
    auth::{OF_USE, published_keys},
    config::quotes,
    host::is_public,
};

pub(super) async fn findings(config: &AuthConfig) -> Vec<Checked> {
    let mut findings: Vec<_> = config.secrets.iter().map(|each| ("secret", secret(each))).collect();
    if let Some(jwks) = &config.jwks {
        findings.push(("keys", keys(jwks).await));
    }
    findings.push(("claims", claims(config)));
    findings
}

/// Whoever has one token can try secrets on it, as many and as fast as they like: so the secret must not be one that
/// people would think of. The estimate ends at 2^64 guesses, which takes years of many machines.
fn secret(secret: &SecretString) -> Finding {
    let guesses = zxcvbn::zxcvbn(secret.expose_secret(), &[]).guesses();
    if guesses < u64::MAX {
        let (bits, remedy) = (guesses.ilog2(), "make one, here and at Better Auth: openssl rand -base64 32");
        return Finding::fail(format!("a shared secret is found in 2^{bits} guesses; {remedy}"));
    }
    if quotes::are_around(secret.expose_secret()) {
        let remedy = "take them off here, unless they are part of it at Better Auth too";
        return Finding::warn(format!(
            "a shared secret has quotes around it (docker's --env-file keeps them); {remedy}"
        ));
    }
    Finding::pass("a shared secret that nobody guesses")
}

/// Whoever can replace the issuer's keys can pass for anybody.
async fn keys(config: &JwksConfig) -> Finding {
    if config.url.scheme() == "http" && config.url.host_str().is_none_or(is_public) {
        let remedy = "write it with https, or whoever is on the way there makes tokens for anybody";
        return Finding::fail(format!("AUTH_JWKS_URL is not encrypted; {remedy}"));
    }
    match published_keys(config).await {
        Ok((0, 0)) => Finding::warn("AUTH_JWKS_URL has no key yet; Better Auth makes one for its first token"),
        Ok((0, useless)) => Finding::fail(format!("AUTH_JWKS_URL has {useless}, none that can be used; {OF_USE}")),
        Ok((count, 0)) => Finding::pass(format!("AUTH_JWKS_URL has {count} that can be used")),
        Ok((count, useless)) => {
            Finding::pass(format!("AUTH_JWKS_URL has {count} that can be used, and {useless} that cannot"))
        }
        Err(cause) => Finding::fail(cause),
    }
}

/// An issuer signs other things than tokens for us.
fn claims(config: &AuthConfig) -> Finding {
    let unset: Vec<_> = [("AUTH_ISSUER", &config.issuers), ("AUTH_AUDIENCE", &config.audiences)]
        .into_iter()
        .filter(|(_, accepted)| accepted.is_empty())
        .map(|(variable, _)| variable)
        .collect();
    if unset.is_empty() {
        return Finding::pass("issuer and audience of tokens are checked");
    }
    let found = if config.takes_links_for_tokens() {
        "with a shared secret, links count that Better Auth mails to verify an address"
    } else if config.audiences.is_empty() {
        "tokens made for others count here too"
    } else {
        "tokens count whatever issuer they name"
    };
    Finding::warn(format!("{found}; set {} to what your tokens have", unset.join(" and ")))
}
