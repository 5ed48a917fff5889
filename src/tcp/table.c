/* SPDX-License-Identifier: MIT */
/*
 * table.c - from a socket pair to a connection (RFC 9293 section 3.3.1: "a pair of sockets names a
 * connection").  A hash table with chains; the hash is keyed, so that a peer cannot choose a bucket, and the
 * key can be changed (keys.c).
 * Places are numbers (tcb.h), so TCBs and records share the table.
 */
#include <string.h>

#include "base/siphash.h"
#include "tcp/tcp.h"

static uint32_t bucket_by(const struct tcp *t, const uint8_t *secret, const struct tcp_pair *pair)
{
    uint8_t key[21];

    memcpy(key, pair->remote.b, 16);
    key[16] = (uint8_t)(pair->rport >> 8);
    key[17] = (uint8_t)pair->rport;
    key[18] = (uint8_t)(pair->lport >> 8);
    key[19] = (uint8_t)pair->lport;
    key[20] = pair->local;
    return (uint32_t)siphash13(secret, key, sizeof key) & t->bucket_mask;
}

static uint32_t pair_bucket(const struct tcp *t, const struct tcp_pair *pair)
{
    return bucket_by(t, t->config.hash_key, pair);
}

static struct tcp_pair pair_of(const struct tcp_head *head)
{
    return (struct tcp_pair){head->remote, head->rport, head->lport, head->local};
}

static bool pair_names(const struct tcp_pair *pair, const struct tcp_head *head)
{
    return head->rport == pair->rport && head->lport == pair->lport &&
           head->local == pair->local && memcmp(&head->remote, &pair->remote, 16) == 0;
}

struct tcp_head *table_head(const struct tcp *t, uint32_t where)
{
    switch (WHERE_KIND(where)) {
    case WHERE_TCB:
        return &tcp_tcb(t, WHERE_INDEX(where))->head;
    case WHERE_RECORD:
        return &tcp_record(t, WHERE_INDEX(where))->head;
    default:
        return NULL;
    }
}

static uint32_t find_in(const struct tcp *t, uint32_t bucket, const struct tcp_pair *pair)
{
    uint32_t where = *tcp_bucket(t, bucket);

    while (where != WHERE_NONE) {
        const struct tcp_head *head = table_head(t, where);

        if (pair_names(pair, head))
            break;
        where = head->chain;
    }
    return where;
}

uint32_t table_find(const struct tcp *t, const struct tcp_pair *pair)
{
    uint32_t where = find_in(t, pair_bucket(t, pair), pair);

    if (where == WHERE_NONE && t->keys.moves)
        where = find_in(t, bucket_by(t, t->keys.old_hash, pair), pair);
    return where;
}

void table_add(struct tcp *t, uint32_t where)
{
    struct tcp_head *head = table_head(t, where);
    struct tcp_pair pair = pair_of(head);
    uint32_t *bucket = tcp_bucket(t, pair_bucket(t, &pair));

    head->chain = *bucket;
    *bucket = where;
}

/* The word that names `where` in a chain, or the one at its end. */
static uint32_t *link_in(struct tcp *t, uint32_t bucket, uint32_t where)
{
    uint32_t *link = tcp_bucket(t, bucket);

    while (*link != where && *link != WHERE_NONE)
        link = &table_head(t, *link)->chain;
    return link;
}

static uint32_t *table_link(struct tcp *t, uint32_t where)
{
    struct tcp_pair pair = pair_of(table_head(t, where));
    uint32_t *link = link_in(t, pair_bucket(t, &pair), where);

    if (*link == WHERE_NONE && t->keys.moves)
        link = link_in(t, bucket_by(t, t->keys.old_hash, &pair), where);
    ASSERT(*link == where);
    return link;
}

void table_remove(struct tcp *t, uint32_t where)
{
    *table_link(t, where) = table_head(t, where)->chain;
}

void table_replace(struct tcp *t, uint32_t where, uint32_t with)
{
    table_head(t, with)->chain = table_head(t, where)->chain;
    *table_link(t, where) = with;
}

/* ---- another key ------------------------------------------------------------------------------------- */

/*
 * After a change of hash_key what is in the table stays where the old key has put it, and each bucket is
 * looked through once: what does not belong there goes to where it does.  Until the last one was, both keys
 * find.
 */
static void move_bucket(struct tcp *t, uint32_t bucket)
{
    uint32_t where = *tcp_bucket(t, bucket);

    *tcp_bucket(t, bucket) = WHERE_NONE;
    while (where != WHERE_NONE) {
        uint32_t next = table_head(t, where)->chain;

        table_add(t, where);
        where = next;
    }
}

static void move_some(struct tcp *t, uint32_t most)
{
    for (uint32_t i = 0; i < most && t->keys.moves; i++) {
        move_bucket(t, t->keys.moved);
        t->keys.moves = t->keys.moved++ < t->bucket_mask;
    }
}

void table_move(struct tcp *t)
{
    enum { STEP = 16 };

    move_some(t, STEP);
}

void table_move_all(struct tcp *t)
{
    move_some(t, UINT32_MAX);
}
