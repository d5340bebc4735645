//! Clients that ask all the time, each on a connection of its own.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use todo_contract_tests::{Token, seconds_from_now};
use tokio::task::JoinSet;

/// How many of them there are.
pub(crate) const CONNECTIONS: usize = 400;

/// How many tasks each keeps.
const TASKS: usize = 20;

/// What came back since it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How long each good one took.
    pub(crate) times: Vec<Duration>,
    /// How many said «not now», as a server may that has all the work it can bear.
    pub(crate) unavailable: usize,
    /// What the load does not allow for.
    pub(crate) unforeseen: Vec<String>,
}

/// Has all of them ask, until the value goes.
pub(crate) fn start(address: SocketAddr) -> (JoinSet<()>, Arc<Mutex<Answers>>) {
    let (mut clients, answers) = (JoinSet::new(), Arc::default());
    for number in 0..CONNECTIONS {
        clients.spawn(Client::new(address, number, &answers).ask());
    }
    (clients, answers)
}

struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    answers: Arc<Mutex<Answers>>,
    tasks: VecDeque<i64>,
}

impl Client {
    fn new(address: SocketAddr, number: usize, answers: &Arc<Mutex<Answers>>) -> Self {
        let http = reqwest::Client::builder().tls_certs_only([]).pool_max_idle_per_host(1).build().expect("a client");
        // Four connections a user.
        let token = Token::of(&format!("user-{}", number / 4)).with("exp", seconds_from_now(24 * 60 * 60)).encode();
        let base = format!("http://{address}/api/tasks");
        Self { http, base, token, answers: Arc::clone(answers), tasks: VecDeque::new() }
    }

    /// Mostly reads, and as many deletions as creations, so that the data stays as much as it is.
    async fn ask(mut self) {
        loop {
            match (fastrand::u8(0..20), self.tasks.front().copied()) {
                (0..=2, Some(_)) if self.tasks.len() >= TASKS => self.delete_oldest().await,
                (0..=2, _) | (_, None) => self.create().await,
                (3..=4, Some(id)) => {
                    let patch = json!({"title": format!("task {}", fastrand::u16(..))});
                    self.send(self.to(Method::PUT, &format!("/{id}"), Some(&patch)), 200).await;
                }
                (5, Some(id)) => _ = self.send(self.to(Method::PATCH, &format!("/{id}/complete"), None), 200).await,
                (6..=11, Some(id)) => _ = self.send(self.to(Method::GET, &format!("/{id}"), None), 200).await,
                (12, _) => _ = self.send(self.to(Method::GET, "?q=task&sort=-updated_at&limit=10", None), 200).await,
                _ => _ = self.send(self.to(Method::GET, "?limit=20", None), 200).await,
            }
        }
    }

    /// Whether it is gone is not known where the answer is «not now»: it is left alone then.
    async fn delete_oldest(&mut self) {
        if let Some(id) = self.tasks.pop_front() {
            self.send(self.to(Method::DELETE, &format!("/{id}"), None), 204).await;
        }
    }

    async fn create(&mut self) {
        let description = "x".repeat(fastrand::usize(0..400));
        let body = json!({"title": format!("task {}", fastrand::u16(..)), "description": description});
        let mut request = self.to(Method::POST, "", Some(&body));
        if fastrand::bool() {
            request = request.header("Idempotency-Key", format!("{:x}", fastrand::u128(..)));
        }
        if let Some(task) = self.send(request, 201).await {
            self.tasks.extend(task["id"].as_i64());
        }
    }

    fn to(&self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    /// Sends one, and notes what came back: the body, where it was as it should be.
    async fn send(&self, request: RequestBuilder, foreseen: u16) -> Option<Value> {
        let start = Instant::now();
        let asked = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.bytes().await?))
        };
        let answer = asked.await;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok((status, body)) if status == foreseen => {
                answers.times.push(start.elapsed());
                return serde_json::from_slice(&body).ok();
            }
            Ok((503, _)) => answers.unavailable += 1,
            Ok((status, body)) => answers.unforeseen.push(format!("{status} {}", String::from_utf8_lossy(&body))),
            Err(error) => answers.unforeseen.push(format!("{error:?}")),
        }
        None
    }
}
