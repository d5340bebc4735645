//! Where a request came from, behind whatever proxies: the client's address, and whether by TLS.
//!
//! Each proxy appends the address that it was asked from, so the last word is the nearest proxy's. Read from the right,
//! the first address that is no trusted proxy is the client; what stands left of it anybody may have written. The two
//! headers are read by hand: the crates that know them read from the left.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use poem::Request;

use crate::HttpConfig;

const FORWARDED: &str = "forwarded";

const X_FORWARDED_FOR: &str = "x-forwarded-for";

const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The proxies whose word counts.
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self(config.trusted_proxies.clone())
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address; the nearest proxy's where that does not say. `None` where the connection has none.
    pub(super) fn client_of(&self, request: &Request) -> Option<IpAddr> {
        let peer = peer(request)?;
        if !self.has(peer) {
            return Some(peer);
        }
        let forwarded: Vec<_> = items(request, FORWARDED).map(|element| address(member(element, "for")?)).collect();
        let x_forwarded: Vec<_> = items(request, X_FORWARDED_FOR).map(address).collect();
        let hops = match (forwarded.is_empty(), x_forwarded.is_empty()) {
            (false, true) => forwarded,
            (true, false) => x_forwarded,
            // A proxy that writes one lets the client's other through: where they differ, one of them lies.
            _ if forwarded == x_forwarded => forwarded,
            _ => return Some(peer),
        };
        let mut nearest = peer;
        for hop in hops.into_iter().rev() {
            match hop {
                Some(hop) if self.has(hop) => nearest = hop,
                Some(hop) => return Some(hop),
                // A proxy that hides whom it speaks for stands for them all.
                None => return Some(nearest),
            }
        }
        Some(nearest)
    }

    /// Whether the nearest proxy, a trusted one, was asked by TLS.
    pub(super) fn came_by_tls(&self, request: &Request) -> bool {
        if !peer(request).is_some_and(|peer| self.has(peer)) {
            return false;
        }
        let forwarded = items(request, FORWARDED).last().and_then(|element| member(element, "proto"));
        let scheme = forwarded.or_else(|| items(request, X_FORWARDED_PROTO).last().map(str::trim));
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }
}

/// The address at the other end of the connection.
fn peer(request: &Request) -> Option<IpAddr> {
    Some(request.remote_addr().as_socket_addr()?.ip().to_canonical())
}

/// The items of a list in one or more headers of that name. One that is no text is empty, and spoils none of the
/// others.
fn items<'a>(request: &'a Request, name: &str) -> impl Iterator<Item = &'a str> {
    let items = request.headers().get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    items.map(|item| str::from_utf8(item).unwrap_or_default())
}

/// A member of one element of `Forwarded` (RFC 7239).
fn member<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// An address, perhaps with a port, perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.map_or_else(|| text.parse().ok(), |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::from));
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}
