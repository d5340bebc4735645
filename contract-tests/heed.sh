#!/bin/sh
# Runs a command, and fails where that fails, or says what should have made it fail: of a name in clippy.toml that leads
# nowhere clippy warns by no lint, so nothing denies it (rust-clippy, issue 17007), and cargo-machete passes over a
# manifest that it cannot read.
#
#   heed.sh COMMAND ARGUMENT…
set -eu

said=$(mktemp)
trap 'rm -f "$said"' EXIT
# The status of a pipe is that of its end. Colours would stand before the words.
{ CARGO_TERM_COLOR=never "$@" 2>&1 || echo "error: $1 failed"; } | tee "$said"
# A network that falters is cargo's to ask again, and a disk without hard links is no fault of the code.
! grep -Ev '^warning: (spurious network error|hard linking files)' "$said" | grep -Eq '^(warning|error)'
