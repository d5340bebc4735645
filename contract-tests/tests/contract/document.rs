//! The committed document: not drifted, valid, and linted by the house's rules.

use std::collections::BTreeSet;

use serde_json::Value;
use todo_api::Document;
use todo_contract_tests::{committed, read};

#[test]
fn the_committed_document_is_the_one_that_the_code_prints() {
    let printed = Document::print();
    let remedy = "the document has drifted; run `make document` and read the difference";
    assert!(committed().text == printed.json, "{remedy}");
    assert!(read("openapi/openapi.yaml") == printed.yaml, "{remedy}");
}

#[test]
fn both_spellings_say_the_same() {
    let yaml: Value = serde_saphyr::from_str(&Document::print().yaml).expect("YAML");
    assert_eq!(yaml, committed().json);
}

#[test]
fn the_document_parses_as_openapi_3_0() {
    let parsed: openapiv3::OpenAPI = serde_json::from_str(&committed().text).expect("it is OpenAPI 3.0");
    assert_eq!(parsed.openapi, "3.0.3");
    assert_eq!(parsed.operations().count(), committed().operations.len());
}

/// Every parser keeps the last of two equal keys and says nothing, so they are looked for in the text.
#[test]
fn no_key_stands_twice() {
    let mut open: Vec<BTreeSet<&str>> = Vec::new();
    for line in committed().text.lines().map(str::trim) {
        if let Some((key, _)) = line.strip_prefix('"').and_then(|line| line.split_once("\":")) {
            assert!(open.last_mut().expect("an object").insert(key), "{key} stands twice");
        }
        match line.chars().last() {
            Some('{' | '[') => open.push(BTreeSet::new()),
            _ if line.starts_with(['}', ']']) => _ = open.pop(),
            _ => {}
        }
    }
    assert!(open.is_empty(), "the text was read to its end");
}

/// Visits every value with the path of keys that leads to it.
fn visit<'a>(value: &'a Value, path: &mut Vec<&'a str>, see: &mut impl FnMut(&[&str], &'a Value)) {
    see(path, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                path.push(name);
                visit(member, path, see);
                path.pop();
            }
        }
        Value::Array(items) => {
            for item in items {
                path.push("0");
                visit(item, path, see);
                path.pop();
            }
        }
        _ => {}
    }
}

fn everywhere(mut see: impl FnMut(&[&str], &Value)) {
    visit(&committed().json, &mut Vec::new(), &mut see);
}

#[test]
fn every_reference_leads_somewhere() {
    let mut references = 0;
    everywhere(|path, value| {
        if path.last() == Some(&"$ref") {
            let pointer = value.as_str().and_then(|reference| reference.strip_prefix('#')).expect("a local reference");
            assert!(committed().json.pointer(pointer).is_some(), "{pointer} leads nowhere");
            references += 1;
        }
    });
    assert!(references > 10);
}

#[test]
fn nothing_is_described_by_an_empty_text() {
    let mut texts = 0;
    everywhere(|path, value| {
        if ["description", "summary", "title"].contains(path.last().unwrap_or(&"")) && value.is_string() {
            assert_ne!(value.as_str().map(str::trim), Some(""), "{path:?}");
            texts += 1;
        }
    });
    assert!(texts > 100);
}

#[test]
fn every_operation_teaches_itself() {
    for (path, item) in committed().json["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let place = format!("{method} {path}");
            let text = |name: &str| operation[name].as_str().unwrap_or_default();
            assert!((1..60).contains(&text("summary").len()), "{place}: a summary under 60 characters");
            assert!(text("summary").starts_with(char::is_uppercase) && !text("summary").ends_with('.'), "{place}");
            assert!(!text("description").is_empty(), "{place}: a description");
            assert!(text("operationId").starts_with(char::is_lowercase), "{place}: an operationId, verbNoun");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{place}: one tag");
            assert!(operation["security"].is_array(), "{place}: open, or secured, but said");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{place}: parameters are described");
                assert_eq!(
                    parameter["schema"].get("example").is_some(),
                    parameter["required"] == true,
                    "{place}: Swagger UI fills in the examples of parameters, and sends them"
                );
            }
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place} {status}");
                assert!(response["headers"].get("X-Request-Id").is_some(), "{place} {status}: has a name");
                for media_type in response["content"].as_object().into_iter().flatten().map(|(name, _)| name) {
                    let expected =
                        if status.as_str() < "400" { "application/json" } else { "application/problem+json" };
                    assert_eq!(media_type, expected, "{place} {status}");
                }
            }
        }
    }
}

#[test]
fn every_field_is_described_and_shown() {
    let mut fields = 0;
    for (name, schema) in committed().json["components"]["schemas"].as_object().expect("schemas") {
        assert!(schema["description"].is_string(), "{name} is described");
        let example = &schema["example"];
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{field} is described");
            let is_alternative = name == "Fault" && field == "parameter";
            assert!(example.get(field).is_some() || is_alternative, "{name}.{field} stands in the example");
            fields += 1;
        }
    }
    assert!(fields > 20);
}

#[test]
fn every_example_fits_its_schema() {
    let components = todo_api::json_schema(committed().json["components"].clone());
    let mut examples = 0;
    let mut fits = |schema: &Value, example: &Value| {
        let schema = serde_json::json!({"allOf": [todo_api::json_schema(schema.clone())], "components": components});
        let validator = jsonschema::draft4::new(&schema).expect("a schema");
        assert!(validator.is_valid(example), "{example} does not fit its schema");
        examples += 1;
    };
    everywhere(|_, value| {
        if let Some(example) = value.get("example") {
            fits(value.get("schema").unwrap_or(value), example);
        }
    });
    assert!(examples > 30);
}

#[test]
fn no_optional_field_of_a_body_has_a_default() {
    everywhere(|path, _| assert_ne!(path.last(), Some(&"default"), "generators would demand the field: {path:?}"));
}

#[test]
fn a_description_is_required_and_may_be_null() {
    let schemas = &committed().json["components"]["schemas"];
    let required: Vec<_> =
        schemas["Task"]["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let fields: Vec<_> =
        schemas["Task"]["properties"].as_object().expect("fields").keys().map(String::as_str).collect();
    assert_eq!(required, fields, "all fields of a task are always there");
    for schema in ["Task", "NewTask", "TaskPatch"] {
        assert_eq!(schemas[schema]["properties"]["description"]["nullable"], true);
        assert_eq!(schemas[schema]["properties"]["completed"].get("nullable"), None);
        assert_eq!(schemas[schema]["properties"]["title"].get("nullable"), None);
    }
    assert_eq!(schemas["NewTask"]["required"], serde_json::json!(["title"]));
    assert_eq!(schemas["TaskPatch"].get("required"), None);
}

#[test]
fn the_head_says_whose_it_is() {
    let info = &committed().json["info"];
    for pointer in ["/title", "/version", "/description", "/license/name", "/license/url", "/contact/name"] {
        assert!(info.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
    }
    let all = |name: &str, is_good: fn(&Value) -> bool| {
        committed().json[name].as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_good))
    };
    assert!(
        all("servers", |server| server["url"].as_str().is_some_and(|url| url.starts_with('/'))),
        "all are relative"
    );
    assert!(all("tags", |tag| tag["description"].is_string()), "all are described");
}
