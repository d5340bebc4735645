//! What was released stays true: the document may only grow in ways that break no client.

mod judge;

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use todo_contract_tests::{committed, read, workspace};

use self::judge::{REWRITTEN, breaks};

#[test]
fn no_client_of_a_released_document_is_broken() {
    let changelog = read("CHANGELOG.md");
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(" ("));
    let told: BTreeSet<_> = headings.map(|(version, _)| format!("{version}.json")).collect();
    let folder = workspace().join("openapi/released");
    let frozen = fs::read_dir(folder).expect("the folder of releases").map(|file| file.expect("a file").file_name());
    assert_eq!(frozen.map(|name| name.into_string().expect("a name")).collect::<BTreeSet<_>>(), told);
    assert!(!told.is_empty(), "there is a release to hold the document against");
    for version in told {
        let old: Value = serde_json::from_str(&read(&format!("openapi/released/{version}"))).expect("JSON");
        let found = breaks(&old, &committed().json);
        assert!(found.is_empty(), "clients of {version} break:\n{}", found.join("\n"));
    }
}

#[test]
fn patterns_that_were_written_anew_match_the_same_texts() {
    for (before, after) in REWRITTEN {
        let [before, after] = [before, after]
            .map(|pattern| jsonschema::draft4::new(&json!({"type": "string", "pattern": pattern})).expect("a pattern"));
        let texts = (0..=0xffff).filter_map(char::from_u32).flat_map(|letter| {
            [letter.to_string(), format!(" {letter}\u{2028}"), format!("a{letter}")].map(Value::from)
        });
        let differs = texts.filter(|text| before.is_valid(text) != after.is_valid(text)).collect::<Vec<_>>();
        assert!(differs.is_empty(), "{differs:?}");
    }
}

/// A change of the document at a pointer; `None` takes the value away.
fn changed(pointer: &str, value: Option<Value>) -> Value {
    let mut document = committed().json.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/");
    let parent = document.pointer_mut(parent).expect("the place is there").as_object_mut().expect("an object");
    match value {
        Some(value) => _ = parent.insert(name, value),
        None => _ = parent.shift_remove(&name).expect("there was something"),
    }
    document
}

const TASK: &str = "/components/schemas/Task";
const NEW_TASK: &str = "/components/schemas/NewTask";
const LIST: &str = "/paths/~1api~1tasks/get";

#[rstest::rstest]
#[case::path_gone("/paths/~1api~1tasks".to_owned(), None)]
#[case::operation_gone(LIST.to_owned(), None)]
#[case::operation_id(format!("{LIST}/operationId"), Some(json!("getTasks")))]
#[case::security(format!("{LIST}/security"), Some(json!([])))]
#[case::status_gone(format!("{LIST}/responses/200"), None)]
#[case::success_new(format!("{LIST}/responses/206"), Some(json!({"description": "Some"})))]
#[case::header_gone("/paths/~1api~1tasks/post/responses/201/headers/Location".to_owned(), None)]
#[case::header_may_be_missing("/paths/~1api~1tasks/post/responses/201/headers/Location/required".to_owned(), Some(json!(false)))]
#[case::header_of_another_type(format!("{LIST}/responses/200/headers/ETag/schema/type"), Some(json!("integer")))]
#[case::header_of_many_of_another_type("/components/headers/RateLimit/schema/type".to_owned(), Some(json!("integer")))]
#[case::media_type(format!("{LIST}/responses/200/content"), Some(json!({"text/csv": {}})))]
#[case::field_gone(format!("{TASK}/properties/title"), None)]
#[case::field_of_another_type(format!("{TASK}/properties/id/type"), Some(json!("string")))]
#[case::field_of_another_pattern(format!("{TASK}/properties/title/pattern"), Some(json!("^a$")))]
#[case::field_of_another_format(format!("{TASK}/properties/id/format"), Some(json!("int32")))]
#[case::field_may_be_missing(format!("{TASK}/required"), Some(json!(["id"])))]
#[case::field_may_be_null(format!("{TASK}/properties/title/nullable"), Some(json!(true)))]
#[case::answer_longer(format!("{TASK}/properties/title/maxLength"), Some(json!(500)))]
#[case::answer_without_bound(format!("{TASK}/properties/title/maxLength"), None)]
#[case::request_shorter(format!("{NEW_TASK}/properties/title/maxLength"), Some(json!(100)))]
#[case::request_no_longer_null(format!("{NEW_TASK}/properties/description/nullable"), None)]
#[case::request_demands_more(format!("{NEW_TASK}/required"), Some(json!(["title", "completed"])))]
#[case::pattern(format!("{NEW_TASK}/properties/title/pattern"), Some(json!("^x")))]
#[case::unknown_keyword(format!("{NEW_TASK}/properties/title/x-new"), Some(json!(1)))]
#[case::default(format!("{NEW_TASK}/properties/completed/default"), Some(json!(false)))]
#[case::parameter_gone("/paths/~1api~1tasks~1{id}/get/parameters".to_owned(), Some(json!([])))]
#[case::parameter_required(format!("{LIST}/parameters"), Some(json!([{"name": "page", "in": "query", "required": true}])))]
#[case::parameter_spelt_otherwise(format!("{LIST}/parameters/0/style"), Some(json!("spaceDelimited")))]
#[case::scheme_of_another_type("/components/securitySchemes/bearer/type".to_owned(), Some(json!("apiKey")))]
#[case::servers("/servers".to_owned(), Some(json!([{"url": "/v2"}])))]
fn a_change_that_breaks_clients_is_found(#[case] pointer: String, #[case] value: Option<Value>) {
    assert_ne!(breaks(&committed().json, &changed(&pointer, value)), [""; 0]);
}

#[test]
fn a_body_that_is_demanded_from_now_on_is_found() {
    let before = changed("/paths/~1api~1tasks/post/requestBody/required", Some(json!(false)));
    assert_ne!(breaks(&before, &committed().json), [""; 0]);
}

#[rstest::rstest]
#[case::summary(format!("{LIST}/summary"), Some(json!("List them")))]
#[case::field_of_an_answer(format!("{TASK}/properties/due_at"), Some(json!({"type": "string"})))]
#[case::optional_field_of_a_request(format!("{NEW_TASK}/properties/due_at"), Some(json!({"type": "string"})))]
#[case::operation("/paths/~1api~1tags".to_owned(), Some(json!({"get": {"operationId": "listTags"}})))]
#[case::not_modified("/paths/~1api~1tasks/post/responses/304".to_owned(), Some(json!({"description": "Still the same"})))]
#[case::failure(format!("{LIST}/responses/418"), Some(json!({"description": "A teapot"})))]
#[case::optional_parameter("/paths/~1api~1health/get/parameters".to_owned(), Some(json!([{"name": "q", "in": "query"}])))]
#[case::request_longer(format!("{NEW_TASK}/properties/title/maxLength"), Some(json!(500)))]
#[case::answer_shorter(format!("{TASK}/properties/title/maxLength"), Some(json!(100)))]
#[case::header(format!("{LIST}/responses/200/headers/X-New"), Some(json!({"schema": {"type": "string"}})))]
#[case::header_always(format!("{LIST}/responses/200/headers/Link/required"), Some(json!(true)))]
#[case::body_left_to_choice("/paths/~1api~1tasks/post/requestBody/required".to_owned(), Some(json!(false)))]
fn a_change_that_breaks_nobody_passes(#[case] pointer: String, #[case] value: Option<Value>) {
    assert_eq!(breaks(&committed().json, &changed(&pointer, value)), [""; 0]);
}
