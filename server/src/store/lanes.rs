//! The statements that go in company: those on one task, and those that say whether what is remembered holds. Each carries its
//! owner's condition for each task or page.

use std::{collections::HashMap, iter::zip, sync::Arc};

use sea_orm::{
    ConnectionTrait, DbErr, QueryFilter, QueryTrait, Statement, StatementBuilder, Value,
    sea_query::{Expr, ExprTrait, Func, Query, ReturningClause},
};

use todo_api::{ListQuery, PageVersion, UserId};

use super::{
    cursor::Position,
    history::History,
    lane::{Kind, Lane, Manner, PATIENCE},
    list::Edit,
    lists::Lists,
    sizes, snapshot, version,
    write::Written,
};
use crate::{
    DatabaseConfig, Databases,
    database::Connection,
    entity::task::{ActiveModel, BROUGHT, Column, Entity, Model, Target, brought},
    workers::Clients,
};

/// A lane for each kind of statement.
pub(super) struct Lanes {
    /// The task that is meant.
    pub(super) read: Lane<Read>,
    /// That the history has what the database shows now.
    pub(super) look: Lane<Look>,
    /// The version of a page.
    pub(super) version: Lane<Version>,
    /// The task as it was created.
    pub(super) create: Lane<Create>,
    /// The task after the change.
    pub(super) change: Lane<Apply>,
    /// Whether it was there to delete.
    pub(super) delete: Lane<Delete>,
}

impl Lanes {
    pub(super) fn new(
        databases: &Databases,
        config: &DatabaseConfig,
        clients: Option<Clients>,
        history: &Arc<History>,
        lists: &Arc<Lists>,
    ) -> Self {
        // Under row-level security, a statement is one caller's.
        let most = if config.row_security { 1 } else { config.batch_size };
        let is_embedded = config.url.is_embedded();
        // An embedded database has one that writes: who went beside would wait behind, and without company.
        let patience = if is_embedded { config.timeout } else { PATIENCE };
        let writing = Manner { limit: config.timeout, most, turns: 2, patience, clients };
        // It is no round trip away: to be only read, company gains nothing that waiting would be worth.
        let turns = if is_embedded { 0 } else { 2 };
        let reading = Manner { turns, patience: PATIENCE, ..writing.clone() };
        let reads = &databases.reads;
        let told = Told { writes: databases.writes.clone(), history: Arc::clone(history), lists: Arc::clone(lists) };
        Self {
            read: Lane::new(Read(reads.clone()), reading.clone()),
            look: Lane::new(Look::new(reads.clone(), history), Manner { most: config.batch_size, ..reading.clone() }),
            version: Lane::new(Version(reads.clone()), reading),
            create: Lane::new(Create(told.clone()), writing.clone()),
            change: Lane::new(Apply(told.clone()), writing.clone()),
            delete: Lane::new(Delete(told), writing),
        }
    }

    /// Goes the same ways as `others` where something is written.
    pub(super) fn write_with(&mut self, others: &Self) {
        self.create = others.create.clone();
        self.change = others.change.clone();
        self.delete = others.delete.clone();
    }
}

/// The connection for a statement of `owners`; where it matters whose it is, there is one.
fn of<'a>(database: &Connection, mut owners: impl Iterator<Item = &'a UserId>) -> Connection {
    owners.next().map_or_else(|| database.clone(), |owner| database.for_caller(owner))
}

/// Writes that are told to those who keep track.
#[derive(Clone)]
struct Told {
    writes: Connection,
    history: Arc<History>,
    lists: Arc<Lists>,
}

impl Told {
    /// The tasks of `owners` that a statement wrote, which did `edit` to each.
    async fn carry_out<'a, S: StatementBuilder>(
        &self,
        owners: impl Iterator<Item = &'a UserId>,
        statement: impl FnOnce(ReturningClause) -> S,
        edit: impl Fn(&Model) -> Option<Edit>,
    ) -> Result<Vec<Model>, DbErr> {
        let write = self.history.write();
        let written = Written::by(statement, &of(&self.writes, owners)).await?;
        written.stays(write, &self.lists, edit);
        Ok(written.tasks)
    }
}

pub(super) struct Read(Connection);

impl Kind for Read {
    type Question = Target;
    type Answer = Option<Model>;

    const IS_READ: bool = true;

    async fn ask(&self, targets: &[Target]) -> Result<Vec<Option<Model>>, DbErr> {
        let database = of(&self.0, targets.iter().map(|target| &target.owner));
        let rows = sizes::filled_up(targets.iter().filter_map(Target::row).collect());
        // That one of no versions is meant, no row can say.
        if rows.is_empty() {
            return Ok(vec![None; targets.len()]);
        }
        let tasks =
            Entity::owned_by_each(rows).apply_if(targets.first().and_then(Target::versions), QueryFilter::filter);
        let tasks = Model::all(&database.query_all(&tasks.into_query()).await?)?;
        Ok(targets.iter().map(|target| tasks.iter().find(|task| target.is_now(task)).cloned()).collect())
    }

    fn goes_alone(target: &Target) -> bool {
        target.is_of_several_versions()
    }
}

pub(super) struct Delete(Told);

impl Kind for Delete {
    type Question = Target;
    type Answer = bool;

    const IS_READ: bool = false;

    async fn ask(&self, targets: &[Target]) -> Result<Vec<bool>, DbErr> {
        let owners = targets.iter().map(|target| &target.owner);
        // It brings no rows along: to name a task twice fills it up as well.
        let mut named: Vec<_> = targets.iter().cycle().take(sizes::with_room_for(targets.len())).collect();
        // Those of a version last: statements of a size then differ in their number alone, and are few.
        named.sort_by_key(|target| target.moments.is_some());
        let mut deletion = Entity::delete_owned_by_each(&named).into_query();
        let tasks = self
            .0
            .carry_out(owners, |what| deletion.returning(what).take(), |task| Some(Edit::Remove(task.id)))
            .await?;
        Ok(targets.iter().map(|target| tasks.iter().any(|task| target.is(task))).collect())
    }

    fn goes_alone(target: &Target) -> bool {
        target.is_of_several_versions()
    }

    /// Of two who delete the same task, one comes too late.
    fn go_together(one: &Target, other: &Target) -> bool {
        !one.is_same(other)
    }
}

pub(super) struct Create(Told);

impl Kind for Create {
    type Question = (UserId, ActiveModel);
    type Answer = Option<Model>;

    const IS_READ: bool = false;

    async fn ask(&self, rows: &[(UserId, ActiveModel)]) -> Result<Vec<Option<Model>>, DbErr> {
        let owners = rows.iter().map(|(owner, _)| owner);
        let mut creation = Entity::create_each(sizes::filled_up(rows.iter().map(|(_, row)| row.row()).collect()));
        let tasks = self.0.carry_out(owners, |what| creation.returning(what).take(), Edit::put).await?;
        Ok(made_of_each(rows, tasks))
    }
}

/// The task that each row became. No database promises the order in which it returns them; equal ones are anybody's.
fn made_of_each(rows: &[(UserId, ActiveModel)], mut tasks: Vec<Model>) -> Vec<Option<Model>> {
    let mut made: Vec<_> = rows
        .iter()
        .map(|(_, row)| tasks.iter().position(|task| is_made_of(task, row)).map(|place| tasks.swap_remove(place)))
        .collect();
    // A trigger of the operator's may have made something else of some, or have left some out. Which of an owner's, is
    // not known where it did both.
    let mut others: HashMap<String, Vec<Model>> = HashMap::new();
    for task in tasks {
        others.entry(task.user_id.clone()).or_default().push(task);
    }
    let missing =
        |owner: &str| zip(rows, &made).filter(|((of, _), task)| of.as_str() == owner && task.is_none()).count();
    others.retain(|owner, tasks| tasks.len() == missing(owner));
    for ((owner, _), task) in zip(rows, &mut made).filter(|(_, task)| task.is_none()) {
        *task = others.get_mut(owner.as_str()).and_then(Vec::pop);
    }
    made
}

fn is_made_of(task: &Model, row: &ActiveModel) -> bool {
    row.user_id.try_as_ref() == Some(&task.user_id)
        && row.title.try_as_ref() == Some(&task.title)
        && row.description.try_as_ref() == Some(&task.description)
        && row.completed.try_as_ref() == Some(&task.completed)
        && row.created_at.try_as_ref() == Some(&task.created_at)
}

/// A change of one task. What it does not name stays.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) target: Target,
    pub(super) title: Option<String>,
    /// Whether it is the description that changes, which may be to none.
    pub(super) describes: bool,
    pub(super) description: Option<String>,
    pub(super) completed: Option<bool>,
    /// Whether `completed` becomes what it was not.
    pub(super) flips: bool,
}

impl Change {
    /// What a statement brings along of it.
    fn row(&self) -> Option<Vec<Value>> {
        let mut row = self.target.row()?;
        row.extend([
            self.title.clone().into(),
            self.describes.into(),
            self.description.clone().into(),
            self.completed.into(),
            self.flips.into(),
        ]);
        Some(row)
    }
}

pub(super) struct Apply(Told);

impl Kind for Apply {
    type Question = Change;
    type Answer = Option<Model>;

    const IS_READ: bool = false;

    async fn ask(&self, changes: &[Change]) -> Result<Vec<Option<Model>>, DbErr> {
        let kept = |column: Column| Expr::col((Entity, column));
        let mut changes_by_id: Vec<_> = changes.iter().collect();
        // Two statements that lock the same tasks in different orders would wait for one another.
        changes_by_id.sort_unstable_by_key(|change| change.target.id);
        let rows = sizes::filled_up(changes_by_id.into_iter().filter_map(Change::row).collect());
        // That one of no versions is meant, no row can say.
        if rows.is_empty() {
            return Ok(vec![None; changes.len()]);
        }
        let described = Expr::case(brought("column5"), brought("column6")).finally(kept(Column::Description));
        let completed = Func::coalesce([brought("column7"), kept(Column::Completed).ne(brought("column8"))]);
        let change = Entity::change_owned_by_each(rows)
            .apply_if(changes.first().and_then(|change| change.target.versions()), QueryFilter::filter)
            .col_expr(Column::Title, Func::coalesce([brought("column4"), kept(Column::Title)]).into())
            .col_expr(Column::Description, described.into())
            .col_expr(Column::Completed, completed.into());
        let owners = changes.iter().map(|change| &change.target.owner);
        let mut change = change.into_query();
        let tasks = self.0.carry_out(owners, |what| change.returning(what).take(), Edit::put).await?;
        Ok(changes.iter().map(|change| tasks.iter().find(|task| change.target.is(task)).cloned()).collect())
    }

    fn goes_alone(change: &Change) -> bool {
        change.target.is_of_several_versions()
    }

    /// Two changes of a task are two, one after the other.
    fn go_together(one: &Change, other: &Change) -> bool {
        !one.target.is_same(&other.target)
    }
}

/// A page whose version is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) owner: UserId,
    pub(super) query: ListQuery,
    /// What the cursor of the query says.
    pub(super) after: Option<Position>,
}

impl Wanted {
    /// Whether all tasks of the owner have to be looked through.
    pub(super) fn is_search(&self) -> bool {
        !self.query.search.is_empty()
    }
}

pub(super) struct Version(Connection);

impl Kind for Version {
    type Question = Wanted;
    type Answer = PageVersion;

    const IS_READ: bool = true;

    async fn ask(&self, pages: &[Wanted]) -> Result<Vec<PageVersion>, DbErr> {
        let Some(Wanted { query, after, .. }) = pages.first() else {
            return Ok(vec![]);
        };
        let (tasks, backend) = (Entity::owned_by_brought(), self.0.get_database_backend());
        let version = version::select(tasks, query, after.as_ref(), backend);
        let version = Expr::SubQuery(None, Box::new(version.into()));
        let owners = sizes::filled_up(pages.iter().map(|page| vec![page.owner.as_str().into()]).collect());
        let statement = Query::select().exprs([brought("column1"), version]).from_values(owners, BROUGHT).take();
        let rows = of(&self.0, pages.iter().map(|page| &page.owner)).query_all(&statement).await?;
        let mut found = HashMap::new();
        for row in rows {
            if let Some(owner) = row.try_get_by_index::<Option<String>>(0)? {
                found.insert(owner, version::read(&row, 1, query.limit, backend)?);
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

pub(super) struct Look {
    database: Connection,
    statement: Statement,
    history: Arc<History>,
}

impl Look {
    fn new(database: Connection, history: &Arc<History>) -> Self {
        let backend = database.get_database_backend();
        Self { statement: backend.build(&snapshot::select(backend)), database, history: Arc::clone(history) }
    }
}

impl Kind for Look {
    type Question = ();
    type Answer = ();

    const IS_READ: bool = true;

    async fn ask(&self, all: &[()]) -> Result<Vec<()>, DbErr> {
        let look = self.history.look();
        let row = self.database.query_one_raw(self.statement.clone()).await?;
        let seen = row.as_ref().map(snapshot::read).transpose()?;
        look.saw(seen.flatten()).await;
        Ok(all.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_behind_others_who_ask_for_the_same_task() {
        let of = |owner| Target { owner: UserId::parse(owner).expect("it is good"), id: 1, moments: None };
        assert!(Delete::go_together(&of("ann"), &of("eve")));
        assert!(!Delete::go_together(&of("ann"), &of("ann")));
    }
}
