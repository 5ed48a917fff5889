/* SPDX-License-Identifier: MIT */
/*
 * datagram.c - SOCK_DGRAM over the stack's UDP: names, ends, errors, and what poll() says.
 *
 * The stack's socket is made when a port is asked for: by bind, connect, or the first send.  Who shares a
 * port is judged here, as Linux does; the stack is told that all share.
 *
 * Linux tells a socket of an ICMP error if it is connected and the error is final, or with IP_RECVERR of
 * all: udp_err and icmp_err_convert.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "estab_udp.h"
#include "posix/posix.h"

/* ---- the stack's socket ------------------------------------------------------------------------------ */

static bool places_reach(struct estab_posix *p, uint32_t index)
{
    uint32_t n = p->udp_place_count ? p->udp_place_count : 16;
    struct sock **more;

    if (index < p->udp_place_count)
        return true;
    while (n <= index)
        n *= 2;
    more = realloc(p->udp_places, n * sizeof *more);
    if (!more)
        return false;
    memset(more + p->udp_place_count, 0, (n - p->udp_place_count) * sizeof(struct sock *));
    p->udp_places = more;
    p->udp_place_count = n;
    return true;
}

static struct sock *find(const struct estab_posix *p, estab_udp udp)
{
    struct sock *s = udp.index < p->udp_place_count ? p->udp_places[udp.index] : NULL;

    return s && s->live && s->udp.generation == udp.generation ? s : NULL;
}

static void take_names(struct estab_posix *p, struct sock *s)
{
    struct estab_udp_status st = {.size = sizeof st};

    if (!s->live || estab_udp_status(p->stack, s->udp, &st) != ESTAB_OK)
        return;
    s->local = st.local;
    s->remote = st.remote;
}

static void tell_options(struct estab_posix *p, struct sock *s)
{
    if (!s->live)
        return;
    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_RECEIVE_BUFFER, (uint32_t)dgram_rcvbuf(p, s));
    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_SEND_BUFFER, (uint32_t)dgram_sndbuf(p, s));
    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_BROADCAST, s->opt.broadcast != 0);
    dgram_traffic(p, s, &s->remote.addr);
}

void dgram_traffic(struct estab_posix *p, struct sock *s, const struct estab_addr *remote)
{
    bool ipv6 = s->domain == AF_INET6 && !address_is_ipv4(remote);
    int ttl = ipv6 ? s->opt.hops : s->opt.ttl, mtu = ipv6 ? s->opt.mtu_discover6 : s->opt.mtu_discover;

    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_TTL, ttl < 0 ? 0 : (uint32_t)ttl);
    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_DIFFSERV, traffic_of(s, remote) >> 2);
    (void)!estab_udp_set(p->stack, s->udp, ESTAB_UDP_DONT_FRAGMENT,
                         mtu == IP_PMTUDISC_DO || mtu == IP_PMTUDISC_PROBE || mtu == IP_PMTUDISC_INTERFACE);
}

/* Makes it; port 0: the stack chooses one. */
int dgram_open(struct estab_posix *p, struct sock *s, const struct estab_endpoint *local)
{
    struct estab_udp_open open = {.size = sizeof open,
                                  .local = {address_told(s, &local->addr), local->port},
                                  .share = local->port != 0,
                                  .ipv6_only = address_is_any(&local->addr) &&
                                               address_families(s, &local->addr) == FAMILY_IPV6};
    enum estab_error error = estab_udp_open(p->stack, &open, &s->udp);

    if (error == ESTAB_NO_RESOURCES)
        return local->port ? -ENOMEM : -EADDRINUSE;
    if (error != ESTAB_OK)
        return -errno_of(error);
    if (!places_reach(p, s->udp.index)) {
        (void)estab_udp_close(p->stack, s->udp);
        return -ENOMEM;
    }
    p->udp_places[s->udp.index] = s;
    s->live = true;
    take_names(p, s);
    tell_options(p, s);
    return 0;
}

/* inet_autobind: EAGAIN if no port is left. */
int dgram_autobind(struct estab_posix *p, struct sock *s)
{
    if (s->live)
        return 0;
    return dgram_open(p, s, &(struct estab_endpoint){.addr = s->local.addr}) < 0 ? -EAGAIN : 0;
}

void dgram_end(struct estab_posix *p, struct sock *s)
{
    if (!s->live)
        return;
    (void)estab_udp_close(p->stack, s->udp);
    if (p->udp_places[s->udp.index] == s)
        p->udp_places[s->udp.index] = NULL;
    s->live = false;
}

void dgram_option_changed(struct estab_posix *p, struct sock *s)
{
    tell_options(p, s);
}

/* What was set, doubled as Linux tells it; the stack gets half of it as its bytes. */
int dgram_rcvbuf(const struct estab_posix *p, const struct sock *s)
{
    return s->opt.rcvbuf_set ? s->opt.rcvbuf : (int)p->core.udp_receive_buffer;
}

int dgram_sndbuf(const struct estab_posix *p, const struct sock *s)
{
    return s->opt.sndbuf_set ? s->opt.sndbuf : (int)p->core.udp_send_buffer;
}

/* The name of a peer: an AF_INET6 socket takes AF_INET's, too, unless it is IPV6_V6ONLY. */
int dgram_name(const struct sock *s, const struct sockaddr *address, socklen_t length,
               struct estab_endpoint *out)
{
    struct sock four = {.domain = AF_INET};

    if (s->domain != AF_INET6 || address->sa_family != AF_INET)
        return address_in(s, address, length, out);
    return s->opt.v6only ? -EAFNOSUPPORT : address_in(&four, address, length, out);
}

/* ---- connect, shutdown ------------------------------------------------------------------------------- */

/* udp_disconnect: a port and an address that nobody had asked for are gone. */
static void disconnect(struct estab_posix *p, struct sock *s)
{
    s->remote = (struct estab_endpoint){0};
    if (s->bound_port) {
        (void)!estab_udp_connect(p->stack, s->udp, s->remote);
        take_names(p, s);
        return;
    }
    dgram_end(p, s);
    s->local.port = 0;
    address_forget(s);
}

int dgram_connect(struct estab_posix *p, struct sock *s, const struct sockaddr *address, socklen_t length)
{
    struct estab_addr source;
    struct estab_endpoint to;
    enum estab_error error;
    int result;

    if (!address)
        return -EFAULT;
    if (address->sa_family == AF_UNSPEC) {
        disconnect(p, s);
        return 0;
    }
    result = dgram_autobind(p, s);
    if (result == 0)
        result = dgram_name(s, address, length, &to);
    if (result == 0)
        result = address_connectable(p, s, address, length, &to.addr, &source);
    if (result < 0)
        return result;
    error = estab_udp_connect(p->stack, s->udp, to);
    if (error != ESTAB_OK)
        return error == ESTAB_INVALID               ? -ENETUNREACH
               : error == ESTAB_REMOTE_UNSPECIFIED ? -EADDRNOTAVAIL
                                                    : -errno_of(error);
    take_names(p, s);
    return 0;
}

int dgram_shutdown(struct estab_posix *p, struct sock *s, int how)
{
    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    s->shut |= (uint8_t)(how + 1);
    sock_changed(p, s, 0);
    return s->remote.port ? 0 : -ENOTCONN;
}

/* ---- events ------------------------------------------------------------------------------------------ */

enum { UNREACHABLE_TYPE = 3, TIME_TYPE = 11, PARAMETER_TYPE = 12, NEED_FRAGMENT = 4 };

/* icmp_err_convert: what each code of "unreachable" is, and whether it is final. */
static const struct {
    int number;
    bool final;
} unreachable[] = {
    {ENETUNREACH, false}, {EHOSTUNREACH, false}, {ENOPROTOOPT, true},   {ECONNREFUSED, true},
    {EMSGSIZE, true},     {EOPNOTSUPP, false},   {ENETUNREACH, true},   {EHOSTDOWN, true},
    {ENONET, true},       {ENETUNREACH, true},   {EHOSTUNREACH, true},  {ENETUNREACH, false},
    {EHOSTUNREACH, false}, {EHOSTUNREACH, true}, {EHOSTUNREACH, true},  {EHOSTUNREACH, true},
};

enum { UNREACHABLE_TYPE6 = 1, TOO_BIG_TYPE6, TIME_TYPE6, PARAMETER_TYPE6 };

/* icmpv6_err_convert. */
static const struct {
    int number;
    bool final;
} unreachable6[] = {
    {ENETUNREACH, false}, {EACCES, true}, {EHOSTUNREACH, false}, {EHOSTUNREACH, false},
    {ECONNREFUSED, true}, {EACCES, true}, {EACCES, true},
};

static int errno_of_icmp6(const struct estab_udp_error *e, bool *final)
{
    *final = false;
    if (e->type == TIME_TYPE6)
        return EHOSTUNREACH;
    if (e->type == TOO_BIG_TYPE6)
        return EMSGSIZE;
    *final = e->type == PARAMETER_TYPE6;
    if (e->type != UNREACHABLE_TYPE6 || e->code >= sizeof unreachable6 / sizeof unreachable6[0])
        return EPROTO;
    *final = unreachable6[e->code].final;
    return unreachable6[e->code].number;
}

static int errno_of_icmp(const struct estab_udp_error *e, bool *final)
{
    *final = false;
    if (!e->icmp)
        return e->error == ESTAB_NO_ROUTE ? ENETUNREACH : EHOSTUNREACH;
    if (!address_is_ipv4(&e->remote.addr))
        return errno_of_icmp6(e, final);
    if (e->type == UNREACHABLE_TYPE && e->code < sizeof unreachable / sizeof unreachable[0]) {
        *final = unreachable[e->code].final;
        return unreachable[e->code].number;
    }
    *final = e->type == PARAMETER_TYPE;
    return e->type == PARAMETER_TYPE ? EPROTO : EHOSTUNREACH;
}

static void take_error(struct estab_posix *p, struct sock *s)
{
    struct estab_udp_error e = {.size = sizeof e};
    bool final, ipv6;
    int number;

    if (estab_udp_error(p->stack, s->udp, &e) != ESTAB_OK || e.error == ESTAB_OK)
        return;
    ipv6 = !address_is_ipv4(&e.remote.addr);
    number = errno_of_icmp(&e, &final);
    if (number == EMSGSIZE) {
        if ((ipv6 ? s->opt.mtu_discover6 : s->opt.mtu_discover) == IP_PMTUDISC_DONT)
            return;
        final = true;
    }
    if ((ipv6 ? s->opt.recverr6 : s->opt.recverr) || (s->remote.port && final))
        s->error = number;
}

void dgram_event(struct estab_posix *p, const struct estab_event *event)
{
    struct sock *s = find(p, event->udp);
    uint32_t what = 0;

    if (!s) {
        if (p->config.event)
            p->config.event(p->config.event_context, event);
        return;
    }
    if (event->bits & ESTAB_EVENT_SOFT_ERROR)
        take_error(p, s);
    if (event->bits & ESTAB_EVENT_READABLE)
        what |= EPOLLIN | EPOLLRDNORM;
    if (event->bits & ESTAB_EVENT_WRITABLE)
        what |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    sock_changed(p, s, event->bits & ESTAB_EVENT_SOFT_ERROR ? 0 : what);
}

/* datagram_poll, udp_poll. */
uint32_t dgram_mask(const struct estab_posix *p, const struct sock *s)
{
    struct estab_udp_status st = {.size = sizeof st};
    uint32_t mask = s->error ? EPOLLERR : 0;

    if (s->shut & SHUT_IN)
        mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (s->shut == SHUT_ALL)
        mask |= EPOLLHUP;
    if (s->live && estab_udp_status(p->stack, s->udp, &st) == ESTAB_OK && st.waiting > 0)
        mask |= EPOLLIN | EPOLLRDNORM;
    if (st.send_queued <= (uint32_t)dgram_sndbuf(p, s) / 2)
        mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return mask;
}

/* SIOCINQ: of the first datagram alone. */
int dgram_control(const struct estab_posix *p, struct sock *s, unsigned long request, int *value)
{
    struct estab_udp_status st = {.size = sizeof st};

    if (s->live)
        (void)!estab_udp_status(p->stack, s->udp, &st);
    switch (request) {
    case FIONREAD:
        *value = (int)st.next_length;
        return 0;
    case TIOCOUTQ:
        *value = (int)st.send_queued;
        return 0;
    case FIONBIO:
        s->nonblock = *value != 0;
        return 0;
    default:
        return -ENOTTY;
    }
}
