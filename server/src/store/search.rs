//! Which texts have another in them, whatever the case: the same ones on both databases.
//!
//! Neither database can be asked for that outright. SQLite knows the case of ASCII alone, and PostgreSQL that of the
//! collation which it happens to have. So each character that is sought is spelt out as the set of those that Unicode's
//! simple case folding takes for it, by the tables that regular expressions use: these compare such sets code point by
//! code point, with no collation. A folded copy of each text would be found sooner in long lists, but each write would
//! pay for it, and hold it for ever.
//!
//! Neither goes back in a text, so that no words take time out of all proportion. SQLite has its expressions from the
//! driver; what lost is its `GLOB`, which took seconds for what nearly is in each of some thousand tasks. PostgreSQL
//! builds its automaton anew for each text, as far as that leads it, so that long words which nearly are in each may
//! take 25 times as long as others: 1.7 s for 10,000 tasks. What keeps them from slowing others down are
//! [turns](super::turns).

use std::fmt::Write as _;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
use sea_orm::{
    DbBackend,
    sea_query::{Expr, ExprTrait, Func, extension::postgres::PgBinOper},
};

use crate::entity::task::Column;

/// The condition that title or description has `text` in it.
pub(super) fn has(text: &str, backend: DbBackend) -> Expr {
    let pattern = regular_expression(text);
    let [title, description] = [Column::Title, Column::Description].map(Expr::col).map(|text| -> Expr {
        match backend {
            DbBackend::Sqlite => Func::cust("regexp").arg(pattern.as_str()).arg(text).into(),
            _ => text.binary(PgBinOper::Regex, pattern.as_str()),
        }
    });
    title.or(description)
}

/// The characters that are the same letter as `c` but for its case; `c` among them.
fn variants(c: char) -> impl Iterator<Item = char> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    let ranges: Vec<_> = class.iter().map(|range| range.start()..=range.end()).collect();
    ranges.into_iter().flatten()
}

/// A regular expression of either database, every character by its number: so none has a meaning.
fn regular_expression(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        pattern.push('[');
        for variant in variants(c) {
            // Writing to a string cannot fail.
            let _ = write!(pattern, r"\U{:08x}", u32::from(variant));
        }
        pattern.push(']');
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_stands_for_its_other_cases() {
        assert_eq!(regular_expression("k]"), r"[\U0000004b\U0000006b\U0000212a][\U0000005d]");
    }
}
