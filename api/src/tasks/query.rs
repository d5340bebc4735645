//! Which tasks are listed, and in which order.

use poem_openapi::registry::{MetaParamIn, MetaSchema};

use crate::{Cursor, Limit, parameter::Parameter, text::NO_NUL};

/// What is asked of a list of tasks. Unless told otherwise, for the first of all of them, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ListQuery {
    /// The most tasks of the page.
    pub limit: Limit,
    /// Where the page begins; at the beginning, unless given.
    pub cursor: Option<Cursor>,
    /// Only tasks that are done, or only those that are not.
    pub completed: Option<bool>,
    /// Only tasks that have this text in title or description, whatever the case of the letters (Unicode's
    /// simple case folding). Empty, it filters nothing.
    pub search: String,
    /// In which order.
    pub sort: Sort,
}

impl ListQuery {
    /// The address of the page that begins at `cursor`, relative to this service.
    pub(crate) fn next_page(&self, cursor: &Cursor) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.limit != Limit::default() {
            query.append_pair(Limit::NAME, &self.limit.get().to_string());
        }
        if let Some(completed) = self.completed {
            query.append_pair(Completed::NAME, if completed { "true" } else { "false" });
        }
        if !self.search.is_empty() {
            query.append_pair(Search::NAME, &self.search);
        }
        if let Some(sort) = self.sort.name() {
            query.append_pair(Sort::NAME, sort);
        }
        query.append_pair(<Option<Cursor>>::NAME, cursor.as_str());
        format!("/api/tasks?{}", query.finish())
    }
}

/// The order of a list. Tasks that are equal in it follow in the order of their ids, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sort {
    /// What is compared.
    pub key: SortKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What the order of a list compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortKey {
    /// The ids alone.
    #[default]
    Id,
    /// The moments of creation.
    CreatedAt,
    /// The moments of the last change.
    UpdatedAt,
    /// The titles, code point by code point.
    Title,
}

impl Sort {
    const ALL: [(&'static str, Self); 6] = [
        ("created_at", Self { key: SortKey::CreatedAt, descending: false }),
        ("-created_at", Self { key: SortKey::CreatedAt, descending: true }),
        ("updated_at", Self { key: SortKey::UpdatedAt, descending: false }),
        ("-updated_at", Self { key: SortKey::UpdatedAt, descending: true }),
        ("title", Self { key: SortKey::Title, descending: false }),
        ("-title", Self { key: SortKey::Title, descending: true }),
    ];

    /// How the client says it; the order of ids has no name.
    fn name(self) -> Option<&'static str> {
        Self::ALL.iter().find(|(_, sort)| *sort == self).map(|(name, _)| *name)
    }
}

impl Parameter for Sort {
    const NAME: &'static str = "sort";
    const IN: MetaParamIn = MetaParamIn::Query;

    fn schema() -> MetaSchema {
        MetaSchema {
            enum_items: Self::ALL.iter().map(|(name, _)| (*name).into()).collect(),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        Self::ALL
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, sort)| *sort)
            .ok_or("must be created_at, updated_at or title, for the greatest first with a - before it")
    }
}

/// `completed` as a filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completed(pub(crate) Option<bool>);

impl Parameter for Completed {
    const NAME: &'static str = "completed";
    const IN: MetaParamIn = MetaParamIn::Query;

    fn schema() -> MetaSchema {
        MetaSchema::new("boolean")
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        text.map(str::parse::<bool>).transpose().map(Self).map_err(|_| "must be true or false")
    }
}

/// `completed` where it has to be there, and to be true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnlyCompleted;

impl Parameter for OnlyCompleted {
    const NAME: &'static str = "completed";
    const IN: MetaParamIn = MetaParamIn::Query;
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { enum_items: vec![true.into()], example: Some(true.into()), ..MetaSchema::new("boolean") }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        match text {
            Some("true") => Ok(Self),
            _ => Err("must be true: open tasks are deleted one by one"),
        }
    }
}

/// `q`.
#[derive(Debug, Clone)]
pub(crate) struct Search(pub(crate) String);

impl Search {
    const MAX_LENGTH: usize = 200;
}

impl Parameter for Search {
    const NAME: &'static str = "q";
    const IN: MetaParamIn = MetaParamIn::Query;

    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(Self::MAX_LENGTH), pattern: Some(NO_NUL.to_owned()), ..MetaSchema::new("string") }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let text = text.unwrap_or_default();
        if text.chars().count() > Self::MAX_LENGTH {
            return Err("must have at most 200 characters");
        }
        if text.contains('\0') {
            return Err("must not have the character U+0000");
        }
        Ok(Self(text.to_owned()))
    }
}
