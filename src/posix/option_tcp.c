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
#define SEND_AHEAD         65536 /* sendbuf.c lets one buffer more be taken, and is the one to say no */
#define RTO_FIRST_S        1
#define RTO_MOST_S         120

/* ---- what the stack is told -------------------------------------------------------------------------- */

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

/* What the stack is told of an option of the socket's; false: nothing. */
static bool socket_setting(const struct options *o, int name, struct estab_setting *out)
{
    switch (name) {
    case SO_KEEPALIVE:
        *out = (struct estab_setting){ESTAB_OPTION_KEEPALIVE_IDLE_MS, keepalive_of(o)};
        return true;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        *out = (struct estab_setting){ESTAB_OPTION_SEND_BUFFER, (uint32_t)o->sndbuf + SEND_AHEAD};
        return true;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        *out = (struct estab_setting){ESTAB_OPTION_RECEIVE_BUFFER, (uint32_t)o->rcvbuf / 2};
        return true;
    case SO_MAX_PACING_RATE: /* the stack counts in 32 bits: beyond 34 Gbit/s there is no bound */
        *out = (struct estab_setting){ESTAB_OPTION_PACING_RATE,
                                      o->pacing_rate >= UINT32_MAX ? 0 : (uint32_t)o->pacing_rate};
        return true;
    default:
        return false;
    }
}

static bool tcp_setting(const struct options *o, int name, struct estab_setting *out)
{
    static const struct {
        int name;
        enum estab_option option;
        size_t at;
        uint32_t unit;
    } plain[] = {
        {TCP_CORK, ESTAB_OPTION_CORK, offsetof(struct options, cork), 1},
        {TCP_MAXSEG, ESTAB_OPTION_MSS_CLAMP, offsetof(struct options, maxseg), 1},
        {TCP_KEEPINTVL, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, offsetof(struct options, keepintvl),
         1000},
        {TCP_KEEPCNT, ESTAB_OPTION_KEEPALIVE_PROBES, offsetof(struct options, keepcnt), 1},
        {TCP_USER_TIMEOUT, ESTAB_OPTION_USER_TIMEOUT_MS, offsetof(struct options, user_timeout), 1},
        {ESTAB_TCP_UTO, ESTAB_OPTION_ADVERTISE_TIMEOUT_S, offsetof(struct options, uto), 1},
        {TCP_SYNCNT, ESTAB_OPTION_SYN_RETRIES, offsetof(struct options, syncnt), 1},
        {TCP_CONGESTION, ESTAB_OPTION_CONGESTION, offsetof(struct options, congestion), 1},
        {TCP_WINDOW_CLAMP, ESTAB_OPTION_WINDOW_CLAMP, offsetof(struct options, window_clamp), 1},
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (plain[i].name == name) {
            int value = *(const int *)(const void *)((const uint8_t *)o + plain[i].at);

            *out = (struct estab_setting){plain[i].option, (uint32_t)value * plain[i].unit};
            return true;
        }
    return false;
}

/* The same of those whose value the stack has in other words. */
static bool tcp_setting_other(const struct sock *s, int name, struct estab_setting *out)
{
    const struct options *o = &s->opt;

    switch (name) {
    case TCP_NODELAY:
        *out = (struct estab_setting){ESTAB_OPTION_NAGLE, !o->nodelay};
        return true;
    case TCP_KEEPIDLE:
        *out = (struct estab_setting){ESTAB_OPTION_KEEPALIVE_IDLE_MS, keepalive_of(o)};
        return true;
    case TCP_QUICKACK:
        *out = (struct estab_setting){ESTAB_OPTION_QUICKACK, o->quickack & 1};
        return true;
    case TCP_LINGER2: /* -1: no FIN-WAIT-2 at all, which is the shortest */
        *out = (struct estab_setting){ESTAB_OPTION_FIN_WAIT_2_MS,
                                      o->linger2 < 0 ? 1 : (uint32_t)o->linger2 * 1000};
        return true;
    case TCP_DEFER_ACCEPT:
        *out = (struct estab_setting){ESTAB_OPTION_DEFER_ACCEPT_MS,
                                      (uint32_t)seconds_of(o->defer_accept) * 1000};
        return s->listening;
    default:
        return false;
    }
}

uint32_t traffic_of(const struct sock *s, const struct estab_addr *remote)
{
    bool ipv6 = s->domain == AF_INET6 && !address_is_ipv4(remote) && !s->bound_ipv4;

    return (uint32_t)(ipv6 ? s->opt.tclass : s->opt.tos);
}

static bool setting_of(const struct sock *s, int level, int name, struct estab_setting *out)
{
    if (level == SOL_SOCKET)
        return socket_setting(&s->opt, name, out);
    if (level == IPPROTO_TCP)
        return tcp_setting(&s->opt, name, out) || tcp_setting_other(s, name, out);
    if ((level != IPPROTO_IP || name != IP_TOS) && (level != IPPROTO_IPV6 || name != IPV6_TCLASS))
        return false;
    *out = (struct estab_setting){ESTAB_OPTION_DIFFSERV, traffic_of(s, &s->remote.addr) >> 2};
    return true;
}

static void forward(struct estab_posix *p, struct sock *s, const struct estab_setting *setting)
{
    enum estab_option option = (enum estab_option)setting->option;

    p->dirty = true;
    if (s->listening)
        (void)!estab_listener_set(p->stack, s->listener, option, setting->value);
    else if (s->live)
        (void)!estab_set(p->stack, s->conn, option, setting->value, time_now(p));
}

void option_changed(struct estab_posix *p, struct sock *s, int level, int name)
{
    struct estab_setting setting;

    if (s->dgram) {
        dgram_option_changed(p, s);
        return;
    }
    if (setting_of(s, level, name, &setting))
        forward(p, s, &setting);
    if (level == SOL_SOCKET && name == SO_RCVLOWAT)
        sock_changed(p, s, 0);
}

unsigned options_list(const struct estab_posix *p, const struct sock *s,
                      struct estab_setting out[SETTINGS_MAX])
{
    const struct options *o = &s->opt;
    struct options plain;
    unsigned n = 0;

    options_init(p, &plain);
#define LIST(differs, level, name)                                                                 \
    if ((differs) && setting_of(s, level, name, &out[n]))                                          \
    n++
    out[n++] = (struct estab_setting){ESTAB_OPTION_KEEP_TEXT, 1};
    LIST(o->sndbuf_set, SOL_SOCKET, SO_SNDBUF);
    LIST(o->rcvbuf_set, SOL_SOCKET, SO_RCVBUF);
    LIST(o->keepalive != plain.keepalive || o->keepidle != plain.keepidle, SOL_SOCKET,
         SO_KEEPALIVE);
    LIST(o->nodelay != plain.nodelay, IPPROTO_TCP, TCP_NODELAY);
    LIST(o->cork, IPPROTO_TCP, TCP_CORK);
    LIST(o->maxseg, IPPROTO_TCP, TCP_MAXSEG);
    LIST(o->keepintvl != plain.keepintvl, IPPROTO_TCP, TCP_KEEPINTVL);
    LIST(o->keepcnt != plain.keepcnt, IPPROTO_TCP, TCP_KEEPCNT);
    LIST(o->user_timeout, IPPROTO_TCP, TCP_USER_TIMEOUT);
    LIST(o->uto, IPPROTO_TCP, ESTAB_TCP_UTO);
    LIST(o->syncnt != plain.syncnt, IPPROTO_TCP, TCP_SYNCNT);
    LIST(o->window_clamp, IPPROTO_TCP, TCP_WINDOW_CLAMP);
    LIST(o->linger2, IPPROTO_TCP, TCP_LINGER2);
    LIST(o->defer_accept, IPPROTO_TCP, TCP_DEFER_ACCEPT);
    LIST(o->quickack != plain.quickack, IPPROTO_TCP, TCP_QUICKACK);
    LIST(o->congestion != plain.congestion, IPPROTO_TCP, TCP_CONGESTION);
    LIST(o->tos || o->tclass, IPPROTO_IP, IP_TOS);
    LIST(o->pacing_rate != UINT64_MAX, SOL_SOCKET, SO_MAX_PACING_RATE);
#undef LIST
    return n;
}

void options_apply(struct estab_posix *p, struct sock *s)
{
    struct estab_setting list[SETTINGS_MAX];
    unsigned n = options_list(p, s, list);

    for (unsigned i = 0; i < n; i++)
        forward(p, s, &list[i]);
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
