//! Strings with a published shape.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};

/// No U+0000: PostgreSQL cannot hold it in a text.
pub(crate) const NO_NUL: &str = r"^[^\x00]*$";

/// No U+0000, and at least one character that is neither Unicode White_Space nor a control character
/// (Cc), each spelt out, since classes by name differ between the dialects of regular expressions. U+2028 and U+2029 are
/// within a range, and no escape: generators of code (hey-api's, for zod) put the characters for their escapes, and these end
/// a line of JavaScript.
pub(crate) const VISIBLE: &str =
    r"^[^\x00]*([^\x00-\x20\x7f-\xa0\u1680\u2000-\u202f\u205f\u3000]|[\u200b-\u2027\u202a-\u202e])[^\x00]*$";

/// The published shape of a string.
pub(crate) struct Shape {
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: usize,
    pub(crate) pattern: &'static str,
    pub(crate) example: &'static str,
}

impl Shape {
    /// The shape as a schema.
    pub(crate) fn schema(&self) -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            min_length: self.min_length,
            max_length: Some(self.max_length),
            pattern: Some(self.pattern.to_owned()),
            example: Some(self.example.into()),
            ..MetaSchema::new("string")
        }))
    }
}
