//! Writes that need a row of their owner.

use std::sync::Arc;

use sea_orm::{DbErr, SqlErr};
use todo_api::{Failure::Refused, Outcome, Unidentified, UserId};

use super::Store;
use crate::{
    database::trouble::{constraint_of, is_missing_value},
    entity::user,
};

/// The foreign keys to users.
const TO_OWNER: [&str; 2] = ["fk_tasks_user_id", "fk_idempotency_keys_user_id"];

impl Store {
    /// The outcome of `write`, which needs the owner's row. That is written at the owner's first task. Where the users
    /// are another system's, one whom it does not know is refused.
    pub(super) async fn for_owner<T, F, E>(&self, owner: &UserId, write: impl Fn() -> F) -> Outcome<T, Unidentified>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<Arc<DbErr>>,
    {
        // Boxed: three statements in one make a large future.
        let written = self.attempt(Box::pin(async {
            let mut written = write().await.map_err(Into::into);
            // Whichever reference fails: what a trigger of the operator's writes may need the owner first.
            if self.users.is_none() && written.as_ref().is_err_and(|error| is_missing_row(error)) {
                match user::Entity::keep(owner, &self.writes(owner)).await {
                    Ok(()) => written = write().await.map_err(Into::into),
                    // Of a table of users that another system has taken over, we do not know all that it requires.
                    Err(error) if is_missing_value(&error) => {}
                    Err(error) => written = Err(Arc::new(error)),
                }
            }
            if let Err(error) = &written
                && self.is_missing_owner(owner, error).await?
            {
                return Ok(None);
            }
            written.map(Some)
        }));
        written.await?.ok_or_else(|| {
            Refused(Unidentified::because("the user that this token stands for does not exist (any more)"))
        })
    }

    /// Whether it is the owner that is missing: what a trigger of the operator's writes may refer to other rows.
    async fn is_missing_owner(&self, owner: &UserId, error: &DbErr) -> Result<bool, DbErr> {
        if !is_missing_row(error) {
            return Ok(false);
        }
        match constraint_of(error) {
            Some(name) => Ok(TO_OWNER.contains(&name)),
            // SQLite does not name the reference that fails.
            None => Ok(!self.users.clone().unwrap_or_default().has(owner.as_str(), &self.reads(owner)).await?),
        }
    }
}

/// Whether a row is missing that another one refers to.
fn is_missing_row(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}
