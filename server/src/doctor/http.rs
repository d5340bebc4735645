//! Who may come.

use std::net::IpAddr;

use url::{Host, Url};

use super::Finding;
use crate::HttpConfig;

pub(super) fn findings(config: &HttpConfig) -> Vec<Finding> {
    vec![listen(config), origins(config), rate(config), proxies(config)]
}

/// The server itself speaks no TLS.
fn listen(config: &HttpConfig) -> Finding {
    const CHECK: &str = "listen";
    let HttpConfig { host, port, .. } = config;
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let who = if is_loopback { "only this machine reaches it" } else { "see that only the proxy with TLS reaches it" };
    Finding::pass(CHECK, format!("HTTP at {host} port {port}: {who}"))
}

/// A page that came without TLS may be anybody's, and the token that it sends anybody's too.
fn origins(config: &HttpConfig) -> Finding {
    const CHECK: &str = "origins";
    let origins = config.allowed_origins.iter().filter_map(|origin| Url::parse(origin).ok());
    let (local, plain): (Vec<_>, Vec<_>) = origins.filter(|url| url.scheme() == "http").partition(is_local);
    if let Some(plain) = plain.first().map(|url| url.origin().ascii_serialization()) {
        return Finding::fail(CHECK, format!("ALLOWED_ORIGINS has {plain}, which is not encrypted; serve it by https"));
    }
    if let Some(local) = local.first().map(|url| url.origin().ascii_serialization()) {
        let remedy = "right for development; take it out before production";
        return Finding::warn(CHECK, format!("ALLOWED_ORIGINS has {local}, a page on the visitor's machine; {remedy}"));
    }
    match config.allowed_origins.len() {
        0 => Finding::pass(CHECK, "no page of another origin may call; ALLOWED_ORIGINS lists those that shall"),
        count => Finding::pass(CHECK, format!("{count} listed, each by https")),
    }
}

/// Else one user may take what all have together.
fn rate(config: &HttpConfig) -> Finding {
    const CHECK: &str = "rate";
    if config.rate_limit.is_some() {
        return Finding::pass(CHECK, "how often a user may ask is bounded");
    }
    Finding::warn(CHECK, "a user may ask as often as they like; set RATE_LIMIT, as .env.example shows")
}

/// Whoever may say where a request comes from, may also say that it comes from somebody else.
fn proxies(config: &HttpConfig) -> Finding {
    const CHECK: &str = "proxies";
    if let Some(all) = config.trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
        let remedy = "list the addresses of the proxies before this server, and no others";
        return Finding::warn(CHECK, format!("TRUSTED_PROXIES has {all}: anybody may pass for any address; {remedy}"));
    }
    match config.trusted_proxies.len() {
        0 => Finding::pass(CHECK, "clients have the address that they come from"),
        count => Finding::pass(CHECK, format!("{count} listed, whose word on a client's address counts")),
    }
}

/// Whether an address is one of this very machine.
fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
