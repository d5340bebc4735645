//! Our own stack as its tutorials use it: derived objects, a task that is found and then saved, the default
//! pool. What it costs to know no better.

mod entity;

use chrono::{DateTime, Utc};
use entity::{ActiveModel, Column, Entity, Model};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use poem::{EndpointExt, Request, Route, Server, listener::TcpListener, web::Data};
use poem_openapi::{
    ApiResponse, Object, OpenApi, OpenApiService, SecurityScheme, auth::Bearer, param::Path, payload::Json,
    types::MaybeUndefined,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Database, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QueryOrder, Set,
};

#[derive(Object)]
struct Task {
    id: i64,
    user_id: String,
    #[oai(validator(min_length = 1, max_length = 200))]
    title: String,
    description: Option<String>,
    completed: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Object)]
struct NewTask {
    #[oai(validator(min_length = 1, max_length = 200))]
    title: String,
    #[oai(validator(max_length = 1000))]
    description: Option<String>,
    completed: Option<bool>,
}

#[derive(Object)]
struct TaskPatch {
    #[oai(validator(min_length = 1, max_length = 200))]
    title: Option<String>,
    #[oai(validator(max_length = 1000))]
    description: MaybeUndefined<String>,
    completed: Option<bool>,
}

impl From<Model> for Task {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            title: row.title,
            description: row.description,
            completed: row.completed,
            created_at: DateTime::from_timestamp_micros(row.created_at).unwrap_or_default(),
            updated_at: DateTime::from_timestamp_micros(row.updated_at).unwrap_or_default(),
        }
    }
}

#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
}

#[derive(SecurityScheme)]
#[oai(ty = "bearer", bearer_format = "JWT", checker = "claims")]
struct User(Claims);

async fn claims(request: &Request, bearer: Bearer) -> Option<Claims> {
    let key = request.data::<DecodingKey>()?;
    Some(decode(&bearer.token, key, &Validation::new(Algorithm::HS256)).ok()?.claims)
}

#[derive(ApiResponse)]
enum Created {
    #[oai(status = 201)]
    Task(Json<Task>),
}

#[derive(ApiResponse)]
enum Deleted {
    #[oai(status = 204)]
    Gone,
}

struct Api;

type Answer<T> = poem::Result<T>;

#[OpenApi(prefix_path = "/api")]
impl Api {
    #[oai(path = "/health", method = "get")]
    async fn health(&self) -> Json<&'static str> {
        Json("ok")
    }

    #[oai(path = "/tasks", method = "get")]
    async fn list(&self, db: Data<&DatabaseConnection>, user: User) -> Answer<Json<Vec<Task>>> {
        let mine = Entity::find().filter(Column::UserId.eq(user.0.sub)).order_by_asc(Column::Id);
        let rows = mine.all(*db).await.map_err(broken)?;
        Ok(Json(rows.into_iter().map(Task::from).collect()))
    }

    #[oai(path = "/tasks", method = "post")]
    async fn create(&self, db: Data<&DatabaseConnection>, user: User, new: Json<NewTask>) -> Answer<Created> {
        let now = Utc::now().timestamp_micros();
        let row = ActiveModel {
            user_id: Set(user.0.sub),
            title: Set(new.0.title),
            description: Set(new.0.description),
            completed: Set(new.0.completed.unwrap_or_default()),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        Ok(Created::Task(Json(row.insert(*db).await.map_err(broken)?.into())))
    }

    #[oai(path = "/tasks/:id", method = "get")]
    async fn one(&self, db: Data<&DatabaseConnection>, user: User, id: Path<i64>) -> Answer<Json<Task>> {
        Ok(Json(find(&db, user, id.0).await?.into()))
    }

    #[oai(path = "/tasks/:id", method = "put")]
    async fn update(
        &self,
        db: Data<&DatabaseConnection>,
        user: User,
        id: Path<i64>,
        patch: Json<TaskPatch>,
    ) -> Answer<Json<Task>> {
        let mut row = find(&db, user, id.0).await?.into_active_model();
        if let Some(title) = patch.0.title {
            row.title = Set(title);
        }
        if !patch.0.description.is_undefined() {
            row.description = Set(patch.0.description.take());
        }
        if let Some(completed) = patch.0.completed {
            row.completed = Set(completed);
        }
        save(&db, row).await
    }

    #[oai(path = "/tasks/:id/complete", method = "patch")]
    async fn toggle(&self, db: Data<&DatabaseConnection>, user: User, id: Path<i64>) -> Answer<Json<Task>> {
        let found = find(&db, user, id.0).await?;
        let completed = !found.completed;
        let mut row = found.into_active_model();
        row.completed = Set(completed);
        save(&db, row).await
    }

    #[oai(path = "/tasks/:id", method = "delete")]
    async fn delete(&self, db: Data<&DatabaseConnection>, user: User, id: Path<i64>) -> Answer<Deleted> {
        find(&db, user, id.0).await?.delete(*db).await.map_err(broken)?;
        Ok(Deleted::Gone)
    }
}

async fn find(db: &DatabaseConnection, user: User, id: i64) -> Answer<Model> {
    let mine = Entity::find_by_id(id).filter(Column::UserId.eq(user.0.sub));
    let found = mine.one(db).await.map_err(broken)?;
    found.ok_or_else(|| poem::Error::from_status(poem::http::StatusCode::NOT_FOUND))
}

async fn save(db: &DatabaseConnection, mut row: ActiveModel) -> Answer<Json<Task>> {
    row.updated_at = Set(Utc::now().timestamp_micros());
    Ok(Json(row.update(db).await.map_err(broken)?.into()))
}

fn broken(error: DbErr) -> poem::Error {
    eprintln!("{error}");
    poem::error::InternalServerError(error)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::connect(std::env::var("DATABASE_URL")?).await?;
    let key = DecodingKey::from_secret(std::env::var("BETTER_AUTH_SECRET")?.as_bytes());
    let api = OpenApiService::new(Api, "Todo", "1");
    let routes = Route::new().nest("/", api).data(database).data(key);
    Server::new(TcpListener::bind(format!("127.0.0.1:{}", std::env::var("PORT")?))).run(routes).await?;
    Ok(())
}
