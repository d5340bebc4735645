//! Row-level security: a second wall between users, which PostgreSQL itself keeps.
//!
//! The server logs in with one role and, for each transaction of a request, takes on another that may do on rows what
//! requests need and no more (`SET LOCAL ROLE`), with the caller in a setting of that transaction. PostgREST, and with
//! it Supabase, does the same: one pool is enough, no user has a secret, and transaction poolers may stand between.
//! Each table has two policies. One admits whoever the table's grants admit, so that nothing changes for other roles;
//! the other restricts the role of callers to the caller's rows, and to none where no caller is set.
//!
//! It is no migration: only who asks for it has it (`DATABASE_RLS`); it takes a role, which belongs to the whole
//! database server, and which not everyone may create; and it can be repaired at any time, by running it again.
//!
//! What lost: `FORCE`, which would also bind the tables' owner, and so migrations, backups, the sweeping of old keys,
//! and servers that do not know of it. And policies for the role that logs in, which could then do nothing of what a
//! server does for nobody in particular.

mod guarded;
mod inherited;
mod rehearsal;
mod servers;

use std::collections::BTreeSet;

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Func, JoinType, Query, SelectStatement, extension::postgres::PgFunc},
};

use self::servers::serves;
pub use self::{
    guarded::Guarded,
    inherited::Inherited,
    rehearsal::rehearse,
    servers::{RIGHTS_OF_SERVERS, Right, letting_find_keys},
};
use crate::{Migrator, value::value};

/// The setting that holds the id of the caller, for one transaction.
pub const CALLER_SETTING: &str = "todo.caller";

/// The policy that restricts callers to what is theirs.
const OWN: &str = "callers_own";

impl Migrator {
    /// The tables whose rows row-level security guards: those of ours that have owners.
    pub fn guarded(&self) -> impl Iterator<Item = Guarded> {
        [Guarded::Tasks, Guarded::IdempotencyKeys].into_iter().chain(self.users.is_none().then_some(Guarded::Users))
    }

    /// What requests do on those.
    pub fn rights_of_requests(&self) -> impl Iterator<Item = Right> {
        self.guarded().flat_map(|guarded| guarded.rights().iter().map(move |right| (guarded.table(), *right)))
    }

    /// The role of callers, where all policies are there and the current role may take it on and has the other rights
    /// of a server. Whether the policies bind is another question.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn role_of_callers(&self, database: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
        let (policies, role) = (policies(&of_callers(), database).await?, value::<String>(database, own_role()).await?);
        let is_whole = self.guarded().all(|guarded| policies.contains(&(guarded.table().to_owned(), role.clone())));
        let is_ready =
            is_whole && may_be(&current_role(database).await?, &role, database).await? && serves(database).await?;
        Ok(is_ready.then_some(role))
    }

    /// A guarded table whose policy for callers is not the one that [`Migrator::guard`] makes. Its text is compared,
    /// since not all that another policy could let through can be tried.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn altered_policy(&self, database: &impl ConnectionTrait) -> Result<Option<Guarded>, DbErr> {
        let conditions = Query::select()
            .expr_as(Expr::col("tablename").cast_as("text"), "table")
            .column("qual")
            .from("pg_policies")
            .and_where(Expr::col("schemaname").eq(Func::cust("current_schema")))
            .and_where(Expr::col("policyname").eq(OWN))
            .and_where(Expr::col("permissive").eq("RESTRICTIVE"))
            .and_where(Expr::col("cmd").eq("ALL"))
            .and_where(Expr::col("with_check").is_null())
            .take();
        let mut unaltered = BTreeSet::new();
        for row in database.query_all(&conditions).await? {
            let (table, condition): (String, Option<String>) = (row.try_get("", "table")?, row.try_get("", "qual")?);
            unaltered.extend(condition.map(|condition| (table, bare(&condition))));
        }
        let is_altered =
            |guarded: &Guarded| !unaltered.contains(&(guarded.table().to_owned(), bare(&guarded.condition())));
        Ok(self.guarded().find(is_altered))
    }

    /// Creates, or repairs, the role of callers and the policies, and grants `login`, the role of the servers, the
    /// rights that it needs. To be run in a transaction, by the role that owns the tables.
    ///
    /// # Errors
    ///
    /// Where the database says no: most likely, because the role may not create roles. And as [`Inherited`] says, since
    /// servers without row-level security would no longer see any task.
    pub async fn guard(&self, login: &str, database: &impl ConnectionTrait) -> Result<(), DbErr> {
        let role = enrol(login, database).await?;
        let owner = current_role(database).await?;
        let schema = quoted(&value::<String>(database, Func::cust("current_schema").cast_as("text")).await?);
        self.shut_out_former(&role, &schema, database).await?;
        for guarded in self.guarded() {
            for statement in guarded.policies(&role) {
                say(database, &statement).await?;
            }
        }
        for role in [&*role, login].into_iter().filter(|role| *role != owner) {
            say(database, &format!("GRANT USAGE ON SCHEMA {schema} TO {}", quoted(role))).await?;
        }
        if login != owner {
            for (table, right) in RIGHTS_OF_SERVERS {
                say(database, &format!("GRANT {right} ON {table} TO {}", quoted(login))).await?;
            }
            // Other rights that it has, from an earlier release, say, are left to it: servers without row-level
            // security may need them.
            say(database, &letting_find_keys(login)).await?;
        }
        // Asked last: it holds of what was made above.
        match Inherited::by(login, database).await? {
            Some(inherited) => Err(DbErr::Migration(inherited.to_string())),
            None => Ok(()),
        }
    }

    /// Takes all rights from the roles of former callers, since the policies that restrict them go.
    async fn shut_out_former(&self, role: &str, schema: &str, database: &impl ConnectionTrait) -> Result<(), DbErr> {
        let mut all_former = BTreeSet::new();
        for (table, former) in policies(&self.of_former_callers(role), database).await? {
            say(database, &format!("REVOKE ALL ON {table} FROM {}", quoted(&former))).await?;
            all_former.insert(former);
        }
        for former in all_former {
            // As long as it may do anything here, it cannot be dropped, wherever it belongs.
            if !owns_tables(&former, database).await? {
                say(database, &format!("REVOKE ALL ON SCHEMA {schema} FROM {}", quoted(&former))).await?;
            }
        }
        Ok(())
    }

    /// The policies on guarded tables that are for others than `role`: of an original, or of an earlier release.
    fn of_former_callers(&self, role: &str) -> SelectStatement {
        of_callers()
            .and_where(Expr::col("tablename").is_in(self.guarded().map(Guarded::table)))
            .and_where(Expr::col("rolname").ne(role))
            // Who owns a table needs its rights, if only for its foreign keys, and is bound by no policy.
            .and_where(Expr::col("relowner").ne(Expr::col(("pg_roles", "oid"))))
            .take()
    }
}

/// The policies that restrict callers, each with its table and a role that it is for.
fn of_callers() -> SelectStatement {
    let table = Func::cust("to_regclass").arg(Func::cust("quote_ident").arg(Expr::col("tablename")));
    Query::select()
        .expr_as(Expr::col("tablename").cast_as("text"), "table")
        .expr_as(Expr::col("rolname").cast_as("text"), "role")
        .from("pg_policies")
        .join(JoinType::InnerJoin, "pg_roles", Expr::col("rolname").eq(PgFunc::any(Expr::col("roles"))))
        .join(JoinType::InnerJoin, "pg_class", Expr::col(("pg_class", "oid")).eq(table))
        .and_where(Expr::col("schemaname").eq(Func::cust("current_schema")))
        .and_where(Expr::col("policyname").eq(OWN))
        .take()
}

/// The table and the role of each of `which`.
async fn policies(which: &SelectStatement, database: &impl ConnectionTrait) -> Result<Vec<(String, String)>, DbErr> {
    let rows = database.query_all(which).await?;
    rows.iter().map(|row| Ok((row.try_get("", "table")?, row.try_get("", "role")?))).collect()
}

/// The role of this database's callers. Roles belong to the whole server: one role for several of its databases would
/// let whoever has one of them into the others. PostgreSQL cuts a name after 63 bytes, of which `_caller` takes 7: a
/// longer one goes by its hash.
fn own_role() -> Expr {
    let database = || Func::cust("current_database").cast_as("text");
    let concat = |parts: Vec<Expr>| Func::cust("concat").args(parts);
    let named = concat(vec![database(), "_caller".into()]);
    let hashed = concat(vec!["todo_".into(), Func::cust("md5").arg(database()).into(), "_caller".into()]);
    let has_room = Func::cust("octet_length").arg(database()).lte(56);
    Expr::case(has_room, named).finally(hashed).cast_as("text")
}

/// The role of callers, made where it is not there, and granted to `login` where it may not take it on yet.
async fn enrol(login: &str, database: &impl ConnectionTrait) -> Result<String, DbErr> {
    // Whatever role the policies are for so far: in a copy of a database, they are for that of the original.
    let role: String = value(database, own_role()).await?;
    let known = Expr::exists(
        Query::select().expr(Expr::val(1)).from("pg_roles").and_where(Expr::col("rolname").eq(&*role)).take(),
    );
    if !value::<bool>(database, known).await? {
        say(database, &format!("CREATE ROLE {} NOLOGIN", quoted(&role))).await?;
    }
    if !may_be(login, &role, database).await? {
        let options = if tells_set_apart(database).await? { " WITH INHERIT FALSE, SET TRUE" } else { "" };
        say(database, &format!("GRANT {} TO {}{options}", quoted(&role), quoted(login))).await?;
    }
    Ok(role)
}

/// The role that is logged in, or taken on.
///
/// # Errors
///
/// Where the database does not answer.
pub async fn current_role(database: &impl ConnectionTrait) -> Result<String, DbErr> {
    value(database, Expr::custom_keyword("current_user").cast_as("text")).await
}

/// Whether a role owns tables in our schema: it needs its rights on the schema for them.
async fn owns_tables(role: &str, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let owned = Query::select()
        .expr(Expr::val(1))
        .from("pg_tables")
        .and_where(Expr::col("schemaname").eq(Func::cust("current_schema")))
        .and_where(Expr::col("tableowner").eq(role))
        .take();
    value(database, Expr::exists(owned)).await
}

/// Whether `login` may take on `role`.
async fn may_be(login: &str, role: &str, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let right = if tells_set_apart(database).await? { "SET" } else { "MEMBER" };
    value(database, Func::cust("pg_has_role").arg(login).arg(role).arg(right)).await
}

/// Whether a role can be granted for `SET ROLE` alone, without its rights being inherited: from PostgreSQL 16 on.
async fn tells_set_apart(database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let version = Func::cust("current_setting").arg("server_version_num").cast_as("integer");
    value(database, version.gte(160_000)).await
}

/// Says what the builder of statements has no words for: roles, grants and policies.
async fn say(database: &impl ConnectionTrait, statement: &str) -> Result<(), DbErr> {
    database.execute_unprepared(statement).await.map(drop)
}

/// A condition without what PostgreSQL adds where it shows one: casts, names of columns, parentheses, spaces.
fn bare(condition: &str) -> String {
    condition.replace("::text", "").replace(" AS current_setting", "").replace([' ', '(', ')'], "")
}

/// A name as statements have it.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
