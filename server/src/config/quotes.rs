//! Quotes that came with a value.

/// Whether a value has quotes around it. In `.env` they are taken off; docker's `--env-file` keeps them.
pub(crate) fn are_around(value: &str) -> bool {
    let is_between = |quote: char| value.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    ['"', '\''].into_iter().any(is_between)
}
