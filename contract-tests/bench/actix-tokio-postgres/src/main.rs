//! The strongest peer: actix-web, whose workers share nothing, and tokio-postgres, pipelined.

mod database;

use std::{future::Ready, future::ready, sync::Arc, time::Duration};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse, HttpServer, ResponseError,
    dev::Payload,
    http::{StatusCode, header::AUTHORIZATION},
    rt::net::TcpStream,
    web::{self, Data, Json, Path},
};
use serde::Serialize;
use shared::{Moment, NewTask, Task, TaskPatch, Tokens, variable};
use tokio_postgres::Row;

use self::database::Database;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct User(Arc<str>);

impl FromRequest for User {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tokens = request.app_data::<Data<Tokens>>().expect("it is there");
        let authorization = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        ready(tokens.user(authorization).map(Self).ok_or(Failure(StatusCode::UNAUTHORIZED)))
    }
}

#[derive(Debug)]
struct Failure(StatusCode);

const MISSING: Failure = Failure(StatusCode::NOT_FOUND);
const INVALID: Failure = Failure(StatusCode::UNPROCESSABLE_ENTITY);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.0
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        eprintln!("{error}");
        Self(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

type Answer = Result<HttpResponse, Failure>;

fn json(status: StatusCode, value: &impl Serialize, capacity: usize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut bytes, value).expect("it can be written");
    HttpResponse::build(status).content_type("application/json").body(bytes)
}

fn one_task(user: &str, row: Option<Row>) -> Answer {
    let row = row.ok_or(MISSING)?;
    Ok(json(StatusCode::OK, &task(user, &row), 512))
}

fn task<'a>(user: &'a str, row: &'a Row) -> Task<'a> {
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

async fn list(database: Data<Database>, User(user): User) -> Answer {
    let connection = database.reader();
    let rows = connection.all(&connection.list, &[&&*user]).await?;
    let tasks: Vec<_> = rows.iter().map(|row| task(&user, row)).collect();
    Ok(json(StatusCode::OK, &tasks, 16 + tasks.len() * 256))
}

async fn one(database: Data<Database>, User(user): User, id: Path<i64>) -> Answer {
    let connection = database.reader();
    one_task(&user, connection.one(&connection.get, &[&&*user, &*id]).await?)
}

async fn create(database: Data<Database>, User(user): User, new: Json<NewTask>) -> Answer {
    if !new.is_good() {
        return Err(INVALID);
    }
    let now = Moment::now();
    let connection = database.writer();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&&*user, &new.title, &new.description, &new.completed, &now.0];
    let created = connection.one(&connection.create, &parameters).await?.ok_or(MISSING)?;
    let task = Task {
        id: created.get(0),
        user_id: &user,
        title: &new.title,
        description: new.description.as_deref(),
        completed: new.completed,
        created_at: now,
        updated_at: now,
    };
    Ok(json(StatusCode::CREATED, &task, 512))
}

async fn update(database: Data<Database>, User(user): User, id: Path<i64>, patch: Json<TaskPatch>) -> Answer {
    if !patch.is_good() {
        return Err(INVALID);
    }
    let connection = database.writer();
    let (describes, description) = (patch.description.is_some(), patch.description.as_ref().and_then(Option::as_deref));
    let row = connection
        .one(
            &connection.update,
            &[&&*user, &*id, &patch.title, &describes, &description, &patch.completed, &Moment::now().0],
        )
        .await?;
    one_task(&user, row)
}

async fn toggle(database: Data<Database>, User(user): User, id: Path<i64>) -> Answer {
    let connection = database.writer();
    one_task(&user, connection.one(&connection.toggle, &[&&*user, &*id, &Moment::now().0]).await?)
}

async fn delete(database: Data<Database>, User(user): User, id: Path<i64>) -> Answer {
    let connection = database.writer();
    let deleted = connection.execute(&connection.delete, &[&&*user, &*id]).await?;
    if deleted == 0 { Err(MISSING) } else { Ok(HttpResponse::NoContent().finish()) }
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let tokens = Data::new(Tokens::from_environment());
    HttpServer::new(move || {
        App::new()
            .app_data(tokens.clone())
            .data_factory(Database::connect)
            .route("/api/health", web::get().to(|| async { "ok" }))
            .service(web::resource("/api/tasks").get(list).post(create))
            .service(web::resource("/api/tasks/{id}").get(one).put(update).delete(delete))
            .route("/api/tasks/{id}/complete", web::patch().to(toggle))
    })
    .on_connect(|connection, _| {
        if let Some(stream) = connection.downcast_ref::<TcpStream>() {
            let _ = stream.set_nodelay(true);
        }
    })
    // As long as ours keeps one, so that those held open beside the load stay.
    .keep_alive(Duration::from_secs(75))
    // One a core.
    .workers(std::thread::available_parallelism()?.get())
    .backlog(1024)
    .bind(format!("127.0.0.1:{}", variable("PORT")))?
    .run()
    .await
}
