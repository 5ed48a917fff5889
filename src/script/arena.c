/* SPDX-License-Identifier: MIT */
/* arena.c - blocks in a list; the last one is cut from. */
#include "script/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384u

struct arena_block {
    struct arena_block *before;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *add_block(struct arena *a, size_t size)
{
    size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct arena_block *block = calloc(1, sizeof *block + room);

    if (!block)
        return NULL;
    block->size = room;
    block->before = a->last;
    a->last = block;
    return block;
}

void *arena_take(struct arena *a, size_t size)
{
    struct arena_block *block = a->last;

    if (size > ARENA_LIMIT || a->taken + size > ARENA_LIMIT)
        return NULL;
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (!block || block->size - block->used < size)
        block = add_block(a, size);
    if (!block)
        return NULL;
    void *piece = block->bytes + block->used;
    block->used += size;
    a->taken += size;
    return piece;
}

char *arena_copy(struct arena *a, const char *bytes, size_t n)
{
    char *copy = arena_take(a, n + 1);

    if (copy && n)
        memcpy(copy, bytes, n);
    return copy;
}

void arena_free(struct arena *a)
{
    while (a->last) {
        struct arena_block *before = a->last->before;

        free(a->last);
        a->last = before;
    }
    a->taken = 0;
}
