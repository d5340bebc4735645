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
//! gives up waiting for a lock, and each is asked apart. So questions that need no lock are answered in time, even
//! where the others take all connections for another third. A write that cannot go together with one that is under way
//! waits here: in the database it would wait for that one's lock, with a connection. What goes alone takes no more
//! connections than its user [may have](crate::store::quotas).
//!
//! Reads that one statement cannot carry do not wait for one another: each goes beside the others at once, as long as
//! these take no more than half of the connections.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem, slice, sync::Arc};

use futures_util::future::join_all;
use parking_lot::Mutex;
use scopeguard::{guard, guard_on_unwind};
use sea_orm::DbErr;
use todo_api::UserId;
use tokio::{
    sync::oneshot,
    task::yield_now,
    time::{sleep, timeout},
};

use super::manner::Manner;
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
    state: Mutex<State<K>>,
}

struct State<K: Kind> {
    waiting: VecDeque<Asked<K>>,
    is_under_way: bool,
    /// What the statements ask that others go beside.
    beside: Vec<Arc<Vec<K::Question>>>,
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
    /// Whether the next one waits for it, if only for a while.
    is_waited_for: bool,
}

impl<K: Kind> Lane<K> {
    pub(super) fn new(kind: K, manner: Manner) -> Self {
        let state = Mutex::new(State { waiting: VecDeque::new(), is_under_way: false, beside: vec![] });
        Self(Arc::new(Inner { kind, manner, state }))
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
            run.send(batch).await;
        }
    }

    /// Sends a statement, and waits for its end, or until the next one goes beside it.
    async fn send(self: &Arc<Self>, batch: Batch<K>) {
        let Batch { questions, tells, is_waited_for } = batch;
        let (lane, questions) = (Arc::clone(self), Arc::new(questions));
        let mut statement = Box::pin({
            let (lane, questions) = (Arc::clone(self), Arc::clone(&questions));
            async move { lane.ask(&questions).await }
        });
        if is_waited_for {
            tokio::select! {
                biased;
                answers = &mut statement => return lane.tell(questions, tells, answers),
                () = sleep(lane.manner.patience) => {}
            }
        }
        lane.state.lock().beside.push(Arc::clone(&questions));
        tokio::spawn(async move {
            let over = guard(lane, |lane| lane.is_over(&questions));
            let answers = statement.await;
            over.tell(Arc::clone(&questions), tells, answers);
        });
    }

    /// One that went beside others is over. Somebody may have waited for that.
    fn is_over(self: &Arc<Self>, questions: &Arc<Vec<K::Question>>) {
        let mut state = self.state.lock();
        state.beside.retain(|other| !Arc::ptr_eq(other, questions));
        if !state.waiting.is_empty() && !mem::replace(&mut state.is_under_way, true) {
            tokio::spawn(Arc::clone(self).run());
        }
    }

    /// Those who go next. Whoever is ready has a turn before, so that all who come at the same time go together.
    async fn next(&self) -> Option<Batch<K>> {
        for _ in 0..self.manner.turns {
            yield_now().await;
        }
        self.state.lock().next(&self.manner)
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

    /// The answer to a question that goes alone, once its owner may have a connection for it. It is asked once more
    /// where the connection broke under a read.
    async fn ask_alone(&self, question: &K::Question) -> Result<K::Answer, Arc<DbErr>> {
        let _counted = match K::owner(question) {
            Some(owner) => self.manner.quota.take(owner).await,
            None => None,
        };
        match self.ask_apart(question).await {
            Err(error) if K::IS_READ && is_cut(&error) => self.ask_apart(question).await,
            answer => answer,
        }
    }

    async fn ask_apart(&self, question: &K::Question) -> Result<K::Answer, Arc<DbErr>> {
        let mut answers = self.ask(slice::from_ref(question)).await?;
        answers.pop().ok_or_else(|| Arc::new(DbErr::RecordNotFound("the statement answered nothing".to_owned())))
    }

    async fn ask(&self, questions: &[K::Question]) -> Result<Vec<K::Answer>, DbErr> {
        let asked = timeout(self.manner.limit, self.kind.ask(questions)).await;
        asked.unwrap_or_else(|_elapsed| Err(too_late()))
    }
}

impl<K: Kind> State<K> {
    /// Those who go next, the first of those who wait among them, but for writes that wait for another; none where
    /// nobody can go.
    fn next(&mut self, manner: &Manner) -> Option<Batch<K>> {
        let room = self.waiting.len().min(manner.most);
        let (mut questions, mut tells): (Vec<K::Question>, _) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut stay = VecDeque::new();
        while questions.len() < manner.most
            && let Some(asked) = self.waiting.pop_front()
        {
            if asked.tell.is_closed() {
                continue;
            }
            let goes_with =
                |others: &Vec<K::Question>| others.iter().all(|other| K::go_together(other, &asked.question));
            if goes_with(&questions) && (K::IS_READ || self.beside.iter().all(|others| goes_with(others))) {
                questions.push(asked.question);
                tells.push(asked.tell);
            } else {
                stay.push_back(asked);
            }
        }
        let is_waited_for = !K::IS_READ || stay.is_empty() || self.beside.len() >= manner.half;
        stay.append(&mut self.waiting);
        self.waiting = stay;
        self.is_under_way = !questions.is_empty();
        self.is_under_way.then_some(Batch { questions, tells, is_waited_for })
    }
}
