//! Creation that may be sent again, by the header `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use poem_openapi::{
    registry::{MetaParamIn, MetaSchema},
    types::{ParseFromJSON as _, ToJSON as _},
};

use crate::{Fault, NewTask, Task, Unidentified, Unprocessable, json_value, parameter::Parameter};

/// The name that a client gives to a creation, the same at every try: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const DETAIL: &'static str = "must be one key of 1 to 255 visible ASCII characters, in quotes or without";

    /// The key as it was meant, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the value of the header: a string of RFC 8941 in its quotes, as the draft has it, or the bare
    /// characters, as most clients send them. Both name the same key.
    fn parse(value: &str) -> Option<Self> {
        let key = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted.strip_suffix('"')?)?,
            None => value.to_owned(),
        };
        let is_good = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_good.then_some(Self(key))
    }
}

/// What stands between the quotes of a string of RFC 8941, where only `"` and `\` are escaped.
fn unquoted(text: &str) -> Option<String> {
    let mut unquoted = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => unquoted.push(characters.next().filter(|next| ['"', '\\'].contains(next))?),
            other => unquoted.push(other),
        }
    }
    Some(unquoted)
}

impl Parameter for Option<IdempotencyKey> {
    const NAME: &'static str = "Idempotency-Key";
    const IN: MetaParamIn = MetaParamIn::Header;

    fn schema() -> MetaSchema {
        MetaSchema {
            // The bare characters, of which the first is no quote; or, in quotes, as many with their escapes.
            pattern: Some(r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#.to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        text.map(|text| IdempotencyKey::parse(text).ok_or(IdempotencyKey::DETAIL)).transpose()
    }
}

/// A task that was created, now or by an earlier request with the same key.
#[derive(Debug, Clone)]
pub struct Creation {
    /// The task as it was then.
    pub task: Task,
    /// Whether it was an earlier request that created it.
    pub is_replayed: bool,
}

impl Creation {
    /// A task that this request created.
    #[must_use]
    pub fn new(task: Task) -> Self {
        Self { task, is_replayed: false }
    }

    /// The answer, for keeping.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.task.to_json_string()
    }

    /// A task that an earlier request created, from what [`Creation::to_json`] gave to keep; `None` where that is no task.
    #[must_use]
    pub fn replay(answer: &str) -> Option<Self> {
        let task = Task::parse_from_json(json_value(answer.as_bytes()).ok()).ok()?;
        Some(Self { task, is_replayed: true })
    }

    /// Whether `task` is what was asked for then: an answer holds all of the body that counts.
    #[must_use]
    pub fn is_of(&self, task: &NewTask) -> bool {
        self.task.title == task.title
            && self.task.description.0 == task.description
            && self.task.completed == task.completed.unwrap_or_default()
    }
}

/// Why nothing was created, and no earlier answer given again.
#[derive(Debug)]
pub enum NotCreated {
    /// The system that keeps the users does not know this one.
    Unidentified(Unidentified),
    /// The key was used with another body.
    AnotherBody,
    /// The first request with the key has no answer yet.
    StillRunning,
}

impl NotCreated {
    /// What the client is told of a key that was used with another body.
    pub(crate) fn another_body() -> Unprocessable {
        Unprocessable(vec![Fault::in_parameter(
            <Option<IdempotencyKey>>::NAME,
            "was used with another body; send a new key for a new task",
        )])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        let key = |value: &str| IdempotencyKey::parse(value).map(|key| key.0);
        for (value, meant) in [("a", "a"), ("\"a\"", "a"), ("a-1_~!", "a-1_~!"), (r#""a\"b\\c""#, r#"a"b\c"#)] {
            assert_eq!(key(value).as_deref(), Some(meant), "{value}");
        }
        assert!(key(&"x".repeat(255)).is_some() && key(&format!("\"{}\"", "x".repeat(255))).is_some());
        for value in [
            "",
            " a",
            "a, ",
            "a, b",
            "\"\"",
            "\"a",
            "\"",
            "a b",
            "\"a b\"",
            "é",
            r#""a\b""#,
            "\"a\"b\"",
            &"x".repeat(256),
        ] {
            assert_eq!(key(value), None, "{value}");
        }
    }
}
