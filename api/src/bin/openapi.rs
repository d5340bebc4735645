//! Prints the document: `openapi json` or `openapi yaml`.

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
};

use todo_api::Document;

fn main() -> ExitCode {
    let document = Document::print();
    let text = match std::env::args().nth(1).as_deref() {
        None | Some("json") => document.json,
        Some("yaml") => document.yaml,
        Some(other) => {
            eprintln!("openapi: there is no format {other:?}; choose json (the default) or yaml");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = stdout().write_all(text.as_bytes()) {
        eprintln!("openapi: the document cannot be printed: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
