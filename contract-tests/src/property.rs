//! Properties: what holds for whatever a strategy comes up with.

use std::{fmt::Debug, sync::Arc};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::{runtime::Handle, task::spawn_blocking};

/// Checks `property` of an app, mostly a server, for so many values, each with a user of its own, and shrinks one that fails.
/// It wants a runtime of several threads: the runner of proptest is not asynchronous, and waits on one of them.
///
/// # Panics
///
/// Where the property does not hold, with the smallest value found.
pub async fn holds<A, S, P, F>(app: A, cases: u32, strategy: S, property: P)
where
    A: Send + Sync + 'static,
    S: Strategy + Send + 'static,
    S::Value: Clone + Debug,
    P: Fn(Arc<A>, String, S::Value) -> F + Send + 'static,
    F: Future<Output = Result<(), String>>,
{
    let (runtime, app) = (Handle::current(), Arc::new(app));
    let checked = spawn_blocking(move || {
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let check = |value| {
            let user = format!("user {}", uuid::Uuid::new_v4());
            runtime.block_on(property(Arc::clone(&app), user, value)).map_err(TestCaseError::fail)
        };
        TestRunner::new(config).run(&strategy, check).map_err(|error| error.to_string())
    });
    if let Err(error) = checked.await.expect("the runner comes to its end") {
        panic!("{error}");
    }
}
