//! The operator's own address, with nothing on it that a client should reach: `/metrics`.

use std::{future::pending, io, time::Duration};

use poem::{
    Endpoint, Request, Response, Route,
    endpoint::make_sync,
    http::{Method, StatusCode, header::ALLOW},
};
use tokio::net::TcpListener;

use crate::{
    Databases, HttpConfig,
    metrics::Page,
    serve::{Address, serve},
};

/// How often the page is tidied.
const TIDIED_EVERY: Duration = Duration::from_secs(5);

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A place for the operator to look at.
pub(crate) struct Admin {
    listener: TcpListener,
    page: Page,
}

impl Admin {
    /// Begins to listen, and to count.
    pub(crate) fn start(address: Address, databases: Vec<Databases>) -> io::Result<Self> {
        let listener = address.listen()?;
        tracing::info!(address = %listener.local_addr()?, "metrics are at /metrics");
        Ok(Self { listener, page: Page::start(databases) })
    }

    /// Shows the page, for ever.
    pub(crate) async fn run(self, config: &HttpConfig) {
        let page = self.page.clone();
        let tidying = async {
            loop {
                tokio::time::sleep(TIDIED_EVERY).await;
                page.tidy();
            }
        };
        tokio::select! {
            () = serve(self.listener, metrics(self.page), config, pending()) => {}
            () = tidying => {}
        }
    }
}

fn metrics(page: Page) -> impl Endpoint<Output = Response> {
    let metrics = move |request: Request| match *request.method() {
        Method::GET | Method::HEAD => Response::builder().content_type(CONTENT_TYPE).body(page.print()),
        _ => Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET, HEAD").finish(),
    };
    Route::new().at("/metrics", make_sync(metrics))
}
