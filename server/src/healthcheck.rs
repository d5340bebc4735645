//! Whether the server serves, asked from beside it: for images that have no shell and no curl.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::HttpConfig;

/// How long a server that serves may take to say so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The server that runs with this configuration does not serve.
#[derive(Debug, thiserror::Error)]
#[error("nothing serves at {host} port {port}: {cause}")]
pub struct Unhealthy {
    host: String,
    port: u16,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Asks `GET /api/health` of the server that runs with this configuration.
///
/// # Errors
///
/// Where it does not answer 200 within two seconds.
pub async fn check_health(config: &HttpConfig) -> Result<(), Unhealthy> {
    let host = reached_at(&config.host);
    let cause = if config.port == 0 {
        "PORT takes any that is free; set it to the one that the server's log names".into()
    } else {
        match timeout(PATIENCE, status(&host, config.port)).await {
            Ok(Ok(StatusCode::OK)) => return Ok(()),
            Ok(Ok(status)) => format!("it answers {status}").into(),
            Ok(Err(cause)) => format!("{cause}; does the server run, and with this HOST and PORT?").into(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()).into(),
        }
    };
    Err(Unhealthy { host, port: config.port, cause })
}

/// Who listens on all interfaces is reached on the loopback.
fn reached_at(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "::1".to_owned(),
        _ => host.to_owned(),
    }
}

async fn status(host: &str, port: u16) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/api/health").header(HOST, "localhost").body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}
