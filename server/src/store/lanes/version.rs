//! Asking for the versions of pages (see [`crate::store::version`]).

use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, Query},
};
use todo_api::{PageVersion, UserId};

use super::{connection_of, lane::Kind, sizes};
use crate::{
    database::Connection,
    entity::task::{BROUGHT, Entity, brought},
    store::{page::Wanted, version},
};

/// The version of a page.
pub(in crate::store) struct Version(pub(super) Connection);

impl Kind for Version {
    type Question = Wanted;
    type Answer = PageVersion;

    const IS_READ: bool = true;

    fn owner(page: &Wanted) -> Option<&UserId> {
        Some(&page.owner)
    }

    async fn ask(&self, pages: &[Wanted]) -> Result<Vec<PageVersion>, DbErr> {
        let Some(first) = pages.first() else {
            return Ok(vec![]);
        };
        let backend = self.0.get_database_backend();
        let version = version::select(Entity::owned_by_brought(), first, backend);
        let version = Expr::SubQuery(None, Box::new(version.into()));
        let owners = sizes::filled_up(pages.iter().map(|page| vec![page.owner.as_str().into()]).collect());
        let statement = Query::select().exprs([brought("column1"), version]).from_values(owners, BROUGHT).take();
        let rows = connection_of(&self.0, pages.iter().map(|page| &page.owner)).query_all(&statement).await?;
        let mut found = HashMap::new();
        for row in rows {
            if let Some(owner) = row.try_get_by_index::<Option<String>>(0)? {
                found.insert(owner, version::read(&row, 1, first.query.limit, backend)?);
            }
        }
        let missing = || DbErr::RecordNotFound("an owner was left out".to_owned());
        pages.iter().map(|page| found.get(page.owner.as_str()).copied().ok_or_else(missing)).collect()
    }

    /// A statement asks the same of each owner.
    fn go_together(one: &Wanted, other: &Wanted) -> bool {
        one.query == other.query
    }
}
