/* SPDX-License-Identifier: MIT */
/*
 * option_tcp.c - what options do to the stack, and those of TCP that are more than a number in a row.
 */
#include "posix/posix.h"

#define MSS_LEAST          88    /* TCP_MIN_MSS */
#define MSS_MOST           32767 /* MAX_TCP_WINDOW */
#define CLAMP_LEAST        1152  /* SOCK_MIN_RCVBUF / 2 */
#define LINGER2_MOST       120   /* TCP_FIN_TIMEOUT_MAX, seconds */
#define DEFER_RETRIES_MOST 255
#define RTO_FIRST_S        1
#define RTO_MOST_S         120

/* ---- what the stack is told -------------------------------------------------------------------------- */

void option_forward(struct estab_posix *p, struct sock *s, enum estab_option option, uint32_t value)
{
    p->dirty = true;
    if (s->listening)
        (void)!estab_listener_set(p->stack, s->listener, option, value);
    else if (s->live)
        (void)!estab_set(p->stack, s->conn, option, value, time_now(p));
}

static uint32_t keepalive_of(const struct options *o)
{
    return o->keepalive ? (uint32_t)o->keepidle * 1000 : 0;
}

/* tcp_defer_accept: how long so many retransmissions last. */
static int seconds_of(int retries)
{
    int period = 0, timeout = RTO_FIRST_S;

    if (retries > 0)
        period = timeout;
    while (--retries > 0) {
        timeout = timeout * 2 < RTO_MOST_S ? timeout * 2 : RTO_MOST_S;
        period += timeout;
    }
    return period;
}

static int retries_of(int seconds)
{
    int retries = 0, timeout = RTO_FIRST_S, period = RTO_FIRST_S;

    if (seconds <= 0)
        return 0;
    for (retries = 1; seconds > period && retries < DEFER_RETRIES_MOST; retries++) {
        timeout = timeout * 2 < RTO_MOST_S ? timeout * 2 : RTO_MOST_S;
        period += timeout;
    }
    return retries;
}

static void socket_changed(struct estab_posix *p, struct sock *s, int name)
{
    const struct options *o = &s->opt;

    switch (name) {
    case SO_KEEPALIVE:
        option_forward(p, s, ESTAB_OPTION_KEEPALIVE_IDLE_MS, keepalive_of(o));
        return;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        option_forward(p, s, ESTAB_OPTION_SEND_BUFFER, (uint32_t)o->sndbuf / 2);
        return;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        option_forward(p, s, ESTAB_OPTION_RECEIVE_BUFFER, (uint32_t)o->rcvbuf / 2);
        return;
    case SO_RCVLOWAT:
        sock_changed(p, s, 0);
        return;
    default:
        return;
    }
}

static void tcp_changed(struct estab_posix *p, struct sock *s, int name)
{
    const struct options *o = &s->opt;

    switch (name) {
    case TCP_NODELAY:
        option_forward(p, s, ESTAB_OPTION_NAGLE, !o->nodelay);
        return;
    case TCP_CORK:
        option_forward(p, s, ESTAB_OPTION_CORK, o->cork != 0);
        return;
    case TCP_MAXSEG:
        option_forward(p, s, ESTAB_OPTION_MSS_CLAMP, (uint32_t)o->maxseg);
        return;
    case TCP_KEEPIDLE:
        option_forward(p, s, ESTAB_OPTION_KEEPALIVE_IDLE_MS, keepalive_of(o));
        return;
    case TCP_KEEPINTVL:
        option_forward(p, s, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, (uint32_t)o->keepintvl * 1000);
        return;
    case TCP_KEEPCNT:
        option_forward(p, s, ESTAB_OPTION_KEEPALIVE_PROBES, (uint32_t)o->keepcnt);
        return;
    case TCP_USER_TIMEOUT:
        option_forward(p, s, ESTAB_OPTION_USER_TIMEOUT_MS, (uint32_t)o->user_timeout);
        return;
    case TCP_SYNCNT:
        option_forward(p, s, ESTAB_OPTION_SYN_RETRIES, (uint32_t)o->syncnt);
        return;
    case TCP_WINDOW_CLAMP:
        option_forward(p, s, ESTAB_OPTION_WINDOW_CLAMP, (uint32_t)o->window_clamp);
        return;
    case TCP_NOTSENT_LOWAT:
        option_forward(p, s, ESTAB_OPTION_NOT_SENT_LOW, (uint32_t)o->notsent_lowat);
        return;
    case TCP_LINGER2:
        if (o->linger2 > 0)
            option_forward(p, s, ESTAB_OPTION_FIN_WAIT_2_MS, (uint32_t)o->linger2 * 1000);
        return;
    case TCP_DEFER_ACCEPT:
        if (s->listening)
            option_forward(p, s, ESTAB_OPTION_DEFER_ACCEPT_MS,
                           (uint32_t)seconds_of(o->defer_accept) * 1000);
        return;
    case TCP_QUICKACK:
        option_forward(p, s, ESTAB_OPTION_QUICKACK, o->quickack & 1);
        return;
    default:
        return;
    }
}

void option_changed(struct estab_posix *p, struct sock *s, int level, int name)
{
    if (level == SOL_SOCKET)
        socket_changed(p, s, name);
    if (level == IPPROTO_TCP)
        tcp_changed(p, s, name);
    if (level == IPPROTO_IP && name == IP_TOS)
        option_forward(p, s, ESTAB_OPTION_DIFFSERV, (uint32_t)s->opt.tos >> 2);
}

void options_apply(struct estab_posix *p, struct sock *s)
{
    struct options plain;
    const struct options *o = &s->opt;

    options_init(p, &plain);
    if (o->sndbuf_set)
        socket_changed(p, s, SO_SNDBUF);
    if (o->rcvbuf_set)
        socket_changed(p, s, SO_RCVBUF);
    if (o->keepalive != plain.keepalive || o->keepidle != plain.keepidle)
        socket_changed(p, s, SO_KEEPALIVE);
#define APPLY(member, name)                                                                        \
    if (o->member != plain.member)                                                                 \
    tcp_changed(p, s, name)
    APPLY(nodelay, TCP_NODELAY);
    APPLY(cork, TCP_CORK);
    APPLY(maxseg, TCP_MAXSEG);
    APPLY(keepintvl, TCP_KEEPINTVL);
    APPLY(keepcnt, TCP_KEEPCNT);
    APPLY(user_timeout, TCP_USER_TIMEOUT);
    APPLY(syncnt, TCP_SYNCNT);
    APPLY(window_clamp, TCP_WINDOW_CLAMP);
    APPLY(notsent_lowat, TCP_NOTSENT_LOWAT);
    APPLY(linger2, TCP_LINGER2);
    APPLY(defer_accept, TCP_DEFER_ACCEPT);
    APPLY(quickack, TCP_QUICKACK);
#undef APPLY
    if (o->tos != plain.tos)
        option_changed(p, s, IPPROTO_IP, IP_TOS);
}

/* ---- those that are more than a number ------------------------------------------------------------------ */

static int window_clamp_set(struct estab_posix *p, struct sock *s, int value)
{
    struct estab_status st;

    if (value == 0) {
        if (sock_state(p, s, &st) != ESTAB_STATE_CLOSED)
            return -EINVAL;
        s->opt.window_clamp = 0;
        return 0;
    }
    s->opt.window_clamp = value < CLAMP_LEAST ? CLAMP_LEAST : value;
    return 0;
}

static int value_set(struct estab_posix *p, struct sock *s, int name, int value)
{
    switch (name) {
    case TCP_MAXSEG:
        if (value != 0 && (value < MSS_LEAST || value > MSS_MOST))
            return -EINVAL;
        s->opt.maxseg = value;
        return 0;
    case TCP_QUICKACK:
        s->opt.quickack = value;
        return 0;
    case TCP_LINGER2:
        s->opt.linger2 = value < 0 ? -1 : value > LINGER2_MOST ? LINGER2_MOST : value;
        return 0;
    case TCP_DEFER_ACCEPT:
        s->opt.defer_accept = retries_of(value);
        return 0;
    case TCP_WINDOW_CLAMP:
        return window_clamp_set(p, s, value);
    default:
        return -ENOPROTOOPT;
    }
}

int option_tcp_set(struct estab_posix *p, struct sock *s, int name, int value)
{
    int result = value_set(p, s, name, value);

    if (result == 0)
        option_changed(p, s, IPPROTO_TCP, name);
    return result;
}

static int maxseg_get(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);

    if (state_in(state, STATES(CLOSED) | STATES(LISTEN)))
        return s->opt.maxseg ? s->opt.maxseg : 536; /* TCP_MSS_DEFAULT */
    return st.snd_mss;
}

int option_tcp_get(struct estab_posix *p, struct sock *s, int name, int *value)
{
    switch (name) {
    case TCP_MAXSEG:
        *value = maxseg_get(p, s);
        return 0;
    case TCP_QUICKACK:
        *value = s->opt.quickack != 0;
        return 0;
    case TCP_LINGER2:
        *value = s->opt.linger2 ? s->opt.linger2 : (int)(p->core.fin_wait_2_ms / 1000);
        return 0;
    case TCP_DEFER_ACCEPT:
        *value = seconds_of(s->opt.defer_accept);
        return 0;
    case TCP_WINDOW_CLAMP:
        *value = s->opt.window_clamp;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}
