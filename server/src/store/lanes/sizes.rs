//! How many questions a statement has room for: of few sizes, so that the statements are few, and the database keeps
//! them prepared.
//!
//! A statement is filled up with rows that mean nobody's task, which the database passes over: so all go who wait.
//! What lost: to send no more than fill a size, which leaves one of five behind for a statement of its own.

use sea_orm::{Value, sea_query::ValueTuple};

const SIZES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/// The smallest size with room for so many questions; for more than any has, as many as they are.
pub(super) fn with_room_for(questions: usize) -> usize {
    SIZES.iter().find(|size| **size >= questions).copied().unwrap_or(questions)
}

/// `rows` for a statement to bring along, filled up to a size; none where there are none.
pub(super) fn filled_up(mut rows: Vec<Vec<Value>>) -> Vec<ValueTuple> {
    if let Some(last) = rows.last() {
        let nobodys = last.iter().map(Value::as_null).collect();
        rows.resize(with_room_for(rows.len()), nobodys);
    }
    rows.into_iter().map(ValueTuple::Many).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn statements_are_few_and_carry_all() {
        let row = || vec![Value::from("ann"), Value::from(7_i64)];
        let nobodys = ValueTuple::Many(vec![Value::String(None), Value::BigInt(None)]);
        let mut sizes = BTreeSet::new();
        for questions in 1..=128 {
            let rows = filled_up((0..questions).map(|_| row()).collect());
            assert!(rows[..questions].iter().all(|kept| *kept == ValueTuple::Many(row())));
            assert!(rows[questions..].iter().all(|filling| *filling == nobodys));
            sizes.insert(rows.len());
        }
        assert_eq!(sizes, SIZES.into());
        assert!(filled_up(vec![]).is_empty());
    }
}
