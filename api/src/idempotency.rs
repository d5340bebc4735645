//! Creation that may be sent again, by the header `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header).

use poem_openapi::{
    registry::{MetaParamIn, MetaSchema},
    types::{ParseFromJSON as _, ToJSON as _},
};
use serde_json::{Map, Value};

use crate::{NewTask, Task, Unidentified, json_value, parameter::Parameter};

/// The name that a client gives to a creation, the same at every try: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
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
        let detail = "must be one key of 1 to 255 visible ASCII characters, in quotes or without";
        text.map(|text| IdempotencyKey::parse(text).ok_or(detail)).transpose()
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

    /// What is to be kept: the answer, and what was asked for where an operator's trigger made another task of it.
    #[must_use]
    pub fn to_json(&self, asked: &NewTask) -> String {
        let (mut kept, body) = (self.task.to_json().unwrap_or_default(), body_of(asked));
        if !is_of(&kept, &body) {
            kept[ASKED] = body.into();
        }
        kept.to_string()
    }

    /// What an earlier request created, from what [`Creation::to_json`] gave to keep, unless that request had another
    /// body; `None` where that is no task.
    #[must_use]
    pub fn replay(kept: &str, asked: &NewTask) -> Option<Result<Self, NotCreated>> {
        let kept = json_value(kept.as_bytes()).ok()?;
        let is_the_same = is_of(&kept, &body_of(asked));
        let task = Task::parse_from_json(Some(kept)).ok()?;
        Some(if is_the_same { Ok(Self { task, is_replayed: true }) } else { Err(NotCreated::AnotherBody) })
    }
}

/// The member of what is kept that holds what was asked for. [`Task`] has no such member, and ignores it.
const ASKED: &str = "asked";

/// All of a body that counts, by the names that an answer has for it.
fn body_of(task: &NewTask) -> Map<String, Value> {
    let members = [
        ("title", task.title.to_json()),
        ("description", task.description.to_json()),
        ("completed", task.completed.unwrap_or_default().to_json()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.unwrap_or_default())).collect()
}

/// Whether `body` is what was asked for then: what the answer shows, unless something else is kept beside it.
fn is_of(kept: &Value, body: &Map<String, Value>) -> bool {
    let asked = kept.get(ASKED).unwrap_or(kept);
    body.iter().all(|(name, value)| asked.get(name) == Some(value))
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

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example as _;

    use super::*;
    use crate::Title;

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

    #[test]
    fn what_is_kept_is_the_answer_to_the_same_body_alone() {
        let task = Task::example().to_json_string();
        let asked = |title: &str| NewTask { title: Title::stored(title.to_owned()), ..NewTask::example() };
        let kept = |title: &str| Creation::new(Task::example()).to_json(&asked(title));
        // As it was asked for, which is all that older releases keep; and as a trigger has made it.
        assert_eq!(kept("Buy milk"), task);
        for first in ["Buy milk", " Buy milk "] {
            for again in ["Buy milk", " Buy milk ", "Buy eggs"] {
                match Creation::replay(&kept(first), &asked(again)).expect("a task") {
                    Ok(creation) => assert_eq!((again, creation.task.to_json_string()), (first, task.clone())),
                    Err(refusal) => assert!(again != first && matches!(refusal, NotCreated::AnotherBody), "{again:?}"),
                }
            }
        }
        assert!(Creation::replay("{}", &NewTask::example()).is_none());
    }
}
