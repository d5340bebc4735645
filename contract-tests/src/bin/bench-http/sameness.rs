//! Whether the servers do the same work: what they answer on the same data.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use todo_contract_tests::Token;

use crate::server::Server;

/// A user's list, then what became of tasks of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers(Vec<(u16, Value)>);

/// What is asked for, in order: refusals by their class, since which of the 4xx is each one's own.
const STATUSES: [u16; 11] = [200, 200, 201, 400, 200, 200, 204, 400, 400, 400, 400];

impl Answers {
    pub(crate) async fn of(server: &Server, users: &[String], tasks_of_each: usize) -> Result<Self, String> {
        let user = users.last().ok_or("there are users")?;
        let id = users.len();
        let (created, task) = ("/api/tasks".to_owned(), format!("/api/tasks/{id}"));
        let asked = [
            (Method::GET, created.clone(), Value::Null, Some(user)),
            (Method::GET, task.clone(), Value::Null, Some(user)),
            (Method::POST, created.clone(), json!({ "title": "Buy milk" }), Some(user)),
            (Method::POST, created.clone(), json!({ "title": "long".repeat(51) }), Some(user)),
            (Method::PUT, task.clone(), json!({ "title": "Buy oat milk" }), Some(user)),
            (Method::PATCH, task.clone() + "/complete", Value::Null, Some(user)),
            (Method::DELETE, task.clone(), Value::Null, Some(user)),
            (Method::DELETE, task.clone(), Value::Null, Some(user)),
            (Method::GET, task.clone(), Value::Null, Some(user)),
            (Method::GET, format!("/api/tasks/{}", id + 1), Value::Null, Some(user)),
            (Method::GET, task, Value::Null, None),
        ];
        let client = Client::builder().timeout(Duration::from_secs(10)).build().map_err(|error| error.to_string())?;
        let mut answers = Vec::new();
        for (method, path, body, user) in asked {
            let moves = method != Method::GET;
            let mut request = client.request(method, format!("http://127.0.0.1:{}{path}", server.port));
            if let Some(user) = user {
                request = request.bearer_auth(Token::of(user).encode());
            }
            if body != Value::Null {
                request = request.json(&body);
            }
            let answer = request.send().await.map_err(|error| server.complaint(&error.to_string()))?;
            let status = answer.status().as_u16();
            let text = answer.text().await.map_err(|error| server.complaint(&error.to_string()))?;
            // How refusals are worded is each one's own; so is which spelling of UTC.
            let is_good = status < 400;
            let mut value: Value = text.replace("+00:00", "Z").parse().ok().filter(|_| is_good).unwrap_or_default();
            if let (true, Some(task)) = (moves, value.as_object_mut()) {
                let times = ["created_at", "updated_at"].iter().filter(|name| task[**name].is_string()).count();
                task["updated_at"] = json!(times);
                if status == 201 {
                    task["created_at"] = json!(times);
                }
            }
            answers.push((if is_good { status } else { status / 100 * 100 }, value));
        }
        let is_whole = answers[0].1.as_array().is_some_and(|tasks| tasks.len() == tasks_of_each);
        if !is_whole || answers.iter().map(|(status, _)| *status).ne(STATUSES) {
            return Err(server.complaint(&format!("does other work: {answers:?}")));
        }
        Ok(Self(answers))
    }
}
