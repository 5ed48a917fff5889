#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/cwnd.svg is what the congestion controls do now.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$(dirname "$ESTAB")/draw_cwnd" >"$made"
if ! cmp "$made" "$root/docs/cwnd.svg"; then
    echo 'docs/cwnd.svg is not current: run scripts/generate' >&2
    exit 1
fi
