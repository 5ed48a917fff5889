/* SPDX-License-Identifier: MIT */
/*
 * address.c - struct sockaddr and estab_endpoint; getsockname and getpeername.
 *
 * An AF_INET6 socket speaks of IPv4 hosts in the mapped form, as the core does.  Plain IPv6 addresses
 * pass through: what the core has no route for, or is not ours, it says.
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

    return address_equal(a, &any);
}

static void from_in(const struct sockaddr *from, struct estab_endpoint *out)
{
    struct sockaddr_in in;
    uint8_t a[4];

    memcpy(&in, from, sizeof in);
    memcpy(a, &in.sin_addr, sizeof a);
    *out = (struct estab_endpoint){.port = ntohs(in.sin_port)};
    if (in.sin_addr.s_addr != htonl(INADDR_ANY))
        out->addr = estab_ipv4(a[0], a[1], a[2], a[3]);
}

static void from_in6(const struct sockaddr *from, struct estab_endpoint *out)
{
    struct estab_addr mapped_any = estab_ipv4(0, 0, 0, 0);
    struct sockaddr_in6 in6 = {0};

    memcpy(&in6, from, SIN6_LEAST);
    *out = (struct estab_endpoint){.port = ntohs(in6.sin6_port)};
    memcpy(out->addr.b, &in6.sin6_addr, sizeof out->addr.b);
    if (address_equal(&out->addr, &mapped_any))
        out->addr = (struct estab_addr){{0}};
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
    if (!address_is_any(&e->addr))
        memcpy(&in.sin_addr, e->addr.b + 12, 4);
    memcpy(&in6.sin6_addr, e->addr.b, sizeof e->addr.b);
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
