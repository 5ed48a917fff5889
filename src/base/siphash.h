/* SPDX-License-Identifier: MIT */
/*
 * siphash.h - a keyed hash of short strings (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012).
 *
 * Who does not know the key can neither predict the result nor find two inputs that collide more
 * often than chance.  That is what initial sequence numbers (RFC 9293 section 3.4.1), SYN cookies
 * and hash tables over addresses need: the peer picks the input, and must not pick the bucket.
 *
 * siphash24 is the conservative choice, for what goes out on the wire.  siphash13 does half of the
 * rounds; its results must not be shown to the peer, which suits a hash table.
 *
 * The result is the same on every machine; `data` may be NULL when `n` is 0.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_BYTES 16

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], const void *data, size_t n);
uint64_t siphash13(const uint8_t key[SIPHASH_KEY_BYTES], const void *data, size_t n);

#endif
