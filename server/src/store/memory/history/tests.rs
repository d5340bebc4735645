//! Which marks owners keep, and which looks are in vain.

use std::mem;

use tokio::time::sleep;

use super::{super::snapshot::tests::snapshot_of, *};

const ANN: &str = "ann";

/// Begun by a look that found nothing ended; and ann, and bob, who writes nothing.
async fn begun() -> (History, [UserId; 2]) {
    let history = History::default();
    saw(&history, "10:10:").await;
    (history, [ANN, "bob"].map(|id| UserId::parse(id).expect("a user")))
}

async fn saw(history: &History, text: &str) {
    history.look().saw(Some(snapshot_of(text))).await;
}

fn wrote(history: &History, transaction: u64) -> Mark {
    history.write().done(Some(transaction), [ANN].into_iter())[0]
}

#[tokio::test]
async fn who_has_not_written_keeps_the_mark() {
    let (history, [ann, bob]) = begun().await;
    let [anns, bobs] = [&ann, &bob].map(|owner| history.mark(owner));
    let first = wrote(&history, 11);
    let second = wrote(&history, 10);
    assert!(anns.leads_to(first) && first.leads_to(second));
    for text in ["10:12:10", "12:12:", "12:12:"] {
        saw(&history, text).await;
        assert_eq!((history.mark(&ann), history.mark(&bob)), (second, bobs), "{text}");
    }
}

#[tokio::test]
async fn nothing_counts_once_another_has_written() {
    let (history, [ann, bob]) = begun().await;
    let (anns, bobs) = (wrote(&history, 10), history.mark(&bob));
    let look = history.look();
    saw(&history, "12:12:").await;
    let now = history.mark(&ann);
    assert!(!anns.leads_to(now) && history.mark(&bob) != bobs);
    look.saw(Some(snapshot_of("10:10:"))).await;
    assert_eq!(history.mark(&ann), now, "it began before");
}

#[tokio::test]
async fn looks_that_are_in_vain_are_left_for_a_while() {
    let (history, [ann, _]) = begun().await;
    let is_tried = || history.likely_mark(&ann).is_some();
    for next in 11..=10 + u64::from(MOST_FAILURES) {
        assert!(is_tried());
        saw(&history, &format!("{next}:{next}:")).await;
    }
    assert!(!is_tried());
    sleep(PAUSE).await;
    assert!(is_tried());
    saw(&history, "90:90:").await;
    assert!(!is_tried(), "it was in vain again");
    saw(&history, "90:90:").await;
    assert!(is_tried());
}

#[tokio::test]
async fn an_answer_that_is_under_way_is_waited_for() {
    let (history, [ann, _]) = begun().await;
    let mark = history.mark(&ann);
    let (write, look) = (history.write(), history.look());
    let answer = async {
        tokio::task::yield_now().await;
        write.done(Some(10), [ANN].into_iter());
    };
    tokio::join!(look.saw(Some(snapshot_of("11:11:"))), answer);
    assert!(mark.leads_to(history.mark(&ann)));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leads_from_no_mark() {
    let (history, [ann, _]) = begun().await;
    let (before, write) = (history.mark(&ann), history.write());
    saw(&history, "11:11:").await;
    let mark = history.mark(&ann);
    assert_ne!(mark, before, "after some patience it counts as somebody's");
    write.done(Some(10), [ANN].into_iter());
    assert!(!mark.leads_to(history.mark(&ann)));
}

#[tokio::test]
async fn a_database_that_is_not_the_one_before_says_nothing_of_it() {
    let other = |text: &str| {
        let mut snapshot = snapshot_of(text);
        snapshot.backend = "43 2026-11-26".into();
        snapshot
    };
    let (history, [ann, _]) = begun().await;
    let mark = wrote(&history, 10);
    let mut known = mark;
    let mut is_another = async |snapshot: Option<Snapshot>| {
        history.look().saw(snapshot).await;
        mem::replace(&mut known, history.mark(&ann)) != known
    };
    assert!(is_another(Some(other("10:10:"))).await, "a process that nobody has seen");
    assert!(!is_another(Some(other("10:10:"))).await);
    assert!(is_another(Some(other("11:11:"))).await, "the number was given out again");
    assert!(is_another(Some(snapshot_of("9:9:"))).await, "less than before");
    assert!(is_another(None).await, "nothing at all");
}
