//! What stands around the operations.
//!
//! From the outside in: the request's name and its log line, CORS, the headers of safety, how often each may ask,
//! what HTTP/1.1 asks of a request, the bound on requests under way, then the contract's own service, which turns
//! every failure within into a problem. So every answer, of whatever layer, has a name, the headers that a browser
//! needs, and its line in the log.

mod cors;
mod load;
mod log;
mod pages;
mod protocol;
mod proxies;
mod rate_limit;
mod security;

use std::sync::Arc;

use poem::{Endpoint, Request, Response};
use todo_api::{Readiness, Service, Tasks};

use self::{cors::Cors, load::Load, proxies::Proxies, rate_limit::RateLimits, security::hold_to_tls};
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
    Ok(Surroundings::new(config)?.of(store))
}

/// What stands around, once for all workers, so that what it counts is counted together.
pub(crate) struct Surroundings {
    authenticator: Arc<Authenticator>,
    cors: Cors,
    load: Load,
    rate_limits: RateLimits,
    proxies: Proxies,
}

impl Surroundings {
    /// Makes the layers, and what verifies tokens.
    pub(crate) fn new(config: &Config) -> Result<Arc<Self>, UnusableJwks> {
        Ok(Arc::new(Self {
            authenticator: Arc::new(Authenticator::new(&config.auth, config.http.max_requests)?),
            cors: Cors::new(&config.http.allowed_origins),
            load: Load::new(&config.http),
            rate_limits: RateLimits::new(&config.http),
            proxies: Proxies::new(&config.http),
        }))
    }

    /// The whole of what is served, over a keeper of the ports.
    pub(crate) fn of<S>(self: &Arc<Self>, store: S) -> impl Endpoint<Output = Response> + 'static + use<S>
    where
        S: Tasks + Readiness + Clone,
    {
        let service = todo_api::service(pages::pages(), store, self.authenticator.clone());
        Surrounded { service, around: Arc::clone(self) }
    }
}

/// The service with all that stands around it. One endpoint instead of one each: to hand the whole request on took more
/// time than what most of them do with it.
struct Surrounded {
    service: Service,
    around: Arc<Surroundings>,
}

impl Endpoint for Surrounded {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        // Boxed, or each layer's future would hold it, twice, and be copied with it.
        Ok(log::named_and_logged(Box::new(request), |request| self.answer(request)).await)
    }
}

impl Surrounded {
    async fn answer(&self, request: Box<Request>) -> Response {
        let asked = self.around.cors.look(&request);
        let by_tls = self.around.proxies.came_by_tls(&request);
        let preflight = asked.preflight().filter(|_| protocol::refusal(&request).is_none());
        let mut response = match preflight {
            Some(response) => response,
            None => self.guarded(request).await,
        };
        self.around.cors.tell(asked, &mut response);
        protect(response.headers_mut());
        if by_tls {
            hold_to_tls(response.headers_mut());
        }
        response
    }

    async fn guarded(&self, mut request: Box<Request>) -> Response {
        let Surroundings { load, proxies, rate_limits, .. } = &*self.around;
        let allowed = rate_limits.allow(&mut request, proxies);
        let mut response = match protocol::refusal(&request) {
            Some(refusal) => refusal,
            None => load.bound(request, |request| self.service.answer(request)).await,
        };
        if let Some(allowed) = allowed {
            allowed.tell(&mut response);
        }
        response
    }
}
