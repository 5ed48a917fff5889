/* SPDX-License-Identifier: MIT */
/* udp_calls.c - the user's calls on UDP sockets. */
#include "estab_udp.h"
#include "stack/stack.h"

/* What the local address is while no peer decides it. */
static struct estab_addr nobody(const struct udp_socket *socket)
{
    return socket->flags & UDP_ONLY_IPV4 ? estab_ipv4(0, 0, 0, 0) : (struct estab_addr){{0}};
}

static bool of_its_family(const struct udp_socket *socket, const struct estab_addr *remote)
{
    return !(socket->flags & (addr_is_ipv4(remote) ? UDP_ONLY_IPV6 : UDP_ONLY_IPV4));
}

/* The address that we send from, the link's longest datagram; NO_ROUTE. */
static enum estab_error source(const struct estab_stack *s, const struct estab_addr *remote,
                               struct estab_addr *local, uint32_t *mtu)
{
    bool any = addr_is_unspecified(local);
    struct ip_path path = ip_path_to(&s->ip, remote, any ? -1 : ip_local(&s->ip, local));
    int from;

    if (!any && addr_is_ipv4(local) != addr_is_ipv4(remote))
        return ESTAB_INVALID;
    from = path.found && any ? ip_source(&s->ip, &path, remote) : 0;
    if (!path.found || from < 0)
        return ESTAB_NO_ROUTE;
    *mtu = path.interface == IP_LOOPBACK ? UINT16_MAX : ip_mtu(&s->ip, path.interface, !addr_is_ipv4(remote));
    if (any)
        *local = s->ip.addresses[from].address;
    return ESTAB_OK;
}

/* The same of a broadcast, which goes by one interface; *number: 1 + its number.  INVALID: the socket may not,
 * or no link has this broadcast address. */
static enum estab_error broadcast_source(const struct estab_stack *s, const struct udp_socket *socket,
                                         const struct estab_addr *to, struct estab_addr *local,
                                         uint32_t *mtu, uint8_t *number)
{
    int interface = ip_broadcast_by(&s->ip, to, socket->interface);

    if (interface < 0 || !socket->broadcasts)
        return ESTAB_INVALID;
    if (addr_is_unspecified(local))
        *local = s->ip.interfaces[interface].address;
    *mtu = s->ip.interfaces[interface].mtu;
    *number = (uint8_t)(interface + 1);
    return ESTAB_OK;
}

/* ---- open, connect, close -------------------------------------------------------------------------- */

static enum estab_error connect(struct estab_stack *s, struct udp_socket *socket,
                                const struct estab_endpoint *remote)
{
    struct estab_addr local = socket->flags & UDP_NAMED ? socket->local.addr : nobody(socket);
    enum estab_error error = stack_remote_check(s, remote);
    uint32_t mtu;

    if (error == ESTAB_OK && !of_its_family(socket, &remote->addr))
        error = ESTAB_INVALID;
    if (error == ESTAB_OK)
        error = source(s, &remote->addr, &local, &mtu);
    if (error != ESTAB_OK)
        return error;
    socket->local.addr = local;
    socket->remote = *remote;
    return ESTAB_OK;
}

static unsigned open_flags(const struct estab_udp_open *o)
{
    unsigned flags = o->share ? UDP_SHARES : 0;

    if (!addr_is_unspecified(&o->local.addr))
        return flags | UDP_NAMED;
    if (addr_is_ipv4(&o->local.addr))
        flags |= UDP_ONLY_IPV4;
    return flags | (o->ipv6_only ? UDP_ONLY_IPV6 : 0u);
}

enum estab_error estab_udp_open(estab_stack *s, const struct estab_udp_open *o, estab_udp *out)
{
    struct udp *u = stack_udp(s);
    struct estab_endpoint local = o->local;
    enum estab_error error = ESTAB_OK;
    struct udp_socket *socket;
    unsigned flags = open_flags(o);

    *out = (estab_udp){0, 0};
    if (o->size != sizeof *o || ((flags & UDP_NAMED) && ip_local(&s->ip, &local.addr) < 0) ||
        ((flags & UDP_ONLY_IPV4) && (flags & UDP_ONLY_IPV6)))
        return ESTAB_INVALID;
    if (local.port == 0)
        local.port = udp_port(u, &local.addr, stack_tcp(s)->config.isn_key);
    else if (udp_taken(u, &local, flags))
        return ESTAB_EXISTS;
    socket = local.port ? udp_new(u, &local, flags) : NULL;
    if (!socket)
        return ESTAB_NO_RESOURCES;
    if (!addr_is_unspecified(&o->remote.addr) || o->remote.port)
        error = connect(s, socket, &o->remote);
    if (error != ESTAB_OK) {
        udp_end(u, &stack_tcp(s)->chunks, socket);
        return error;
    }
    *out = udp_handle(u, socket);
    return ESTAB_OK;
}

enum estab_error estab_udp_connect(estab_stack *s, estab_udp udp, struct estab_endpoint remote)
{
    struct udp_socket *socket = udp_find(stack_udp(s), udp);

    if (!socket)
        return ESTAB_NO_CONNECTION;
    if (!addr_is_unspecified(&remote.addr) || remote.port)
        return connect(s, socket, &remote);
    socket->remote = (struct estab_endpoint){0};
    if (!(socket->flags & UDP_NAMED))
        socket->local.addr = nobody(socket);
    return ESTAB_OK;
}

enum estab_error estab_udp_close(estab_stack *s, estab_udp udp)
{
    struct udp_socket *socket = udp_find(stack_udp(s), udp);

    if (!socket)
        return ESTAB_NO_CONNECTION;
    udp_end(stack_udp(s), &stack_tcp(s)->chunks, socket);
    return ESTAB_OK;
}

/* ---- datagrams ------------------------------------------------------------------------------------- */

enum estab_error estab_udp_send(estab_stack *s, estab_udp udp, const struct estab_endpoint *to,
                                const void *text, size_t length, estab_time now)
{
    struct udp *u = stack_udp(s);
    struct chunk_pool *pool = &stack_tcp(s)->chunks;
    struct udp_socket *socket = udp_find(u, udp);
    struct udp_way way = {.broadcast = 0};
    enum estab_error error;
    uint32_t mtu, header;

    (void)stack_now(s, now);
    if (!socket)
        return ESTAB_NO_CONNECTION;
    if (length > UDP_TEXT_MAX)
        return ESTAB_TOO_LONG;
    to = to ? to : &socket->remote;
    way.src = socket->local;
    way.dst = *to;
    error = stack_remote_check(s, to);
    if (error == ESTAB_INVALID)
        error = broadcast_source(s, socket, &to->addr, &way.src.addr, &mtu, &way.broadcast);
    if (error == ESTAB_OK && !of_its_family(socket, &to->addr))
        error = ESTAB_INVALID;
    if (error == ESTAB_OK && !way.broadcast)
        error = source(s, &to->addr, &way.src.addr, &mtu);
    if (error != ESTAB_OK)
        return error;
    header = addr_is_ipv4(&to->addr) ? IPV4_HEADER_MIN : IPV6_HEADER;
    if ((socket->flags & UDP_WHOLE) && header + UDP_HEADER + length > mtu)
        return ESTAB_TOO_LONG;
    return udp_send(u, pool, socket, &way, text, (uint32_t)length);
}

enum estab_error estab_udp_receive(estab_stack *s, estab_udp udp, void *buffer, size_t size,
                                   unsigned flags, struct estab_udp_received *got)
{
    struct udp *u = stack_udp(s);
    struct udp_socket *socket = udp_find(u, udp);
    struct udp_record r;

    *got = (struct estab_udp_received){0};
    if (!socket)
        return ESTAB_NO_CONNECTION;
    if (!udp_take(u, &stack_tcp(s)->chunks, socket, buffer, size, flags & ESTAB_PEEK, &r))
        return ESTAB_AGAIN;
    *got = (struct estab_udp_received){.length = r.length,
                                       .remote = r.remote,
                                       .local = r.local,
                                       .ttl = r.ttl,
                                       .diffserv = r.traffic >> 2,
                                       .ecn = r.traffic & 3};
    return ESTAB_OK;
}

enum estab_error estab_udp_error(estab_stack *s, estab_udp udp, struct estab_udp_error *out)
{
    struct udp_socket *socket = udp_find(stack_udp(s), udp);

    *out = (struct estab_udp_error){.size = sizeof *out};
    if (!socket)
        return ESTAB_NO_CONNECTION;
    if (socket->error.error != ESTAB_OK)
        *out = socket->error;
    socket->error = (struct estab_udp_error){0};
    return ESTAB_OK;
}

/* ---- options, status ------------------------------------------------------------------------------- */

enum { BUFFER_LEAST = 256, BUFFER_MOST = 0x20000000 }; /* as in defaults.def */

enum estab_error estab_udp_set(estab_stack *s, estab_udp udp, enum estab_udp_option option,
                               uint32_t value)
{
    struct udp_socket *socket = udp_find(stack_udp(s), udp);
    bool buffer = option == ESTAB_UDP_RECEIVE_BUFFER || option == ESTAB_UDP_SEND_BUFFER;

    if (!socket)
        return ESTAB_NO_CONNECTION;
    if (buffer && (value < BUFFER_LEAST || value > BUFFER_MOST))
        return ESTAB_INVALID;
    if (option == ESTAB_UDP_RECEIVE_BUFFER)
        socket->receive_buffer = value;
    else if (option == ESTAB_UDP_SEND_BUFFER)
        socket->send_buffer = value;
    else if (option == ESTAB_UDP_TTL && value <= UINT8_MAX)
        socket->ttl = (uint8_t)value;
    else if (option == ESTAB_UDP_DIFFSERV && value < 64)
        socket->diffserv = (uint8_t)value;
    else if (option == ESTAB_UDP_DONT_FRAGMENT && value <= 1)
        socket->flags = (uint8_t)(value ? socket->flags | UDP_WHOLE : socket->flags & ~UDP_WHOLE);
    else if (option == ESTAB_UDP_BROADCAST && value <= 1)
        socket->broadcasts = (uint8_t)value;
    else if (option == ESTAB_UDP_INTERFACE && value <= s->ip.interface_count)
        socket->interface = (uint8_t)value;
    else
        return ESTAB_INVALID;
    return ESTAB_OK;
}

static void status_of(const struct estab_stack *s, const struct udp_socket *socket,
                      struct estab_udp_status *st)
{
    struct udp_record r = {.length = 0};

    (void)udp_first(&stack_tcp(s)->chunks, socket, &r);
    *st = (struct estab_udp_status){
        .size = sizeof *st,
        .udp = udp_handle(stack_udp(s), socket),
        .local = socket->local,
        .remote = socket->remote,
        .waiting = socket->in_count,
        .next_length = socket->in_count ? r.length : 0,
        .receive_queued = socket->in.bytes,
        .send_queued = socket->sending,
        .receive_buffer = socket->receive_buffer,
        .send_buffer = socket->send_buffer,
        .received = socket->received,
        .sent = socket->sent,
        .dropped = socket->dropped,
    };
}

enum estab_error estab_udp_status(const estab_stack *s, estab_udp udp, struct estab_udp_status *st)
{
    const struct udp_socket *socket = udp_find(stack_udp(s), udp);

    if (st->size != sizeof *st)
        return ESTAB_INVALID;
    if (!socket)
        return ESTAB_NO_CONNECTION;
    status_of(s, socket, st);
    return ESTAB_OK;
}

bool estab_udp_list(const estab_stack *s, uint32_t *cursor, struct estab_udp_status *st)
{
    const struct udp *u = stack_udp(s);

    while (*cursor < u->socket_fresh) {
        const struct udp_socket *socket = udp_socket(u, (*cursor)++);

        if (socket->flags & UDP_USED) {
            status_of(s, socket, st);
            return true;
        }
    }
    return false;
}
