//! The process that keeps the contract: configuration, start and stop, tokens, the store, and what
//! stands around the operations in HTTP. What the operations promise is said in [`todo_api`].

mod admin;
mod app;
mod auth;
mod by_user;
mod clock;
mod config;
mod database;
mod doctor;
mod entity;
mod healthcheck;
mod host;
mod http;
mod http_client;
mod metrics;
mod migrate;
mod serve;
mod store;
mod telemetry;
mod workers;

pub use self::{
    app::{App, StartError},
    auth::{Check, NewToken, TokenError, UnusableJwks, authenticator, check_token, sign},
    config::{
        AuthConfig, Config, DatabaseConfig, DatabaseUrl, HttpConfig, JwksConfig, LogConfig, LogFormat, RateLimit,
        Refusals, TelemetryConfig,
    },
    database::{Databases, RowSecurityError, UnusableDatabase},
    doctor::{Report, Verdict},
    healthcheck::{Unhealthy, check_health},
    http::endpoint,
    migrate::{MigrateError, Migrations},
    serve::serve,
    store::OpenError,
    telemetry::{Telemetry, TelemetryError, start_log},
};
