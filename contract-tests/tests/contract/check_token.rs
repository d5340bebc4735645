//! `todo-server check-token`: why a token does not count, for whoever set both ends up.

use std::process::Stdio;

use jsonwebtoken::Algorithm::EdDSA;
use rstest::rstest;
use todo_contract_tests::{
    Ended, Issuer, Reply, SECRET, ServerProcess, SigningKey, Token, seconds_from_now, temporary_folder,
};

fn check(token: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let ended = ServerProcess::run(&["check-token", token], variables);
    (ended.is_well(), ended.told())
}

#[test]
fn a_token_that_counts_is_explained_step_by_step() {
    let (counts, told) = check(&Token::of("ann").with("iss", "https://a.example").encode(), &[]);
    assert!(counts, "{told}");
    let steps: Vec<_> =
        told.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        steps,
        ["ok form", "ok signature", "ok exp", "ok nbf", "ok iss", "ok aud", "ok user", "the token"],
        "{told}"
    );
    assert!(told.contains("alg HS256") && told.contains("ann") && told.contains("https://a.example"), "{told}");
    assert!(!told.contains(SECRET));
}

#[rstest]
#[case::expired(Token::of("ann").with("exp", seconds_from_now(-600)).encode(), &[], "FAIL  exp        the token expired 10 min ago")]
#[case::wrongly_signed(Token::of("ann").signed_with("another secret, which is long enough too").encode(), &[], "FAIL  signature  the signature does not match")]
#[case::issuer(Token::of("ann").with("iss", "http://localhost:3000").encode(), &[("AUTH_ISSUER", "https://app.example")], "FAIL  iss        the token is issued by http://localhost:3000, expected https://app.example")]
#[case::audience(Token::of("ann").encode(), &[("AUTH_AUDIENCE", "api")], "FAIL  aud        the token does not say for whom it is (aud), expected api")]
#[case::no_user(Token::of("ann").without("sub").encode(), &[], "FAIL  user       the token names no user")]
#[case::session_token("7DWjPsEe4Mj6Rjt74XN7QNDZYGWeIKqY".to_owned(), &[], "FAIL  form       this is no JSON Web Token")]
#[case::no_issuer_answers(Token::of("ann").signed_by(&SigningKey::generate("a", EdDSA)).encode(), &[("AUTH_JWKS_URL", "http://127.0.0.1:9/jwks")], "FAIL  signature  the token is signed with EdDSA, but the keys of the issuer cannot be fetched")]
fn what_fails_is_named(#[case] token: String, #[case] variables: &[(&str, &str)], #[case] words: &str) {
    let (counts, told) = check(&token, variables);
    assert!(!counts, "{told}");
    assert!(told.contains(words), "{told}");
    assert!(told.ends_with("the token does not count\n"), "{told}");
}

/// Whoever made the token would else write the verdict.
#[test]
fn the_words_of_a_token_do_not_steer_the_terminal() {
    let token = Token::of("ann\n").header(|header| header.kid = Some("a\nok    signature\u{1b}[8m".to_owned()));
    let (counts, told) = check(&token.encode(), &[]);
    assert!(counts && told.contains("kid a\u{FFFD}ok    signature\u{FFFD}[8m\n"), "{told:?}");
    assert!(told.contains("user       ann\u{FFFD}\n"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_key_is_named() {
    let key = SigningKey::generate("B6fb9Lr14wCk", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    let (counts, told) = check(&Token::of("ann").signed_by(&key).encode(), &[("AUTH_JWKS_URL", &issuer.url())]);
    assert!(counts && told.contains("holds, by the key B6fb9Lr14wCk of http://127.0.0.1:"), "{told}");
    let with_password = issuer.url().replace("http://", "http://ann:hunter2@") + "?key=hunter2";
    let (counts, told) = check(&Token::of("ann").signed_by(&key).encode(), &[("AUTH_JWKS_URL", &with_password)]);
    assert!(counts && told.contains("B6fb9Lr14wCk") && !told.contains("hunter2"), "{told}");
}

/// What verified is told by the token, whatever else is configured.
#[tokio::test(flavor = "multi_thread")]
async fn a_published_key_without_a_name_is_not_told_as_the_secret() {
    let key = SigningKey::generate("a", EdDSA);
    let mut nameless = key.jwk();
    nameless.as_object_mut().expect("an object").remove("kid");
    let issuer = Issuer::of(&[]).await;
    issuer.reply(Reply::Json(serde_json::json!({ "keys": [nameless] })));
    let by_key = Token::of("ann").signed_by(&key).header(|header| header.kid = None);
    for (token, words) in
        [(by_key, "holds, by a key of http://127.0.0.1:"), (Token::of("ann"), "by the configured key")]
    {
        let (counts, told) = check(&token.encode(), &[("AUTH_JWKS_URL", &issuer.url())]);
        assert!(counts && told.contains(words), "{told}");
    }
}

/// A token on the command line would stay in the shell's history.
#[test]
fn the_token_may_come_from_the_standard_input() {
    let folder = temporary_folder();
    let file = folder.path().join("token");
    std::fs::write(&file, Token::of("ann").bearer() + "\n").expect("a file");
    let mut command = ServerProcess::command(folder.path(), &["check-token", "-"], &[]);
    let output = command.stdin(Stdio::from(std::fs::File::open(file).expect("the file"))).output().expect("it runs");
    Ended::from(output).well();
}
