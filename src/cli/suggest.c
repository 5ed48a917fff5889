/* SPDX-License-Identifier: MIT */
/*
 * suggest.c - edit distance with neighbours swapped as one edit (optimal string alignment).
 *
 * Three rows of the usual table suffice: a swap reaches back two.  A name is near if it costs at
 * most one edit for every three letters typed, and one at least; or if it begins with what was
 * typed.
 */
#include "cli/suggest.h"

#include <string.h>

#define LONGEST 32 /* no name is longer */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);

    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (unsigned j = 0; j <= n; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= m; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i - 1) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

void suggest_offer(struct suggestion *s, const char *name)
{
    size_t length = strlen(s->typed);
    unsigned d = distance(s->typed, name);

    if (length >= 2 && strncmp(s->typed, name, length) == 0)
        d = 0;
    if (d > 1 + length / 3 || d >= length || (s->best && d >= s->distance))
        return;
    s->best = name;
    s->distance = d;
}
