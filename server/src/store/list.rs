//! A page of tasks as it was answered, and what it is made of.

use todo_api::{ListQuery, Page, PageVersion, Task, Written};

use super::version::flipped;
use crate::entity::task::Model;

/// A page, and its tasks one by one.
#[derive(Clone)]
pub(super) struct List {
    pub(super) page: Page<Task>,
    tasks: Vec<Listed>,
}

/// A task of a page. Its JSON is a part of the page's.
#[derive(Clone)]
pub(super) struct Listed {
    id: i64,
    updated_at: i64,
    json: Written<Task>,
}

/// What a write did to the tasks of its owner.
#[derive(Clone)]
pub(super) enum Edit {
    /// This task is there now, in this version.
    Put(Listed),
    /// The task with this id is gone.
    Remove(i64),
}

impl Listed {
    pub(super) fn new(task: &Task) -> Result<Self, serde_json::Error> {
        Ok(Self { id: task.id, updated_at: task.updated_at.micros(), json: Written::of(task)? })
    }

    /// The version of the same page with this version of the task, where it was without, and the other way round.
    fn flip(&self, version: PageVersion) -> PageVersion {
        flipped(version, self.id, self.updated_at)
    }
}

impl Edit {
    /// What writing `task` did; none where it cannot be written as JSON.
    pub(super) fn put(task: &Model) -> Option<Self> {
        Listed::new(&task.clone().into()).map(Self::Put).ok()
    }

    /// Does the same to `tasks`, which are in the order of ids; answers the version of what was `version`.
    fn apply(&self, tasks: &mut Vec<Listed>, version: PageVersion) -> PageVersion {
        let id = match self {
            Self::Put(task) => task.id,
            Self::Remove(id) => *id,
        };
        match (self, tasks.binary_search_by_key(&id, |task| task.id)) {
            (Self::Put(task), Ok(place)) if tasks[place].updated_at < task.updated_at => {
                let version = task.flip(tasks[place].flip(version));
                tasks[place] = task.clone();
                version
            }
            (Self::Put(task), Err(place)) => {
                tasks.insert(place, task.clone());
                task.flip(version)
            }
            (Self::Remove(_), Ok(place)) => tasks.remove(place).flip(version),
            _ => version,
        }
    }

    /// Whether it takes a task away.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Remove(_))
    }

    /// How many bytes it takes in memory.
    pub(super) fn size(&self) -> u64 {
        let json = match self {
            Self::Put(task) => task.json.as_bytes().len(),
            Self::Remove(_) => 0,
        };
        (size_of::<Self>() + json) as u64
    }
}

impl List {
    /// The page of those tasks.
    pub(super) fn new(mut tasks: Vec<Listed>, next: Option<todo_api::Cursor>, version: PageVersion) -> Self {
        let items = Written::list(tasks.iter_mut().map(|task| &mut task.json));
        Self { page: Page { items, next, version }, tasks }
    }

    /// How many bytes it takes in memory.
    pub(super) fn size(&self) -> u64 {
        (self.page.items.as_bytes().len() + self.tasks.len() * size_of::<Listed>()) as u64
    }

    /// The same page after as many of `edits` as bring it to `version`, or after all of them. Only where it has all tasks of
    /// its owner in the order of ids, and can have them yet.
    pub(super) fn edited<'e>(
        &self,
        edits: &mut impl Iterator<Item = &'e Edit>,
        version: Option<PageVersion>,
        query: &ListQuery,
    ) -> Option<Self> {
        let (mut tasks, mut now) = (self.tasks.clone(), self.page.version);
        while version != Some(now) {
            match edits.next() {
                Some(edit) => now = edit.apply(&mut tasks, now),
                None if version.is_none() => break,
                None => return None,
            }
        }
        let is_whole = self.page.next.is_none() && tasks.len() <= query.limit.get().into();
        is_whole.then(|| Self::new(tasks, None, now))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::iter;

    use todo_api::{Limit, Nullable, Timestamp};

    use super::{super::version::version, *};

    pub(in super::super) fn task(id: i64, title: &str, moment: i64) -> Task {
        Task {
            id,
            user_id: "ann".to_owned().into(),
            title: title.to_owned().into(),
            description: Nullable(None),
            completed: false,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(moment),
        }
    }

    pub(in super::super) fn list(tasks: &[Task]) -> List {
        let listed = tasks.iter().map(|task| Listed::new(task).expect("it can be written")).collect();
        let versions = tasks.iter().map(|task| (task.id, task.updated_at.micros()));
        List::new(listed, None, version(versions, Limit::default()))
    }

    fn put(task: &Task) -> Edit {
        Edit::Put(Listed::new(task).expect("it can be written"))
    }

    #[test]
    fn an_edited_list_is_the_one_that_would_be_read() {
        let [one, two, three] = [task(1, "one", 1), task(2, "two", 2), task(3, "three", 3)];
        let changed = task(1, "another", 4);
        let read = list(&[changed.clone(), three.clone()]);
        let edits = [put(&three), put(&changed), put(&one), Edit::Remove(9), Edit::Remove(2), put(&two)];
        let whole = list(&[one, two]);
        let mut edits = edits.iter();
        let edited = whole.edited(&mut edits, Some(read.page.version), &ListQuery::default()).expect("it is whole");
        assert_eq!((edited.page.version, edits.len()), (read.page.version, 1));
        let written = serde_json::to_vec(&[changed, three]).expect("they can be written");
        assert_eq!(edited.page.items.as_bytes(), written);
        assert_eq!(read.page.items.as_bytes(), written);
    }

    #[test]
    fn a_list_that_begins_a_longer_one_is_not_edited() {
        let query: ListQuery = ListQuery::default();
        let all: Vec<_> = (1..=query.limit.get().into()).map(|id| task(id, "a", id)).collect();
        let one_more: Vec<_> = all.iter().cloned().chain([task(5000, "a", 1)]).collect();
        let [fewer, full, longer] = [&all[1..], &all, &one_more].map(list);
        let edited =
            |list: &List, edit, to: &List| list.edited(&mut iter::once(&edit), Some(to.page.version), &query).is_some();
        assert!(edited(&full, Edit::Remove(1), &fewer));
        assert!(edited(&fewer, put(&all[0]), &full));
        assert!(!edited(&full, put(&one_more[1000]), &longer), "one too many");
        let mut first = full;
        first.page.next = Some(todo_api::Cursor::new("next".to_owned()));
        assert!(!edited(&first, Edit::Remove(1), &fewer), "another would move up");
    }
}
