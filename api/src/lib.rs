//! The contract of the todo API, as code.
//!
//! Read this crate top to bottom and you know the service. The operations, with their schemas, their answers and their
//! security, are Rust types; the published OpenAPI document is printed from those types, and the server has to satisfy
//! them to compile. So the contract is not a description that somebody keeps true: whoever changes it is led by the
//! compiler to everything that must follow.
//!
//! What the service promises in general:
//!
//! - every body that an operation answers is JSON, and every answer of 400 and up is a [`Problem`] (RFC 9457);
//! - a [`Caller`] is an argument of an operation, never a position in the router, so that an operation that the
//!   document calls secured cannot be left open;
//! - what an operation needs done, it asks of a port (a trait such as [`Tasks`]), which refuses in types; the statuses
//!   of operations are named here and nowhere else.
//!
//! This crate knows no database, no token library and no environment.

mod allowance;
mod caller;
mod context;
mod document;
mod health;
mod idempotency;
mod json;
mod link;
mod operations;
mod page;
mod parameter;
mod precondition;
mod problem;
mod scalar;
mod schema;
mod share;
mod tasks;
mod text;
mod timestamp;
mod unserved;
mod written;

use std::sync::Arc;

use poem::{
    EndpointExt, IntoEndpoint, Request, Response, Route,
    endpoint::{BoxEndpoint, DynEndpoint},
    http::Method,
};
use poem_openapi::OpenApiService;

pub use self::{
    allowance::Allowance,
    caller::{Caller, Tokens, UserId, bearer},
    context::{RequestContext, RequestId},
    document::Document,
    health::Readiness,
    idempotency::{Creation, IdempotencyKey, NotCreated},
    json::{MAX_BODY_BYTES, json_value},
    operations::Operation,
    page::{Cursor, InvalidCursor, Limit, Page, PageVersion},
    precondition::has_version,
    problem::{
        Broken, Failure, NoSuchTask, Outcome, Overloaded, Problem, RequestTimeout, TooManyRequests, Unavailable,
        Unidentified, Unreadable,
    },
    schema::json_schema,
    share::Share,
    tasks::{
        Description, Expected, ListQuery, NewTask, Nullable, Sort, SortKey, Task, TaskPatch, Tasks, Title, Unmatched,
        WrittenTask,
    },
    timestamp::Timestamp,
    written::{ListWriter, Written},
};
use self::{
    document::{TITLE, VERSION},
    health::HealthApi,
    problem::{
        ContentTooLarge, Fault, Internal, PreconditionFailed, StillRunning, Unprocessable, UnsupportedMediaType,
    },
    tasks::TasksApi,
};

/// Mounts the API beside `pages` (documentation, say), the only way there is: operations, security and the mapping of
/// every failure to a problem come together, so that none can be forgotten.
///
/// Each request may carry, as poem request data:
/// - an `Arc<RequestContext>`, whose id goes into problems, and in which the caller is noted;
/// - an `Arc<dyn Allowance>`, which bounds how often one may ask;
/// - an `Arc<dyn Share>`, which bounds how many requests of one user are under way.
///
/// Each answer of an operation carries an [`Operation`] as response data, unless the operation panicked.
pub fn service<S: Tasks + Readiness + Clone>(pages: Route, store: S, tokens: Arc<dyn Tokens>) -> Service {
    let apis: Apis<S> = (TasksApi::new(store.clone()), HealthApi::new(store));
    let operations = OpenApiService::new(apis, TITLE, VERSION).into_endpoint();
    Service { operations, pages: pages.boxed(), verifier: caller::Verifier(tokens) }
}

/// All operations, over the keeper `S` of all ports: what is mounted, printed and looked up.
type Apis<S> = (TasksApi<S>, HealthApi<S>);

/// Where all operations are.
const OPERATIONS_PATH: &str = "/api/";

/// The mounted API, with the pages beside it.
pub struct Service {
    operations: BoxEndpoint<'static>,
    pages: BoxEndpoint<'static>,
    verifier: caller::Verifier,
}

impl Service {
    /// Answers `request`, a failure too. It is boxed, since the futures around it would each hold, and copy, all of it.
    pub async fn answer(&self, mut request: Box<Request>) -> Response {
        request.set_data(self.verifier.clone());
        // By hand: the framework's nested routes parse the path anew for each request.
        let endpoint = if request.uri().path().starts_with(OPERATIONS_PATH) { &self.operations } else { &self.pages };
        problem::answer(request, |mut request| {
            // Answered as GET, so that its Content-Length is that of GET (RFC 9110, 9.3.2): the framework would empty
            // the answer first. The body is left out by who sends it.
            if request.method() == Method::HEAD {
                request.set_method(Method::GET);
            }
            DynEndpoint::call(&**endpoint, *request)
        })
        .await
    }
}
