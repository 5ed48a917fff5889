#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/server.c against the kernel's TCP: one client after the other, and eight at once.
set -eu
# shellcheck source=tests/install/_scene.sh
. "$(dirname "$0")/_scene.sh"

ask() {
    nc -N -w 20 10.9.0.2 7777 <text >"back$1"
}

serve() {
    background listening "$EXAMPLES/server" "$1" 10.9.0.2/24 7777
    server=$!
    ask 0
    same "the kernel's client at $1" text back0
    asking=
    for i in 1 2 3 4 5 6 7 8; do
        ask $i &
        asking="$asking $!"
    done
    for asks in $asking; do
        wait "$asks" || fail "a client at $1 failed"
    done
    for i in 1 2 3 4 5 6 7 8; do
        same "client $i of eight at $1" text back$i
    done
    kill -TERM "$server"
    wait "$server" || fail "the server did not end as it should: $(cat said)"
}

wire kernel
serve packet:va
ip link del va
if tun; then
    serve tun:estab0
else
    echo "tun: this user may not have a TUN device; only packet: was tried"
fi
