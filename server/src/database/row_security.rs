//! Row-level security: whose rows a transaction may touch, and the proof that PostgreSQL holds to it.
//!
//! How role and policies come about, and why they are as they are, is told in `todo_migration`. Here a transaction
//! takes on the role and names the caller, in one statement after its `BEGIN`; both end with it, so it does not matter
//! whose session a pooler lends. Catalogues can be read wrongly, so the start does not only look whether the policies
//! are there: it tries to do what they forbid.
//!
//! What it costs: three round trips more for each statement on tasks, so with a database that is a millisecond away,
//! four instead of one; `docs/row-level-security.md` has figures. Every statement has the owner in its condition
//! already, so it is off unless asked for.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, DbErr, EntityTrait,
    sea_query::{Expr, ExprTrait as _, Func, Query},
};
use todo_api::UserId;
use todo_migration::{CALLER_SETTING, Guarded, Inherited, Migrator, quoted, value};
use uuid::Uuid;

use super::{
    Connection, UNANSWERED,
    codes::postgres,
    setting::{self, Scope},
    transaction::Transaction,
    trouble::{code_of, is_away, is_missing_value, is_read_only},
    words,
};
use crate::entity::{idempotency_key, task, user};

/// Row-level security is asked for, and does not bind.
#[derive(Debug, thiserror::Error)]
pub enum RowSecurityError {
    /// It was never set up, or not wholly.
    #[error(
        "DATABASE_RLS is true, but the database lacks its role, policies or rights; run `todo-server migrate up` with \
         it, and with a role that owns the tables in DATABASE_DIRECT_URL or DATABASE_URL"
    )]
    Missing,
    /// Our role may not take on that of callers, though it is said to.
    #[error(
        "DATABASE_RLS is true, but the role {role} cannot be taken on: {}; GRANT {} TO the role of DATABASE_URL",
        words(cause),
        quoted(role)
    )]
    Role {
        /// That of callers.
        role: String,
        /// The database's word.
        cause: DbErr,
    },
    /// No policy binds the role of callers.
    #[error("DATABASE_RLS is true, but {why}, so that no policy binds: {remedy}")]
    Bypassed {
        /// What lets it pass.
        why: String,
        /// The statement or command that mends it.
        remedy: String,
    },
    /// A policy is not what it must be.
    #[error(
        "DATABASE_RLS is true, but in its self-test one user came at another's rows of {table}; \
         run `todo-server migrate up`, which makes its policies anew"
    )]
    Open {
        /// Where.
        table: &'static str,
    },
    /// A policy is another one than ours, whatever the self-test came at.
    #[error(
        "DATABASE_RLS is true, but the policy callers_own on {table} is not as this server makes it; \
         run `todo-server migrate up`, which makes its policies anew"
    )]
    Altered {
        /// Where.
        table: &'static str,
    },
    /// The policies bind our role itself, which then cannot sweep old keys.
    #[error("DATABASE_RLS is true, but {0}")]
    Inherited(#[from] Inherited),
    /// The database does not answer.
    #[error("DATABASE_RLS is true, but it cannot be tried whether it binds: {}{}", words(.0), remedy(.0))]
    Database(#[from] DbErr),
}

/// What to do about it, where the error's words do not say so.
fn remedy(error: &DbErr) -> &'static str {
    match error {
        DbErr::ConnectionAcquire(_) => UNANSWERED,
        error if is_read_only(error) => "; give DATABASE_URL the address of one that takes writes",
        _ => "",
    }
}

/// Makes the rest of a transaction the caller's: by `role`, on the rows of `caller`.
pub(super) async fn bind(transaction: &Transaction, role: &str, caller: &UserId) -> Result<(), DbErr> {
    let set = |name, value| setting::set(name, value, Scope::Transaction);
    let query = Query::select().expr(set("role", role)).expr(set(CALLER_SETTING, caller.as_str())).take();
    transaction.query_one(&query).await.map(drop)
}

/// Proves that the policies bind `role`, which the callers of `writes` have. Nothing of it is kept.
pub(super) async fn prove(writes: &Connection, role: &str, migrator: &Migrator) -> Result<(), RowSecurityError> {
    let [one, other] = [stranger(), stranger()];
    prove_reading(writes, role, migrator, [&one, &other]).await?;
    for guarded in migrator.guarded() {
        prove_writing(writes, guarded, [&one, &other]).await?;
    }
    if let Some(guarded) = migrator.altered_policy(writes).await? {
        return Err(RowSecurityError::Altered { table: guarded.table() });
    }
    prove_sweeping(writes).await
}

/// Proves that policies apply, and that one user does not see the tasks of another.
async fn prove_reading(
    writes: &Connection,
    role: &str,
    migrator: &Migrator,
    [one, other]: [&UserId; 2],
) -> Result<(), RowSecurityError> {
    let mut transaction = writes.for_caller(one).begin().await.map_err(|cause| match code_of(&cause) {
        Some(_) => RowSecurityError::Role { role: role.to_owned(), cause },
        None => cause.into(),
    })?;
    for guarded in migrator.guarded() {
        prove_bound(&transaction, role, guarded.table()).await?;
    }
    // Where users are ours there can be a task to look for; else there are those of others, or none.
    if migrator.guarded().any(|guarded| guarded == Guarded::Users) {
        let planted = user::Entity::insert(a_user(one)).exec_without_returning(&transaction).await;
        match planted {
            // Another system has taken them over, and requires more of a user: as where they are not ours. With the
            // insertion, the transaction has failed.
            Err(error) if is_missing_value(&error) => {
                transaction.rollback().await?;
                transaction = writes.for_caller(one).begin().await?;
            }
            planted => {
                planted?;
                task::Entity::insert(a_task(one)).exec_without_returning(&transaction).await?;
            }
        }
    }
    bind(&transaction, role, other).await?;
    if task::Entity::are_others_seen(other, &transaction).await? {
        return Err(RowSecurityError::Open { table: Guarded::Tasks.table() });
    }
    transaction.rollback().await?;
    Ok(())
}

/// Proves that one user writes no row there that is another's.
async fn prove_writing(
    writes: &Connection,
    guarded: Guarded,
    [one, other]: [&UserId; 2],
) -> Result<(), RowSecurityError> {
    let transaction = writes.for_caller(one).begin().await?;
    let written = match guarded {
        Guarded::Tasks => task::Entity::insert(a_task(other)).exec_without_returning(&transaction).await,
        Guarded::IdempotencyKeys => {
            idempotency_key::Entity::insert(a_key(other)).exec_without_returning(&transaction).await
        }
        Guarded::Users => user::Entity::insert(a_user(other)).exec_without_returning(&transaction).await,
    };
    transaction.rollback().await?;
    match written {
        Err(error) if code_of(&error).as_deref() == Some(postgres::INSUFFICIENT_PRIVILEGE) => Ok(()),
        Err(error) if is_away(&error) => Err(error.into()),
        // Whatever else it failed by, such as a missing user, the policy had let it through.
        _ => Err(RowSecurityError::Open { table: guarded.table() }),
    }
}

/// Proves, by what PostgreSQL says itself, that policies apply to `role` on `table`; and that it may insert there: a
/// refusal for want of that right would look like that of a policy.
async fn prove_bound(transaction: &Transaction, role: &str, table: &'static str) -> Result<(), RowSecurityError> {
    if value(transaction, Func::cust("row_security_active").arg(table)).await? {
        let may = Func::cust("has_table_privilege").arg(table).arg("INSERT");
        return if value(transaction, may).await? { Ok(()) } else { Err(RowSecurityError::Missing) };
    }
    let of_role = |column: &'static str| {
        let found = Query::select().column(column).from("pg_roles").and_where(Expr::col("rolname").eq(role)).take();
        Expr::from(found)
    };
    let owner = Query::select()
        .column("tableowner")
        .from("pg_tables")
        .and_where(Expr::col("schemaname").eq(Func::cust("current_schema")))
        .and_where(Expr::col("tablename").eq(table))
        .take();
    let owns = Func::cust("pg_has_role").arg(owner).arg("USAGE");
    let (why, remedy) = if value(transaction, of_role("rolsuper")).await? {
        (format!("its role {role} is a superuser"), format!("ALTER ROLE {} NOSUPERUSER", quoted(role)))
    } else if value(transaction, of_role("rolbypassrls")).await? {
        (format!("its role {role} has BYPASSRLS"), format!("ALTER ROLE {} NOBYPASSRLS", quoted(role)))
    } else if value(transaction, owns).await? {
        let remedy = format!("ALTER TABLE {table} OWNER TO another role; then run `todo-server migrate up`");
        (format!("its role {role} owns the table {table}"), remedy)
    } else {
        (
            format!("row-level security is off for the table {table}"),
            "run `todo-server migrate up`, which turns it on".to_owned(),
        )
    };
    Err(RowSecurityError::Bypassed { why, remedy })
}

/// Proves that our own role can sweep what is everybody's.
async fn prove_sweeping(writes: &Connection) -> Result<(), RowSecurityError> {
    let login = todo_migration::current_role(writes).await?;
    Inherited::by(&login, writes).await?.map_or(Ok(()), |inherited| Err(inherited.into()))
}

/// Somebody whom nobody knows.
fn stranger() -> UserId {
    let id = format!("self-test {}", Uuid::new_v4());
    UserId::parse(&id).expect("it is short")
}

/// A task under an id that no task has, so that none is used up.
fn a_task(owner: &UserId) -> task::ActiveModel {
    task::ActiveModel {
        id: Set(-1),
        user_id: Set(owner.as_str().to_owned()),
        title: Set("self-test".to_owned()),
        description: Set(None),
        completed: Set(false),
        created_at: Set(0),
        updated_at: Set(0),
    }
}

fn a_user(user: &UserId) -> user::ActiveModel {
    user::ActiveModel { id: Set(user.as_str().to_owned()) }
}

fn a_key(owner: &UserId) -> idempotency_key::ActiveModel {
    idempotency_key::ActiveModel {
        user_id: Set(owner.as_str().to_owned()),
        key: Set("self-test".to_owned()),
        answer: Set(String::new()),
        created_at: Set(0),
    }
}
