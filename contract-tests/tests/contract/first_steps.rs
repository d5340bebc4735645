//! What a newcomer does first, as the pages tell it: `make`, and the tour of `README.md`.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;
use todo_contract_tests::{Answer, Engine::Sqlite, TestApp, Token, read, temporary_folder, workspace};
use todo_server::Config;

#[test]
fn make_writes_a_configuration_once_and_for_nobody_else() {
    let folder = temporary_folder();
    for file in ["Makefile", ".env.example"] {
        fs::copy(workspace().join(file), folder.path().join(file)).expect("a copy");
    }
    let file = folder.path().join(".env");
    let make = || {
        let made = Command::new("make").arg(".env").current_dir(folder.path()).output().expect("make can be run");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::read_to_string(&file).expect("a configuration")
    };
    let written = make();
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let variables = written.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let secret = variables.clone().find(|(name, _)| *name == "BETTER_AUTH_SECRET").map(|(_, value)| value.len());
    assert_eq!(secret, Some(44), "32 bytes in Base64");
    Config::from_pairs(variables).expect("the server takes it");
    assert_eq!(make(), written, "what is there is left as it is");
}

/// Has the shell read what the page tells to type: `curl` says how it was called, one argument a line, and `make` gives
/// the token that it would make.
const SHELL: &str = r#"curl() { printf '%s\n' "$@" ''; }; make() { printenv "${3#USER=}"; };"#;

/// Asks what `curl` was told to ask.
async fn ask(app: &TestApp, arguments: &str) -> Answer {
    let (mut client, mut method, mut path, mut body) = (app.stranger(), None, "", None);
    let mut arguments = arguments.lines();
    while let Some(argument) = arguments.next() {
        match argument {
            "-i" => {}
            "-X" => method = arguments.next(),
            "-d" => body = arguments.next(),
            "-H" => {
                let (name, value) = arguments.next().and_then(|header| header.split_once(": ")).expect("a header");
                client = client.with_header(name, value);
            }
            address => path = address.strip_prefix("http://localhost:8000").expect("an address of the server"),
        }
    }
    let method = method.unwrap_or(if body.is_some() { "POST" } else { "GET" });
    client.send_bytes(method, path, None, body.unwrap_or_default().to_owned()).await
}

/// What is the same at everybody's place.
fn lasting(json: &str) -> Value {
    let mut value: Value = serde_json::from_str(json).expect("JSON");
    for name in ["created_at", "updated_at", "request_id"] {
        if let Some(member) = value.get_mut(name) {
            *member = Value::Null;
        }
    }
    value
}

#[tokio::test]
async fn the_tour_goes_as_the_page_shows_it() {
    let page = read("README.md");
    let blocks = page.split("```console\n$ ").skip(1).filter_map(|rest| rest.split("\n```").next());
    let steps: Vec<_> =
        blocks.flat_map(|block| block.split("\n$ ")).map(|step| step.split_once('\n').unwrap_or((step, ""))).collect();
    let typed = steps.iter().map(|(typed, _)| *typed).collect::<Vec<_>>().join("\n");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{SHELL}\n{typed}")]);
    shell.envs(["demo", "eve"].map(|user| (user, Token::of(user).encode())));
    let called = String::from_utf8(shell.output().expect("the shell can be run").stdout).expect("text");
    let called: Vec<_> = called.split_terminator("\n\n").collect();
    let shown: Vec<_> = steps.iter().filter(|(typed, _)| typed.starts_with("curl ")).collect();
    assert!(called.len() > 8 && called.len() == shown.len(), "the page was read: {called:#?}");

    let app = TestApp::start(Sqlite).await;
    // Each as the page has it, and as it is here.
    let mut etags: Vec<(&str, String)> = Vec::new();
    for (arguments, (typed, shown)) in called.into_iter().zip(shown) {
        let arguments = etags.iter().fold(arguments.to_owned(), |text, (theirs, ours)| text.replace(*theirs, ours));
        let answer = ask(&app, &arguments).await;
        for line in shown.lines() {
            if let Some(status) = line.strip_prefix("HTTP/1.1 ") {
                assert_eq!(status.split(' ').next(), Some(answer.status.to_string().as_str()), "{typed}");
            } else if line == "[]" || line.starts_with('{') {
                assert_eq!(lasting(&answer.text), lasting(line), "{typed}");
            } else if let Some((name, value)) = line.split_once(": ") {
                assert!(answer.headers.contains_key(name), "{typed} answers {name}");
                if name == "etag" {
                    etags.push((value, answer.header(name).to_owned()));
                }
            }
        }
    }
}
