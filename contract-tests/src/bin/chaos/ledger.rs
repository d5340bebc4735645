//! What one caller knows of its tasks, and so what the contract allows to be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug, Formatter},
};

use serde_json::{Value, json};

/// What a caller decides about a task. Title and description bear the same mark, so that a task which is
/// half of one write and half of another shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) completed: bool,
}

/// In short, since it is told in long lists.
impl Debug for Content {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { title, description, completed } = self;
        let length = description.as_ref().map(String::len);
        write!(f, "{title:?} (description of {length:?}, completed {completed})")
    }
}

impl Content {
    /// One that no other is like.
    pub(crate) fn fresh(caller: &str, number: usize) -> Self {
        let title = format!("{caller} {number}");
        // Short ones and long ones: a long one takes more than a page's share of the file.
        let description = fastrand::bool().then(|| format!("{title} {}", "x".repeat(fastrand::usize(0..900))));
        Self { title, description, completed: fastrand::bool() }
    }

    /// Read from a task in an answer.
    pub(crate) fn of(task: &Value) -> Self {
        Self {
            title: task["title"].as_str().unwrap_or_default().to_owned(),
            description: task["description"].as_str().map(str::to_owned),
            completed: task["completed"].as_bool().unwrap_or_default(),
        }
    }

    /// As the body of a request.
    pub(crate) fn to_json(&self) -> Value {
        json!({"title": self.title, "description": self.description, "completed": self.completed})
    }

    pub(crate) fn toggled(&self) -> Self {
        Self { completed: !self.completed, ..self.clone() }
    }
}

/// A task that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// What it may hold. More than one thing where the outcome of a write is not known.
    pub(crate) possible: Vec<Content>,
    /// Whether it may be gone.
    pub(crate) may_be_gone: bool,
    /// Whether a write of it may yet take effect: then it is left alone until the end.
    pub(crate) is_parked: bool,
    /// The moments of creation and of the last change that was seen, in RFC 3339 and so in order as text.
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) etag: String,
}

/// What is wrong with a task.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A write that was acknowledged is not there.
    Lost(String),
    /// Something else.
    Amiss(String),
}

impl Entry {
    pub(crate) fn of(content: Content, task: &Value, etag: &str) -> Self {
        let text = |field: &str| task[field].as_str().unwrap_or_default().to_owned();
        Self {
            possible: vec![content],
            may_be_gone: false,
            is_parked: false,
            created_at: text("created_at"),
            updated_at: text("updated_at"),
            etag: etag.to_owned(),
        }
    }

    /// What the contract does not allow about a task that was read, if anything; else its moment is noted.
    pub(crate) fn fault_of(&mut self, task: &Value) -> Option<Fault> {
        let (content, updated_at) = (Content::of(task), task["updated_at"].as_str().unwrap_or_default());
        if !self.possible.contains(&content) {
            return Some(Fault::Lost(format!("is {content:?}, and can only be one of {:?}", self.possible)));
        }
        if task["created_at"] != self.created_at.as_str() {
            let moments = format!("was created at {}, and now at {}", self.created_at, task["created_at"]);
            return Some(Fault::Amiss(moments));
        }
        if updated_at < self.updated_at.as_str() {
            return Some(Fault::Amiss(format!("has updated_at {updated_at} after {}", self.updated_at)));
        }
        updated_at.clone_into(&mut self.updated_at);
        None
    }
}

/// A creation under a key that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) key: String,
    pub(crate) id: i64,
    pub(crate) content: Content,
}

/// All that one caller knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) tasks: BTreeMap<i64, Entry>,
    /// Those whose deletion was acknowledged.
    pub(crate) gone: BTreeSet<i64>,
    /// Creations of which nobody knows; each may be there once.
    pub(crate) unborn: Vec<Content>,
    pub(crate) kept: Vec<Kept>,
}

impl Ledger {
    /// The tasks that can be written.
    pub(crate) fn free(&self) -> Vec<i64> {
        self.tasks.iter().filter(|(_, entry)| !entry.is_parked).map(|(id, _)| *id).collect()
    }
}
