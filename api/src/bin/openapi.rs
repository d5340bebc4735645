//! Prints the document: `openapi json` or `openapi yaml`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::process::ExitCode;

use todo_api::Document;

fn main() -> ExitCode {
    let document = Document::print();
    match std::env::args().nth(1).as_deref() {
        None | Some("json") => print!("{}", document.json),
        Some("yaml") => print!("{}", document.yaml),
        Some(other) => {
            eprintln!("openapi: there is no format {other:?}; choose json (the default) or yaml");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
