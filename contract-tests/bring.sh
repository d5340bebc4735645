#!/bin/sh
# Brings a program that is not installed: by the system's package manager where we may, or else unpacked
# beside what is built here.
#
#   bring.sh PROGRAM LIBRARY…
#
# The program's package has its name; the libraries are the packages that it needs where it is unpacked, by all names
# that they have in one system or another.
set -eu

program=$1
target=$(dirname "$0")/../target/$program

for place in /usr/sbin "$target/usr/sbin" "$target/usr/bin"; do
    if [ -x "$place/$program" ]; then
        exit 0
    fi
done
if command -v "$program" >/dev/null; then
    exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "$program is not installed; installing the system's"
    "$(dirname "$0")/install.sh" "$program"
elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    echo "$program is not installed; unpacking the system's package, without installing it"
    mkdir -p "$target"
    cd "$target"
    for package; do
        if [ -n "$(apt-cache show "$package" 2>/dev/null)" ]; then
            apt-get download -qq "$package"
        fi
    done
    for package in *.deb; do
        dpkg-deb -x "$package" .
    done
elif command -v brew >/dev/null; then
    echo "$program is not installed; installing it with Homebrew"
    brew install --quiet "$program"
else
    echo "$program is needed here: install it" >&2
    exit 1
fi
