//! Whatever anybody sends, the answer is one that the document foresees (the client sees to that), and
//! never a fault of ours. Properties instead of fuzz targets: cargo-fuzz wants a nightly compiler, and
//! these go through the real server, from its first byte on.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer,
    Engine::{self, Postgres, Sqlite},
    RAW_VALUE, Raw, TestApp, Token, base64url, holds,
};
use url::form_urlencoded::byte_serialize;

/// How many of each kind are sent.
const CASES: u32 = 192;

fn assert_no_fault(answer: &Answer) {
    assert!(answer.status < 500, "{}", answer.text);
}

/// Any JSON, and often what a task nearly looks like.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ \u{0}-\u{2f}\u{200b}\u{2028}]{0,5}".prop_map(Value::from),
        (0..1100_usize).prop_map(|length| Value::from("\u{1f4a3}".repeat(length))),
    ];
    let name = prop_oneof![
        select(vec!["title", "description", "completed", "id", "user_id", RAW_VALUE]).prop_map(str::to_owned),
        any::<String>()
    ];
    leaf.prop_recursive(3, 16, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name.clone(), inner), 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Bytes that JSON is made of, and others.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_json().prop_map(|value| value.to_string().into_bytes()),
        vec(any::<u8>(), 0..200),
        r#"[\[\]{}":,\\ue0-9tfn .+-]{0,60}"#.prop_map(String::into_bytes),
        (1..3000_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_taken_or_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    holds(TestApp::start(engine).await, CASES, (nearly_json(), any::<bool>()), async |app, _, (body, creates)| {
        let (method, path) = if creates { ("POST", "/api/tasks") } else { ("PUT", "/api/tasks/1") };
        let answer = app.client("ann").send_bytes(method, path, Some("application/json"), body).await;
        assert!([201, 404, 422].contains(&answer.status) || answer.status == 200 && !creates, "{}", answer.text);
        Ok(())
    });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_many_fields_is_taken_or_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let fields = (
        prop_oneof![2 => "\\PC{1,200}".prop_map(Value::from), 1 => any_json()],
        prop_oneof![2 => option::of("\\PC{0,1000}").prop_map(Value::from), 1 => any_json()],
        prop_oneof![2 => any::<bool>().prop_map(Value::from), 1 => any_json()],
    );
    let taken = AtomicU32::new(0);
    holds(TestApp::start(engine).await, CASES, fields, async |app, _, (title, description, completed)| {
        let body = json!({"title": title, "description": description, "completed": completed});
        let answer = app.client("ann").create(body.clone()).await;
        if answer.status == 201 {
            let (task, kept) = (answer.json(), app.client("ann").task(answer.id()).await.expect(200).json());
            assert_eq!(task, kept);
            assert_eq!((&task["title"], &task["description"], &task["completed"]), (&title, &description, &completed));
            taken.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(!answer.expect(422).faults().is_empty());
        }
        Ok(())
    });
    // Of eight, two or three are good.
    let taken = taken.into_inner();
    assert!(taken > CASES / 10, "{taken} of {CASES} are taken");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_of_the_caller_alone_or_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let nearly = |good: Vec<&'static str>| {
        prop_oneof![
            4 => select(good).prop_map(|value| value.as_bytes().to_vec()),
            1 => "\\PC{0,220}".prop_map(String::into_bytes),
            1 => vec(any::<u8>(), 0..40),
        ]
    };
    let sealed = vec(any::<u8>(), 1..60).prop_map(|mut bytes| {
        // How cursors are written: else it would not even be opened.
        bytes[0] = 1;
        base64url(&bytes).into_bytes()
    });
    let parameter = prop_oneof![
        (Just("limit"), nearly(vec!["1", "1000"])),
        (Just("completed"), nearly(vec!["true", "false"])),
        (Just("q"), nearly(vec!["a", "A"])),
        (Just("sort"), nearly(vec!["title", "-updated_at"])),
        (Just("cursor"), nearly(vec!["AQ"])),
        (Just("cursor"), sealed),
    ];
    let written = parameter.prop_map(|(name, value)| format!("{name}={}", byte_serialize(&value).collect::<String>()));
    let app = TestApp::start(engine).await;
    for completed in [true, false] {
        app.client("eve").create(json!({"title": "a", "completed": completed})).await.expect(201);
    }
    holds(app, CASES, vec(written, 1..4), async |app, user, parameters| {
        let client = app.client(&user);
        let id = client.created("a").await;
        let answer = client.get(&format!("/api/tasks?{}", parameters.join("&"))).await;
        let is_own = answer.status == 200 && answer.ids().iter().all(|found| *found == id);
        if is_own || answer.status == 422 { Ok(()) } else { Err(answer.text) }
    });
}

/// A larger one is answered before any operation, which the document does not tell of.
const FITS: &str = "a head is no larger than 16 KiB, a token in it included";

#[expect(clippy::ptr_arg, reason = "a filter of proptest takes what it filters")]
fn fits(token: &String) -> bool {
    token.len() <= 15 * 1024
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_signed_is_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let part = prop_oneof![
        "[A-Za-z0-9_=-]{0,40}",
        any_json().prop_map(|value| base64url(value.to_string())),
        Just(base64url(br#"{"alg":"HS256"}"#)),
        Just(base64url(br#"{"alg":"none"}"#)),
    ];
    let token = prop_oneof![vec(part, 0..6).prop_map(|parts| parts.join(".")), "[!-~]{0,200}"];
    holds(TestApp::start(engine).await, CASES, token.prop_filter(FITS, fits), async |app, _, token| {
        app.client_with(&token).list().await.expect(401);
        Ok(())
    });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_claims_of_a_signed_token_are_taken_or_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let claim = select(vec!["userId", "user_id", "sub", "id", "exp", "nbf", "iat", "iss", "aud", "jti"]);
    let token = vec((claim, any_json()), 0..4).prop_map(|claims| {
        claims.into_iter().fold(Token::of("ann"), |token, (name, value)| token.with(name, value)).encode()
    });
    holds(TestApp::start(engine).await, CASES, token.prop_filter(FITS, fits), async |app, _, token| {
        let answer = app.client_with(&token).create(json!({"title": "a"})).await;
        assert!([201, 401].contains(&answer.status), "{}", answer.text);
        Ok(())
    });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_header_causes_a_fault(#[values(Sqlite, Postgres)] engine: Engine) {
    let name = select(vec![
        "X-Request-Id",
        "Accept",
        "Accept-Encoding",
        "Origin",
        "Access-Control-Request-Method",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "If-Modified-Since",
        "Range",
        "Cookie",
        "Expect",
        "traceparent",
        "X-HTTP-Method-Override",
        "Authorization",
        "Content-Language",
    ]);
    let value = prop_oneof!["[ -~]{0,60}", "[\u{a0}-\u{ff}]{1,20}"];
    holds(TestApp::start(engine).await, CASES, vec((name, value), 1..4), async |app, _, headers| {
        let client = headers.iter().fold(app.client("ann"), |client, (name, value)| client.with_header(name, value));
        assert_no_fault(&client.list().await);
        assert_no_fault(&client.create(json!({"title": "a"})).await);
        Ok(())
    });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_path_leads_somewhere_or_nowhere(#[values(Sqlite, Postgres)] engine: Engine) {
    let segment = prop_oneof![
        select(vec!["api", "tasks", "complete", "docs", "1", "-1", "9223372036854775808", "%00", "%ff", "..", ""])
            .prop_map(str::to_owned),
        "[A-Za-z0-9%._~!$&'()*+,;=:@-]{0,12}",
    ];
    let method = select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]);
    let path = (vec(segment, 0..5), "[a-z%=&0-9]{0,20}");
    holds(TestApp::start(engine).await, CASES, (method, path), async |app, _, (method, (segments, query))| {
        let path = format!("/{}?{query}", segments.join("/"));
        assert_no_fault(&app.client("ann").send(method, &path, None).await);
        Ok(())
    });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_a_request_or_a_problem(#[values(Sqlite, Postgres)] engine: Engine) {
    let line = prop_oneof![
        "(GET|POST|get|\\PC{0,5}) [!-~]{0,20} HTTP/(1[.][01]|[0-9.]{1,3})",
        "[ -~]{0,40}",
        "(Host|Content-Length|Transfer-Encoding|Connection|Expect|Upgrade): [ -~]{0,20}",
    ];
    let bytes = prop_oneof![
        vec(line, 1..5).prop_map(|lines| (lines.join("\r\n") + "\r\n\r\n").into_bytes()),
        vec(any::<u8>(), 1..200),
    ];
    // Whoever has it wait for a body is not waited for.
    let app = TestApp::configured(engine, &[("REQUEST_TIMEOUT", "5"), ("IDLE_TIMEOUT", "5")]).await;
    holds(app, CASES, bytes, async |app, _, mut bytes| {
        let mut raw = Raw::connect(app.address()).await;
        // Behind nothing but empty lines, this is the first that is answered; and the last in any case.
        bytes.extend(b"\r\n\r\nGET /api/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        raw.send(&bytes).await;
        let answers = raw.answers().await;
        assert!(!answers.is_empty(), "there is an answer");
        answers.iter().for_each(assert_no_fault);
        Ok(())
    });
}
