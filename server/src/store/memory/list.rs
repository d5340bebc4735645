//! A page of tasks as it was answered, and what it is made of.

use todo_api::{Cursor, ListQuery, ListWriter, Page, PageVersion, Task, Timestamp, WrittenTask};

use super::history::Mark;
use crate::{entity::task::Model, store::version::flipped};

/// About how many bytes a task takes in a list.
const TASK: usize = 256;

/// A page, and where each of its tasks is in it.
pub(in crate::store) struct List {
    pub(in crate::store) page: Page<Task>,
    places: Vec<Place>,
}

struct Place {
    id: i64,
    updated_at: i64,
    /// Past the last byte of its JSON.
    end: usize,
}

/// A task as it is in lists.
#[derive(Clone, Copy)]
struct Item<'l> {
    id: i64,
    updated_at: i64,
    json: &'l [u8],
}

/// What a write did to the tasks of its owner.
#[derive(Clone)]
pub(in crate::store) enum Edit {
    /// This task is there now, in this version.
    Put(WrittenTask),
    /// The task with this id is gone.
    Remove(i64),
}

impl Item<'_> {
    /// See [`flipped`].
    fn flip(self, version: PageVersion) -> PageVersion {
        flipped(version, self.id, self.updated_at)
    }
}

impl<'l> From<&'l WrittenTask> for Item<'l> {
    fn from(task: &'l WrittenTask) -> Self {
        Self { id: task.id, updated_at: task.updated_at.micros(), json: task.json.as_bytes() }
    }
}

impl Edit {
    /// What writing `task` did; none where it cannot be written as JSON.
    pub(in crate::store) fn put(task: &Model) -> Option<Self> {
        WrittenTask::of(&task.clone().into()).map(Self::Put).ok()
    }

    /// The task that it is about.
    pub(super) fn id(&self) -> i64 {
        match self {
            Self::Put(task) => task.id,
            Self::Remove(id) => *id,
        }
    }

    /// Does the same to `items`, which are in the order of ids; answers the version of what was `version`.
    fn apply<'e>(&'e self, items: &mut Vec<Item<'e>>, version: PageVersion) -> PageVersion {
        let place = items.binary_search_by_key(&self.id(), |item| item.id);
        match (self, place) {
            (Self::Put(task), Ok(place)) if items[place].updated_at < task.updated_at.micros() => {
                let task = Item::from(task);
                let version = task.flip(items[place].flip(version));
                items[place] = task;
                version
            }
            (Self::Put(task), Err(place)) => {
                let task = Item::from(task);
                items.insert(place, task);
                task.flip(version)
            }
            (Self::Remove(_), Ok(place)) => items.remove(place).flip(version),
            _ => version,
        }
    }

    /// Whether it takes a task away.
    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Remove(_))
    }

    /// How many bytes it takes in memory, with its mark.
    pub(super) fn size(&self) -> u64 {
        let json = match self {
            // It grew by doubling, and keeps the room.
            Self::Put(task) => task.json.as_bytes().len().next_power_of_two(),
            Self::Remove(_) => 0,
        };
        (size_of::<(Mark, Self)>() + json) as u64
    }
}

impl List {
    /// The page of those tasks.
    pub(in crate::store) fn new(
        tasks: impl ExactSizeIterator<Item = Task>,
        next: Option<Cursor>,
        version: PageVersion,
    ) -> Result<Self, serde_json::Error> {
        let mut writer = ListWriter::new(tasks.len() * TASK);
        // Not collected, which would keep the room of the rows that the tasks come from.
        let mut places = Vec::with_capacity(tasks.len());
        for task in tasks {
            let end = writer.write(&task)?;
            places.push(Place { id: task.id, updated_at: task.updated_at.micros(), end });
        }
        Ok(Self { page: Page { items: writer.end(), next, version }, places })
    }

    /// The page of those items, which no other follows.
    fn of(items: &[Item<'_>], version: PageVersion) -> Self {
        let mut writer = ListWriter::new(items.iter().map(|item| item.json.len() + 1).sum::<usize>() + 1);
        let place = |item: &Item<'_>| Place { id: item.id, updated_at: item.updated_at, end: writer.copy(item.json) };
        let places = items.iter().map(place).collect();
        Self { page: Page { items: writer.end(), next: None, version }, places }
    }

    fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let mut start = 1;
        self.places.iter().map(move |place| {
            let json = &self.page.items.as_bytes()[start..place.end];
            start = place.end + 1;
            Item { id: place.id, updated_at: place.updated_at, json }
        })
    }

    /// The task with that id, of tasks in the order of ids.
    pub(super) fn task(&self, id: i64) -> Option<WrittenTask> {
        let place = self.places.binary_search_by_key(&id, |place| place.id).ok()?;
        let start = place.checked_sub(1).map_or(0, |before| self.places[before].end) + 1;
        let Place { updated_at, end, .. } = self.places[place];
        let updated_at = Timestamp::from_micros(updated_at);
        Some(WrittenTask { id, updated_at, json: self.page.items.item(start..end) })
    }

    /// How many bytes it takes in memory.
    pub(super) fn size(&self) -> u64 {
        (self.page.items.as_bytes().len() + self.places.len() * size_of::<Place>()) as u64
    }

    /// This list after the first of `edits` that lead to `version`, or after all of them where none is given. None
    /// where they do not lead there, or a task may be missing then: it is edited only as the list of all tasks of its
    /// owner, in the order of ids.
    pub(super) fn edited<'e>(
        &self,
        edits: &mut impl Iterator<Item = &'e Edit>,
        version: Option<PageVersion>,
        query: &ListQuery,
    ) -> Option<Self> {
        let (mut items, mut now) = (self.items().collect::<Vec<_>>(), self.page.version);
        while version != Some(now) {
            match edits.next() {
                Some(edit) => now = edit.apply(&mut items, now),
                None if version.is_none() => break,
                None => return None,
            }
        }
        let is_whole = self.page.next.is_none() && items.len() <= query.limit.get().into();
        is_whole.then(|| Self::of(&items, now))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::iter;

    use todo_api::{Limit, Nullable, Title, UserId};

    use super::*;
    use crate::store::version::version;

    pub(in super::super) fn task(id: i64, title: &str, moment: i64) -> Task {
        Task {
            id,
            user_id: UserId::stored("ann".to_owned()),
            title: Title::stored(title.to_owned()),
            description: Nullable(None),
            completed: false,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(moment),
        }
    }

    pub(in super::super) fn list(tasks: &[Task]) -> List {
        let versions = tasks.iter().map(|task| (task.id, task.updated_at.micros()));
        let version = version(versions, Limit::default());
        List::new(tasks.iter().cloned(), None, version).expect("it can be written")
    }

    fn put(task: &Task) -> Edit {
        Edit::Put(WrittenTask::of(task).expect("it can be written"))
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
    fn a_list_keeps_no_room_that_is_not_counted() {
        let tasks: Vec<_> = (1..=50).map(|id| task(id, "a", id)).collect();
        let list = List::new(tasks.into_iter(), None, PageVersion(0)).expect("it can be written");
        assert_eq!(list.places.capacity(), list.places.len());
    }

    #[test]
    fn a_task_keeps_nothing_of_its_list() {
        let list = list(&[task(1, "one", 1), task(2, "two", 2)]);
        let task = list.task(2).expect("it is there");
        assert!(!list.page.items.as_bytes().as_ptr_range().contains(&task.json.as_bytes().as_ptr()));
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
