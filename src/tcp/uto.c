/* SPDX-License-Identifier: MIT */
/*
 * uto.c - the user timeout option (RFC 5482): each side may tell the other how long it waits for an
 * acknowledgment, so that both wait through an outage, or neither keeps what the other has given up.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +---------------+---------------+-+-----------------------------+
 *    |   kind = 28   |  length = 4   |G|         user timeout        |     G: minutes, else seconds
 *    +---------------+---------------+-+-----------------------------+
 *
 * Section 3.1's variables: ENABLED and ADV_UTO are ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 0 being neither; CHANGEABLE
 * is that the user has not set ESTAB_OPTION_USER_TIMEOUT_MS.  Then
 *
 *      USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))
 *
 * The option goes with the SYN, and with the first segment behind it, as a listener that keeps no state of the
 * SYN (our own records and cookies, too) learns of it from there; and again once the user has changed it.
 * Nothing acknowledges it.  Blocks of SACK go first, where both would not fit.
 */
#include "tcp/tcp.h"

enum { MINUTES = 0x8000, OPTION_BYTES = 4 };

static uint16_t value_of(uint32_t seconds)
{
    return (uint16_t)(seconds < MINUTES ? seconds : MINUTES | (seconds + 59) / 60);
}

static uint32_t seconds_of(uint16_t value)
{
    return value & MINUTES ? (value & (MINUTES - 1u)) * 60 : value;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t uto_ms(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_cold *c = tcb_cold(t, b);
    uint32_t least = t->config.advertised_timeout_least_ms, most = t->config.advertised_timeout_most_ms;
    uint32_t wanted = greater(c->uto_s, c->peer_uto_s) * 1000;

    if (c->uto_s == 0)
        return t->config.user_timeout_ms;
    wanted = greater(wanted, least);
    return wanted < most ? wanted : most;
}

uint32_t uto_length(const struct tcp *t, const struct tcb *b)
{
    return tcb_cold(t, b)->uto_owed && sack_length(t, b) == 0 ? OPTION_BYTES : 0;
}

void uto_offer(struct tcp *t, struct tcb *b, struct tcp_header *h)
{
    if (!tcb_cold(t, b)->uto_owed || (h->opt.present & OPT_SACK))
        return;
    h->opt.present |= OPT_USER_TIMEOUT;
    h->opt.user_timeout = value_of(tcb_cold(t, b)->uto_s);
    if (!(h->flags & CTL_SYN))
        cold_need(t, b)->uto_owed = false;
}

void uto_offer_listener(const struct tcp *t, uint16_t listener, struct tcp_header *h)
{
    uint32_t seconds = option_of_listener(t, listener, ESTAB_OPTION_ADVERTISE_TIMEOUT_S, 0);

    if (seconds == 0)
        return;
    h->opt.present |= OPT_USER_TIMEOUT;
    h->opt.user_timeout = value_of(seconds);
}

void uto_arrives(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t seconds = s->opt.present & OPT_USER_TIMEOUT ? seconds_of(s->opt.user_timeout) : 0;

    if (seconds == 0 || tcb_cold(t, b)->uto_s == 0)
        return;
    cold_need(t, b)->peer_uto_s = seconds;
    timer_user(t, b, now);
}

void uto_set(struct tcp *t, struct tcb *b, uint32_t seconds, estab_time now)
{
    struct tcp_cold *c = cold_need(t, b);

    c->uto_s = seconds;
    c->uto_owed = seconds > 0;
    if (seconds == 0)
        c->peer_uto_s = 0;
    cold_trim(t, b);
    timer_user(t, b, now);
}
