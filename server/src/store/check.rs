//! Debug builds hold each answer from memory against the database. The tests run on them, and so does `make run`:
//! whoever tries the project has what is remembered checked at each request, and no speed from it.

use todo_api::{InvalidCursor, NoSuchTask, Outcome, Page, Task, UserId, WrittenTask};

use super::{
    Store,
    memory::{List, Mark},
    page::Wanted,
};

impl Store {
    /// Holds a page from memory against the one in the database, and what is known of it against what is seen there.
    pub(super) async fn check_page(&self, page: &Page<Task>, wanted: &Wanted) -> Outcome<(), InvalidCursor> {
        let Wanted { owner, query, .. } = wanted;
        let List { page: read, .. } = self.read_page(wanted).await?;
        let is_same = page.items.as_bytes() == read.items.as_bytes() && page.next == read.next;
        assert!(page.version != read.version || is_same, "pages of the same version are the same");
        let mark = self.memory.history.mark(owner);
        let kept = self.memory.lists.get(owner, query).filter(|kept| kept.reaches(mark));
        let version = self.attempt(self.lanes.version.ask(wanted.clone())).await?;
        self.attempt(self.lanes.look.ask(())).await?;
        if let Some(kept) = kept.filter(|_| self.memory.history.mark(owner) == mark) {
            let known = self.memory.lists.at(owner, query, mark, &kept);
            assert!(known.is_none_or(|known| known.version == version), "what has its mark is what it was");
        }
        Ok(())
    }

    /// Holds a task from memory against the one in the database, if nothing is written meanwhile.
    pub(super) async fn check_task(&self, owner: &UserId, mark: Mark, task: &WrittenTask) -> Outcome<(), NoSuchTask> {
        let read = self.read_task(owner, task.id).await?;
        if self.has_still(owner, mark).await? {
            let is_same = |read: WrittenTask| read.json.as_bytes() == task.json.as_bytes();
            let is_known = read.is_some_and(|read| WrittenTask::of(&read).is_ok_and(is_same));
            assert!(is_known, "what has its mark is what it was");
        }
        Ok(())
    }
}
