//! Somebody who collects what servers tell of themselves: traces (OTLP), errors (Sentry), or, as a proxy, whatever
//! goes out. It writes down what it gets.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use poem::{EndpointExt as _, Response, endpoint::make};

use crate::loopback::Loopback;

/// What was sent: where to, and what.
pub type Sent = (String, Vec<u8>);

/// A collector on the loopback. It ends with the value.
#[derive(Debug)]
pub struct Collector {
    server: Loopback,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start() -> Self {
        Self::answering(true).await
    }

    /// Starts one that takes what it gets and never answers.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn silent() -> Self {
        Self::answering(false).await
    }

    async fn answering(answers: bool) -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let noting = Arc::clone(&sent);
        let endpoint = make(move |mut request: poem::Request| {
            let noting = Arc::clone(&noting);
            async move {
                let body = request.take_body().into_vec().await.unwrap_or_default();
                noting.lock().expect("no panic while it was locked").push((request.original_uri().to_string(), body));
                if !answers {
                    std::future::pending::<()>().await;
                }
                Ok::<_, poem::Error>(Response::builder().content_type("application/x-protobuf").finish())
            }
        });
        Self { server: Loopback::serve(endpoint.boxed()).await, sent }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What it got so far.
    ///
    /// # Panics
    ///
    /// Where another test's thread panicked while it asked.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("no panic while it was locked").clone()
    }
}
