//! A page of tasks as it was answered, and what it is made of.

use todo_api::{ListQuery, Page, PageVersion, Task, Written};

use super::version::version;

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
}

impl Edit {
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

    /// The same page after `edits`, where it has all tasks of its owner in the order of ids, and can have them yet.
    /// Its version is the one that the database will name only if these edits are all that happened.
    pub(super) fn edited(&self, edits: Vec<Edit>, query: &ListQuery) -> Option<Self> {
        let mut tasks = self.tasks.clone();
        for edit in edits {
            let id = match &edit {
                Edit::Put(task) => task.id,
                Edit::Remove(id) => *id,
            };
            match (tasks.binary_search_by_key(&id, |task| task.id), edit) {
                (Ok(place), Edit::Put(task)) => tasks[place] = task,
                (Err(place), Edit::Put(task)) => tasks.insert(place, task),
                (Ok(place), Edit::Remove(_)) => _ = tasks.remove(place),
                (Err(_), Edit::Remove(_)) => {}
            }
        }
        let is_whole = self.page.next.is_none() && tasks.len() <= query.limit.get().into();
        is_whole.then(|| {
            let version = version(tasks.iter().map(|task| (task.id, task.updated_at)), query.limit);
            Self::new(tasks, None, version)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use todo_api::{Limit, Nullable, Timestamp};

    use super::*;

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
        let edits = vec![put(&three), put(&changed), Edit::Remove(2), Edit::Remove(9)];
        let edited = list(&[one, two]).edited(edits, &ListQuery::default()).expect("it is whole");
        let read = list(&[changed.clone(), three.clone()]);
        assert_eq!(edited.page.version, read.page.version);
        let written = serde_json::to_vec(&[changed, three]).expect("they can be written");
        assert_eq!(edited.page.items.as_bytes(), written);
        assert_eq!(read.page.items.as_bytes(), written);
    }

    #[test]
    fn a_list_that_begins_a_longer_one_is_not_edited() {
        let query: ListQuery = ListQuery::default();
        let all: Vec<_> = (1..=query.limit.get().into()).map(|id| task(id, "a", id)).collect();
        let full = list(&all);
        assert!(full.edited(vec![Edit::Remove(1)], &query).is_some());
        assert!(full.edited(vec![put(&task(5000, "a", 1))], &query).is_none(), "one too many");
        let mut first = full;
        first.page.next = Some(todo_api::Cursor::new("next".to_owned()));
        assert!(first.edited(vec![Edit::Remove(1)], &query).is_none(), "another would move up");
    }
}
