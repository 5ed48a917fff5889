/* SPDX-License-Identifier: MIT */
/* random.c - see random.h. */
#include "sim/random.h"

#include <string.h>

#include "base/siphash.h"

static uint64_t splitmix(uint64_t *state);
static uint64_t rotate(uint64_t x, unsigned n);
static void put_u64(uint8_t *to, uint64_t x);

struct random random_of(uint64_t seed)
{
    struct random r;
    for (unsigned i = 0; i < 4; i++)
        r.s[i] = splitmix(&seed);
    return r; /* four results of a bijection in a row: at most one is zero */
}

struct random random_stream(uint64_t seed, const char *name)
{
    uint8_t key[SIPHASH_KEY_BYTES];
    put_u64(key, splitmix(&seed));
    put_u64(key + 8, splitmix(&seed));
    return random_of(siphash24(key, name, strlen(name)));
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* 2^64 is no multiple of most `n`: the lowest 2^64 mod n numbers are drawn again, so that each
 * remainder is left with equally many. */
uint64_t random_below(struct random *r, uint64_t n)
{
    uint64_t surplus = (0 - n) % n;
    uint64_t x = random_u64(r);
    while (x < surplus)
        x = random_u64(r);
    return x % n;
}

bool random_chance(struct random *r, uint32_t ppm)
{
    return random_below(r, RANDOM_PPM) < ppm;
}

void random_bytes(struct random *r, void *to, size_t n)
{
    uint8_t *p = to;
    while (n > 0) {
        uint8_t word[8];
        size_t part = n < sizeof word ? n : sizeof word;
        put_u64(word, random_u64(r));
        memcpy(p, word, part);
        p += part;
        n -= part;
    }
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Low byte first, whatever the machine has. */
static void put_u64(uint8_t *to, uint64_t x)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(x >> 8 * i);
}
