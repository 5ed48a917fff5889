/* SPDX-License-Identifier: MIT */
/*
 * bind.c - socket, bind, listen: who has which port.
 *
 * Two sockets conflict over a port if their addresses are equal or one is unspecified, unless both have
 * SO_REUSEADDR and the other is not listening, or both have SO_REUSEPORT.  A connection without a socket
 * (TIME-WAIT above all) is in the way of who has no SO_REUSEADDR.
 */
#include <fcntl.h>

#include "posix/posix.h"

/* ---- socket ------------------------------------------------------------------------------------- */

static int socket_check(int domain, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (type < 0 || kind > SOCK_PACKET || (kind & ~0xf))
        return -EINVAL;
    if (domain != AF_INET && domain != AF_INET6)
        return -EAFNOSUPPORT;
    if (protocol < 0 || protocol >= 262 + 1) /* IPPROTO_MAX */
        return -EINVAL;
    if (kind == SOCK_DGRAM)
        return protocol == 0 || protocol == IPPROTO_UDP ? 0 : -EPROTONOSUPPORT;
    if (kind != SOCK_STREAM)
        return -ESOCKTNOSUPPORT;
    return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
}

static int socket_new(struct estab_posix *p, int domain, int type)
{
    struct sock *s = sock_new(p);
    int fd;

    if (!s)
        return p->socks >= p->config.sockets ? -EMFILE : -ENOMEM;
    fd = file_add(p, (struct file){.kind = FILE_SOCK, {.sock = s}});
    if (fd < 0) {
        sock_drop(p, s);
        return fd;
    }
    s->fd = fd;
    s->domain = (sa_family_t)domain;
    s->dgram = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_DGRAM;
    s->nonblock = type & SOCK_NONBLOCK;
    s->cloexec = type & SOCK_CLOEXEC;
    return fd;
}

int estab_posix_socket(estab_posix *p, int domain, int type, int protocol)
{
    int result = socket_check(domain, type, protocol);

    enter(p);
    return leave(p, result < 0 ? result : socket_new(p, domain, type));
}

bool port_held(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;

    if (s->dgram)
        return s->live;
    return s->bound_port || sock_state(p, s, &st) != ESTAB_STATE_CLOSED;
}

/* ---- ports ---------------------------------------------------------------------------------------- */

static bool overlap(const struct estab_endpoint *a, unsigned families_a, const struct estab_endpoint *b,
                    unsigned families_b)
{
    return a->port == b->port && (families_a & families_b) &&
           (address_is_any(&a->addr) || address_is_any(&b->addr) || address_equal(&a->addr, &b->addr));
}

static bool overlap_of(const struct sock *s, const struct estab_endpoint *wanted, const struct sock *other)
{
    return overlap(wanted, address_families(s, &wanted->addr), &other->local,
                   address_families(other, &other->local.addr));
}

static bool conflict_with_sock(const struct estab_posix *p, const struct sock *s, const struct estab_endpoint *wanted,
                               const struct sock *other)
{
    if (other == s || other->dgram != s->dgram || !overlap_of(s, wanted, other) ||
        !port_held(p, other))
        return false;
    if (s->opt.reuseport && other->opt.reuseport)
        return false;
    return !(s->opt.reuseaddr && other->opt.reuseaddr && !other->listening);
}

static bool is_ours(const struct estab_posix *p, const struct estab_status *st)
{
    if (st->state != ESTAB_STATE_LISTEN)
        return st->conn.generation && place_find(p, st->conn);
    for (const struct sock *s = p->listening; s; s = s->listen_next)
        if (s->listener.index == st->listener.index)
            return true;
    return false;
}

/* Of an endpoint of the stack's, as far as it tells. */
static unsigned families_of(const struct estab_addr *a)
{
    if (address_is_ipv4(a))
        return FAMILY_IPV4;
    return address_is_any(a) ? FAMILY_IPV4 | FAMILY_IPV6 : FAMILY_IPV6;
}

/* What the stack has and no socket here. */
static bool conflict_in_stack(const struct estab_posix *p, const struct sock *s,
                              const struct estab_endpoint *wanted)
{
    struct estab_status st = {.size = sizeof st};
    unsigned families = address_families(s, &wanted->addr);
    uint64_t cursor = 0;

    while (estab_list(p->stack, &cursor, &st))
        if (st.state != ESTAB_STATE_CLOSED &&
            overlap(wanted, families, &st.local, families_of(&st.local.addr)) && !is_ours(p, &st) &&
            (st.state == ESTAB_STATE_LISTEN || !s->opt.reuseaddr))
            return true;
    return false;
}

static bool port_free(const struct estab_posix *p, const struct sock *s,
                      const struct estab_endpoint *wanted)
{
    for (const struct sock *other = p->all; other; other = other->all_next)
        if (conflict_with_sock(p, s, wanted, other))
            return false;
    return s->dgram || !conflict_in_stack(p, s, wanted); /* dgram_open asks the stack */
}

static int port_choose(struct estab_posix *p, const struct sock *s, struct estab_endpoint *wanted)
{
    unsigned range = (unsigned)p->config.port_last - p->config.port_first + 1;

    for (unsigned i = 0; i < range; i++) {
        wanted->port = p->port_next;
        p->port_next = p->port_next == p->config.port_last ? p->config.port_first
                                                           : (uint16_t)(p->port_next + 1);
        if (port_free(p, s, wanted))
            return 0;
    }
    return -EADDRINUSE;
}

int bind_port(struct estab_posix *p, struct sock *s)
{
    struct estab_endpoint wanted = s->local;
    int result = port_choose(p, s, &wanted);

    if (result == 0)
        s->local = wanted;
    return result;
}

/* ---- bind -------------------------------------------------------------------------------------------- */

/* The families look in a different order at what is wrong. */
static int bind_check(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                      socklen_t length, struct estab_endpoint *wanted)
{
    int result = address_in(s, address, length, wanted);

    if (result < 0)
        return result;
    if (s->domain == AF_INET6 && ((!s->dgram && wanted->addr.b[0] == 0xff) || port_held(p, s)))
        return -EINVAL;
    result = address_bindable(p, s, address, length, &wanted->addr);
    return result == 0 && port_held(p, s) ? -EINVAL : result;
}

static int sock_bind(struct estab_posix *p, struct sock *s, const struct sockaddr *address,
                     socklen_t length)
{
    struct estab_endpoint wanted;
    int result = bind_check(p, s, address, length, &wanted), v6only = s->opt.v6only;

    if (result < 0)
        return result;
    if (address_families(s, &wanted.addr) == FAMILY_IPV6)
        s->opt.v6only = 1; /* it has no IPv4 from here on, as in Linux */
    if (wanted.port == 0 && !s->dgram)
        result = port_choose(p, s, &wanted);
    else if (wanted.port && !port_free(p, s, &wanted))
        result = -EADDRINUSE;
    if (result == 0 && s->dgram)
        result = dgram_open(p, s, &wanted);
    if (result < 0) {
        s->local.addr = (struct estab_addr){{0}}; /* inet_bind: what was tried is forgotten */
        s->opt.v6only = v6only;
        return result;
    }
    if (!s->dgram)
        s->local = wanted;
    s->bound_ipv4 = s->domain == AF_INET6 && address_is_ipv4(&wanted.addr);
    s->bound_addr = s->bound_ipv4 || !address_is_any(&wanted.addr);
    s->bound_port = true;
    return 0;
}

int estab_posix_bind(estab_posix *p, int fd, const struct sockaddr *address, socklen_t length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    return leave(p, result < 0 ? result : sock_bind(p, s, address, length));
}

/* ---- listen ------------------------------------------------------------------------------------------- */

static int listen_new(struct estab_posix *p, struct sock *s, uint32_t backlog)
{
    struct estab_listen listen = {
        .size = sizeof listen,
        .local = {address_told(s, &s->local.addr), s->local.port},
        .ipv6_only = address_families(s, &s->local.addr) == FAMILY_IPV6,
        .backlog = backlog ? backlog : 1, /* and one more, which accept() has ahead */
    };
    enum estab_error error = estab_listen(p->stack, &listen, &s->listener);

    if (error != ESTAB_OK)
        return -errno_of(error);
    s->listening = true;
    s->listen_next = p->listening;
    p->listening = s;
    s->more = false;
    options_apply(p, s);
    return 0;
}

static bool other_listens(const struct estab_posix *p, const struct sock *s)
{
    for (const struct sock *other = p->listening; other; other = other->listen_next)
        if (overlap_of(s, &s->local, other))
            return true;
    return false;
}

/* Again: only the backlog is new, and who waits already stays. */
static int listen_again(struct estab_posix *p, const struct sock *s, uint32_t backlog)
{
    return -errno_of(
        estab_listener_set(p->stack, s->listener, ESTAB_OPTION_BACKLOG, backlog ? backlog : 1));
}

static int sock_listen(struct estab_posix *p, struct sock *s, int backlog)
{
    uint32_t most = p->config.somaxconn;
    uint32_t wanted = backlog < 0 || (uint32_t)backlog > most ? most : (uint32_t)backlog;
    struct estab_status st;
    int result = 0;

    if (s->dgram)
        return -EOPNOTSUPP;
    if (s->listening)
        return listen_again(p, s, wanted);
    if (s->progress != SS_UNCONNECTED || sock_state(p, s, &st) != ESTAB_STATE_CLOSED)
        return -EINVAL;
    if (!port_held(p, s))
        result = bind_port(p, s);
    else if (other_listens(p, s))
        result = -EADDRINUSE;
    return result < 0 ? result : listen_new(p, s, wanted);
}

int estab_posix_listen(estab_posix *p, int fd, int backlog)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    return leave(p, result < 0 ? result : sock_listen(p, s, backlog));
}
