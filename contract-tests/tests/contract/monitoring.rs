//! What an operator sees: the metrics, and the dashboard, the alerts and the runbook that stand on them. What makes the
//! alerts fire is tried by Prometheus itself: `interop/prometheus`.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use futures_util::future::{join, join_all};
use jsonwebtoken::Algorithm::EdDSA;
use rstest::rstest;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use todo_contract_tests::{
    Client, Cluster,
    Engine::{self, Postgres, Sqlite},
    Issuer, Raw, Reply, ServerProcess, SigningKey, TestDatabase, Token, count, page, read, seconds_from_now, until,
    until_counted, value, watched_on,
};

/// A server with an address for its operator, on a database that has to be kept for as long.
async fn watched(
    engine: Engine,
    variables: &[(&str, &str)],
) -> (TestDatabase, (ServerProcess, SocketAddr, SocketAddr)) {
    let database = TestDatabase::create(engine).await;
    let watched = watched_on(&database.url(), variables);
    (database, watched)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_operation_and_status(#[values(Sqlite, Postgres)] engine: Engine) {
    let (_database, (_server, address, admin)) = watched(engine, &[("WORKERS", "2")]).await;
    let ann = ServerProcess::client(address, "ann");
    for _ in 0..3 {
        ann.create(json!({"title": "a"})).await.expect(201);
    }
    ann.task(987_654_321_987).await.expect(404);
    ann.get("/nowhere/a-path-of-anybodys").await.expect(404);
    let page = page(admin).await;
    assert_eq!(count(&page, r#"http_requests_total{operation="createTask",status="201"}"#), 3);
    assert_eq!(count(&page, r#"http_requests_total{operation="getTask",status="404"}"#), 1);
    assert_eq!(count(&page, r#"http_requests_total{operation="none",status="404"}"#), 1);
    // So that an alert sees the first one.
    for operation in ["createTask", "none"] {
        assert_eq!(count(&page, &format!(r#"http_requests_total{{operation="{operation}",status="500"}}"#)), 0);
    }
    assert_eq!(count(&page, r#"http_request_duration_seconds_count{operation="createTask"}"#), 3);
    assert_eq!(count(&page, r#"http_request_duration_seconds_bucket{operation="createTask",le="+Inf"}"#), 3);
    // Who has the answer may look before the server is done with it.
    until_counted(admin, "http_requests_in_flight", 0).await;
    until_counted(admin, "database_operations_in_progress", 0).await;
    assert!(value(&page, "database_operation_duration_seconds_count") >= 4.0);
    assert!(value(&page, "database_pool_wait_seconds_count") >= 1.0, "the first of all");
    let idle = |pool| count(&page, &format!(r#"database_pool_connections{{pool="{pool}",state="idle"}}"#));
    match engine {
        Sqlite => assert_eq!(idle("writes"), 1, "both workers have the same"),
        _ => assert!(idle("all") >= 1),
    }
    assert!(value(&page, "process_resident_memory_bytes") > 1e6 && value(&page, "process_open_fds") > 3.0);
    for anybodys in ["ann", "987654321987", "nowhere", "127.0.0.1"] {
        assert!(!page.contains(anybodys), "{anybodys} is in\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_there_to_be_read_alone() {
    let (_database, (_server, _, admin)) = watched(Sqlite, &[]).await;
    let (client, url) = (reqwest::Client::new(), format!("http://{admin}/metrics"));
    assert_eq!(client.head(&url).send().await.expect("an answer").status(), 200);
    let refused = client.post(&url).send().await.expect("an answer");
    assert_eq!((refused.status().as_u16(), &refused.headers()["allow"]), (405, &"GET, HEAD".parse().expect("a value")));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_by_what_came_of_them(#[values(Sqlite, Postgres)] engine: Engine) {
    let (_database, (_server, address, admin)) = watched(engine, &[]).await;
    let ask = async |token: &str, status| {
        let client = Client::of(address);
        let client = if token.is_empty() { client } else { client.with_token(token) };
        client.list().await.expect(status);
    };
    ask(&Token::of("ann").encode(), 200).await;
    ask("", 401).await;
    ask("nonsense", 401).await;
    ask(&Token::of("ann").signed_with("x".repeat(32)).encode(), 401).await;
    ask(&Token::of("ann").with("exp", 1).encode(), 401).await;
    // Another scheme is no token; of two of them, it is not said which is meant.
    Client::of(address).with_header("Authorization", "Basic YW5uOmFubg==").list().await.expect(401);
    let bearer = Token::of("ann").bearer();
    let both = Client::of(address).with_header("Authorization", &bearer).with_header("Authorization", &bearer);
    both.list().await.expect(401);
    let page = page(admin).await;
    for (result, times) in [("accepted", 1), ("no_token", 2), ("malformed", 2), ("unverified", 1), ("claims", 1)] {
        assert_eq!(count(&page, &format!(r#"authentications_total{{result="{result}"}}"#)), times, "{result}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_turned_away_is_counted(#[values(Sqlite, Postgres)] engine: Engine) {
    let (_database, (_server, address, admin)) =
        watched(engine, &[("RATE_LIMIT", "1:1"), ("MAX_CONNECTIONS", "2")]).await;
    for token in ["Bearer a.b.c", &Token::of("ann").bearer()] {
        let client = Client::of(address).with_header("Authorization", token).with_header("Connection", "close");
        until("that is too often", async || client.list().await.status == 429).await;
    }
    // Two that idle have every place; the next takes one of them.
    let idle = (Raw::connect(address).await, Raw::connect(address).await);
    Client::of(address).get("/api/health").await.expect(200);
    let page = page(admin).await;
    for bucket in ["user", "address"] {
        assert!(count(&page, &format!(r#"http_requests_rate_limited_total{{bucket="{bucket}"}}"#)) >= 1, "{bucket}");
    }
    assert!(value(&page, "http_connections_evicted_total") >= 1.0);
    assert_eq!(count(&page, "http_requests_shed_total"), 0);
    drop(idle);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_place_is_counted(#[values(Sqlite, Postgres)] engine: Engine) {
    let variables = [("MAX_REQUESTS", "1"), ("DATABASE_TIMEOUT", "60"), ("REQUEST_TIMEOUT", "60")];
    let (database, (_server, address, admin)) = watched(engine, &variables).await;
    let _block = database.block_writes().await;
    let mut raw = Raw::connect(address).await;
    raw.send(Raw::head("PATCH", "/api/tasks/1/complete", "ann") + "Content-Length: 0\r\n\r\n").await;
    until_counted(admin, "database_operations_in_progress", 1).await;
    let pool = if engine == Sqlite { "writes" } else { "all" };
    until_counted(admin, &format!(r#"database_pool_connections{{pool="{pool}",state="used"}}"#), 1).await;
    ServerProcess::client(address, "bob").list().await.expect(503);
    // Who is busy is ready all the same.
    Client::of(address).get("/api/ready").await.expect(200);
    assert_eq!(count(&page(admin).await, "http_requests_shed_total"), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_for_as_long_as_they_are_open(#[values(Sqlite, Postgres)] engine: Engine) {
    // More than those of who looks, which are counted too.
    const OPEN: usize = 9;
    let (_database, (_server, address, admin)) = watched(engine, &[]).await;
    let are_there = async || {
        let page = page(admin).await;
        page.contains("\nhttp_connections ") && count(&page, "http_connections") >= OPEN as u64
    };
    assert!(!are_there().await);
    let open = join_all([(); OPEN].map(|()| Raw::connect(address))).await;
    until("they are there", async || are_there().await).await;
    drop(open);
    until("they are gone", async || !are_there().await).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn fetches_of_keys_are_counted_by_whether_they_went_well(#[values(Sqlite, Postgres)] engine: Engine) {
    let (key, issuer) = (SigningKey::generate("a", EdDSA), Issuer::of(&[]).await);
    issuer.reply(Reply::Status(503));
    let (_database, (_server, address, admin)) = watched(engine, &[("AUTH_JWKS_URL", &issuer.url())]).await;
    let ann = Client::of(address).with_token(&Token::of("ann").signed_by(&key).encode());
    ann.list().await.expect(401);
    issuer.reply(Reply::of(&[&key]));
    until("the keys are there", async || ann.list().await.status == 200).await;
    let page = page(admin).await;
    for result in ["failed", "fetched"] {
        assert_eq!(count(&page, &format!(r#"jwks_fetches_total{{result="{result}"}}"#)), 1, "{result}");
    }
}

#[rstest]
#[case::of_tasks("/api/tasks", "listTasks")]
#[case::of_readiness("/api/ready", "getReadiness")]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_request_is_told_with_its_time_in_the_database(#[case] path: &str, #[case] operation: &str) {
    let cluster = Cluster::start();
    let url = cluster.url("postgres");
    let server = ServerProcess::start(&[("DATABASE_URL", &url), ("DATABASE_TIMEOUT", "2")]);
    let client = ServerProcess::client(server.address(), "ann").with_header("X-Request-Id", "of-this-test");
    client.get(path).await.expect(200);
    cluster.interrupt();
    until("it is told", async || {
        client.get(path).await;
        server.printed().iter().any(|line| line.contains("slow request"))
    })
    .await;
    let line = server.logged("slow request");
    assert!(line["database_milliseconds"].as_f64().is_some_and(|waited| waited >= 1000.0), "{line}");
    assert_eq!(line["operation"], operation);
    assert_eq!(line["request_id"], "of-this-test");
}

/// In the words of the driver, which knows of no requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_statement_is_told_with_its_request() {
    let database = TestDatabase::create(Postgres).await;
    let server = ServerProcess::start(&[("DATABASE_URL", &database.url()), ("DATABASE_TIMEOUT", "30")]);
    let ann = ServerProcess::client(server.address(), "ann");
    ann.created("Buy milk").await;
    let block = database.block_writes().await;
    let end = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        block.execute_unprepared("ROLLBACK").await.expect("writes go on");
    };
    let (answer, ()) = join(ann.complete_all(true), end).await;
    let id = answer.expect(200).header("x-request-id").to_owned();
    let told = |line: &String| line.contains("slow statement") && line.contains(&id);
    until("it is told", async || server.printed().iter().any(told)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_told_with_its_operation() {
    let cluster = Cluster::start();
    let (server, address, admin) =
        watched_on(&cluster.url("postgres"), &[("REQUEST_TIMEOUT", "1"), ("DATABASE_TIMEOUT", "60")]);
    let ann = ServerProcess::client(address, "ann");
    ann.list().await.expect(200);
    cluster.interrupt();
    ann.list().await.expect(503);
    assert_eq!(count(&page(admin).await, r#"http_requests_total{operation="listTasks",status="503"}"#), 1);
    while !server.wait_for("\"status\":503").contains("\"operation\":\"listTasks\"") {}
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_never_became_a_request_is_counted(#[values(Sqlite, Postgres)] engine: Engine) {
    let (_database, (server, address, admin)) = watched(engine, &[]).await;
    let mut raw = Raw::connect(address).await;
    raw.send("nonsense\r\n\r\n").await;
    let answer = raw.problem().await.expect(400);
    assert_eq!(count(&page(admin).await, r#"http_requests_total{operation="none",status="400"}"#), 1);
    let line = server.logged("\"refused\"");
    assert_eq!(line["request_id"], answer.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_finds_no_database_is_counted() {
    let cluster = Cluster::start();
    let (_server, address, admin) = watched_on(&cluster.url("postgres"), &[("DATABASE_TIMEOUT", "2")]);
    let probe = Client::of(address);
    probe.get("/api/ready").await.expect(200);
    cluster.interrupt();
    until("it is not ready", async || probe.get("/api/ready").await.status == 503).await;
    assert!(count(&page(admin).await, r#"database_errors_total{kind="away"}"#) >= 1, "an alert stands on it");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_database_is_counted(#[values(Sqlite, Postgres)] engine: Engine) {
    let (database, (_server, address, admin)) = watched(engine, &[]).await;
    database.connect().await.execute_unprepared("DROP TABLE tasks").await.expect("a fault");
    ServerProcess::client(address, "ann").list().await.expect(500);
    let page = page(admin).await;
    for (kind, times) in [("fault", 1), ("away", 0)] {
        assert_eq!(count(&page, &format!(r#"database_errors_total{{kind="{kind}"}}"#)), times, "{kind}");
    }
}

/// What is restarted again and again is mostly there when it is looked at, but is another each time.
#[tokio::test(flavor = "multi_thread")]
async fn each_start_has_a_time_of_its_own() {
    const START_TIME: &str = "server_start_time_seconds";
    let mut starts = Vec::new();
    for _ in 0..2 {
        let (_database, (_server, _, admin)) = watched(Sqlite, &[]).await;
        let pages = [page(admin).await, page(admin).await];
        let [start, later] = pages.each_ref().map(|page| value(page, START_TIME));
        assert_eq!(start.to_bits(), later.to_bits(), "it stays that of the start");
        assert!(count(&pages[0], START_TIME).abs_diff(seconds_from_now(0).unsigned_abs()) < 60, "{start}");
        starts.push(start);
    }
    assert!(starts[0] < starts[1], "{starts:?}");
}

#[test]
fn an_operators_address_that_is_none_is_refused() {
    let said = ServerProcess::run(&[], &[("ADMIN_ADDR", "9091")]).said;
    assert!(said.contains(r#"ADMIN_ADDR is "9091", but must be an address and a port"#), "{said}");
}

/// The metrics in expressions: what looks like one and is no function, keyword, label or value of one.
fn metrics(expressions: &[String]) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let unquoted = expressions.iter().flat_map(|expression| expression.split('"').step_by(2));
    let words = unquoted.flat_map(|expression| expression.split(|c: char| !is_of_name(c)));
    words
        .filter(|word| word.contains('_') && *word != "histogram_quantile" && *word != "__rate_interval")
        .map(str::to_owned)
        .collect()
}

/// The rules of the alerts.
fn rules() -> Vec<Value> {
    let alerts: Value = serde_saphyr::from_str(&read("deploy/monitoring/alerts.yaml")).expect("YAML");
    let groups = alerts["groups"].as_array().expect("groups").iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().expect("rules")).cloned().collect();
    assert!(!rules.is_empty(), "the alerts were read");
    rules
}

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/monitoring/dashboard.json")).expect("JSON")
}

/// The names of the metrics on a page.
fn shown(page: &str) -> BTreeSet<String> {
    page.lines().filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// One that nobody sends to would be left out of the choice for as long as that lasts.
#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_lists_a_server_that_nobody_has_asked() {
    let (dashboard, (_database, (_server, _, admin))) = (dashboard(), watched(Sqlite, &[]).await);
    let variables = dashboard["templating"]["list"].as_array().expect("variables").iter();
    let lists = variables.filter_map(|variable| variable["query"].as_str()?.strip_prefix("label_values("));
    let asked = metrics(&lists.map(str::to_owned).collect::<Vec<_>>());
    assert!(!asked.is_empty(), "the query was read");
    let there = shown(&page(admin).await);
    assert!(asked.is_subset(&there), "{asked:?} are asked for, and there are only {there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_for_what_there_is() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules = rules();
    let text = |value: &Value| value["expr"].as_str().expect("an expression").to_owned();
    let asked = metrics(&targets.chain(&rules).map(text).collect::<Vec<_>>());
    assert!(asked.len() > 15, "the expressions were read: {asked:?}");

    let (_database, (_server, address, admin)) = watched(Sqlite, &[]).await;
    ServerProcess::client(address, "ann").created("a").await;
    let there = shown(&page(admin).await);
    let missing: Vec<_> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?} are asked for, and there are only {there:?}");
}

#[test]
fn every_alert_is_of_this_server_alone() {
    for rule in rules() {
        let expression = rule["expr"].as_str().expect("an expression");
        for metric in metrics(&[expression.to_owned()]) {
            let mut after = expression.split(metric.as_str()).skip(1);
            assert!(after.all(|rest| rest.starts_with(r#"{job="todo-server""#)), "{metric} in {rule}");
        }
        assert_eq!(expression.matches(r#"job="todo-server""#).count(), expression.matches('{').count(), "{rule}");
    }
}

#[test]
fn every_alert_leads_to_what_to_do() {
    let (rules, runbook) = (rules(), read("docs/runbook.md"));
    let names: Vec<_> = rules.iter().map(|rule| rule["alert"].as_str().expect("a name")).collect();
    for (rule, name) in rules.iter().zip(&names) {
        let link = rule["annotations"]["runbook_url"].as_str().expect("a link");
        assert_eq!(link, format!("docs/runbook.md#{}", name.to_lowercase()));
    }
    let sections: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, names, "a section each, and none without");
}

/// From this release too.
#[test]
fn the_runbook_says_how_to_go_back() {
    let runbook = read("docs/runbook.md");
    let told = concat!("start on what ", env!("CARGO_PKG_VERSION"), " has migrated");
    assert!(runbook.contains(told), "{told}");
}
