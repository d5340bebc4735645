//! What the server is deployed with names only what there is.

use std::collections::BTreeSet;

use serde_json::Value;
use todo_contract_tests::{ServerProcess, committed, read};

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The variables that the server knows: `.env.example` has each of them, and a test of its own.
fn known() -> BTreeSet<String> {
    let names = read(".env.example");
    let names = names.lines().filter_map(|line| line.trim_start_matches("# ").split_once('='));
    names.map(|(name, _)| name.to_owned()).collect()
}

fn assert_known<'a>(file: &str, given: impl IntoIterator<Item = &'a str>) {
    let given: Vec<_> = given.into_iter().collect();
    assert!(!given.is_empty(), "{file} sets no variable");
    for name in given {
        assert!(known().contains(name), "{file} sets {name}, which the server does not know");
    }
}

#[test]
fn the_image_sets_variables_of_the_server_and_checks_its_health() {
    let file = read("Dockerfile");
    let set = file.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    assert_known("Dockerfile", set.filter_map(|pair| pair.split_once('=')).map(|(name, _)| name));
    assert!(file.contains(r#"CMD ["todo-server", "healthcheck"]"#), "the image has a health check");
    assert!(ServerProcess::run(&["healthcheck", "--help"], &[]).is_well(), "and the server has the command");
    let user = file.lines().filter_map(|line| line.strip_prefix("USER ")).next_back();
    assert_eq!(user, Some("65532:65532"), "it is not root who runs it, and a number says so");
}

#[test]
fn the_composition_sets_variables_of_the_server() {
    let server = &yaml("compose.yaml")["services"]["server"];
    let set = server["environment"].as_object().expect("variables");
    assert_known("compose.yaml", set.keys().map(String::as_str));
    for name in ["HOST", "PORT", "DATABASE_URL", "DATABASE_DIRECT_URL"] {
        assert!(set.contains_key(name), "{name} of .env is for a server outside of it");
    }
    assert_eq!(server["env_file"][0]["path"], ".env", "all else is as it is set there");
    assert_eq!(server["stop_grace_period"], "20s", "a stop is waited for");
    assert_eq!(server["read_only"], true);
    assert_eq!(server["cap_drop"][0], "ALL");
}

#[test]
fn the_blueprint_sets_variables_of_the_server_and_checks_its_health() {
    let server = &yaml("deploy/render.yaml")["services"][0];
    let set = server["envVars"].as_array().expect("variables");
    assert_known("deploy/render.yaml", set.iter().filter_map(|variable| variable["key"].as_str()));
    let health = server["healthCheckPath"].as_str().expect("a path");
    assert_eq!(committed().operation("GET", health).map(|operation| operation.id.as_str()), Some("getHealth"));
}

#[test]
fn the_unit_sets_variables_of_the_server() {
    let file = read("deploy/todo-server.service");
    let set = file.lines().filter_map(|line| line.strip_prefix("Environment="));
    assert_known("deploy/todo-server.service", set.filter_map(|pair| pair.split_once('=')).map(|(name, _)| name));
}
