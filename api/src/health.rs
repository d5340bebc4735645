//! Liveness and readiness: for those who run the service. Neither asks who is asking.

use poem_openapi::{ApiResponse, Object, OpenApi, Tags, registry::MetaSchema, types::Example};
use serde::Serialize;
use serde_json::Value;

use crate::{Unavailable, json::Json, problem::problems, scalar::scalar};

#[derive(Tags)]
enum Tag {
    /// Whether the service runs, and whether it can work.
    Health,
}

/// How the service is.
#[derive(Debug, Object, Serialize)]
#[oai(example)]
struct Health {
    /// `ok` wherever this is answered with 200.
    status: Status,
}

impl Example for Health {
    fn example() -> Self {
        Self { status: Status::Ok }
    }
}

/// The one thing that a 200 can say; a problem says the rest.
#[derive(Debug, Serialize)]
enum Status {
    #[serde(rename = "ok")]
    Ok,
}

scalar!(Status, "status",
    schema: MetaSchema { enum_items: vec!["ok".into()], example: Some("ok".into()), ..MetaSchema::new("string") },
    read: |value: &Value| (value == "ok").then_some(Self::Ok),
    write: |_: &Self| "ok".into()
);

#[derive(ApiResponse)]
enum GetHealth {
    /// The process serves.
    #[oai(status = 200)]
    Alive(Json<Health>),
}

#[derive(ApiResponse)]
enum GetReadiness {
    /// The database answers.
    #[oai(status = 200)]
    Ready(Json<Health>),
}

problems! {
    /// Why `getReadiness` says no.
    GetReadinessError: Unavailable as "The database does not answer. Try again after `Retry-After`."
}

/// The port behind readiness.
pub trait Readiness: Send + Sync + 'static {
    /// Whether the database answers. May answer from memory for up to a second, and while the database takes its time
    /// over the next answer, so that nobody's curiosity becomes the database's load.
    fn ready(&self) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The health operations, over the keeper `S` of [`Readiness`].
pub(crate) struct HealthApi<S>(S);

impl<S> HealthApi<S> {
    pub(crate) fn new(store: S) -> Self {
        Self(store)
    }
}

#[OpenApi(prefix_path = "/api", tag = "Tag::Health")]
#[expect(clippy::unused_async, reason = "the framework takes asynchronous operations alone")]
impl<S: Readiness> HealthApi<S> {
    /// Tell whether the process serves
    ///
    /// Liveness: answered without touching the database, so it neither wakes a sleeping one nor fails
    /// with it. Restart the process when this fails, and only then.
    #[oai(path = "/health", method = "get", operation_id = "getHealth")]
    async fn get_health(&self) -> GetHealth {
        GetHealth::Alive(Json(Health { status: Status::Ok }))
    }

    /// Tell whether the database answers
    ///
    /// Readiness: send traffic here while this is 200. The database is asked at most once a second,
    /// whoever asks.
    #[oai(path = "/ready", method = "get", operation_id = "getReadiness")]
    async fn get_readiness(&self) -> Result<GetReadiness, GetReadinessError> {
        self.0.ready().await?;
        Ok(GetReadiness::Ready(Json(Health { status: Status::Ok })))
    }
}
