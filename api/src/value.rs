//! JSON that anybody may have sent, of whatever kind.

use serde_json::{Deserializer, Value, value::Serializer};
use serde_transcode::transcode;

/// The value that `json` is, nested to 127 levels at most.
///
/// Not as [`Value`] reads itself: where any crate turns on `raw_value` of `serde_json`, as the database's driver does,
/// an object whose first member has a certain name is taken for what the text in it says, as JSON of its own, with a
/// limit of nesting of its own. So a text would come for a list, and a short request for thousands of levels.
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
