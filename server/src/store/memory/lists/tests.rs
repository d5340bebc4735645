//! What is found in lists that are kept, and what no more.

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
