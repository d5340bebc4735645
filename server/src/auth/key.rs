//! A key, and the algorithms that it may be used with: the key decides, never the token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, crypto,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};

use super::token::Token;

/// What to do where an issuer's keys are of no use.
pub(crate) const OF_USE: &str =
    "have the issuer sign with EdDSA, ES256, ES384, RS256 or PS256 (jwks.keyPairConfig of Better Auth)";

/// A key that verifies signatures.
pub(super) struct Key {
    decoding: DecodingKey,
    algorithms: Vec<Algorithm>,
    /// As it was published; `None` for a shared secret.
    published: Option<Jwk>,
}

impl Key {
    /// The key of a shared secret, its bytes as they are: HS256 and nothing else.
    pub(super) fn of_secret(secret: &[u8]) -> Self {
        Self { decoding: DecodingKey::from_secret(secret), algorithms: vec![Algorithm::HS256], published: None }
    }

    /// A published key (RFC 7517), if it is one that verifies signatures. A symmetric one would be a secret that
    /// everybody knows.
    pub(super) fn of_jwk(jwk: Jwk) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
            && common.key_operations.as_ref().is_none_or(|uses| uses.contains(&KeyOperations::Verify));
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
            AlgorithmParameters::EllipticCurve(point) => match point.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => Vec::new(),
            },
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => Vec::new(),
        };
        // Where the key names its algorithm, it is the only one (RFC 8725, 3.1).
        if let Some(named) = common.key_algorithm {
            algorithms.retain(|algorithm| Algorithm::try_from(named).is_ok_and(|named| named == *algorithm));
        }
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        (is_for_signatures && !algorithms.is_empty() && is_whole(&jwk.algorithm)).then_some(Self {
            decoding,
            algorithms,
            published: Some(jwk),
        })
    }

    /// The name under which it is published.
    pub(super) fn id(&self) -> Option<&str> {
        self.published.as_ref()?.common.key_id.as_deref()
    }

    /// Whether it was made of exactly this publication.
    pub(super) fn is_of(&self, jwk: &Jwk) -> bool {
        self.published.as_ref() == Some(jwk)
    }

    /// Whether the token claims to be signed with it: by name, where the token names a key, and by algorithm.
    pub(super) fn fits(&self, token: &Token<'_>) -> bool {
        let is_named = token.key_id.as_deref().is_none_or(|id| self.published.is_none() || self.id() == Some(id));
        is_named && self.algorithms.contains(&token.algorithm)
    }

    /// Whether the token was signed with it.
    pub(super) fn verifies(&self, token: &Token<'_>) -> bool {
        self.fits(token)
            && crypto::verify(token.signature, token.message, &self.decoding, token.algorithm).is_ok_and(|holds| holds)
    }
}

/// Whether a key's numbers have the length that its kind asks for; of RSA, 2048 bits or more (RFC 7518, 3.3). The
/// library would find out only at the first signature, and say that it does not match.
fn is_whole(key: &AlgorithmParameters) -> bool {
    let is_of = |number: &str, bytes: usize| URL_SAFE_NO_PAD.decode(number).is_ok_and(|number| number.len() == bytes);
    match key {
        AlgorithmParameters::RSA(key) => URL_SAFE_NO_PAD.decode(&key.n).is_ok_and(|modulus| modulus.len() >= 256),
        AlgorithmParameters::EllipticCurve(point) => {
            let bytes = if point.curve == EllipticCurve::P384 { 48 } else { 32 };
            is_of(&point.x, bytes) && is_of(&point.y, bytes)
        }
        AlgorithmParameters::OctetKeyPair(pair) => is_of(&pair.x, 32),
        _ => false,
    }
}
