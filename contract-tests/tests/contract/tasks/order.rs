//! `GET /api/tasks?sort=`: the same order on both databases, with pages and without.

use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    TestApp,
};

/// Titles that collations put in all sorts of orders.
const TITLES: [&str; 18] = [
    "b",
    "B",
    "a",
    "A",
    "ä",
    "Z",
    "z",
    "a b",
    "ab",
    "a-b",
    "a_b",
    "10",
    "9",
    " a",
    "é",
    "e\u{301}",
    "\u{ffff}",
    "\u{10000}",
];

async fn titled(client: &Client) -> Vec<Value> {
    let mut tasks = Vec::new();
    for title in TITLES.iter().chain(&["b", "a"]) {
        tasks.push(client.create(json!({ "title": title })).await.expect(201).json());
    }
    for number in [3, 0, 11] {
        let id = tasks[number]["id"].as_i64().expect("an id");
        tasks[number] = client.toggle(id).await.expect(200).json();
    }
    tasks
}

/// The same tasks in an order: the key compared as it is, then the id, both in one direction.
fn sorted(tasks: &[Value], sort: &str) -> Vec<i64> {
    let mut tasks = tasks.to_vec();
    // Rust compares texts by their code points.
    let key = sort.trim_start_matches('-');
    tasks.sort_by_key(|task| (task[key].as_str().map(str::to_owned), task["id"].as_i64()));
    if sort.starts_with('-') {
        tasks.reverse();
    }
    tasks.iter().filter_map(|task| task["id"].as_i64()).collect()
}

#[rstest]
#[tokio::test]
async fn every_order_holds_in_pages_of_every_size(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values("created_at", "-created_at", "updated_at", "-updated_at", "title", "-title")] sort: &str,
    #[values("", "&completed=true", "&completed=false", "&q=a", "&q=A&completed=false")] filter: &str,
) {
    let app = TestApp::start(engine).await;
    let (ann, bob) = (app.client("ann"), app.client("bob"));
    bob.created("a").await;
    let tasks = titled(&ann).await;
    let passes = |task: &&Value| {
        let title = task["title"].as_str().unwrap_or_default();
        (!filter.contains("completed") || filter.contains(&format!("completed={}", task["completed"])))
            && (!filter.contains("q=") || title.contains(['a', 'A']))
    };
    let chosen: Vec<_> = tasks.iter().filter(passes).cloned().collect();
    let expected = sorted(&chosen, sort);
    assert!(!expected.is_empty());
    for limit in [1, 2, 7, 1000] {
        let pages = ann.pages(&format!("/api/tasks?sort={sort}{filter}&limit={limit}")).await;
        assert_eq!(pages.iter().flat_map(Answer::ids).collect::<Vec<_>>(), expected, "limit {limit}");
    }
}

/// A database that would compare texts by the rules of a language, were it not told otherwise.
#[tokio::test]
async fn the_order_of_titles_does_not_hang_on_the_databases_language() {
    let app = TestApp::in_german().await;
    let ann = app.client("ann");
    let tasks = titled(&ann).await;
    for sort in ["title", "-title"] {
        let pages = ann.pages(&format!("/api/tasks?sort={sort}&limit=4")).await;
        assert_eq!(pages.iter().flat_map(Answer::ids).collect::<Vec<_>>(), sorted(&tasks, sort));
    }
    assert_eq!(ann.get("/api/tasks?q=%C3%84").await.expect(200).ids().len(), 1, "ä, and not a");
}
