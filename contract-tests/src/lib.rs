//! The proof: the real server over its own database, asked over HTTP, with every answer held against
//! the committed document.

mod app;
mod audit;
mod broken;
mod client;
mod cluster;
mod collector;
mod database;
mod disk;
mod document;
mod ended;
mod fixed;
mod folder;
mod good;
mod issuer;
mod loopback;
mod pooler;
mod process;
mod property;
mod proxy;
mod raw;
mod raw_value;
mod sessions;
mod signing_key;
mod token;
mod until;
mod watch;
mod watched;

pub use self::{
    app::{SECRET, TestApp},
    audit::{assert_clean, fault_of},
    broken::{BrokenApp, INTERNALS, Mishap},
    client::{Answer, Client},
    cluster::{Cluster, is_root},
    collector::{Collector, Sent},
    database::{Engine, TestDatabase, given, unwatched},
    disk::SmallDisk,
    document::{Committed, Operation, committed, members, read, resolved, workspace},
    ended::Ended,
    fixed::{Asked, HotPath},
    folder::temporary_folder,
    issuer::{Issuer, Reply},
    pooler::{Mode, Pooler},
    process::{ServerProcess, server_binary},
    property::holds,
    proxy::{Proxy, Weather},
    raw::Raw,
    raw_value::{RAW_VALUE, nested_raw_values, raw_value},
    sessions::{connections, cut, in_state, processes_of, waiting},
    signing_key::SigningKey,
    token::{Token, base64url, seconds_from_now},
    until::until,
    watch::Leash,
    watched::{count, page, until_counted, value, watched_on},
};
