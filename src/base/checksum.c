/* SPDX-License-Identifier: MIT */
/*
 * checksum.c - the Internet checksum, many bytes at a time.
 *
 * RFC 1071 section 2 (B): a one's-complement sum does not care about byte order, as swapping the
 * bytes of every word swaps those of the sum.  So words are added as the machine loads them, and
 * the 16 bits of the result are turned into host order once.  The same property answers for an odd
 * offset: there every byte sits in the other half of its word, so the sum comes out swapped.
 *
 * As 2^16 = 2^32 = 2^64 = 1 (mod 65535), words of 64 bits serve as well as those of 16, provided
 * that the carry out of the top comes in at the bottom again.  The four sums of a block do not wait
 * for each other; that makes plain additions as fast as the vectors that compilers find here.
 */
#include "base/checksum.h"

#include <string.h>

static uint16_t sum_of(const uint8_t *p, size_t n);

uint64_t checksum_add(uint64_t sum, const void *p, size_t n)
{
    return sum + sum_of(p, n);
}

uint64_t checksum_add_at(uint64_t sum, const void *p, size_t n, size_t offset)
{
    uint16_t part = sum_of(p, n);
    if (offset % 2 != 0)
        part = (uint16_t)(part << 8 | part >> 8);
    return sum + part;
}

/* One's-complement addition.  After a wrap `sum` is below `word`, so that adding 1 cannot wrap. */
static inline void add(uint64_t *sum, uint64_t word)
{
    *sum += word;
    *sum += *sum < word;
}

static inline void add64(uint64_t *sum, const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    add(sum, word);
}

static inline void add32(uint64_t *sum, const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    add(sum, word);
}

static inline void add16(uint64_t *sum, const uint8_t *p)
{
    uint16_t word;
    memcpy(&word, p, sizeof word);
    add(sum, word);
}

/* The sum of fewer than 32 bytes. */
static inline uint64_t sum_tail(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;
    for (; n >= 8; n -= 8, p += 8)
        add64(&sum, p);
    if (n & 4) {
        add32(&sum, p);
        p += 4;
    }
    if (n & 2) {
        add16(&sum, p);
        p += 2;
    }
    if (n & 1)
        add16(&sum, (const uint8_t[2]){p[0], 0});
    return sum;
}

/* The sum in host order of a 16-bit sum that is in the order of the wire. */
static inline uint16_t host_order(uint16_t folded)
{
    uint8_t b[2];
    memcpy(b, &folded, sizeof b);
    return (uint16_t)(b[0] << 8 | b[1]);
}

static uint16_t sum_of(const uint8_t *p, size_t n)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; n >= 32; n -= 32, p += 32) {
        add64(&a, p);
        add64(&b, p + 8);
        add64(&c, p + 16);
        add64(&d, p + 24);
    }
    add(&a, b);
    add(&c, d);
    add(&a, c);
    add(&a, sum_tail(p, n));
    return host_order(checksum_fold(a));
}
