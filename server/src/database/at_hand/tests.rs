//! Who gets a connection, and which.

use std::{
    fs,
    future::pending,
    path::Path,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join},
};
use sea_orm::{
    RuntimeErr,
    sqlx::{self, Sqlite, sqlite::SqlitePoolOptions},
};
use tokio::{runtime::Runtime, sync::Semaphore, time::timeout};

use super::*;

fn at_hand(options: SqlitePoolOptions) -> AtHand<Sqlite> {
    AtHand::new(&options.connect_lazy("sqlite::memory:").expect("an address"), KEPT)
}

/// Of at most `most` connections, of which no more than `some` can be opened.
fn opening(some: usize, most: u32) -> SqlitePoolOptions {
    let tried = AtomicUsize::new(0);
    SqlitePoolOptions::new().max_connections(most).after_connect(move |_, _| {
        let is_one = tried.fetch_add(1, Ordering::AcqRel) < some;
        Box::pin(async move { if is_one { Ok(()) } else { Err(sqlx::Error::Protocol("no more".to_owned())) } })
    })
}

/// Of two connections at most to `file`, which is made.
fn two_of_file(options: SqlitePoolOptions, file: &Path) -> AtHand<Sqlite> {
    fs::write(file, []).expect("it is made");
    let pool = options.max_connections(2).connect_lazy(&format!("sqlite://{}", file.display()));
    AtHand::new(&pool.expect("an address"), KEPT)
}

/// Who could open none while `file` was away, and waited for one that is lost by now.
async fn left_alone<'a>(hand: &'a AtHand<Sqlite>, file: &Path) -> BoxFuture<'a, Result<Taken<Sqlite>, DbErr>> {
    let mut taken = hand.take().await.expect("it is free");
    fs::remove_file(file).expect("it is there");
    let mut second = hand.take().boxed();
    assert!(timeout(UNUSED / 2, &mut second).await.is_err());
    fs::write(file, []).expect("it is made");
    taken.is_over = true;
    drop(taken);
    second
}

#[tokio::test]
async fn who_waits_gets_the_next_one_that_is_laid_back() {
    let hand = at_hand(SqlitePoolOptions::new().max_connections(1));
    let taken = hand.take().await.expect("it is free");
    let since = taken.since;
    let [mut first, mut second] = [(); 2].map(|()| Box::pin(hand.take()));
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    // Who gives up must not keep it from the next one.
    drop(first);
    hand.lay_back(taken);
    let taken = second.await.expect("it was laid back");
    assert_eq!(taken.since, since, "not by way of the pool");
}

/// However much there is to do: else none would ever become too old.
#[tokio::test]
async fn what_was_at_hand_for_long_goes_by_way_of_the_pool() {
    let hand = at_hand(SqlitePoolOptions::new().max_connections(1));
    let mut taken = hand.take().await.expect("it is free");
    taken.since -= KEPT * 2;
    let since = taken.since;
    hand.lay_back(taken);
    let taken = timeout(Duration::from_secs(10), hand.take()).await.expect("in time").expect("it was given back");
    assert!(taken.since > since);
}

#[tokio::test]
async fn who_has_one_opened_takes_another_meanwhile() {
    let may_open = Arc::new(Semaphore::new(1));
    let hand = at_hand(SqlitePoolOptions::new().max_connections(2).after_connect({
        let may_open = Arc::clone(&may_open);
        move |_, _| {
            let may_open = Arc::clone(&may_open);
            Box::pin(async move {
                may_open.acquire().await.expect("it is never closed").forget();
                Ok(())
            })
        }
    }));
    let taken = hand.take().await.expect("it is free");
    let since = taken.since;
    let mut second = Box::pin(hand.take());
    assert!((&mut second).now_or_never().is_none());
    hand.lay_back(taken);
    let taken = timeout(Duration::from_secs(10), second).await.expect("at once").expect("it was laid back");
    assert_eq!(taken.since, since);
    // And the other one is opened all the same.
    may_open.add_permits(1);
    let opened = timeout(Duration::from_secs(10), hand.take()).await.expect("in time").expect("it was opened");
    assert_eq!(hand.counts(), (2, 0));
    drop((taken, opened));
}

#[tokio::test]
async fn who_cannot_open_one_takes_what_another_gives_to_the_pool() {
    let hand = at_hand(opening(1, 2));
    let taken = hand.take().await.expect("it is free");
    let mut second = Box::pin(hand.take());
    // By then, none could be opened for the second.
    assert!(timeout(UNUSED / 2, &mut second).await.is_err());
    drop(taken);
    timeout(Duration::from_secs(10), second).await.expect("in time").expect("it was given back");
}

#[tokio::test]
async fn who_could_open_none_tries_again_once_the_others_are_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("todo.db");
    let hand = two_of_file(SqlitePoolOptions::new(), &file);
    let second = left_alone(&hand, &file).await;
    timeout(Duration::from_secs(5), second).await.expect("in time").expect("it opens");
}

#[tokio::test]
async fn who_tries_again_still_gets_what_is_laid_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, found) = (folder.path().join("todo.db"), Arc::new(AtomicUsize::new(0)));
    // Where the file is there for the second time, nothing comes of it.
    let options = SqlitePoolOptions::new().after_connect({
        let found = Arc::clone(&found);
        move |_, _| {
            let is_second = found.fetch_add(1, Ordering::AcqRel) == 1;
            Box::pin(async move { if is_second { pending().await } else { Ok(()) } })
        }
    });
    let hand = two_of_file(options, &file);
    let mut second = left_alone(&hand, &file).await;
    while found.load(Ordering::Acquire) < 2 {
        assert!(timeout(UNUSED, &mut second).await.is_err(), "it has one opened");
    }
    let third = hand.take().await.expect("it opens");
    hand.lay_back(third);
    timeout(Duration::from_secs(5), second).await.expect("in time").expect("it was laid back");
}

#[tokio::test]
async fn who_looks_into_the_pool_still_gets_what_is_laid_back() {
    // What lies in the pool gives no sign of life.
    let hand = at_hand(opening(2, 3).before_acquire(|_, _| Box::pin(pending())));
    let (one, other) = (hand.take().await.expect("it opens"), hand.take().await.expect("it opens"));
    let mut third = Box::pin(hand.take());
    assert!(timeout(UNUSED / 2, &mut third).await.is_err());
    drop(other);
    assert!(timeout(UNUSED * 3, &mut third).await.is_err(), "it waits for the one in the pool");
    hand.lay_back(one);
    timeout(Duration::from_secs(5), third).await.expect("in time").expect("it was laid back");
}

#[tokio::test]
async fn nobody_waits_for_another_where_none_can_be_opened() {
    let options = SqlitePoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(400));
    let hand = at_hand(options.after_connect(|_, _| Box::pin(pending())));
    // The first fails while the second is being opened.
    let second = async {
        sleep(Duration::from_millis(200)).await;
        hand.take().await.map(drop)
    };
    let both = join(hand.take(), second);
    let (first, second) = timeout(Duration::from_secs(10), both).await.expect("they are told");
    assert!(first.is_err() && second.is_err());
}

/// Else who tries again would meet one dead connection after the other.
#[tokio::test]
async fn where_one_is_cut_what_lies_idle_goes_by_way_of_the_pool() {
    let hand = at_hand(SqlitePoolOptions::new().max_connections(2));
    let (one, other) = (hand.take().await.expect("it opens"), hand.take().await.expect("it opens"));
    drop(one);
    while hand.0.pool.num_idle() < 1 {
        sleep(Duration::from_millis(1)).await;
    }
    hand.lay_back(other);
    let failed = |error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)));
    hand.doubt(&failed(sqlx::Error::RowNotFound));
    assert_eq!(hand.counts(), (2, 2), "it was another fault");
    hand.doubt(&failed(sqlx::Error::WorkerCrashed));
    assert_eq!(hand.counts(), (2, 0), "one was at hand, the other in the pool");
    timeout(Duration::from_secs(10), hand.take()).await.expect("in time").expect("they live");
}

#[test]
fn what_is_laid_back_where_the_runtime_has_ended_stops_nobody() {
    let runtime = Runtime::new().expect("a runtime");
    let (hand, taken) = runtime.block_on(async {
        let hand = at_hand(SqlitePoolOptions::new());
        let taken = hand.take().await.expect("it is free");
        (hand, taken)
    });
    let ended = runtime.handle().clone();
    runtime.shutdown_background();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let _ended = ended.enter();
        hand.lay_back(taken);
        tell.send(())
    });
    told.recv_timeout(Duration::from_secs(10)).expect("it ends");
}
