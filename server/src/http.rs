//! What stands around the operations.
//!
//! From the outside in: the request's name and its log line, CORS, then the contract's own service,
//! which turns every failure within into a problem. So every answer, of whatever layer, has a name, the
//! headers that a browser needs, and its line in the log.

mod cors;
mod log;
mod pages;

use poem::{Endpoint, EndpointExt, Response};

use crate::{Config, auth::Authenticator, store::Store};

/// The whole of what is served.
pub(crate) fn endpoint(config: &Config, store: Store) -> impl Endpoint<Output = Response> + 'static {
    todo_api::service(pages::pages(), store, Authenticator::new(&config.auth))
        .with(cors::Cors::new(&config.allowed_origins))
        .around(log::named_and_logged)
}
