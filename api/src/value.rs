//! JSON that anybody may have sent, of whatever kind.

use serde_json::{Deserializer, Value, value::Serializer};
use serde_transcode::transcode;

/// The value that `json` is, nested to 127 levels at most.
///
/// [`Value`] is not left to read itself: where any crate turns on `raw_value` of `serde_json`, as the database's driver
/// does, it takes an object whose first member has a certain name for raw JSON, and parses the text in it, with a fresh
/// limit of nesting. So a string could become a list, and a short request thousands of levels.
///
/// # Errors
///
/// Where it is not valid JSON, with the line and the column.
pub fn json_value(json: &[u8]) -> Result<Value, serde_json::Error> {
    let mut json = Deserializer::from_slice(json);
    let value = transcode(&mut json, Serializer)?;
    json.end()?;
    Ok(value)
}
