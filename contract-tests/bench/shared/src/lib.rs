//! What the hand-written peers have in common: whose request it is, and tasks as JSON. Written as somebody
//! would who knows what costs: nothing is allocated or computed that an answer does not need.

mod moment;
mod token;

use serde::{Deserialize, Deserializer, Serialize};

pub use self::{moment::Moment, token::Tokens};

/// A task as it is answered. Its texts may be borrowed from the row that they came in.
#[derive(Serialize)]
pub struct Task<'a> {
    pub id: i64,
    pub user_id: &'a str,
    pub title: &'a str,
    pub description: Option<&'a str>,
    pub completed: bool,
    pub created_at: Moment,
    pub updated_at: Moment,
}

#[derive(Deserialize)]
pub struct NewTask {
    pub title: String,
    pub description: Option<String>,
    #[serde(default)]
    pub completed: bool,
}

#[derive(Deserialize)]
pub struct TaskPatch {
    pub title: Option<String>,
    /// The outer one tells whether it was sent.
    #[serde(default, deserialize_with = "sent")]
    pub description: Option<Option<String>>,
    pub completed: Option<bool>,
}

fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl NewTask {
    pub fn is_good(&self) -> bool {
        is_title(&self.title) && self.description.as_deref().is_none_or(is_description)
    }
}

impl TaskPatch {
    pub fn is_good(&self) -> bool {
        self.title.as_deref().is_none_or(is_title)
            && self.description.iter().flatten().all(|description| is_description(description))
    }
}

fn is_title(title: &str) -> bool {
    title.chars().count() <= 200 && title.chars().any(|char| !char.is_whitespace() && !char.is_control())
}

fn is_description(description: &str) -> bool {
    description.chars().count() <= 1000
}

/// The statements, which both databases' drivers number alike. The owner is in the condition of each, and
/// is not asked back: it is known.
pub mod sql {
    pub const GET: &str = "SELECT id, title, description, completed, created_at, updated_at \
        FROM tasks WHERE user_id = $1 AND id = $2";
    pub const LIST: &str = "SELECT id, title, description, completed, created_at, updated_at \
        FROM tasks WHERE user_id = $1 ORDER BY id LIMIT 1000";
    pub const CREATE: &str = "INSERT INTO tasks (user_id, title, description, completed, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $5) RETURNING id";
    pub const UPDATE: &str = "UPDATE tasks SET title = COALESCE($3, title), \
        description = CASE WHEN $4 THEN $5 ELSE description END, completed = COALESCE($6, completed), \
        updated_at = GREATEST($7, updated_at + 1) WHERE user_id = $1 AND id = $2 \
        RETURNING id, title, description, completed, created_at, updated_at";
    pub const TOGGLE: &str = "UPDATE tasks SET completed = NOT completed, updated_at = GREATEST($3, updated_at + 1) \
        WHERE user_id = $1 AND id = $2 RETURNING id, title, description, completed, created_at, updated_at";
    pub const DELETE: &str = "DELETE FROM tasks WHERE user_id = $1 AND id = $2";
}

/// A variable of the environment, which the harness sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set"))
}
