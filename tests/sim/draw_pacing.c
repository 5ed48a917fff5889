/* SPDX-License-Identifier: MIT */
/*
 * draw_pacing.c - docs/pacing.md: what pacing is worth before queues of several depths, in virtual time.
 * scripts/generate writes it, and a test compares it with what the code does now.
 */
#include <stdio.h>

#include "support/pacing_run.h"

enum { SEED = 1 }; /* the jitter's */

struct path {
    const char *name; /* empty: as the row above */
    const char *link; /* without its queue */
    unsigned queue;
    bool whole; /* the queue holds a bandwidth-delay product */
};

static const struct path paths[] = {
    {"100 Mbit/s, 20 ms", "delay 10ms jitter 50us rate 100mbit", 10, false},
    {"", "delay 10ms jitter 50us rate 100mbit", 40, false},
    {"", "delay 10ms jitter 50us rate 100mbit", 165, true},
    {"20 Mbit/s, 40 ms", "delay 20ms jitter 50us rate 20mbit", 10, false},
    {"", "delay 20ms jitter 50us rate 20mbit", 30, false},
    {"", "delay 20ms jitter 50us rate 20mbit", 66, true},
    {"100 Mbit/s, 2 ms", "delay 1ms jitter 50us rate 100mbit", 10, false},
    {"", "delay 1ms jitter 50us rate 100mbit", 17, true},
};

typedef bool pacing_way(const char *link, uint64_t seed, bool paced, struct pacing_cost *cost);

static bool costs(const struct path *path, pacing_way *way, bool paced, struct pacing_cost *cost)
{
    char link[96];

    *cost = (struct pacing_cost){0};
    (void)snprintf(link, sizeof link, "%s queue %u", path->link, path->queue);
    if (way(link, SEED, paced, cost))
        return true;
    fprintf(stderr, "draw_pacing: %s: the text did not come\n", link);
    return false;
}

/* Two cells: goodput in Mbit/s or the mean wait in ms, with a tenth; what the queue had no place for. */
static void put_cells(const struct pacing_cost *cost, bool bulk)
{
    uint64_t tenths = bulk ? (uint64_t)PACING_BULK * 8 * 10 * 1000 / (uint64_t)cost->took
                           : (uint64_t)cost->took * 10 / ESTAB_MS / PACING_OBJECTS;

    printf(" %u.%u | %u |", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
           (unsigned)cost->dropped);
}

static bool put_table(pacing_way *way, bool bulk)
{
    const char *unit = bulk ? "Mbit/s" : "ms";

    printf("\n| path | queue | at once, %s | lost | paced, %s | lost |\n|---|---|--:|--:|--:|--:|\n", unit, unit);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct path *path = &paths[i];
        struct pacing_cost plain, paced;

        if (!costs(path, way, false, &plain) || !costs(path, way, true, &paced))
            return false;
        printf("| %s%s| %u%s |", path->name, path->name[0] != '\0' ? " " : "", path->queue,
               path->whole ? ", as much as the path holds" : "");
        put_cells(&plain, bulk);
        put_cells(&paced, bulk);
        putchar('\n');
    }
    return true;
}

int main(void)
{
    puts("<!-- Written by scripts/generate, from the simulator (tests/sim/draw_pacing.c). -->\n"
         "# Pacing\n\n"
         "What leaves at once waits in somebody's queue, and what that has no place for is lost. With pacing\n"
         "(`ESTAB_OPTION_PACING`, the sockets' `SO_MAX_PACING_RATE`) a window leaves over a round trip: at twice cwnd /\n"
         "SRTT in slow start, at 1.2 times that afterwards, as in Linux. CUBIC with HyStart and RACK-TLP, in virtual\n"
         "time.\n\n"
         "## Objects\n\n"
         "50 segments every 150 ms, 60 times: an answer, a picture, a message. The window is open from the one\n"
         "before, so without pacing all 50 arrive at the queue at once. The time is an object's, from SEND until all of it\n"
         "has come. Where the window has become several times what the path holds, as at 2 ms, there is nothing to\n"
         "spread: the rate is above the bottleneck's.");
    if (!put_table(pacing_objects, false))
        return 1;
    puts("\n## A bulk\n\n"
         "10 MB at once. Here the window grows until the queue is full, so something is lost in any case. Without pacing\n"
         "bursts fill a shallow queue long before the path is full: less is lost, for less is sent, and the window stays\n"
         "too small. With pacing the path is full before its queue is. It has its price at the end of slow start:\n"
         "HyStart sees the queue of a burst at once, and that of a paced window a round trip later, when the window\n"
         "has doubled; up to a window is lost then, once, and SACK repairs it in two round trips.");
    if (!put_table(pacing_bulk, true))
        return 1;
    puts("\nPacing is off by default, as in Linux without the queueing discipline fq: each burst costs a timer. Who\n"
         "knows that a queue is shallow, or sends objects, asks for it.");
    return 0;
}
