/* SPDX-License-Identifier: MIT */
#include "support/wheel_twin.h"

#define MARK 0x6d61726b6d61726b

void wheel_twin_init(struct wheel_twin *t, uint64_t now_us)
{
    wheel_init(&t->wheel, now_us);
    t->oracle.now_us = now_us == WHEEL_NEVER ? WHEEL_NEVER - 1 : now_us;
    t->oracle.order = 0;
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++) {
        t->owner[i].before = t->owner[i].after = MARK;
        wheel_node_init(&t->owner[i].timer);
        t->oracle.node[i].at_us = WHEEL_NEVER;
        t->oracle.node[i].order = 0;
    }
}

struct wheel_nodes wheel_twin_nodes(struct wheel_twin *t)
{
    return (struct wheel_nodes){&t->owner[0].timer, sizeof t->owner[0]};
}

/* By time, then by order; WHEEL_NONE if none is set. */
static uint32_t oracle_first(const struct wheel_twin *t)
{
    uint32_t first = WHEEL_NONE;
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++) {
        if (t->oracle.node[i].at_us == WHEEL_NEVER)
            continue;
        if (first == WHEEL_NONE || t->oracle.node[i].at_us < t->oracle.node[first].at_us ||
            (t->oracle.node[i].at_us == t->oracle.node[first].at_us &&
             t->oracle.node[i].order < t->oracle.node[first].order))
            first = i;
    }
    return first;
}

static const char *same(const struct wheel_twin *t)
{
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++) {
        if (t->owner[i].timer.at_us != t->oracle.node[i].at_us)
            return "a node has another time";
        if (t->owner[i].before != MARK || t->owner[i].after != MARK)
            return "a node's neighbourhood was written to";
    }
    return t->wheel.now_us == t->oracle.now_us ? NULL : "the wheel has another time";
}

const char *wheel_twin_set(struct wheel_twin *t, uint32_t i, uint64_t at_us)
{
    wheel_set(&t->wheel, wheel_twin_nodes(t), i, at_us);
    t->oracle.node[i].at_us = at_us < t->oracle.now_us ? t->oracle.now_us : at_us;
    t->oracle.node[i].order = t->oracle.order++;
    return same(t);
}

const char *wheel_twin_remove(struct wheel_twin *t, uint32_t i)
{
    wheel_remove(&t->wheel, wheel_twin_nodes(t), i);
    t->oracle.node[i].at_us = WHEEL_NEVER;
    return same(t);
}

const char *wheel_twin_pop(struct wheel_twin *t, uint64_t now_us, uint32_t *got)
{
    *got = wheel_pop(&t->wheel, wheel_twin_nodes(t), now_us);

    uint32_t want = oracle_first(t);
    if (want != WHEEL_NONE && t->oracle.node[want].at_us <= now_us) {
        t->oracle.now_us = t->oracle.node[want].at_us;
        t->oracle.node[want].at_us = WHEEL_NEVER;
    } else {
        want = WHEEL_NONE;
        if (now_us == WHEEL_NEVER)
            now_us--;
        if (now_us > t->oracle.now_us)
            t->oracle.now_us = now_us;
    }
    return *got == want ? same(t) : "another node came out";
}

const char *wheel_twin_next(struct wheel_twin *t)
{
    uint64_t got_us = wheel_next(&t->wheel, wheel_twin_nodes(t));
    uint32_t first = oracle_first(t), set = 0;
    uint64_t want_us = first == WHEEL_NONE ? WHEEL_NEVER : t->oracle.node[first].at_us;
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++)
        set += t->oracle.node[i].at_us != WHEEL_NEVER;
    if (got_us == want_us)
        return NULL;
    if (got_us > want_us)
        return "the next time is too late";
    if (got_us <= t->wheel.now_us)
        return "the next time makes no progress";
    return set <= 16 ? "the next time is not exact" : NULL;
}

/* Digit by digit, from the highest. */
static bool belongs(uint64_t now_us, uint64_t at_us, unsigned level, unsigned slot)
{
    unsigned differs = 0;
    for (unsigned l = 0; l < WHEEL_LEVELS; l++)
        if ((now_us >> 6 * l) % 64 != (at_us >> 6 * l) % 64)
            differs = l;
    return differs == level && (at_us >> 6 * level) % 64 == slot;
}

static const char *walk_slot(struct wheel_twin *t, unsigned level, unsigned slot, uint32_t *met)
{
    uint32_t first = t->wheel.slot[level][slot];
    bool used = t->wheel.used[level] >> slot & 1;
    if (used != (first != WHEEL_NONE))
        return "a bit and its slot disagree";
    uint32_t i = first;
    while (used) {
        if (i >= WHEEL_TWIN_NODES || ++*met > WHEEL_TWIN_NODES)
            return "a ring does not close";
        const struct wheel_node *n = &t->owner[i].timer;
        if (n->at_us == WHEEL_NEVER || !belongs(t->wheel.now_us, n->at_us, level, slot))
            return "a node lies where it does not belong";
        if (n->next >= WHEEL_TWIN_NODES || t->owner[n->next].timer.prev != i)
            return "next and prev disagree";
        i = n->next;
        used = i != first;
    }
    return NULL;
}

const char *wheel_twin_walk(struct wheel_twin *t)
{
    uint32_t met = 0, set = 0;
    for (unsigned level = 0; level < WHEEL_LEVELS; level++)
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
            const char *fault = walk_slot(t, level, slot, &met);
            if (fault)
                return fault;
        }
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++) {
        const struct wheel_node *n = &t->owner[i].timer;
        set += wheel_is_set(n);
        if (!wheel_is_set(n) && (n->next != WHEEL_NONE || n->prev != WHEEL_NONE))
            return "a node outside still names others";
    }
    return met == set ? NULL : "a node is set, but not in the wheel";
}
