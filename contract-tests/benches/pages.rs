//! What a page costs: the hundredth against the first, of a user who has many tasks; and the first of a user
//! who has 100, in a table of a million against a table of a thousand. Both should be one, within noise.
//!
//! `cargo bench --package todo-contract-tests --bench pages` takes some minutes, most of them for the rows; `-- 100000`
//! is content with a table of that size. All that is compared is asked in turns, so that noise falls on both alike.

#![expect(clippy::print_stdout, reason = "it reports to people")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::{Client, header::LINK};
use sea_orm::ConnectionTrait;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    SECRET, TestDatabase, Token, seconds_from_now,
};
use todo_server::{App, Config};

const SORTS: [&str; 7] = ["", "created_at", "-created_at", "updated_at", "-updated_at", "title", "-title"];
const FILTERS: [&str; 3] = ["", "true", "false"];
const PAGES: usize = 100;
const ROUNDS: usize = 40;

/// A server without what the tests put around it, and its database.
struct Server {
    address: SocketAddr,
    _database: TestDatabase,
}

impl Server {
    /// With so many tasks, 100 each for as many users as that takes, and a tenth as many for one who is rich.
    async fn start(engine: Engine, tasks: usize) -> Self {
        let start = Instant::now();
        let database = TestDatabase::create(engine).await;
        let url = database.url();
        // Remembered lists cost the same, whatever the database would have to do.
        let variables = [
            ("DATABASE_URL", &*url),
            ("BETTER_AUTH_SECRET", SECRET),
            ("HOST", "127.0.0.1"),
            ("PORT", "0"),
            ("LIST_CACHE", "0"),
        ];
        let app = App::start(&Config::from_pairs(variables).expect("the configuration is good")).await;
        let app = app.expect("the server starts");
        let address = app.address();
        tokio::spawn(app.run(std::future::pending()));
        database.populate(tasks / 100, 100).await;
        database.fill("rich", tasks / 10).await;
        if engine == Postgres {
            tidy(&database).await;
        }
        println!("{}: {tasks} tasks, and {} of one user, in {:.0?}", engine.name(), tasks / 10, start.elapsed());
        Self { address, _database: database }
    }

    fn reader(&self, user: &str) -> Reader {
        let token = Token::of(user).with("exp", seconds_from_now(3600)).encode();
        Reader { http: Client::new(), base: format!("http://{}", self.address), token }
    }
}

/// Does what PostgreSQL does by itself, some time later. There is no builder for it.
async fn tidy(database: &TestDatabase) {
    database.connect().await.execute_unprepared("VACUUM ANALYZE tasks").await.expect("it is ours");
}

/// A client that looks at nothing, so as to cost little.
struct Reader {
    http: Client,
    base: String,
    token: String,
}

impl Reader {
    /// Reads a page, and gives the path of the next one.
    async fn read(&self, path: &str) -> Option<String> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).expect("a page");
        let link = answer.headers().get(LINK).map(|link| link.to_str().expect("a text").to_owned());
        answer.bytes().await.expect("the whole page");
        Some(link?.strip_prefix('<')?.split_once('>')?.0.to_owned())
    }

    async fn time(&self, path: &str) -> Duration {
        let start = Instant::now();
        self.read(path).await;
        start.elapsed()
    }
}

/// The medians of two questions, asked in turns.
async fn compare(a: (&Reader, &str), b: (&Reader, &str)) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (times, (reader, path)) in times.iter_mut().zip([a, b]) {
            times.push(reader.time(path).await);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    })
}

fn tell(engine: Engine, path: &str, [a, b]: [Duration; 2]) {
    let ratio = b.as_secs_f64() / a.as_secs_f64();
    println!("{:<9} {path:<55} {:>7} µs {:>7} µs {ratio:>6.2}", engine.name(), a.as_micros(), b.as_micros());
}

async fn measure(engine: Engine, tasks: usize) {
    let (few, many) = (Server::start(engine, 1000).await, Server::start(engine, tasks).await);
    let paths = SORTS.iter().flat_map(|sort| FILTERS.map(|completed| path(sort, completed)));
    let paths: Vec<_> = paths.collect();
    println!("\na user with {} tasks: page 1, page {PAGES}, ratio", tasks / 10);
    let rich = many.reader("rich");
    for path in &paths {
        let mut last = path.clone();
        for _ in 1..PAGES {
            last = rich.read(&last).await.unwrap_or_else(|| panic!("{path} has {PAGES} pages"));
        }
        tell(engine, path, compare((&rich, path), (&rich, &last)).await);
    }
    println!("\npage 1 of a user with 100 tasks: in a table of 1000, of {tasks}, ratio");
    let (one, other) = (few.reader("user 1"), many.reader("user 1"));
    for path in &paths {
        tell(engine, path, compare((&one, path), (&other, path)).await);
    }
    println!();
}

/// The path of a list in pages of 20: few enough for 100 pages of those who are a quarter of 10,000 tasks.
fn path(sort: &str, completed: &str) -> String {
    let sort = if sort.is_empty() { String::new() } else { format!("&sort={sort}") };
    let completed = if completed.is_empty() { String::new() } else { format!("&completed={completed}") };
    format!("/api/tasks?limit=20{completed}{sort}")
}

#[tokio::main]
async fn main() {
    let tasks = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    for engine in [Sqlite, Postgres] {
        measure(engine, tasks).await;
    }
}
