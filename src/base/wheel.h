/* SPDX-License-Identifier: MIT */
/*
 * wheel.h - a hierarchical timing wheel (Varghese and Lauck, 1987), exact to the microsecond.
 *
 * Think of a time as a number of eleven digits to the base 64.  A node lies in the level of the
 * highest digit in which its time differs from the wheel's own time, now_us, and there in the slot
 * of its own digit:
 *
 *      level 2                    level 1                    level 0
 *      0 . . . . n . a . . 63     0 . n . . b . . . . 63     0 . . . n . . c . . 63
 *
 *      n: the digits of now_us.  c differs in the last digit alone and comes first, then b, then a.
 *
 * So all of a lower level comes before all of a higher one, a level is never read around its end,
 * and the first used slot of the lowest used level holds what is next.  When now_us reaches the
 * start of that slot its nodes move to lower levels (they cascade); as now_us never passes a used
 * slot in any other way, where a node lies follows at any time from its time and now_us alone, and
 * need not be stored.  Eleven levels hold every time there is.  A slot of level 0 is one tick.
 *
 * A slot is a ring of nodes, the oldest first; slot[][] names the oldest, whose prev is the newest.
 * A cascade keeps the order, hence nodes of one tick come out in the order in which they were set.
 *
 * The nodes lie in an array of the caller's, anywhere within its elements, and are known by index.
 * The wheel has neither pointers nor padding: a memcpy of it and of the nodes is a fork.
 *
 * Costs: set and remove are constant.  A node is moved at most ten times before it comes out, once
 * for each level it came from; empty time costs nothing, however long.  Limit: a cascade moves all
 * nodes of its slot within one call of wheel_pop.
 *
 * With many nodes a move is a cache miss.  A time whose lower digits are zero skips their levels,
 * so who need not be exact rounds up: to a multiple of 64 us, or of 4096 us.
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_NONE   UINT32_MAX /* no node */
#define WHEEL_NEVER  UINT64_MAX /* no time: the node is not in the wheel */
#define WHEEL_LEVELS 11         /* of 6 bits each: 66, enough for 64 */
#define WHEEL_SLOTS  64

struct wheel_node {
    uint32_t next, prev;
    uint64_t at_us;
};

struct wheel {
    uint64_t now_us;
    uint64_t used[WHEEL_LEVELS]; /* bit s: slot s has nodes */
    uint32_t slot[WHEEL_LEVELS][WHEEL_SLOTS];
};

_Static_assert(sizeof(struct wheel_node) == 16, "four nodes a cache line");
_Static_assert(sizeof(struct wheel) == 8 + WHEEL_LEVELS * (8 + 4 * WHEEL_SLOTS), "no padding");

/* Where the nodes are: node i is at base + i * stride. */
struct wheel_nodes {
    void *base;
    size_t stride;
};

void wheel_init(struct wheel *w, uint64_t now_us);
void wheel_node_init(struct wheel_node *n);

static inline bool wheel_is_set(const struct wheel_node *n)
{
    return n->at_us != WHEEL_NEVER;
}

/* Sets node `i` to come out at `at_us`, whether it was in the wheel or not.  A time before the
 * wheel's is taken as the wheel's: due at once.  WHEEL_NEVER removes. */
void wheel_set(struct wheel *w, struct wheel_nodes nodes, uint32_t i, uint64_t at_us);

/* Takes node `i` out; nothing happens if it is not in. */
void wheel_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i);

/* Takes out the next node that is due at `now_us`, by time, then by the order of setting.  The time
 * it was set for is then the wheel's now_us.  WHEEL_NONE if none is due; the wheel's time is then
 * `now_us`, unless it was later already. */
uint32_t wheel_pop(struct wheel *w, struct wheel_nodes nodes, uint64_t now_us);

/* When to call wheel_pop: the time of the earliest node, or, if it shares its slot with many, a time
 * before it and after the wheel's, at which wheel_pop will learn more.  WHEEL_NEVER if empty. */
uint64_t wheel_next(const struct wheel *w, struct wheel_nodes nodes);

#endif
