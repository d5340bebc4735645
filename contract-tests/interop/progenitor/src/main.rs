//! Puts the client that progenitor generates through everything, and tells it as TAP.

mod generated;
#[expect(dead_code, reason = "that it compiles is all that is asked of it")]
mod types;

use std::{env, future::Future, num::NonZero, sync::atomic::Ordering};

use futures_util::TryStreamExt;
use progenitor_client::{ByteStream, Error, ResponseValue};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use crate::generated::{
    Client, SPOIL,
    types::{ListTasksCursor, NewTask, Problem, Task, TaskPatch, ValidationProblem},
};

/// How many tasks the runner has given to the user of `MANY_TOKEN`.
const MANY: usize = 2500;
const LIMIT: u32 = 100;

/// The greatest id that there may be.
const MISSING: i64 = (1 << 53) - 1;

type Answer<T> = Result<ResponseValue<T>, Error<ByteStream>>;

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is set by the runner"))
}

fn client_with(token: Option<&str>) -> Client {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).expect("a token"));
    }
    let http = reqwest::Client::builder().default_headers(headers).build().expect("a client");
    Client::new_with_client(&variable("BASE_URL"), http)
}

fn ann() -> Client {
    client_with(Some(&variable("TOKEN")))
}

fn task(json: Value) -> NewTask {
    serde_json::from_value(json).expect("a task to create")
}

fn patch(json: Value) -> TaskPatch {
    serde_json::from_value(json).expect("a change")
}

fn id(task: &Task) -> i64 {
    i64::try_from(task.id.get()).expect("an int64")
}

async fn created() -> Task {
    let new = task(json!({"title": "Buy milk ✓", "description": "Two litres"}));
    data(ann().create_task(None, &new).await, StatusCode::CREATED)
}

#[track_caller]
fn data<T>(answer: Answer<T>, status: StatusCode) -> T {
    let answer = answer.unwrap_or_else(|error| panic!("a success: {error}"));
    assert_eq!(answer.status(), status);
    answer.into_inner()
}

async fn problem<T: std::fmt::Debug>(answer: Answer<T>, status: StatusCode) -> Vec<u8> {
    let Err(Error::ErrorResponse(answer)) = answer else { panic!("a documented problem: {answer:?}") };
    assert_eq!(answer.status(), status);
    let bytes: Vec<_> = answer.into_inner_stream().try_collect().await.expect("a body");
    bytes.concat()
}

async fn plain<T: std::fmt::Debug>(answer: Answer<T>, status: StatusCode) -> Problem {
    let problem: Problem = serde_json::from_slice(&problem(answer, status).await).expect("a problem");
    assert_eq!(i64::from(problem.status), i64::from(status.as_u16()));
    problem
}

async fn a_task_is_created() {
    let task = created().await;
    assert_eq!(task.title.as_str(), "Buy milk ✓");
    assert_eq!(task.description.as_deref().map(String::as_str), Some("Two litres"));
    assert!(!task.completed);
    assert_eq!(task.created_at, task.updated_at);
}

async fn it_is_listed() {
    let task = created().await;
    let tasks = data(ann().list_tasks(None, None, None, None, None, None).await, StatusCode::OK);
    assert!(tasks.iter().any(|listed| listed.id == task.id));
}

async fn it_is_got() {
    let task = created().await;
    let got = data(ann().get_task(id(&task), None).await, StatusCode::OK);
    assert_eq!(json!(got), json!(task));
}

async fn only_what_is_sent_is_updated() {
    let task = created().await;
    let updated = data(ann().update_task(id(&task), None, &patch(json!({"completed": true}))).await, StatusCode::OK);
    assert!(updated.completed);
    assert_eq!((&updated.title, &updated.description), (&task.title, &task.description));
}

async fn a_task_without_a_description_has_null_for_one() {
    let bare = data(ann().create_task(None, &task(json!({"title": "bare"}))).await, StatusCode::CREATED);
    assert_eq!(bare.description, None);
    let mut without = json!(bare);
    without.as_object_mut().expect("an object").remove("description");
    serde_json::from_value::<Task>(without).expect_err("it is required");
}

async fn it_is_toggled() {
    let task = created().await;
    assert!(data(ann().toggle_task_completion(id(&task), None).await, StatusCode::OK).completed);
    assert!(!data(ann().toggle_task_completion(id(&task), None).await, StatusCode::OK).completed);
}

async fn tasks_are_paged_through_each_seen_once_and_in_order() {
    let many = client_with(Some(&variable("MANY_TOKEN")));
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, None);
    loop {
        let page = many.list_tasks(None, cursor.as_ref(), NonZero::new(LIMIT), None, None, None).await;
        let page = page.unwrap_or_else(|error| panic!("a page: {error}"));
        pages += 1;
        ids.extend(page.iter().map(id));
        let Some(link) = page.headers().get("link") else { break };
        assert!(pages < MANY, "it comes to an end");
        cursor = Some(next_cursor(link.to_str().expect("a text")));
    }
    assert_eq!((pages * LIMIT as usize, ids.len()), (MANY, MANY));
    assert!(ids.is_sorted_by(|a, b| a < b));
}

/// Where the next page begins, as its link has it.
fn next_cursor(link: &str) -> ListTasksCursor {
    let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(r#">; rel="next""#)).expect("a link to it");
    let (_, query) = target.split_once('?').expect("a query");
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=")).expect("a cursor");
    cursor.parse().expect("it is as the document has it")
}

async fn another_user_does_not_find_it() {
    let task = created().await;
    let bob = client_with(Some(&variable("OTHER_TOKEN")));
    assert!(data(bob.list_tasks(None, None, None, None, None, None).await, StatusCode::OK).is_empty());
    plain(bob.get_task(id(&task), None).await, StatusCode::NOT_FOUND).await;
}

async fn it_is_deleted_once() {
    let task = created().await;
    data(ann().delete_task(id(&task), None).await, StatusCode::NO_CONTENT);
    plain(ann().delete_task(id(&task), None).await, StatusCode::NOT_FOUND).await;
}

async fn a_missing_task_is_a_problem_of_404() {
    plain(ann().get_task(MISSING, None).await, StatusCode::NOT_FOUND).await;
    plain(ann().update_task(MISSING, None, &patch(json!({"title": "x"}))).await, StatusCode::NOT_FOUND).await;
    plain(ann().toggle_task_completion(MISSING, None).await, StatusCode::NOT_FOUND).await;
}

async fn a_value_at_fault_is_a_problem_of_422_that_names_it() {
    SPOIL.store(true, Ordering::Relaxed);
    let answer = ann().create_task(None, &task(json!({"title": "x"}))).await;
    SPOIL.store(false, Ordering::Relaxed);
    let body = problem(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
    let refused: ValidationProblem = serde_json::from_slice(&body).expect("a problem with values");
    assert_eq!(refused.errors[0].pointer.as_deref(), Some("/title"));
}

async fn no_token_is_a_problem_of_401() {
    let nobody = client_with(None);
    plain(nobody.list_tasks(None, None, None, None, None, None).await, StatusCode::UNAUTHORIZED).await;
    plain(nobody.create_task(None, &task(json!({"title": "x"}))).await, StatusCode::UNAUTHORIZED).await;
    plain(nobody.delete_task(1, None).await, StatusCode::UNAUTHORIZED).await;
}

async fn an_expired_token_is_a_problem_of_401_that_says_so() {
    let late = client_with(Some(&variable("EXPIRED_TOKEN")));
    assert!(
        plain(late.list_tasks(None, None, None, None, None, None).await, StatusCode::UNAUTHORIZED)
            .await
            .detail
            .contains("expired")
    );
}

#[derive(Default)]
struct Tap {
    checks: usize,
    has_failed: bool,
}

impl Tap {
    async fn check(&mut self, name: &str, check: impl Future<Output = ()> + Send + 'static) {
        self.checks += 1;
        // In a task of its own, which catches its panic; that is told on standard error.
        let failed = tokio::spawn(check).await.is_err();
        self.has_failed |= failed;
        println!("{} {} - {}", if failed { "not ok" } else { "ok" }, self.checks, name.replace('_', " "));
    }
}

macro_rules! run {
    ($tap:ident: $($check:ident),+ $(,)?) => { $($tap.check(stringify!($check), $check()).await;)+ };
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let mut tap = Tap::default();
    run!(tap: a_task_is_created, it_is_listed, it_is_got, only_what_is_sent_is_updated,
        tasks_are_paged_through_each_seen_once_and_in_order,
        a_task_without_a_description_has_null_for_one, it_is_toggled, another_user_does_not_find_it,
        it_is_deleted_once, a_missing_task_is_a_problem_of_404, a_value_at_fault_is_a_problem_of_422_that_names_it,
        no_token_is_a_problem_of_401, an_expired_token_is_a_problem_of_401_that_says_so);
    println!("1..{}", tap.checks);
    if tap.has_failed { std::process::ExitCode::FAILURE } else { std::process::ExitCode::SUCCESS }
}
