#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/pacing.md is what pacing is worth now.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$(dirname "$ESTAB")/draw_pacing" >"$made"
if ! diff -u "$root/docs/pacing.md" "$made"; then
    echo 'docs/pacing.md is not current: run scripts/generate' >&2
    exit 1
fi
