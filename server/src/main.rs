//! The command line.

use std::{
    io::{self, Write as _, stdout},
    net::{Ipv4Addr, SocketAddr},
    path::absolute,
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use todo_api::{Document, UserId};
use todo_server::{
    App, Config, Databases, LogFormat, Migrations, NewToken, Report, Telemetry, Verdict, check_health, check_token,
    sign, start_log,
};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// A todo backend: tasks over HTTP, in PostgreSQL or an embedded SQLite file.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API (what happens without a command).
    Serve,
    /// Run, take back or list the migrations of the database.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Print the OpenAPI document.
    Openapi {
        /// As YAML instead of JSON.
        #[arg(long)]
        yaml: bool,
    },
    /// Print a token for trying the API, signed with `BETTER_AUTH_SECRET`.
    Token {
        /// The id of the user it stands for.
        #[arg(long)]
        user: String,
        /// How many seconds it counts.
        #[arg(long, default_value_t = 3600)]
        seconds: u64,
    },
    /// Explain step by step whether a token counts here, and why not.
    CheckToken {
        /// The token; - reads it from the standard input, which keeps it out of the shell's history.
        token: String,
    },
    /// Examine what is configured before people's data is put behind it, and tell the remedies.
    ///
    /// Ends with 0 where all is well, 1 where something is to be looked at, 2 where something is not fit.
    Doctor,
    /// Ask the server that runs with this configuration whether it serves.
    Healthcheck,
}

#[derive(Subcommand)]
enum Migrate {
    /// Run what is pending.
    Up,
    /// Take the last migrations back, with their data.
    Down {
        /// How many.
        #[arg(default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations and whether they have been run.
    Status,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match CommandLine::parse().command.unwrap_or(Command::Serve) {
        Command::Serve => serve().await,
        Command::Migrate(command) => migrate(command).await,
        Command::Openapi { yaml } => {
            let document = Document::print();
            let text = if yaml { document.yaml } else { document.json };
            stdout().write_all(text.as_bytes()).map_err(Failure::from)
        }
        Command::Token { user, seconds } => token(&user, seconds),
        Command::CheckToken { token } => explain(token).await,
        Command::Doctor => match doctor().await {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Command::Healthcheck => healthcheck().await,
    };
    if let Err(failure) = result {
        eprintln!("{failure}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn serve() -> Result<(), Failure> {
    let config = Config::load()?;
    let telemetry = Telemetry::start(&config.log, &config.telemetry)?;
    // Listened for from the first: as the first process of a container, we would not even be ended by it.
    let mut stop = pin!(told_to_stop()?);
    let app = tokio::select! {
        app = App::start(&config) => app?,
        () = &mut stop => return Ok(()),
    };
    let database = &config.database;
    tracing::info!(address = %app.address(), database = %database.url, list_cache = database.list_cache, "serving");
    if config.log.format == LogFormat::Text {
        // Who started it may listen no more.
        let _ = greet(app.address(), !config.auth.secrets.is_empty());
    }
    app.run(stop).await;
    telemetry.stop().await;
    Ok(())
}

/// Where to look first.
fn greet(address: SocketAddr, signs_tokens: bool) -> io::Result<()> {
    let ip = address.ip();
    let is_here = ip.is_unspecified() || ip == Ipv4Addr::LOCALHOST;
    let place = if is_here { format!("localhost:{}", address.port()) } else { address.to_string() };
    let mut out = stdout().lock();
    writeln!(out, "Swagger UI    http://{place}/docs")?;
    writeln!(out, "The document  http://{place}/openapi.json")?;
    if signs_tokens {
        writeln!(out, "A token       make token USER=demo")?;
    }
    Ok(())
}

/// Ready at Ctrl-C, or where the system asks the process to end.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupted, mut terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

async fn migrate(command: Migrate) -> Result<(), Failure> {
    let config = Config::load()?;
    start_log(&config.log)?;
    let url = &config.database.url;
    // Elsewhere it would be made, and all seem well.
    if let Some(file) = url.sqlite_file().filter(|file| !matches!(command, Migrate::Up) && !file.exists()) {
        let file = absolute(&file).unwrap_or(file);
        let remedy = "name the server's own, or run this in the folder that the server runs in";
        return Err(format!("DATABASE_URL {url}: there is no file {}; {remedy}", file.display()).into());
    }
    let databases = Databases::connect(&config.database).await?;
    let migrations = Migrations::of(&databases, &config.database);
    match command {
        Migrate::Up => migrations.up().await?,
        Migrate::Down { steps } => migrations.down(steps).await?,
        Migrate::Status => {}
    }
    for (name, is_applied) in migrations.status().await? {
        writeln!(stdout(), "{} {name}", if is_applied { "applied" } else { "pending" })?;
    }
    databases.close().await;
    Ok(())
}

fn token(user: &str, seconds: u64) -> Result<(), Failure> {
    let config = Config::load()?;
    let user = UserId::parse(user).ok_or("--user must have 1 to 255 characters, none of them U+0000")?;
    let token = sign(&NewToken { user, life: Duration::from_secs(seconds) }, &config.auth)?;
    Ok(writeln!(stdout(), "{token}")?)
}

async fn explain(token: String) -> Result<(), Failure> {
    let config = Config::load()?;
    start_log(&config.log)?;
    let token = if token == "-" { io::read_to_string(io::stdin())? } else { token };
    let checks = check_token(&token, &config.auth).await?;
    for check in &checks {
        writeln!(stdout(), "{check}")?;
    }
    if checks.iter().any(|check| check.finding.is_err()) {
        return Err("the token does not count".into());
    }
    Ok(writeln!(stdout(), "the token counts")?)
}

async fn doctor() -> Result<ExitCode, Failure> {
    let report = Report::of(&Config::load()).await;
    writeln!(stdout(), "{report}")?;
    Ok(match report.verdict() {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Warn => ExitCode::from(1),
        Verdict::Fail => ExitCode::from(2),
    })
}

async fn healthcheck() -> Result<(), Failure> {
    Ok(check_health(&Config::load()?.http).await?)
}
