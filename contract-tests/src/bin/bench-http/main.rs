//! How fast the whole server is over HTTP, beside others that do the same work by hand: `make bench-http`.
//!
//! One PostgreSQL with its durable defaults, or SQLite files; one database for each server, with the same data; one
//! wrk. Servers, database and wrk share the machine. The servers take turns; only ratios within a round count.

#![expect(clippy::print_stdout, reason = "it reports to people")]

mod chart;
mod data;
mod engine;
mod goals;
mod load;
mod measure;
mod publish;
mod results;
mod rounds;
mod sameness;
mod server;
mod settings;
mod table;
mod usage;
mod work;

use std::process::ExitCode;

use self::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    // Dropped where it is given up, so that who was started is ended.
    let ran = tokio::select! {
        ran = run() => ran,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("bench-http: {words}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let settings = Settings::read(std::env::args().skip(1))?;
    // Connections held open, and those of servers, who inherit it.
    rlimit::increase_nofile_limit(16_384).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    for &engine in &settings.engines {
        let results = rounds::run(engine, &settings).await?;
        print!("{}", table::others(&results));
        all.push(results);
    }
    if all.iter().any(|results| results.cells.is_empty()) {
        return Err("nothing was measured".to_owned());
    }
    if settings.publish { publish::publish(&all, &settings) } else { Ok(()) }
}
