#!/bin/sh
# Installs packages of the system, where we may, and starts nothing of them: nginx, say, would take port 80. What a
# package enables starts with the machine's next boot.
#
#   install.sh PACKAGE…
#
# Fails without a word where we may not: there may be other ways.
set -eu

[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1

# One at a time: who is done takes the policy away, from the others too. What apt-get starts does not keep the lock.
exec 9</usr/sbin
flock 9

# The one file that Debian asks whether it may start a service. An image of a container often has its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2 9<&-
apt-get install -y -qq --no-install-recommends "$@" >&2 9<&-
