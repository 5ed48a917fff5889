/* SPDX-License-Identifier: MIT */
/*
 * datagram_io.c - a datagram sent, and one received, in the order in which Linux decides.
 *
 *      send      length, MSG_OOB, the name, a route, a pending error, what is shut, room
 *      receive   a pending error, a datagram, what is shut (if it would wait), waiting
 */
#include <stdlib.h>
#include <string.h>

#include "estab_udp.h"
#include "posix/posix.h"

enum { LONGEST = 65535 };

/* ---- send -------------------------------------------------------------------------------------------- */

/* udp_sendmsg's look at the name: *named is whether there is one. */
static int destination(const struct estab_posix *p, const struct sock *s, const struct name *to,
                       struct estab_endpoint *out, bool *named)
{
    struct sockaddr_storage copy = {0};
    int result;

    *named = to->address != NULL;
    if (!*named)
        return s->remote.port ? 0 : -EDESTADDRREQ;
    memcpy(&copy, to->address, *to->length < sizeof copy ? *to->length : sizeof copy);
    if (s->domain == AF_INET && copy.ss_family == AF_UNSPEC && *to->length >= sizeof(struct sockaddr_in))
        copy.ss_family = AF_INET; /* Linux takes that for it */
    if (s->domain == AF_INET6 && copy.ss_family == AF_UNSPEC && *to->length >= sizeof(sa_family_t)) {
        *named = false; /* and here for no name at all, of an IPv6 host */
        if (s->remote.port && address_is_ipv4(&s->remote.addr))
            return -ENETUNREACH;
        return s->remote.port ? 0 : -EDESTADDRREQ;
    }
    result = dgram_name(s, (struct sockaddr *)&copy, *to->length, out);
    if (s->domain == AF_INET6 && result == -EAFNOSUPPORT)
        return copy.ss_family == AF_INET ? -ENETUNREACH : -EINVAL;
    if (result == 0 && s->opt.v6only && address_is_ipv4(&out->addr))
        return -ENETUNREACH; /* before its port is looked at */
    if (result == 0 && out->port == 0)
        return -EINVAL;
    return result < 0 ? result : address_may_reach(p, s, &out->addr);
}

static uint8_t *gather(const struct iovec *iov, size_t count, size_t total)
{
    uint8_t *text = malloc(total ? total : 1);
    size_t at = 0;

    for (size_t i = 0; text && i < count; i++) {
        if (iov[i].iov_len)
            memcpy(text + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    return text;
}

static int errno_of_send(enum estab_error error, const struct estab_addr *to)
{
    bool broadcast = to && address_is_ipv4(to) && (to->b[12] < 224 || to->b[12] == 255);

    switch (error) {
    case ESTAB_INVALID: /* a multicast address, which the stack does not send to; a broadcast without SO_BROADCAST */
        return broadcast ? EACCES : ENETUNREACH;
    case ESTAB_REMOTE_UNSPECIFIED:
        return EADDRNOTAVAIL;
    default:
        return errno_of(error);
    }
}

static ssize_t send_loop(struct estab_posix *p, struct sock *s, const struct estab_endpoint *to,
                         const uint8_t *text, size_t n, estab_time until)
{
    int result;

    for (;;) {
        enum estab_error error;

        if (s->error)
            return sock_error(s);
        if (s->shut & SHUT_OUT)
            return -EPIPE;
        if (s->domain == AF_INET6)
            dgram_traffic(p, s, to ? &to->addr : &s->remote.addr);
        error = estab_udp_send(p->stack, s->udp, to, text, n, time_now(p));
        p->dirty = true;
        if (error == ESTAB_OK)
            return (ssize_t)n;
        if (error != ESTAB_AGAIN)
            return -errno_of_send(error, to ? &to->addr : NULL);
        result = wait_sock(p, s, until);
        if (result < 0)
            return result;
    }
}

ssize_t dgram_send(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                   int flags, const struct name *to)
{
    estab_time until = until_of(p, &s->opt.sndtimeo, s->nonblock || (flags & MSG_DONTWAIT));
    ssize_t total = iov_total(iov, count), result;
    struct estab_endpoint remote;
    uint8_t *text;
    bool named = false;

    result = total < 0 ? total : dgram_autobind(p, s);
    if (result == 0 && total > LONGEST)
        result = -EMSGSIZE;
    if (result == 0 && (flags & MSG_OOB) && s->domain == AF_INET)
        result = -EOPNOTSUPP;
    if (result == 0)
        result = destination(p, s, to, &remote, &named);
    if (result == 0 && (flags & MSG_OOB) && address_is_ipv4(named ? &remote.addr : &s->remote.addr))
        result = -EOPNOTSUPP; /* IPv6's does not look at it */
    if (result < 0)
        return result;
    text = gather(iov, count, (size_t)total);
    if (!text)
        return -ENOMEM;
    sock_hold(s);
    result = send_loop(p, s, named ? &remote : NULL, text, (size_t)total, until);
    sock_drop(p, s);
    free(text);
    return result;
}

/* ---- receive ----------------------------------------------------------------------------------------- */

/* Takes one: its length, or what the flags make of it; -EAGAIN: there is none. */
static ssize_t take(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                    int flags, int *msg_flags, struct estab_endpoint *from)
{
    struct estab_udp_status st = {.size = sizeof st};
    struct estab_udp_received got;
    ssize_t total = iov_total(iov, count);
    uint8_t *text;
    size_t n;

    if (!s->live || estab_udp_status(p->stack, s->udp, &st) != ESTAB_OK || st.waiting == 0)
        return -EAGAIN;
    n = (size_t)total < st.next_length ? (size_t)total : st.next_length;
    text = malloc(n ? n : 1);
    if (!text)
        return -ENOMEM;
    (void)!estab_udp_receive(p->stack, s->udp, text, n, flags & MSG_PEEK ? ESTAB_PEEK : 0, &got);
    sock_scatter(iov, count, text, n);
    free(text);
    if (n < got.length)
        *msg_flags |= MSG_TRUNC;
    *from = got.remote;
    return (ssize_t)(flags & MSG_TRUNC ? got.length : n);
}

static ssize_t receive_loop(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                            int flags, int *msg_flags, struct estab_endpoint *from)
{
    estab_time until = until_of(p, &s->opt.rcvtimeo, s->nonblock || (flags & MSG_DONTWAIT));

    for (;;) {
        ssize_t result;

        if (s->error)
            return sock_error(s);
        result = take(p, s, iov, count, flags, msg_flags, from);
        if (result != -EAGAIN)
            return result;
        if (until != 0 && (s->shut & SHUT_IN)) /* who does not wait is not told of the end */
            return 0;
        result = wait_sock(p, s, until);
        if (result < 0)
            return result;
    }
}

ssize_t dgram_receive(struct estab_posix *p, struct sock *s, const struct iovec *iov, size_t count,
                      int flags, int *msg_flags, const struct name *from)
{
    struct estab_endpoint remote = {.port = 0};
    ssize_t result = iov_total(iov, count);
    int named = 0;

    if (result < 0)
        return result;
    if (flags & MSG_ERRQUEUE)
        return -EAGAIN;
    sock_hold(s);
    result = receive_loop(p, s, iov, count, flags, msg_flags, &remote);
    if (result >= 0 && from->address && address_is_any(&remote.addr))
        *from->length = 0; /* nobody's: the socket was shut */
    else if (result >= 0 && from->address)
        named = address_out(s, &remote, from->address, from->length);
    sock_drop(p, s);
    return named < 0 ? named : result;
}
