//! The checklist before production, as an operator runs it.

mod row_security;

use std::fs;

use jsonwebtoken::Algorithm::EdDSA;
use rstest::rstest;
use sea_orm::{ConnectionTrait as _, Database};
use todo_contract_tests::{
    Cluster, Ended,
    Engine::{self, Postgres, Sqlite},
    Issuer,
    Mode::{Session, Transaction},
    Pooler, Proxy, Reply, ServerProcess, SigningKey, TestApp, TestDatabase, Weather, temporary_folder,
};
use url::Url;

/// What a production is given.
const WELL: [(&str, &str); 5] = [
    ("BETTER_AUTH_SECRET", "mD3uyGvZ1p0oXhC4cN7yQqfW9sLkB2tRjE6iA8vUxzM="),
    ("AUTH_ISSUER", "https://app.example.com"),
    ("AUTH_AUDIENCE", "https://app.example.com"),
    ("ALLOWED_ORIGINS", "https://app.example.com"),
    ("RATE_LIMIT", "20:200"),
];

struct Seen {
    code: Option<i32>,
    said: String,
}

impl Seen {
    /// The line of a check.
    fn line(&self, check: &str) -> &str {
        let is_it = |line: &&str| line.split_whitespace().nth(1) == Some(check);
        self.said.lines().find(is_it).unwrap_or_else(|| panic!("{check} is told in {}", self.said))
    }

    /// That a check came out so: `pass`, `warn` or `fail`.
    #[track_caller]
    fn assert_is(&self, check: &str, verdict: &str) {
        assert!(self.line(check).starts_with(verdict), "{check} is {verdict} in {}", self.said);
    }

    /// The same, and in these words.
    #[track_caller]
    fn assert_told(&self, check: &str, verdict: &str, words: &str) {
        self.assert_is(check, verdict);
        assert!(self.line(check).contains(words), "{words} in {}", self.line(check));
    }
}

fn examine(variables: &[(&str, &str)]) -> Seen {
    let Ended { code, printed: said, said: beside } = ServerProcess::run(&["doctor"], &[&WELL, variables].concat());
    assert_eq!(beside, "", "all is told in one place: {said}");
    for secret in ["mD3uyGvZ", "hunter2"] {
        assert!(!said.contains(secret), "no secret is shown: {said}");
    }
    Seen { code, said }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_passes(#[values(Sqlite, Postgres)] engine: Engine) {
    let app = TestApp::start(engine).await;
    let seen = examine(&[("DATABASE_URL", &app.database().url())]);
    for check in ["secret", "claims", "origins", "listen", "proxies", "log", "migrations"] {
        seen.assert_is(check, "pass");
    }
    assert!(!seen.said.contains("fail  "), "{}", seen.said);
    assert_eq!(seen.said.contains("pass  file"), engine == Sqlite, "{}", seen.said);
    assert_eq!(seen.said.contains("pass  clock"), engine == Postgres, "{}", seen.said);
}

#[test]
fn an_exit_of_zero_is_only_for_what_passes_all() {
    let seen = examine(&[]);
    assert_eq!(seen.code, Some(0), "{}", seen.said);
    assert!(seen.said.ends_with(" pass, 0 warn, 0 fail\n"), "{}", seen.said);
}

#[rstest]
#[case::simple_secret("BETTER_AUTH_SECRET", "passwordpasswordpasswordpassword", 2, "secret", "openssl rand")]
#[case::sequence("BETTER_AUTH_SECRET", "0123456789abcdef0123456789abcdef", 2, "secret", "openssl rand")]
#[case::quotes(
    "BETTER_AUTH_SECRET",
    "'hunter2-9rTqLw5cXk2vYb8nJd4fHs7gZm1p'",
    1,
    "secret",
    "take them off here, unless"
)]
#[case::any_rate("RATE_LIMIT", "off", 1, "rate", "set RATE_LIMIT")]
#[case::any_issuer("AUTH_ISSUER", "", 1, "claims", "set AUTH_ISSUER to")]
#[case::any_audience("AUTH_AUDIENCE", "", 1, "claims", "tokens made for others count here too")]
#[case::any_audience_remedy("AUTH_AUDIENCE", "", 1, "claims", "set AUTH_AUDIENCE to")]
#[case::any_proxy("TRUSTED_PROXIES", "10.0.0.1,0.0.0.0/0", 1, "proxies", "has 0.0.0.0/0: anybody may pass for any")]
#[case::any_proxy_of_ipv6("TRUSTED_PROXIES", "::/0", 1, "proxies", "list the addresses of the proxies before this")]
#[case::local_origin("ALLOWED_ORIGINS", "https://a.example,http://localhost:3000", 1, "origins", "take it out")]
#[case::plain_origin("ALLOWED_ORIGINS", "https://a.example,http://a.example", 2, "origins", "serve it by https")]
#[case::talkative_log("LOG_LEVEL", "info,sqlx=debug", 1, "log", "set info")]
#[case::silent_log("LOG_LEVEL", "off", 1, "log", "keeps what fails to itself; set info")]
#[case::misspelt("DATABSE_URL", "postgresql://db/todo", 1, "variables", "nobody reads DATABSE_URL; write DATABASE_URL")]
#[case::bad_configuration("PORT", "eighty", 2, "configuration", "PORT is \"eighty\"")]
fn what_is_not_well_is_told_with_the_remedy(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] code: i32,
    #[case] check: &str,
    #[case] remedy: &str,
) {
    let seen = examine(&[(variable, value)]);
    assert_eq!(seen.code, Some(code), "{}", seen.said);
    seen.assert_told(check, ["pass", "warn", "fail"][usize::try_from(code).expect("small")], remedy);
}

/// The links that Better Auth mails have neither issuer nor audience: either of the two keeps them out.
#[rstest]
#[case::neither(&[("AUTH_ISSUER", ""), ("AUTH_AUDIENCE", "")], "links count that Better Auth mails to verify")]
#[case::issuer_alone(&[("AUTH_AUDIENCE", "")], "tokens made for others count here too; set AUTH_AUDIENCE to")]
#[case::audience_alone(&[("AUTH_ISSUER", "")], "tokens count whatever issuer they name; set AUTH_ISSUER to")]
fn what_else_counts_as_a_token_is_told(#[case] variables: &[(&str, &str)], #[case] words: &str) {
    examine(variables).assert_told("claims", "warn", words);
}

#[test]
fn nothing_is_made() {
    let folder = temporary_folder();
    let said = ServerProcess::run_in(folder.path(), &["doctor"], &WELL).printed;
    assert!(said.contains("data/todo.db is not there yet"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_file_of_variables_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = temporary_folder();
    let file = folder.path().join(".env");
    fs::write(&file, "PORT=0\n").expect("a file");
    for (mode, words) in [(0o644, "warn  variables"), (0o640, "warn  variables"), (0o600, "pass  variables")] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a file of ours");
        let said = ServerProcess::run_in(folder.path(), &["doctor"], &WELL).printed;
        assert!(said.contains(words), "{said}");
    }
}

#[rstest]
#[case::run_at_the_start("true", 1, "warn")]
#[case::left_to_somebody("false", 2, "fail")]
#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_are_pending_are_told(
    #[case] migrate_on_start: &str,
    #[case] code: i32,
    #[case] verdict: &str,
) {
    let database = TestDatabase::create(Postgres).await;
    let seen = examine(&[("DATABASE_URL", &database.url()), ("MIGRATE_ON_START", migrate_on_start)]);
    assert_eq!(seen.code, Some(code), "{}", seen.said);
    seen.assert_is("migrations", verdict);
}

#[rstest]
#[case::unencrypted("postgresql://ann:hunter2@db.invalid/x?sslmode=prefer", "fail  encryption")]
#[case::raised("postgresql://ann:hunter2@db.invalid/x?sslmode=require", "pass  encryption")]
#[case::verified("postgresql://ann:hunter2@db.invalid/x?sslmode=verify-full", "pass  encryption")]
#[case::out_of_reach("postgresql://ann:hunter2@127.0.0.1:1/x", "fail  database")]
fn the_way_to_the_database_is_judged(#[case] url: &str, #[case] words: &str) {
    let seen = examine(&[("DATABASE_URL", url)]);
    assert_eq!(seen.code, Some(2), "it is out of reach: {}", seen.said);
    assert!(seen.said.contains(words), "{}", seen.said);
}

/// Told instead of what it would have been asked for, and not waited for without end.
#[rstest]
#[case::in_the_midst_of_the_checks("rolsuper", "database")]
#[case::over_row_level_security("row_security_active", "rls")]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_is_told(#[case] when: &'static str, #[case] check: &str) {
    let app = TestApp::configured(Postgres, &[("DATABASE_RLS", "true")]).await;
    let (proxy, url) = Proxy::before(&app.database().url()).await;
    proxy.set(Weather::StallingAt(when));
    let patience = [("DATABASE_START_TIMEOUT", "10"), ("DATABASE_TIMEOUT", "8")];
    let seen = examine(&[&[("DATABASE_URL", url.as_str()), ("DATABASE_RLS", "true")], &patience[..]].concat());
    seen.assert_told(check, "fail", "no answer in time");
    assert_eq!((seen.code, proxy.hit() > 0), (Some(2), true), "{}", seen.said);
}

#[test]
fn a_certificate_that_is_not_looked_at_is_told() {
    let url = "postgresql://ann:hunter2@db.invalid/x?sslmode=require";
    examine(&[("DATABASE_URL", url), ("DATABASE_VERIFY_TLS", "false")]).assert_is("encryption", "warn");
}

#[rstest]
#[case::none(Reply::of(&[]), "warn", "has no key yet")]
#[case::no_set(Reply::Json(serde_json::json!([])), "fail", "no JSON Web Key Set")]
#[case::not_there(Reply::Status(404), "fail", "is the address right?")]
#[case::limiting(Reply::Status(429), "fail", "have it let this server ask more often (rateLimit of Better Auth)")]
#[case::failing(Reply::Status(503), "fail", "it answered 503 Service Unavailable; its own log says why")]
#[case::endless(Reply::Endless, "fail", "bytes; is the address right?")]
#[case::of_another_kind(
    Reply::Json(serde_json::json!({"keys": [{"kty": "EC", "crv": "P-521", "x": "AQ", "y": "AQ"}]})),
    "fail",
    "has 1, none that can be used; have the issuer sign with EdDSA"
)]
#[case::too_short(
    Reply::Json(serde_json::json!({"keys": [{"kty": "RSA", "n": "A".repeat(171), "e": "AQAB"}]})),
    "fail",
    "has 1, none that can be used"
)]
#[case::cut_short(
    Reply::Json(serde_json::json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "no key at all"]})),
    "fail",
    "has 2, none that can be used"
)]
#[case::of_both_kinds(
    Reply::Json(serde_json::json!({"keys": ["no key at all", SigningKey::generate("b", EdDSA).jwk()]})),
    "pass",
    "has 1 that can be used, and 1 that cannot"
)]
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_the_issuer_are_asked_for(#[case] reply: Reply, #[case] verdict: &str, #[case] words: &str) {
    let key = SigningKey::generate("a", EdDSA);
    let issuer = Issuer::of(&[&key]).await;
    examine(&[("AUTH_JWKS_URL", &issuer.url())]).assert_told("keys", "pass", "has 1 that");
    issuer.reply(reply);
    examine(&[("AUTH_JWKS_URL", &issuer.url())]).assert_told("keys", verdict, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_cannot_be_asked_is_told_with_what_to_look_at() {
    let issuer = Issuer::of(&[]).await;
    // Port 9 discards, and nothing listens there.
    let (url, nowhere) = (issuer.url(), "http://127.0.0.1:9");
    let by_proxy = [("AUTH_JWKS_URL", url.as_str()), ("http_proxy", nowhere)];
    for variables in [&[("AUTH_JWKS_URL", nowhere)][..], &by_proxy] {
        let seen = examine(variables);
        for words in ["; does the issuer run, and is it reached", "HTTP_PROXY or HTTPS_PROXY"] {
            seen.assert_told("keys", "fail", words);
        }
    }
}

#[test]
fn keys_that_come_unencrypted_from_elsewhere_are_refused() {
    examine(&[("AUTH_JWKS_URL", "http://issuer.invalid/jwks")]).assert_told("keys", "fail", "with https");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_migrations_is_tried() {
    let (database, other) = (TestDatabase::create(Postgres).await, TestDatabase::create(Postgres).await);
    let seen = |direct: &str| examine(&[("DATABASE_URL", &database.url()), ("DATABASE_DIRECT_URL", direct)]);
    let well = seen(&database.url());
    well.assert_is("direct", "pass");
    let elsewhere = seen(&other.url());
    assert!(elsewhere.line("direct").contains("leads to another database than DATABASE_URL"), "{}", elsewhere.said);
    let nowhere = seen("postgresql://ann@127.0.0.1:1/todo");
    assert!(nowhere.line("direct").contains("cannot be used"), "{}", nowhere.said);
    assert_eq!(nowhere.code, Some(2));
    let unencrypted = seen("postgresql://ann:hunter2@db.invalid/x?sslmode=prefer");
    let is_told = |line: &str| line.starts_with("fail  encryption") && line.ends_with("in DATABASE_DIRECT_URL");
    assert!(unencrypted.said.lines().any(is_told), "{}", unencrypted.said);
}

#[test]
fn certificates_that_are_missing_for_the_keys_are_told() {
    let seen = examine(&[("AUTH_JWKS_URL", "https://app.example/jwks"), ("SSL_CERT_FILE", "/nowhere")]);
    for words in ["No CA certificates", "SSL_CERT_FILE"] {
        seen.assert_told("keys", "fail", words);
    }
    assert_eq!(seen.line("keys").matches("AUTH_JWKS_URL").count(), 1, "{}", seen.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_told_with_what_migrations_need() {
    let database = TestDatabase::create(Postgres).await;
    let pooler = Pooler::start(&database, Transaction);
    let seen = |url: &str| examine(&[("DATABASE_URL", url)]);
    seen(pooler.url()).assert_told("pooler", "warn", "set DATABASE_DIRECT_URL for migrations");
    let direct = ("DATABASE_DIRECT_URL", &*database.url());
    examine(&[("DATABASE_URL", pooler.url()), direct]).assert_is("pooler", "pass");
    seen(&database.url()).assert_told("pooler", "pass", "none in transaction mode");
    // Each has a session of its own.
    let pooler = Pooler::start(&database, Session);
    seen(pooler.url()).assert_told("pooler", "pass", "none in transaction mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_is_judged_by_what_it_may_and_may_not() {
    let app = TestApp::start(Postgres).await;
    let url = app.database().url();
    let seen = examine(&[("DATABASE_URL", &url)]);
    seen.assert_told("role", "warn", "is a superuser");
    assert!(seen.line("role").ends_with("CREATE ROLE todo LOGIN"), "one that can migrate: {}", seen.said);

    // One that may log in: named after the database, because roles are the whole server's; with what has to be quoted.
    let role = format!("\"Newcomer-of_{}\"", app.database().name());
    let database = Database::connect(url.as_str()).await.expect("the database answers");
    database.execute_unprepared(&format!("CREATE ROLE {role} LOGIN")).await.expect("the role can be made");
    let mut by_role: Url = url.parse().expect("an address");
    by_role.set_username(role.trim_matches('"')).expect("it has users");
    let of_role = [("DATABASE_URL", by_role.as_str())];
    let said = ServerProcess::run(&["migrate", "status"], &of_role).said;
    for words in ["permission denied for table seaql_migrations", "; `todo-server doctor` names the rights"] {
        assert!(said.contains(words), "{said}");
    }
    let seen = examine(&of_role);
    seen.assert_is("role", "pass");
    seen.assert_is("rights", "fail");
    let (_, remedy) = seen.line("rights").split_once("; ").expect("a remedy");
    assert!(remedy.contains(&format!("GRANT DELETE, INSERT, SELECT, UPDATE ON tasks TO {role};")), "{remedy}");
    assert_eq!(seen.code, Some(2), "{}", seen.said);
    database.execute_unprepared(remedy).await.expect("it can be granted");
    let seen = examine(&of_role);
    seen.assert_is("rights", "pass");
    seen.assert_is("migrations", "pass");
    let server = ServerProcess::start(&of_role);
    let client = ServerProcess::client(server.address(), "ann").keyed("\"one\"");
    let id = client.created("what it may, is all that is needed").await;
    client.delete(id).await.expect(204);

    let powerful = format!("ALTER ROLE {role} BYPASSRLS CREATEROLE CREATEDB");
    database.execute_unprepared(&powerful).await.expect("an owner may");
    let told = "bypasses row-level security, creates roles, creates databases; give DATABASE_URL a role of its own";
    examine(&of_role).assert_told("role", "warn", told);
}

/// That of compose.yaml is called `todo`, and rules its server.
#[tokio::test(flavor = "multi_thread")]
async fn the_role_that_is_told_to_be_made_is_not_there_yet() {
    let cluster = Cluster::start();
    let database = TestDatabase::create_in(Some(&cluster)).await;
    let ruler = database.connect().await;
    ruler.execute_unprepared("CREATE ROLE todo LOGIN SUPERUSER").await.expect("the role can be made");
    let mut url: Url = database.url().parse().expect("an address");
    url.set_username("todo").expect("it has users");
    let variables = [("DATABASE_URL", url.as_str()), ("DATABASE_RLS", "true")];
    ServerProcess::run(&["migrate", "up"], &variables).well();
    let seen = examine(&variables);
    for check in ["role", "rls"] {
        assert!(seen.line(check).ends_with(": CREATE ROLE todo_server LOGIN NOINHERIT"), "{}", seen.said);
    }
    ruler.execute_unprepared("CREATE ROLE todo_server LOGIN NOINHERIT").await.expect("as it is told");
}

/// A standby's address is easily taken for its primary's.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_for_reading_alone_is_found_out() {
    let app = TestApp::start(Postgres).await;
    let url = app.database().url();
    examine(&[("DATABASE_URL", &url)]).assert_is("writes", "pass");
    app.database().alter("SET default_transaction_read_only = on").await;
    let told = "; give DATABASE_URL the address of one that does";
    examine(&[("DATABASE_URL", &url)]).assert_told("writes", "fail", told);
    let server = ServerProcess::start(&[("DATABASE_URL", &url)]);
    ServerProcess::client(server.address(), "ann").list().await.expect(200);
    let printed = server.printed();
    let told = printed.iter().filter(|line| line.contains("the database takes no writes")).count();
    assert_eq!(told, 1, "{printed:#?}");
    // Where there is something to migrate, the start is refused.
    let empty = TestDatabase::create(Postgres).await;
    empty.alter("SET default_transaction_read_only = on").await;
    let said = ServerProcess::run(&[], &[("DATABASE_URL", &empty.url())]).said;
    assert!(said.contains("read-only transaction; give DATABASE_DIRECT_URL"), "{said}");
}
