//! How one task is answered: from memory where a look at the database shows that it still holds, as lists are (see
//! [`super::listing`]).

use todo_api::{Expected, Failure::Refused, NoSuchTask, Outcome, Task, UserId, WrittenTask};

use super::{Store, internal, tasks::target};
use crate::metrics::{self, ForTask};

impl Store {
    /// The task of `owner`, from memory where a look shows that it still holds.
    pub(super) async fn find_task(&self, owner: &UserId, id: i64) -> Outcome<WrittenTask, NoSuchTask> {
        // A look that nobody shares takes longer than the task.
        let is_shared = !self.lanes.look.is_apart();
        let likely = is_shared.then(|| self.memory.history.likely_mark(owner)).flatten();
        if let Some(mark) = likely
            && let Some(task) = self.memory.task(owner, id, mark)
            && self.has_still(owner, mark).await?
        {
            metrics::count(ForTask::Look);
            if cfg!(debug_assertions) {
                Box::pin(self.check_task(owner, mark, &task)).await?;
            }
            return Ok(task);
        }
        // Where looks are in vain, or do not pay, what is kept would not be answered.
        let mark = likely.map(|_| self.memory.history.mark(owner));
        let task = self.read_task(owner, id).await?.ok_or(Refused(NoSuchTask))?;
        metrics::count(ForTask::Task);
        let answer = WrittenTask::of(&task).map_err(internal)?;
        // Nor is kept what may be older than its mark.
        if let Some(mark) = mark
            && !self.databases.reads.may_lag()
        {
            self.memory.singles.keep(mark, task);
        }
        Ok(answer)
    }

    /// The task as the database has it.
    pub(super) async fn read_task<R>(&self, owner: &UserId, id: i64) -> Outcome<Option<Task>, R> {
        let task = self.attempt(self.lanes.read.ask(target(owner, id, &Expected::Any))).await?;
        Ok(task.map(Task::from))
    }
}
