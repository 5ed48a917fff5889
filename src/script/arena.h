/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory of one script: taken piece by piece, given back all at once, never more than a
 * limit.  What is taken is zeroed.
 */
#ifndef SCRIPT_ARENA_H
#define SCRIPT_ARENA_H

#include <stddef.h>

#define ARENA_LIMIT (64u << 20)

struct arena_block;

struct arena {
    struct arena_block *last;
    size_t taken;
};

/* NULL: the limit is reached, or the system has no more. */
void *arena_take(struct arena *, size_t size);
/* A copy that ends with a zero; NULL as above. */
char *arena_copy(struct arena *, const char *bytes, size_t n);
void arena_free(struct arena *);

#endif
