#!/bin/sh
# SPDX-License-Identifier: MIT
# The tour in README.md is what the program prints (its part in virtual time).
exec "$ESTAB_SOURCE_DIR/scripts/transcript" --check
