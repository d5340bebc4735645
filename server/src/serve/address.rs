//! Addresses: taken before anything is done, so that one that cannot be had is told at once, and listened at only when
//! there is something to serve, so that nobody queues for a database that is yet to come.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

/// How many connections wait to be accepted at most.
const BACKLOG: u32 = 1024;

/// The bytes of an answer that the system keeps for a client who does not take them. (Linux reserves twice that; left
/// to itself it goes up to megabytes a client.)
pub(super) const SEND_BUFFER_BYTES: u32 = 128 * 1024;

/// An address that is taken.
pub(crate) struct Address(TcpSocket);

impl Address {
    /// Takes the first address of `host` that is to be had.
    pub(crate) async fn take(host: impl ToSocketAddrs) -> io::Result<Self> {
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in lookup_host(host).await? {
            match bound(address) {
                Ok(socket) => return Ok(Self(socket)),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Lets clients come. Fails where another server was sooner.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // SO_REUSEADDR: closed connections of the last server linger for minutes and must not keep us from binding. Not for
    // port 0: the system may give one port to two sockets that are bound so and do not listen yet.
    socket.set_reuseaddr(address.port() != 0)?;
    // Before anybody can connect: connections inherit it when they are made, and not when they are accepted.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    Ok(socket)
}
