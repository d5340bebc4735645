//! Generates the client from the document beside this file, which `run` fetches from the server.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=openapi.json");
    let document: openapiv3::OpenAPI = serde_json::from_reader(fs::File::open("openapi.json")?)?;
    let client = progenitor::Generator::default().generate_tokens(&document)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), client.to_string())?;
    Ok(())
}
