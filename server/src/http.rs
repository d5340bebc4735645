//! What stands around the operations.
//!
//! From the outside in: the request's name and its log line, CORS, the headers of safety, the bound on requests under way,
//! how often each may ask, then the contract's own service, which turns every failure within into a problem. So every answer, of whatever layer, has a name, the
//! headers that a browser needs, and its line in the log.

mod client_address;
mod cors;
mod load;
mod log;
mod pages;
mod rate_limit;
mod security;

use poem::{Endpoint, EndpointExt, Response};

use todo_api::{Readiness, Tasks};

pub(crate) use self::{
    log::{REQUEST_ID, fresh_id},
    security::protect,
};

use crate::{Config, UnusableJwks, auth::Authenticator};

/// The whole of what is served, over a keeper of the ports.
///
/// # Errors
///
/// Where no request to the issuer of tokens can be made.
pub fn endpoint<S>(
    config: &Config,
    store: S,
) -> Result<impl Endpoint<Output = Response> + 'static + use<S>, UnusableJwks>
where
    S: Tasks + Readiness + Clone,
{
    Ok(todo_api::service(pages::pages(), store, Authenticator::new(&config.auth)?)
        .with(rate_limit::RateLimits::new(&config.http))
        .with(load::Load::new(&config.http))
        .with(security::Security::new(&config.http.trusted_proxies))
        .with(cors::Cors::new(&config.http.allowed_origins))
        .around(log::named_and_logged))
}
