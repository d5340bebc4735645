//! The road of a request with nothing at its end: the whole endpoint over a keeper that always has the same
//! tasks, without a database and without a socket. What it costs is what HTTP costs us.

use poem::{Endpoint, EndpointExt, Request, Response, endpoint::BoxEndpoint};
use todo_api::{
    Creation, Description, Expected, IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated,
    Nullable, Outcome, Page, PageVersion, Readiness, Task, TaskPatch, Tasks, Timestamp, Title, Unavailable,
    Unidentified, Unmatched, UserId, Written, WrittenTask,
};
use todo_server::{Config, endpoint};

use crate::{SECRET, Token};

/// The endpoint, configured as an operator would, and a good token.
pub struct HotPath {
    endpoint: BoxEndpoint<'static, Response>,
    authorization: String,
}

/// A request that is good.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The operation.
    pub operation: &'static str,
    method: &'static str,
    path: &'static str,
    body: &'static str,
}

impl HotPath {
    /// One request for each operation that the road is measured by.
    pub const REQUESTS: [Asked; 6] = [
        asked("getTask", "GET", "/api/tasks/42", ""),
        asked("listTasks", "GET", "/api/tasks", ""),
        asked("createTask", "POST", "/api/tasks", r#"{"title":"Buy milk"}"#),
        asked("updateTask", "PUT", "/api/tasks/42", r#"{"title":"Buy oat milk"}"#),
        asked("toggleTaskCompletion", "PATCH", "/api/tasks/42/complete", ""),
        asked("getHealth", "GET", "/api/health", ""),
    ];

    /// The endpoint over lists of 50 tasks. It logs as the server does, to nowhere.
    ///
    /// # Panics
    ///
    /// Where there is none to be had, or something logs already.
    #[must_use]
    pub fn start() -> Self {
        tracing_subscriber::fmt().with_writer(std::io::sink).with_target(false).with_ansi(false).init();
        let variables = [("BETTER_AUTH_SECRET", SECRET), ("ALLOWED_ORIGINS", "https://app.example.com")];
        let config = Config::from_pairs(variables).expect("the configuration is good");
        let endpoint = endpoint(&config, AlwaysThere { tasks: 50 }).expect("an endpoint").boxed();
        Self { endpoint, authorization: Token::of("ann").bearer() }
    }

    /// Has a request answered, to the last byte, and gives their number.
    ///
    /// # Panics
    ///
    /// Where the answer is a refusal: then it was not this road that was gone.
    pub async fn answer(&self, asked: Asked) -> usize {
        let request = Request::builder()
            .method(asked.method.parse().expect("a method"))
            .uri(asked.path.parse().expect("a path"))
            .header("host", "localhost")
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .header("origin", "https://app.example.com")
            .body(asked.body);
        let response = self.endpoint.get_response(request).await;
        assert!(response.status().is_success(), "the answer is {}", response.status());
        response.into_body().into_bytes().await.expect("a body").len()
    }
}

const fn asked(operation: &'static str, method: &'static str, path: &'static str, body: &'static str) -> Asked {
    Asked { operation, method, path, body }
}

/// A keeper in whose hands nothing ever changes.
#[derive(Debug, Clone)]
struct AlwaysThere {
    tasks: usize,
}

fn task(owner: &UserId, id: i64) -> Task {
    let moment = Timestamp::from_micros(1_795_509_000_123_456);
    Task {
        id,
        user_id: owner.clone(),
        title: Title::stored(format!("Buy milk, for the {id}. time")),
        description: Nullable(Some(Description::stored("Two litres, from the shop on the corner".to_owned()))),
        completed: id % 2 == 0,
        created_at: moment,
        updated_at: moment,
    }
}

impl Tasks for AlwaysThere {
    async fn list(&self, owner: &UserId, _: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        let tasks = (1..).take(self.tasks).map(|id| task(owner, id)).collect();
        let items = Written::of(&tasks).expect("tasks are written");
        Ok(Page { items, next: None, version: PageVersion(1) })
    }

    async fn version(&self, _: &UserId, _: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        Ok(PageVersion(1))
    }

    async fn create(&self, owner: &UserId, new: NewTask) -> Outcome<Task, Unidentified> {
        Ok(Task { title: new.title, ..task(owner, 1) })
    }

    async fn create_once(&self, owner: &UserId, _: &IdempotencyKey, new: NewTask) -> Outcome<Creation, NotCreated> {
        Ok(Creation { task: Task { title: new.title, ..task(owner, 1) }, is_replayed: false })
    }

    async fn complete_all(&self, _: &UserId, _: bool) -> Outcome<u64> {
        Ok(0)
    }

    async fn delete_completed(&self, _: &UserId) -> Outcome<u64> {
        Ok(0)
    }

    async fn get(&self, owner: &UserId, id: i64) -> Outcome<WrittenTask, NoSuchTask> {
        Ok(WrittenTask::of(&task(owner, id)).expect("a task is written"))
    }

    async fn update(&self, owner: &UserId, id: i64, patch: TaskPatch, _: Expected) -> Outcome<Task, Unmatched> {
        let there = task(owner, id);
        Ok(Task { title: patch.title.unwrap_or(there.title), ..there })
    }

    async fn toggle(&self, owner: &UserId, id: i64, _: Expected) -> Outcome<Task, Unmatched> {
        Ok(task(owner, id))
    }

    async fn delete(&self, _: &UserId, _: i64, _: Expected) -> Outcome<(), Unmatched> {
        Ok(())
    }
}

impl Readiness for AlwaysThere {
    async fn ready(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}
