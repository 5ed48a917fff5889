# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# What server.sh and client.sh share: a network namespace of our own, made by running the script
# once more inside it, and in it
#
#     va ---- vb    a veth pair
#     estab0        a TUN device, where this user may have one
#
# estab's servers are 10.9.0.2, its clients 10.9.0.3, and the kernel is 10.9.0.1 where it takes part.

skip() {
    echo "$*"
    exit 77
}

fail() {
    echo "$*" >&2
    exit 1
}

if [ -z "${SCENE:-}" ]; then
    user=
    [ "$(id -u)" = 0 ] || user='--user --map-root-user'
    # shellcheck disable=SC2086 # the flags are words
    unshare $user --net true 2>/dev/null ||
        skip "no network namespace can be made here: run as root, or allow user namespaces"
    SCENE=$(mktemp -d)
    export SCENE
    trap 'rm -rf "$SCENE"' EXIT
    status=0
    # shellcheck disable=SC2086
    unshare $user --net "$0" || status=$?
    exit "$status"
fi

cd "$SCENE"
trap 'kill $(cat pids) 2>/dev/null || true' EXIT
: >pids
head -c 1000000 /dev/urandom >text
ip link set lo up

# wire kernel | wire bare: a veth pair, with the kernel's TCP on vb or on neither end.
wire() {
    ip link del va 2>/dev/null || true
    ip link add va type veth peer name vb
    [ "$1" = bare ] || ip addr add 10.9.0.1/24 dev vb
    ip link set va up
    ip link set vb up
}

# tun: estab0, with the kernel behind it; false if this user may not have one.
tun() {
    ip tuntap add estab0 mode tun 2>/dev/null || return 1
    ip addr add 10.9.0.1/24 dev estab0
    ip link set estab0 up
}

# background WORD COMMAND...: runs the command until it has said the word.
background() {
    word=$1
    shift
    "$@" >said 2>&1 &
    echo $! >>pids
    for _ in $(seq 100); do
        grep -q "$word" said && return 0
        sleep 0.1
    done
    fail "$1 did not start: $(cat said)"
}

# What was sent is what came back.
same() {
    cmp -s "$2" "$3" || fail "$1: what came is not what was sent: $(wc -c <"$3") bytes of $(wc -c <"$2")"
    echo "$1: $(wc -c <"$3") bytes"
}
