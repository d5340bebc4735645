//! A client of bytes, for what no HTTP library would do.

use std::{net::SocketAddr, time::Duration};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{Answer, Token, client::check_problem};

/// Longer than any limit that a test sets.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects. What is sent goes out at once, however little it is.
    ///
    /// # Panics
    ///
    /// Where nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self(stream)
    }

    /// Connects with room for a few kilobytes that came and were not read.
    ///
    /// # Panics
    ///
    /// Where nobody listens.
    pub async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a smaller buffer");
        Self(socket.connect(address).await.expect("a connection"))
    }

    /// The head of a request of `user`, without its end: headers may follow.
    #[must_use]
    pub fn head(method: &str, path: &str, user: &str) -> String {
        let authorization = Token::of(user).bearer();
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n")
    }

    /// Sends; whether the other side still takes it.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Waits for these words, which have to come next.
    ///
    /// # Panics
    ///
    /// Where others come, or none.
    pub async fn told(&mut self, words: &str) {
        let mut bytes = vec![0; words.len()];
        timeout(PATIENCE, self.0.read_exact(&mut bytes)).await.expect("words in time").expect("words");
        assert_eq!(String::from_utf8_lossy(&bytes), words);
    }

    /// Everything that comes until the connection is closed; `None` where it is cut.
    ///
    /// # Panics
    ///
    /// Where the connection stays open for a minute.
    pub async fn rest(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the connection is closed");
        read.ok().map(|_| bytes)
    }

    /// The same as text, where it is not cut.
    ///
    /// # Panics
    ///
    /// Where it is, or no text comes; and as [`Raw::rest`].
    pub async fn text(&mut self) -> String {
        let bytes = self.rest().await.expect("the end, and no cut");
        String::from_utf8(bytes).expect("text")
    }

    /// Everything that comes until the connection is closed or cut, of which so many bytes are taken at a time, with a
    /// pause after each.
    ///
    /// # Panics
    ///
    /// Where they do not come within a minute, nor the end.
    pub async fn slowly(&mut self, bytes: u64, pause: Duration) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut part = (&mut self.0).take(bytes);
            let read = timeout(PATIENCE, part.read_to_end(&mut all)).await.expect("bytes, or the end");
            if read.is_ok_and(|read| read > 0) {
                sleep(pause).await;
            } else {
                return all;
            }
        }
    }

    /// The one answer that comes before the connection is closed: a problem.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub async fn problem(&mut self) -> Answer {
        let mut answers = self.answers().await;
        let answer = answers.pop().expect("an answer before the end");
        assert!(answers.is_empty() && answer.status >= 400, "{answers:?}, {answer:?}");
        answer
    }

    /// The answers that come before the connection is closed, each whole; those of 400 and up are problems.
    ///
    /// # Panics
    ///
    /// Where something else comes, or the connection is cut.
    pub async fn answers(&mut self) -> Vec<Answer> {
        let text = self.text().await;
        let (mut answers, mut rest) = (Vec::new(), text.as_str());
        while !rest.is_empty() {
            let (answer, next) = first(rest);
            answers.push(answer);
            rest = next;
        }
        answers
    }
}

/// The first of some answers, and the others.
fn first(text: &str) -> (Answer, &str) {
    let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("a head and a body in {text:?}"));
    let (line, headers) = head.split_once("\r\n").expect("headers");
    assert!(line.starts_with("HTTP/1."), "{text}");
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let headers: HeaderMap = headers
        .lines()
        .map(|header| {
            let (name, value) = header.split_once(": ").expect("a header");
            (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
        })
        .collect();
    let length = headers.get("content-length").map_or("0", |length| length.to_str().expect("a length"));
    let (body, rest) =
        length.parse::<usize>().ok().and_then(|length| rest.split_at_checked(length)).expect("a whole body");
    let answer = Answer { status, headers, text: body.to_owned() };
    if status >= 400 {
        check_problem(&answer, text);
        assert_eq!(answer.header("content-length"), body.len().to_string());
    }
    (answer, rest)
}
