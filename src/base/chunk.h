/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - the text pool: all text that connections send or receive lives in chunks of one size.
 *
 * A chunk is on one list at a time: a send queue, a receive queue, a list beyond a gap, the free
 * list; or it is lent to a device, to be received into.  What a list may take is settled by three
 * accounts, which never add up to more than the pool has:
 *
 *      |<-------------------------- chunks ---------------------------->|
 *      | promised to receivers  | held by senders | lent | unpromised   |
 *      | (of these some hold    |                 |      |              |
 *      |  text: received)       |                 |      |              |
 *
 * A receive window is backed by a promise, so that text which arrives inside it always has a place;
 * senders and devices take only what nobody was promised.
 *
 * A chunk that an output frame refers to is pinned; freeing it waits for the last pin.
 *
 * Free chunks are taken last in, first out, and fresh ones only when there is no other: an idle pool
 * touches no memory, and a busy one stays in the cache.
 */
#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_NONE     UINT32_MAX
#define CHUNK_PINS_MAX UINT8_MAX

enum chunk_account { CHUNK_FREE, CHUNK_SEND, CHUNK_RECEIVE, CHUNK_LENT };

struct chunk {
    uint32_t next;
    uint32_t seq; /* of the first byte, where the list is sorted by it */
    uint16_t offset, length;
    uint8_t pins;
    uint8_t account; /* enum chunk_account */
    uint8_t dead;    /* freed, waits for its pins */
    uint8_t spare;
};

_Static_assert(sizeof(struct chunk) == 16, "four a cache line");

struct chunk_pool {
    uint64_t data_at; /* from the pool's own address */
    uint64_t meta_at;
    uint32_t chunks, bytes; /* of them, of each */
    uint32_t free, fresh;   /* head of the free list; first one never used */
    uint32_t promised, sending, received, lent;
};

/* Bytes of the two arrays. */
static inline uint64_t chunk_pool_bytes(uint64_t chunks, uint64_t bytes)
{
    return chunks * (sizeof(struct chunk) + bytes);
}

void chunk_pool_init(struct chunk_pool *p, void *meta, void *data, uint32_t chunks, uint32_t bytes);

static inline struct chunk *chunk_at(const struct chunk_pool *p, uint32_t i)
{
    return (struct chunk *)((uintptr_t)p + (uintptr_t)p->meta_at) + i;
}

static inline uint8_t *chunk_data(const struct chunk_pool *p, uint32_t i)
{
    return (uint8_t *)((uintptr_t)p + (uintptr_t)p->data_at) + (size_t)i * p->bytes;
}

/* The chunk that `data` points into, which must be one of the pool's. */
uint32_t chunk_of(const struct chunk_pool *p, const uint8_t *data);

/* Chunks that neither a promise nor text holds. */
static inline uint32_t chunk_unpromised(const struct chunk_pool *p)
{
    return p->chunks - p->promised - p->sending - p->lent;
}

/* Promises `n` chunks to a receiver; false, and nothing, if there are not that many. */
bool chunk_promise(struct chunk_pool *p, uint32_t n);
void chunk_unpromise(struct chunk_pool *p, uint32_t n);

/* A chunk for `account`, empty, on no list.  A receiver's comes out of its promise, and there is
 * always one; CHUNK_NONE for the others if all else is promised. */
uint32_t chunk_new(struct chunk_pool *p, enum chunk_account account);
void chunk_free(struct chunk_pool *p, uint32_t i);
/* Frees a whole list; how many there were. */
uint32_t chunk_free_list(struct chunk_pool *p, uint32_t head);

/* A lent chunk becomes a receiver's, out of its promise. */
void chunk_adopt(struct chunk_pool *p, uint32_t i);

bool chunk_pin(struct chunk_pool *p, uint32_t i); /* false: pinned as often as can be counted */
void chunk_unpin(struct chunk_pool *p, uint32_t i);

#endif
