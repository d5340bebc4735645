//! Waiting for the database, and for how long.

use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::timeout;

use crate::{
    database::trouble::{lost, too_late},
    metrics, telemetry,
};

/// The result of `work` of the database, which counts as away where the request at work has waited for it longer than
/// `limit`, in all.
pub(super) async fn within<T, E: From<DbErr>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let left = limit.saturating_sub(telemetry::database_wait());
    match metrics::timed(timeout(left, work)).await {
        Ok(result) => result,
        Err(_elapsed) => Err(too_late().into()),
    }
}

/// The result of `work`, which goes on in its `room` for as long as `limit` where the request that wants it is given
/// up.
pub(super) async fn apart<T, E>(
    room: impl Send + 'static,
    limit: Duration,
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbErr> + Send + 'static,
{
    let worked = async move {
        let _room = room;
        timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(too_late().into()))
    };
    tokio::spawn(telemetry::named(worked)).await.unwrap_or_else(|_| Err(lost().into()))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use todo_api::{RequestContext, RequestId};

    use super::*;
    use crate::database::trouble::is_away;

    #[tokio::test]
    async fn one_request_waits_for_the_database_no_longer_than_it_may_in_all() {
        const LIMIT: Duration = Duration::from_millis(50);
        const ALL: Duration = Duration::from_hours(1);
        let context = RequestContext::new(RequestId::parse("a").expect("a name"));
        let asked = telemetry::at_work_on(Arc::new(context), async {
            let first = within(LIMIT, pending::<Result<(), DbErr>>()).await;
            assert!(first.is_err() && telemetry::database_wait() >= LIMIT, "what it waits is counted for the request");
            telemetry::add_database_wait(ALL);
            within(ALL, pending::<Result<(), DbErr>>()).await
        });
        let (result, _) = timeout(Duration::from_mins(1), asked).await.expect("nothing is left of it");
        assert!(result.is_err_and(|error| is_away(&error)));
    }
}
