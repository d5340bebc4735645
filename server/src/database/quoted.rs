//! Names as statements have them, for remedies that are to be copied.

use std::borrow::Cow;

/// The name of a role, in quotes where PostgreSQL would read another one without.
pub(crate) fn quoted(name: &str) -> Cow<'_, str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain && !name.starts_with(|first: char| first.is_ascii_digit()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_where_it_has_to_be() {
        let given = ["todo_2", "App", "my-todo", "2do", "caf\u{e9}", "a\"b"];
        assert_eq!(given.map(quoted), ["todo_2", "\"App\"", "\"my-todo\"", "\"2do\"", "\"caf\u{e9}\"", "\"a\"\"b\""]);
    }
}
