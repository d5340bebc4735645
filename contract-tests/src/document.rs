//! The committed document, as a judge of answers.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// What an operation may answer with one status.
#[derive(Debug)]
pub struct Foreseen {
    /// The media type and what its content must be; none where there is no body.
    pub content: Option<(String, Validator)>,
    /// The headers that it bears, or may bear.
    pub headers: Vec<Header>,
}

/// A header of an answer.
#[derive(Debug)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Whether it is always there.
    pub is_required: bool,
    /// What its value must be.
    pub value: Validator,
}

/// An operation of the document.
#[derive(Debug)]
pub struct Operation {
    /// Its operationId.
    pub id: String,
    /// In capitals.
    pub method: String,
    /// As in the document, with names in braces.
    pub path: String,
    /// Whether it wants a token.
    pub secured: bool,
    /// Its answers by status.
    pub answers: BTreeMap<u16, Foreseen>,
}

/// The committed document.
#[derive(Debug)]
pub struct Committed {
    /// As it stands in the file.
    pub text: String,
    /// The same as JSON.
    pub json: Value,
    /// Its operations.
    pub operations: Vec<Operation>,
    /// What every problem must be.
    pub problem: Validator,
}

/// The folder of the workspace.
///
/// # Panics
///
/// Never: this package stands in it.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

/// The text of a file of the workspace.
///
/// # Panics
///
/// Where there is none.
#[must_use]
pub fn read(file: &str) -> String {
    fs::read_to_string(workspace().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Reads `openapi/openapi.json`, once.
///
/// # Panics
///
/// Where it is missing or malformed.
#[must_use]
pub fn committed() -> &'static Committed {
    static COMMITTED: LazyLock<Committed> = LazyLock::new(|| Committed::parse(read("openapi/openapi.json")));
    &COMMITTED
}

impl Committed {
    fn parse(text: String) -> Self {
        let json: Value = serde_json::from_str(&text).expect("the document is JSON");
        let components = strict(todo_api::json_schema(json["components"].clone()));
        let validator = |schema: &Value| compile(schema, &components);
        let operations = members(&json["paths"])
            .flat_map(|(path, methods)| members(methods).map(move |(method, operation)| (path, method, operation)))
            .map(|(path, method, operation)| Operation {
                id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                secured: operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
                answers: members(&operation["responses"])
                    .map(|(status, response)| {
                        (status.parse().expect("a status"), foreseen(response, &json, &validator))
                    })
                    .collect(),
            })
            .collect();
        let problem = validator(&json!({"anyOf": [
            {"$ref": "#/components/schemas/Problem"}, {"$ref": "#/components/schemas/ValidationProblem"}
        ]}));
        Self { text, json, operations, problem }
    }

    /// The operation that serves a request, if any does.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.operations.iter().find(|operation| operation.method == method && serves(&operation.path, path))
    }

    /// The operations that want a token.
    ///
    /// # Panics
    ///
    /// Where there are none: whoever asks each of them would have asked nobody.
    #[must_use]
    pub fn secured(&self) -> Vec<&Operation> {
        let secured: Vec<_> = self.operations.iter().filter(|operation| operation.secured).collect();
        assert!(!secured.is_empty(), "the document was read");
        secured
    }

    /// Whether any operation has the path.
    #[must_use]
    pub fn has_path(&self, path: &str) -> bool {
        self.operations.iter().any(|operation| serves(&operation.path, path))
    }
}

/// A value of a document, or what it refers to there.
#[must_use]
pub fn resolved<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let referred = value["$ref"].as_str().and_then(|place| document.pointer(place.trim_start_matches('#')));
    referred.unwrap_or(value)
}

fn foreseen(response: &Value, document: &Value, validator: &impl Fn(&Value) -> Validator) -> Foreseen {
    let content = members(&response["content"]).next();
    let header = |(name, header): (&String, &Value)| {
        let header = resolved(header, document);
        Header { name: name.clone(), is_required: header["required"] == true, value: validator(&header["schema"]) }
    };
    Foreseen {
        content: content.map(|(media_type, content)| (media_type.clone(), validator(&content["schema"]))),
        headers: members(&response["headers"]).map(header).collect(),
    }
}

fn compile(schema: &Value, components: &Value) -> Validator {
    let mut schema = strict(todo_api::json_schema(schema.clone()));
    if let Some(reference) = schema.get("$ref").cloned() {
        // Draft 4 sees nothing beside a reference.
        schema = json!({ "allOf": [{ "$ref": reference }] });
    }
    schema["components"] = components.clone();
    jsonschema::draft4::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the document's schemas are valid")
}

/// The same schema, but an object may have no other properties than those of the document: clients must
/// bear with new ones, and we must not send any by accident.
fn strict(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut members: Map<_, _> = members.into_iter().map(|(name, value)| (name, strict(value))).collect();
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(members)
        }
        Value::Array(items) => items.into_iter().map(strict).collect(),
        other => other,
    }
}

/// The members of an object; none of anything else.
pub fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn serves(pattern: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    // An empty one is no parameter, and clients leave dots out of addresses.
    let fits = |pattern: &str, segment: &str| pattern.starts_with('{') && !["", ".", ".."].contains(&segment);
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, segment)| pattern == segment || fits(pattern, segment))
}
