//! Natural batching: while a statement of a kind is under way, what arrives for that kind waits, and goes together as
//! the next one.
//!
//! Who finds nothing under way goes at once, so a lone one waits for nobody; the more come at a time, the more a
//! statement carries, and nobody has set a delay or a size. What lost: a window of time, which makes the lone one wait,
//! and a statement each, which pays for a round trip, a parse and a commit each.
//!
//! A statement that the database refuses has done nothing, so its questions are asked again apart, and each gets its
//! own answer. Where the connection broke it is not known what a write has done: that is what each is told, as if it
//! had gone alone. Reads are asked again, apart, and so is one that went alone.
//!
//! A slow statement delays its own questions alone: past [`PATIENCE`](super::manner::PATIENCE) the next one goes beside
//! it, where there is another connection. Nor does it delay those for long: after a third of the limit the database
//! gives up waiting for a lock, and each is asked apart. So questions that need no lock are answered in time. What one
//! user has apart, or beside others for longer than statements [take](Pace), has no more connections than their
//! [quota](crate::store::quotas): whoever has it used up, by changes of locked tasks, say, has a queue of their own
//! meanwhile, and goes on once a connection is free.
//!
//! Reads that one statement cannot carry do not wait for one another: each goes beside the others at once.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    mem, slice,
    sync::Arc,
};

use futures_util::future::join_all;
use parking_lot::Mutex;
use scopeguard::guard_on_unwind;
use sea_orm::DbErr;
use todo_api::UserId;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use super::{manner::Manner, pace::Pace};
use crate::database::trouble::{is_cut, is_read_only, is_refusal, is_too_late, lost, too_late};

/// A kind of statement that can carry several questions.
pub(in crate::store) trait Kind: Send + Sync + 'static {
    /// What one asks.
    type Question: Send + Sync;
    /// What one is answered.
    type Answer: Send;

    /// Whether asking twice does no more than asking once.
    const IS_READ: bool;

    /// Whose question it is; nobody's, where all ask the same.
    fn owner(question: &Self::Question) -> Option<&UserId>;

    /// Asks all of `questions` by one statement, and answers in their order.
    fn ask(&self, questions: &[Self::Question]) -> impl Future<Output = Result<Vec<Self::Answer>, DbErr>> + Send;

    /// Whether a question is too large to go in company, which it would slow down.
    fn goes_alone(_question: &Self::Question) -> bool {
        false
    }

    /// Whether one statement can carry both.
    fn go_together(_one: &Self::Question, _other: &Self::Question) -> bool {
        true
    }
}

/// The way of all questions of a kind.
pub(in crate::store) struct Lane<K: Kind>(Arc<Inner<K>>);

impl<K: Kind> Clone for Lane<K> {
    /// The same way.
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<K: Kind> {
    kind: K,
    manner: Manner,
    pace: Pace,
    state: Mutex<State<K>>,
}

struct State<K: Kind> {
    waiting: VecDeque<Asked<K>>,
    is_under_way: bool,
    /// Those whose owner has all the connections that they may.
    held_up: HashMap<UserId, VecDeque<Asked<K>>>,
}

/// A question, and where its answer is waited for.
struct Asked<K: Kind> {
    question: K::Question,
    tell: Tell<K>,
}

type Tell<K> = oneshot::Sender<Result<<K as Kind>::Answer, Arc<DbErr>>>;

/// Those who go by one statement.
struct Batch<K: Kind> {
    questions: Vec<K::Question>,
    tells: Vec<Tell<K>>,
    /// Whether it cannot carry all who wait, however many it may.
    leaves_others: bool,
}

impl<K: Kind> Lane<K> {
    pub(super) fn new(kind: K, manner: Manner) -> Self {
        let state = Mutex::new(State { waiting: VecDeque::new(), is_under_way: false, held_up: HashMap::new() });
        Self(Arc::new(Inner { kind, manner, pace: Pace::default(), state }))
    }

    /// Whether no question has company now.
    pub(in crate::store) fn is_apart(&self) -> bool {
        self.0.manner.is_apart()
    }

    /// The answer to `question`, alone or in company.
    pub(in crate::store) async fn ask(&self, question: K::Question) -> Result<K::Answer, Arc<DbErr>> {
        if self.is_apart() || K::goes_alone(&question) {
            // Boxed: the future of a statement is large, and would be copied at each layer above.
            return Box::pin(self.0.ask_alone(&question)).await;
        }
        let (tell, told) = oneshot::channel();
        let goes_at_once = {
            let mut state = self.0.state.lock();
            state.waiting.push_back(Asked { question, tell });
            !mem::replace(&mut state.is_under_way, true)
        };
        if goes_at_once {
            // Apart from this request: whoever leaves must not take the others' answers along.
            tokio::spawn(Arc::clone(&self.0).run());
        }
        told.await.unwrap_or_else(|_| Err(Arc::new(lost())))
    }
}

/// Whether the questions of a statement that failed are asked again apart. Not where time is over or no connection is
/// to be had, when nobody waits any more and the database has enough to do; nor where the session takes no writes, and
/// is closed.
fn is_asked_again<K: Kind>(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => false,
        error if is_too_late(error) => false,
        error => K::IS_READ || is_refusal(error) && !is_read_only(error),
    }
}

impl<K: Kind> Inner<K> {
    /// Sends one statement after the other until nobody waits; or until a fault of ours, and then the next run begins
    /// anew.
    async fn run(self: Arc<Self>) {
        let run = guard_on_unwind(self, |lane| {
            let mut state = lane.state.lock();
            state.is_under_way = false;
            state.waiting.clear();
        });
        while let Some(batch) = run.next().await {
            run.send(batch, None).await;
        }
    }

    /// Sends a statement, and waits for its end, or until the next one goes beside it. One that takes longer than most is
    /// `counted` with the connections of each user who asks by it, if it is not yet.
    async fn send(self: &Arc<Self>, batch: Batch<K>, counted: Option<Vec<OwnedSemaphorePermit>>) {
        let Batch { questions, tells, leaves_others } = batch;
        let (lane, questions) = (Arc::clone(self), Arc::new(questions));
        let mut statement = Box::pin({
            let (lane, questions) = (Arc::clone(self), Arc::clone(&questions));
            async move { lane.ask(&questions).await }
        });
        if !(K::IS_READ && leaves_others) {
            tokio::select! {
                biased;
                answers = &mut statement => {
                    drop(counted);
                    return lane.tell(questions, tells, answers);
                }
                () = sleep(lane.manner.patience) => {}
            }
        }
        let long = lane.pace.long();
        let mut counted = counted.or_else(|| long.is_zero().then(|| lane.count(&questions)));
        tokio::spawn(async move {
            let answers = tokio::select! {
                biased;
                answers = &mut statement => answers,
                () = sleep(long), if counted.is_none() => {
                    counted = Some(lane.count(&questions));
                    statement.await
                }
            };
            drop(counted);
            lane.tell(questions, tells, answers);
        });
    }

    /// Those who go next. Whoever is ready has a turn before, so that all who come at the same time go together.
    async fn next(self: &Arc<Self>) -> Option<Batch<K>> {
        for _ in 0..self.manner.turns {
            yield_now().await;
        }
        let (batch, held_up) = self.state.lock().next(&self.manner);
        for owner in held_up {
            tokio::spawn(Arc::clone(self).run_held_up(owner));
        }
        batch
    }

    /// Sends one statement of `owner` after the other, each once they may have a connection for it, until nobody of
    /// theirs waits.
    async fn run_held_up(self: Arc<Self>, owner: UserId) {
        let lane = guard_on_unwind(self, |lane| drop(lane.state.lock().held_up.remove(&owner)));
        loop {
            let counted = lane.manner.quota.take(&owner).await;
            let batch = lane.state.lock().next_of(&owner, lane.manner.most);
            let Some(batch) = batch else { return };
            lane.send(batch, Some(counted.into_iter().collect())).await;
        }
    }

    /// Counts the connection of a statement with those of each user who asks by it.
    fn count(&self, questions: &[K::Question]) -> Vec<OwnedSemaphorePermit> {
        let owners: HashSet<_> = questions.iter().filter_map(K::owner).collect();
        owners.into_iter().filter_map(|owner| self.manner.quota.count(owner)).collect()
    }

    /// Tells each the answer of a statement. Where it has none, each is asked again apart, if that may help.
    fn tell(
        self: &Arc<Self>,
        questions: Arc<Vec<K::Question>>,
        tells: Vec<Tell<K>>,
        answers: Result<Vec<K::Answer>, DbErr>,
    ) {
        match answers {
            Ok(answers) => {
                for (tell, answer) in tells.into_iter().zip(answers) {
                    // Who has left needs none.
                    _ = tell.send(Ok(answer));
                }
            }
            // One that went alone would only be refused again.
            Err(error) if !is_asked_again::<K>(&error) || questions.len() == 1 && !is_cut(&error) => {
                let error = Arc::new(error);
                for tell in tells {
                    _ = tell.send(Err(Arc::clone(&error)));
                }
            }
            Err(_) => self.ask_each_apart(questions, tells),
        }
    }

    fn ask_each_apart(self: &Arc<Self>, questions: Arc<Vec<K::Question>>, tells: Vec<Tell<K>>) {
        let lane = Arc::clone(self);
        tokio::spawn(async move {
            let asked = questions.iter().zip(tells).map(async |(question, mut tell)| {
                tokio::select! {
                    biased;
                    // Who was answered meanwhile, or has left, is not asked for any more, as where one goes alone:
                    // what the database has begun may be done all the same.
                    () = tell.closed() => {}
                    answer = lane.ask_apart(question) => drop(tell.send(answer)),
                }
            });
            join_all(asked).await;
        });
    }

    /// The answer to a question that goes alone, which is asked once more where the connection broke under a read.
    async fn ask_alone(&self, question: &K::Question) -> Result<K::Answer, Arc<DbErr>> {
        match self.ask_apart(question).await {
            Err(error) if K::IS_READ && is_cut(&error) => self.ask_apart(question).await,
            answer => answer,
        }
    }

    /// The same, once its owner may have a connection for it.
    async fn ask_apart(&self, question: &K::Question) -> Result<K::Answer, Arc<DbErr>> {
        let _counted = match K::owner(question) {
            Some(owner) => self.manner.quota.take(owner).await,
            None => None,
        };
        let mut answers = self.ask(slice::from_ref(question)).await?;
        answers.pop().ok_or_else(|| Arc::new(DbErr::RecordNotFound("the statement answered nothing".to_owned())))
    }

    async fn ask(&self, questions: &[K::Question]) -> Result<Vec<K::Answer>, DbErr> {
        let begin = Instant::now();
        let asked = timeout(self.manner.limit, self.kind.ask(questions)).await;
        self.pace.took(begin.elapsed());
        asked.unwrap_or_else(|_elapsed| Err(too_late()))
    }
}

impl<K: Kind> State<K> {
    /// Those who go next, if anybody waits; and whose queue begins now, since they have all the connections that they
    /// may.
    fn next(&mut self, manner: &Manner) -> (Option<Batch<K>>, Vec<UserId>) {
        let (held_up, mut begun) = (&mut self.held_up, vec![]);
        let batch = Batch::of(&mut self.waiting, manner.most, |asked| match K::owner(&asked.question) {
            Some(owner) if held_up.contains_key(owner) || manner.quota.is_used_up(owner) => {
                let queue = held_up.entry(owner.clone()).or_insert_with_key(|owner| {
                    begun.push(owner.clone());
                    VecDeque::new()
                });
                queue.push_back(asked);
                None
            }
            _ => Some(asked),
        });
        self.is_under_way = batch.is_some();
        (batch, begun)
    }

    /// The same of those of `owner` who are held up; where none waits, they are so no more.
    fn next_of(&mut self, owner: &UserId, most: usize) -> Option<Batch<K>> {
        let batch = Batch::of(self.held_up.get_mut(owner)?, most, Some);
        if batch.is_none() {
            self.held_up.remove(owner);
        }
        batch
    }
}

impl<K: Kind> Batch<K> {
    /// Those of `waiting` who can go together, the first of them among these; without those who have left, and those
    /// who are not `let_through`.
    fn of(
        waiting: &mut VecDeque<Asked<K>>,
        most: usize,
        mut let_through: impl FnMut(Asked<K>) -> Option<Asked<K>>,
    ) -> Option<Self> {
        let room = waiting.len().min(most);
        let (mut questions, mut tells): (Vec<K::Question>, _) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut stay = VecDeque::new();
        while questions.len() < most
            && let Some(asked) = waiting.pop_front()
        {
            if asked.tell.is_closed() {
                continue;
            }
            let Some(asked) = let_through(asked) else { continue };
            if questions.iter().all(|other| K::go_together(other, &asked.question)) {
                questions.push(asked.question);
                tells.push(asked.tell);
            } else {
                stay.push_back(asked);
            }
        }
        let leaves_others = !stay.is_empty();
        stay.append(waiting);
        *waiting = stay;
        (!questions.is_empty()).then_some(Self { questions, tells, leaves_others })
    }
}
