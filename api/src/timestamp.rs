//! Moments, as the API tells them.

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde_json::Value;

use crate::scalar::scalar;

/// A moment to the microsecond, in UTC; written as RFC 3339 with six decimals and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The moment so many microseconds after 1970-01-01T00:00:00Z. Those that no calendar reaches (some
    /// 262,000 years away) become that epoch.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }

    /// The microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.0.timestamp_micros()
    }

    fn text(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    fn parse(value: &Value) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
        Some(Self(moment.to_utc()))
    }

    fn schema() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$".to_owned()),
            example: Some("2026-11-24T08:30:00.123456Z".into()),
            ..MetaSchema::new_with_format("string", "date-time")
        }))
    }
}

scalar!(Timestamp, "timestamp", schema: Self::schema(), read: Timestamp::parse, write: |this: &Self| this.text().into());
