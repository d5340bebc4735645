//! What a statement of PostgreSQL sees, by which transactions have ended ("Snapshot Information Functions" in its
//! manual).
//!
//! Two statements for which the same transactions have ended see the same rows. Only a transaction whose end the later
//! one alone sees can have changed them.

use sea_orm::{
    DbBackend, DbErr, QueryResult,
    sea_query::{Expr, ExprTrait, Func, Query, SelectStatement},
};

/// The tables that transactions of ours write whose numbers are told.
const WRITTEN: [&str; 2] = ["tasks", "idempotency_keys"];

/// The bit of `tgtype` of triggers that fire at deletions. PostgreSQL puts such internal ones on a table that others
/// refer to; those of the table's own foreign keys fire at inserts and updates alone, and only check.
const AT_DELETION: i16 = 1 << 3;

/// The access method of tables that PostgreSQL itself keeps (`HEAP_TABLE_AM_OID`), whose changes go by its
/// transactions. Others may number theirs by themselves, as `OrioleDB` does.
const HEAP: i32 = 2;

/// What a statement saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Snapshot {
    /// The process that carried it out (its number, its client's port, the start of the server), and the table that it
    /// finds by the name. After a crash or a failover, numbers of transactions are given out again that nobody has
    /// heard of. No process outlives that, but its number alone may come again.
    pub(super) backend: Box<str>,
    /// Before this number all had ended.
    first_running: u64,
    /// From this number on none had ended.
    next: u64,
    /// Those before that had not ended.
    running: Vec<u64>,
}

impl Snapshot {
    /// Selects, in one column, what [`Self::read`] reads: the statement's own snapshot. NULL where it does not tell
    /// what others write: on a standby, which does not say who is running; where the rows are not in that very table of
    /// PostgreSQL's own; where triggers, rules, or foreign keys of other tables have our transactions write more than
    /// their statements return; on SQLite. (Rules, and tables that inherit, count until the next VACUUM after they are
    /// gone.)
    pub(in crate::store) fn select(backend: DbBackend) -> SelectStatement {
        if backend != DbBackend::Postgres {
            return Query::select().expr(Expr::value(None::<String>)).take();
        }
        let call = |function: &'static str| Expr::from(Func::cust(function));
        let backend = ["pg_backend_pid", "inet_client_port", "pg_postmaster_start_time"].map(call);
        let table = Expr::val(WRITTEN[0]).cast_as("regclass").cast_as("oid");
        let snapshot = [Expr::val(" "), call("pg_current_snapshot")].into_iter().chain(backend).chain([table]);
        let snapshot = Func::cust("concat_ws").args(snapshot);
        let any = |catalogue: &'static str, table: &'static str| {
            let is_written = Expr::col(table).is_in(WRITTEN.map(|name| Expr::val(name).cast_as("regclass")));
            Query::select().column(table).from(catalogue).and_where(is_written).take()
        };
        let acts = Expr::col("tgtype").bit_and(Expr::val(AT_DELETION)).ne(0);
        let triggers = any("pg_trigger", "tgrelid").and_where(Expr::col("tgisinternal").not().or(acts)).take();
        let is_elsewhere = Expr::col("relam").ne(HEAP).or(Expr::col("relhassubclass"));
        let others = any("pg_class", "oid").and_where(is_elsewhere.or(Expr::col("relhasrules"))).take();
        let is_silent = call("pg_is_in_recovery").or(Expr::exists(triggers)).or(Expr::exists(others));
        Query::select().expr(Expr::case(is_silent.not(), snapshot)).take()
    }

    /// The snapshot that a row names, if any.
    pub(in crate::store) fn read(row: &QueryResult) -> Result<Option<Self>, DbErr> {
        let text: Option<String> = row.try_get_by_index(0)?;
        let parsed =
            text.map(|text| Self::parse(&text).ok_or_else(|| DbErr::Type(format!("{text} is not a snapshot"))));
        Ok(parsed.transpose()?.filter(Self::is_told_by_a_primary))
    }

    fn parse(text: &str) -> Option<Self> {
        let (transactions, backend) = text.split_once(' ')?;
        let mut numbers = transactions.split(':');
        let (first_running, next, running) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let running = running.split_terminator(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [first_running, next] = [first_running, next].map(|number| number.parse().ok());
        Some(Self { backend: backend.into(), first_running: first_running?, next: next?, running })
    }

    /// Whether it names those who are running. A standby does not, which may have become a primary since the statement
    /// began.
    fn is_told_by_a_primary(&self) -> bool {
        self.first_running == self.running.first().copied().unwrap_or(self.next)
    }

    /// Whether that transaction had ended.
    pub(super) fn has_ended(&self, transaction: u64) -> bool {
        transaction < self.next && !self.running.contains(&transaction)
    }

    /// Whether all had ended that had for `other`.
    pub(super) fn includes(&self, other: &Self) -> bool {
        self.next >= other.next && !self.running.iter().any(|transaction| other.has_ended(*transaction))
    }

    /// How many had ended that had not for `other`, which this includes.
    pub(super) fn ended_since(&self, other: &Self) -> u64 {
        let begun = self.running.iter().filter(|transaction| **transaction >= other.next).count();
        let ended = other.running.iter().filter(|transaction| self.has_ended(**transaction)).count();
        (self.next - other.next - begun as u64) + ended as u64
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn snapshot_of(text: &str) -> Snapshot {
        Snapshot::parse(&format!("{text} 42 2026-11-26 09:05:55.123456+00")).expect("a snapshot")
    }

    #[test]
    fn a_snapshot_is_read() {
        let seen = snapshot_of("10:13:10,12");
        assert_eq!(&*seen.backend, "42 2026-11-26 09:05:55.123456+00");
        let ended: Vec<_> = (8..15).filter(|transaction| seen.has_ended(*transaction)).collect();
        assert_eq!(ended, [8, 9, 11]);
        assert!(!snapshot_of("10:10:").has_ended(10));
        for text in ["", "10:13:10", "10:13 42", "10:x: 42", "x:13: 42", "10:13:a 42"] {
            assert_eq!(Snapshot::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_standby_does_not_say_who_is_running() {
        for (text, is_told) in [("10:13:10,12", true), ("13:13:", true), ("10:13:", false), ("10:13:12", false)] {
            assert_eq!(snapshot_of(text).is_told_by_a_primary(), is_told, "{text}");
        }
    }

    #[test]
    fn who_ended_between_is_counted() {
        let before = snapshot_of("10:13:10,12");
        for (after, ended) in [("10:13:10,12", 0), ("12:13:12", 1), ("13:13:", 2), ("10:15:10,13", 2), ("20:20:", 9)] {
            let after = snapshot_of(after);
            assert!(after.includes(&before), "{after:?}");
            assert_eq!(after.ended_since(&before), ended, "{after:?}");
            assert_eq!(before.includes(&after), ended == 0, "{after:?}");
        }
        assert!(!snapshot_of("11:14:11").includes(&before), "that one had ended");
    }
}
