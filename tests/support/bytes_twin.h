/* SPDX-License-Identifier: MIT */
/*
 * bytes_twin.h - a reader and a writer that run beside their oracles.
 *
 * `ops` is a program, one byte an operation: what to do in the low half, how much in the high half.
 * Every string is a program.  The oracles are indexes into arrays that are compared with their ends.
 * The answer is what differs, as a text, or NULL if nothing does.
 */
#ifndef SUPPORT_BYTES_TWIN_H
#define SUPPORT_BYTES_TWIN_H

#include <stddef.h>
#include <stdint.h>

/* Reads `text`. */
const char *reader_twin_run(const uint8_t *ops, size_t ops_n, const uint8_t *text, size_t n);

/* Writes to `text`, whose bytes are overwritten, up to WRITER_TWIN_MAX of them. */
#define WRITER_TWIN_MAX 256
const char *writer_twin_run(const uint8_t *ops, size_t ops_n, uint8_t *text, size_t n);

#endif
