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

/// Everything that is read with GET and needs no token, ready to be sent.
struct Pages {
    json: File,
    yaml: File,
    docs: File,
    /// What the page of Swagger UI loads.
    assets: Vec<(String, File)>,
}

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

static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    let document = Document::print();
    let assets = [
        ("swagger-ui.css", swagger_ui!("text/css; charset=utf-8", "swagger-ui.css")),
        ("swagger-ui-bundle.js", swagger_ui!("text/javascript; charset=utf-8", "swagger-ui-bundle.js")),
        ("docs.css", File::new("text/css; charset=utf-8", include_str!("pages/docs.css"))),
        ("docs.js", File::new("text/javascript; charset=utf-8", include_str!("pages/docs.js"))),
        ("icon.svg", File::new("image/svg+xml", include_str!("pages/icon.svg"))),
    ];
    // A file's path names its content, so that it may be kept for ever and is never a stale one.
    let mut page = include_str!("pages/docs.html").to_owned();
    let assets = assets.into_iter().map(|(name, file)| {
        let path = format!("docs/{}/{name}", file.version());
        page = page.replace(&format!("docs/{name}"), &path);
        (format!("/{path}"), file.immutable())
    });
    let assets = assets.collect();
    Pages {
        json: File::new("application/json", document.json),
        yaml: File::new("application/yaml", document.yaml),
        docs: File::new("text/html; charset=utf-8", page),
        assets,
    }
});

/// Everything that is read with GET and needs no token.
pub(super) fn pages() -> Route {
    let pages: &'static Pages = &PAGES;
    let route = Route::new()
        .at("/openapi.json", page(&pages.json))
        .at("/openapi.yaml", page(&pages.yaml))
        .at("/docs", page(&pages.docs))
        // The page names what it loads relative to its own path, and so does this.
        .at("/docs/", get(make_sync(|_| Redirect::permanent("../docs"))));
    pages.assets.iter().fold(route, |route, (path, file)| route.at(path, page(file)))
}

fn page(file: &'static File) -> RouteMethod {
    get(file.with(SetHeader::new().overriding(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)))
}
