//! Each secured operation wants a token that counts, and which those are.

mod hostile;
mod jwks;
mod secrets;

use rstest::rstest;
use serde_json::{Value, json};
use todo_contract_tests::{
    Answer, Client,
    Engine::{self, Guarded, Postgres, Sqlite},
    Operation, SECRET, TestApp, Token, committed, raw_value, seconds_from_now,
};

/// Asks an operation for what would be refused: whoever is not known must not learn that.
async fn call(client: &Client, operation: &Operation) -> Answer {
    let (_, body) = operation.good(1);
    let body = body.map(|_| json!({"title": 5}));
    client.send(&operation.method, &operation.path.replace("{id}", "x"), body).await
}

/// Whether the words stand in `detail`; no words at all would stand in any.
fn says(detail: &str, words: &str) -> bool {
    !words.is_empty() && detail.contains(words)
}

#[rstest]
#[case::unreadable("a.b.c".to_owned(), "header of the token")]
#[case::no_ascii("é.b.c".to_owned(), "outside visible ASCII")]
#[case::wrongly_signed(Token::of("ann").signed_with("another secret, which is long enough too").encode(), "does not match")]
#[case::expired(Token::of("ann").with("exp", seconds_from_now(-60)).encode(), "expired")]
#[tokio::test]
async fn a_token_that_does_not_count_is_refused_by_every_operation(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] token: String,
    #[case] why: &str,
) {
    let app = TestApp::start(engine).await;
    for operation in committed().secured() {
        let refused = call(&app.client_with(&token), operation).await.expect(401);
        let challenge = refused.header("www-authenticate").to_owned();
        assert!(challenge.starts_with(r#"Bearer error="invalid_token", error_description=""#), "{challenge}");
        let detail = refused.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(says(&detail, why), "{detail:?} says {why:?}");
        assert!(!refused.text.contains(SECRET), "the secret stays one");
    }
}

#[rstest]
#[case::absent(None)]
#[case::basic(Some("Basic YW5uOnNlY3JldA=="))]
#[case::bearer_alone(Some("Bearer"))]
#[case::bearer_and_spaces(Some("Bearer   "))]
#[case::another_scheme(Some("Token abc"))]
#[tokio::test]
async fn who_sends_no_token_is_told_to_send_one(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] header: Option<&str>,
) {
    let app = TestApp::start(engine).await;
    let mut client = app.stranger();
    if let Some(header) = header {
        client = client.with_header("Authorization", header);
    }
    for operation in committed().secured() {
        let refused = call(&client, operation).await.expect(401);
        assert_eq!(refused.header("www-authenticate"), "Bearer", "RFC 6750 wants no error where no token was sent");
    }
}

#[rstest]
#[tokio::test]
async fn several_authorization_headers_are_refused(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let twice = app.client("ann").with_header("Authorization", &Token::of("bob").bearer());
    twice.list().await.expect(401);
}

#[rstest]
#[tokio::test]
async fn a_token_in_the_query_is_never_looked_at(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let token = Token::of("ann").encode();
    app.stranger().get(&format!("/api/tasks?access_token={token}&token={token}")).await.expect(401);
}

#[rstest]
#[case::user_id_in_camels(Token::of("x").without("sub").with("userId", "ann"))]
#[case::user_id_in_snakes(Token::of("x").without("sub").with("user_id", "ann"))]
#[case::subject(Token::of("ann"))]
#[case::id(Token::of("x").without("sub").with("id", "ann"))]
#[case::all_of_them(Token::of("z").with("userId", "ann").with("user_id", "y").with("id", "x"))]
#[case::null_counts_as_absent(Token::of("ann").with("userId", Value::Null).with("user_id", Value::Null))]
#[case::subject_before_id(Token::of("ann").with("id", 5))]
#[case::with_issuer_and_audience(Token::of("ann").with("iss", "https://a.example").with("aud", json!(["b", "c"])))]
#[case::without_type(Token::of("ann").header(|header| header.typ = None))]
#[case::type_in_small_letters(Token::of("ann").header(|header| header.typ = Some("jwt".into())))]
#[case::type_of_access_tokens(Token::of("ann").header(|header| header.typ = Some("application/at+jwt".into())))]
#[case::key_id(Token::of("ann").header(|header| header.kid = Some("../../dev/null".into())))]
#[case::expiry_with_a_fraction(Token::of("ann").with("exp", 4_102_444_800.5))]
#[case::expiry_far_away(Token::of("ann").with("exp", 1e18))]
#[case::a_claim_of_a_raw_value(Token::of("ann").with("more", raw_value("not json")))]
#[case::already_begun(Token::of("ann").with("nbf", seconds_from_now(-60)).with("iat", seconds_from_now(-60)))]
#[tokio::test]
async fn a_token_that_counts_is_taken(#[values(Sqlite, Postgres)] engine: Engine, #[case] token: Token) {
    let app = TestApp::start(engine).await;
    let task = app.client_with(&token.encode()).create(json!({"title": "a"})).await.expect(201).json();
    assert_eq!(task["user_id"], "ann");
}

#[rstest]
#[case::just_expired("exp", -1)]
#[case::about_to_begin("nbf", 3)]
#[tokio::test]
async fn clocks_may_differ_by_seconds(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] claim: &str,
    #[case] seconds: i64,
) {
    let app = TestApp::start(engine).await;
    let token = Token::of("ann").with(claim, seconds_from_now(seconds));
    app.client_with(&token.encode()).list().await.expect(200);
}

#[rstest]
#[tokio::test]
async fn a_user_has_up_to_255_code_points(
    #[values(Sqlite, Postgres, Guarded)] engine: Engine,
    #[values("x", "😀")] letter: &str,
) {
    let app = TestApp::start(engine).await;
    let user = letter.repeat(255);
    let client = app.client(&user);
    let task = client.create(json!({"title": "a"})).await.expect(201).json();
    assert_eq!(task["user_id"], user);
    assert_eq!(client.list().await.expect(200).json(), json!([task]));
}

#[rstest]
#[case::of_two_bytes_each("é".repeat(16))]
#[case::with_spaces_around(format!(" {} ", "é".repeat(15)))]
#[tokio::test]
async fn a_secret_has_32_bytes_however_few_its_letters_are(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] secret: String,
) {
    let app = TestApp::configured(engine, &[("BETTER_AUTH_SECRET", &secret)]).await;
    app.client_with(&Token::of("ann").signed_with(secret).encode()).list().await.expect(200);
}

#[rstest]
#[case::small("bearer")]
#[case::capitals("BEARER")]
#[case::more_spaces("Bearer  ")]
#[tokio::test]
async fn the_scheme_may_be_written_in_any_case(#[values(Sqlite, Postgres)] engine: Engine, #[case] scheme: &str) {
    let app = TestApp::start(engine).await;
    let client = app.stranger().with_header("Authorization", &format!("{scheme} {}", Token::of("ann").encode()));
    client.list().await.expect(200);
}

#[rstest]
#[case::one_of_the_issuers(Token::of("ann").with("iss", "https://b.example").with("aud", "api"), 200)]
#[case::a_trailing_slash(Token::of("ann").with("iss", "https://a.example/").with("aud", "api"), 200)]
#[case::two_slashes(Token::of("ann").with("iss", "https://a.example//").with("aud", "api"), 401)]
#[case::a_slash_behind_a_name(Token::of("ann").with("iss", "https://a.example").with("aud", "api/"), 401)]
#[case::audience_in_a_list(Token::of("ann").with("iss", "https://a.example").with("aud", json!(["web", "api"])), 200)]
#[case::issuer_in_a_list(Token::of("ann").with("iss", json!(["https://a.example"])).with("aud", "api"), 401)]
#[case::other_issuer(Token::of("ann").with("iss", "https://evil.example").with("aud", "api"), 401)]
#[case::other_audience(Token::of("ann").with("iss", "https://a.example").with("aud", "web"), 401)]
#[case::no_issuer(Token::of("ann").with("aud", "api"), 401)]
#[case::no_audience(Token::of("ann").with("iss", "https://a.example"), 401)]
#[case::issuer_of_another_kind(Token::of("ann").with("iss", json!({"a": 1})).with("aud", "api"), 401)]
#[tokio::test]
async fn issuer_and_audience_are_checked_where_configured(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] token: Token,
    #[case] status: u16,
) {
    let variables = [("AUTH_ISSUER", "https://a.example, https://b.example"), ("AUTH_AUDIENCE", "api")];
    let app = TestApp::configured(engine, &variables).await;
    assert_eq!(app.client_with(&token.encode()).list().await.status, status);
}

#[rstest]
#[tokio::test]
async fn a_body_of_a_stranger_is_never_read(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let body = vec![b'x'; 10 * 1024 * 1024];
    app.stranger().send_bytes("POST", "/api/tasks", Some("text/plain"), body).await.expect(401);
}
