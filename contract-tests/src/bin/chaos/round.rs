//! One fault, time and again, while callers write; and then the verdict.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use todo_contract_tests::Engine;
use tokio::{task::JoinSet, time::sleep};

use crate::{caller::Caller, fault::Fault, judge::judge, stage::Stage, summary::Report, tally::Tally};

/// How many clients write at the same time.
const CALLERS: usize = 16;

/// How long they go on once all is well again.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Within which they must get something done then.
const AT_LAST: Duration = Duration::from_mins(1);

/// Plays one for about so long.
pub(crate) async fn play(fault: Fault, engine: Engine, length: Duration) -> Report {
    let stage = match fault.stage(engine).await {
        Ok(stage) => Arc::new(stage),
        Err(why) => return Report::not_played(fault.name(), engine, why),
    };
    let (tally, stop) = (Arc::new(Tally::new()), Arc::new(AtomicBool::new(false)));
    let mut working = JoinSet::new();
    for number in 0..CALLERS {
        working.spawn(Caller::new(number, &stage, &tally).work(Arc::clone(&stop)));
    }
    let (start, mut times, mut misses) = (Instant::now(), 0, 0);
    while start.elapsed() < length {
        if fault.befall(&stage, &tally).await {
            times += 1;
        } else {
            misses += 1;
        }
    }
    settle(&stage, &tally).await;
    stop.store(true, Ordering::SeqCst);
    let mut callers = Vec::new();
    while let Some(caller) = working.join_next().await {
        match caller {
            Ok(caller) => callers.push(caller),
            // It has told already.
            Err(_) => tally.amiss("a caller met what it cannot go on with".to_owned()),
        }
    }
    judge(&stage, &mut callers, &tally).await;
    let counts = tally.counts();
    let mut report = Report::of(fault.name(), engine, times, counts);
    if times == 0 {
        report.fault(format!("it did not happen once in {misses} tries"));
    }
    report
}

/// Waits until all is well again, and sees that it is.
async fn settle(stage: &Stage, tally: &Tally) {
    if let Err(words) = stage.wait_until_ready().await {
        tally.amiss(words);
    }
    let before = tally.counts().acknowledged;
    let start = Instant::now();
    loop {
        sleep(AFTERWARDS).await;
        if tally.counts().acknowledged > before {
            return;
        }
        if start.elapsed() > AT_LAST {
            return tally.amiss("nothing was acknowledged any more when all was well again".to_owned());
        }
    }
}
