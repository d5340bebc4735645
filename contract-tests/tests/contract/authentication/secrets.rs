//! Several shared secrets, while one is being replaced.

use rstest::rstest;
use todo_contract_tests::{
    Engine::{self, Postgres, Sqlite},
    SECRET, ServerProcess, TestApp, Token,
};

const NEW: &str = "a new secret of the tests which is just as long";
const OLD: &str = "an old secret of the tests which is just as long";

#[rstest]
#[case::new(NEW, 200)]
#[case::old(OLD, 200)]
#[case::single(SECRET, 200)]
#[case::none_of_them("another secret, which is long enough too", 401)]
#[case::version_and_all("2:a new secret of the tests which is just as long", 401)]
#[tokio::test]
async fn a_token_signed_with_any_of_them_counts(
    #[values(Sqlite, Postgres)] engine: Engine,
    #[case] secret: &str,
    #[case] status: u16,
) {
    // With the white space that Better Auth takes off.
    let app = TestApp::configured(engine, &[("BETTER_AUTH_SECRETS", &format!("2: {NEW} , 1:{OLD}"))]).await;
    let token = Token::of("ann").signed_with(secret).encode();
    app.client_with(&token).list().await.expect(status);
}

/// Beside a single one, which need not be there.
#[rstest]
#[tokio::test]
async fn the_first_of_them_signs(#[values(Sqlite, Postgres)] engine: Engine, #[values(SECRET, "")] single: &str) {
    let variables = [("BETTER_AUTH_SECRETS", &*format!("2:{NEW},1:{OLD}")), ("BETTER_AUTH_SECRET", single)];
    let token = ServerProcess::run(&["token", "--user", "ann"], &variables).well();
    let app = TestApp::configured(engine, &[("BETTER_AUTH_SECRET", NEW)]).await;
    app.client_with(token.trim()).list().await.expect(200);
}

/// A link that Better Auth mails to verify an address bears a user's id, signed with the same secret.
#[tokio::test(flavor = "multi_thread")]
async fn the_start_warns_where_mailed_links_count_as_tokens() {
    let said = |variables: &[(&str, &str)]| warnings("mails to verify an address", variables);
    assert_eq!(said(&[]), 1);
    assert_eq!(said(&[("AUTH_AUDIENCE", "https://app.example.com")]), 0);
    assert_eq!(said(&[("AUTH_ISSUER", "https://app.example.com")]), 0);

    let link = Token::of("ann").without("sub").with("userId", "ann").with("email", "ann@example.com").encode();
    for (name, value, status) in [
        ("AUTH_AUDIENCE", "", 200),
        ("AUTH_AUDIENCE", "https://app.example.com", 401),
        ("AUTH_ISSUER", "https://app.example.com", 401),
    ] {
        let app = TestApp::configured(Sqlite, &[(name, value)]).await;
        app.client_with(&link).list().await.expect(status);
    }
}

/// The ID tokens of Better Auth's OAuth provider are for other applications, and signed with the published keys.
#[test]
fn the_start_warns_where_tokens_for_others_count() {
    let by_keys = ("AUTH_JWKS_URL", "http://127.0.0.1:9/jwks");
    let said = |audience| {
        let variables = [("BETTER_AUTH_SECRET", ""), by_keys, ("AUTH_AUDIENCE", audience)];
        warnings("tokens that your Better Auth server makes for other", &variables)
    };
    assert_eq!(said(""), 1);
    assert_eq!(said("https://app.example.com"), 0);
}

/// How many lines of a server's start say `words`.
fn warnings(words: &str, variables: &[(&str, &str)]) -> usize {
    let server = ServerProcess::start(variables);
    let _ = server.address();
    server.printed().iter().filter(|line| line.contains(words)).count()
}
