/* SPDX-License-Identifier: MIT */
/* arrive.c - datagrams that arrive: whose they are, how many may wait, and how they are taken. */
#include "estab_udp.h"
#include "udp/udp.h"

/* How well a socket fits: 0 not at all, and the more of both ends it names the better. */
static unsigned fits(const struct udp_socket *s, const struct estab_endpoint *local,
                     const struct estab_endpoint *remote)
{
    unsigned score = 1;

    if (s->local.port != local->port)
        return 0;
    if (!addr_is_unspecified(&s->local.addr)) {
        if (!addr_equal(&s->local.addr, &local->addr))
            return 0;
        score += 1;
    } else if (s->flags & (addr_is_ipv4(&local->addr) ? UDP_ONLY_IPV6 : UDP_ONLY_IPV4)) {
        return 0;
    }
    if (s->remote.port) {
        if (s->remote.port != remote->port || !addr_equal(&s->remote.addr, &remote->addr))
            return 0;
        score += 2;
    }
    return score;
}

struct udp_socket *udp_lookup(const struct udp *u, const struct estab_endpoint *local,
                              const struct estab_endpoint *remote)
{
    struct udp_socket *best = NULL;
    unsigned most = 0;

    for (uint32_t i = *udp_bucket(u, local->port); i != UDP_NONE; i = udp_socket(u, i)->next) {
        unsigned score = fits(udp_socket(u, i), local, remote);

        if (score > most) { /* of equals the one opened last */
            most = score;
            best = udp_socket(u, i);
        }
    }
    return best;
}

struct udp_socket *udp_lookup_broadcast(const struct udp *u, const struct udp_socket *after,
                                        const struct estab_endpoint *local,
                                        const struct estab_endpoint *remote, unsigned interface)
{
    uint32_t i = after ? after->next : *udp_bucket(u, local->port);

    for (; i != UDP_NONE; i = udp_socket(u, i)->next) {
        struct udp_socket *s = udp_socket(u, i);

        if (fits(s, local, remote) && (s->interface == 0 || s->interface == interface + 1))
            return s;
    }
    return NULL;
}

enum reason udp_admit(struct udp *u, struct chunk_pool *pool, struct udp_socket *s,
                      const struct udp_record *r)
{
    uint32_t bytes = (uint32_t)sizeof *r + r->length;

    /* A first one always fits, so that none is too long for a small buffer. */
    if (s->in.bytes > 0 && (uint64_t)s->in.bytes + bytes > s->receive_buffer) {
        s->dropped++;
        return REASON_UDP_BUFFER;
    }
    if (u->queued + bytes > (uint64_t)pool->chunks * pool->bytes / 8 ||
        bytes / pool->bytes + 1 > chunk_unpromised(pool)) {
        s->dropped++;
        return REASON_UDP_TEXT_POOL;
    }
    (void)queue_append(pool, &s->in, CHUNK_SEND, (const uint8_t *)r, sizeof *r);
    return REASON_NONE;
}

void udp_admitted(struct udp *u, struct udp_socket *s, const struct udp_record *r)
{
    u->queued += sizeof *r + r->length;
    u->datagrams_in++;
    s->received++;
    s->in_count++;
    udp_event(u, s, ESTAB_EVENT_READABLE);
}

bool udp_first(const struct chunk_pool *pool, const struct udp_socket *s, struct udp_record *r)
{
    return queue_peek(pool, &s->in, (uint8_t *)r, sizeof *r) == sizeof *r;
}

/* Copies up to `n` bytes of the text behind the first record. */
static void copy_text(const struct chunk_pool *pool, const struct udp_socket *s, uint8_t *to, uint32_t n)
{
    struct queue_cursor at = queue_seek(pool, &s->in, sizeof(struct udp_record));

    for (uint32_t done = 0; done < n; at = (struct queue_cursor){chunk_at(pool, at.chunk)->next, 0}) {
        const struct chunk *c = chunk_at(pool, at.chunk);
        uint32_t take = c->length - at.offset < n - done ? c->length - at.offset : n - done;

        memcpy(to + done, chunk_data(pool, at.chunk) + c->offset + at.offset, take);
        done += take;
    }
}

bool udp_take(struct udp *u, struct chunk_pool *pool, struct udp_socket *s, void *buffer, size_t size,
              bool peek, struct udp_record *got)
{
    uint32_t bytes;

    if (!udp_first(pool, s, got))
        return false;
    copy_text(pool, s, buffer, got->length < size ? got->length : (uint32_t)size);
    if (peek)
        return true;
    bytes = (uint32_t)sizeof *got + got->length;
    queue_drop(pool, &s->in, bytes);
    u->queued -= bytes;
    s->in_count--;
    return true;
}

void udp_icmp(struct udp *u, struct udp_socket *s, const struct estab_udp_error *error)
{
    s->error = *error;
    udp_event(u, s, ESTAB_EVENT_SOFT_ERROR);
}
