//! Hosts, and over whose networks they are reached.

use std::net::IpAddr;

/// Whether a host is reached over networks of others: all but a socket's folder, a name without a dot (as containers
/// have), a name that is never public (RFC 6761, RFC 8375, `internal`), and an address of this machine or of a private
/// network.
pub(crate) fn is_public(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => !(address.is_loopback() || address.is_private() || address.is_link_local()),
        Ok(IpAddr::V6(address)) => {
            !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local())
        }
        Err(_) => {
            let ending = host.rsplit('.').next().unwrap_or_default();
            host.contains('.')
                && !host.starts_with('/')
                && !["localhost", "local", "internal", "lan", "test"].contains(&ending)
                && !host.ends_with(".home.arpa")
        }
    }
}
