//! Who goes with whom, and what becomes of the others where one fails.

use std::time::Duration;

use sea_orm::{RuntimeErr, sqlx};
use tokio::{sync::Semaphore, task::JoinHandle};

use super::{
    super::{look::Look, manner::PATIENCE},
    *,
};
use crate::{
    database::trouble::{is_away, tests::said},
    store::quotas::Quota,
};

/// Doubles numbers, as often as it is let; a statement with a 13 in it fails.
struct Doubling {
    statements: Mutex<Vec<Vec<u32>>>,
    let_through: Semaphore,
    failure: fn() -> DbErr,
}

impl Kind for Arc<Doubling> {
    type Question = u32;
    type Answer = u32;

    const IS_READ: bool = false;

    fn owner(_number: &u32) -> Option<&UserId> {
        None
    }

    async fn ask(&self, numbers: &[u32]) -> Result<Vec<u32>, DbErr> {
        self.statements.lock().push(numbers.to_vec());
        self.let_through.acquire().await.expect("it is never closed").forget();
        if numbers.contains(&13) {
            return Err((self.failure)());
        }
        Ok(numbers.iter().map(|number| number * 2).collect())
    }

    fn go_together(one: &u32, other: &u32) -> bool {
        one != other
    }
}

/// The same as a read.
struct Reading(Arc<Doubling>);

impl Kind for Reading {
    type Question = u32;
    type Answer = u32;

    const IS_READ: bool = true;

    fn owner(_number: &u32) -> Option<&UserId> {
        None
    }

    async fn ask(&self, numbers: &[u32]) -> Result<Vec<u32>, DbErr> {
        self.0.ask(numbers).await
    }
}

/// The same, of users.
struct Owned<const IS_READ: bool>(Arc<Doubling>);

impl<const IS_READ: bool> Kind for Owned<IS_READ> {
    type Question = (UserId, u32);
    type Answer = u32;

    const IS_READ: bool = IS_READ;

    fn owner((owner, _): &(UserId, u32)) -> Option<&UserId> {
        Some(owner)
    }

    async fn ask(&self, all: &[(UserId, u32)]) -> Result<Vec<u32>, DbErr> {
        self.0.ask(&all.iter().map(|(_, number)| *number).collect::<Vec<_>>()).await
    }

    fn go_together((_, one): &(UserId, u32), (_, other): &(UserId, u32)) -> bool {
        one != other
    }
}

/// A lane in which each user has two statements apart at most.
fn lane_of_users<const IS_READ: bool>(manner: Manner) -> (Arc<Doubling>, Lane<Owned<IS_READ>>) {
    let (kind, _) = lane(refused);
    let quota = Arc::new(Quota::new(2));
    (Arc::clone(&kind), Lane::new(Owned(kind), Manner { quota, ..manner }))
}

fn ask_for<const IS_READ: bool>(
    lane: &Lane<Owned<IS_READ>>,
    owner: &str,
    number: u32,
) -> JoinHandle<Result<u32, Arc<DbErr>>> {
    let (lane, owner) = (lane.clone(), UserId::stored(owner.to_owned()));
    tokio::spawn(async move { lane.ask((owner, number)).await })
}

async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        sleep(Duration::from_millis(1)).await;
    }
}

fn lane(failure: fn() -> DbErr) -> (Arc<Doubling>, Lane<Arc<Doubling>>) {
    lane_of(manner(), failure)
}

fn manner() -> Manner {
    let quota = Arc::new(Quota::new(5));
    Manner { limit: Duration::from_secs(4), most: 128, turns: 2, patience: PATIENCE, clients: None, half: 2, quota }
}

/// Where a slow one is waited for.
fn patient() -> Manner {
    Manner { patience: Duration::from_secs(4), ..manner() }
}

fn lane_of(manner: Manner, failure: fn() -> DbErr) -> (Arc<Doubling>, Lane<Arc<Doubling>>) {
    let kind = Arc::new(Doubling { statements: Mutex::default(), let_through: Semaphore::new(0), failure });
    (Arc::clone(&kind), Lane::new(kind, manner))
}

fn refused() -> DbErr {
    DbErr::Query(said("23503"))
}

fn broken() -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(sqlx::Error::WorkerCrashed)))
}

#[tokio::test]
async fn what_arrives_meanwhile_goes_together() {
    let (kind, lane) = lane(refused);
    let asked = join_all((1..=5).map(|number| lane.ask(number)));
    let (answers, ()) = tokio::join!(asked, async { kind.let_through.add_permits(9) });
    assert_eq!(answers.into_iter().map(Result::unwrap_or_default).collect::<Vec<_>>(), [2, 4, 6, 8, 10]);
    assert_eq!(*kind.statements.lock(), [[1, 2, 3, 4, 5]], "five fill no size, and go together all the same");
}

#[tokio::test]
async fn no_more_go_together_than_may() {
    let (kind, lane) = lane_of(Manner { most: 3, ..manner() }, refused);
    let asked = join_all((1..=5).map(|number| lane.ask(number)));
    let (answers, ()) = tokio::join!(asked, async { kind.let_through.add_permits(9) });
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(*kind.statements.lock(), [vec![1, 2, 3], vec![4, 5]]);
}

#[tokio::test]
async fn what_cannot_go_together_goes_one_after_the_other() {
    let (kind, lane) = lane(refused);
    let asked = join_all([7, 7, 7].map(|number| lane.ask(number)));
    let (answers, ()) = tokio::join!(asked, async { kind.let_through.add_permits(9) });
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|number| number == 14)));
    assert_eq!(*kind.statements.lock(), [[7], [7], [7]]);
}

#[tokio::test]
async fn whoever_leaves_takes_nobodys_answer_along() {
    let (kind, lane) = lane(refused);
    let ask = |number| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.ask(number).await })
    };
    let (first, second) = (ask(1), ask(2));
    tokio::task::yield_now().await;
    first.abort();
    kind.let_through.add_permits(9);
    assert!(matches!(second.await, Ok(Ok(4))));
}

/// Else who comes and leaves all the time would have everybody wait for what nobody wants any more.
#[tokio::test]
async fn what_waits_goes_with_who_leaves() {
    let (kind, lane) = lane_of(patient(), refused);
    let ask = |number| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.ask(number).await.ok() })
    };
    let first = ask(1);
    while kind.statements.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    let (left, last) = (ask(2), ask(3));
    while lane.0.state.lock().waiting.len() < 2 {
        tokio::task::yield_now().await;
    }
    left.abort();
    assert!(left.await.is_err_and(|error| error.is_cancelled()));
    kind.let_through.add_permits(9);
    for (answer, expected) in [first, last].into_iter().zip([2, 6]) {
        assert_eq!(answer.await.ok().flatten(), Some(expected));
    }
    assert_eq!(*kind.statements.lock(), [[1], [3]]);
}

/// By a connection that fell silent, say: it would be taken for ever, and all of them in the end.
#[tokio::test]
async fn what_comes_to_no_end_is_given_up() {
    let (_kind, lane) = lane_of(Manner { limit: Duration::from_millis(50), ..manner() }, refused);
    let told = timeout(Duration::from_secs(10), lane.ask(1)).await.expect("it is told");
    assert!(told.is_err_and(|error| is_away(&error)));
}

#[tokio::test]
async fn a_slow_one_is_overtaken() {
    let (kind, lane) = lane(refused);
    let asked = [1, 2].map(|number| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.ask(number).await.ok() })
    });
    while kind.statements.lock().iter().flatten().count() < 2 {
        sleep(PATIENCE).await;
    }
    kind.let_through.add_permits(9);
    for (answer, expected) in asked.into_iter().zip([2, 4]) {
        assert_eq!(answer.await.ok().flatten(), Some(expected));
    }
}

/// Else the changes of one locked task would take one connection after the other, until nobody has any.
#[tokio::test]
async fn a_write_waits_for_one_that_it_cannot_go_with_and_for_no_other() {
    let (kind, lane) = lane_of(Manner { limit: Duration::from_mins(1), ..manner() }, refused);
    let sent = || kind.statements.lock().len();
    let ask = |number| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.ask(number).await.ok() })
    };
    let slow: Vec<_> = (0..5).map(|_| ask(7)).collect();
    until(|| sent() == 1).await;
    sleep(PATIENCE * 4).await;
    assert_eq!(sent(), 1);
    let other = ask(1);
    until(|| sent() == 2).await;
    kind.let_through.add_permits(9);
    assert_eq!(other.await.ok().flatten(), Some(2));
    for answer in slow {
        assert_eq!(answer.await.ok().flatten(), Some(14), "nobody is forgotten");
    }
    assert_eq!(*kind.statements.lock(), [[7], [1], [7], [7], [7], [7]]);
}

#[tokio::test]
async fn reads_that_cannot_go_together_go_beside_one_another_by_half_of_the_connections() {
    let (kind, lane) = lane_of_users::<true>(patient());
    let sent = || kind.statements.lock().len();
    let asked: Vec<_> = ["eve", "ann", "bob", "cid", "dan"].map(|owner| ask_for(&lane, owner, 7)).into();
    until(|| sent() == 3).await;
    sleep(PATIENCE * 4).await;
    assert_eq!(sent(), 3, "two beside one that is waited for");
    kind.let_through.add_permits(9);
    for answer in asked {
        assert_eq!(answer.await.ok().and_then(Result::ok), Some(14));
    }
}

#[tokio::test]
async fn what_goes_alone_takes_no_more_than_its_owner_may_have() {
    let (kind, lane) = lane_of_users::<false>(Manner { most: 1, ..manner() });
    let sent = || kind.statements.lock().len();
    let asked: Vec<_> = (1..=4).map(|number| ask_for(&lane, "eve", number)).collect();
    until(|| sent() == 2).await;
    let other = ask_for(&lane, "ann", 5);
    until(|| sent() == 3).await;
    sleep(PATIENCE * 4).await;
    assert_eq!(sent(), 3);
    kind.let_through.add_permits(9);
    for answer in asked.into_iter().chain([other]) {
        assert!(answer.await.is_ok_and(|answer| answer.is_ok()));
    }
}

#[tokio::test]
async fn where_there_is_one_connection_a_slow_one_is_waited_for() {
    let (kind, lane) = lane_of(patient(), refused);
    let sent = || kind.statements.lock().len();
    let ask = |number| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.ask(number).await.ok() })
    };
    let slow = ask(1);
    while sent() == 0 {
        tokio::task::yield_now().await;
    }
    let others = [ask(2), ask(3)];
    sleep(PATIENCE * 3).await;
    assert_eq!(sent(), 1);
    kind.let_through.add_permits(2);
    assert_eq!(slow.await.ok().flatten(), Some(2));
    for (answer, expected) in others.into_iter().zip([4, 6]) {
        assert_eq!(answer.await.ok().flatten(), Some(expected), "in company");
    }
}

#[tokio::test]
async fn what_is_refused_is_asked_again_apart() {
    let (kind, lane) = lane(refused);
    let asked = join_all([1, 13, 2, 3].map(|number| lane.ask(number)));
    let (answers, ()) = tokio::join!(asked, async { kind.let_through.add_permits(9) });
    let answers = answers.into_iter().map(Result::ok).collect::<Vec<_>>();
    assert_eq!(answers, [Some(2), None, Some(4), Some(6)]);
}

#[tokio::test]
async fn a_fault_of_ours_ends_no_lane() {
    let (kind, lane) = lane(|| panic!("on purpose"));
    kind.let_through.add_permits(9);
    let failed = lane.ask(13).await.expect_err("it is no answer");
    assert!(!is_away(&failed), "it is no fault of the database");
    assert_eq!(lane.ask(2).await.ok(), Some(4));
}

#[test]
fn asked_again_is_what_another_try_may_answer() {
    assert!(is_asked_again::<Arc<Doubling>>(&refused()));
    assert!(!is_asked_again::<Arc<Doubling>>(&DbErr::Query(said("25006"))), "nobody may write");
    assert!(is_asked_again::<Look>(&broken()));
    assert!(![DbErr::Conn(said("53300")), too_late()].iter().any(is_asked_again::<Look>));
}

#[tokio::test]
async fn a_write_whose_connection_broke_is_not_sent_again() {
    let (kind, lane) = lane(broken);
    let asked = join_all([1, 13, 2, 3].map(|number| lane.ask(number)));
    let (answers, ()) = tokio::join!(asked, async { kind.let_through.add_permits(9) });
    assert_eq!(kind.statements.lock().iter().flatten().count(), 4, "each number once");
    assert!(answers.iter().any(Result::is_err));
}

/// By whatever way it goes alone.
#[tokio::test]
async fn a_lone_read_whose_connection_broke_is_asked_once_more_and_nothing_else_is() {
    let failures: [(fn() -> DbErr, usize); 3] = [(broken, 2), (refused, 1), (too_late, 1)];
    for manner in [manner(), Manner { most: 1, ..manner() }] {
        for (failure, times) in failures {
            let (kind, writes) = lane_of(manner.clone(), failure);
            let reads = Lane::new(Reading(Arc::clone(&kind)), manner.clone());
            kind.let_through.add_permits(9);
            assert!(reads.ask(13).await.is_err());
            assert_eq!(kind.statements.lock().len(), times);
            assert!(writes.ask(13).await.is_err());
            assert_eq!(kind.statements.lock().len(), times + 1, "a write once");
        }
    }
}
