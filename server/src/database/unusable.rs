//! Why a database cannot be used, and what to do about it.

use std::{fs::OpenOptions, io::ErrorKind};

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

use super::{
    codes::{postgres, sqlite},
    trouble,
};
use crate::DatabaseUrl;

/// What helps where the file is damaged.
pub(crate) const BACKUP: &str = "put a backup of the file in its place, without its -wal and -shm";

/// What to look at where it does not answer.
pub(crate) const UNANSWERED: &str = "; is the server up, and are host and port right?";

/// The database does not answer, refuses us, or is not a database.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {url} cannot be used: {}{}", words(.cause), self.remedy())]
pub struct UnusableDatabase {
    /// Where its address is set.
    variable: &'static str,
    /// Which one; shown with its password masked.
    url: Box<DatabaseUrl>,
    /// Its last word.
    cause: DbErr,
}

impl UnusableDatabase {
    pub(crate) fn new(url: &DatabaseUrl, cause: DbErr) -> Self {
        Self { variable: "DATABASE_URL", url: Box::new(url.clone()), cause }
    }

    /// The same of the address that migrations go to.
    pub(crate) fn direct(url: &DatabaseUrl, cause: DbErr) -> Self {
        Self { variable: "DATABASE_DIRECT_URL", ..Self::new(url, cause) }
    }

    /// What to do about it; nothing where the words are ours, and say so.
    fn remedy(&self) -> String {
        let remedy = match (trouble::sqlite_code(&self.cause), trouble::code_of(&self.cause).as_deref()) {
            (Some(sqlite::READONLY | sqlite::PERM | sqlite::CANTOPEN), _) => {
                "; give the server's user the right to write the file and its folder"
            }
            (Some(sqlite::CORRUPT | sqlite::NOTADB | sqlite::ERROR), _) => {
                return format!("; {BACKUP}; or move it away, and the start makes an empty one");
            }
            (Some(sqlite::FULL | sqlite::IOERR), _) => "; make room on its disk, or mend it",
            (Some(sqlite::BUSY | sqlite::LOCKED), _) => "; end the other program that has it locked",
            _ if self.url.is_embedded() => {
                let or_give = if self.is_another_users() { ", or give this one to that user" } else { "" };
                return format!(
                    "; name a file of SQLite that the server's user may write, such as sqlite://data/todo.db{or_give}"
                );
            }
            _ if matches!(self.cause, DbErr::Custom(_)) => "",
            (_, Some(postgres::INVALID_CATALOG_NAME)) => "; create that database, or correct its name",
            (_, Some(postgres::TOO_MANY_CONNECTIONS)) => {
                "; lower DATABASE_MAX_CONNECTIONS here or elsewhere, or raise its max_connections"
            }
            (_, Some(code)) if code.starts_with(postgres::INVALID_AUTHORIZATION) => {
                "; are name and password right, and does pg_hba.conf let us in?"
            }
            (_, Some(postgres::INSUFFICIENT_PRIVILEGE)) => {
                "; `todo-server doctor` names the rights that the role lacks"
            }
            (_, Some(code)) if code.starts_with(postgres::CONNECTION_EXCEPTION) => {
                "; are name, password and database right, and is it up behind a pooler, whose log says why?"
            }
            (_, Some(_)) => "",
            (_, None) => UNANSWERED,
        };
        remedy.to_owned()
    }

    /// Whether the file is there, and our user may not open it: what else there may be, such as a disk that takes no
    /// writes, is the same for all users.
    fn is_another_users(&self) -> bool {
        let file = self.url.sqlite_file().filter(|file| file.is_file());
        let opened = file.map(|file| OpenOptions::new().read(true).write(true).open(file));
        matches!(opened, Some(Err(error)) if error.kind() == ErrorKind::PermissionDenied)
    }
}

/// An error in words; without the library's own around those that are ours, or PostgreSQL's.
pub(crate) fn words(error: &DbErr) -> String {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => "no answer in time".to_owned(),
        DbErr::Custom(words) | DbErr::Migration(words) | DbErr::Exec(RuntimeErr::Internal(words)) => words.clone(),
        error => trouble::message_of(error).map_or_else(|| error.to_string(), str::to_owned),
    }
}
