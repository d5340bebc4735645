//! Properties: what holds for whatever a strategy comes up with.

use std::sync::Arc;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};

/// Checks `property` of an app, mostly a server, for so many values, each with a user of its own, and shrinks one that
/// fails. It wants a runtime of several threads: the runner of proptest is not asynchronous, and waits on this one.
///
/// # Panics
///
/// Where the property does not hold, with the smallest value found.
pub fn holds<A, S, P, F>(app: A, cases: u32, strategy: S, property: P)
where
    S: Strategy,
    P: Fn(Arc<A>, String, S::Value) -> F,
    F: Future<Output = Result<(), String>>,
{
    let (runtime, app) = (Handle::current(), Arc::new(app));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let check = |value| {
        let user = format!("user {}", uuid::Uuid::new_v4());
        runtime.block_on(property(Arc::clone(&app), user, value)).map_err(TestCaseError::fail)
    };
    let checked = block_in_place(|| TestRunner::new(config).run(&strategy, check));
    checked.unwrap_or_else(|failure| panic!("{failure}"));
}
