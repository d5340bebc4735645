//! A client that lets no answer pass which the document does not foresee.

use std::{net::SocketAddr, time::Duration};

use reqwest::{
    Method,
    header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName},
};
use serde_json::{Value, json};

use crate::{
    audit, committed,
    document::{Foreseen, Header},
};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks one server, perhaps with headers of its own on each request.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    headers: Vec<(String, String)>,
}

/// An answer that passed.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null where there is none.
    ///
    /// # Panics
    ///
    /// Where it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).expect("a body of JSON") }
    }

    /// A header as text; empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether caches are told that it depends on that header of the request.
    #[must_use]
    pub fn varies_by(&self, name: &str) -> bool {
        let values = self.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|header| header.trim() == name)
    }

    /// The path and query of the next page, from `Link`; none on the last.
    ///
    /// # Panics
    ///
    /// Where the link is no path, which the caller could follow wherever it asked.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        let link = self.header("link");
        let target = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"").expect("one link, to the next page");
        assert!(target.starts_with('/') && !target.starts_with("//"), "{target} is a path");
        Some(target.to_owned())
    }

    /// The ids of the tasks in the body, in their order.
    ///
    /// # Panics
    ///
    /// Where the body is no list of tasks.
    #[must_use]
    pub fn ids(&self) -> Vec<i64> {
        let list = self.json();
        list.as_array().expect("a list").iter().map(|task| task["id"].as_i64().expect("a task")).collect()
    }

    /// The id of the task in the body.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.json()["id"].as_i64().expect("the body is a task")
    }

    /// The answer, if it has the status.
    ///
    /// # Panics
    ///
    /// Where it has another.
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often the status is all that a test asks for"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The values at fault, as `place: detail`.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        errors
            .iter()
            .map(|fault| {
                let place = text(&fault["pointer"]).or_else(|| text(&fault["parameter"])).unwrap_or_default();
                format!("{place}: {}", text(&fault["detail"]).unwrap_or_default())
            })
            .collect()
    }
}

impl Client {
    /// A client of a server somewhere on the loopback.
    ///
    /// # Panics
    ///
    /// Where the library fails.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        // No TLS on the loopback: reading the system's certificates would take longer than most tests.
        let http = reqwest::Client::builder().tls_certs_only([]).timeout(PATIENCE).build().expect("a client");
        Self { http, base: format!("http://{address}"), headers: Vec::new() }
    }

    /// The same, of a server elsewhere.
    #[must_use]
    pub fn at(mut self, address: SocketAddr) -> Self {
        self.base = format!("http://{address}");
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a token of whatever kind.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.with_header("Authorization", &format!("Bearer {token}"))
    }

    /// All tasks of the caller.
    pub async fn list(&self) -> Answer {
        self.get("/api/tasks").await
    }

    /// Creates a task of that body.
    pub async fn create(&self, body: Value) -> Answer {
        self.send("POST", "/api/tasks", Some(body)).await
    }

    /// Creates a task of that title, which must go well, and gives its id.
    pub async fn created(&self, title: &str) -> i64 {
        self.create(json!({ "title": title })).await.expect(201).id()
    }

    /// The same client, which sends an `Idempotency-Key` with each request.
    #[must_use]
    pub fn keyed(&self, key: &str) -> Self {
        self.clone().with_header("Idempotency-Key", key)
    }

    /// Completes all tasks of the caller, or opens them again.
    pub async fn complete_all(&self, completed: bool) -> Answer {
        self.send("PATCH", "/api/tasks", Some(json!({ "completed": completed }))).await
    }

    /// Deletes the completed tasks of the caller.
    pub async fn delete_completed(&self) -> Answer {
        self.send("DELETE", "/api/tasks?completed=true", None).await
    }

    /// One task.
    pub async fn task(&self, id: i64) -> Answer {
        self.get(&format!("/api/tasks/{id}")).await
    }

    /// Updates a task.
    pub async fn update(&self, id: i64, patch: Value) -> Answer {
        self.send("PUT", &format!("/api/tasks/{id}"), Some(patch)).await
    }

    /// Toggles a task.
    pub async fn toggle(&self, id: i64) -> Answer {
        self.send("PATCH", &format!("/api/tasks/{id}/complete"), None).await
    }

    /// Deletes a task.
    pub async fn delete(&self, id: i64) -> Answer {
        self.send("DELETE", &format!("/api/tasks/{id}"), None).await
    }

    /// All pages from `path` on, each by the link of the one before.
    pub async fn pages(&self, path: &str) -> Vec<Answer> {
        let mut pages = vec![self.get(path).await.expect(200)];
        while let Some(next) = pages.last().and_then(Answer::next) {
            pages.push(self.get(&next).await.expect(200));
        }
        pages
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// Any method, perhaps with JSON.
    ///
    /// # Panics
    ///
    /// As [`Client::send_bytes`].
    pub async fn send(&self, method: &str, path: &str, json: Option<Value>) -> Answer {
        self.attempt(method, path, json).await.expect("an answer")
    }

    /// Any method with any body.
    ///
    /// # Panics
    ///
    /// Where no answer comes, or one that the document does not foresee.
    pub async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.ask(method, path, content_type, body).await.expect("an answer")
    }

    /// Any method, perhaps with JSON, where the server may go away meanwhile.
    ///
    /// # Errors
    ///
    /// Where no answer comes, or not the whole of it.
    ///
    /// # Panics
    ///
    /// Where one comes that the document does not foresee.
    pub async fn attempt(&self, method: &str, path: &str, json: Option<Value>) -> Result<Answer, reqwest::Error> {
        match json {
            Some(json) => self.ask(method, path, Some("application/json"), json.to_string()).await,
            None => self.ask(method, path, None, Vec::new()).await,
        }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Result<Answer, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base)).body(body);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let answer = Answer { status, headers, text };
        check(method.as_str(), path, &answer);
        audit::assert_clean();
        Ok(answer)
    }
}

/// Headers of HTTP, of browsers' safety and of CORS, which stand around all operations; the document has every other
/// one.
const AROUND: [&str; 11] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "strict-transport-security",
    "vary",
    "x-content-type-options",
];

/// Holds an answer against the document.
fn check(method: &str, path: &str, answer: &Answer) {
    let said = format!("{method} {path} answered {}: {}", answer.status, answer.text);
    let id = answer.header("x-request-id");
    assert!((1..=128).contains(&id.len()), "an answer has a name; {said}");
    if answer.status >= 400 && method != "HEAD" {
        check_problem(answer, &said);
    }
    if let Some(operation) = committed().operation(method, path) {
        let foreseen = operation.answers.get(&answer.status);
        let foreseen = foreseen.unwrap_or_else(|| panic!("{} foresees no such status; {said}", operation.id));
        check_foreseen(foreseen, method, answer, &said);
    } else if !(method == "OPTIONS" && answer.status == 204) && committed().has_path(path) {
        assert_eq!(answer.status, 405, "the path is documented, the method is not; {said}");
        assert!(answer.headers.contains_key(ALLOW), "a 405 says what is allowed; {said}");
    }
}

/// Holds an answer of 400 or more against what every problem is.
pub(crate) fn check_problem(answer: &Answer, said: &str) {
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), "application/problem+json", "{said}");
    assert!(committed().problem.is_valid(&problem), "it is a problem; {said}");
    assert_eq!(problem["status"], answer.status, "{said}");
    assert_eq!(problem["request_id"], answer.header("x-request-id"), "{said}");
    assert_eq!(problem.get("errors").is_some(), answer.status == 422, "errors stand on 422 alone; {said}");
}

fn check_foreseen(foreseen: &Foreseen, method: &str, answer: &Answer, said: &str) {
    for Header { name, is_required, value } in &foreseen.headers {
        let Some(given) = answer.headers.get(name) else {
            assert!(!is_required, "{name} is required; {said}");
            continue;
        };
        let text = given.to_str().expect("a header of visible ASCII");
        // A number or a boolean is spelt as in JSON.
        let fits = text.parse::<Value>().is_ok_and(|json| value.is_valid(&json)) || value.is_valid(&json!(text));
        assert!(fits, "{name} is not as the document has it; {said}");
    }
    for name in answer.headers.keys().map(HeaderName::as_str).filter(|name| !AROUND.contains(name)) {
        let is_foreseen = foreseen.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        assert!(is_foreseen, "{name} is not foreseen; {said}");
    }
    match &foreseen.content {
        None => assert!(answer.text.is_empty(), "there is no body; {said}"),
        Some((media_type, validator)) => {
            assert_eq!(answer.header("content-type"), media_type, "{said}");
            if method != "HEAD" {
                let body = answer.json();
                let faults: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
                assert!(faults.is_empty(), "the body is not as the document has it: {faults:?}; {said}");
            }
        }
    }
}
