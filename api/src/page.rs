//! Lists in pages.
//!
//! A page ends at a key (keyset paging), never after a number of rows: a task that stays where it is is
//! neither skipped nor seen twice while others come and go, and the hundredth page costs what the first
//! does. An offset would give neither.

use poem_openapi::registry::{MetaParamIn, MetaSchema};

use crate::{Written, parameter::Parameter};

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it, in the order of the list.
    pub items: Written<Vec<T>>,
    /// Where the next page goes on; `None` on the last one.
    pub next: Option<Cursor>,
    /// Which version of the page this is.
    pub version: PageVersion,
}

/// The version of a page: of one query, equal ones have the same items in the same order, and the same cursor of a next
/// page or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageVersion(pub u64);

/// The most items of a page: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit(u16);

impl Limit {
    const MAX: u16 = 1000;

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl Parameter for Limit {
    const NAME: &'static str = "limit";
    const IN: MetaParamIn = MetaParamIn::Query;

    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(Self::MAX.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        match text.parse() {
            Ok(limit @ 1..=Self::MAX) if text == limit.to_string() => Ok(Self(limit)),
            _ => Err("must be a whole number from 1 to 1000"),
        }
    }
}

/// Where a page begins, sealed by the keeper of the list: whom and what it is for, and which item the
/// page before ended with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    const MAX_LENGTH: usize = 2000;

    /// A cursor of letters, digits, `-` and `_`.
    #[must_use]
    pub fn new(sealed: String) -> Self {
        Self(sealed)
    }

    /// The text as it was sealed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Parameter for Option<Cursor> {
    const NAME: &'static str = "cursor";
    const IN: MetaParamIn = MetaParamIn::Query;

    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(Cursor::MAX_LENGTH),
            pattern: Some("^[A-Za-z0-9_-]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }

    fn read(text: Option<&str>) -> Result<Self, &'static str> {
        let Some(text) = text else {
            return Ok(None);
        };
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=Cursor::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_good) {
            Ok(Some(Cursor(text.to_owned())))
        } else {
            Err(InvalidCursor::DETAIL)
        }
    }
}

/// The cursor was not sealed here, or not for this caller and this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl InvalidCursor {
    pub(crate) const DETAIL: &'static str = "is no cursor of this list; begin again without one";
}
