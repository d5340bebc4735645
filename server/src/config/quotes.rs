//! Quotes that came with a value.

/// Refuses a value with quotes around it. In `.env` they are taken off; docker's `--env-file` keeps them.
pub(super) fn refuse_around(value: &str) -> Result<(), &'static str> {
    let value = value.trim();
    let is_between = |quote: char| value.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    if ['"', '\''].into_iter().any(is_between) {
        return Err("has quotes around it, which are part of it here; take them off (docker's --env-file keeps them)");
    }
    Ok(())
}
