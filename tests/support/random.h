/* SPDX-License-Identifier: MIT */
/*
 * random.h - numbers for tests that a seed replays (splitmix64: Steele, Lea, Flood, 2014).
 *
 * The state is one number, and any seed will do, 0 included.
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* A number of any magnitude. */
static inline uint64_t random_span(uint64_t *state)
{
    uint64_t bits = random_next(state) % 64;
    return random_next(state) >> bits;
}

static inline void random_fill(uint64_t *state, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_next(state);
}

#endif
