#!/bin/sh
# Counts the instructions that the road of a request takes, operation by operation, where valgrind is installed:
# a number that no other program on the machine can move. The profiles stay in target/callgrind, for
# callgrind_annotate or KCachegrind.
#
# What a start takes is no request's: each is counted at 200 and at 1200 requests, and the difference shared.
set -eu
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null || { echo "valgrind is needed: apt-get install valgrind" >&2; exit 1; }
mkdir -p target/callgrind
cargo build --quiet --locked --release --package todo-contract-tests --example hot_path

count() { # OPERATION TIMES
    said=$(valgrind --tool=callgrind --callgrind-out-file="target/callgrind/$1" \
        target/release/examples/hot_path "$1" "$2" 2>&1) || { echo "$said" >&2; return 1; }
    echo "$said" | sed -n 's/.*Collected : //p' | grep .
}

for operation in getTask listTasks createTask updateTask toggleTaskCompletion getHealth; do
    few=$(count "$operation" 200)
    many=$(count "$operation" 1200)
    printf '%-22s %8d instructions\n' "$operation" $(((many - few) / 1000))
done
