//! Where the server listens, and for whom.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::refusals::{Reader, list};

/// Where the server listens, and for whom.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Origins whose pages may call the API from a browser, each as the browser writes it.
    pub allowed_origins: Vec<String>,
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// How long requests under way may take once the server is told to stop.
    pub shutdown_timeout: Duration,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Variables {
    allowed_origins: Option<String>,
    host: Option<String>,
    port: Option<String>,
    shutdown_timeout: Option<String>,
}

impl HttpConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        // The convention of hosting platforms: who sets PORT wants to be reached from outside.
        let default_host = if given.port.is_some() { "0.0.0.0" } else { "127.0.0.1" };
        Self {
            allowed_origins: origins(reader, given.allowed_origins),
            host: given.host.unwrap_or_else(|| default_host.to_owned()),
            port: reader.number("PORT", given.port, 8000, 0..=u16::MAX),
            shutdown_timeout: reader.seconds("SHUTDOWN_TIMEOUT", given.shutdown_timeout, 10, 0..=300),
        }
    }
}

fn origins(reader: &mut Reader, given: Option<String>) -> Vec<String> {
    let origins = list(given);
    for origin in &origins {
        let written = Url::parse(origin).ok().map(|url| url.origin().ascii_serialization());
        match written.filter(|written| written.starts_with("http")) {
            Some(written) if written == *origin => {}
            Some(written) => {
                reader.refuse("ALLOWED_ORIGINS", format!("has {origin:?}, which no browser sends; write {written}"));
            }
            None => reader.refuse(
                "ALLOWED_ORIGINS",
                format!("has {origin:?}, which is no origin; write each as https://app.example.com, comma separated"),
            ),
        }
    }
    origins
}
