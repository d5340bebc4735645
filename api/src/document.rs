//! The document: printed from the types alone, with no server, database or secret.

use std::{collections::HashMap, marker::PhantomData, mem};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    ContactObject, ExtraHeader, LicenseObject, OpenApi, OpenApiService, ServerObject,
    registry::{MetaApi, Registry},
};
use serde_json::{Map, Value, json};

use crate::{Apis, RequestId, problem::MEDIA_TYPE, unserved::Unserved};

/// The title of the API.
pub(crate) const TITLE: &str = "Todo API";

/// The version of the contract, as semver: what breaks a client is a new major version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const DESCRIPTION: &str = include_str!("document.md");

/// The header names as people write them; the framework publishes capitals.
const HEADERS: [&str; 5] = ["ETag", "Idempotency-Replayed", "Link", "Location", REQUEST_ID];

/// The header of every answer.
const REQUEST_ID: &str = "X-Request-Id";

/// The headers that tell an identified caller how much is left, where the server has a limit
/// (draft-ietf-httpapi-ratelimit-headers); none comes from a type, since no operation sets them.
const RATE_LIMIT_HEADERS: [(&str, &str, &str); 2] = [
    (
        "RateLimit-Policy",
        "The limit: `q` requests at once, `w` seconds until all are allowed again. Absent where there is no limit, or you \
         were not identified.",
        r#""user";q=200;w=10"#,
    ),
    (
        "RateLimit",
        "What you have left of the limit: `r` requests, `t` seconds until all are allowed again. Absent where there is no \
         limit, or you were not identified.",
        r#""user";r=199;t=1"#,
    ),
];

/// The published document, in both spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// As JSON, pretty-printed.
    pub json: String,
    /// The same as YAML.
    pub yaml: String,
}

impl Document {
    /// Prints the document.
    ///
    /// # Panics
    ///
    /// Where the framework prints no JSON object: a fault that no input can cause.
    #[must_use]
    pub fn print() -> Self {
        let apis = Described::<Apis<Unserved>>(PhantomData);
        let service = OpenApiService::new(apis, TITLE, VERSION)
            .description(DESCRIPTION)
            .contact(ContactObject::new().name("The todo API's maintainers"))
            .license(LicenseObject::new("MIT").url("https://opensource.org/license/mit"))
            .server(ServerObject::new("/").description("The server that this document came from"))
            .extra_response_header::<RequestId, _>(ExtraHeader::new(REQUEST_ID).description(
                "The name of this request in the server's log: the one `X-Request-Id` that you sent, if it is 1 to 128 of \
                 `A-Za-z0-9._-`; else a fresh one.",
            ));
        let mut document = serde_json::from_str(&service.spec()).expect("the framework prints JSON");
        finish(&mut document);
        let json = serde_json::to_string_pretty(&document).expect("a JSON value can be printed") + "\n";
        let yaml = serde_saphyr::to_string(&document).expect("a JSON value is a YAML value");
        Self { json, yaml }
    }
}

/// Says what the framework leaves out or says otherwise.
fn finish(document: &mut Value) {
    document["openapi"] = json!("3.0.3");
    let mut request_id = Value::Null;
    let operations = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        // Open to all, on purpose; without this it reads as forgotten.
        let is_secured = operation.get("security").is_some();
        if !is_secured {
            operation["security"] = json!([]);
        }
        for (_, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            lift_example(response);
            if let Some(header) = finish_headers(response, is_secured) {
                request_id = header;
            }
        }
    }
    document["components"]["headers"][REQUEST_ID] = request_id;
    for (name, description, example) in RATE_LIMIT_HEADERS {
        let schema = json!({"type": "string", "example": example});
        document["components"]["headers"][name] = json!({"description": description, "schema": schema});
    }
    if let Some(tags) = document["tags"].as_array_mut() {
        // What the service is for comes first; the framework sorts by name.
        tags.sort_by_key(|tag| tag["name"] != "Tasks");
    }
    tidy(document);
}

/// Gives the answer the example that [`crate::problem::meta`] could only give to its schema.
fn lift_example(response: &mut Value) {
    if let Some(content) = response.get_mut("content").and_then(|content| content.get_mut(MEDIA_TYPE)) {
        content["example"] = content["schema"]["example"].take();
        content["schema"] = content["schema"]["allOf"][0].take();
    }
}

/// Completes the headers of an answer, and spells them as people do. What all answers have is referred to; what stood
/// for it is returned, for the components.
fn finish_headers(response: &mut Value, is_secured: bool) -> Option<Value> {
    let headers = response.get_mut("headers").and_then(Value::as_object_mut)?;
    let limits = RATE_LIMIT_HEADERS.iter().filter(|_| is_secured);
    headers.extend(limits.map(|(name, ..)| ((*name).to_owned(), in_components(name))));
    *headers = mem::take(headers).into_iter().map(|(name, header)| (spelt(name), header)).collect();
    headers.get_mut(REQUEST_ID).map(|header| mem::replace(header, in_components(REQUEST_ID)))
}

fn in_components(header: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{header}") })
}

fn spelt(name: String) -> String {
    HEADERS.into_iter().find(|known| known.eq_ignore_ascii_case(&name)).map_or(name, str::to_owned)
}

/// Whole numbers are written as such, and what goes without saying is not said.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members
                .retain(|name, value| !(name == "deprecated" && value == false || name == "explode" && value == true));
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|float| !number.is_i64() && float.fract() == 0.0) {
                #[expect(clippy::cast_possible_truncation, reason = "bounds of the schemas are within 2^53")]
                let whole = whole as i64;
                *number = whole.into();
            }
        }
        _ => {}
    }
}

/// The meta data of an API without an instance of it.
struct Described<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}
