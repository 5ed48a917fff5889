/* SPDX-License-Identifier: MIT */
/* queue.c - see queue.h. */
#include "base/queue.h"

#include <string.h>

#include "base/assert.h"

void queue_init(struct text_queue *q)
{
    *q = (struct text_queue){.head = CHUNK_NONE, .tail = CHUNK_NONE};
}

void queue_link(struct chunk_pool *pool, struct text_queue *q, uint32_t i)
{
    struct chunk *c = chunk_at(pool, i);

    c->next = CHUNK_NONE;
    if (q->head == CHUNK_NONE)
        q->head = i;
    else
        chunk_at(pool, q->tail)->next = i;
    q->tail = i;
    q->bytes += c->length;
}

static uint32_t tail_room(const struct chunk_pool *pool, const struct text_queue *q)
{
    const struct chunk *c;

    if (q->tail == CHUNK_NONE)
        return 0;
    c = chunk_at(pool, q->tail);
    return pool->bytes - c->offset - c->length;
}

uint32_t queue_append(struct chunk_pool *pool, struct text_queue *q, enum chunk_account account,
                      const uint8_t *p, uint32_t n)
{
    uint32_t done = 0;

    while (done < n) {
        uint32_t room = tail_room(pool, q), take;
        struct chunk *c;

        if (room == 0) {
            uint32_t i = chunk_new(pool, account);

            if (i == CHUNK_NONE)
                break;
            queue_link(pool, q, i);
            room = pool->bytes;
        }
        c = chunk_at(pool, q->tail);
        take = n - done < room ? n - done : room;
        memcpy(chunk_data(pool, q->tail) + c->offset + c->length, p + done, take);
        c->length = (uint16_t)(c->length + take);
        q->bytes += take;
        done += take;
    }
    return done;
}

void queue_drop(struct chunk_pool *pool, struct text_queue *q, uint32_t n)
{
    ASSERT(n <= q->bytes);
    q->bytes -= n;
    while (q->head != CHUNK_NONE) {
        uint32_t i = q->head;
        struct chunk *c = chunk_at(pool, i);

        if (n < c->length) {
            c->offset = (uint16_t)(c->offset + n);
            c->length = (uint16_t)(c->length - n);
            return;
        }
        n -= c->length;
        q->head = c->next;
        chunk_free(pool, i);
    }
    q->tail = CHUNK_NONE;
}

uint32_t queue_peek(const struct chunk_pool *pool, const struct text_queue *q, uint8_t *to,
                    uint32_t n)
{
    uint32_t done = 0;

    for (uint32_t i = q->head; i != CHUNK_NONE && done < n; i = chunk_at(pool, i)->next) {
        const struct chunk *c = chunk_at(pool, i);
        uint32_t take = n - done < c->length ? n - done : c->length;

        memcpy(to + done, chunk_data(pool, i) + c->offset, take);
        done += take;
    }
    return done;
}

void queue_clear(struct chunk_pool *pool, struct text_queue *q)
{
    chunk_free_list(pool, q->head);
    queue_init(q);
}

struct queue_cursor queue_seek(const struct chunk_pool *pool, const struct text_queue *q, uint32_t n)
{
    return queue_advance(pool, (struct queue_cursor){q->head, 0}, n);
}

struct queue_cursor queue_advance(const struct chunk_pool *pool, struct queue_cursor at, uint32_t n)
{
    at.offset += n;
    while (at.chunk != CHUNK_NONE) {
        const struct chunk *c = chunk_at(pool, at.chunk);

        if (at.offset < c->length || c->next == CHUNK_NONE)
            break;
        at.offset -= c->length;
        at.chunk = c->next;
    }
    return at;
}

uint32_t queue_reach(const struct chunk_pool *pool, struct queue_cursor at, uint32_t n,
                     unsigned parts)
{
    uint32_t reach = 0;

    while (at.chunk != CHUNK_NONE && parts > 0 && reach < n) {
        const struct chunk *c = chunk_at(pool, at.chunk);

        if (c->pins == CHUNK_PINS_MAX)
            break;
        if (c->length > at.offset) {
            reach += c->length - at.offset;
            parts--;
        }
        at = (struct queue_cursor){c->next, 0};
    }
    return reach < n ? reach : n;
}

/* Text of two neighbouring chunks together fills at least one, less headers. */
static uint32_t pair_bytes(const struct chunk_pool *pool)
{
    return pool->bytes - QUEUE_HEADERS_MAX;
}

uint32_t queue_chunks_for(const struct chunk_pool *pool, uint32_t bytes)
{
    uint32_t pair = pair_bytes(pool);

    return 2 * (bytes / pair + (bytes % pair != 0)) + 2;
}

uint32_t queue_bytes_in(const struct chunk_pool *pool, uint32_t chunks)
{
    uint64_t bytes = chunks < 4 ? 0 : (uint64_t)(chunks / 2 - 1) * pair_bytes(pool);

    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}
