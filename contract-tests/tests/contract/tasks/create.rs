//! `POST /api/tasks`.

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer,
    Engine::{self, Guarded, Postgres, Sqlite},
    RAW_VALUE, TestApp, nested_raw_values, raw_value,
};

#[rstest]
#[tokio::test]
async fn a_task_is_created_as_it_was_sent(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = json!({"title": "Buy milk", "description": "Two litres", "completed": true});
    let task = app.client("ann").create(body).await.expect(201).json();
    assert_eq!(task["title"], "Buy milk");
    assert_eq!(task["description"], "Two litres");
    assert_eq!(task["completed"], true);
    assert_eq!(task["user_id"], "ann");
}

#[rstest]
#[tokio::test]
async fn a_new_task_is_open_and_without_description(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let task = app.client("ann").create(json!({"title": "Buy milk"})).await.expect(201).json();
    assert_eq!(task["completed"], false);
    assert_eq!(task["description"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn a_description_of_null_is_none(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let task = app.client("ann").create(json!({"title": "Buy milk", "description": null})).await.expect(201).json();
    assert_eq!(task["description"], Value::Null);
}

#[rstest]
#[tokio::test]
async fn an_empty_description_is_kept_empty(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let task = app.client("ann").create(json!({"title": "Buy milk", "description": ""})).await.expect(201).json();
    assert_eq!(task["description"], "");
}

#[rstest]
#[tokio::test]
async fn the_answer_says_where_the_task_is(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let created = ann.create(json!({"title": "Buy milk"})).await.expect(201);
    assert_eq!(created.header("location"), format!("/api/tasks/{}", created.id()));
    assert_eq!(ann.get(created.header("location")).await.expect(200).json(), created.json());
}

#[rstest]
#[tokio::test]
async fn both_timestamps_are_equal_at_creation(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let task = app.client("ann").create(json!({"title": "Buy milk"})).await.expect(201).json();
    assert_eq!(task["created_at"], task["updated_at"]);
}

#[rstest]
#[tokio::test]
async fn moments_are_told_to_the_microsecond(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let mut moments = Vec::new();
    for _ in 0..20 {
        moments.push(ann.create(json!({"title": "a"})).await.expect(201).json()["created_at"].to_string());
    }
    assert!(moments.iter().any(|moment| !moment.ends_with("000Z\"")), "{moments:?}");
}

#[rstest]
#[tokio::test]
async fn ids_ascend_across_users(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let mut last = 0;
    for user in ["ann", "bob", "ann", "cem"] {
        let id = app.client(user).created("Buy milk").await;
        assert!(id > last, "{id} comes after {last}");
        last = id;
    }
}

#[rstest]
#[tokio::test]
async fn fields_that_the_schema_does_not_have_are_ignored(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let body = json!({"title": "Mine", "id": 7, "user_id": "bob", "created_at": "1999-12-31", "constructor": {}});
    let task = ann.create(body).await.expect(201).json();
    assert_eq!(task["user_id"], "ann");
    assert_ne!(task["id"], 7);
    assert!(task["created_at"].as_str().is_some_and(|moment| !moment.starts_with("1999")), "{task}");
    assert_eq!(app.client("bob").list().await.expect(200).json(), json!([]));
}

/// Whatever fields mean to a library.
#[rstest]
#[case::of_no_json(raw_value("not json"))]
#[case::of_a_number(json!({ RAW_VALUE: 5 }))]
#[case::beside_another(json!({ RAW_VALUE: "1", "b": 2 }))]
#[case::of_more_levels_than_a_thread_has_room_for(nested_raw_values(8))]
#[tokio::test]
async fn fields_that_nobody_knows_may_be_anything(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] more: Value,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").create(json!({"title": "a", "more": more})).await.expect(201);
}

/// Bodies that are refused, each with every value that is at fault in it.
#[rstest]
#[case::without_title(json!({}), &["/title: is required"])]
#[case::title_null(json!({"title": null}), &["/title: must be a string"])]
#[case::title_number(json!({"title": 5}), &["/title: must be a string"])]
#[case::title_list(json!({"title": ["a"]}), &["/title: must be a string"])]
#[case::title_empty(json!({"title": ""}), &["/title: must have 1 to 200 characters"])]
#[case::title_too_long(json!({"title": "x".repeat(201)}), &["/title: must have 1 to 200 characters"])]
#[case::title_too_long_in_code_points(json!({"title": "\u{1F600}".repeat(201)}), &["/title: must have 1 to 200 characters"])]
#[case::title_of_nul(json!({"title": "a\u{0}b"}), &["/title: must not have the character U+0000"])]
#[case::title_of_spaces(json!({"title": "   "}), &["/title: must have a character that is neither white space nor a control character"])]
#[case::description_number(json!({"title": "a", "description": 1}), &["/description: must be a string or null"])]
#[case::description_too_long(json!({"title": "a", "description": "x".repeat(1001)}), &["/description: must have at most 1000 characters"])]
#[case::description_of_nul(json!({"title": "a", "description": "\u{0}"}), &["/description: must not have the character U+0000"])]
#[case::completed_null(json!({"title": "a", "completed": null}), &["/completed: must be a boolean"])]
#[case::completed_text(json!({"title": "a", "completed": "true"}), &["/completed: must be a boolean"])]
#[case::completed_number(json!({"title": "a", "completed": 1}), &["/completed: must be a boolean"])]
#[case::everything(json!({"title": "", "description": 5, "completed": null}), &[
    "/completed: must be a boolean",
    "/description: must be a string or null",
    "/title: must have 1 to 200 characters",
])]
#[case::a_list(json!([]), &[": must be an object"])]
#[case::a_text(json!("Buy milk"), &[": must be an object"])]
#[case::null(json!(null), &[": must be an object"])]
#[case::title_of_a_raw_value(json!({"title": raw_value("\"a\"")}), &["/title: must be a string"])]
#[case::description_of_a_raw_value(json!({"title": "a", "description": raw_value("null")}), &["/description: must be a string or null"])]
#[case::completed_of_a_raw_value(json!({"title": "a", "completed": raw_value("true")}), &["/completed: must be a boolean"])]
#[case::a_raw_value(raw_value(r#"{"title": "a"}"#), &["/title: is required"])]
#[tokio::test]
async fn a_body_at_fault_is_refused_with_every_fault(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] body: Value,
    #[case] faults: &[&str],
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann");
    let refused = ann.create(body).await.expect(422);
    assert_eq!(refused.faults(), faults);
    assert_eq!(ann.list().await.expect(200).json(), json!([]), "nothing was created");
}

#[rstest]
#[case::one(1)]
#[case::most(200)]
#[tokio::test]
async fn a_title_may_have_so_many_code_points(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] length: usize,
) {
    let app = TestApp::start(engine).await;
    for character in ["x", "é", "漢", "\u{1F600}"] {
        let title = character.repeat(length);
        let task = app.client("ann").create(json!({ "title": title })).await.expect(201).json();
        assert_eq!(task["title"], title);
    }
}

#[rstest]
#[tokio::test]
async fn a_description_may_have_a_thousand_code_points(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let description = "\u{1F600}".repeat(1000);
    let task = app.client("ann").create(json!({"title": "a", "description": description})).await.expect(201).json();
    assert_eq!(task["description"], description);
}

#[rstest]
#[case::empty("", "is not valid JSON: EOF")]
#[case::cut_off(r#"{"title": "Buy"#, "is not valid JSON: EOF")]
#[case::trailing_comma(r#"{"title": "Buy",}"#, "is not valid JSON: trailing comma")]
#[case::two_values(r#"{"title": "a"} {"title": "b"}"#, "is not valid JSON: trailing characters")]
#[case::single_quotes("{'title': 'a'}", "is not valid JSON: key must be a string")]
#[case::raw_control_character("{\"title\": \"a\nb\"}", "is not valid JSON: control character")]
// JSON can spell these, and nothing holds them.
#[case::first_half(r#"{"title": "\ud800"}"#, "has an escape (\\u) that is half of a surrogate pair")]
#[case::second_half(r#"{"title": "\udfff"}"#, "has an escape (\\u) that is half of a surrogate pair")]
#[case::in_description(r#"{"title": "a", "description": "\ud800"}"#, "has an escape (\\u) that is half of")]
#[case::number_beyond_reach(r#"{"title": "a", "more": 1e999}"#, "has a number that is out of range")]
#[tokio::test]
async fn json_that_cannot_be_read_is_refused_with_its_place(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] body: &'static str,
    #[case] why: &str,
) {
    let app = TestApp::start(engine).await;
    let answer = app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(422);
    let faults = answer.faults();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with(&format!(": {why}")) && faults[0].contains(" at line "), "{faults:?}");
}

#[rstest]
#[tokio::test]
async fn a_body_that_is_no_utf_8_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = b"{\"title\": \"\xff\xfe\"}".to_vec();
    app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(422);
}

#[rstest]
#[tokio::test]
async fn json_nested_without_end_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = format!(r#"{{"title": "a", "more": {}"#, "[".repeat(30_000));
    let refused = app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(422);
    let detail = refused.json()["detail"].as_str().expect("a detail").to_owned();
    assert!(detail.starts_with("the body is nested too deep, at line 1 column "), "{detail}");
}

#[rstest]
#[tokio::test]
async fn of_a_key_that_stands_twice_the_last_counts(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = r#"{"title": "first", "title": "last"}"#;
    let task = app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(201);
    assert_eq!(task.json()["title"], "last");
}

#[rstest]
#[case::none(None)]
#[case::text(Some("text/plain"))]
#[case::form(Some("application/x-www-form-urlencoded"))]
#[case::xml(Some("application/xml"))]
#[case::garbage(Some("json"))]
#[case::json_no_more(Some("application/json+xml"))]
#[case::no_application(Some("text/merge-patch+json"))]
#[tokio::test]
async fn a_body_that_does_not_claim_to_be_json_is_refused(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] content_type: Option<&str>,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").send_bytes("POST", "/api/tasks", content_type, r#"{"title": "a"}"#).await.expect(415);
}

#[rstest]
#[tokio::test]
async fn a_body_that_claims_to_be_two_things_is_refused(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[values("text/plain", "application/json")] another: &str,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").with_header("Content-Type", another).create(json!({"title": "a"})).await.expect(415);
}

#[rstest]
#[case::compressed("gzip")]
#[case::twice("identity, br")]
#[tokio::test]
async fn an_encoded_body_is_refused_with_what_would_be_taken(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] coding: &str,
) {
    let app = TestApp::start(engine).await;
    let ann = app.client("ann").with_header("Content-Encoding", coding);
    let refused = ann.create(json!({"title": "a"})).await.expect(415);
    assert_eq!(refused.header("Accept-Encoding"), "identity");
    assert!(app.client("ann").list().await.ids().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_body_that_is_said_to_be_as_it_is_is_read(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[values("Identity", "", "identity, ,identity")] coding: &str,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").with_header("Content-Encoding", coding).create(json!({"title": "a"})).await.expect(201);
}

#[rstest]
#[case::charset("application/json; charset=utf-8")]
#[case::space_before("application/json ; charset=utf-8")]
#[case::tab("application/json;\tcharset=utf-8")]
#[case::empty_parameter("application/json;;charset=utf-8")]
#[case::capitals("Application/JSON")]
#[case::suffix("application/merge-patch+json")]
#[tokio::test]
async fn every_way_to_say_json_is_understood(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[case] content_type: &str,
) {
    let app = TestApp::start(engine).await;
    app.client("ann").send_bytes("POST", "/api/tasks", Some(content_type), r#"{"title": "a"}"#).await.expect(201);
}

fn body_of(bytes: usize) -> String {
    let frame = r#"{"title": "a", "padding": ""}"#.len();
    format!(r#"{{"title": "a", "padding": "{}"}}"#, "x".repeat(bytes - frame))
}

#[rstest]
#[tokio::test]
async fn a_body_of_64_kib_is_read(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = body_of(64 * 1024);
    app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(201);
}

#[rstest]
#[tokio::test]
async fn a_body_over_64_kib_is_refused(#[values(Sqlite, Postgres, Guarded)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = body_of(64 * 1024 + 1);
    app.client("ann").send_bytes("POST", "/api/tasks", Some("application/json"), body).await.expect(413);
}

/// What is answered to Ann's first creation, and to Bob's, under a key, where an operator has made an addition.
async fn created_beside(engine: Engine, added: &[&str]) -> [Answer; 2] {
    let app = TestApp::start(engine).await;
    let beside = app.database().connect().await;
    for command in added {
        beside.execute_unprepared(command).await.expect("an operator may");
    }
    let task = json!({"title": "Buy milk"});
    [app.client("ann").create(task.clone()).await, app.client("bob").keyed("key").create(task).await]
}

/// It is an operator's to mend, whose log says what it is.
#[rstest]
#[case::a_column("ALTER TABLE tasks ADD COLUMN tenant text NOT NULL")]
#[case::a_trigger("CREATE TRIGGER note AFTER INSERT ON tasks FOR EACH ROW {note}")]
#[case::a_trigger_beside_users_of_others(
    "ALTER TABLE users ADD COLUMN name text NOT NULL;
    INSERT INTO users (id, name) VALUES ('ann', 'Ann'), ('bob', 'Bob');
    CREATE TRIGGER note AFTER INSERT ON tasks FOR EACH ROW {note}"
)]
#[tokio::test]
async fn what_the_tables_want_beside_is_no_fault_of_the_caller(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] change: &str,
) {
    let insert = "BEGIN INSERT INTO changes VALUES (NEW.id);";
    let function = format!("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ {insert} RETURN NEW; END $$");
    // A trigger of SQLite says itself what it does.
    let (function, note) = if engine == Sqlite {
        ("SELECT 1", format!("{insert} END"))
    } else {
        (&*function, "EXECUTE FUNCTION note()".to_owned())
    };
    let added = [
        "CREATE TABLE changes_known (id bigint PRIMARY KEY)",
        "CREATE TABLE changes (task_id bigint REFERENCES changes_known (id))",
        function,
        &change.replace("{note}", &note),
    ];
    for answer in created_beside(engine, &added).await {
        answer.expect(500);
    }
}

/// What a trigger writes may need the user before the task does, whose own key goes as `RI_…` in the order of names.
#[rstest]
#[case::of_a_trigger_before("CREATE TRIGGER note BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note()")]
#[case::of_a_trigger_after("CREATE TRIGGER \"A_note\" AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note()")]
#[case::by_another_name("ALTER TABLE tasks RENAME CONSTRAINT fk_tasks_user_id TO tasks_owner")]
#[tokio::test]
async fn whichever_reference_to_a_new_user_fails_first_the_task_is_created(#[case] change: &str) {
    let added = [
        "CREATE TABLE activity (user_id varchar(255) REFERENCES users (id))",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN INSERT INTO activity VALUES (NEW.user_id); RETURN NEW; END $$",
        change,
    ];
    for answer in created_beside(Postgres, &added).await {
        answer.expect(201);
    }
}
