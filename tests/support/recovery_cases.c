/* SPDX-License-Identifier: MIT */
/* recovery_cases.c - the rows of docs/recovery.md; see recovery_run.h. */
#include "support/recovery_run.h"

#define FIRST RECOVERY_FIRST
#define LAST  RECOVERY_LAST
#define LONGER 600 /* segments of a transfer that goes on behind what happens */

/* The flight in the middle, of which something is lost. */
#define MIDDLE(text, a, b, n)                                                                      \
    {.group = GROUP_MIDDLE, .name = text, .segments = LONGER, .until = LAST, .lost = {{a, b, 1}}, .every = n}
#define HEAD(text, a, b)                                                                           \
    {.group = GROUP_HEAD, .name = text, .segments = LONGER, .until = FIRST - 1, .lost = {{a, b, 1}}, .every = 1}
/* Nothing follows the flight. */
#define TAIL(text, a, ...)                                                                         \
    {.group = GROUP_TAIL, .name = text, .segments = LAST, .until = LAST, .lost = {{a, LAST, 1}}, .every = 1, __VA_ARGS__}
#define AGAIN(text, n, a, b, t)                                                                    \
    {.group = GROUP_LOST_AGAIN, .name = text, .segments = n, .until = LAST, .lost = {{a, b, t}}, .every = 1}
#define ACKS(text, n, a, b, e)                                                                     \
    {.group = GROUP_ACKS, .name = text, .segments = n, .until = LAST, .lost = {{a, b, 1}}, .every = e, .acks = true}
#define REORDERED(n)                                                                               \
    {.group = GROUP_REORDERED, .name = "by " #n, .segments = LONGER, .until = LAST, .late = FIRST, .behind = n}
#define LEARNED(n)                                                                                 \
    {.group = GROUP_LEARNED, .name = "by " #n, .segments = LONGER, .until = RECOVERY_LATER + RECOVERY_FLIGHT - 1, \
     .late = RECOVERY_LATER, .behind = n, .learned = true}
#define SPIKE(g, text, n, ms, ...)                                                                 \
    {.group = g, .name = text, .segments = n, .until = LAST, .spike = FIRST, .spike_ns = (ms) * ESTAB_MS, __VA_ARGS__}

const struct recovery_case recovery_cases[] = {
    {.group = GROUP_NOTHING, .name = "nothing happens", .segments = LONGER, .until = LAST, .spike = FIRST},
    {.group = GROUP_NOTHING, .name = "nothing happens, and nothing follows", .segments = LAST, .until = LAST, .spike = FIRST},

    MIDDLE("the first", FIRST, FIRST, 1),
    MIDDLE("the first 2", FIRST, FIRST + 1, 1),
    MIDDLE("the first 3", FIRST, FIRST + 2, 1),
    MIDDLE("3, every tenth", FIRST, FIRST + 29, 10),
    MIDDLE("the first half", FIRST, FIRST + 29, 1),
    MIDDLE("half, every second", FIRST, LAST, 2),
    MIDDLE("all but the last", FIRST, LAST - 1, 1),
    MIDDLE("all", FIRST, LAST, 1),

    HEAD("the first", 1, 1),
    HEAD("the first 2", 1, 2),
    HEAD("the first 3", 1, 3),
    HEAD("all 30", 1, FIRST - 1),

    TAIL("the last", LAST, .close = false),
    TAIL("the last, and the FIN", LAST, .close = true),
    TAIL("the last 2", LAST - 1, .close = false),
    TAIL("the last 3", LAST - 2, .close = false),
    TAIL("the last 10", LAST - 9, .close = false),
    TAIL("the last half", FIRST + 30, .close = false),
    TAIL("all", FIRST, .close = false),

    AGAIN("the first, twice", LONGER, FIRST, FIRST, 2),
    AGAIN("the first, three times", LONGER, FIRST, FIRST, 3),
    AGAIN("the first 3, twice", LONGER, FIRST, FIRST + 2, 2),
    AGAIN("the first half, twice", LONGER, FIRST, FIRST + 29, 2),
    AGAIN("the last of the transfer, twice", LAST, LAST, LAST, 2),
    AGAIN("the last 3 of the transfer, twice", LAST, LAST - 2, LAST, 2),

    ACKS("every second", LONGER, FIRST, LAST, 2),
    ACKS("all but the last", LONGER, FIRST, LAST - 1, 1),
    ACKS("all", LONGER, FIRST, LAST, 1),
    ACKS("the last of the transfer", LAST, LAST, LAST, 1),
    ACKS("all of the transfer's last flight", LAST, FIRST, LAST, 1),

    REORDERED(1),
    REORDERED(2),
    REORDERED(3),
    REORDERED(5),
    REORDERED(10),
    REORDERED(20),
    REORDERED(50),

    LEARNED(1),
    LEARNED(2),
    LEARNED(3),
    LEARNED(5),
    LEARNED(10),
    LEARNED(20),
    LEARNED(50),

    SPIKE(GROUP_SPIKE, "50 ms", LONGER, 50, .acks = false),
    SPIKE(GROUP_SPIKE, "100 ms", LONGER, 100, .acks = false),
    SPIKE(GROUP_SPIKE, "300 ms", LONGER, 300, .acks = false),
    SPIKE(GROUP_SPIKE, "1 s", LONGER, 1000, .acks = false),
    SPIKE(GROUP_SPIKE, "300 ms, and nothing follows", LAST, 300, .acks = false),
    SPIKE(GROUP_SPIKE, "300 ms, of the acknowledgments", LONGER, 300, .acks = true),

    SPIKE(GROUP_SPIKE_PLAIN, "50 ms", LONGER, 50, .plain = true),
    SPIKE(GROUP_SPIKE_PLAIN, "100 ms", LONGER, 100, .plain = true),
    SPIKE(GROUP_SPIKE_PLAIN, "300 ms", LONGER, 300, .plain = true),
    SPIKE(GROUP_SPIKE_PLAIN, "1 s", LONGER, 1000, .plain = true),
    SPIKE(GROUP_SPIKE_PLAIN, "300 ms, and nothing follows", LAST, 300, .plain = true),
    SPIKE(GROUP_SPIKE_PLAIN, "300 ms, of the acknowledgments", LONGER, 300, .plain = true, .acks = true),
};

const unsigned recovery_case_count = sizeof recovery_cases / sizeof recovery_cases[0];
