//! The operations by path and method, as the document has them.

use std::sync::LazyLock;

use poem::{Response, http::Method};
use poem_openapi::{OpenApi, OperationId};

use crate::{Apis, unserved::Unserved};

/// Which operation answered: an answer bears it as response data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The operationId of the document.
    pub id: &'static str,
    /// The path of the document, such as `/api/tasks/{id}`.
    pub route: &'static str,
}

impl Operation {
    /// The one that serves `method` at `path`, if any.
    #[must_use]
    pub fn at(method: &Method, path: &str) -> Option<Self> {
        let entry = entry(method, path)?;
        Some(Self { id: entry.id?, route: &entry.path })
    }

    /// The operationIds of the document.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        OPERATIONS.iter().filter_map(|entry| entry.id)
    }
}

struct Entry {
    id: Option<&'static str>,
    method: Method,
    path: String,
    parameters: Vec<String>,
}

static OPERATIONS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let apis = <Apis<Unserved>>::meta();
    let paths = apis.into_iter().flat_map(|api| api.paths);
    paths
        .flat_map(|path| {
            path.operations.into_iter().map(move |operation| Entry {
                id: operation.operation_id,
                method: operation.method,
                path: path.path.clone(),
                parameters: operation.params.into_iter().map(|parameter| parameter.name).collect(),
            })
        })
        .collect()
});

/// Notes on `response` which operation made it.
pub(crate) fn note(operation: Option<OperationId>, response: &mut Response) {
    if let Some(OperationId(id)) = operation
        && let Some(entry) = OPERATIONS.iter().find(|entry| entry.id == Some(id))
    {
        response.set_data(Operation { id, route: &entry.path });
    }
}

/// The names of the parameters that the operation at `path` takes.
pub(crate) fn parameters(method: &Method, path: &str) -> &'static [String] {
    entry(method, path).map_or(&[], |entry| &entry.parameters)
}

/// The names of the parameters of all operations, each as often as it is taken.
#[cfg(test)]
pub(crate) fn all_parameters() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().flat_map(|entry| &entry.parameters).map(String::as_str)
}

/// The operation that serves `method` at `path`: GET serves HEAD as well (RFC 9110, 9.3.2).
fn entry(method: &Method, path: &str) -> Option<&'static Entry> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS.iter().find(|entry| entry.method == method && matches(&entry.path, path))
}

/// The value of `Allow` for a path that some method serves. Pages beside the operations are only ever read.
pub(crate) fn allow(path: &str) -> String {
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let served: Vec<_> = methods.iter().filter(|method| entry(method, path).is_some()).map(Method::as_str).collect();
    if served.is_empty() { "GET, HEAD".to_owned() } else { served.join(", ") }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) if expected == found || expected.starts_with('{') => {}
            _ => return false,
        }
    }
}
