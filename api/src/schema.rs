//! The published schemas at work: a body is held against the very schema that the document shows, so
//! that document and behaviour cannot differ.

use jsonschema::{
    ValidationError, Validator,
    error::ValidationErrorKind::{MaxLength, MinLength, Pattern, Required, Type as WrongType},
};
use poem_openapi::{registry::Registry, types::Type};
use serde_json::{Map, Value};

use crate::Fault;

/// The published schema of a body.
pub(crate) struct Schema {
    json: Value,
    validator: Validator,
}

impl Schema {
    /// The schema of `T`.
    ///
    /// # Panics
    ///
    /// Where `T` publishes no schema, or an invalid one: a fault of this crate, which its first request
    /// in any test shows.
    pub(crate) fn of<T: Type>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let json = registry
            .schemas
            .get(T::name().as_ref())
            .and_then(|schema| serde_json::to_value(schema).ok())
            .map(json_schema)
            .expect("a body publishes a schema");
        let validator = jsonschema::draft4::new(&json).expect("a published schema is valid");
        Self { json, validator }
    }

    /// One fault for every value that is not as the schema has it, in the order of their pointers.
    pub(crate) fn faults(&self, body: &Value) -> Vec<Fault> {
        let errors = self.validator.iter_errors(body);
        let mut faults: Vec<_> = errors.map(|error| (pointer(&error), gravity(&error), self.detail(&error))).collect();
        // Of several things wrong with one value the gravest is told: an empty title is first of all too short.
        faults.sort();
        faults.dedup_by(|next, first| next.0 == first.0);
        faults.into_iter().map(|(pointer, _, detail)| Fault::in_body(pointer, detail)).collect()
    }

    /// What is wrong, in words for whoever sent it.
    fn detail(&self, error: &ValidationError<'_>) -> String {
        match error.kind() {
            Required { .. } => "is required".to_owned(),
            WrongType { .. } => format!("must be {}", self.types_at(error)),
            MinLength { .. } | MaxLength { .. } => format!("must have {} characters", self.lengths_at(error)),
            Pattern { .. } if error.instance().as_str().is_some_and(|text| text.contains('\0')) => {
                "must not have the character U+0000".to_owned()
            }
            Pattern { .. } => "must have a character that is neither white space nor a control character".to_owned(),
            other => format!("does not fit the {} of its schema", other.keyword()),
        }
    }

    fn types_at(&self, error: &ValidationError<'_>) -> String {
        let article = |name: &str| match name {
            "null" => "null".to_owned(),
            "array" | "integer" | "object" => format!("an {name}"),
            name => format!("a {name}"),
        };
        match &self.parent(error)["type"] {
            Value::String(name) => article(name),
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(article).collect::<Vec<_>>().join(" or "),
            _ => "of another type".to_owned(),
        }
    }

    fn lengths_at(&self, error: &ValidationError<'_>) -> String {
        let schema = self.parent(error);
        match (&schema["minLength"], &schema["maxLength"]) {
            (Value::Null, most) => format!("at most {most}"),
            (least, Value::Null) => format!("at least {least}"),
            (least, most) => format!("{least} to {most}"),
        }
    }

    /// The schema whose keyword found the error.
    fn parent(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().to_string();
        let parent = path.rsplit_once('/').map_or("", |(parent, _keyword)| parent);
        self.json.pointer(parent).unwrap_or(&Value::Null)
    }
}

fn gravity(error: &ValidationError<'_>) -> u8 {
    match error.kind() {
        Required { .. } | WrongType { .. } => 0,
        MinLength { .. } | MaxLength { .. } => 1,
        _ => 2,
    }
}

/// Where the fault is; a missing property is at fault where it should stand.
fn pointer(error: &ValidationError<'_>) -> String {
    let path = error.instance_path();
    match error.kind() {
        Required { property: Value::String(name) } => path.join(name).to_string(),
        _ => path.to_string(),
    }
}

/// An OpenAPI 3.0 schema as the JSON Schema that means the same: OpenAPI says `nullable`, JSON Schema
/// adds a type.
#[must_use]
pub fn json_schema(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut members: Map<_, _> = members.into_iter().map(|(name, value)| (name, json_schema(value))).collect();
            if members.remove("nullable") == Some(Value::Bool(true))
                && let Some(kind) = members.remove("type")
            {
                members.insert("type".to_owned(), Value::Array(vec![kind, Value::String("null".to_owned())]));
            }
            Value::Object(members)
        }
        Value::Array(items) => items.into_iter().map(json_schema).collect(),
        other => other,
    }
}
