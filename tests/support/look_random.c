/* SPDX-License-Identifier: MIT */
/* look_random.c - see look_random.h. */
#include "support/look_random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY LOOK_MANY

static char why[160];

static double all(unsigned bits)
{
    return (double)(UINT64_C(1) << bits);
}

/* Whether a count is above what chance lets it be: five deviations, and a few more where few are expected. */
static bool too_many(double count, double mean)
{
    double more = count - mean - 6;

    return more > 0 && more * more > 25 * mean;
}

static const char *monobit(const uint32_t *v, unsigned bits)
{
    for (unsigned k = 0; k < bits; k++) {
        int set = 0;

        for (int i = 0; i < MANY; i++)
            set += v[i] >> k & 1;
        if (abs(set - MANY / 2) > 5 * 158) { /* sigma is the root of n/4 */
            snprintf(why, sizeof why, "monobit: bit %u is set %d times", k, set);
            return why;
        }
    }
    return NULL;
}

/* Chi-squared of 255 degrees of freedom passes 370 once in 10^6 times. */
static const char *bytes(const uint32_t *v, unsigned bits)
{
    for (unsigned shift = 0; shift + 8 <= bits; shift++) {
        unsigned count[256] = {0};
        double chi = 0, mean = MANY / 256.0;

        for (int i = 0; i < MANY; i++)
            count[v[i] >> shift & 255]++;
        for (int i = 0; i < 256; i++)
            chi += (count[i] - mean) * (count[i] - mean) / mean;
        if (chi > 370) {
            snprintf(why, sizeof why, "bytes: chi-squared of the byte at bit %u is %.0f", shift, chi);
            return why;
        }
    }
    return NULL;
}

static const char *runs(const uint32_t *v, unsigned bits)
{
    for (unsigned k = 0; k < bits; k++) {
        int changes = 0;

        for (int i = 1; i < MANY; i++)
            changes += (v[i] ^ v[i - 1]) >> k & 1;
        if (abs(changes - MANY / 2) > 5 * 158) {
            snprintf(why, sizeof why, "runs: bit %u changes %d times", k, changes);
            return why;
        }
    }
    return NULL;
}

/* Of values, and of each bit with each: as often alike as not. */
static const char *serial(const uint32_t *v, unsigned bits)
{
    double mean = all(bits) / 2, variance = all(bits) * all(bits) / 12;

    for (int lag = 1; lag <= 16; lag++) {
        double sum = 0;

        for (int i = lag; i < MANY; i++)
            sum += ((double)v[i] - mean) * ((double)v[i - lag] - mean) / variance;
        if (sum * sum > 25.0 * MANY) {
            snprintf(why, sizeof why, "serial: correlation with the %dth before is %.4f", lag,
                     sum / MANY);
            return why;
        }
        for (unsigned k = 0; k < bits; k++) {
            int alike = 0;

            for (int i = lag; i < MANY; i++)
                alike += !((v[i] ^ v[i - lag]) >> k & 1);
            if (abs(alike - (MANY - lag) / 2) > 5 * 158) {
                snprintf(why, sizeof why, "serial: bit %u is as the %dth before %d times", k, lag,
                         alike);
                return why;
            }
        }
    }
    return NULL;
}

static int order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* How often the most usual step comes: of n steps of b bits, some n / 2^b and a few more. */
static const char *differences(const uint32_t *v, unsigned bits)
{
    static uint32_t steps[MANY];
    uint32_t mask = bits < 32 ? (1u << bits) - 1 : UINT32_MAX;
    double mean = MANY / all(bits);
    int longest = 0, run = 0;

    for (int i = 1; i < MANY; i++)
        steps[i] = (v[i] - v[i - 1]) & mask;
    qsort(steps + 1, MANY - 1, sizeof *steps, order);
    for (int i = 2; i < MANY; i++) {
        run = steps[i] == steps[i - 1] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    if (too_many(longest, mean)) {
        snprintf(why, sizeof why, "differences: one step comes %d times", longest + 1);
        return why;
    }
    return NULL;
}

/* Each pair of n numbers of b bits is alike once in 2^b times. */
static const char *repeats(const uint32_t *v, unsigned bits)
{
    static uint32_t sorted[MANY];
    double pairs = 0, run = 0;

    memcpy(sorted, v, sizeof sorted);
    qsort(sorted, MANY, sizeof *sorted, order);
    for (int i = 1; i < MANY; i++) {
        run = sorted[i] == sorted[i - 1] ? run + 1 : 0;
        pairs += run;
    }
    if (too_many(pairs, 0.5 * MANY * MANY / all(bits))) {
        snprintf(why, sizeof why, "repeats: %.0f pairs are alike", pairs);
        return why;
    }
    return NULL;
}

struct past {
    uint32_t d1, d2, next;
};

static int order_past(const void *a, const void *b)
{
    return order(a, b);
}

static uint32_t apart(uint32_t a, uint32_t b, uint32_t mask)
{
    uint32_t d = (a - b) & mask;

    return d > mask / 2 ? mask - d + 1 : d;
}

/*
 * The first half teaches: after steps d2, d1 the next was so large.  Of the second half each next step is
 * guessed from those 64 lessons whose d1 is nearest, by that of them whose d2 is; a guess is right within
 * 1/2^10 of all numbers.  By chance that is so once in 2^9 times.
 */
static const char *phase_space(const uint32_t *v, unsigned bits)
{
    enum { HALF = MANY / 2, NEAR = 32 };
    static struct past past[HALF];
    uint32_t mask = bits < 32 ? (1u << bits) - 1 : UINT32_MAX;
    uint32_t radius = mask >> 10 ? mask >> 10 : 1;
    double chance = (2.0 * radius + 1) / ((double)mask + 1) * HALF;
    int right = 0;

    for (int i = 0; i < HALF; i++)
        past[i] = (struct past){(v[i + 2] - v[i + 1]) & mask, (v[i + 1] - v[i]) & mask,
                                (v[i + 3] - v[i + 2]) & mask};
    qsort(past, HALF, sizeof *past, order_past);
    for (int i = HALF + 3; i + 1 < MANY; i++) {
        uint32_t d1 = (v[i] - v[i - 1]) & mask, d2 = (v[i - 1] - v[i - 2]) & mask;
        int low = 0, high = HALF, best;

        while (low < high) {
            int middle = (low + high) / 2;

            if (past[middle].d1 < d1)
                low = middle + 1;
            else
                high = middle;
        }
        high = low + NEAR < HALF ? low + NEAR : HALF;
        low = low > NEAR ? low - NEAR : 0;
        best = low;
        for (int k = low; k < high; k++)
            if (apart(past[k].d2, d2, mask) < apart(past[best].d2, d2, mask))
                best = k;
        right += apart(v[i] + past[best].next, v[i + 1], mask) <= radius;
    }
    if (too_many(right, chance)) {
        snprintf(why, sizeof why, "phase space: %d of %d guesses are right, not %.0f", right, HALF,
                 chance);
        return why;
    }
    return NULL;
}

const char *look_random(const uint32_t *v, unsigned bits)
{
    static const char *(*const tests[])(const uint32_t *, unsigned) = {
        monobit, bytes, runs, serial, differences, repeats, phase_space};
    const char *wrong = NULL;

    for (size_t i = 0; !wrong && i < sizeof tests / sizeof tests[0]; i++)
        wrong = tests[i](v, bits);
    return wrong;
}
