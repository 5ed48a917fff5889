/* SPDX-License-Identifier: MIT */
/*
 * table.c - from a socket pair to a connection (RFC 9293 section 3.3.1: "a pair of sockets names a
 * connection").  A hash table with chains; the hash is keyed, so that a peer cannot choose a bucket.
 * Places are numbers (tcb.h), so TCBs and records share the table.
 */
#include <string.h>

#include "base/siphash.h"
#include "tcp/tcp.h"

static uint32_t pair_bucket(const struct tcp *t, const struct tcp_pair *pair)
{
    uint8_t key[21];

    memcpy(key, pair->remote.b, 16);
    key[16] = (uint8_t)(pair->rport >> 8);
    key[17] = (uint8_t)pair->rport;
    key[18] = (uint8_t)(pair->lport >> 8);
    key[19] = (uint8_t)pair->lport;
    key[20] = pair->local;
    return (uint32_t)siphash13(t->config.hash_key, key, sizeof key) & t->bucket_mask;
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

uint32_t table_find(const struct tcp *t, const struct tcp_pair *pair)
{
    uint32_t where = *tcp_bucket(t, pair_bucket(t, pair));

    while (where != WHERE_NONE) {
        const struct tcp_head *head = table_head(t, where);

        if (pair_names(pair, head))
            break;
        where = head->chain;
    }
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

/* The word that names `where` in its chain. */
static uint32_t *table_link(struct tcp *t, uint32_t where)
{
    struct tcp_pair pair = pair_of(table_head(t, where));
    uint32_t *link = tcp_bucket(t, pair_bucket(t, &pair));

    while (*link != where) {
        ASSERT(*link != WHERE_NONE);
        link = &table_head(t, *link)->chain;
    }
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
