//! Takes out of the archive of Swagger UI what our page shows, and compresses it: at the build, because
//! the best compression of its megabytes takes seconds, which no start should.

#[path = "src/http/pages/compressed.rs"]
mod compressed;

use std::{
    borrow::Cow,
    error::Error,
    fs,
    io::{Cursor, Read},
    path::PathBuf,
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

#[expect(clippy::disallowed_methods, reason = "this is how cargo tells a build script where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/http/pages/compressed.rs");
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        let path = format!("/dist/{file}");
        let found = archive.file_names().flatten().find(|name| name.ends_with(&path)).map(Cow::into_owned);
        let name = found.ok_or_else(|| format!("the archive has no {path}"))?;
        let mut content = Vec::new();
        archive.by_name(&name)?.read_to_end(&mut content)?;
        fs::write(folder.join(format!("{file}.br")), compressed::brotli(&content, 11))?;
        fs::write(folder.join(format!("{file}.gz")), compressed::gzip(&content))?;
        fs::write(folder.join(file), content)?;
    }
    Ok(())
}
