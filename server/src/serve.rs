//! Serving HTTP/1.1, with a bound on everything that a client may hold of the server.
//!
//! hyper, with the framework's endpoint in it. The framework's own server has no timeout for a head that trickles in or
//! an answer that nobody takes, no bound on connections, and answers a malformed request without a problem. HTTP/2 is
//! left to the proxy that does TLS: no browser speaks it without, and with one request at a time a connection's share
//! is known and streams cannot multiply it.
//!
//! Each connection has a [`Watch`], which knows what it is doing and until when it may; and a place among the
//! [`Connections`], which it loses to a newcomer where it keeps us waiting and none is left.

mod address;
mod connection;
mod connections;
mod files;
mod leftover;
mod refusal;
mod stream;
mod untaken;
mod watch;

use std::{io, pin::pin, sync::Arc, time::Duration};

use poem::{Endpoint, EndpointExt, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch as signal,
    task::JoinSet,
    time::{sleep, timeout},
};

use self::connections::Connections;
pub(crate) use self::{address::Address, files::allowed_connections, watch::Watch};
use crate::{HttpConfig, metrics, workers::Workers};

/// A pause before the next try where the system has no more to give, such as file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `endpoint`, on this runtime, until `stop` is ready, and then for as long as requests under way and
/// `SHUTDOWN_TIMEOUT` allow. How much of an answer the system keeps is set on the listener, as the server does on its
/// own.
pub async fn serve(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    config: &HttpConfig,
    stop: impl Future<Output = ()>,
) {
    serve_by(&Workers::here(Arc::new(endpoint.boxed())), listener, config, stop).await;
}

/// As [`serve`]; each connection goes to the worker that has the fewest clients.
pub(crate) async fn serve_by(
    workers: &Workers,
    listener: TcpListener,
    config: &HttpConfig,
    stop: impl Future<Output = ()>,
) {
    let connections = Arc::new(Connections::new(config));
    let (stopping, stopped) = signal::channel(false);
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            next = async { (accept(&listener, &connections).await, connections.place().await) } => next,
        };
        // What has ended is let go of.
        while open.try_join_next().is_some() {}
        let (Some(client), Ok(stream)) = (workers.take_in(), stream.into_std()) else {
            continue;
        };
        let watch = Arc::new(Watch::new(Arc::clone(&connections), config));
        let (endpoint, stopped) = (Arc::clone(&client.endpoint), stopped.clone());
        let runtime = client.runtime.clone();
        let served = async move {
            let _held = (metrics::connected(), client, place);
            // Registered with the runtime that it is used on.
            if let Ok(stream) = TcpStream::from_std(stream) {
                connection::serve(stream, endpoint, watch, stopped).await;
            }
        };
        open.spawn_on(served, &runtime);
    }
    drop(listener);
    // Nobody listens where no connection is open.
    let _ = stopping.send(true);
    let all = async { while open.join_next().await.is_some() {} };
    if timeout(config.shutdown_timeout, all).await.is_err() {
        tracing::warn!(connections = open.len(), "connections were cut at the end of SHUTDOWN_TIMEOUT");
    }
}

/// The next connection, whatever goes wrong with others before it.
async fn accept(listener: &TcpListener, connections: &Connections) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is written in one go, and should not wait for company.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection was gone at once");
                }
                return stream;
            }
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                // No fault of ours, and comes again and again.
                tracing::warn!(%error, "no connection can be accepted; are there file handles left (ulimit -n)?");
                connections.evict();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the client merely left before it was served.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use poem::endpoint::make_sync;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{config::tests::configured, workers::tests::busy};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A worker that is never idle, and a listener.
    async fn started(turn: Duration) -> (Workers, TcpListener, HttpConfig) {
        let config = configured(&[("REQUEST_TIMEOUT", "1")]);
        let (thread, _) = busy(turn);
        let workers = Workers::new([(thread, Arc::new(make_sync(|_| "answered").map_to_response().boxed()))]);
        (workers, TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port"), config.http)
    }

    #[tokio::test]
    async fn what_has_arrived_before_the_stop_is_answered() {
        let (workers, listener, config) = started(Duration::from_millis(1)).await;
        let address = listener.local_addr().expect("an address");
        let mut clients = Vec::new();
        let asked = async {
            for _ in 0..10 {
                let mut client = TcpStream::connect(address).await.expect("a connection");
                client.write_all(REQUEST).await.expect("it is sent");
                let mut answer = Vec::new();
                while !answer.ends_with(b"answered") {
                    assert!(client.read_buf(&mut answer).await.expect("an answer") > 0, "it stays open");
                }
                clients.push(client);
            }
            for client in &mut clients {
                client.write_all(REQUEST).await.expect("it is sent");
            }
        };
        serve_by(&workers, listener, &config, asked).await;
        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.ends_with("answered"), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_cut_for_the_time_that_we_were_busy() {
        let (workers, listener, config) = started(Duration::from_millis(50)).await;
        let address = listener.local_addr().expect("an address");
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("it is sent");
            clients.push(stream);
        }
        let answered = join_all(clients.into_iter().map(async |mut client| {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.map(|_| answer)
        }));
        let mut answers = Vec::new();
        serve_by(&workers, listener, &config, async { answers = answered.await }).await;
        for answer in answers {
            let answer = answer.expect("it is not cut");
            assert!(answer.ends_with("answered"), "{answer:?}");
        }
    }
}
