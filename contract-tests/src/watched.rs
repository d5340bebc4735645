//! A server with an address for its operator, and what its metrics say.

use std::{net::SocketAddr, sync::LazyLock};

use reqwest::Client;

use crate::{ServerProcess, until};

/// A server on a database, its address, and its operator's.
///
/// # Panics
///
/// Where it does not start.
#[must_use]
pub fn watched_on(url: &str, variables: &[(&str, &str)]) -> (ServerProcess, SocketAddr, SocketAddr) {
    let variables: Vec<_> =
        [("DATABASE_URL", url), ("ADMIN_ADDR", "127.0.0.1:0")].iter().chain(variables).copied().collect();
    let server = ServerProcess::start(&variables);
    let admin = server.address_logged("metrics are at");
    let address = server.address();
    (server, address, admin)
}

/// The page of all metrics.
///
/// # Panics
///
/// Where there is none.
pub async fn page(admin: SocketAddr) -> String {
    // Without the system's certificates, which take long to read. Each test has a runtime of its own, with which its
    // connections end: none is kept for the next.
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| Client::builder().tls_certs_only([]).pool_max_idle_per_host(0).build().expect("a client"));
    let response = CLIENT.get(format!("http://{admin}/metrics")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/plain; version=0.0.4"));
    response.text().await.expect("a page")
}

/// Waits until a metric has that value. Before it is counted for the first time, it is not there.
///
/// # Panics
///
/// Where it does not come to that.
pub async fn until_counted(admin: SocketAddr, metric: &str, value: u64) {
    let line = format!("{metric} {value}");
    until(&line, async || page(admin).await.lines().any(|shown| shown == line)).await;
}

/// The value of a metric with its labels.
///
/// # Panics
///
/// Where the page has none.
#[must_use]
pub fn value(page: &str, metric: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {metric} in\n{page}")).parse().expect("a number")
}

/// The value of a metric that counts.
///
/// # Panics
///
/// Where the page has none.
#[must_use]
pub fn count(page: &str, metric: &str) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "tests count no further than this")]
    let count = value(page, metric).round() as u64;
    count
}
