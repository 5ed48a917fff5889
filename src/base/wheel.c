/* SPDX-License-Identifier: MIT */
/*
 * wheel.c - a hierarchical timing wheel.  wheel.h has the theory.
 *
 * What holds between calls, for every node in the wheel:
 *
 *      at_us >= now_us, and at_us != WHEEL_NEVER;
 *      it lies in the slot that place_of(now_us, at_us) names;
 *      bit s of used[l] is set exactly if slot[l][s] is not WHEEL_NONE.
 *
 * Hence the used slots of level 0 are at or after now_us's digit, those of the other levels after
 * it, and the wheel's time may move up to the start of the first used slot without further ado.
 */
#include "base/wheel.h"

#include "base/assert.h"

#define DIGIT_BITS 6
#define DIGIT_MASK ((uint64_t)WHEEL_SLOTS - 1)

/* wheel_next looks at no more than so many nodes of a slot. */
#define SCAN_MAX 16

_Static_assert(WHEEL_SLOTS == 1 << DIGIT_BITS, "a slot for each value of a digit");
_Static_assert(WHEEL_LEVELS > 63 / DIGIT_BITS, "a level for each digit of a time");

struct place {
    unsigned level; /* WHEEL_LEVELS: nowhere */
    unsigned slot;
};

static struct wheel_node *node_at(struct wheel_nodes nodes, uint32_t i);
static uint64_t time_at_most(uint64_t now_us);
static struct place place_of(uint64_t now_us, uint64_t at_us);
static struct place place_first(const struct wheel *w);
static uint64_t place_start(uint64_t now_us, struct place at);
static void ring_append(struct wheel *w, struct wheel_nodes nodes, uint32_t i);
static void ring_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i);
static void cascade(struct wheel *w, struct wheel_nodes nodes, struct place from);

void wheel_init(struct wheel *w, uint64_t now_us)
{
    w->now_us = time_at_most(now_us);
    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        w->used[level] = 0;
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++)
            w->slot[level][slot] = WHEEL_NONE;
    }
}

void wheel_node_init(struct wheel_node *n)
{
    *n = (struct wheel_node){.next = WHEEL_NONE, .prev = WHEEL_NONE, .at_us = WHEEL_NEVER};
}

void wheel_set(struct wheel *w, struct wheel_nodes nodes, uint32_t i, uint64_t at_us)
{
    wheel_remove(w, nodes, i);
    if (at_us == WHEEL_NEVER)
        return;
    node_at(nodes, i)->at_us = at_us < w->now_us ? w->now_us : at_us;
    ring_append(w, nodes, i);
}

void wheel_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i)
{
    ASSERT(i != WHEEL_NONE);
    struct wheel_node *n = node_at(nodes, i);
    if (!wheel_is_set(n))
        return;
    ring_remove(w, nodes, i);
    wheel_node_init(n);
}

/* Each turn either takes a node out or moves a slot's nodes to lower levels. */
uint32_t wheel_pop(struct wheel *w, struct wheel_nodes nodes, uint64_t now_us)
{
    for (;;) {
        struct place at = place_first(w);
        if (at.level == WHEEL_LEVELS)
            break;
        uint64_t start_us = place_start(w->now_us, at);
        if (start_us > now_us)
            break;
        w->now_us = start_us;
        if (at.level == 0) {
            uint32_t i = w->slot[0][at.slot];
            wheel_remove(w, nodes, i);
            return i;
        }
        cascade(w, nodes, at);
    }
    if (now_us > w->now_us)
        w->now_us = time_at_most(now_us);
    return WHEEL_NONE;
}

uint64_t wheel_next(const struct wheel *w, struct wheel_nodes nodes)
{
    struct place at = place_first(w);
    if (at.level == WHEEL_LEVELS)
        return WHEEL_NEVER;

    uint64_t least_us = WHEEL_NEVER;
    uint32_t first = w->slot[at.level][at.slot], i = first;
    for (unsigned seen = 0; seen < SCAN_MAX; seen++) {
        const struct wheel_node *n = node_at(nodes, i);
        if (n->at_us < least_us)
            least_us = n->at_us;
        i = n->next;
        if (i == first)
            return least_us;
    }
    return place_start(w->now_us, at); /* on level 0, this is exact too */
}

static struct wheel_node *node_at(struct wheel_nodes nodes, uint32_t i)
{
    return (void *)((unsigned char *)nodes.base + i * nodes.stride);
}

/* The wheel's time stays below WHEEL_NEVER, as nodes that are late take it for theirs. */
static uint64_t time_at_most(uint64_t now_us)
{
    return now_us == WHEEL_NEVER ? WHEEL_NEVER - 1 : now_us;
}

/* The level of the highest digit that differs; for equal times, as for those that differ in the
 * last digit only, level 0. */
static struct place place_of(uint64_t now_us, uint64_t at_us)
{
    unsigned high_bit = 63 - (unsigned)__builtin_clzll((now_us ^ at_us) | 1);
    unsigned level = high_bit / DIGIT_BITS;
    return (struct place){level, (unsigned)(at_us >> level * DIGIT_BITS & DIGIT_MASK)};
}

/* The slot that comes before all others that are used. */
static struct place place_first(const struct wheel *w)
{
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        if (w->used[level] != 0)
            return (struct place){level, (unsigned)__builtin_ctzll(w->used[level])};
    return (struct place){WHEEL_LEVELS, 0};
}

/* The first tick of a slot: now_us's digits above it, its own, zeros below. */
static uint64_t place_start(uint64_t now_us, struct place at)
{
    unsigned shift = at.level * DIGIT_BITS;
    return ((now_us >> shift & ~DIGIT_MASK) | at.slot) << shift;
}

static void ring_append(struct wheel *w, struct wheel_nodes nodes, uint32_t i)
{
    struct wheel_node *n = node_at(nodes, i);
    struct place at = place_of(w->now_us, n->at_us);
    uint32_t *slot = &w->slot[at.level][at.slot];
    if (*slot == WHEEL_NONE) {
        n->next = n->prev = *slot = i;
        w->used[at.level] |= (uint64_t)1 << at.slot;
        return;
    }
    struct wheel_node *first = node_at(nodes, *slot);
    struct wheel_node *last = node_at(nodes, first->prev);
    n->next = *slot;
    n->prev = first->prev;
    last->next = first->prev = i;
}

static void ring_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i)
{
    struct wheel_node *n = node_at(nodes, i);
    struct place at = place_of(w->now_us, n->at_us);
    uint32_t *slot = &w->slot[at.level][at.slot];
    if (n->next == i) {
        ASSERT(*slot == i);
        *slot = WHEEL_NONE;
        w->used[at.level] &= ~((uint64_t)1 << at.slot);
        return;
    }
    struct wheel_node *prev = node_at(nodes, n->prev), *next = node_at(nodes, n->next);
    ASSERT(prev->next == i);
    ASSERT(next->prev == i);
    prev->next = n->next;
    next->prev = n->prev;
    if (*slot == i)
        *slot = n->next;
}

/* Spreads the nodes of a slot, whose start the wheel's time just reached, over lower levels.  They
 * agree with it in the digit of that slot now, so that each comes at least one level down. */
static void cascade(struct wheel *w, struct wheel_nodes nodes, struct place from)
{
    uint32_t first = w->slot[from.level][from.slot], i = first;
    w->slot[from.level][from.slot] = WHEEL_NONE;
    w->used[from.level] &= ~((uint64_t)1 << from.slot);
    do {
        uint32_t next = node_at(nodes, i)->next;
        ring_append(w, nodes, i);
        i = next;
    } while (i != first);
}
