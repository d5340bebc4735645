//! A page costs what it has, and not what the list or the table has: each order, with `completed` and without, reads as
//! much as the page has from a range of its index, or from two. Held against the very statements that the server sends,
//! as its log has them. So does the version of a page, by which an unchanged one is known. And an operation on one task
//! is one statement.
//!
//! Not promised, and not held here, of `q`: it may pass all tasks of one user.

use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestDatabase, unwatched,
};

/// The orders, and what each compares before the id.
const SORTS: [(&str, &str); 7] = [
    ("", ""),
    ("&sort=created_at", "created_at"),
    ("&sort=-created_at", "created_at"),
    ("&sort=updated_at", "updated_at"),
    ("&sort=-updated_at", "updated_at"),
    ("&sort=title", "title"),
    ("&sort=-title", "title"),
];

/// One list: which tasks, in which order.
#[derive(Clone, Copy)]
struct List {
    completed: Option<bool>,
    sort: &'static str,
    key: &'static str,
}

impl List {
    fn all() -> impl Iterator<Item = Self> {
        let filters = [None, Some(true), Some(false)];
        SORTS.into_iter().flat_map(move |(sort, key)| filters.map(|completed| Self { completed, sort, key }))
    }

    fn path(&self) -> String {
        let completed = self.completed.map(|completed| format!("&completed={completed}"));
        format!("/api/tasks?limit={LIMIT}{}{}", completed.unwrap_or_default(), self.sort)
    }

    /// What is asked of `completed` in each range that the page is read from: the indexes of all orders but that
    /// of ids have it before their key.
    fn ranges(&self) -> Vec<Option<bool>> {
        match self.completed {
            None if !self.key.is_empty() => vec![Some(false), Some(true)],
            completed => vec![completed],
        }
    }

    /// Whether a page is what two ranges have.
    fn is_merged(&self) -> bool {
        self.ranges().len() > 1
    }

    /// The values of the page's statement, in their order, as SQL.
    fn values(&self, behind: Option<&Value>) -> Vec<String> {
        let limit = || (LIMIT + 1).to_string();
        let behind: Vec<_> = behind.map(|task| self.place(task)).into_iter().flatten().collect();
        let ranges = self.ranges().into_iter().flat_map(|completed| {
            let owner = ["'rich'".to_owned()].into_iter();
            let conditions = owner.chain(behind.clone()).chain(completed.map(|completed| completed.to_string()));
            conditions.chain(self.is_merged().then_some(limit()))
        });
        ranges.chain([limit()]).collect()
    }

    /// The values of the statement that tells the version, but for the owners: what they are, the words around them
    /// tell.
    fn values_of_version(&self, statement: &str) -> Vec<String> {
        let mut ranges = self.ranges().into_iter().flatten().cycle();
        let parts: Vec<_> = statement.split('$').collect();
        let value = |place: &[&str]| match (place[0], place[1].trim_start_matches(|c: char| c.is_ascii_digit())) {
            (before, _) if before.ends_with("\"completed\" = ") => ranges.next().expect("a state").to_string(),
            (_, after) if after.starts_with(" OFFSET") => "1".to_owned(),
            (_, after) if after.starts_with(" - bit_xor") => "-1".to_owned(),
            _ => LIMIT.to_string(),
        };
        // The last one is the owner.
        parts[..parts.len() - 1].windows(2).map(value).collect()
    }

    /// Where `task` stands in the order.
    fn place(&self, task: &Value) -> Vec<String> {
        let mut place = Vec::new();
        match (self.key, &task[self.key]) {
            ("", _) => {}
            ("title", title) => place.push(format!("'{}'", title.as_str().expect("a title"))),
            // The tasks were made in the first second of 1970, in microseconds.
            (_, moment) => {
                let moment = moment.as_str().expect("a moment");
                place.push(number(moment[20..26].trim_start_matches('0')).to_string());
            }
        }
        place.push(task["id"].to_string());
        place
    }
}

const LIMIT: usize = 50;

/// With the values known to PostgreSQL's planner, and as it plans once for all values.
const CUSTOM: &str = "force_custom_plan";
const GENERIC: &str = "force_generic_plan";

/// A user with 10,000 tasks among a thousand with 100 each, on a server that logs its statements.
struct Crowd {
    server: ServerProcess,
    client: Client,
    beside: DatabaseConnection,
    database: TestDatabase,
}

impl Crowd {
    async fn start(engine: Engine, variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create(engine).await;
        let url = database.url();
        let told = [("DATABASE_URL", &*url), ("LOG_LEVEL", "info,sqlx::query=debug")];
        let server = ServerProcess::start(&[&told, variables].concat());
        let client = ServerProcess::client(server.address(), "rich");
        database.populate(1000, 100).await;
        database.fill("rich", 10_000).await;
        let beside = database.connect().await;
        if engine == Postgres {
            // As PostgreSQL does by itself, some time later: without, it knows nothing of how many rows are whose, nor
            // which pages all may see.
            beside.execute_unprepared("VACUUM ANALYZE").await.expect("it is ours");
        }
        Self { server, client, beside, database }
    }

    /// The statement that answered a request.
    fn statement(&self, answer: &Answer) -> String {
        let id = answer.header("x-request-id");
        let statements: Vec<_> = std::iter::repeat_with(|| self.server.logged(id))
            .take_while(|line| line["target"] == "sqlx::query")
            .filter_map(|line| line["db.statement"].as_str().map(str::to_owned))
            .filter(|statement| statement.contains("\"tasks\""))
            .collect();
        let [statement] = statements.as_slice() else { panic!("one statement an answer: {statements:?}") };
        statement.replace('\n', " ")
    }

    /// What speaks against a list's first page and its second: that it reads more than it has, or sorts that.
    async fn faults(&self, list: List) -> Vec<String> {
        let mut faults = Vec::new();
        let first = self.client.get(&list.path()).await.expect(200);
        let second = self.client.get(&first.next().expect("there are more")).await.expect(200);
        let behind = first.json()[LIMIT - 1].clone();
        for (page, behind) in [(first, None), (second, Some(&behind))] {
            let (statement, values) = (self.statement(&page), list.values(behind));
            if self.beside.get_database_backend() == DbBackend::Sqlite {
                faults.extend(self.sqlite(list, &statement, &values).await);
                continue;
            }
            for mode in [CUSTOM, GENERIC] {
                faults.extend(self.postgres(mode, list, &statement, &values, 1).await);
            }
        }
        faults
    }

    /// The same of how the version of the first page is told, of one owner's and of several in one statement.
    async fn faults_of_version(&self, list: List) -> Vec<String> {
        let page = self.client.get(&list.path()).await.expect(200);
        self.statement(&page);
        let known = self.client.clone().with_header("If-None-Match", page.header("etag"));
        let statement = self.statement(&known.get(&list.path()).await.expect(304));
        let (values, owners) = (list.values_of_version(&statement), statement.rfind("(VALUES (").expect("owners"));
        let of = |ids: &str| format!("{}(VALUES {ids}) AS \"brought\"", &statement[..owners]);
        let (one, several) = (of("('rich')"), of("('rich'), ('rich')"));
        let mut faults = Vec::new();
        // Of several it knows the numbers of tasks only on the average, and may do otherwise the first five times that
        // it has the statement, for which it looks at the limit.
        for (mode, statement) in [(CUSTOM, &one), (GENERIC, &one), (GENERIC, &several)] {
            // The page, and whether another follows.
            faults.extend(self.postgres(mode, list, statement, &values, 2).await);
        }
        faults
    }

    async fn sqlite(&self, list: List, statement: &str, values: &[String]) -> Vec<String> {
        let whole = values.iter().fold(statement.to_owned(), |text, value| text.replacen('?', value, 1));
        let mut plan = self.told(&format!("EXPLAIN QUERY PLAN {whole}"), 3).await;
        let told = format!("{whole}: {plan:#?}");
        if list.is_merged() {
            plan.retain(|step| {
                !["MERGE (UNION ALL)", "LEFT", "RIGHT", "CO-ROUTINE half", "SCAN half"].contains(&&**step)
            });
            // What either range gave, which is no more than a page.
            for _ in list.ranges() {
                let sort = plan.iter().position(|step| step == "USE TEMP B-TREE FOR ORDER BY");
                sort.map(|sort| plan.remove(sort));
            }
        }
        // Of a range, nothing is told but its conditions; whatever is sorted, and any other step, has a line more.
        let ranges = list.ranges();
        let are_ranges = plan.len() == ranges.len()
            && plan.iter().zip(ranges).all(|(step, completed)| {
                // The owner, `completed` where it is asked for, and the place where the page begins.
                let wanted = 1 + usize::from(completed.is_some()) + usize::from(whole.contains(['>', '<']));
                step.starts_with("SEARCH tasks USING INDEX ix_tasks_user_id_")
                    && step.matches(['=', '>', '<']).count() >= wanted
            });
        if are_ranges { Vec::new() } else { vec![told] }
    }

    /// With so many reads of each of the list's ranges.
    async fn postgres(
        &self,
        mode: &str,
        list: List,
        statement: &str,
        values: &[String],
        reads: usize,
    ) -> Option<String> {
        for command in [format!("SET plan_cache_mode = {mode}"), format!("PREPARE page AS {statement}")] {
            self.beside.execute_unprepared(&command).await.expect("a good command");
        }
        let plan = self
            .told(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE page ({})", values.join(", ")), 0)
            .await;
        self.beside.execute_unprepared("DEALLOCATE page").await.expect("a good command");
        let scans = || plan.iter().filter(|line| line.contains(" Scan ") && line.contains(" on tasks"));
        let filtered = plan.iter().filter_map(|line| line.split_once("Rows Removed by Filter: "));
        let read = scans().filter_map(|line| line.split_once("(actual rows=")).chain(filtered);
        let read: usize = read.map(|(_, rows)| number(rows)).sum();
        let ranges = list.ranges().len() * reads;
        let are_ranges = scans().count() == ranges
            && scans().all(|line| line.contains("Index ") && !line.contains("Bitmap "))
            && (list.is_merged() || !plan.iter().any(|line| line.contains(" Sort ")));
        let is_well = are_ranges && read <= (LIMIT + 1) * ranges;
        (!is_well).then(|| format!("{mode}, {read} read: {statement}\n{}", plan.join("\n")))
    }

    /// A column of what the database tells. There is no builder for plans.
    async fn told(&self, command: &str, column: usize) -> Vec<String> {
        let command = Statement::from_string(self.beside.get_database_backend(), command);
        let rows = self.beside.query_all_raw(command).await.expect("a plan");
        rows.iter().map(|row| row.try_get_by_index(column).expect("a text")).collect()
    }
}

fn number(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().expect("a number")
}

#[rstest]
#[tokio::test]
async fn a_page_reads_no_more_than_it_has(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine, &[]).await;
    let mut faults = Vec::new();
    for list in List::all() {
        faults.extend(crowd.faults(list).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// On SQLite, too, but there the plan shows no more than for pages.
#[tokio::test]
async fn a_version_reads_no_more_than_its_page() {
    let crowd = Crowd::start(Postgres, &[("LIST_CACHE", "0")]).await;
    let mut faults = Vec::new();
    for list in List::all() {
        faults.extend(crowd.faults_of_version(list).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Where PostgreSQL has not seen yet how many they are, too: it would compare each with a list of all.
#[tokio::test]
async fn all_that_are_written_are_found_by_their_ids() {
    let crowd = Crowd::start(Postgres, &[]).await;
    let unwatched = unwatched(&crowd.database.url()).await;
    for command in ["UPDATE tasks SET completed = false", "ANALYZE tasks"] {
        unwatched.execute_unprepared(command).await.expect("it is ours");
    }
    let change = (crowd.client.complete_all(false).await, "1, 1, false, 'rich', 'rich', true");
    let deletion = (crowd.client.delete_completed().await, "'rich', 'rich', true");
    for (answer, values) in [change, deletion] {
        let statement = crowd.statement(&answer.expect(200));
        for command in [format!("SET plan_cache_mode = {CUSTOM}"), format!("PREPARE of_all AS {statement}")] {
            crowd.beside.execute_unprepared(&command).await.expect("a good command");
        }
        let plan = crowd.told(&format!("EXPLAIN (COSTS OFF) EXECUTE of_all ({values})"), 0).await;
        crowd.beside.execute_unprepared("DEALLOCATE of_all").await.expect("a good command");
        let by_id: Vec<_> = plan.iter().filter(|line| line.contains("id = ANY")).collect();
        assert!(by_id.len() == 1 && by_id[0].contains("Index Cond: "), "{statement}\n{plan:#?}");
    }
}

fn by_state(engine: Engine) -> &'static str {
    if engine == Sqlite { "ix_tasks_user_id_completed_id" } else { "ix_tasks_user_id_completed_id_updated_at" }
}

#[rstest]
#[tokio::test]
async fn an_order_without_its_index_is_noticed(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine, &[]).await;
    for (completed, sort, index) in [
        (Some(true), "", by_state(engine)),
        (None, "&sort=created_at", "ix_tasks_user_id_completed_created_at_id"),
        (Some(false), "&sort=-updated_at", "ix_tasks_user_id_completed_updated_at_id"),
        (None, "&sort=title", "ix_tasks_user_id_completed_title_id"),
    ] {
        crowd.beside.execute_unprepared(&format!("DROP INDEX {index}")).await.expect("it is there");
        let mut lists = List::all().filter(|list| (list.completed, list.sort) == (completed, sort));
        let list = lists.next().expect("a list that is held");
        assert_ne!(crowd.faults(list).await, [""; 0], "{} needs {index}", list.path());
    }
}

#[rstest]
#[tokio::test]
async fn a_search_that_changed_looks_through_the_tasks_once(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine, &[]).await;
    let search = "/api/tasks?q=milk";
    crowd.client.get(search).await.expect(200);
    let id = crowd.client.created("milk").await;
    let found = crowd.client.get(search).await.expect(200);
    assert_eq!(found.ids(), [id]);
    // Panics where there are more.
    crowd.statement(&found);
}

/// None reads before it writes, nor for its answer. They go alone: what goes in company is logged without the names of
/// its requests.
#[rstest]
#[tokio::test]
async fn an_operation_on_a_task_is_one_statement(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine, &[("DATABASE_BATCH_SIZE", "1"), ("LIST_CACHE", "0")]).await;
    let client = &crowd.client;
    let created = client.create(json!({"title": "Buy milk"})).await.expect(201);
    // Panics where there are more.
    crowd.statement(&created);
    let id = created.id();
    crowd.statement(&client.task(id).await.expect(200));
    let held = client.clone().with_header("If-Match", created.header("etag"));
    crowd.statement(&held.update(id, json!({"title": "Buy bread"})).await.expect(200));
    crowd.statement(&client.toggle(id).await.expect(200));
    crowd.statement(&client.delete(id).await.expect(204));
}
