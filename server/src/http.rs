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

use std::sync::Arc;

use poem::{Endpoint, EndpointExt, Response};
use todo_api::{Readiness, Tasks};

pub(crate) use self::{
    log::{REQUEST_ID, fresh_id},
    security::protect,
};

use self::{load::Load, rate_limit::RateLimits};
use crate::{Config, HttpConfig, UnusableJwks, auth::Authenticator};

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
    Ok(Surroundings::new(config)?.of(store))
}

/// What stands around, once for all workers: what they count, they count together.
pub(crate) struct Surroundings {
    authenticator: Arc<Authenticator>,
    rate_limits: RateLimits,
    load: Load,
    config: HttpConfig,
}

impl Surroundings {
    /// # Errors
    ///
    /// Where no request to the issuer of tokens can be made.
    pub(crate) fn new(config: &Config) -> Result<Self, UnusableJwks> {
        Ok(Self {
            authenticator: Arc::new(Authenticator::new(&config.auth)?),
            rate_limits: RateLimits::new(&config.http),
            load: Load::new(&config.http),
            config: config.http.clone(),
        })
    }

    /// The whole of what is served, over a keeper of the ports.
    pub(crate) fn of<S>(&self, store: S) -> impl Endpoint<Output = Response> + 'static + use<S>
    where
        S: Tasks + Readiness + Clone,
    {
        // Each boxed: one future that holds all the others is copied whole at each of its layers, which took
        // more time than anything else that a request does here.
        todo_api::service(pages::pages(), store, Arc::clone(&self.authenticator))
            .boxed()
            .with(self.rate_limits.clone())
            .boxed()
            .with(self.load.clone())
            .boxed()
            .with(security::Security::new(&self.config.trusted_proxies))
            .boxed()
            .with(cors::Cors::new(&self.config.allowed_origins))
            .boxed()
            .around(log::named_and_logged)
    }
}
