/* SPDX-License-Identifier: MIT */
/*
 * address.c - struct sockaddr and estab_endpoint; getsockname and getpeername; two families in one socket.
 *
 * An AF_INET6 socket speaks of IPv4 hosts in the mapped form, as the core does, unless it is IPV6_V6ONLY.
 * Bound to an IPv4 address (::ffff:0.0.0.0 is one) it speaks with no IPv6 host, and the other way about.
 *
 * An interface's number is its place in the stack, from 1 on: sin6_scope_id of a link-local address.
 */
#include <netinet/in.h>
#include <string.h>

#include "posix/posix.h"

#define SIN6_LEAST 24 /* sockaddr_in6 without its scope: what RFC 2133 had */

bool address_equal(const struct estab_addr *a, const struct estab_addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool address_is_any(const struct estab_addr *a)
{
    static const struct estab_addr any;
    const struct estab_addr any_ipv4 = estab_ipv4(0, 0, 0, 0);

    return address_equal(a, &any) || address_equal(a, &any_ipv4);
}

bool address_is_ipv4(const struct estab_addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(a->b, mapped, sizeof mapped) == 0;
}

static bool is_link_local(const struct estab_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

unsigned address_families(const struct sock *s, const struct estab_addr *a)
{
    if (s->domain == AF_INET || address_is_ipv4(a))
        return FAMILY_IPV4;
    if (!address_is_any(a) || s->opt.v6only)
        return FAMILY_IPV6;
    return FAMILY_IPV4 | FAMILY_IPV6;
}

struct estab_addr address_told(const struct sock *s, const struct estab_addr *a)
{
    return s->domain == AF_INET && address_is_any(a) ? estab_ipv4(0, 0, 0, 0) : *a;
}

void address_forget(struct sock *s)
{
    if (!s->bound_addr)
        s->local.addr = (struct estab_addr){{0}};
}

static void from_in(const struct sockaddr *from, struct estab_endpoint *out)
{
    struct sockaddr_in in;
    uint8_t a[4];

    memcpy(&in, from, sizeof in);
    memcpy(a, &in.sin_addr, sizeof a);
    *out = (struct estab_endpoint){estab_ipv4(a[0], a[1], a[2], a[3]), ntohs(in.sin_port)};
}

static void from_in6(const struct sockaddr *from, struct estab_endpoint *out)
{
    struct sockaddr_in6 in6 = {0};

    memcpy(&in6, from, SIN6_LEAST);
    *out = (struct estab_endpoint){.port = ntohs(in6.sin6_port)};
    memcpy(out->addr.b, &in6.sin6_addr, sizeof out->addr.b);
}

/* 0, -EINVAL (too short), -EAFNOSUPPORT (not the socket's family), -EFAULT. */
int address_in(const struct sock *s, const struct sockaddr *from, socklen_t length,
               struct estab_endpoint *out)
{
    if (!from)
        return -EFAULT;
    if (length > sizeof(struct sockaddr_storage))
        return -EINVAL;
    if (length < (s->domain == AF_INET ? sizeof(struct sockaddr_in) : SIN6_LEAST))
        return -EINVAL;
    if (from->sa_family != s->domain)
        return -EAFNOSUPPORT;
    if (s->domain == AF_INET)
        from_in(from, out);
    else
        from_in6(from, out);
    return 0;
}

/* ---- links ---------------------------------------------------------------------------------------------- */

/* Our link-local address on an interface, or this one there; false: there is none. */
static bool link_address(const struct estab_posix *p, uint32_t scope, const struct estab_addr *wanted,
                         struct estab_addr *out)
{
    struct estab_address a = {.size = sizeof a};
    uint32_t cursor = 0;

    while (estab_address_next(p->stack, &cursor, &a))
        if (a.interface + 1u == scope && is_link_local(&a.address) &&
            (!wanted || address_equal(wanted, &a.address))) {
            *out = a.address;
            return true;
        }
    return false;
}

/* sin6_scope_id, where the caller gave one. */
static uint32_t scope_of(const struct sockaddr *from, socklen_t length)
{
    struct sockaddr_in6 in6 = {0};

    memcpy(&in6, from, length < sizeof in6 ? length : sizeof in6);
    return length < sizeof in6 || from->sa_family != AF_INET6 ? 0 : in6.sin6_scope_id;
}

/* A link-local address is of a link, which the socket then keeps: 0, or -EINVAL. */
static int take_scope(struct sock *s, const struct sockaddr *from, socklen_t length,
                      const struct estab_addr *a)
{
    uint32_t scope = scope_of(from, length);

    if (!is_link_local(a))
        return 0;
    if (scope && s->scope && scope != s->scope)
        return -EINVAL;
    if (scope)
        s->scope = scope;
    return s->scope ? 0 : -EINVAL;
}

/* inet6_bind's look at an address: 0, -EINVAL, -EADDRNOTAVAIL. */
int address_bindable(const struct estab_posix *p, struct sock *s, const struct sockaddr *from,
                     socklen_t length, const struct estab_addr *a)
{
    struct estab_addr ours;
    int result = take_scope(s, from, length, a);

    if (result < 0)
        return result;
    if (s->domain == AF_INET6 && s->opt.v6only && address_is_ipv4(a))
        return -EINVAL;
    if (is_link_local(a))
        return link_address(p, s->scope, a, &ours) ? 0 : -EADDRNOTAVAIL;
    return address_is_any(a) || estab_address_is_local(p->stack, *a) ? 0 : -EADDRNOTAVAIL;
}

/* Whether both families, and Linux's rule that 127.0.0.1 leaves no host, let a socket speak with it. */
int address_may_reach(const struct estab_posix *p, const struct sock *s, const struct estab_addr *a)
{
    bool own = s->bound_addr && address_is_ipv4(&s->local.addr) && s->local.addr.b[12] == 127;

    if (address_is_ipv4(a)) {
        if (s->domain == AF_INET6 && s->opt.v6only)
            return -ENETUNREACH;
        return own && a->b[12] != 127 && !address_is_any(a) && !estab_address_is_local(p->stack, *a)
                   ? -EINVAL
                   : 0;
    }
    if (a->b[0] == 0xff)
        return -ENETUNREACH; /* a group, to which the stack sends nothing */
    return s->bound_ipv4 ? -EAFNOSUPPORT : 0;
}

/* What connect() asks of a destination: 0, -EINVAL, -ENETUNREACH, -EAFNOSUPPORT.  From where it is to be
 * reached goes to *source; unspecified: by the route. */
int address_connectable(const struct estab_posix *p, struct sock *s, const struct sockaddr *from,
                        socklen_t length, const struct estab_addr *a, struct estab_addr *source)
{
    int result = take_scope(s, from, length, a);

    *source = s->bound_addr ? s->local.addr : (struct estab_addr){{0}};
    if (result == 0)
        result = address_may_reach(p, s, a);
    if (result == 0 && is_link_local(a) && !s->bound_addr && !link_address(p, s->scope, NULL, source))
        result = -ENETUNREACH;
    return result;
}

/* ---- out ------------------------------------------------------------------------------------------------ */

/* Cut to the room that the caller has; *length tells the whole. */
int address_out(const struct sock *s, const struct estab_endpoint *e, struct sockaddr *to,
                socklen_t *length)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
    bool v4 = s->domain == AF_INET;
    const void *from = v4 ? (const void *)&in : (const void *)&in6;
    socklen_t n = v4 ? sizeof in : sizeof in6;

    if (!length)
        return -EFAULT;
    if ((int)*length < 0)
        return -EINVAL;
    if (!to && *length > 0)
        return -EFAULT;
    memcpy(&in.sin_addr, e->addr.b + 12, 4);
    memcpy(&in6.sin6_addr, e->addr.b, sizeof e->addr.b);
    if (is_link_local(&e->addr))
        in6.sin6_scope_id = s->scope;
    if (*length > 0)
        memcpy(to, from, n < *length ? n : *length);
    *length = n;
    return 0;
}

int estab_posix_getsockname(estab_posix *p, int fd, struct sockaddr *address, socklen_t *length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    if (result == 0)
        result = address_out(s, &s->local, address, length);
    return leave(p, result);
}

static int peer_name(struct estab_posix *p, const struct sock *s, struct sockaddr *address,
                     socklen_t *length)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);

    if (s->remote.port == 0 || (!s->dgram && state_in(state, STATES(CLOSED) | STATES(SYN_SENT) | STATES(LISTEN))))
        return -ENOTCONN;
    return address_out(s, &s->remote, address, length);
}

int estab_posix_getpeername(estab_posix *p, int fd, struct sockaddr *address, socklen_t *length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    if (result == 0)
        result = peer_name(p, s, address, length);
    return leave(p, result);
}
