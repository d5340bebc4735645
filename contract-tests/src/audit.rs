//! Every SQL statement of servers in this process is looked at: after one that touches tasks and is not bound to an
//! owner, each test of the process fails that asks anything. Whose it was is not known: the first to fail is near.

use std::{
    fmt::Debug,
    iter,
    ops::ControlFlow,
    sync::{Mutex, Once},
};

use sqlparser::{
    ast::{
        BinaryOperator, Expr, OnConflict, OnConflictAction, OnInsert, Select, SetExpr, Statement, TableFactor,
        TableObject, TableWithJoins, Visit as _, Visitor,
    },
    dialect::GenericDialect,
    parser::Parser,
};
use tracing::{Event, Subscriber, field::Field};
use tracing_subscriber::{Layer, filter::Targets, layer::Context, layer::SubscriberExt, util::SubscriberInitExt};

/// What every statement on them names.
const TASKS: &str = "tasks";

/// Else nothing would be looked at any more, and no fault be found.
const UNBROKEN: &str = "nobody panics with it";

static SEEN: Mutex<usize> = Mutex::new(0);
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts looking, in the whole process.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let statements = Targets::new().with_target("sqlx::query", tracing::Level::DEBUG);
        tracing_subscriber::registry().with(Audit.with_filter(statements)).init();
    });
}

/// How many statements on tasks were looked at, of which none was at fault.
///
/// # Panics
///
/// Where one was.
pub fn assert_clean() -> usize {
    let faults = FAULTS.lock().expect(UNBROKEN).join("\n");
    assert!(faults.is_empty(), "statements on tasks without an owner in their condition:\n{faults}");
    *SEEN.lock().expect(UNBROKEN)
}

struct Audit;

impl<S: Subscriber> Layer<S> for Audit {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut statement = Sql::default();
        event.record(&mut statement);
        let sql = if statement.whole.trim().is_empty() { statement.summary } else { statement.whole };
        // Looked at before anything is locked.
        let fault = fault_of(&sql).map(|fault| format!("{fault}: {sql}"));
        *SEEN.lock().expect(UNBROKEN) += usize::from(sql.contains(TASKS));
        FAULTS.lock().expect(UNBROKEN).extend(fault);
    }
}

#[derive(Default)]
struct Sql {
    summary: String,
    whole: String,
}

impl tracing::field::Visit for Sql {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }
}

/// The one statement that is not bound to an owner, to the letter: whether row-level security binds it.
const SELF_TEST: &str = r#"SELECT "tasks"."id" FROM "tasks" WHERE "tasks"."user_id" <> $1 LIMIT $2"#;

/// What is wrong with a statement, if it speaks of tasks and reads or writes rows: it must say whose.
#[must_use]
pub fn fault_of(sql: &str) -> Option<&'static str> {
    if !sql.contains(TASKS) || sql.split_whitespace().eq(SELF_TEST.split_whitespace()) {
        return None;
    }
    // It touches no rows, and the parser does not know all that it can say (collations, for one).
    if sql.trim_start().starts_with("ALTER TABLE") && !sql.contains(';') {
        return None;
    }
    // A weaker lock, which the parser does not know.
    let sql = sql.replace("FOR NO KEY UPDATE", "FOR UPDATE");
    let Ok(statements) = Parser::parse_sql(&GenericDialect {}, &sql) else {
        return Some("cannot be read");
    };
    statements.visit(&mut Statements).break_value()
}

/// Looks at every statement, the inner ones too.
struct Statements;

impl Visitor for Statements {
    type Break = &'static str;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<&'static str> {
        let fault = match statement {
            Statement::Update(update) => {
                (!names_owner(update.selection.as_ref())).then_some("changes the tasks of anybody")
            }
            Statement::Delete(delete) => {
                (!names_owner(delete.selection.as_ref())).then_some("deletes the tasks of anybody")
            }
            Statement::Insert(insert) => {
                let into_tasks = matches!(&insert.table, TableObject::TableName(name) if is_tasks(&name.to_string()));
                let names_owner = insert.columns.iter().any(|column| column.to_string().replace('"', "") == "user_id");
                let changes = matches!(
                    &insert.on,
                    Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(_), .. }))
                );
                match into_tasks {
                    true if !names_owner => Some("creates a task of nobody"),
                    true if changes => Some("changes the tasks of anybody"),
                    _ => None,
                }
            }
            Statement::Merge { .. } | Statement::Truncate { .. } | Statement::Copy { .. } => {
                Some("reads or writes the tasks of anybody")
            }
            Statement::Query(query) if matches!(*query.body, SetExpr::Table(_)) => Some("reads the tasks of anybody"),
            _ => None,
        };
        fault.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<&'static str> {
        if !select.from.iter().any(is_from_tasks) || names_owner(select.selection.as_ref()) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break("reads the tasks of anybody")
    }
}

fn is_from_tasks(from: &TableWithJoins) -> bool {
    let mut relations = iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
    relations.any(|relation| match relation {
        TableFactor::Table { name, .. } => is_tasks(&name.to_string()),
        TableFactor::NestedJoin { table_with_joins, .. } => is_from_tasks(table_with_joins),
        _ => false,
    })
}

/// A row that the statement brings along itself, such as the server's `Entity::owned_by_brought`.
fn is_brought(value: &Expr) -> bool {
    value.to_string().replace('"', "") == "brought.column1"
}

fn is_tasks(name: &str) -> bool {
    name.replace('"', "").rsplit('.').next() == Some("tasks")
}

/// Whether the condition compares `user_id` with a value, on all of its ways: as one side of an `AND`, as
/// both of an `OR`.
fn names_owner(condition: Option<&Expr>) -> bool {
    match condition {
        Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
            names_owner(Some(left)) || names_owner(Some(right))
        }
        Some(Expr::BinaryOp { left, op: BinaryOperator::Or, right }) => {
            names_owner(Some(left)) && names_owner(Some(right))
        }
        Some(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) => {
            is_owner(left) && (matches!(right.as_ref(), Expr::Value(_)) || is_brought(right))
        }
        Some(Expr::Nested(inner)) => names_owner(Some(inner)),
        _ => false,
    }
}

fn is_owner(column: &Expr) -> bool {
    ["user_id", "tasks.user_id"].contains(&column.to_string().replace('"', "").as_str())
}
