# For a peer's `run`: checks that are a command which has to succeed. Sourced, not run.
#
#   check "what holds when it succeeds" command arguments…
#   checked        # at the end: the plan, and the exit code
#
# What the command prints goes to the log, whatever comes of it.

checks=0
failures=0

check() {
    name=$1
    shift
    checks=$((checks + 1))
    echo "== $name" >&2
    if "$@" >&2; then
        echo "ok $checks - $name"
    else
        echo "not ok $checks - $name"
        failures=$((failures + 1))
    fi
}

checked() {
    echo "1..$checks"
    [ "$failures" = 0 ]
}
