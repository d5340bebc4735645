//! A page costs what it has, and not what the list or the table has: each order reads one range of its
//! index, and sorts nothing. Held against the very statements that the server sends, as its log has them.
//!
//! Not promised, and not held here, of `completed` with another order than the ids', and of `q`: they may
//! pass all tasks of one user.

use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::Value;
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    ServerProcess, TestDatabase,
};

/// What promises to be bounded by the page, and what each order compares.
const LISTS: [(&str, &str); 9] = [
    ("", ""),
    ("&completed=true", ""),
    ("&completed=false", ""),
    ("&sort=created_at", "created_at"),
    ("&sort=-created_at", "created_at"),
    ("&sort=updated_at", "updated_at"),
    ("&sort=-updated_at", "updated_at"),
    ("&sort=title", "title"),
    ("&sort=-title", "title"),
];

const LIMIT: usize = 50;

/// A user with 10,000 tasks among a thousand with 100 each, on a server that logs its statements.
struct Crowd {
    server: ServerProcess,
    client: Client,
    beside: DatabaseConnection,
    _database: TestDatabase,
}

impl Crowd {
    async fn start(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let url = database.url();
        let server = ServerProcess::start(&[("DATABASE_URL", &url), ("LOG_LEVEL", "info,sqlx::query=debug")]);
        let client = ServerProcess::client(server.address(), "rich");
        database.populate(1000, 100).await;
        database.fill("rich", 10_000).await;
        let beside = database.connect().await;
        if engine == Postgres {
            // As PostgreSQL does by itself, some time later: without, it knows nothing of how many rows are whose.
            beside.execute_unprepared("ANALYZE tasks").await.expect("it is ours");
        }
        Self { server, client, beside, _database: database }
    }

    /// The statement that answered a request.
    fn statement(&self, answer: &Answer) -> String {
        let id = answer.header("x-request-id");
        let statements: Vec<_> = std::iter::repeat_with(|| self.server.wait_for(id))
            .map(|line| serde_json::from_str::<Value>(&line).expect("a line of JSON"))
            .take_while(|line| line["target"] == "sqlx::query")
            .filter_map(|line| line["db.statement"].as_str().map(str::to_owned))
            .filter(|statement| statement.contains("\"tasks\""))
            .collect();
        let [statement] = statements.as_slice() else { panic!("one statement a page: {statements:?}") };
        statement.replace('\n', " ")
    }

    /// What speaks against a list's first page and its second: that it sorts, or reads more than it has.
    async fn faults(&self, (list, key): (&str, &str)) -> Vec<String> {
        let mut faults = Vec::new();
        let first = self.client.get(&format!("/api/tasks?limit={LIMIT}{list}")).await.expect(200);
        let second = self.client.get(&first.next().expect("there are more")).await.expect(200);
        let behind = first.json()[LIMIT - 1].clone();
        for (page, behind) in [(first, None), (second, Some(&behind))] {
            let (statement, values) = (self.statement(&page), values(list, key, behind));
            faults.extend(match self.beside.get_database_backend() {
                DbBackend::Sqlite => self.sqlite(&statement, &values).await,
                _ => self.postgres(&statement, &values).await,
            });
        }
        faults
    }

    async fn sqlite(&self, statement: &str, values: &[String]) -> Vec<String> {
        let whole = values.iter().fold(statement.to_owned(), |text, value| text.replacen('?', value, 1));
        let plan = self.told(&format!("EXPLAIN QUERY PLAN {whole}"), 3).await;
        // Of a range, nothing is told but its conditions; whatever is sorted, and any other step, has a line more.
        let is_range =
            matches!(plan.as_slice(), [step] if step.starts_with("SEARCH tasks USING INDEX ix_tasks_user_id_"));
        let conditions = plan.concat().matches(['=', '>', '<']).count();
        // The owner, `completed` where it is asked for, and the place where the page begins.
        let wanted = 1 + usize::from(whole.contains("\"completed\" =")) + usize::from(whole.contains(['>', '<']));
        if is_range && conditions >= wanted { Vec::new() } else { vec![format!("{whole}: {plan:#?}")] }
    }

    /// With the values known to the planner, and as it plans once for all values.
    async fn postgres(&self, statement: &str, values: &[String]) -> Vec<String> {
        let mut faults = Vec::new();
        for mode in ["force_custom_plan", "force_generic_plan"] {
            for command in [format!("SET plan_cache_mode = {mode}"), format!("PREPARE page AS {statement}")] {
                self.beside.execute_unprepared(&command).await.expect("a good command");
            }
            let plan = self
                .told(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE page ({})", values.join(", ")), 0)
                .await;
            self.beside.execute_unprepared("DEALLOCATE page").await.expect("a good command");
            let plan = plan.join("\n");
            let number = |words: &str| plan.split(words).skip(1).map(self::number).sum::<usize>();
            // The line of the limit, and that of what it reads.
            let read = number("(actual rows=") - (LIMIT + 1) + number("Rows Removed by Filter: ");
            let is_range = plan.matches("->").count() == 1 && plan.contains("Index Scan");
            if !is_range || read > LIMIT + 1 {
                faults.push(format!("{mode}, {read} read: {statement}\n{plan}"));
            }
        }
        faults
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

/// The values of a page's statement, in their order, as SQL.
fn values(list: &str, key: &str, behind: Option<&Value>) -> Vec<String> {
    let mut values = vec!["'rich'".to_owned()];
    values.extend(list.strip_prefix("&completed=").map(str::to_owned));
    if let Some(task) = behind {
        match (key, &task[key]) {
            ("", _) => {}
            ("title", title) => values.push(format!("'{}'", title.as_str().expect("a title"))),
            // The tasks were made in the first second of 1970, in microseconds.
            (_, moment) => {
                let moment = moment.as_str().expect("a moment");
                values.push(number(moment[20..26].trim_start_matches('0')).to_string());
            }
        }
        values.push(task["id"].to_string());
    }
    values.push((LIMIT + 1).to_string());
    values
}

#[rstest]
#[tokio::test]
async fn a_page_is_a_range_of_an_index_and_sorts_nothing(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine).await;
    let mut faults = Vec::new();
    for list in LISTS {
        faults.extend(crowd.faults(list).await);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[rstest]
#[tokio::test]
async fn an_order_without_its_index_is_noticed(#[values(Sqlite, Postgres)] engine: Engine) {
    let crowd = Crowd::start(engine).await;
    for (list, index) in [
        ("&completed=true", "ix_tasks_user_id_completed_id"),
        ("&sort=created_at", "ix_tasks_user_id_created_at_id"),
        ("&sort=-updated_at", "ix_tasks_user_id_updated_at_id"),
        ("&sort=title", "ix_tasks_user_id_title_id"),
    ] {
        crowd.beside.execute_unprepared(&format!("DROP INDEX {index}")).await.expect("it is there");
        let asked = LISTS.into_iter().find(|(known, _)| *known == list).expect("a list that is held");
        assert_ne!(crowd.faults(asked).await, [""; 0], "{list} needs {index}");
    }
}
