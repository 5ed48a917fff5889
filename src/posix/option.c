/* SPDX-License-Identifier: MIT */
/*
 * option.c - getsockopt and setsockopt: a row for each option that is one number.
 *
 * The value is kept in the socket as it was set, and told to the stack where the stack has such an
 * option: at once if there is a connection, else when there is one.  What needs more than a row is in
 * option_tcp.c (TCP's own) and option_blob.c (structs, strings).
 */
#include <string.h>

#include "posix/posix.h"

enum option_kind {
    KIND_SWITCH, /* any number is 0 or 1 */
    KIND_NUMBER, /* inside [least, most], or EINVAL */
};

struct option_row {
    int level, name;
    enum option_kind kind;
    size_t at; /* in struct options */
    int least, most;
};

#define SWITCH(level, name, member) {level, name, KIND_SWITCH, offsetof(struct options, member), 0, 1}
#define NUMBER(level, name, member, least, most)                                                   \
    {level, name, KIND_NUMBER, offsetof(struct options, member), least, most}

static const struct option_row rows[] = {
    SWITCH(SOL_SOCKET, SO_REUSEADDR, reuseaddr),
    SWITCH(SOL_SOCKET, SO_REUSEPORT, reuseport),
    SWITCH(SOL_SOCKET, SO_KEEPALIVE, keepalive),
    SWITCH(SOL_SOCKET, SO_BROADCAST, broadcast),
    SWITCH(SOL_SOCKET, SO_OOBINLINE, oobinline),
    NUMBER(SOL_SOCKET, SO_PRIORITY, priority, 0, 6),
    SWITCH(IPPROTO_TCP, TCP_NODELAY, nodelay),
    SWITCH(IPPROTO_TCP, TCP_CORK, cork),
    NUMBER(IPPROTO_TCP, TCP_KEEPIDLE, keepidle, 1, 32767),
    NUMBER(IPPROTO_TCP, TCP_KEEPINTVL, keepintvl, 1, 32767),
    NUMBER(IPPROTO_TCP, TCP_KEEPCNT, keepcnt, 1, 127),
    NUMBER(IPPROTO_TCP, TCP_SYNCNT, syncnt, 1, 127),
    NUMBER(IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout, 0, INT32_MAX),
    NUMBER(IPPROTO_TCP, ESTAB_TCP_UTO, uto, 0, 32767 * 60),
    NUMBER(IPPROTO_TCP, TCP_NOTSENT_LOWAT, notsent_lowat, INT32_MIN, INT32_MAX),
    NUMBER(IPPROTO_TCP, TCP_INQ, inq, 0, 1),
    NUMBER(IPPROTO_IP, IP_TOS, tos, 0, 255),
    NUMBER(IPPROTO_IP, IP_TTL, ttl, 1, 255),
    NUMBER(IPPROTO_IP, IP_MTU_DISCOVER, mtu_discover, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT),
    SWITCH(IPPROTO_IP, IP_RECVERR, recverr),
    SWITCH(IPPROTO_IPV6, IPV6_V6ONLY, v6only),
    NUMBER(IPPROTO_IPV6, IPV6_TCLASS, tclass, -1, 255),
    NUMBER(IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops, -1, 255),
    NUMBER(IPPROTO_IPV6, IPV6_MTU_DISCOVER, mtu_discover6, IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_OMIT),
    SWITCH(IPPROTO_IPV6, IPV6_RECVERR, recverr6),
};

#define ROWS (sizeof rows / sizeof rows[0])

void options_init(const struct estab_posix *p, struct options *o)
{
    *o = (struct options){
        .sndbuf = (int)(p->config.send_first ? p->config.send_first : p->core.send_reserve),
        .rcvbuf = (int)p->core.receive_reserve,
        .rcvlowat = 1,
        .nodelay = !p->core.nagle,
        .quickack = 1,
        .keepidle = p->core.keepalive_idle_ms ? (int)(p->core.keepalive_idle_ms / 1000) : 7200,
        .keepintvl = (int)(p->core.keepalive_interval_ms / 1000),
        .keepcnt = (int)p->core.keepalive_probes,
        .keepalive = p->core.keepalive_idle_ms > 0,
        .syncnt = 6, /* tcp_syn_retries; the stack has R2 instead until it is set */
        .ttl = p->core.ttl,
        .mtu_discover = IP_PMTUDISC_WANT,
        .hops = -1,
        .mtu_discover6 = IPV6_PMTUDISC_WANT,
        .congestion = p->core.congestion,
        .pacing_rate = UINT64_MAX,
    };
}

static const struct option_row *row_find(const struct sock *s, int level, int name)
{
    if (level == IPPROTO_IPV6 && s->domain != AF_INET6)
        return NULL;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].level == level && rows[i].name == name)
            return &rows[i];
    return NULL;
}

static int *row_value(const struct option_row *r, struct options *o)
{
    return (int *)(void *)((uint8_t *)o + r->at);
}

/* ---- numbers ---------------------------------------------------------------------------------------- */

static int row_set(struct estab_posix *p, struct sock *s, const struct option_row *r, int value)
{
    if (r->kind == KIND_NUMBER && (value < r->least || value > r->most))
        return -EINVAL;
    if (r->level == IPPROTO_IPV6 && r->name == IPV6_V6ONLY && port_held(p, s))
        return -EINVAL;
    if (r->level == IPPROTO_IPV6 && r->name == IPV6_TCLASS && value < 0)
        value = 0; /* -1: as it was at first */
    else if (r->level == IPPROTO_IPV6 && r->name == IPV6_TCLASS && !s->dgram)
        value &= ~3; /* ECN's bits are the connection's own */
    *row_value(r, &s->opt) = r->kind == KIND_SWITCH ? value != 0 : value;
    option_changed(p, s, r->level, r->name);
    return 0;
}

/* What the user has set; else what it has become, once there is a connection. */
int sock_sndbuf(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;

    (void)sock_state(p, s, &st);
    return s->opt.sndbuf_set || p->config.send_first || st.send_buffer == 0 ? s->opt.sndbuf
                                                                             : (int)st.send_buffer;
}

int sock_rcvbuf(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;

    (void)sock_state(p, s, &st);
    return s->opt.rcvbuf_set || st.rcv_wnd_most == 0 ? s->opt.rcvbuf : (int)st.rcv_wnd_most;
}

/* What cannot be set, and what is a number only for who asks. */
static int told_get(const struct estab_posix *p, struct sock *s, int name, int *value)
{
    switch (name) {
    case SO_TYPE:
        *value = s->dgram ? SOCK_DGRAM : SOCK_STREAM;
        return 0;
    case SO_DOMAIN:
        *value = s->domain;
        return 0;
    case SO_PROTOCOL:
        *value = s->dgram ? IPPROTO_UDP : IPPROTO_TCP;
        return 0;
    case SO_ACCEPTCONN:
        *value = s->listening;
        return 0;
    case SO_ERROR:
        *value = -sock_error(s);
        if (*value == 0) {
            *value = s->soft;
            s->soft = 0;
        }
        return 0;
    case SO_SNDLOWAT:
        *value = 1;
        return 0;
    case SO_SNDBUF:
        *value = s->dgram ? dgram_sndbuf(p, s) : sock_sndbuf(p, s);
        return 0;
    case SO_RCVBUF:
        *value = s->dgram ? dgram_rcvbuf(p, s) : sock_rcvbuf(p, s);
        return 0;
    case SO_RCVLOWAT:
        *value = s->opt.rcvlowat;
        return 0;
    default:
        (void)p;
        return -ENOPROTOOPT;
    }
}

#define SNDBUF_LEAST 4608   /* SOCK_MIN_SNDBUF */
#define RCVBUF_LEAST 2304   /* SOCK_MIN_RCVBUF */
#define BUFFER_MOST  212992 /* net.core.wmem_max, rmem_max */

/* sock_setsockopt: cut to the most, doubled for the kernel's own needs, which we do not have.  The
 * stack gets what the caller asked for. */
static int buffer_of(int value, int least)
{
    int doubled = (value < 0 || value > BUFFER_MOST ? BUFFER_MOST : value) * 2;

    return doubled < least ? least : doubled;
}

/* tcp_set_rcvlowat: no more than half of what the buffer can become, or it might never come. */
static int lowat_of(const struct estab_posix *p, const struct sock *s, int value)
{
    int most = s->opt.rcvbuf_set ? s->opt.rcvbuf / 2 : (int)(p->core.receive_buffer / 2);

    if (value == 0)
        return 1;
    return value < 0 || value > most ? most : value;
}

static int socket_set(struct estab_posix *p, struct sock *s, int name, int value)
{
    switch (name) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        s->opt.sndbuf = buffer_of(value, SNDBUF_LEAST);
        s->opt.sndbuf_set = true;
        break;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        s->opt.rcvbuf = buffer_of(value, RCVBUF_LEAST);
        s->opt.rcvbuf_set = true;
        break;
    case SO_RCVLOWAT:
        s->opt.rcvlowat = lowat_of(p, s, value);
        break;
    default:
        return -ENOPROTOOPT;
    }
    option_changed(p, s, SOL_SOCKET, name);
    return 0;
}

static int number_set(struct estab_posix *p, struct sock *s, int level, int name, int value)
{
    const struct option_row *r = row_find(s, level, name);

    if (r)
        return row_set(p, s, r, value);
    if (level == SOL_SOCKET)
        return socket_set(p, s, name, value);
    return level == IPPROTO_TCP ? option_tcp_set(p, s, name, value) : -ENOPROTOOPT;
}

static int number_get(struct estab_posix *p, struct sock *s, int level, int name, int *value)
{
    const struct option_row *r = row_find(s, level, name);

    if (r) {
        *value = *row_value(r, &s->opt);
        if (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS && *value < 0)
            *value = p->core.ttl;
        return 0;
    }
    if (level == SOL_SOCKET)
        return told_get(p, s, name, value);
    if (level == IPPROTO_TCP)
        return option_tcp_get(p, s, name, value);
    return level == IPPROTO_IP || level == IPPROTO_IPV6 || level == IPPROTO_UDP ? -ENOPROTOOPT
                                                                                : -EOPNOTSUPP;
}

/* ---- the calls ----------------------------------------------------------------------------------------- */

int option_out(void *value, socklen_t *length, const void *from, size_t n)
{
    if ((int)*length < 0)
        return -EINVAL;
    if (n > *length)
        n = *length;
    if (n > 0 && !value)
        return -EFAULT;
    if (n > 0)
        memcpy(value, from, n);
    *length = (socklen_t)n;
    return 0;
}

static bool level_known(const struct sock *s, int level)
{
    return level == SOL_SOCKET || level == (s->dgram ? IPPROTO_UDP : IPPROTO_TCP) || level == IPPROTO_IP ||
           (level == IPPROTO_IPV6 && s->domain == AF_INET6);
}

/* An int, of which as much is told as there is room for; of IP's own one byte, if it fits in one. */
static int number_out(int level, void *value, socklen_t *length, int number)
{
    uint8_t byte = (uint8_t)number;

    if (level == IPPROTO_IP && *length > 0 && *length < sizeof number && number == byte)
        return option_out(value, length, &byte, sizeof byte);
    return option_out(value, length, &number, sizeof number);
}

/* The same way in: nothing is 0 for IP. */
static int number_in(int level, const void *value, socklen_t length, int *number)
{
    *number = 0;
    if (length >= sizeof *number)
        memcpy(number, value, sizeof *number);
    else if (level != IPPROTO_IP)
        return -EINVAL;
    else if (length >= 1)
        *number = *(const uint8_t *)value;
    return 0;
}

static int option_get(struct estab_posix *p, struct sock *s, int level, int name, void *value,
                      socklen_t *length)
{
    int number = 0, result;

    if (!level_known(s, level))
        return s->domain == AF_INET6 ? -ENOPROTOOPT : -EOPNOTSUPP;
    if (!length)
        return -EFAULT;
    if ((int)*length < 0)
        return -EINVAL;
    result = option_blob_get(p, s, level, name, value, length);
    if (result != -ENOPROTOOPT)
        return result;
    result = number_get(p, s, level, name, &number);
    return result < 0 ? result : number_out(level, value, length, number);
}

static int option_set(struct estab_posix *p, struct sock *s, int level, int name,
                      const void *value, socklen_t length)
{
    int number, result;

    if ((int)length < 0)
        return -EINVAL;
    if (!level_known(s, level))
        return -ENOPROTOOPT;
    if (!value)
        return -EFAULT;
    result = option_blob_set(p, s, level, name, value, length);
    if (result != -ENOPROTOOPT || (level == IPPROTO_IPV6 && !row_find(s, level, name)))
        return result;
    result = number_in(level, value, length, &number);
    return result < 0 ? result : number_set(p, s, level, name, number);
}

int estab_posix_getsockopt(estab_posix *p, int fd, int level, int option, void *value,
                           socklen_t *length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    return leave(p, result < 0 ? result : option_get(p, s, level, option, value, length));
}

int estab_posix_setsockopt(estab_posix *p, int fd, int level, int option, const void *value,
                           socklen_t length)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    return leave(p, result < 0 ? result : option_set(p, s, level, option, value, length));
}
