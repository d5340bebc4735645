//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt as _, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    endpoint::DynEndpoint,
    http::{self, HeaderValue, StatusCode, header::CONNECTION, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use scopeguard::guard;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::TcpStream,
    sync::watch as signal,
    task::yield_now,
    time::{Instant, sleep_until, timeout},
};

use super::{leftover::Leftover, refusal, stream::WatchedStream, watch::Watch};
use crate::workers::Answerer;

/// The most bytes of a head: a request's address and headers, a token among them.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most headers.
const MAX_HEADERS: usize = 100;

/// The most bytes that are kept in memory of what has been sent and not yet looked at. A whole head has to fit, and no
/// more: a connection keeps what it once took for this to its end, though nothing comes any more.
const MAX_BUFFER_BYTES: usize = MAX_HEAD_BYTES;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The most bytes that are read and thrown away of a body that nobody wants.
const MAX_UNWANTED_BYTES: u64 = 16 * 1024 * 1024;

/// Why a connection is over.
enum End {
    /// One of the two had no more to say, or went away.
    Done,
    /// A deadline passed, or the place was wanted for another.
    Cut,
}

/// Serves the requests of one client, one after the other.
pub(super) async fn serve(
    stream: TcpStream,
    endpoint: Answerer,
    watch: Arc<Watch>,
    mut stopped: signal::Receiver<bool>,
) {
    let (Ok(local), Ok(remote)) = (stream.local_addr(), stream.peer_addr()) else {
        return;
    };
    watch.listened_to();
    let service = service_fn({
        let watch = Arc::clone(&watch);
        move |request: http::Request<Incoming>| {
            watch.asked();
            let request = (request, LocalAddr(local.into()), RemoteAddr(remote.into()), Scheme::HTTP).into();
            answer(Arc::clone(&endpoint), request, Arc::clone(&watch))
        }
    });
    let mut connection = http1::Builder::new()
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        // The watch has a deadline for heads, with an answer at its end.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(WatchedStream::new(stream, Arc::clone(&watch))), service);

    let mut deadline = pin!(sleep_until(Instant::now()));
    let mut evicted = pin!(watch.evicted());
    let mut stop = pin!(async {
        let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
        // A turn for the driver, which tells of what has arrived.
        yield_now().await;
    });
    let mut is_stopping = false;
    let end = poll_fn(|context| {
        if Pin::new(&mut connection).poll(context).is_ready() {
            return Poll::Ready(End::Done);
        }
        // What has arrived before the stop is read by now, and so will be answered; of a head that has begun since
        // the last answer, the rest is waited for.
        if !is_stopping && !watch.is_in_head() && stop.as_mut().poll(context).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
            // To the library, an empty line is the beginning of a request.
            if Pin::new(&mut connection).poll(context).is_ready() || watch.is_idle() {
                return Poll::Ready(End::Done);
            }
        }
        while evicted.as_mut().poll(context).is_ready() {
            if watch.is_waiting() {
                return Poll::Ready(End::Cut);
            }
            // What was waited for has just come.
            evicted.set(watch.evicted());
        }
        // All that moves the deadline happened in the poll above.
        let Some(at) = watch.deadline() else {
            return Poll::Pending;
        };
        if deadline.deadline() != at {
            deadline.as_mut().reset(at);
        }
        deadline.as_mut().poll(context).map(|()| End::Cut)
    })
    .await;
    let stream = connection.into_parts().io.into_inner().into_inner();
    farewell(end, stream, &watch, evicted).await;
}

/// Gives the client what is still owed: word that its head came too slowly; or a reader for the rest of what it sends.
/// A connection that is closed with bytes unread is reset, and a client that still sends would lose its answer.
async fn farewell(end: End, mut stream: TcpStream, watch: &Watch, evicted: Pin<&mut impl Future<Output = ()>>) {
    let owed = async move {
        match end {
            End::Cut if watch.is_in_head() => {
                stream.write_all(&refusal::too_slow()).await?;
                stream.shutdown().await
            }
            // What the system still keeps for who takes nothing would stay there for minutes.
            End::Cut if watch.is_answering() => stream.set_zero_linger(),
            End::Done if watch.is_unread() => {
                let (mut unwanted, mut nowhere) = (stream.take(MAX_UNWANTED_BYTES), sink());
                tokio::select! {
                    _ = copy(&mut unwanted, &mut nowhere) => {}
                    // The future that the connection was served with: it is registered already, and would take the
                    // wake-up that is meant for a new one.
                    () = evicted => {}
                }
                Ok(())
            }
            End::Cut | End::Done => Ok(()),
        }
    };
    // Whoever is waited for here may be gone.
    let _ = timeout(FAREWELL, owed).await;
}

async fn answer(
    endpoint: Answerer,
    mut request: poem::Request,
    watch: Arc<Watch>,
) -> Result<http::Response<impl Body<Data = Bytes, Error = io::Error>>, Infallible> {
    request.set_data(Arc::clone(&watch));
    let leftover = Leftover::of(&mut request);
    let answered = DynEndpoint::call(&**endpoint, request).await;
    let mut response: http::Response<BoxBody<Bytes, io::Error>> =
        answered.unwrap_or_else(poem::Error::into_response).into();
    // What was too slow is not waited for again.
    let is_too_slow = response.status() == StatusCode::REQUEST_TIMEOUT;
    if let Some(leftover) = leftover
        && (is_too_slow || !leftover.clear(&watch).await)
    {
        watch.left_unread();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    watch.answering();
    let answered = guard(watch, |watch| watch.answered());
    // Held by the body, which goes once all of it is handed over, or is wanted no more.
    Ok(response.map(|body| body.inspect_err(move |_| _ = &answered)))
}
