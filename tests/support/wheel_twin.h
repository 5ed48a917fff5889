/* SPDX-License-Identifier: MIT */
/*
 * wheel_twin.h - a wheel that runs beside its oracle.
 *
 * The oracle is a table of times that is searched from end to end.  Every operation is done to both
 * and answers what differs, as a text, or NULL if nothing does.
 */
#ifndef SUPPORT_WHEEL_TWIN_H
#define SUPPORT_WHEEL_TWIN_H

#include "base/wheel.h"

#define WHEEL_TWIN_NODES 96

/* The node lies within something larger, as it will in a connection. */
struct wheel_owner {
    uint64_t before;
    struct wheel_node timer;
    uint64_t after;
};

struct wheel_twin {
    struct wheel wheel;
    struct wheel_owner owner[WHEEL_TWIN_NODES];
    struct {
        uint64_t now_us;
        uint64_t order; /* of the next set */
        struct {
            uint64_t at_us, order;
        } node[WHEEL_TWIN_NODES];
    } oracle;
};

void wheel_twin_init(struct wheel_twin *t, uint64_t now_us);
struct wheel_nodes wheel_twin_nodes(struct wheel_twin *t);

const char *wheel_twin_set(struct wheel_twin *t, uint32_t i, uint64_t at_us);
const char *wheel_twin_remove(struct wheel_twin *t, uint32_t i);

/* Pops once; `*got` is what came out. */
const char *wheel_twin_pop(struct wheel_twin *t, uint64_t now_us, uint32_t *got);

/* Compares wheel_next. */
const char *wheel_twin_next(struct wheel_twin *t);

/* Walks the wheel: whether every node is where it belongs, once, and nothing else is. */
const char *wheel_twin_walk(struct wheel_twin *t);

#endif
