//! Moments, as the API tells them.

use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, Datelike, Timelike, Utc};
use poem_openapi::registry::MetaSchema;
use serde::{Serialize, Serializer};
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

    /// By digits: a list has two of these a task, and chrono's own writer takes ten times as long. The
    /// schema has years of four digits, which no clock of ours will leave.
    fn text(&self) -> Text {
        let (date, time) = (self.0.date_naive(), self.0.time());
        let year = date.year().clamp(0, 9999).unsigned_abs();
        let mut text = Text(*b"0000-00-00T00:00:00.000000Z");
        let numbers = [
            (0..4, year),
            (5..7, date.month()),
            (8..10, date.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..26, time.nanosecond() / 1000),
        ];
        for (place, mut number) in numbers {
            for digit in text.0[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }

    fn parse(value: &Value) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
        Some(Self(moment.to_utc()))
    }

    fn schema() -> MetaSchema {
        MetaSchema {
            pattern: Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$".to_owned()),
            example: Some("2026-11-24T08:30:00.123456Z".into()),
            ..MetaSchema::new_with_format("string", "date-time")
        }
    }
}

/// A moment as it is written.
struct Text([u8; 27]);

impl Text {
    fn as_str(&self) -> &str {
        // It is digits.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Display for Timestamp {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text().as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

scalar!(
    Timestamp, "timestamp", schema: Self::schema(), read: Timestamp::parse,
    write: |this: &Self| this.text().as_str().into()
);

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339_has_it() {
        for micros in [
            0,
            1,
            999_999,
            1_795_509_000_123_456,
            951_782_400_000_000,
            253_402_300_799_999_999,
            -62_167_219_200_000_000,
        ] {
            let moment = Timestamp::from_micros(micros);
            assert_eq!(moment.text().as_str(), moment.0.to_rfc3339_opts(SecondsFormat::Micros, true));
        }
    }
}
