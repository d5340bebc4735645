#!/bin/sh
# Prints the path of Chromium; installs the system's where there is none and we may.
set -eu

if ! command -v chromium >/dev/null; then
    echo "Chromium is not installed; installing the system's, where we may" >&2
    if ! "$WORKSPACE/contract-tests/install.sh" chromium fonts-liberation; then
        echo "Chromium is needed to try the pages: install it, so that chromium is on the PATH" >&2
        exit 1
    fi
fi
command -v chromium
