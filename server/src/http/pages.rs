//! The document, and Swagger UI on it. All of it comes from this process: no page asks another host.

mod compressed;
mod file;

use std::sync::LazyLock;

use poem::{
    EndpointExt as _, Route, RouteMethod, endpoint::make_sync, get, http::header, middleware::SetHeader, web::Redirect,
};
use todo_api::Document;

use self::file::File;

/// Only what this server sends, and nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of Swagger UI as the build script left it.
macro_rules! swagger_ui {
    ($content_type:literal, $name:literal) => {
        File::compressed(
            $content_type,
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice(),
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")).as_slice(),
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".br")).as_slice(),
        )
    };
}

/// Each file by its path.
static FILES: LazyLock<Vec<(String, File)>> = LazyLock::new(|| {
    let document = Document::print();
    let assets = [
        ("swagger-ui.css", swagger_ui!("text/css; charset=utf-8", "swagger-ui.css")),
        ("swagger-ui-bundle.js", swagger_ui!("text/javascript; charset=utf-8", "swagger-ui-bundle.js")),
        ("docs.css", File::new("text/css; charset=utf-8", include_str!("pages/docs.css"))),
        ("docs.js", File::new("text/javascript; charset=utf-8", include_str!("pages/docs.js"))),
        ("icon.svg", File::new("image/svg+xml", include_str!("pages/icon.svg"))),
    ];
    // An asset's path changes with its content, so that it may be kept for ever and is never stale.
    let mut page = include_str!("pages/docs.html").to_owned();
    let assets = assets.into_iter().map(|(name, file)| {
        let path = format!("docs/{}/{name}", file.version());
        page = page.replace(&format!("docs/{name}"), &path);
        (format!("/{path}"), file.immutable())
    });
    let mut files: Vec<_> = assets.collect();
    files.extend([
        ("/openapi.json".to_owned(), File::new("application/json", document.json)),
        ("/openapi.yaml".to_owned(), File::new("application/yaml", document.yaml)),
        ("/docs".to_owned(), File::new("text/html; charset=utf-8", page)),
    ]);
    files
});

/// Everything that is read with GET and needs no token.
pub(super) fn pages() -> Route {
    // The page names what it loads relative to its own path, and so does this.
    let route = Route::new().at("/docs/", get(make_sync(|_| Redirect::permanent("../docs"))));
    FILES.iter().fold(route, |route, (path, file)| route.at(path, page(file)))
}

fn page(file: &'static File) -> RouteMethod {
    get(file.with(SetHeader::new().overriding(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)))
}
