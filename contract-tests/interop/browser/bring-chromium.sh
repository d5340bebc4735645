#!/bin/sh
# Prints the path of Chromium; installs the system's where there is none and we may.
set -eu

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Chromium is needed to try the pages: install it, so that chromium is on the PATH" >&2
        exit 1
    fi
    echo "Chromium is not installed; installing the system's" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends chromium fonts-liberation >&2
fi
command -v chromium
