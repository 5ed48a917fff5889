/* SPDX-License-Identifier: MIT */
/* chunk.c - see chunk.h. */
#include "base/chunk.h"

#include "base/assert.h"

void chunk_pool_init(struct chunk_pool *p, void *meta, void *data, uint32_t chunks, uint32_t bytes)
{
    *p = (struct chunk_pool){
        .data_at = (uint64_t)((uintptr_t)data - (uintptr_t)p),
        .meta_at = (uint64_t)((uintptr_t)meta - (uintptr_t)p),
        .chunks = chunks,
        .bytes = bytes,
        .free = CHUNK_NONE,
    };
}

uint32_t chunk_of(const struct chunk_pool *p, const uint8_t *data)
{
    uintptr_t first = (uintptr_t)p + (uintptr_t)p->data_at;
    uint64_t i = (uint64_t)((uintptr_t)data - first) / p->bytes;

    ASSERT(i < p->fresh);
    return (uint32_t)i;
}

bool chunk_promise(struct chunk_pool *p, uint32_t n)
{
    if (n > chunk_unpromised(p))
        return false;
    p->promised += n;
    return true;
}

void chunk_unpromise(struct chunk_pool *p, uint32_t n)
{
    ASSERT(n <= p->promised);
    p->promised -= n;
    ASSERT(p->received <= p->promised);
}

static uint32_t *account_of(struct chunk_pool *p, enum chunk_account account)
{
    switch (account) {
    case CHUNK_SEND:
        return &p->sending;
    case CHUNK_RECEIVE:
        return &p->received;
    case CHUNK_LENT:
        return &p->lent;
    case CHUNK_FREE:
        break;
    }
    UNREACHABLE();
}

uint32_t chunk_new(struct chunk_pool *p, enum chunk_account account)
{
    uint32_t i = p->free;
    struct chunk *c;

    if (account == CHUNK_RECEIVE)
        ASSERT(p->received < p->promised);
    else if (chunk_unpromised(p) == 0)
        return CHUNK_NONE;
    if (i != CHUNK_NONE)
        p->free = chunk_at(p, i)->next;
    else
        i = p->fresh++;
    ASSERT(p->fresh <= p->chunks);
    c = chunk_at(p, i);
    *c = (struct chunk){.next = CHUNK_NONE, .account = (uint8_t)account};
    ++*account_of(p, account);
    return i;
}

static void chunk_release(struct chunk_pool *p, uint32_t i)
{
    struct chunk *c = chunk_at(p, i);

    --*account_of(p, (enum chunk_account)c->account);
    *c = (struct chunk){.next = p->free, .account = CHUNK_FREE};
    p->free = i;
}

void chunk_free(struct chunk_pool *p, uint32_t i)
{
    struct chunk *c = chunk_at(p, i);

    ASSERT(c->account != CHUNK_FREE && !c->dead);
    if (c->pins > 0)
        c->dead = 1;
    else
        chunk_release(p, i);
}

uint32_t chunk_free_list(struct chunk_pool *p, uint32_t head)
{
    uint32_t n = 0;

    while (head != CHUNK_NONE) {
        uint32_t next = chunk_at(p, head)->next;

        chunk_free(p, head);
        head = next;
        n++;
    }
    return n;
}

void chunk_adopt(struct chunk_pool *p, uint32_t i)
{
    struct chunk *c = chunk_at(p, i);

    ASSERT(c->account == CHUNK_LENT);
    ASSERT(p->received < p->promised);
    p->lent--;
    p->received++;
    c->account = CHUNK_RECEIVE;
}

bool chunk_pin(struct chunk_pool *p, uint32_t i)
{
    struct chunk *c = chunk_at(p, i);

    if (c->pins == CHUNK_PINS_MAX)
        return false;
    c->pins++;
    return true;
}

void chunk_unpin(struct chunk_pool *p, uint32_t i)
{
    struct chunk *c = chunk_at(p, i);

    ASSERT(c->pins > 0);
    c->pins--;
    if (c->pins == 0 && c->dead)
        chunk_release(p, i);
}
