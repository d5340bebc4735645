//! Strings with a published shape.

use poem_openapi::registry::MetaSchema;

/// No U+0000: PostgreSQL cannot hold it in a text.
pub(crate) const NO_NUL: &str = r"^[^\x00]*$";

/// No U+0000, and at least one character that is neither Unicode White_Space nor a control character (Cc). These are
/// spelt out, since named classes differ between the dialects of regular expressions.
///
/// Generators of code copy the pattern into literals. U+2028 and U+2029 are therefore within a range, and not escapes:
/// hey-api's, for zod, writes the characters themselves, which end a line of JavaScript. And no escape beyond ASCII is
/// `\x`: in Ruby that is a single byte, and a syntax error.
pub(crate) const VISIBLE: &str =
    r"^[^\x00]*([^\x00-\x20\x7f-\u00a0\u1680\u2000-\u202f\u205f\u3000]|[\u200b-\u2027\u202a-\u202e])[^\x00]*$";

/// The published shape of a string.
pub(crate) struct Shape {
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: usize,
    pub(crate) pattern: &'static str,
    pub(crate) example: &'static str,
}

impl Shape {
    /// The shape as a schema.
    pub(crate) fn schema(&self) -> MetaSchema {
        MetaSchema {
            min_length: self.min_length,
            max_length: Some(self.max_length),
            pattern: Some(self.pattern.to_owned()),
            example: Some(self.example.into()),
            ..MetaSchema::new("string")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_can_be_literals_of_generated_code() {
        for pattern in [NO_NUL, VISIBLE] {
            let mut bytes =
                pattern.split(r"\x").skip(1).map(|rest| u8::from_str_radix(&rest[..2], 16).expect("two digits"));
            assert!(bytes.all(|byte| byte.is_ascii()), "a byte alone is none of Ruby's characters: {pattern}");
            assert!(
                !pattern.contains(r"\u2028") && !pattern.contains(r"\u2029"),
                "an end of JavaScript's line: {pattern}"
            );
        }
    }
}
