/* SPDX-License-Identifier: MIT */
/*
 * siphash.c - SipHash-c-d: c rounds for each word of 8 bytes, d rounds at the end.
 *
 * Four words of state are mixed by additions, rotations and exclusive-ors only, so that the time
 * taken depends on the length alone and tells nothing about the key.  Words are little-endian; the
 * last word holds the remaining 0 to 7 bytes, and in its highest byte the length mod 256.
 */
#include "base/siphash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Figure 2.1 of the paper. */
static inline void sip_rounds(struct sip *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 = rotl(s->v2, 32);
    }
}

static inline void sip_absorb(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    sip_rounds(s, rounds);
    s->v0 ^= word;
}

/* A full word; compilers make one load of it. */
static inline uint64_t load64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

/* The `n` < 8 last bytes. */
static inline uint64_t load_tail(const uint8_t *p, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << 8 * i;
    return word;
}

/* The constants spell "somepseudorandomlygeneratedbytes". */
static inline struct sip sip_keyed(const uint8_t *key)
{
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    return (struct sip){
        .v0 = k0 ^ 0x736f6d6570736575,
        .v1 = k1 ^ 0x646f72616e646f6d,
        .v2 = k0 ^ 0x6c7967656e657261,
        .v3 = k1 ^ 0x7465646279746573,
    };
}

static inline uint64_t siphash(const uint8_t *key, const void *data, size_t n, unsigned c,
                               unsigned d)
{
    struct sip s = sip_keyed(key);
    const uint8_t *p = data;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8)
        sip_absorb(&s, load64(p), c);
    sip_absorb(&s, load_tail(p, left) | (uint64_t)n << 56, c);
    s.v2 ^= 0xff;
    sip_rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash24(const uint8_t key[SIPHASH_KEY_BYTES], const void *data, size_t n)
{
    return siphash(key, data, n, 2, 4);
}

uint64_t siphash13(const uint8_t key[SIPHASH_KEY_BYTES], const void *data, size_t n)
{
    return siphash(key, data, n, 1, 3);
}
