//! Who may come.

use std::net::IpAddr;

use url::{Host, Url};

use super::{Checked, Finding};
use crate::HttpConfig;

pub(super) fn findings(config: &HttpConfig) -> Vec<Checked> {
    vec![("listen", listen(config)), ("origins", origins(config)), ("rate", rate(config)), ("proxies", proxies(config))]
}

/// The server itself speaks no TLS.
fn listen(config: &HttpConfig) -> Finding {
    let HttpConfig { host, port, .. } = config;
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let who = if is_loopback { "only this machine reaches it" } else { "see that only the proxy with TLS reaches it" };
    Finding::pass(format!("HTTP at {host} port {port}: {who}"))
}

/// A page that came without TLS may be anybody's, and the token that it sends anybody's too.
fn origins(config: &HttpConfig) -> Finding {
    let plain: Vec<_> = config.allowed_origins.iter().filter(|origin| origin.starts_with("http://")).collect();
    if let Some(plain) = plain.iter().find(|origin| !is_local(origin)) {
        return Finding::fail(format!("ALLOWED_ORIGINS has {plain}, which is not encrypted; serve it by https"));
    }
    if let Some(local) = plain.first() {
        let remedy = "right for development; take it out before production";
        return Finding::warn(format!("ALLOWED_ORIGINS has {local}, a page on the visitor's machine; {remedy}"));
    }
    match config.allowed_origins.len() {
        0 => Finding::pass("no page of another origin may call; ALLOWED_ORIGINS lists those that shall"),
        count => Finding::pass(format!("{count} listed, each by https")),
    }
}

/// Without a bound, one user may take what all have together.
fn rate(config: &HttpConfig) -> Finding {
    if config.rate_limit.is_some() {
        return Finding::pass("how often a user may ask is bounded");
    }
    Finding::warn("a user may ask as often as they like; set RATE_LIMIT, as .env.example shows")
}

/// Whoever may say where a request comes from may also name somebody else.
fn proxies(config: &HttpConfig) -> Finding {
    if let Some(all) = config.trusted_proxies.iter().find(|network| network.prefix_len() == 0) {
        let remedy = "list the addresses of the proxies before this server, and no others";
        return Finding::warn(format!("TRUSTED_PROXIES has {all}: anybody may pass for any address; {remedy}"));
    }
    match config.trusted_proxies.len() {
        0 => Finding::pass("clients have the address that they come from"),
        count => Finding::pass(format!("{count} listed, whose word on a client's address counts")),
    }
}

/// Whether an origin is one of this very machine.
fn is_local(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}
