//! An issuer of tokens that can misbehave. The real one, Better Auth, is a peer of `make interop`; it
//! answers too well to show what happens where an issuer does not.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use poem::{
    Body, EndpointExt as _, IntoResponse, Response, Route,
    endpoint::make,
    get,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use crate::{SigningKey, loopback::Loopback};

/// What the issuer answers to whoever asks for its keys.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A set of keys, or whatever JSON.
    Json(Value),
    /// The same after a while.
    Slowly(Value, Duration),
    /// No keys, but a status.
    Status(u16),
    /// That the keys are at another address.
    Elsewhere(String),
    /// A set of keys behind so many bytes that say nothing.
    Behind(usize, Value),
    /// Bytes without an end.
    Endless,
}

/// An issuer on the loopback.
#[derive(Debug)]
pub struct Issuer {
    server: Loopback,
    reply: Arc<Mutex<Reply>>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    /// Starts one that publishes some keys.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn of(keys: &[&SigningKey]) -> Self {
        let reply = Arc::new(Mutex::new(Reply::of(keys)));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (replying, counting) = (Arc::clone(&reply), Arc::clone(&fetches));
        let jwks = make(move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
            let reply = replying.lock().expect("no panic while it was locked").clone();
            async move { Ok::<_, poem::Error>(answer(reply).await) }
        });
        let server = Loopback::serve(Route::new().at("/jwks", get(jwks)).boxed()).await;
        Self { server, reply, fetches }
    }

    /// Where it publishes its keys.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks", self.server.address)
    }

    /// Answers so from now on.
    ///
    /// # Panics
    ///
    /// Where another test's thread panicked while it asked.
    pub fn reply(&self, reply: Reply) {
        *self.reply.lock().expect("no panic while it was locked") = reply;
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl Reply {
    /// Some keys.
    #[must_use]
    pub fn of(keys: &[&SigningKey]) -> Self {
        Self::Json(json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }))
    }
}

async fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Json(json) => json.to_string().into_response(),
        Reply::Slowly(json, pause) => {
            tokio::time::sleep(pause).await;
            json.to_string().into_response()
        }
        Reply::Elsewhere(address) => StatusCode::FOUND.with_header(header::LOCATION, address).into_response(),
        Reply::Behind(length, json) => (" ".repeat(length) + &json.to_string()).into_response(),
        Reply::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Reply::Endless => {
            let bytes = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8192]));
            Body::from_bytes_stream(bytes).into_response()
        }
    }
}
