//! Lists that were answered before, as the bytes of their answers, which are the dearest part of a list.
//!
//! The database is asked for the version of the page alone, and only a kept page of that very version is sent; or, where
//! the [`History`](super::history) knows of all that was changed, whether it knows it yet. So it is right at once, on every
//! server, whoever wrote, if they move `updated_at`. What the database is asked costs a fraction of the page, and goes in
//! company with what others ask (see [`super::super::lanes`]).
//!
//! The list of all tasks, which most ask for, is brought along: what a write of this process returned is kept beside it,
//! and is put into it once it is asked for again, as far as the database says. Single tasks are answered out of it, too.

use std::sync::Arc;

use quick_cache::{Weighter, sync::Cache};
use todo_api::{ListQuery, Page, PageVersion, Task, UserId, WrittenTask};

use super::{
    history::Mark,
    list::{Edit, List},
    room,
};

/// What a list takes in memory beside its tasks.
const OVERHEAD: u64 = 512;

/// How many writes a kept list is behind at most. Past them it is dropped: its owner writes, and does not read.
const MAX_EDITS: usize = 8;

type Key = (UserId, ListQuery);

/// The last lists; none where there is no room for any.
pub(in crate::store) struct Lists(Option<Cache<Key, Kept, ByBytes>>);

/// A list that is kept.
#[derive(Clone)]
pub(in crate::store) struct Kept {
    list: Arc<List>,
    /// The mark that its owner had before it was read.
    mark: Mark,
    /// How many writes had begun once it was read.
    begun: u64,
    /// What this process has written since, each with the mark that the owner had then.
    edits: Vec<(Mark, Edit)>,
}

impl Kept {
    /// A list that was read after its owner had that mark, and when so many writes had begun.
    fn new(list: impl Into<Arc<List>>, mark: Mark, begun: u64) -> Self {
        Self { list: list.into(), mark, begun, edits: Vec::new() }
    }

    /// Whether it is known what the list is when its owner has that mark.
    pub(in crate::store) fn reaches(&self, mark: Mark) -> bool {
        let follow = |before: Mark, (after, _): &(Mark, Edit)| before.leads_to(*after).then_some(*after);
        self.edits.iter().try_fold(self.mark, follow) == Some(mark)
    }

    /// The task with that id after all edits, of a list in the order of ids.
    fn task(&self, id: i64) -> Option<WrittenTask> {
        let mut last = self.list.task(id);
        // They were told in any order. Whatever was done to a task that is gone was done before.
        for (_, edit) in self.edits.iter().filter(|(_, edit)| edit.id() == id) {
            match edit {
                Edit::Put(task) if last.as_ref().is_none_or(|last| last.updated_at < task.updated_at) => {
                    last = Some(task.clone());
                }
                Edit::Put(_) => {}
                Edit::Remove(_) => return None,
            }
        }
        last
    }
}

impl Lists {
    /// Keeps lists of so many bytes in all.
    pub(super) fn new(bytes: u64) -> Self {
        Self(room(bytes, OVERHEAD * 8, ByBytes))
    }

    /// The list, whichever version is kept.
    pub(in crate::store) fn get(&self, owner: &UserId, query: &ListQuery) -> Option<Kept> {
        self.0.as_ref()?.get(&(owner.clone(), query.clone()))
    }

    /// The page when its owner has that mark, which `kept` reaches.
    pub(in crate::store) fn at(
        &self,
        owner: &UserId,
        query: &ListQuery,
        mark: Mark,
        kept: &Kept,
    ) -> Option<Page<Task>> {
        if kept.edits.is_empty() {
            return Some(kept.list.page.clone());
        }
        // They were told in any order. Whatever was done to a task that is gone was done before.
        let (gone, there): (Vec<_>, Vec<_>) =
            kept.edits.iter().map(|(_, edit)| edit).partition(|edit| edit.is_removal());
        let list = kept.list.edited(&mut there.into_iter().chain(gone), None, query)?;
        Some(self.insert(owner, query, Kept::new(list, mark, kept.begun)))
    }

    /// The task of `owner`, who has that mark, out of the list of all.
    pub(super) fn task(&self, owner: &UserId, id: i64, mark: Mark) -> Option<WrittenTask> {
        self.get(owner, &ListQuery::default()).filter(|kept| kept.reaches(mark))?.task(id)
    }

    /// The page in that version, which was read after its owner had that mark, and when so many writes had begun.
    pub(super) fn find(
        &self,
        owner: &UserId,
        query: &ListQuery,
        version: PageVersion,
        mark: Mark,
        begun: u64,
    ) -> Option<Page<Task>> {
        let Kept { mut list, mark: before, edits, .. } = self.get(owner, query)?;
        if list.page.version == version && before == mark {
            return Some(list.page.clone());
        }
        if list.page.version != version {
            list = Arc::new(list.edited(&mut edits.iter().map(|(_, edit)| edit), Some(version), query)?);
        }
        Some(self.insert(owner, query, Kept::new(list, mark, begun)))
    }

    /// Keeps a page that was read after its owner had that mark, and when so many writes had begun.
    pub(super) fn keep(&self, owner: &UserId, query: &ListQuery, mark: Mark, begun: u64, list: List) -> Page<Task> {
        self.insert(owner, query, Kept::new(list, mark, begun))
    }

    fn insert(&self, owner: &UserId, query: &ListQuery, kept: Kept) -> Page<Task> {
        let page = kept.list.page.clone();
        if let Some(cache) = &self.0 {
            cache.insert((owner.clone(), query.clone()), kept);
        }
        page
    }

    /// That the write of that number did this to the tasks of `owner`, who has that mark since.
    pub(in crate::store) fn follow(&self, owner: UserId, number: u64, mark: Mark, edit: impl FnOnce() -> Option<Edit>) {
        let key = (owner, ListQuery::default());
        let Some((cache, mut kept)) = self.0.as_ref().and_then(|cache| Some((cache, cache.get(&key)?))) else {
            return;
        };
        // What was under way while the list was read may be in it, and a task that it changed be gone since.
        let is_later = number >= kept.begun;
        match edit() {
            Some(edit) if is_later && kept.edits.len() < MAX_EDITS => {
                kept.edits.push((mark, edit));
                cache.insert(key, kept);
            }
            _ => _ = cache.remove(&key),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, (owner, query): &Key, kept: &Kept) -> u64 {
        let cursor = query.cursor.as_ref().map_or(0, |cursor| cursor.as_str().len());
        (owner.as_str().len() + query.search.len() + cursor) as u64
            + kept.list.size()
            + kept.edits.iter().map(|(_, edit)| edit.size()).sum::<u64>()
            + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use todo_api::Limit;

    use super::{
        super::{
            history::History,
            list::tests::{list, task},
        },
        *,
    };
    use crate::store::version::version;

    /// The marks of ann after the default one, one after the other.
    fn marks<const N: usize>() -> [Mark; N] {
        let history = History::default();
        std::array::from_fn(|_| history.write().done(None, ["ann"].into_iter())[0])
    }

    /// Lists that keep ann's two tasks.
    fn kept() -> (Lists, UserId) {
        let (lists, ann) = (Lists::new(1 << 20), UserId::parse("ann").expect("a user"));
        lists.keep(&ann, &ListQuery::default(), Mark::default(), 0, list(&[task(1, "one", 1), task(2, "two", 2)]));
        (lists, ann)
    }

    fn put(lists: &Lists, owner: &UserId, task: &Task, mark: Mark) {
        lists.follow(owner.clone(), 0, mark, || WrittenTask::of(task).map(Edit::Put).ok());
    }

    /// The page that has those tasks, each with the moment of its change, and was read before anything was written.
    fn found<const N: usize>(lists: &Lists, owner: &UserId, tasks: [(i64, i64); N]) -> Option<String> {
        let page = lists.find(owner, &ListQuery::default(), version(tasks, Limit::default()), Mark::default(), 0)?;
        Some(String::from_utf8(page.items.as_bytes().to_vec()).expect("text"))
    }

    #[test]
    fn what_was_written_is_found_as_far_as_the_database_has_it() {
        let found = |tasks: &[(i64, i64)]| {
            let ((lists, ann), [first, second]) = (kept(), marks());
            put(&lists, &ann, &task(3, "three", 3), first);
            lists.follow(ann.clone(), 0, second, || Some(Edit::Remove(1)));
            let version = || version(tasks.iter().copied(), Limit::default());
            let find = || lists.find(&ann, &ListQuery::default(), version(), second, 0);
            let (page, again) = (find().expect("it is found"), find().expect("and stays so"));
            assert_eq!(page.items.as_bytes(), again.items.as_bytes());
            let text = String::from_utf8(page.items.as_bytes().to_vec()).expect("text");
            ["one", "two", "three"].map(|title| text.contains(title))
        };
        assert_eq!(found(&[(1, 1), (2, 2)]), [true, true, false], "neither");
        assert_eq!(found(&[(1, 1), (2, 2), (3, 3)]), [true, true, true], "the first");
        assert_eq!(found(&[(2, 2), (3, 3)]), [false, true, true], "both");
    }

    #[test]
    fn what_others_wrote_is_not_found() {
        let ((lists, ann), [first]) = (kept(), marks());
        put(&lists, &ann, &task(3, "three", 3), first);
        assert_eq!(found(&lists, &ann, [(1, 1), (2, 2), (4, 4)]), None);
        assert_eq!(found(&lists, &ann, [(1, 1)]), None);
    }

    #[test]
    fn of_two_writes_at_once_either_may_be_told_first() {
        let ((lists, ann), [first, second, third]) = (kept(), marks());
        put(&lists, &ann, &task(1, "later", 4), first);
        put(&lists, &ann, &task(2, "another", 5), second);
        put(&lists, &ann, &task(1, "earlier", 3), third);
        let now = found(&lists, &ann, [(1, 4), (2, 5)]).expect("the last versions");
        assert!(now.contains("later") && now.contains("another"), "{now}");
    }

    #[test]
    fn what_was_written_since_a_mark_is_known_if_all_of_it_is() {
        let ((lists, ann), query) = (kept(), ListQuery::default());
        let [before, first, second, third] = marks();
        let reached = |mark| lists.get(&ann, &query).filter(|kept| kept.reaches(mark));
        assert!(reached(before).is_none(), "it was read before");
        put(&lists, &ann, &task(2, "in it already", 2), before);
        lists.find(&ann, &query, version([(1, 1), (2, 2)], Limit::default()), before, 0).expect("it is the same");
        assert!(reached(before).is_some());
        lists.follow(ann.clone(), 0, first, || Some(Edit::Remove(1)));
        put(&lists, &ann, &task(1, "before it went", 3), second);
        assert!(reached(before).is_none() && reached(third).is_none());
        let kept = reached(second).expect("all is told");
        let page = lists.at(&ann, &query, second, &kept).expect("it is whole");
        assert_eq!(page.version, version([(2, 2)], Limit::default()), "the deletion was the last");
        assert!(reached(second).is_some_and(|kept| kept.edits.is_empty()));
        put(&lists, &ann, &task(4, "four", 4), third);
        let [.., beyond] = marks::<6>();
        put(&lists, &ann, &task(5, "five", 5), beyond);
        assert!(reached(beyond).is_none(), "one is missing");
    }

    #[test]
    fn a_task_is_found_as_it_was_written_last() {
        let ((lists, ann), [first, second, third, fourth]) = (kept(), marks());
        let title = |id, mark| {
            let task = lists.task(&ann, id, mark)?;
            let task: serde_json::Value = serde_json::from_slice(task.json.as_bytes()).expect("JSON");
            task["title"].as_str().map(str::to_owned)
        };
        let is = |title: Option<String>, expected: &str| title.as_deref() == Some(expected);
        let begin = Mark::default();
        assert!(is(title(1, begin), "one") && is(title(2, begin), "two") && title(3, begin).is_none());
        put(&lists, &ann, &task(1, "later", 4), first);
        put(&lists, &ann, &task(1, "earlier", 3), second);
        assert!(is(title(1, second), "later") && is(title(2, second), "two"));
        assert!(title(1, begin).is_none() && title(1, first).is_none(), "more is known, which would be too much");
        lists.follow(ann.clone(), 0, third, || Some(Edit::Remove(1)));
        assert!(title(1, third).is_none() && is(title(2, third), "two"));
        put(&lists, &ann, &task(1, "told late", 5), fourth);
        assert!(title(1, fourth).is_none() && is(title(2, fourth), "two"), "it is gone");
    }

    #[test]
    fn a_task_is_found_in_a_list_that_goes_on() {
        let ((lists, ann), [first]) = (kept(), marks());
        let mut begins = list(&[task(1, "one", 1), task(3, "three", 3), task(4, "four", 4)]);
        begins.page.next = Some(todo_api::Cursor::new("next".to_owned()));
        lists.keep(&ann, &ListQuery::default(), Mark::default(), 0, begins);
        put(&lists, &ann, &task(9, "beyond", 9), first);
        let found = |id| lists.task(&ann, id, first).map(|task| task.json.as_bytes().to_vec());
        for (id, title) in [(1, "one"), (3, "three"), (4, "four"), (9, "beyond")] {
            assert_eq!(found(id), serde_json::to_vec(&task(id, title, id)).ok(), "{title}");
        }
        assert!([0, 2, 5, 10].into_iter().all(|id| found(id).is_none()), "the list does not tell");
    }

    #[test]
    fn what_was_under_way_while_a_list_was_read_brings_nothing_back() {
        let (history, (lists, ann), query) = (History::default(), kept(), ListQuery::default());
        let (late, deletion) = (history.write(), history.write());
        let deleted = deletion.done(None, ["ann"].into_iter())[0];
        lists.keep(&ann, &query, deleted, history.begun(), list(&[task(2, "two", 2)]));
        let told = late.done(None, ["ann"].into_iter())[0];
        lists.follow(ann.clone(), late.number(), told, || WrittenTask::of(&task(1, "toggled", 3)).map(Edit::Put).ok());
        assert!(lists.get(&ann, &query).is_none(), "the toggled task is deleted by now");
    }

    #[test]
    fn who_writes_and_never_reads_is_not_followed() {
        let (lists, ann) = kept();
        for moment in 0..=MAX_EDITS {
            put(&lists, &ann, &task(1, "again", 10 + i64::try_from(moment).expect("few")), Mark::default());
        }
        assert!(lists.get(&ann, &ListQuery::default()).is_none());
    }
}
