#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/embed.c prints the same on every machine.
set -eu

told=$("$EXAMPLES/embed" | sed 's/ *$//')
[ "$told" = " 0.000 s  client  ESTABLISHED
 0.000 s  server  FIN-WAIT-1   hello
 0.000 s  client  LAST-ACK     good-bye
 0.000 s  server  TIME-WAIT
 0.000 s  client  CLOSED
60.000 s  server  CLOSED" ] || {
    printf 'embed: something else was told:\n%s\n' "$told" >&2
    exit 1
}
