//! The `Link` header (RFC 8288).

use poem_openapi::registry::MetaSchema;

use crate::scalar::header;

/// The link to the next page. Its target has no scheme and no host: it leads back to the host that the client asked,
/// through whatever proxies stand between, as long as they leave the path as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextPage(String);

impl NextPage {
    /// The link to `target`, a path and a query.
    pub(crate) fn to(target: &str) -> Self {
        Self(format!("<{target}>; rel=\"next\""))
    }
}

header!(
    NextPage,
    "next_page",
    MetaSchema {
        pattern: Some(r#"^<[^<> ]+>; rel="next"$"#.to_owned()),
        example: Some(r#"</api/tasks?limit=50&cursor=AUvXzB0wZQ5tJm0b8Jk0v2y7nS1kq3hEwP>; rel="next""#.into()),
        ..MetaSchema::new("string")
    }
);
