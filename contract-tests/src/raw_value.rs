//! JSON that `serde_json` reads as something else, where a crate turns on its `raw_value`, as the database's driver
//! does.

use serde_json::{Value, json};

/// The name of a member that makes an object stand for what its text says.
pub const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// An object that would stand for `json`.
#[must_use]
pub fn raw_value(json: &str) -> Value {
    json!({ RAW_VALUE: json })
}

/// Such an object, for so many in one another, each in lists nearly as deep as JSON may be nested.
#[must_use]
pub fn nested_raw_values(objects: usize) -> Value {
    let listed = |inner: Value| (0..120).fold(inner, |inner, _| json!([inner]));
    (0..objects).fold(Value::Null, |inner, _| raw_value(&listed(inner).to_string()))
}
