//! The address of whoever asks, behind whatever proxies.
//!
//! Each proxy appends the address that it was asked from, so the last word is the nearest proxy's. Read from
//! the right, the first address that is no trusted proxy is the client; what stands left of it anybody may
//! have written. The two headers are read by hand: the crates that know them read from the left.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use poem::{Request, http::header};

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address; the nearest proxy's where that does not say. `None` where the connection has none.
pub(super) fn client_address(request: &Request, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.remote_addr().as_socket_addr()?.ip().to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return Some(peer);
    }
    let lines = |name| request.headers().get_all(name).iter().filter_map(|line| line.to_str().ok());
    let forwarded: Vec<_> =
        lines(header::FORWARDED.as_str()).flat_map(|line| line.split(',')).map(forwarded_for).collect();
    let x_forwarded: Vec<_> = lines(X_FORWARDED_FOR).flat_map(|line| line.split(',')).map(address).collect();
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
            Some(hop) if is_trusted(&hop) => nearest = hop,
            Some(hop) => return Some(hop),
            // A proxy that hides whom it speaks for stands for them all.
            None => return Some(nearest),
        }
    }
    Some(nearest)
}

/// The `for` of one element of `Forwarded` (RFC 7239), where it is an address.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address(value.trim().trim_matches('"'))
}

/// An address, perhaps with a port, perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.map_or_else(|| text.parse().ok(), |text| text.parse::<Ipv6Addr>().ok().map(IpAddr::from));
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}
