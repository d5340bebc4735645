//! The document, and Swagger UI on it. All of it comes from this process: no page asks another host.

use bytes::Bytes;
use poem::{
    Endpoint, IntoResponse, Response, Route,
    endpoint::make_sync,
    get,
    http::{StatusCode, header},
};
use swagger_ui_redist::{SwaggerUi, SwaggerUiStaticFile as File};
use todo_api::Document;

/// Only what this server sends, and nothing inline but the styles that Swagger UI sets on elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Everything that is read with GET and needs no token.
pub(super) fn pages() -> Route {
    let document = Document::print();
    let mut route = Route::new()
        .at("/openapi.json", get(page("application/json", document.json)))
        .at("/openapi.yaml", get(page("application/yaml", document.yaml)))
        .at("/docs", get(page("text/html; charset=utf-8", include_str!("docs.html"))))
        .at("/docs/start.js", get(page("text/javascript; charset=utf-8", include_str!("docs.js"))));
    for (file, content) in SwaggerUi::static_files() {
        if let Some((path, content_type)) = served_as(*file) {
            route = route.at(path, get(page(content_type, *content)));
        }
    }
    route
}

fn served_as(file: File) -> Option<(&'static str, &'static str)> {
    match file {
        File::Css => Some(("/docs/swagger-ui.css", "text/css; charset=utf-8")),
        File::Js => Some(("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8")),
        File::Favicon32 => Some(("/docs/favicon-32x32.png", "image/png")),
        // Our page does without the others.
        _ => None,
    }
}

fn page(content_type: &'static str, content: impl Into<Bytes>) -> impl Endpoint<Output = Response> {
    let content = content.into();
    make_sync(move |_| {
        Response::builder()
            .status(StatusCode::OK)
            .content_type(content_type)
            .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
            .header(header::CACHE_CONTROL, "no-cache")
            .body(content.clone())
            .into_response()
    })
}
