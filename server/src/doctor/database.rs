//! Where the tasks are kept.

use std::{path::Path, time::Duration};

use sea_orm::sea_query::{Expr, Func, Query};
use todo_migration::value;

use super::{Checked, Finding, local, postgres};
use crate::{DatabaseConfig, Databases, MigrateError, Migrations, database::BACKUP};

pub(super) async fn findings(config: &DatabaseConfig) -> Vec<Checked> {
    let file = config.url.sqlite_file();
    if let Some(file) = file.as_deref().filter(|file| !file.exists()) {
        return vec![("database", Finding::pass(format!("{} is not there yet; the start makes it", file.display())))];
    }
    let mut findings = match file.as_deref() {
        Some(file) => embedded(file),
        None => postgres::before_connecting(config),
    };
    // It is asked once: who runs a doctor wants to know now.
    let once = DatabaseConfig { start_timeout: Duration::ZERO, ..config.clone() };
    let databases = match Databases::connect(&once).await {
        Ok(databases) => databases,
        Err(unusable) => {
            findings.push(("database", Finding::fail(unusable.to_string())));
            return findings;
        }
    };
    if file.is_none() {
        findings.extend(postgres::connected(&databases, config).await);
    } else {
        findings.push(("file", soundness(&databases).await));
    }
    findings.push(("migrations", migrations(&databases, config).await));
    databases.close().await;
    findings
}

fn embedded(file: &Path) -> Vec<Checked> {
    let kind = "an SQLite file: for one server, on a disk of its own machine; back it up, or set a PostgreSQL";
    let mode = local::private(file).map(|finding| ("data", finding));
    [("database", Finding::pass(kind))].into_iter().chain(mode).collect()
}

/// Whether the file is whole: a damaged page is not noticed until somebody needs it, and goes into backups until then.
async fn soundness(databases: &Databases) -> Finding {
    let said = Query::select().column("quick_check").from_function(Func::cust("pragma_quick_check"), "checks").take();
    match value::<String>(&databases.reads, Expr::from(said)).await {
        Ok(said) if said == "ok" => Finding::pass("SQLite finds no damage in it"),
        Ok(said) => Finding::fail(format!("{}; {BACKUP}", said.replace('\n', " "))),
        Err(cause) => Finding::fail(format!("{cause}; {BACKUP}")),
    }
}

/// Whether the tables are those that this server needs, and belong to the users that are configured.
async fn migrations(databases: &Databases, config: &DatabaseConfig) -> Finding {
    let migrations = Migrations::of(databases, config);
    let examined = async {
        migrations.refuse_other_users(&databases.writes).await?;
        migrations.status().await
    };
    let status = match examined.await {
        Ok(status) => status,
        // With row-level security, whoever migrates lets the role read it.
        Err(MigrateError::Hidden(_)) if config.row_security => {
            return Finding::warn("the role may not read which are applied until somebody migrates; see rls");
        }
        Err(cause) => return Finding::fail(cause.to_string()),
    };
    let pending: Vec<_> = status.iter().filter(|(_, is_applied)| !is_applied).map(|(name, _)| name.as_str()).collect();
    if pending.is_empty() {
        return Finding::pass(format!("all {} are applied", status.len()));
    }
    let later = status.iter().skip(migrations.migrator.names().count()).map(|(name, _)| name.clone());
    let later: Vec<_> = later.collect();
    if !later.is_empty() {
        return Finding::fail(MigrateError::Later(later).to_string());
    }
    let pending = pending.join(", ");
    if config.migrate_on_start {
        return Finding::warn(format!("pending, and run at the next start: {pending}; have a backup first"));
    }
    Finding::fail(format!("pending, and the server does not start on them: {pending}; todo-server migrate up"))
}
