//! Headers are read as the document has them: what fits its pattern is taken, and nothing else.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    TestApp, committed, holds,
};

/// A value that is close to a good one, or is one.
fn value() -> impl Strategy<Value = String> {
    let tags = r#"(,[ \t,]{0,2})?((W/)?"[a!~\\]{0,2}"[ \t]{0,1},[ \t,]{0,2}){0,2}(W/)?"[a!~]{0,2}"([ \t,]{0,2},)?"#;
    // Not of ASCII alone: a condition that is passed over lets its sender overwrite what others have changed.
    let near = r#"[*W/"a!~,\\ \té]{1,8}"#;
    let key = r#""?([a!~/]|\\["\\]|a{250}){1,6}"?"#;
    // White space around is no part of a header's value.
    prop_oneof![tags, near, key].prop_map(|text| text.trim_matches([' ', '\t']).to_owned())
}

#[rstest]
#[case::if_none_match("GET", "/api/tasks", "If-None-Match")]
#[case::if_match("DELETE", "/api/tasks?completed=true", "If-Match")]
#[case::idempotency_key("POST", "/api/tasks", "Idempotency-Key")]
#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_read_as_published(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] method: &'static str,
    #[case] path: &'static str,
    #[case] name: &'static str,
) {
    let parameters = &committed().json["paths"]["/api/tasks"][method.to_lowercase()]["parameters"];
    let parameter = parameters.as_array().into_iter().flatten().find(|parameter| parameter["name"] == name);
    let schema = &parameter.expect("a parameter of the document")["schema"];
    assert!(schema["pattern"].is_string());
    let schema = jsonschema::draft4::new(schema).expect("a schema");
    let app = TestApp::start(engine).await;
    holds(app, 200, value(), async |app, user, value| {
        let body = (method == "POST").then(|| json!({"title": "a"}));
        let answer = app.client(&user).with_header(name, &value).send(method, path, body).await;
        let (fits, status) = (schema.is_valid(&json!(value)), answer.status);
        let is_as_published = if fits { [200, 201, 304, 412].contains(&status) } else { status == 422 };
        if is_as_published { Ok(()) } else { Err(format!("{value:?} fits: {fits}, but {status}: {}", answer.text)) }
    });
}
