//! Where the server listens, for whom, and how much of it anybody may hold.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{RateLimit, reader::Reader};

/// Where the server listens, for whom, and how much of it anybody may hold.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Origins whose pages may call the API from a browser, each as the browser writes it.
    pub allowed_origins: Vec<String>,
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// How many threads answer requests, each by itself; 0 is one for each core.
    pub workers: u32,
    /// The most connections.
    pub max_connections: usize,
    /// The most requests under way, of one user no more than are left; past them the answer is 503 at once.
    pub max_requests: usize,
    /// The most MiB of large answers that all clients together have not taken yet. Past them, the user who has most
    /// loses one to whoever asks and has less; who has no less is answered 503 at once.
    pub max_untaken: usize,
    /// How long a request may take to arrive, and how long its answer may take to be made and to be taken.
    pub request_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How often a user may ask; as often as they like where there is none.
    pub rate_limit: Option<RateLimit>,
    /// The proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the operator finds the metrics; nowhere unless set.
    pub admin_address: Option<SocketAddr>,
    /// How long requests under way may take once the server is told to stop.
    pub shutdown_timeout: Duration,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Variables {
    allowed_origins: Option<String>,
    host: Option<String>,
    port: Option<String>,
    workers: Option<String>,
    max_connections: Option<String>,
    max_requests: Option<String>,
    max_untaken: Option<String>,
    request_timeout: Option<String>,
    idle_timeout: Option<String>,
    rate_limit: Option<String>,
    trusted_proxies: Option<String>,
    admin_addr: Option<String>,
    shutdown_timeout: Option<String>,
}

impl HttpConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        // The convention of hosting platforms: who sets PORT wants to be reached from outside.
        let default_host = if given.port.is_some() { "0.0.0.0" } else { "127.0.0.1" };
        let host = given.host.unwrap_or_else(|| default_host.to_owned());
        let port = reader.number("PORT", given.port, 8000, 0..=u16::MAX);
        let admin_address = admin_address(reader, given.admin_addr);
        if admin_address.is_some_and(|admin| is_taken(admin, &host, port)) {
            reader.refuse("ADMIN_ADDR", "is where HOST and PORT have clients come; choose another port for it");
        }
        Self {
            allowed_origins: origins(reader, given.allowed_origins),
            host,
            port,
            workers: reader.number("WORKERS", given.workers, 0, 0..=256),
            max_connections: reader.number("MAX_CONNECTIONS", given.max_connections, 4096, 1..=1_000_000),
            max_requests: reader.number("MAX_REQUESTS", given.max_requests, 512, 1..=100_000),
            // Room for the largest list, at the least.
            max_untaken: reader.number("MAX_UNTAKEN", given.max_untaken, 64, 16..=65_536),
            request_timeout: reader.seconds("REQUEST_TIMEOUT", given.request_timeout, 10, 1..=300),
            idle_timeout: reader.seconds("IDLE_TIMEOUT", given.idle_timeout, 75, 1..=3600),
            rate_limit: rate_limit(reader, given.rate_limit.as_deref()),
            trusted_proxies: networks(reader, given.trusted_proxies),
            admin_address,
            shutdown_timeout: reader.seconds("SHUTDOWN_TIMEOUT", given.shutdown_timeout, 10, 0..=300),
        }
    }
}

fn rate_limit(reader: &mut Reader, given: Option<&str>) -> Option<RateLimit> {
    let wanted = "off, or requests a second and at once, each at least 1, such as 20:200";
    match given.map(str::trim) {
        None | Some("off") => None,
        Some(given) => reader.read("RATE_LIMIT", given, wanted, RateLimit::parse),
    }
}

fn admin_address(reader: &mut Reader, given: Option<String>) -> Option<SocketAddr> {
    let wanted = "an address and a port, such as 127.0.0.1:9091";
    reader.read("ADMIN_ADDR", &given?, wanted, |given| given.trim().parse().ok())
}

/// Whether a listener at `host` and `port` would get the connections to `admin`. A name other than localhost is not
/// looked up yet; and ports that the system chooses are never the same.
fn is_taken(admin: SocketAddr, host: &str, port: u16) -> bool {
    // The address of all interfaces covers its family; that of IPv6 covers IPv4 too.
    let covers = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let admin_ip = admin.ip().to_canonical();
    let is_met = |ip: IpAddr| ip == admin_ip || covers(ip, admin_ip) || covers(admin_ip, ip);
    let is_host_met = match host {
        "localhost" => is_met(Ipv4Addr::LOCALHOST.into()) || is_met(Ipv6Addr::LOCALHOST.into()),
        _ => host.parse::<IpAddr>().is_ok_and(|ip| is_met(ip.to_canonical())),
    };
    port != 0 && port == admin.port() && is_host_met
}

fn networks(reader: &mut Reader, given: Option<String>) -> Vec<IpNet> {
    let network = |item: &String| item.parse().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)).map(canonical);
    let mut networks = Vec::new();
    for item in reader.list("TRUSTED_PROXIES", given) {
        match network(&item) {
            Ok(network) => networks.push(network),
            Err(_) => reader.refuse(
                "TRUSTED_PROXIES",
                format_args!(
                    "has {item:?}, which is no address; write each as 10.0.0.1 or 10.0.0.0/8, comma separated"
                ),
            ),
        }
    }
    networks
}

/// A network of IPv4 as such, where it is written with IPv4-mapped addresses (`::ffff:10.0.0.0/104`): clients'
/// addresses are compared so.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(network) => network.addr().to_ipv4_mapped().zip(network.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    let plain = mapped.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    plain.map_or(network, IpNet::V4)
}

/// The origin of `url` as a browser writes it, or a web view that loads an app's own pages, by a scheme that the Fetch
/// standard does not know (`capacitor://localhost`). Files have none.
fn written(url: &Url) -> Option<String> {
    if url.origin().is_tuple() {
        return Some(url.origin().ascii_serialization()).filter(|written| written.starts_with("http"));
    }
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

fn origins(reader: &mut Reader, given: Option<String>) -> Vec<String> {
    let origins = reader.list("ALLOWED_ORIGINS", given);
    for origin in &origins {
        // No patterns: they would be compared literally, and match nothing.
        match Url::parse(origin).ok().and_then(|url| written(&url)).filter(|written| !written.contains('*')) {
            Some(written) if written == *origin => {}
            Some(written) => {
                reader
                    .refuse("ALLOWED_ORIGINS", format_args!("has {origin:?}, which no browser sends; write {written}"));
            }
            None => reader.refuse(
                "ALLOWED_ORIGINS",
                format_args!(
                    "has {origin:?}, which is no origin; write each as https://app.example.com, comma separated"
                ),
            ),
        }
    }
    origins
}
