//! Keys that an issuer signs with and publishes.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        Ed25519KeyPair,
    },
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, jwk::Jwk};
use serde_json::{Value, json};

/// A key pair, made for one test.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    encoding: EncodingKey,
}

impl SigningKey {
    /// A fresh key of that name for that algorithm.
    ///
    /// # Panics
    ///
    /// Where the algorithm has no public key, or the library fails.
    #[must_use]
    pub fn generate(id: &str, algorithm: Algorithm) -> Self {
        let encoding = match algorithm.family() {
            AlgorithmFamily::Ed => {
                let key = Ed25519KeyPair::generate().expect("a key");
                EncodingKey::from_ed_der(key.to_pkcs8v1().expect("a key in PKCS#8").as_ref())
            }
            AlgorithmFamily::Ec if algorithm == Algorithm::ES384 => elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING),
            AlgorithmFamily::Ec => elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING),
            AlgorithmFamily::Rsa => {
                let key = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
                let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("a key in PKCS#8");
                // jsonwebtoken wants what PKCS#8 wraps: the head of a key of this size has 26 bytes.
                EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..])
            }
            AlgorithmFamily::Hmac => panic!("a shared secret is not published"),
        };
        Self { id: id.to_owned(), algorithm, encoding }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its secret half.
    #[must_use]
    pub fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    /// Its public half, as Better Auth publishes it: with `alg` and `kid`, and without `use`.
    ///
    /// # Panics
    ///
    /// Where the library fails.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding, self.algorithm).expect("a key that can be published");
        let mut jwk = serde_json::to_value(jwk).expect("a key is JSON");
        jwk["kid"] = json!(self.id);
        jwk
    }
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> EncodingKey {
    let key = EcdsaKeyPair::generate(algorithm).expect("a key");
    EncodingKey::from_ec_der(key.to_pkcs8v1().expect("a key in PKCS#8").as_ref())
}
