/* SPDX-License-Identifier: MIT */
/*
 * socket.c - sockets: made and ended, found by handle, their ports and their events.
 *
 * A port's sockets are in one bucket, chosen by the port: ports are ours, so no stranger can make a chain
 * long.  Several sockets on one port, each for a peer of its own, share a chain.
 */
#include "base/siphash.h"
#include "base/writer.h"
#include "udp/udp.h"

enum { ALIGNMENT = 64 };

static uint64_t aligned(uint64_t n)
{
    return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static uint32_t bucket_count(const struct estab_config *c)
{
    uint32_t n = 16;

    while (n < c->udp_sockets && n < UINT16_MAX + 1)
        n *= 2;
    return n;
}

uint64_t udp_layout(struct udp *u, const struct estab_config *c)
{
    struct udp none;
    uint64_t at = aligned(sizeof *u);

    if (!u)
        u = &none;
    u->sockets_at = at;
    at += aligned((uint64_t)c->udp_sockets * sizeof(struct udp_socket));
    u->outs_at = at;
    at += aligned((uint64_t)c->datagrams * sizeof(struct udp_out));
    u->buckets_at = at;
    return at + aligned((uint64_t)bucket_count(c) * sizeof(uint32_t));
}

void udp_init(struct udp *u, const struct estab_config *c)
{
    *u = (struct udp){
        .bucket_mask = bucket_count(c) - 1,
        .socket_most = c->udp_sockets,
        .out_most = c->datagrams,
        .receive_buffer = c->udp_receive_buffer,
        .send_buffer = c->udp_send_buffer,
        .socket_free = UDP_NONE,
        .out_free = UDP_NONE,
        .ready = {UDP_NONE, UDP_NONE, 0},
        .blocked = {UDP_NONE, UDP_NONE, 0},
        .event_head = UDP_NONE,
        .event_tail = UDP_NONE,
    };
    (void)udp_layout(u, c);
    for (uint32_t i = 0; i <= u->bucket_mask; i++)
        *udp_bucket(u, (uint16_t)i) = UDP_NONE;
}

bool udp_holds(const struct udp *u, const struct estab_config *c)
{
    struct udp like;

    (void)udp_layout(&like, c);
    return u->sockets_at == like.sockets_at && u->outs_at == like.outs_at &&
           u->buckets_at == like.buckets_at && u->bucket_mask == bucket_count(c) - 1 &&
           u->socket_most == c->udp_sockets && u->out_most == c->datagrams &&
           u->socket_fresh <= c->udp_sockets && u->out_fresh <= c->datagrams;
}

/* ---- handles --------------------------------------------------------------------------------------- */

struct udp_socket *udp_find(const struct udp *u, estab_udp handle)
{
    struct udp_socket *s;

    if (handle.generation == 0 || handle.index >= u->socket_fresh)
        return NULL;
    s = udp_socket(u, handle.index);
    return (s->flags & UDP_USED) && s->generation == handle.generation ? s : NULL;
}

estab_udp udp_handle(const struct udp *u, const struct udp_socket *s)
{
    return (estab_udp){udp_index(u, s), s->generation};
}

struct udp_socket *udp_new(struct udp *u, const struct estab_endpoint *local, unsigned flags)
{
    uint32_t i = u->socket_free, generation, *bucket = udp_bucket(u, local->port);
    struct udp_socket *s;

    if (i == UDP_NONE && u->socket_fresh == u->socket_most)
        return NULL;
    if (i != UDP_NONE)
        u->socket_free = udp_socket(u, i)->next;
    else
        udp_socket(u, i = u->socket_fresh++)->generation = 0;
    s = udp_socket(u, i);
    generation = s->generation + 1 ? s->generation + 1 : 1;
    *s = (struct udp_socket){.local = *local,
                             .generation = generation,
                             .next = *bucket,
                             .flags = (uint8_t)(UDP_USED | flags),
                             .receive_buffer = u->receive_buffer,
                             .send_buffer = u->send_buffer};
    queue_init(&s->in);
    *bucket = i;
    u->socket_used++;
    return s;
}

static void event_forget(struct udp *u, struct udp_socket *s)
{
    uint32_t i = udp_index(u, s), before = UDP_NONE;

    if (!(s->flags & UDP_QUEUED))
        return;
    for (uint32_t at = u->event_head; at != i; at = udp_socket(u, at)->event_next)
        before = at;
    if (before == UDP_NONE)
        u->event_head = s->event_next;
    else
        udp_socket(u, before)->event_next = s->event_next;
    if (u->event_tail == i)
        u->event_tail = before;
}

void udp_end(struct udp *u, struct chunk_pool *pool, struct udp_socket *s)
{
    uint32_t i = udp_index(u, s), *link = udp_bucket(u, s->local.port);

    while (*link != i)
        link = &udp_socket(u, *link)->next;
    *link = s->next;
    event_forget(u, s);
    u->queued -= s->in.bytes;
    queue_clear(pool, &s->in);
    udp_disown(u, i);
    s->flags = 0;
    s->next = u->socket_free;
    u->socket_free = i;
    u->socket_used--;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

/* Whether two sockets of a port could both be meant by one datagram. */
static bool meet(const struct udp_socket *s, const struct estab_endpoint *local, unsigned flags)
{
    enum { ONLY = UDP_ONLY_IPV4 | UDP_ONLY_IPV6 };
    bool any = addr_is_unspecified(&s->local.addr), wanted = addr_is_unspecified(&local->addr);

    if (any && wanted)
        return ((s->flags | flags) & ONLY) != ONLY;
    if (any)
        return !(s->flags & (addr_is_ipv4(&local->addr) ? UDP_ONLY_IPV6 : UDP_ONLY_IPV4));
    if (wanted)
        return !(flags & (addr_is_ipv4(&s->local.addr) ? UDP_ONLY_IPV6 : UDP_ONLY_IPV4));
    return addr_equal(&s->local.addr, &local->addr);
}

bool udp_taken(const struct udp *u, const struct estab_endpoint *local, unsigned flags)
{
    for (uint32_t i = *udp_bucket(u, local->port); i != UDP_NONE; i = udp_socket(u, i)->next) {
        const struct udp_socket *s = udp_socket(u, i);

        if (s->local.port != local->port || (flags & s->flags & UDP_SHARES))
            continue;
        if (meet(s, local, flags))
            return true;
    }
    return false;
}

/* RFC 6056 section 3.3.2, a random port for each try: an answer that a stranger forges must guess it. */
uint16_t udp_port(struct udp *u, const struct estab_addr *local, const uint8_t *key)
{
    enum { FIRST = 32768, PORTS = 32768, TRIES = 64 };
    struct estab_endpoint wanted = {.addr = *local};
    uint32_t start = 0;
    uint8_t text[5] = {'u'};

    for (unsigned i = 0; i < TRIES + PORTS; i++) {
        if (i <= TRIES) {
            writer_store32(text + 1, u->port_counter++);
            start = (uint32_t)siphash24(key, text, sizeof text);
        } else {
            start++; /* nearly all are taken: one after the other */
        }
        wanted.port = (uint16_t)(FIRST + start % PORTS);
        if (!udp_taken(u, &wanted, 0))
            return wanted.port;
    }
    return 0;
}

/* ---- events ---------------------------------------------------------------------------------------- */

void udp_event(struct udp *u, struct udp_socket *s, unsigned bits)
{
    uint32_t i = udp_index(u, s);

    s->events = (uint16_t)(s->events | bits);
    if (s->flags & UDP_QUEUED)
        return;
    s->flags |= UDP_QUEUED;
    s->event_next = UDP_NONE;
    if (u->event_head == UDP_NONE)
        u->event_head = i;
    else
        udp_socket(u, u->event_tail)->event_next = i;
    u->event_tail = i;
}

bool udp_event_next(struct udp *u, struct estab_event *event)
{
    struct udp_socket *s;

    if (u->event_head == UDP_NONE)
        return false;
    s = udp_socket(u, u->event_head);
    *event = (struct estab_event){.bits = s->events, .udp = udp_handle(u, s)};
    if (s->events & ESTAB_EVENT_SOFT_ERROR)
        event->error = s->error.error;
    u->event_head = s->event_next;
    if (u->event_head == UDP_NONE)
        u->event_tail = UDP_NONE;
    s->events = 0;
    s->flags &= (uint8_t)~UDP_QUEUED;
    return true;
}
