#!/bin/sh
# Brings wrk, which makes the load of `make bench-http`, where none is installed: by the system's package
# manager where we may, or else unpacked beside what is built here.
set -eu

target=$(dirname "$0")/../target/wrk

if [ -x "$target/usr/bin/wrk" ] || command -v wrk >/dev/null; then
    exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "wrk is not installed; installing the system's"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk
elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    echo "wrk is not installed; unpacking the system's package, without installing it"
    mkdir -p "$target"
    cd "$target"
    apt-get download -qq wrk libluajit-5.1-2 libluajit-5.1-common
    for package in *.deb; do
        dpkg-deb -x "$package" .
    done
elif command -v brew >/dev/null; then
    echo "wrk is not installed; installing it with Homebrew"
    brew install --quiet wrk
else
    echo "wrk is needed for the benchmarks: install it" >&2
    exit 1
fi
