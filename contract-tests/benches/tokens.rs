//! What it costs to know who asks: a token verified anew, and one that was verified before.
//!
//! `AUTH_TOKEN_CACHE=0` verifies each time; the default remembers. One token, asked for over and over,
//! which is what the requests of one page of a frontend look like.

use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256, PS256, RS256};
use todo_api::Tokens;
use todo_contract_tests::{Issuer, SECRET, SigningKey, Token};
use todo_server::{Config, authenticator};
use tokio::runtime::Runtime;

fn verification(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for algorithm in [HS256, EdDSA, ES256, RS256, PS256] {
        let key = (algorithm != HS256).then(|| SigningKey::generate("a", algorithm));
        let issuer = runtime.block_on(Issuer::of(key.as_slice().iter().collect::<Vec<_>>().as_slice()));
        let token = key.as_ref().map_or(Token::of("ann"), |key| Token::of("ann").signed_by(key)).encode();
        let mut group = criterion.benchmark_group(format!("{algorithm:?}"));
        for (name, token_cache) in [("verified anew", "0"), ("remembered", "10000")] {
            let variables = [
                ("BETTER_AUTH_SECRET", SECRET),
                ("AUTH_JWKS_URL", &*issuer.url()),
                ("AUTH_JWKS_MAX_AGE", "86400"),
                ("AUTH_TOKEN_CACHE", token_cache),
            ];
            let config = Config::from_pairs(variables).expect("the configuration is good");
            let tokens = authenticator(&config.auth).expect("an authenticator");
            group.bench_function(name, |bencher| {
                bencher.iter(|| runtime.block_on(tokens.user(&token)).expect("the token counts"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, verification);
criterion_main!(benches);
