/* SPDX-License-Identifier: MIT */
/*
 * queue.h - text in order: a list of chunks, as a sender keeps it until it is acknowledged, and a
 * receiver until its user takes it.
 *
 *      head                          tail
 *      [...xxxx] -> [xxxxxxxxx] -> [xxxx....]        x: bytes; a chunk's offset and length
 *
 * What is appended is copied into the tail if it fits there.  So of two neighbours the second never
 * fitted behind the first, and a queue of n chunks holds at least (n - 2) / 2 chunks' worth of text:
 * that bound turns a window in bytes into a promise in chunks (queue_chunks_for).
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/chunk.h"
#include "estab.h"

struct text_queue {
    uint32_t head, tail;
    uint32_t bytes;
};

/* Headers that a lent chunk may hold in front of its text. */
#define QUEUE_HEADERS_MAX ESTAB_HEAD_MAX

/* A place in a queue: `offset` bytes into the text of `chunk`. */
struct queue_cursor {
    uint32_t chunk;
    uint32_t offset;
};

void queue_init(struct text_queue *q);
/* Appends up to n bytes by copying; how many found room (all, for a receiver). */
uint32_t queue_append(struct chunk_pool *pool, struct text_queue *q, enum chunk_account account,
                      const uint8_t *p, uint32_t n);
/* Links chunk `i`, whose offset and length are set. */
void queue_link(struct chunk_pool *pool, struct text_queue *q, uint32_t i);
/* Removes n bytes from the front. */
void queue_drop(struct chunk_pool *pool, struct text_queue *q, uint32_t n);
/* Copies up to n bytes from the front, and leaves them there. */
uint32_t queue_peek(const struct chunk_pool *pool, const struct text_queue *q, uint8_t *to,
                    uint32_t n);
void queue_clear(struct chunk_pool *pool, struct text_queue *q);

/* The place `n` bytes from the front. */
struct queue_cursor queue_seek(const struct chunk_pool *pool, const struct text_queue *q, uint32_t n);
/* How many of the next `n` bytes after `at` lie in at most `parts` chunks. */
uint32_t queue_reach(const struct chunk_pool *pool, struct queue_cursor at, uint32_t n,
                     unsigned parts);
/* The place n bytes further. */
struct queue_cursor queue_advance(const struct chunk_pool *pool, struct queue_cursor at, uint32_t n);

/* Chunks that always suffice for a queue of so many bytes, and the bytes that so many always hold. */
uint32_t queue_chunks_for(const struct chunk_pool *pool, uint32_t bytes);
uint32_t queue_bytes_in(const struct chunk_pool *pool, uint32_t chunks);

#endif
