//! How a list is answered: from memory where the database says that it still holds, which is asked no more than that
//! takes.

use std::future::ready;

use sea_orm::{ConnectionTrait, QueryTrait};
use todo_api::{Failure::Refused, InvalidCursor, ListQuery, Outcome, Page, PageVersion, Task, UserId};

use super::{
    Store, internal,
    memory::{Kept, List, Mark},
    page::{self, Wanted},
    version::version,
};
use crate::{
    database::trouble::is_cut,
    entity::task::{Entity, Model},
    metrics::{self, ForList},
};

impl Store {
    /// Refuses a cursor that was not sealed for this owner and query.
    pub(super) fn wanted(&self, owner: &UserId, query: &ListQuery) -> Outcome<Wanted, InvalidCursor> {
        let after = match &query.cursor {
            Some(cursor) => Some(self.seal.open(owner, query, cursor).ok_or(Refused(InvalidCursor))?),
            None => None,
        };
        Ok(Wanted { owner: owner.clone(), query: query.clone(), after })
    }

    /// The page that is asked for, from memory where the database says that it still holds.
    pub(super) async fn find_page(&self, wanted: &Wanted) -> Outcome<Page<Task>, InvalidCursor> {
        let Wanted { owner, query, .. } = wanted;
        if let Some(kept) = self.memory.lists.get(owner, query) {
            let (asked, page) = match self.looked_up(wanted, &kept).await? {
                Some(page) => (ForList::Look, Some(page)),
                // The version of a search is sought in as many tasks as the search itself.
                None if wanted.is_search() => (ForList::Tasks, None),
                None => (ForList::Version, self.compared(wanted).await?.1),
            };
            if let Some(page) = page {
                metrics::count(asked);
                if cfg!(debug_assertions) {
                    Box::pin(self.check_page(&page, wanted)).await?;
                }
                return Ok(page);
            }
        }
        let mark = self.memory.history.mark(owner);
        let list = Box::pin(self.read_page(wanted)).await?;
        metrics::count(ForList::Tasks);
        Ok(self.memory.keep(owner, query, self.unless_late(mark), list))
    }

    /// The version of the page that is asked for.
    pub(super) async fn version_of(&self, wanted: &Wanted) -> Outcome<PageVersion, InvalidCursor> {
        if let Some(kept) = self.memory.lists.get(&wanted.owner, &wanted.query)
            && let Some(page) = self.looked_up(wanted, &kept).await?
        {
            return Ok(page.version);
        }
        if wanted.is_search() {
            return Ok(self.find_page(wanted).await?.version);
        }
        Ok(self.compared(wanted).await?.0)
    }

    /// The page that is kept, where a look is enough to know that it is what the database has.
    async fn looked_up(
        &self,
        Wanted { owner, query, .. }: &Wanted,
        kept: &Kept,
    ) -> Outcome<Option<Page<Task>>, InvalidCursor> {
        let Some(mark) = self.memory.history.likely_mark(owner).filter(|mark| kept.reaches(*mark)) else {
            return Ok(None);
        };
        let is_unchanged = self.has_still(owner, mark).await?;
        Ok(is_unchanged.then(|| self.memory.lists.at(owner, query, mark, kept)).flatten())
    }

    /// Looks at the database, and says whether the owner still has that mark.
    pub(super) async fn has_still<R>(&self, owner: &UserId, mark: Mark) -> Outcome<bool, R> {
        self.attempt(self.lanes.look.ask(())).await?;
        Ok(self.memory.history.mark(owner) == mark)
    }

    /// The mark of what was read after it was taken: none that an owner has, where that may be older.
    fn unless_late(&self, mark: Mark) -> Mark {
        if self.databases.reads.may_lag() { Mark::UNKNOWN } else { mark }
    }

    /// The version of the page in the database, and the page as it is kept in that version.
    async fn compared(&self, wanted: &Wanted) -> Outcome<(PageVersion, Option<Page<Task>>), InvalidCursor> {
        let Wanted { owner, query, .. } = wanted;
        let mark = self.memory.history.mark(owner);
        let version = self.attempt(self.lanes.version.ask(wanted.clone())).await?;
        Ok((version, self.memory.find(owner, query, version, self.unless_late(mark))))
    }

    /// The page as the database has it.
    pub(super) async fn read_page(&self, wanted: &Wanted) -> Outcome<List, InvalidCursor> {
        let Wanted { owner, query, .. } = wanted;
        let reads = self.reads(owner);
        let select = page::select(Entity::owned_by(owner), wanted, reads.get_database_backend()).into_query();
        let rows = async move {
            let rows = match reads.query_all(&select).await {
                // Another connection may have the answer.
                Err(error) if is_cut(&error) => reads.query_all(&select).await,
                rows => rows,
            };
            Model::all(&rows?)
        };
        let mut rows = if wanted.is_search() {
            let admitted = self.turns.admit(owner)?;
            self.attempt(self.turns.take(admitted, &self.turns.reads, || ready(()), rows)).await?
        } else {
            self.attempt(async {
                let _quota = self.quotas.reads.take(owner).await;
                rows.await
            })
            .await?
        };
        let version = version(rows.iter().map(|row| (row.id, row.updated_at)), query.limit);
        let limit = query.limit.get().into();
        let next = (rows.len() > limit).then(|| page::position(&rows[limit - 1], query));
        rows.truncate(limit);
        let next = next.map(|position| self.seal.seal(owner, query, &position)).transpose();
        let next = next.map_err(internal)?;
        List::new(rows.into_iter().map(Task::from), next, version).map_err(internal)
    }
}
