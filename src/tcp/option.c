/* SPDX-License-Identifier: MIT */
/*
 * option.c - what a user can set of a connection, or of a listener for its connections.
 *
 * The common options are members of the TCB.  The others are in its cold block, which is there only
 * while one of them differs from its default, or sack.c needs it.
 */
#include "tcp/cc.h"
#include "tcp/tcp.h"

/* Linux's bounds: its TCP_MIN_MSS, and what TCP_MAXSEG and TCP_SYNCNT take. */
enum { MSS_CLAMP_LEAST = 88, MSS_CLAMP_MOST = 32767, SYN_RETRIES_MOST = 127 };

#define BUFFER_MOST UINT32_C(0x20000000)

bool option_holds(enum estab_option option, uint32_t value)
{
    switch (option) {
    case ESTAB_OPTION_NAGLE:
    case ESTAB_OPTION_CORK:
    case ESTAB_OPTION_QUICKACK:
    case ESTAB_OPTION_KEEP_TEXT:
    case ESTAB_OPTION_PACING:
        return value <= 1;
    case ESTAB_OPTION_PACING_RATE:
        return true;
    case ESTAB_OPTION_ECN:
        return value <= 2;
    case ESTAB_OPTION_KEEPALIVE_IDLE_MS:
    case ESTAB_OPTION_USER_TIMEOUT_MS:
    case ESTAB_OPTION_FIN_WAIT_2_MS:
    case ESTAB_OPTION_DEFER_ACCEPT_MS:
        return value <= INT32_MAX;
    case ESTAB_OPTION_KEEPALIVE_INTERVAL_MS:
        return value >= 1 && value <= INT32_MAX;
    case ESTAB_OPTION_KEEPALIVE_PROBES:
        return value >= 1 && value <= 255;
    case ESTAB_OPTION_RECEIVE_BUFFER:
    case ESTAB_OPTION_SEND_BUFFER:
        return value >= 512 && value <= BUFFER_MOST;
    case ESTAB_OPTION_ADVERTISE_TIMEOUT_S:
        return value <= 32767 * 60;
    case ESTAB_OPTION_DIFFSERV:
        return value <= 63;
    case ESTAB_OPTION_MSS_CLAMP:
        return value == 0 || (value >= MSS_CLAMP_LEAST && value <= MSS_CLAMP_MOST);
    case ESTAB_OPTION_SYN_RETRIES:
        return value <= SYN_RETRIES_MOST;
    case ESTAB_OPTION_BACKLOG:
        return value >= 1;
    case ESTAB_OPTION_WINDOW_CLAMP:
    case ESTAB_OPTION_NOT_SENT_LOW:
    case ESTAB_OPTION_RECEIVE_LOW:
        return value <= BUFFER_MOST;
    case ESTAB_OPTION_CONGESTION:
        return value < CC_ROWS;
    case ESTAB_OPTION_HYSTART:
        return value <= ESTAB_HYSTART_PLUSPLUS;
    }
    return false;
}

/* ---- cold blocks ---------------------------------------------------------------------------------- */

/* There is one for each TCB, so there is always one. */
struct tcp_cold *cold_need(struct tcp *t, struct tcb *b)
{
    uint32_t i = t->cold_free;

    if (b->cold)
        return tcp_cold(t, b->cold - 1);
    if (i != TCB_NONE)
        t->cold_free = tcp_cold(t, i)->next;
    else
        i = t->cold_fresh++;
    ASSERT(i < t->config.connections);
    *tcp_cold(t, i) = (struct tcp_cold){0};
    b->cold = i + 1;
    t->cold_used++;
    return tcp_cold(t, i);
}

static bool cold_empty(const struct tcp_cold *c)
{
    return !c->window_clamp && !c->not_sent_low && !c->receive_low && !c->fin_wait_2_ms &&
           !c->user_timeout_and_1_ms && !c->keepalive_interval_ms && !c->keepalive_probes &&
           !c->pace_most && !c->pace_ns && !c->mss_clamp && !c->syn_retries && !c->sacks &&
           c->dsack.left == c->dsack.right && !c->mtu.most && !c->uto_s;
}

void cold_trim(struct tcp *t, struct tcb *b)
{
    uint32_t i = b->cold - 1;

    if (!b->cold || (b->ecn & ECN_CWR) || !cold_empty(tcp_cold(t, i)))
        return;
    *tcp_cold(t, i) = (struct tcp_cold){.next = t->cold_free};
    t->cold_free = i;
    t->cold_used--;
    b->cold = 0;
}

static void cold_set(struct tcp *t, struct tcb *b, enum estab_option option, uint32_t value)
{
    struct tcp_cold *c = cold_need(t, b);

    switch (option) {
    case ESTAB_OPTION_KEEPALIVE_INTERVAL_MS:
        c->keepalive_interval_ms = value == t->config.keepalive_interval_ms ? 0 : value;
        break;
    case ESTAB_OPTION_KEEPALIVE_PROBES:
        c->keepalive_probes = (uint8_t)(value == t->config.keepalive_probes ? 0 : value);
        break;
    case ESTAB_OPTION_USER_TIMEOUT_MS:
        /* Even the stack's own: RFC 5482 section 3.1's CHANGEABLE becomes false. */
        c->user_timeout_and_1_ms = value == t->config.user_timeout_ms && !c->uto_s ? 0 : value + 1;
        break;
    case ESTAB_OPTION_MSS_CLAMP:
        c->mss_clamp = (uint16_t)value;
        break;
    case ESTAB_OPTION_SYN_RETRIES:
        c->syn_retries = (uint8_t)value;
        break;
    case ESTAB_OPTION_WINDOW_CLAMP:
        c->window_clamp = value;
        break;
    case ESTAB_OPTION_FIN_WAIT_2_MS:
        c->fin_wait_2_ms = value;
        break;
    case ESTAB_OPTION_NOT_SENT_LOW:
        c->not_sent_low = value;
        break;
    case ESTAB_OPTION_RECEIVE_LOW:
        c->receive_low = value;
        break;
    case ESTAB_OPTION_PACING_RATE:
        c->pace_most = value;
        break;
    default:
        UNREACHABLE();
    }
    cold_trim(t, b);
}

/* ---- setting ----------------------------------------------------------------------------------------- */

static void flag_set(struct tcp *t, struct tcb *b, uint32_t flag, bool on)
{
    b->flags = on ? b->flags | flag : b->flags & ~flag;
    if (tcb_is(b, F_SYNC))
        conn_ready(t, b);
}

static void buffer_set(struct tcb *b, bool send, uint32_t bytes)
{
    *(send ? &b->snd.buffer : &b->rcv.buffer) = bytes;
    b->tune |= send ? TUNE_SEND_SET : TUNE_RECEIVE_SET;
}

void option_set(struct tcp *t, struct tcb *b, enum estab_option option, uint32_t value,
                estab_time now)
{
    switch (option) {
    case ESTAB_OPTION_NAGLE:
        if (!value) /* also what a cork, or MORE, has held back so far: Linux's habit */
            emit_push(t, b);
        flag_set(t, b, TCB_NAGLE, value);
        return;
    case ESTAB_OPTION_CORK:
        flag_set(t, b, TCB_CORK, value);
        return;
    case ESTAB_OPTION_QUICKACK:
        delack_set(t, b, value);
        return;
    case ESTAB_OPTION_KEEPALIVE_IDLE_MS:
        b->keepalive_idle_ms = value;
        if (tcb_is(b, F_SYNC) && b->head.state != TCP_TIME_WAIT)
            timer_keepalive(t, b, now);
        return;
    case ESTAB_OPTION_USER_TIMEOUT_MS:
        cold_set(t, b, option, value);
        timer_user(t, b, now);
        return;
    case ESTAB_OPTION_ADVERTISE_TIMEOUT_S:
        uto_set(t, b, value, now);
        return;
    case ESTAB_OPTION_RECEIVE_BUFFER:
    case ESTAB_OPTION_SEND_BUFFER:
        buffer_set(b, option == ESTAB_OPTION_SEND_BUFFER, value);
        return;
    case ESTAB_OPTION_DIFFSERV:
        b->diffserv = (uint8_t)value;
        return;
    case ESTAB_OPTION_KEEP_TEXT:
        b->head.tag = (uint8_t)(value ? b->head.tag | TAG_KEEP_TEXT : b->head.tag & ~TAG_KEEP_TEXT);
        return;
    case ESTAB_OPTION_ECN:
        ecn_set(b, value);
        return;
    case ESTAB_OPTION_CONGESTION:
        cc_choose(t, b, value);
        return;
    case ESTAB_OPTION_HYSTART:
        b->hystart = value & 15u;
        return;
    case ESTAB_OPTION_PACING:
        pace_set(t, b, value);
        return;
    case ESTAB_OPTION_PACING_RATE:
        cold_set(t, b, option, value);
        if (value > 0)
            pace_set(t, b, true);
        return;
    case ESTAB_OPTION_DEFER_ACCEPT_MS: /* the listener's own */
    case ESTAB_OPTION_BACKLOG:
        return;
    case ESTAB_OPTION_KEEPALIVE_INTERVAL_MS:
    case ESTAB_OPTION_KEEPALIVE_PROBES:
    case ESTAB_OPTION_MSS_CLAMP:
    case ESTAB_OPTION_SYN_RETRIES:
    case ESTAB_OPTION_WINDOW_CLAMP:
    case ESTAB_OPTION_FIN_WAIT_2_MS:
    case ESTAB_OPTION_NOT_SENT_LOW:
    case ESTAB_OPTION_RECEIVE_LOW:
        cold_set(t, b, option, value);
        return;
    }
}

/* ---- what the user has set, or else the stack's ------------------------------------------------------- */

uint32_t option_user_timeout_ms(const struct tcp *t, const struct tcb *b)
{
    uint32_t set = tcb_cold(t, b)->user_timeout_and_1_ms;

    return set > 0 ? set - 1 : uto_ms(t, b);
}

uint32_t option_keepalive_interval_ms(const struct tcp *t, const struct tcb *b)
{
    uint32_t set = tcb_cold(t, b)->keepalive_interval_ms;

    return set > 0 ? set : t->config.keepalive_interval_ms;
}

uint32_t option_keepalive_probes(const struct tcp *t, const struct tcb *b)
{
    uint32_t set = tcb_cold(t, b)->keepalive_probes;

    return set > 0 ? set : t->config.keepalive_probes;
}

/* ---- of a listener -------------------------------------------------------------------------------------- */

uint32_t option_of_listener(const struct tcp *t, uint16_t listener, enum estab_option option,
                            uint32_t otherwise)
{
    const struct tcp_listener *l = listener == LISTENER_NONE ? NULL : tcp_listener(t, listener);

    return l && (l->options >> option & 1) ? l->option[option] : otherwise;
}

void option_inherit(struct tcp *t, struct tcb *b, uint16_t listener, estab_time now)
{
    const struct tcp_listener *l = tcp_listener(t, listener);

    for (unsigned o = 0; o < OPTIONS; o++)
        if (l->options >> o & 1)
            option_set(t, b, (enum estab_option)o, l->option[o], now);
}
