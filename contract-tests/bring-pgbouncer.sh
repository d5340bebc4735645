#!/bin/sh
# Brings PgBouncer for the tests, where none is installed: by the system's package manager where we may,
# or else unpacked beside what is built here.
set -eu

target=$(dirname "$0")/../target/pgbouncer

if [ -x /usr/sbin/pgbouncer ] || [ -x "$target/usr/sbin/pgbouncer" ] || command -v pgbouncer >/dev/null; then
    exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "PgBouncer is not installed; installing the system's"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer
elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    echo "PgBouncer is not installed; unpacking the system's package, without installing it"
    mkdir -p "$target"
    cd "$target"
    apt-get download -qq pgbouncer libevent-2.1-7 libc-ares2
    for package in *.deb; do
        dpkg-deb -x "$package" .
    done
elif command -v brew >/dev/null; then
    echo "PgBouncer is not installed; installing it with Homebrew"
    brew install --quiet pgbouncer
else
    echo "PgBouncer is needed for the tests: install it" >&2
    exit 1
fi
