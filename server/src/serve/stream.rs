//! The bytes of a connection, seen on their way.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{refusal, watch::Watch};

/// Tells the [`Watch`] what moves. And where hyper itself refuses what is no HTTP, with a status and
/// nothing else, it says the same as a problem: hyper has no other place to say it in.
pub(super) struct WatchedStream {
    stream: TcpStream,
    watch: Arc<Watch>,
    /// What is left of the problem that is said instead of hyper's words.
    refusal: Option<Bytes>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, watch: Arc<Watch>) -> Self {
        Self { stream, watch, refusal: None }
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    /// Says the problem for hyper's own words; ready once all of it is said.
    fn poll_refuse(&mut self, context: &mut Context<'_>, words: &[u8]) -> Poll<io::Result<()>> {
        let refusal = self.refusal.get_or_insert_with(|| {
            // What follows a refused head is not read either: nobody knows where that request ends.
            self.watch.left_unread();
            refusal::instead_of(words)
        });
        while refusal.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            refusal.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        // Empty lines before a request are none of it (RFC 9112, 2.2).
        if buffer.filled()[before..].iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.watch.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.watch.is_unasked() {
            ready!(self.poll_refuse(context, bytes))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.watch.taken(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.watch.is_unasked() {
            ready!(self.poll_refuse(context, slices.first().map_or(&[], |first| first)))?;
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        self.watch.taken(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.watch.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
