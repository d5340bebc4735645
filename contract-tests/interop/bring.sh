#!/bin/sh
# Brings what the peers are made of to target/interop/, at the versions pinned here: packages of npm and
# PyPI, anew where a pin has changed. A Node.js comes with them (some generators want a newer one than
# machines have), and a Java.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$here/../../target/interop

for program in npm python3; do
    command -v $program >/dev/null || { echo "$program is needed for the peers: install Node.js 20 and Python 3.11, or newer" >&2; exit 1; }
done
mkdir -p "$target"
cd "$target"

# Whether a pin is the one that was brought last.
same() { cmp -s "$here/$1" "$target/$1.brought"; }
brought() { cp "$here/$1" "$target/$1.brought"; }

if ! same package-lock.json; then
    echo "bringing the packages of npm"
    cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$target/"
    npm ci --loglevel=error
    brought package-lock.json
fi

if ! same requirements.txt; then
    echo "bringing the packages of PyPI"
    python3 -m venv --clear venv
    venv/bin/pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    brought requirements.txt
fi
