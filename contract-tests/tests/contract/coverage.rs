//! Every operation and status of the document, each reached by a request: the table's keys must equal
//! the document's.

use std::{collections::BTreeSet, pin::pin};

use futures_util::{StreamExt, future::select, stream};
use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    BrokenApp, Client,
    Engine::{self, Postgres, Sqlite},
    Mishap, Operation, TestApp, committed,
};

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Ann,
    Nobody,
    /// Ann, twice at once with the same key: whichever comes second.
    Again,
    /// Of a server whose store has a fault.
    OfFault,
    /// Of a server whose database is away.
    OfAway,
    /// One who has asked as often as the server allows.
    Eager,
    /// Ann, in no hurry to send the rest of her body.
    Slow,
}

/// A request: who, which path, which body, of which type.
type Request = (Who, String, Option<Value>, Option<&'static str>);

/// The condition that brings a status about.
fn condition(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        304 => Some(("If-None-Match", "*")),
        412 => Some(("If-Match", "\"another\"")),
        _ => None,
    }
}

/// Whose page asks.
const PAGE: &str = "https://app.example.com";

const JSON: Option<&str> = Some("application/json");

/// How an operation is brought to answer a status; `id` is that of a task of Ann's.
fn request(operation: &Operation, status: u16, id: i64) -> Request {
    let (path, body) = operation.good(id);
    match (operation.id.as_str(), status) {
        (_, 200 | 201 | 204 | 304 | 412) => (Who::Ann, path, body, JSON),
        (_, 401) => (Who::Nobody, path, body, JSON),
        (_, 404) => (Who::Ann, operation.good(4711).0, body, JSON),
        (_, 408) => (Who::Slow, path, body, JSON),
        (_, 413) => (Who::Ann, path, Some(json!({"padding": "x".repeat(65 * 1024)})), JSON),
        (_, 415) => (Who::Ann, path, body, Some("text/plain")),
        ("listTasks", 422) => (Who::Ann, path + "?limit=0", body, JSON),
        ("createTask" | "updateTask", 422) => (Who::Ann, path, Some(json!({"title": ""})), JSON),
        ("completeAllTasks", 422) => (Who::Ann, path, Some(json!({})), JSON),
        ("deleteCompletedTasks", 422) => (Who::Ann, path.replace("true", "false"), body, JSON),
        (_, 422) => (Who::Ann, operation.path.replace("{id}", "x"), body, JSON),
        (_, 409) => (Who::Again, path, body, JSON),
        (_, 429) => (Who::Eager, path, body, JSON),
        (_, 500) => (Who::OfFault, path, body, JSON),
        (_, 503) => (Who::OfAway, path, body, JSON),
        (operation, status) => panic!("{operation} answers {status}: say here how"),
    }
}

/// A body that begins as it should, and never ends.
fn endless(beginning: String) -> reqwest::Body {
    let rest = stream::once(async { Ok::<_, std::io::Error>(beginning) }).chain(stream::pending());
    reqwest::Body::wrap_stream(rest)
}

/// The example that the document has of a problem.
fn shown(operation: &Operation, status: u16) -> Value {
    let responses = &committed().json["paths"][&operation.path][operation.method.to_lowercase()]["responses"];
    responses[status.to_string()]["content"]["application/problem+json"]["example"].clone()
}

/// What is the same of a problem whenever it is told.
fn lasting(mut problem: Value, status: u16) -> Value {
    let members = problem.as_object_mut().expect("a problem");
    members.remove("request_id").expect("each has another");
    if [401, 429].contains(&status) {
        members.remove("detail").expect("it tells of this token, or this moment");
    }
    problem
}

#[rstest]
#[tokio::test]
async fn every_status_of_every_operation_is_reached(#[values(Sqlite, Postgres)] engine: Engine) {
    let mut reached = BTreeSet::new();
    let of_page = ("ALLOWED_ORIGINS", PAGE);
    let broken = [of_page, ("RATE_LIMIT", "100:1000")];
    let (fault, away) =
        (BrokenApp::configured(Mishap::Fault, &broken).await, BrokenApp::configured(Mishap::Away, &broken).await);
    for operation in &committed().operations {
        for status in operation.answers.keys() {
            let timeout = if *status == 408 { "1" } else { "10" };
            let variables = [of_page, ("REQUEST_TIMEOUT", timeout), ("RATE_LIMIT", "1:3")];
            let app = TestApp::configured(engine, &variables).await;
            let id = app.client("ann").created("mine").await;
            let (who, path, body, content_type) = request(operation, *status, id);
            let client: Client = match who {
                Who::Ann | Who::Slow => app.client("ann"),
                Who::Again => app.client("ann").keyed("key"),
                Who::Eager => app.client("eve"),
                Who::Nobody => app.stranger(),
                Who::OfFault => fault.client(),
                Who::OfAway => away.client(),
            };
            let client = client.with_header("Origin", PAGE);
            let client = match condition(*status) {
                Some((name, value)) => client.with_header(name, value),
                None => client,
            };
            let content_type = content_type.filter(|_| body.is_some());
            let bytes = body.map(|body| body.to_string()).unwrap_or_default();
            let body = || if who == Who::Slow { endless(bytes.clone()) } else { bytes.clone().into() };
            let ask = || client.send_bytes(&operation.method, &path, content_type, body());
            let answer = match who {
                Who::Again => {
                    let _block = app.database().block_writes().await;
                    select(pin!(ask()), pin!(ask())).await.factor_first().0
                }
                Who::Eager => {
                    let mut answer = ask().await;
                    for _ in 0..50 {
                        if answer.status == 429 {
                            break;
                        }
                        answer = ask().await;
                    }
                    answer
                }
                _ => ask().await,
            };
            assert_eq!(answer.status, *status, "{} {status}: {}", operation.id, answer.text);
            assert_eq!(
                answer.header("access-control-allow-origin"),
                PAGE,
                "{} {status}: pages may read it",
                operation.id
            );
            let is_counted = operation.secured && *status != 401;
            for header in ["ratelimit", "ratelimit-policy"] {
                assert_eq!(answer.headers.contains_key(header), is_counted, "{} {status}: {header}", operation.id);
            }
            if *status >= 400 {
                let [answered, shown] = [answer.json(), shown(operation, *status)].map(|of| lasting(of, *status));
                assert_eq!(answered, shown, "{} {status} is answered as it is shown", operation.id);
            }
            reached.insert((operation.id.as_str(), *status));
        }
    }
    let documented: BTreeSet<_> =
        committed().operations.iter().flat_map(|o| o.answers.keys().map(|status| (o.id.as_str(), *status))).collect();
    assert_eq!(reached, documented);
    assert!(documented.len() > 30, "the document was read");
}

/// What each operation may answer, to the letter.
#[rstest]
#[case("listTasks", "GET", "/api/tasks", &[200, 304, 401, 422, 429, 500, 503])]
#[case("createTask", "POST", "/api/tasks", &[201, 401, 408, 409, 413, 415, 422, 429, 500, 503])]
#[case("completeAllTasks", "PATCH", "/api/tasks", &[200, 401, 408, 412, 413, 415, 422, 429, 500, 503])]
#[case("deleteCompletedTasks", "DELETE", "/api/tasks", &[200, 401, 412, 422, 429, 500, 503])]
#[case("getTask", "GET", "/api/tasks/{id}", &[200, 304, 401, 404, 422, 429, 500, 503])]
#[case("updateTask", "PUT", "/api/tasks/{id}", &[200, 401, 404, 408, 412, 413, 415, 422, 429, 500, 503])]
#[case("toggleTaskCompletion", "PATCH", "/api/tasks/{id}/complete", &[200, 401, 404, 412, 422, 429, 500, 503])]
#[case("deleteTask", "DELETE", "/api/tasks/{id}", &[204, 401, 404, 412, 422, 429, 500, 503])]
#[case("getHealth", "GET", "/api/health", &[200])]
#[case("getReadiness", "GET", "/api/ready", &[200, 503])]
fn an_operation_is_published_with_exactly_its_statuses(
    #[case] id: &str,
    #[case] method: &str,
    #[case] path: &str,
    #[case] statuses: &[u16],
) {
    let operation = committed().operations.iter().find(|operation| operation.id == id).expect("it is published");
    assert_eq!((operation.method.as_str(), operation.path.as_str()), (method, path));
    assert_eq!(operation.answers.keys().copied().collect::<Vec<_>>(), statuses);
    assert_eq!(operation.secured, statuses.contains(&401));
}
