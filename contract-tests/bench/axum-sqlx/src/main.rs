//! A peer: axum and sqlx by hand, one statement an operation, with the pool and the caches that its authors advise.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header::AUTHORIZATION, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, patch},
};
use shared::{Moment, NewTask, Task, TaskPatch, Tokens, sql, variable};
use sqlx::{PgPool, Row, postgres::PgPoolOptions, postgres::PgRow, query};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone)]
struct App {
    pool: PgPool,
    tokens: Arc<Tokens>,
}

struct User(Arc<str>);

impl FromRequestParts<App> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, StatusCode> {
        let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        app.tokens.user(authorization).map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

enum Failure {
    Missing,
    Invalid,
    Database,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::Missing,
            error => {
                eprintln!("{error}");
                Self::Database
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Database => StatusCode::INTERNAL_SERVER_ERROR,
        }
        .into_response()
    }
}

type Answer = Result<Response, Failure>;

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let bytes = serde_json::to_vec(value).expect("it can be written");
    (status, [(CONTENT_TYPE, "application/json")], bytes).into_response()
}

fn task<'a>(user: &'a str, row: &'a PgRow) -> Task<'a> {
    Task {
        id: row.get(0),
        user_id: user,
        title: row.get(1),
        description: row.get(2),
        completed: row.get(3),
        created_at: Moment(row.get(4)),
        updated_at: Moment(row.get(5)),
    }
}

async fn list(State(app): State<App>, User(user): User) -> Answer {
    let rows = query(sql::LIST).bind(&*user).fetch_all(&app.pool).await?;
    let tasks: Vec<_> = rows.iter().map(|row| task(&user, row)).collect();
    Ok(json(StatusCode::OK, &tasks))
}

async fn one(State(app): State<App>, User(user): User, Path(id): Path<i64>) -> Answer {
    let row = query(sql::GET).bind(&*user).bind(id).fetch_one(&app.pool).await?;
    Ok(json(StatusCode::OK, &task(&user, &row)))
}

async fn create(State(app): State<App>, User(user): User, Json(new): Json<NewTask>) -> Answer {
    if !new.is_good() {
        return Err(Failure::Invalid);
    }
    let now = Moment::now();
    let created = query(sql::CREATE)
        .bind(&*user)
        .bind(&new.title)
        .bind(&new.description)
        .bind(new.completed)
        .bind(now.0)
        .fetch_one(&app.pool)
        .await?;
    let task = Task {
        id: created.get(0),
        user_id: &user,
        title: &new.title,
        description: new.description.as_deref(),
        completed: new.completed,
        created_at: now,
        updated_at: now,
    };
    Ok(json(StatusCode::CREATED, &task))
}

async fn update(State(app): State<App>, User(user): User, Path(id): Path<i64>, Json(patch): Json<TaskPatch>) -> Answer {
    if !patch.is_good() {
        return Err(Failure::Invalid);
    }
    let row = query(sql::UPDATE)
        .bind(&*user)
        .bind(id)
        .bind(&patch.title)
        .bind(patch.description.is_some())
        .bind(patch.description.flatten())
        .bind(patch.completed)
        .bind(Moment::now().0)
        .fetch_one(&app.pool)
        .await?;
    Ok(json(StatusCode::OK, &task(&user, &row)))
}

async fn toggle(State(app): State<App>, User(user): User, Path(id): Path<i64>) -> Answer {
    let toggled = query(sql::TOGGLE).bind(&*user).bind(id).bind(Moment::now().0);
    Ok(json(StatusCode::OK, &task(&user, &toggled.fetch_one(&app.pool).await?)))
}

async fn delete(State(app): State<App>, User(user): User, Path(id): Path<i64>) -> Result<StatusCode, Failure> {
    let deleted = query(sql::DELETE).bind(&*user).bind(id).execute(&app.pool).await?;
    if deleted.rows_affected() == 0 { Err(Failure::Missing) } else { Ok(StatusCode::NO_CONTENT) }
}

#[tokio::main]
async fn main() {
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .min_connections(10)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(4))
        .connect(&variable("DATABASE_URL"))
        .await
        .expect("the database answers");
    let routes = Router::new()
        .route("/api/health", get(|| async { "ok" }))
        .route("/api/tasks", get(list).post(create))
        .route("/api/tasks/{id}", get(one).put(update).delete(delete))
        .route("/api/tasks/{id}/complete", patch(toggle))
        .with_state(App { pool, tokens: Arc::new(Tokens::from_environment()) });
    let address = format!("127.0.0.1:{}", variable("PORT"));
    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| _ = stream.set_nodelay(true));
    axum::serve(listener, routes).await.expect("it serves");
}
