#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/recovery.md is what recovery does now.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$(dirname "$ESTAB")/draw_recovery" >"$made"
if ! diff -u "$root/docs/recovery.md" "$made"; then
    echo 'docs/recovery.md is not current: run scripts/generate' >&2
    exit 1
fi
