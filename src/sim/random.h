/* SPDX-License-Identifier: MIT */
/*
 * random.h - the only source of chance in a simulation: xoshiro256** (Blackman and Vigna, 2018),
 * seeded through splitmix64.
 *
 * One seed decides everything.  So that a new consumer does not shift what the others draw, each
 * has a stream of its own, derived from the seed and a name:
 *
 *      seed --+-- "link a>b loss" --> stream
 *             +-- "link a>b jitter" -> stream
 *             +-- "keys a" ---------> stream
 *
 * Integers only, and the same numbers on every machine.  It is no source of secrets.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANDOM_PPM UINT32_C(1000000) /* certainty, in parts per million */

struct random {
    uint64_t s[4]; /* never all zero */
};

struct random random_of(uint64_t seed);
/* The stream called `name` of this seed. */
struct random random_stream(uint64_t seed, const char *name);

uint64_t random_u64(struct random *r);
/* Uniform in 0 .. n-1, without bias; n > 0. */
uint64_t random_below(struct random *r, uint64_t n);
/* True with a probability of `ppm` millionths.  What is drawn does not depend on `ppm`, and what is
 * true for one `ppm` is true for every greater one. */
bool random_chance(struct random *r, uint32_t ppm);
void random_bytes(struct random *r, void *to, size_t n);

#endif
