#!/bin/sh
# Writes server/load.profdata: how often the load of `make bench-http` takes which branch of the server, so that the
# compiler can lay out what is built for production accordingly.
#
# It holds for this compiler, this Cargo.lock and version, and builds without --target: functions have other names in
# others, and are built as if there were no profile. So it is learned anew with each release.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/target/profile

rustup component add llvm-tools
merge=$(rustc --print target-libdir)/../bin/llvm-profdata
CARGO_ENCODED_RUSTFLAGS="--codegen=profile-generate=$build/counts" \
    cargo build --quiet --locked --release --package todo-server --target-dir "$build"
# What build scripts and macros have counted is no load.
rm -rf "$build/counts"
cargo run --quiet --locked --package todo-contract-tests --bin bench-http -- \
    SERVERS=target/profile/release/todo-server CONNECTIONS="1 16 100" ROUNDS=1 DURATION=3
"$merge" merge --sparse --output server/load.profdata "$build/counts"
# Cargo does not see that what it built before was laid out by another one.
cargo clean --quiet --profile release
