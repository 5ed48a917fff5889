/* SPDX-License-Identifier: MIT */
/* send.c - datagrams that wait to be sent: for output to ask, or for a neighbour's address. */
#include "estab_udp.h"
#include "udp/udp.h"

static void list_append(struct udp *u, struct udp_list *list, uint32_t i)
{
    udp_out(u, i)->next = UDP_NONE;
    if (list->head == UDP_NONE)
        list->head = i;
    else
        udp_out(u, list->tail)->next = i;
    list->tail = i;
    list->count++;
}

static uint32_t list_pop(const struct udp *u, struct udp_list *list)
{
    uint32_t i = list->head;

    list->head = udp_out(u, i)->next;
    if (list->head == UDP_NONE)
        list->tail = UDP_NONE;
    list->count--;
    return i;
}

/* ---- places ---------------------------------------------------------------------------------------- */

static uint32_t out_new(struct udp *u)
{
    uint32_t i = u->out_free;

    if (i == UDP_NONE && u->out_fresh == u->out_most)
        return UDP_NONE;
    if (i != UDP_NONE)
        u->out_free = udp_out(u, i)->next;
    else
        i = u->out_fresh++;
    u->out_used++;
    return i;
}

/* Tells who was refused that there is room; half a buffer of it, lest each datagram wake its user. */
static void wake(struct udp *u, struct udp_socket *s)
{
    if (!(s->flags & UDP_WANTS_ROOM) || s->sending > s->send_buffer / 2)
        return;
    s->flags &= (uint8_t)~UDP_WANTS_ROOM;
    udp_event(u, s, ESTAB_EVENT_WRITABLE);
}

static void out_free(struct udp *u, struct chunk_pool *pool, uint32_t i)
{
    struct udp_out *o = udp_out(u, i);
    bool full = u->out_used == u->out_most;

    if (o->socket != UDP_NONE) {
        struct udp_socket *s = udp_socket(u, o->socket);

        s->sending -= o->text.bytes;
        wake(u, s);
    }
    queue_clear(pool, &o->text);
    o->next = u->out_free;
    u->out_free = i;
    u->out_used--;
    for (uint32_t k = 0; full && k < u->socket_fresh; k++) /* the pool had refused them */
        wake(u, udp_socket(u, k));
}

void udp_disown(struct udp *u, uint32_t socket)
{
    const struct udp_list *const lists[] = {&u->ready, &u->blocked};

    for (unsigned k = 0; k < 2; k++)
        for (uint32_t i = lists[k]->head; i != UDP_NONE; i = udp_out(u, i)->next)
            if (udp_out(u, i)->socket == socket)
                udp_out(u, i)->socket = UDP_NONE;
}

/* ---- sending --------------------------------------------------------------------------------------- */

static enum estab_error refuse(struct udp_socket *s)
{
    s->flags |= UDP_WANTS_ROOM;
    return ESTAB_AGAIN;
}

enum estab_error udp_send(struct udp *u, struct chunk_pool *pool, struct udp_socket *s,
                          const struct udp_way *way, const void *text, uint32_t length)
{
    struct udp_out *o;
    uint32_t i;

    if (s->sending > 0 && (uint64_t)s->sending + length > s->send_buffer)
        return refuse(s);
    if (length / pool->bytes + 1 > chunk_unpromised(pool))
        return ESTAB_NO_RESOURCES;
    i = out_new(u);
    if (i == UDP_NONE)
        return refuse(s);
    o = udp_out(u, i);
    *o = (struct udp_out){.src = way->src,
                          .dst = way->dst,
                          .broadcast = way->broadcast,
                          .socket = udp_index(u, s),
                          .ttl = s->ttl,
                          .diffserv = s->diffserv};
    queue_init(&o->text);
    (void)queue_append(pool, &o->text, CHUNK_SEND, text, length);
    s->sending += length;
    list_append(u, &u->ready, i);
    return ESTAB_OK;
}

struct udp_out *udp_next(const struct udp *u)
{
    return u->ready.head == UDP_NONE ? NULL : udp_out(u, u->ready.head);
}

bool udp_block(struct udp *u, struct chunk_pool *pool)
{
    list_append(u, &u->blocked, list_pop(u, &u->ready));
    if (u->blocked.count <= (u->out_most + 1) / 2)
        return false;
    out_free(u, pool, list_pop(u, &u->blocked));
    return true;
}

void udp_unblock_all(struct udp *u)
{
    while (u->blocked.head != UDP_NONE)
        list_append(u, &u->ready, list_pop(u, &u->blocked));
}

void udp_sent(struct udp *u, struct chunk_pool *pool)
{
    uint32_t i = list_pop(u, &u->ready), socket = udp_out(u, i)->socket;

    if (socket != UDP_NONE)
        udp_socket(u, socket)->sent++;
    u->datagrams_out++;
    out_free(u, pool, i);
}

void udp_lost(struct udp *u, struct chunk_pool *pool, enum estab_error error)
{
    uint32_t i = list_pop(u, &u->ready);
    const struct udp_out *o = udp_out(u, i);

    if (o->socket != UDP_NONE)
        udp_icmp(u, udp_socket(u, o->socket),
                 &(struct estab_udp_error){.size = sizeof(struct estab_udp_error),
                                           .error = error,
                                           .remote = o->dst,
                                           .local = o->src.addr});
    out_free(u, pool, i);
}
