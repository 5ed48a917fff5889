#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/client.c against the kernel's TCP, and against examples/server.c.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/install/_scene.sh
. "$here/_scene.sh"

# A program of the kernel's sends one text and receives another, both at once.
ask_kernel() {
    background listening "$here/_both_ways.py" 10.9.0.1 7777 "$SCENE/answer" "$SCENE/heard"
    timeout 60 "$EXAMPLES/client" "$1" 10.9.0.3/24 10.9.0.1 7777 <text >back
    wait $!
    same "to the kernel over $1" text heard
    same "from the kernel over $1" answer back
}

head -c 300000 /dev/urandom >answer
wire kernel
ask_kernel packet:va
ip link del va
if tun; then
    ask_kernel tun:estab0
    ip link del estab0
else
    echo "tun: this user may not have a TUN device; only packet: was tried"
fi

wire bare
background listening "$EXAMPLES/server" packet:va 10.9.0.2/24 7777
timeout 30 "$EXAMPLES/client" packet:vb 10.9.0.3/24 10.9.0.2 7777 <text >back
same "client and server of our own" text back

status=0
timeout 30 "$EXAMPLES/client" packet:vb 10.9.0.3/24 10.9.0.2 7778 <text 2>said || status=$?
grep -q 'connection reset' said && [ $status = 1 ] || fail "a closed port: exit $status, $(cat said)"
