//! Runs the peers: what was written by others and stands on our contract, each against the real server.
//!
//! `interop [PEER…]`, or `make interop`. `contract-tests/interop/README.md` tells how a peer is added.

#![expect(clippy::print_stdout, reason = "it reports to people")]

mod paths;
mod peers;
mod run;
mod summary;
mod tap;
mod version;

use std::process::ExitCode;

use futures_util::future::join_all;

use self::{
    peers::PEERS,
    run::{lay_out_shared, run},
    summary::Summary,
};

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !PEERS.iter().any(|peer| peer.name == **name)) {
        let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
        eprintln!("interop: there is no peer {unknown:?}; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    if let Some(missing) = unlisted() {
        eprintln!("interop: contract-tests/interop/{missing} has a run, but no entry among the peers");
        return ExitCode::FAILURE;
    }
    if let Err(error) = lay_out_shared() {
        eprintln!("interop: what peers share cannot be laid out: {error}");
        return ExitCode::FAILURE;
    }
    let mut summary = Summary::default();
    for peer in PEERS.iter().filter(|peer| wanted.is_empty() || wanted.iter().any(|name| name == peer.name)) {
        // On all databases at once, where nothing is installed or built meanwhile that both would be at.
        let at_once = if peer.package.is_brought_by_its_run() { 1 } else { peer.engines.len() };
        for engines in peer.engines.chunks(at_once) {
            println!(
                "== {} on {}",
                peer.name,
                engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(", ")
            );
            let reports = tokio::select! {
                reports = join_all(engines.iter().map(|engine| run(peer, *engine))) => reports,
                _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
            };
            for report in reports {
                report.tell();
                summary.add(report);
            }
        }
    }
    print!("{summary}");
    if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What looks like a peer and would never be run.
fn unlisted() -> Option<String> {
    let folders = std::fs::read_dir(paths::sources()).into_iter().flatten().flatten();
    let mut runs = folders.filter(|folder| folder.path().join("run").exists());
    runs.find_map(|folder| {
        folder.file_name().into_string().ok().filter(|name| !PEERS.iter().any(|peer| peer.name == name))
    })
}
