/* SPDX-License-Identifier: MIT */
/*
 * calls.c - the user's calls of RFC 9293 section 3.9.1, from handles to TCBs.
 *
 * A handle may name a TCB, a record in TIME-WAIT, or a connection that is CLOSED and whose last
 * event was not taken yet.  What the states say to each call is in tcp/user.c; for the two places
 * without a TCB it is here.
 */
#include "stack/stack.h"

static uint32_t where_of(const struct tcp *t, estab_conn conn)
{
    uint32_t handle = handle_find(t, conn);

    return handle == HANDLE_NONE ? WHERE_NONE : tcp_handle(t, handle)->where;
}

static struct tcb *tcb_of(const struct tcp *t, uint32_t where)
{
    return WHERE_KIND(where) == WHERE_TCB ? tcp_tcb(t, WHERE_INDEX(where)) : NULL;
}

/* For calls on a connection without a TCB: section 3.10's words for TIME-WAIT and CLOSED. */
static enum estab_error without_tcb(uint32_t where)
{
    return WHERE_KIND(where) == WHERE_RECORD ? ESTAB_CLOSING : ESTAB_NO_CONNECTION;
}

/* Which of our addresses to use towards `remote`: `named`, or if that is -1 by the route.  -1: no
 * route, or none of ours can speak with it. */
static int local_towards(const struct estab_stack *s, const struct estab_addr *remote, int named)
{
    struct ip_path path = ip_path_to(&s->ip, remote, named);

    if (!path.found)
        return -1;
    return named < 0 ? ip_source(&s->ip, &path, remote) : named;
}

/* The local address that was asked for, or -1. */
static int local_named(const struct estab_stack *s, const struct estab_addr *address)
{
    return addr_is_unspecified(address) ? -1 : ip_local(&s->ip, address);
}

bool estab_address_is_local(const estab_stack *s, struct estab_addr address)
{
    return local_named(s, &address) >= 0;
}

/* Whether one host can have this address: MUST-46, a broadcast or multicast address is an error. */
static bool is_host(const struct estab_stack *s, const struct estab_addr *a)
{
    if (addr_is_multicast(a))
        return false;
    for (uint32_t i = 0; i < s->ip.interface_count; i++) {
        const struct estab_interface *n = &s->ip.interfaces[i];

        if (addr_is_broadcast(a, &n->address, n->prefix_length))
            return false;
    }
    return true;
}

enum estab_error stack_remote_check(const struct estab_stack *s, const struct estab_endpoint *e)
{
    if (addr_is_unspecified(&e->addr) || e->port == 0)
        return ESTAB_REMOTE_UNSPECIFIED;
    return is_host(s, &e->addr) ? ESTAB_OK : ESTAB_INVALID;
}

static enum estab_error open_passive(struct estab_stack *s, const struct estab_open *o,
                                     estab_conn *out, estab_time now)
{
    bool any = addr_is_unspecified(&o->local.addr);
    int local = local_named(s, &o->local.addr);

    if (o->local.port == 0 || (!any && local < 0))
        return ESTAB_INVALID;
    if (!addr_is_unspecified(&o->remote.addr) && !is_host(s, &o->remote.addr))
        return ESTAB_INVALID;
    return user_open_passive(stack_tcp(s), o, any ? UINT16_MAX : (uint16_t)local, out, now);
}

static enum estab_error open_active(struct estab_stack *s, const struct estab_open *o,
                                    estab_conn *out, estab_time now)
{
    bool any = addr_is_unspecified(&o->local.addr);
    enum estab_error error = stack_remote_check(s, &o->remote);
    int local, named;

    if (error != ESTAB_OK)
        return error;
    if (!any && addr_is_ipv4(&o->local.addr) != addr_is_ipv4(&o->remote.addr))
        return ESTAB_INVALID;
    named = local_named(s, &o->local.addr);
    local = local_towards(s, &o->remote.addr, named);
    if (local < 0)
        return ESTAB_NO_ROUTE;
    if (!any && named < 0)
        return ESTAB_INVALID;
    return user_open_active(stack_tcp(s), o, (uint8_t)local, out, now);
}

static bool option_of_conn(uint32_t option, uint32_t value)
{
    return option != ESTAB_OPTION_DEFER_ACCEPT_MS && option != ESTAB_OPTION_BACKLOG &&
           option_holds((enum estab_option)option, value);
}

enum estab_error estab_open(estab_stack *s, const struct estab_open *o, estab_conn *out,
                            estab_time now)
{
    *out = (estab_conn){0, 0};
    if (o->size != sizeof *o)
        return ESTAB_INVALID;
    for (uint32_t i = 0; i < o->setting_count; i++)
        if (!option_of_conn(o->settings[i].option, o->settings[i].value))
            return ESTAB_INVALID;
    now = stack_now(s, now);
    return o->passive ? open_passive(s, o, out, now) : open_active(s, o, out, now);
}

/* Which of our addresses a passive OPEN in LISTEN turns active from: the one it named, or by the
 * route; -1: no route. */
static int local_of_listening(const struct estab_stack *s, const struct tcb *b,
                              const struct estab_addr *remote)
{
    uint16_t named = tcp_listener(stack_tcp(s), b->listener)->local_id;

    return local_towards(s, remote, named == UINT16_MAX ? -1 : named);
}

enum estab_error estab_open_active(estab_stack *s, estab_conn conn, struct estab_endpoint remote,
                                   estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);
    enum estab_error error;
    int local;

    if (where == WHERE_NONE || where == WHERE_GONE)
        return ESTAB_NO_CONNECTION;
    if (!b || b->head.state != TCP_LISTEN)
        return ESTAB_EXISTS;
    error = stack_remote_check(s, &remote);
    if (error != ESTAB_OK)
        return error;
    local = local_of_listening(s, b, &remote.addr);
    if (local < 0)
        return ESTAB_NO_ROUTE;
    return user_turn_active(t, b, &remote, (uint8_t)local, stack_now(s, now));
}

enum estab_error estab_send(estab_stack *s, estab_conn conn, const void *text, size_t length,
                            unsigned flags, size_t *taken, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);

    *taken = 0;
    if (!b)
        return without_tcb(where);
    if (b->head.state == TCP_LISTEN && b->head.rport != 0 &&
        !addr_is_unspecified(&b->head.remote)) { /* it turns active */
        int local = local_of_listening(s, b, &b->head.remote);

        if (local < 0)
            return ESTAB_NO_ROUTE;
        b->head.local = (uint8_t)local;
    }
    return user_send(t, b, text, length, flags, taken, stack_now(s, now));
}

enum estab_error estab_receive(estab_stack *s, estab_conn conn, void *buffer, size_t size,
                               unsigned flags, struct estab_received *got, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);

    *got = (struct estab_received){0};
    if (!b) {
        got->end = WHERE_KIND(where) == WHERE_RECORD;
        return without_tcb(where);
    }
    return user_receive(t, b, buffer, size, flags, got, stack_now(s, now));
}

enum estab_error estab_close(estab_stack *s, estab_conn conn, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);

    if (!b)
        return without_tcb(where);
    return user_close(t, b, stack_now(s, now));
}

enum estab_error estab_release(estab_stack *s, estab_conn conn, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t handle = handle_find(t, conn);
    uint32_t where;

    if (handle == HANDLE_NONE)
        return ESTAB_NO_CONNECTION;
    where = tcp_handle(t, handle)->where;
    handle_release(t, handle);
    if (WHERE_KIND(where) == WHERE_TCB)
        user_release(t, tcp_tcb(t, WHERE_INDEX(where)), stack_now(s, now));
    else if (WHERE_KIND(where) == WHERE_RECORD)
        tcp_record(t, WHERE_INDEX(where))->head.handle = HANDLE_NONE;
    return ESTAB_OK;
}

enum estab_error estab_abort(estab_stack *s, estab_conn conn, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);

    now = stack_now(s, now);
    if (b)
        return user_abort(t, b, now);
    if (WHERE_KIND(where) != WHERE_RECORD)
        return ESTAB_NO_CONNECTION;
    /* TIME-WAIT: "respond with ok and delete the TCB" (section 3.10.5). */
    record_close(t, tcp_record(t, WHERE_INDEX(where)), EV_ABORT, ESTAB_ABORTED, REASON_USER_ABORT,
                 now);
    return ESTAB_OK;
}

enum estab_error estab_set(estab_stack *s, estab_conn conn, enum estab_option option, uint32_t value,
                           estab_time now)
{
    struct tcp *t = stack_tcp(s);
    uint32_t where = where_of(t, conn);
    struct tcb *b = tcb_of(t, where);

    if (!b)
        return without_tcb(where);
    if (!option_of_conn(option, value))
        return ESTAB_INVALID;
    option_set(t, b, option, value, stack_now(s, now));
    return ESTAB_OK;
}

/* ---- listeners ------------------------------------------------------------------------------------ */

static struct tcp_listener *listener_of(const struct tcp *t, estab_listener listener)
{
    struct tcp_listener *l;

    if (listener.generation == 0 || listener.index >= t->config.listeners)
        return NULL;
    l = tcp_listener(t, listener.index);
    return l->used && l->single == TCB_NONE && l->generation == listener.generation ? l : NULL;
}

enum estab_error estab_listener_set(estab_stack *s, estab_listener listener,
                                    enum estab_option option, uint32_t value)
{
    struct tcp_listener *l = listener_of(stack_tcp(s), listener);

    if (!l)
        return ESTAB_NO_CONNECTION;
    if (!option_holds(option, value))
        return ESTAB_INVALID;
    if (option == ESTAB_OPTION_BACKLOG) { /* those that wait already stay */
        l->backlog = value;
        return ESTAB_OK;
    }
    l->options |= UINT32_C(1) << option;
    l->option[option] = value;
    return ESTAB_OK;
}

/* Whether two listeners for all addresses of a port could both mean one that comes. */
static bool families_meet(const struct tcp_listener *a, const struct tcp_listener *b)
{
    return !(a->only_ipv4 && b->only_ipv6) && !(a->only_ipv6 && b->only_ipv4);
}

static bool listener_exists(const struct tcp *t, const struct tcp_listener *wanted)
{
    for (uint32_t i = 0; i < t->config.listeners; i++) {
        const struct tcp_listener *l = tcp_listener(t, i);

        if (l->used && l->single == TCB_NONE && l->local.port == wanted->local.port &&
            l->local_id == wanted->local_id && families_meet(l, wanted))
            return true;
    }
    return false;
}

enum estab_error estab_listen(estab_stack *s, const struct estab_listen *o, estab_listener *out)
{
    struct tcp *t = stack_tcp(s);
    bool any = addr_is_unspecified(&o->local.addr);
    int local = local_named(s, &o->local.addr);
    uint16_t id = any ? UINT16_MAX : (uint16_t)local;
    const struct tcp_listener wanted = {.local = o->local,
                                        .local_id = id,
                                        .only_ipv4 = any && addr_is_ipv4(&o->local.addr),
                                        .only_ipv6 = any && o->ipv6_only};
    struct tcp_listener *l;

    *out = (estab_listener){0, 0};
    if (o->size != sizeof *o || o->local.port == 0 || o->backlog == 0 || (!any && local < 0) ||
        (wanted.only_ipv4 && wanted.only_ipv6))
        return ESTAB_INVALID;
    if (listener_exists(t, &wanted))
        return ESTAB_EXISTS;
    l = listener_new(t);
    if (!l)
        return ESTAB_NO_RESOURCES;
    l->local = o->local;
    l->local_id = id;
    l->only_ipv4 = wanted.only_ipv4;
    l->only_ipv6 = wanted.only_ipv6;
    l->backlog = o->backlog;
    l->fixed_iss = o->fixed_iss;
    l->iss = o->iss;
    *out = (estab_listener){(uint32_t)(l - tcp_listener(t, 0)), l->generation};
    return ESTAB_OK;
}

static uint32_t accept_pop(struct tcp *t, struct tcp_listener *l)
{
    uint32_t handle = l->accept_head;
    struct tcp_handle *h;

    if (handle == HANDLE_NONE)
        return HANDLE_NONE;
    h = tcp_handle(t, handle);
    l->accept_head = h->next;
    if (l->accept_head == HANDLE_NONE)
        l->accept_tail = HANDLE_NONE;
    l->pending--;
    h->flags = 0;
    h->next = HANDLE_NONE;
    if (WHERE_KIND(h->where) == WHERE_TCB) {
        struct tcb *b = tcp_tcb(t, WHERE_INDEX(h->where));

        b->flags &= ~(uint32_t)TCB_UNACCEPTED;
        b->listener = LISTENER_NONE;
    }
    return handle;
}

enum estab_error estab_accept(estab_stack *s, estab_listener listener, estab_conn *out)
{
    struct tcp *t = stack_tcp(s);
    struct tcp_listener *l = listener_of(t, listener);
    uint32_t handle;

    *out = (estab_conn){0, 0};
    if (!l)
        return ESTAB_NO_CONNECTION;
    handle = accept_pop(t, l);
    if (handle == HANDLE_NONE)
        return ESTAB_AGAIN;
    *out = handle_conn(t, handle);
    if (tcp_handle(t, handle)->events) /* what happened meanwhile */
        conn_event(t, handle, 0, ESTAB_OK);
    return ESTAB_OK;
}

enum estab_error estab_listen_end(estab_stack *s, estab_listener listener, estab_time now)
{
    struct tcp *t = stack_tcp(s);
    struct tcp_listener *l = listener_of(t, listener);
    uint32_t handle;

    if (!l)
        return ESTAB_NO_CONNECTION;
    now = stack_now(s, now);
    record_end_children(t, (uint16_t)listener.index, now);
    while ((handle = accept_pop(t, l)) != HANDLE_NONE) {
        struct tcp_handle *h = tcp_handle(t, handle);

        if (WHERE_KIND(h->where) != WHERE_TCB) {
            handle_free(t, handle);
            continue;
        }
        tcp_tcb(t, WHERE_INDEX(h->where))->head.handle = HANDLE_NONE;
        (void)user_abort(t, tcp_tcb(t, WHERE_INDEX(h->where)), now);
        handle_free(t, handle);
    }
    listener_free(t, l);
    return ESTAB_OK;
}
