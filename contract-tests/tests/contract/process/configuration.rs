//! What is wrong with a configuration is told at the start, with the remedy.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use rstest::rstest;
use todo_contract_tests::{Ended, ServerProcess, temporary_folder};

/// What is wrong with a configuration, and the words that tell.
#[rstest]
#[case::no_secret("BETTER_AUTH_SECRET", "", "BETTER_AUTH_SECRET and AUTH_JWKS_URL are both not set")]
#[case::short_secret("BETTER_AUTH_SECRET", "tooshort-hunter2", "BETTER_AUTH_SECRET must have at least 32 bytes")]
#[case::fewer_bytes_than_it_seems(
    "BETTER_AUTH_SECRET",
    "ééééééééééééééé",
    "BETTER_AUTH_SECRET must have at least 32 bytes"
)]
#[case::known_secret(
    "BETTER_AUTH_SECRET",
    "better-auth-secret-12345678901234567890",
    "BETTER_AUTH_SECRET is the one that Better Auth falls back to"
)]
#[case::quotes_of_docker(
    "DATABASE_URL",
    "'postgresql://ann:hunter2@db/x'",
    "DATABASE_URL has quotes around it, which are part of it here; take them off (docker's --env-file keeps them)"
)]
#[case::no_address("DATABASE_URL", "hunter2", "DATABASE_URL is no address")]
#[case::bad_port_in_address("DATABASE_URL", "postgresql://ann:hunter2@db:99999/x", "DATABASE_URL has a port that")]
#[case::cut_short("DATABASE_URL", "postgresql://ann:hunter/2@db/x", "or write the /, # or @ of a password as %2F")]
#[case::other_database("DATABASE_URL", "mysql://ann:hunter2@db/x", "DATABASE_URL has the scheme mysql")]
#[case::bad_parameter(
    "DATABASE_URL",
    "postgresql://ann:hunter2@db/x?application_name=todo&sslmode=maybe",
    "DATABASE_URL has a value of sslmode that cannot be"
)]
#[case::unknown_parameter(
    "DATABASE_URL",
    "postgresql://ann@db/x?sslpassword=hunter2",
    "DATABASE_URL has the parameter sslpassword, which the driver does not know; take it out"
)]
#[case::slash_in_password("DATABASE_URL", "postgresql://ann:/hunter2@db/x", "DATABASE_URL has an @ or # behind")]
#[case::hash_in_password("DATABASE_URL", "postgresql://ann:12#hunter2@db/x", "DATABASE_URL has an @ or # behind")]
#[case::at_and_slash_in_password(
    "DATABASE_URL",
    "postgresql://ann:a@b/hunter2@db/x",
    "DATABASE_URL has an @ or # behind"
)]
#[case::in_memory("DATABASE_URL", "sqlite::memory:", "DATABASE_URL is a database in memory")]
#[case::in_memory_by_mode("DATABASE_URL", "sqlite://todo.db?mode=memory", "DATABASE_URL is a database in memory")]
#[case::read_only("DATABASE_URL", "sqlite://todo.db?mode=ro", "DATABASE_URL has mode=ro, with which nothing can be")]
#[case::immutable("DATABASE_URL", "sqlite://todo.db?immutable=1", "DATABASE_URL has immutable=1, with which nothing")]
#[case::other_files("DATABASE_URL", "sqlite://todo.db?vfs=nope", "DATABASE_URL has vfs=nope, with which files are not")]
#[case::direct_beside_embedded(
    "DATABASE_DIRECT_URL",
    "postgresql://ann:hunter2@db/x",
    "DATABASE_DIRECT_URL and DATABASE_URL must lead to the same PostgreSQL"
)]
#[case::row_security_of_embedded(
    "DATABASE_RLS",
    "true",
    "DATABASE_RLS is true, which SQLite cannot; set DATABASE_URL to a PostgreSQL"
)]
#[case::more_lists_than_may_be(
    "LIST_CACHE",
    "65537",
    r#"LIST_CACHE is "65537", but must be auto, or MiB from 0 to 65536"#
)]
#[case::unversioned_secrets(
    "BETTER_AUTH_SECRETS",
    "hunter2hunter2hunter2hunter2hunter2",
    "BETTER_AUTH_SECRETS has an entry (number 1)"
)]
#[case::short_among_secrets(
    "BETTER_AUTH_SECRETS",
    "2:hunter2hunter2hunter2hunter2hunter2,1:hunter2",
    "SECRETS (version 1) must have at least 32 bytes"
)]
#[case::known_among_secrets(
    "BETTER_AUTH_SECRETS",
    "7:better-auth-secret-12345678901234567890",
    "SECRETS (version 7) is the one that Better Auth falls back to"
)]
#[case::a_version_twice(
    "BETTER_AUTH_SECRETS",
    "1:hunter2hunter2hunter2hunter2hunter2,1:hunter2hunter2hunter2hunter2hunter2",
    "SECRETS has the version 1 twice; give each secret its own"
)]
#[case::white_space_is_no_secret(
    "BETTER_AUTH_SECRETS",
    "1:    hunter2hunter2hunter2hunter2    ",
    "SECRETS (version 1) must have at least 32 bytes"
)]
#[case::no_secrets("BETTER_AUTH_SECRETS", " , ", r#"BETTER_AUTH_SECRETS is " , ", which has no item; write one"#)]
#[case::no_audience("AUTH_AUDIENCE", ",", r#"AUTH_AUDIENCE is ",", which has no item; write one, or leave it unset"#)]
#[case::no_address("AUTH_JWKS_URL", "app.example.com/api/auth/jwks", "AUTH_JWKS_URL is no address")]
#[case::file("AUTH_JWKS_URL", "file:///etc/jwks.json", "AUTH_JWKS_URL is no address")]
#[case::password_with_slash(
    "AUTH_JWKS_URL",
    "https://ann:1/hunter2@a.example/jwks",
    "AUTH_JWKS_URL has an @ or # behind"
)]
#[case::password_with_question(
    "AUTH_JWKS_URL",
    "https://ann:1?hunter2@a.example/jwks",
    "AUTH_JWKS_URL has an @ behind a ?"
)]
#[case::cut_short("AUTH_JWKS_URL", "https://ann:hunter/2@a.example/jwks", "AUTH_JWKS_URL has a port that is no number")]
#[case::no_collector("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is no address")]
#[case::no_host("AUTH_JWKS_URL", "https://ann:hunter2@{{host}}/jwks", "AUTH_JWKS_URL is no address")]
#[case::no_host_of_a_collector(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "https://ann:hunter2@${COLLECTOR}:4318",
    "OTEL_EXPORTER_OTLP_ENDPOINT is no address"
)]
#[case::password_of_a_collector(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "https://ann:hunter2@a.example",
    "OTEL_EXPORTER_OTLP_ENDPOINT has a user or a password, which would not be sent; set OTEL_EXPORTER_OTLP_HEADERS"
)]
#[case::no_dsn("SENTRY_DSN", "hunter2", "SENTRY_DSN is not a DSN; copy it from Sentry")]
#[case::max_age("AUTH_JWKS_MAX_AGE", "0", "AUTH_JWKS_MAX_AGE is \"0\"")]
#[case::cooldown("AUTH_JWKS_COOLDOWN", "1.5", "AUTH_JWKS_COOLDOWN is \"1.5\"")]
#[case::cooldown_over_max_age(
    "AUTH_JWKS_MAX_AGE",
    "5",
    "AUTH_JWKS_COOLDOWN is 10, but must be at most AUTH_JWKS_MAX_AGE, which is 5,"
)]
#[case::port("PORT", "eighty", r#"PORT is "eighty", but must be a whole number from 0 to 65535"#)]
#[case::port_too_large("PORT", "65536", "PORT is \"65536\"")]
#[case::no_room_for_a_list("MAX_UNTAKEN", "15", r#"MAX_UNTAKEN is "15", but must be a whole number from 16 to 65536"#)]
#[case::batch_of_none(
    "DATABASE_BATCH_SIZE",
    "0",
    r#"DATABASE_BATCH_SIZE is "0", but must be a whole number from 1 to 128"#
)]
#[case::batch_too_large("DATABASE_BATCH_SIZE", "129", "DATABASE_BATCH_SIZE is \"129\"")]
#[case::no_connections("DATABASE_MAX_CONNECTIONS", "0", "DATABASE_MAX_CONNECTIONS is \"0\"")]
#[case::minimum_over_maximum("DATABASE_MIN_CONNECTIONS", "11", "DATABASE_MIN_CONNECTIONS must be at most")]
#[case::timeout("DATABASE_TIMEOUT", "-1", "DATABASE_TIMEOUT is \"-1\"")]
#[case::flag("MIGRATE_ON_START", "yes", r#"MIGRATE_ON_START is "yes", but must be true or false"#)]
#[case::table("USERS_TABLE", "a.b.c", "USERS_TABLE must be the name of a table")]
#[case::any_origin("ALLOWED_ORIGINS", "*", "ALLOWED_ORIGINS has \"*\", which is no origin")]
#[case::many_origins(
    "ALLOWED_ORIGINS",
    "https://*.a.example",
    "\"https://*.a.example\", which is no origin; write each"
)]
#[case::origin_with_slash("ALLOWED_ORIGINS", "https://a.example/", "write https://a.example")]
#[case::no_origin("ALLOWED_ORIGINS", "null", "\"null\", which is no origin; write each")]
#[case::file("ALLOWED_ORIGINS", "file:///index.html", "\"file:///index.html\", which is no origin; write each")]
#[case::web_view_with_path("ALLOWED_ORIGINS", "capacitor://localhost/a", "write capacitor://localhost")]
#[case::origin_in_capitals("ALLOWED_ORIGINS", "https://A.example", "write https://a.example")]
#[case::rate("RATE_LIMIT", "many", r#"RATE_LIMIT is "many", but must be off, or requests a second"#)]
#[case::no_rate("RATE_LIMIT", "0:1", "each at least 1, such as 20:200")]
#[case::proxy("TRUSTED_PROXIES", "nginx", "TRUSTED_PROXIES has \"nginx\", which is no address; write each as")]
#[case::no_requests("MAX_REQUESTS", "0", r#"MAX_REQUESTS is "0", but must be a whole number from 1 to 100000"#)]
#[case::level("LOG_LEVEL", "loud=very", r#"LOG_LEVEL is "loud=very", but must be"#)]
#[case::no_level("LOG_LEVEL", "info,warning", "but must be off, error, warn, info, debug, trace, or directives such")]
#[case::level_of_us_alone(
    "LOG_LEVEL",
    "todo_server=info",
    "begin with a level for all the rest: info,todo_server=debug"
)]
#[case::level_of_the_program(
    "LOG_LEVEL",
    "todo-server=debug",
    "begin with a level for all the rest: info,todo_server="
)]
#[case::level_of_a_span("LOG_LEVEL", "[request]=info", "; begin with a level for all the rest: info,todo_server=debug")]
#[case::no_directive("LOG_LEVEL", ",", r#"LOG_LEVEL is ",", and logs nothing else; begin with a level for all"#)]
#[case::format("LOG_FORMAT", "xml", r#"LOG_FORMAT is "xml", but must be text or json"#)]
fn a_bad_configuration_is_refused_with_the_remedy(#[case] name: &str, #[case] value: &str, #[case] words: &str) {
    let Ended { code, said, .. } = ServerProcess::run(&[], &[(name, value)]);
    assert_eq!(code, Some(1));
    assert!(said.contains(words), "{said}");
    assert!(!said.contains("hunter2"), "and no secret is shown: {said}");
    assert!(said.lines().count() == 1, "one fault, one line: {said}");
}

#[test]
fn a_variable_in_another_encoding_is_refused_and_not_passed_over() {
    let folder = temporary_folder();
    let mut command = ServerProcess::command(folder.path(), &[], &[]);
    command.env("DATABASE_URL", OsStr::from_bytes(b"postgresql://ann:hunter2\xe9@db/todo"));
    command.env("OF_OTHERS", OsStr::from_bytes(b"\xe9"));
    assert_eq!(ServerProcess::finish(command).said, "DATABASE_URL is not in UTF-8; write it so\n");
}

#[test]
fn a_variable_in_two_spellings_is_refused_with_the_remedy() {
    let said = ServerProcess::run(&[], &[("PORT", "0"), ("port", "1")]).said;
    assert!(said.contains("in two spellings (duplicate field `port`); keep the one in capitals"), "{said}");
}

/// An address of the web has no way out of its first folder, so `..` behind it would be lost.
#[test]
fn a_file_out_of_the_folder_is_the_one_that_is_meant() {
    let folder = temporary_folder();
    let inner = folder.path().join("a/b");
    fs::create_dir_all(&inner).expect("a folder");
    let files = || ["todo.db", "a/todo.db", "a/b/todo.db"].map(|file| folder.path().join(file).exists());
    let migrate = |url| ServerProcess::run_in(&inner, &["migrate", "up"], &[("DATABASE_URL", url)]);
    for url in ["sqlite://../../todo.db", "sqlite://c/../todo.db", "sqlite://c/%2e%2e/todo.db"] {
        let Ended { code, said, .. } = migrate(url);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("DATABASE_URL would lead to another file than it says"), "{said}");
        assert!(said.contains("; write sqlite:../../todo.db, or an absolute path"), "{said}");
    }
    assert_eq!(files(), [false; 3]);
    for (url, made) in [
        ("sqlite://todo.db", [false, false, true]),
        ("sqlite://../todo.db", [false, true, true]),
        ("sqlite:../../todo.db", [true; 3]),
    ] {
        assert!(migrate(url).is_well(), "{url}");
        assert_eq!(files(), made, "{url}");
    }
}

#[rstest]
#[case::the_same("127.0.0.1", "127.0.0.1:9091", true)]
#[case::one_of_all("0.0.0.0", "127.0.0.1:9091", true)]
#[case::all_beside_one("127.0.0.1", "0.0.0.0:9091", true)]
#[case::one_of_all_of_ipv6("::", "127.0.0.1:9091", true)]
#[case::by_name("localhost", "127.0.0.1:9091", true)]
#[case::another_port("127.0.0.1", "127.0.0.1:9092", false)]
#[case::another_address("127.0.0.1", "127.0.0.2:9091", false)]
#[case::of_another_family("0.0.0.0", "[::1]:9091", false)]
fn one_address_is_not_given_to_clients_and_to_the_operator(
    #[case] host: &str,
    #[case] admin: &str,
    #[case] is_refused: bool,
) {
    let variables = [("HOST", host), ("PORT", "9091"), ("ADMIN_ADDR", admin)];
    // It reads the configuration, and listens nowhere.
    let token = ServerProcess::run(&["token", "--user", "ann"], &variables);
    assert_eq!(!token.is_well(), is_refused, "{}", token.said);
    let words = "ADMIN_ADDR is where HOST and PORT have clients come; choose another";
    assert_eq!(token.said.starts_with(words), is_refused, "{}", token.said);
}

/// Not by a panic, and before anything is done.
#[rstest]
#[case::for_keys("AUTH_JWKS_URL", "https://app.example/jwks", "AUTH_JWKS_URL cannot be asked: ")]
#[case::for_traces("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a.example", "OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: ")]
#[case::for_errors("SENTRY_DSN", "https://hunter2@sentry.example/1", "SENTRY_DSN cannot be used: ")]
fn certificates_that_are_missing_are_told_with_the_remedy(
    #[case] name: &str,
    #[case] value: &str,
    #[case] words: &str,
) {
    let folder = temporary_folder();
    let file = folder.path().join("todo.db");
    let url = format!("sqlite://{}", file.display());
    let variables = [(name, value), ("SSL_CERT_FILE", "/nowhere"), ("DATABASE_URL", url.as_str())];
    let Ended { code, said, .. } = ServerProcess::run(&[], &variables);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with(words) && said.contains("No CA certificates were loaded from the system; "), "{said}");
    assert!(said.contains("SSL_CERT_FILE or SSL_CERT_DIR") && !said.contains("hunter2"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!file.exists(), "nothing is done before");
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once() {
    let variables = [("BETTER_AUTH_SECRET", ""), ("PORT", "x"), ("LOG_FORMAT", "xml"), ("DATABASE_URL", "x")];
    assert_eq!(ServerProcess::run(&[], &variables).said.lines().count(), variables.len());
}

/// Starts a server where there is a file of variables.
fn start_with(file: &str, variables: &[(&str, &str)]) -> Ended {
    let folder = temporary_folder();
    fs::write(folder.path().join(".env"), file).expect("a file");
    ServerProcess::run_in(folder.path(), &[], variables)
}

#[test]
fn a_file_of_variables_is_read_and_goes_after_the_environment() {
    // As editors of Windows write it.
    let file = "\u{feff}LOG_FORMAT=xml\r\nPORT=x\r\n";
    let said = start_with(file, &[("LOG_FORMAT", "loud")]).said;
    assert!(said.contains("LOG_FORMAT is \"loud\"") && !said.contains("PORT"), "{said}");
}

#[test]
fn a_malformed_file_of_variables_is_named_without_its_content() {
    let said = start_with("PORT=0\nSECRET='hunter2\n", &[]).said;
    assert!(said.contains(".env: the line after PORT cannot be read") && !said.contains("hunter2"), "{said}");
}

/// What stands before an `=` need not be a name, but may be part of a secret: as YAML has it, or where a value goes on.
#[rstest]
#[case::of_an_address("DATABASE_URL: \"postgresql://ann:hunter2@db.example/todo?sslmode=require\"\n")]
#[case::of_a_secret("BETTER_AUTH_SECRET: \"hunter2-s3cr3t-of-more-than-thirty-two-bytes=\"\nPORT=$x\n")]
#[case::of_two_lines("BETTER_AUTH_SECRET: \"s3cr3t\nhunter2=$x\"\n")]
fn what_stands_where_a_name_should_is_not_shown(#[case] text: &str) {
    let refused = start_with(text, &[]);
    let said = refused.told();
    assert!(said.starts_with(".env: the line at the top cannot be read; write NAME=value"), "{said}");
    assert!(!said.contains("hunter2") && !said.contains("s3cr3t"), "{said}");
    assert_eq!(refused.code, Some(1), "{said}");
}

/// Whether the line after it ends there too, so that both would be one, or none does.
#[rstest]
#[case::of_one(r"'hunter2-of-more-than-thirty-two-bytes\'")]
#[case::of_two("'hunter2-of-more-than-thirty-two-bytes\\'\nAUTH_AUDIENCE='api\\'")]
fn a_value_that_would_not_end_is_refused_with_the_remedy(#[case] value: &str) {
    let said = start_with(&format!("BETTER_AUTH_SECRET={value}\nPORT=0\n"), &[]).said;
    let words =
        r".env: BETTER_AUTH_SECRET in line 1 has a \ before a ', which would not end it; put the value in double";
    assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
}

#[test]
fn a_sign_that_would_change_a_value_is_refused_with_the_remedy() {
    for (value, words) in [
        ("hunter2$ecret-of-more-than-32-bytes", ".env: BETTER_AUTH_SECRET in line 2 has a $, which"),
        (r"hunter2\n-a-secret-of-more-than-32-bytes", r".env: BETTER_AUTH_SECRET in line 2 has a \, which"),
        ("hunter2'of'-a-secret-of-more-than-32-bytes", ".env: BETTER_AUTH_SECRET in line 2 has a ', which"),
        (r"'hunter2$ecret\n-of-more-than-32-bytes'", "LOG_FORMAT is \"xml\""),
    ] {
        let said = start_with(&format!("LOG_FORMAT=xml\nBETTER_AUTH_SECRET={value}\n"), &[]).said;
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
        assert_eq!(said.contains("in single quotes"), words.contains(['$', '\\']), "{said}");
        assert_eq!(said.contains("in quotes of the other kind"), words.contains('\''), "{said}");
    }
}
