//! A server of the framework's on the loopback, for those whom ours asks.

use std::net::SocketAddr;

use poem::{Response, Server, endpoint::BoxEndpoint, listener::TcpAcceptor};
use tokio::{net::TcpListener, task::JoinHandle};

/// One on a free port. It ends with the value.
#[derive(Debug)]
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Loopback {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub(crate) async fn serve(endpoint: BoxEndpoint<'static, Response>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TcpAcceptor::from_tokio(listener).expect("a listener");
        let server = tokio::spawn(async move { _ = Server::new_with_acceptor(acceptor).run(endpoint).await });
        Self { address, server }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.server.abort();
    }
}
