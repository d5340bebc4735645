//! The schemas of PostgreSQL, where one role migrates and another one serves: both have to come to the same.

use rstest::rstest;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use todo_contract_tests::{
    Engine::{Guarded, Postgres},
    ServerProcess, TestDatabase, given, unwatched,
};
use url::Url;

/// A database with the two roles, without row-level security; that which serves may do all on tables of the other.
struct TwoRoles {
    database: TestDatabase,
    owner: DatabaseConnection,
    variables: Vec<(&'static str, String)>,
}

impl TwoRoles {
    async fn create() -> Self {
        let database = TestDatabase::create(Guarded).await;
        let mut variables = database.variables();
        variables.push(("DATABASE_RLS", "false".to_owned()));
        // Unwatched: the audit cannot read ALTER DATABASE, and one of these speaks of tasks.
        let roles = Self { owner: unwatched(&database.url()).await, database, variables };
        let login = roles.login();
        roles.tell(&format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {login}")).await;
        roles.tell(&format!("ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {login}")).await;
        roles
    }

    fn login(&self) -> &str {
        self.database.login()
    }

    fn owner(&self) -> String {
        let url: Url = self.database.url().parse().expect("an address");
        url.username().to_owned()
    }

    /// The statement that a remedy has.
    fn grant(&self, schema: &str) -> String {
        format!("GRANT USAGE ON SCHEMA \"{schema}\" TO \"{}\"", self.login())
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        given(&self.variables)
    }

    /// Tells the database what an owner may.
    async fn tell(&self, statement: &str) {
        self.owner.execute_unprepared(statement).await.expect("an owner may");
    }
}

/// Runs a command to its end: whether all is well, and what it says.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let ended = ServerProcess::run(arguments, variables);
    (ended.is_well(), ended.told())
}

async fn serves(variables: &[(&str, &str)]) {
    let server = ServerProcess::start(variables);
    ServerProcess::client(server.address(), "ann").created("Buy milk").await;
}

const BESIDE_ANOTHER_PROGRAM: &str = "CREATE TABLE tasks (theirs text); CREATE SCHEMA todo; \
    ALTER DATABASE {database} SET search_path = todo, public";

#[rstest]
#[case::of_the_database("CREATE SCHEMA todo; ALTER DATABASE {database} SET search_path = todo", "todo")]
#[case::closed_to_the_public("REVOKE ALL ON SCHEMA public FROM PUBLIC", "public")]
#[case::named_as_the_owner("CREATE SCHEMA AUTHORIZATION CURRENT_USER", "{owner}")]
#[case::before_that_of_another_program(BESIDE_ANOTHER_PROGRAM, "todo")]
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_requests_would_not_find_are_told_with_the_remedy(#[case] done: &str, #[case] schema: &str) {
    let roles = TwoRoles::create().await;
    roles.tell(&done.replace("{database}", roles.database.name())).await;
    let schema = schema.replace("{owner}", &roles.owner());
    for arguments in [&["migrate", "up"][..], &["migrate", "up"], &[], &["doctor"]] {
        let (is_well, said) = run(arguments, &roles.variables());
        assert!(!is_well, "{arguments:?}: {said}");
        for words in [&*roles.grant(&schema), "does not find", "the same search_path"] {
            assert!(said.contains(words), "{arguments:?}: {words} in {said}");
        }
    }
    roles.tell(&roles.grant(&schema)).await;
    roles.tell(&format!("ALTER ROLE {} SET search_path = \"{schema}\"", roles.login())).await;
    let (is_well, said) = run(&["migrate", "up"], &roles.variables());
    assert!(is_well && !said.contains("pending"), "{said}");
    serves(&roles.variables()).await;
}

/// Whoever migrates lets the role of requests in.
#[tokio::test(flavor = "multi_thread")]
async fn with_row_level_security_nothing_has_to_be_granted_beside_another_program() {
    let roles = TwoRoles::create().await;
    roles.tell(&BESIDE_ANOTHER_PROGRAM.replace("{database}", roles.database.name())).await;
    serves(&[roles.variables(), vec![("DATABASE_RLS", "true")]].concat()).await;
}

/// It would be empty, and one migration ahead of the tables in use.
#[tokio::test(flavor = "multi_thread")]
async fn no_second_set_of_tables_is_made_in_another_schema() {
    let roles = TwoRoles::create().await;
    for direction in ["up", "down"] {
        let (is_well, said) = run(&["migrate", direction], &roles.variables());
        assert!(is_well, "{said}");
    }
    roles.tell("CREATE SCHEMA AUTHORIZATION CURRENT_USER").await;
    let owner = roles.owner();
    for arguments in [&["migrate", "up"][..], &[], &["doctor"]] {
        let (is_well, said) = run(arguments, &roles.variables());
        assert!(!is_well, "{arguments:?}: {said}");
        let other = format!("migrations would go to schema {owner}, so nothing was changed");
        for words in ["finds the tables in schema public, and", &other, "the same search_path, which begins with"] {
            assert!(said.contains(words), "{arguments:?}: {words} in {said}");
        }
    }
    // With anything in it, it would not go.
    roles.tell(&format!("DROP SCHEMA \"{owner}\"")).await;
    serves(&roles.variables()).await;
}

/// The requests' own schema comes first, and has nothing in it: their role finds the tables behind it.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_requests_find_in_a_later_schema_serve() {
    let roles = TwoRoles::create().await;
    roles.tell(&format!("CREATE SCHEMA AUTHORIZATION {}", roles.login())).await;
    serves(&roles.variables()).await;
    serves(&roles.variables()).await;
}

/// Somebody else migrates there, by a role that the server does not know of.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_the_role_may_not_use_is_named() {
    let roles = TwoRoles::create().await;
    roles.tell("REVOKE ALL ON SCHEMA public FROM PUBLIC").await;
    let (is_well, said) = run(&["migrate", "up"], &[("DATABASE_URL", &roles.database.url())]);
    assert!(is_well, "{said}");
    let (_, url) = roles.variables()[0];
    let variables = [("DATABASE_URL", url), ("MIGRATE_ON_START", "false")];
    let (is_well, said) = run(&[], &variables);
    assert!(!is_well && said.contains("GRANT the role of DATABASE_URL USAGE on the schema"), "{said}");
    let rights = || {
        let (_, said) = run(&["doctor"], &variables);
        let line = said.lines().find(|line| line.split_whitespace().nth(1) == Some("rights"));
        line.unwrap_or_else(|| panic!("it is told in {said}")).to_owned()
    };
    let told = rights();
    assert!(told.starts_with("fail") && told.ends_with(&format!("; {};", roles.grant("public"))), "{told}");
    roles.tell(&roles.grant("public")).await;
    let told = rights();
    assert!(told.starts_with("pass"), "{told}");
    serves(&variables).await;
}

/// The two roles are mixed up: the one that lacks rights is not that of requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_migrates_tables_of_another_is_told_whose_they_are() {
    let database = TestDatabase::create(Guarded).await;
    let owner = database.url();
    let (is_well, said) = run(&["migrate", "up"], &[("DATABASE_URL", &owner)]);
    assert!(is_well, "{said}");
    let (_, login) = &database.variables()[0];
    for arguments in [&["migrate", "up"][..], &["migrate", "down"], &["doctor"]] {
        let (is_well, said) = run(arguments, &[("DATABASE_URL", &owner), ("DATABASE_DIRECT_URL", login)]);
        let words = "denied for table seaql_migrations; set DATABASE_DIRECT_URL to the role that owns the tables";
        assert!(!is_well && said.contains(words), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_a_schema_is_told_what_to_have() {
    let database = TestDatabase::create(Postgres).await;
    database.alter("SET search_path = nowhere").await;
    let (is_well, said) = run(&["migrate", "up"], &[("DATABASE_URL", &database.url())]);
    assert!(!is_well && said.contains("no schema has been selected to create in; GRANT the role"), "{said}");
}
