/* SPDX-License-Identifier: MIT */
/*
 * checksum.h - the Internet checksum (RFC 1071).
 *
 * The data is cut into 16-bit words, high byte first, a last odd byte being padded with a zero
 * byte.  The checksum is the complement of the words' one's-complement sum.
 *
 * A running sum is a plain integer: the sum of the words, in host order, up to multiples of 65535.
 * So the fields of a pseudo-header are simply added to it as numbers:
 *
 *      uint64_t sum = (uint64_t)src + dst + protocol + length;      32-bit addresses, host order
 *      sum = checksum_add(sum, segment, length);
 *      writer_u16_at(&w, at, checksum_done(sum));
 *
 * (Adding a 32-bit number adds its two halves, as 2^16 = 1 mod 65535.)  Such a sum is 0 only if
 * every word was 0, which keeps the two zeros of one's complement apart, as RFC 1071 has them.
 *
 * Limits: one call adds at most 0xffff, whatever the length, so that a sum has room for 2^48 calls,
 * or for 2^32 numbers of 32 bits, before it could overflow.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adds `n` bytes that begin at an even offset of the summed text.  `p` may be NULL if `n` is 0. */
uint64_t checksum_add(uint64_t sum, const void *p, size_t n);

/* The same for bytes that begin at `offset`: at an odd one the first byte is the low half of a word
 * that the part before began.  The parts of a text may have any lengths and come in any order. */
uint64_t checksum_add_at(uint64_t sum, const void *p, size_t n, size_t offset);

/* The one's-complement sum of 16 bits, in host order; 0 only for a sum of 0. */
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* What the checksum field carries, in host order: store it high byte first.  UDP writes 0xffff in
 * place of 0, which there means "none" (RFC 768). */
static inline uint16_t checksum_done(uint64_t sum)
{
    return (uint16_t)~checksum_fold(sum);
}

/* Whether a text that was summed together with its checksum field is intact. */
static inline bool checksum_good(uint64_t sum)
{
    return checksum_fold(sum) == 0xffff;
}

/* The field `check` after one of the words that it covers changed from `was` to `is`: RFC 1624,
 * equation 3. */
static inline uint16_t checksum_update(uint16_t check, uint16_t was, uint16_t is)
{
    uint64_t sum = (uint64_t)(uint16_t)~check + (uint16_t)~was + is;
    return (uint16_t)~checksum_fold(sum);
}

#endif
