//! Conditional requests: `ETag`, `If-Match`, `If-None-Match`.

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Postgres, Sqlite},
    TestApp,
};
use tokio::task::JoinSet;

/// The operations that change one task, by method and the end of the path.
const CHANGES: [(&str, &str, Option<&str>); 4] = [
    ("PUT", "", Some(r#"{"title": "new"}"#)),
    ("PUT", "", Some("{}")),
    ("PATCH", "/complete", None),
    ("DELETE", "", None),
];

async fn change(client: &Client, id: i64, number: usize, if_match: &str) -> Answer {
    let (method, end, body) = CHANGES[number];
    let body = body.map(|body| serde_json::from_str(body).expect("JSON"));
    client.clone().with_header("If-Match", if_match).send(method, &format!("/api/tasks/{id}{end}"), body).await
}

async fn with_none_match(client: &Client, path: &str, tags: &str) -> Answer {
    client.clone().with_header("If-None-Match", tags).get(path).await
}

#[rstest]
#[tokio::test]
async fn every_answer_with_a_task_has_its_version(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    let id = created.id();
    let got = ann.task(id).await.expect(200);
    let updated = ann.update(id, json!({"title": "b"})).await.expect(200);
    let unchanged = ann.update(id, json!({})).await.expect(200);
    let toggled = ann.toggle(id).await.expect(200);
    let tags = [&created, &got, &updated, &unchanged, &toggled].map(|answer| answer.header("etag").to_owned());
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.len() > 2), "strong: {tags:?}");
    assert_eq!(tags[0], tags[1]);
    assert_ne!(tags[1], tags[2]);
    assert_eq!(tags[2], tags[3]);
    assert_ne!(tags[3], tags[4]);
    let head = ann.send("HEAD", &format!("/api/tasks/{id}"), None).await.expect(200);
    assert_eq!(head.header("etag"), tags[4]);
}

#[rstest]
#[tokio::test]
async fn a_change_of_the_version_at_hand_is_made(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(0, 1, 2, 3)] number: usize,
    #[values("{}", "*", "\"x\", {}", " , {} ,\"y\",", "\"x\",\t{}\t")] form: &str,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    let answer = change(&ann, created.id(), number, &form.replace("{}", created.header("etag"))).await;
    assert_eq!(answer.status, if number == 3 { 204 } else { 200 }, "{}", answer.text);
}

#[rstest]
#[tokio::test]
async fn a_change_of_one_of_several_versions_is_made(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(0, 1, 2, 3)] number: usize,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    let now = ann.toggle(created.id()).await.expect(200);
    let tags = format!("{}, {}, \"{}.7\"", created.header("etag"), now.header("etag"), created.id());
    let answer = change(&ann, created.id(), number, &tags).await;
    assert_eq!(answer.status, if number == 3 { 204 } else { 200 }, "{}", answer.text);
}

#[rstest]
#[case::of_another_time(|tag: &str| tag.replace('.', ".1"))]
#[case::of_another_task(|tag: &str| format!("\"9{}", &tag[1..]))]
#[case::weak(|tag: &str| format!("W/{tag}"))]
#[case::empty(|_: &str| "\"\"".to_owned())]
#[case::of_somebody_else(|_: &str| "\"abc\", W/\"def\"".to_owned())]
#[case::spelt_otherwise(|tag: &str| tag.replace('.', ".0"))]
#[case::far_away(|tag: &str| tag.replace('.', ".99999999999999999999"))]
#[case::many(|_: &str| (0..200).map(|number| format!("\"1.{number}\"")).collect::<Vec<_>>().join(","))]
#[tokio::test]
async fn a_change_of_another_version_is_refused_and_changes_nothing(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(0, 1, 2, 3)] number: usize,
    #[case] tag: fn(&str) -> String,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    change(&ann, created.id(), number, &tag(created.header("etag"))).await.expect(412);
    assert_eq!(ann.task(created.id()).await.expect(200).json(), created.json());
}

#[rstest]
#[tokio::test]
async fn a_version_that_was_left_is_refused(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(0, 1, 2, 3)] number: usize,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    ann.toggle(created.id()).await.expect(200);
    let back = ann.toggle(created.id()).await.expect(200);
    change(&ann, created.id(), number, created.header("etag")).await.expect(412);
    assert_eq!(ann.task(created.id()).await.expect(200).json(), back.json(), "though it looks the same again");
}

#[rstest]
#[tokio::test]
async fn a_task_that_is_not_there_is_not_found_whatever_the_condition(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[values(0, 1, 2, 3)] number: usize,
    #[values("*", "\"4711.1\"", "\"x\"")] tags: &str,
) {
    let app = TestApp::start(engine).await;
    let bobs = app.client("bob").create(json!({"title": "a"})).await.expect(201);
    let ann = app.client("ann");
    change(&ann, 4711, number, tags).await.expect(404);
    change(&ann, bobs.id(), number, bobs.header("etag")).await.expect(404);
    change(&ann, bobs.id(), number, "\"x\"").await.expect(404);
    assert_eq!(app.client("bob").task(bobs.id()).await.expect(200).json(), bobs.json());
}

#[rstest]
#[case::unquoted("abc")]
#[case::half_quoted("\"abc")]
#[case::small_weak("w/\"abc\"")]
#[case::weak_alone("W/")]
#[case::star_in_a_list("*, \"abc\"")]
#[case::two_stars("**")]
#[case::no_comma("\"a\" \"b\"")]
#[case::space_inside("\"a b\"")]
#[case::nothing("")]
#[case::commas(",,")]
#[tokio::test]
async fn a_condition_that_cannot_be_read_is_refused(#[values(Sqlite, Postgres)] engine: Engine, #[case] tags: &str) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    let detail = r#"must be * or a list of entity tags in their quotes, such as "a", "b""#;
    for number in 0..CHANGES.len() {
        let refused = change(&ann, created.id(), number, tags).await.expect(422);
        assert_eq!(refused.faults(), [format!("If-Match: {detail}")]);
    }
    for path in ["/api/tasks".to_owned(), format!("/api/tasks/{}", created.id())] {
        let refused = with_none_match(&ann, &path, tags).await.expect(422);
        assert_eq!(refused.faults(), [format!("If-None-Match: {detail}")]);
    }
    assert_eq!(ann.task(created.id()).await.expect(200).json(), created.json());
}

#[rstest]
#[tokio::test]
async fn faults_of_path_header_and_body_are_told_together(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let client = app.client("ann").with_header("If-Match", "x");
    let refused = client.send("PUT", "/api/tasks/abc", Some(json!({"title": ""}))).await.expect(422);
    let faults = refused.faults();
    let places: Vec<_> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(places, ["/title", "id", "If-Match"]);
}

#[rstest]
#[tokio::test]
async fn conditions_of_several_lines_are_one_list(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "a"})).await.expect(201);
    let path = format!("/api/tasks/{}", created.id());
    let client = ann.with_header("If-Match", "\"x\"").with_header("If-Match", created.header("etag"));
    client.send("PUT", &path, Some(json!({"title": "b"}))).await.expect(200);
    client.send("PUT", &path, Some(json!({"title": "c"}))).await.expect(412);
}

/// Paths whose answers have a version, all of which the same change moves.
async fn versioned(app: &TestApp) -> (Client, i64, Vec<String>) {
    let ann = app.client("ann");
    let id = ann.created("task").await;
    ann.created("another task").await;
    let lists = ["/api/tasks", "/api/tasks?limit=1", "/api/tasks?sort=title", "/api/tasks?completed=false&q=task"];
    let second_page = ann.get("/api/tasks?limit=1&sort=-created_at").await.expect(200).next().expect("there is one");
    (ann, id, lists.map(str::to_owned).into_iter().chain([second_page, format!("/api/tasks/{id}")]).collect())
}

#[rstest]
#[case::same("{}")]
#[case::weakened_by_a_proxy("W/{}")]
#[case::one_of_several("\"x\", {}, W/\"y\"")]
#[case::any("*")]
#[tokio::test]
async fn what_has_not_changed_is_not_sent_again(#[values(Sqlite, Postgres)] engine: Engine, #[case] form: &str) {
    let app = TestApp::start(engine).await;
    let (ann, _, paths) = versioned(&app).await;
    for path in paths {
        let whole = ann.get(&path).await.expect(200);
        let tags = form.replace("{}", whole.header("etag"));
        let same = with_none_match(&ann, &path, &tags).await.expect(304);
        assert_eq!((same.text.as_str(), same.header("etag")), ("", whole.header("etag")));
        assert!(!same.headers.contains_key("content-type"));
        let head = ann.clone().with_header("If-None-Match", &tags).send("HEAD", &path, None).await.expect(304);
        assert_eq!(head.header("etag"), whole.header("etag"));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_a_time_for_other_lists_hears_of_their_own(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::configured(engine, &[("LIST_CACHE", "0")]).await;
    let ann = app.client("ann");
    ann.create(json!({"title": "a", "completed": true})).await.expect(201);
    ann.create(json!({"title": "b", "completed": false})).await.expect(201);
    let paths = [true, false].map(|completed| format!("/api/tasks?completed={completed}"));
    let mut tags = join_all(paths.iter().map(|path| ann.get(path))).await;
    for status in [304, 200] {
        let asked = (0..50).map(|number| with_none_match(&ann, &paths[number % 2], tags[number % 2].header("etag")));
        for answer in join_all(asked).await {
            answer.expect(status);
        }
        tags.reverse();
    }
}

#[rstest]
#[tokio::test]
async fn what_has_changed_is_sent_anew(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let (ann, id, paths) = versioned(&app).await;
    for path in paths {
        let before = ann.get(&path).await.expect(200);
        ann.update(id, json!({"description": path})).await.expect(200);
        let after = with_none_match(&ann, &path, before.header("etag")).await.expect(200);
        assert_ne!(after.header("etag"), before.header("etag"));
        assert_eq!(after.json(), ann.get(&path).await.expect(200).json());
    }
}

#[rstest]
#[tokio::test]
async fn the_version_of_a_page_counts_for_what_is_on_it(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let empty = ann.list().await.expect(200);
    let first = ann.created("first").await;
    let path = "/api/tasks?limit=1";
    let alone = ann.get(path).await.expect(200);
    assert_ne!(alone.header("etag"), empty.header("etag"));
    assert_eq!(alone.next(), None);
    let second = ann.created("second").await;
    let followed = with_none_match(&ann, path, alone.header("etag")).await.expect(200);
    assert!(followed.next().is_some(), "whoever kept the first would never learn of a second page");
    ann.toggle(second).await.expect(200);
    with_none_match(&ann, path, followed.header("etag")).await.expect(304);
    ann.delete(first).await.expect(204);
    with_none_match(&ann, path, followed.header("etag")).await.expect(200);
    ann.delete(second).await.expect(204);
    with_none_match(&ann, "/api/tasks", empty.header("etag")).await.expect(304);
}

#[rstest]
#[tokio::test]
async fn a_deleted_user_leaves_no_list_that_seems_unchanged(#[values(Sqlite, Postgres)] engine: Engine) {
    use sea_orm::ConnectionTrait;
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    ann.created("Buy milk").await;
    let before = ann.list().await.expect(200);
    let other = app.database().connect().await;
    other.execute_unprepared("DELETE FROM users WHERE id = 'ann'").await.expect("the other system deletes Ann");
    assert_eq!(with_none_match(&ann, "/api/tasks", before.header("etag")).await.expect(200).json(), json!([]));
    ann.created("Buy milk").await;
    with_none_match(&ann, "/api/tasks", before.header("etag")).await.expect(200);
}

#[rstest]
#[tokio::test]
async fn operations_on_all_tasks_are_bound_to_no_version(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let done = ann.create(json!({"title": "a", "completed": true})).await.expect(201);
    let (none, any) = (ann.clone().with_header("If-Match", "\"x\""), ann.clone().with_header("If-Match", "*"));
    none.complete_all(false).await.expect(412);
    none.delete_completed().await.expect(412);
    assert_eq!(ann.task(done.id()).await.expect(200).json(), done.json());
    any.complete_all(true).await.expect(200);
    any.delete_completed().await.expect(200);
}

/// The longest lists that a head has room for: a statement that carried a few of them would have more values than a
/// database takes.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn long_conditions_fail_nobody_elses_writes(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.created("Buy milk").await;
    let mut under_way = JoinSet::new();
    for other in id + 1..id + 13 {
        let eve = app.client("eve");
        let tags = (0..1500).map(|moment| format!("\"{other}.{moment}\"")).collect::<Vec<_>>().join(",");
        under_way.spawn(async move { change(&eve, other, 0, &tags).await.expect(404).status });
    }
    while !under_way.is_empty() {
        ann.toggle(id).await.expect(200);
        ann.create(json!({"title": "another"})).await.expect(201);
        while let Some(ended) = under_way.try_join_next() {
            assert_eq!(ended.expect("an answer"), 404);
        }
    }
}

/// Four clients count up in one title, each from what it has read; whoever is refused reads again.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_contended_edits_none_is_lost(#[values(Sqlite, Postgres)] engine: Engine) {
    const CLIENTS: i64 = 4;
    const EDITS: i64 = 1000;
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let id = ann.create(json!({"title": "0"})).await.expect(201).id();
    let mut under_way = JoinSet::new();
    for _ in 0..CLIENTS {
        let ann = ann.clone();
        under_way.spawn(async move {
            let (mut applied, mut refused) = (0, 0);
            while applied + refused < EDITS / CLIENTS {
                let task = ann.task(id).await.expect(200);
                let count: i64 = task.json()["title"].as_str().and_then(|text| text.parse().ok()).expect("a number");
                let bound = ann.clone().with_header("If-Match", task.header("etag"));
                match bound.update(id, json!({"title": (count + 1).to_string()})).await.status {
                    200 => applied += 1,
                    412 => refused += 1,
                    other => panic!("{other} is neither"),
                }
            }
            (applied, refused)
        });
    }
    let counted = under_way.join_all().await;
    let (applied, refused) = counted.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(applied + refused, EDITS);
    assert!(refused > 0, "they were in one another's way");
    assert_eq!(ann.task(id).await.expect(200).json()["title"], Value::from(applied.to_string()));
}
