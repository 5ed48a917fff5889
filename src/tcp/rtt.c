/* SPDX-License-Identifier: MIT */
/*
 * rtt.c - round-trip times and the retransmission timeout (RFC 6298), timestamps (RFC 7323).
 *
 *      first sample R:   SRTT = R                          RTTVAR = R / 2
 *      each after it:    RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|
 *                        SRTT   = 7/8 SRTT   + 1/8 R
 *      RTO = SRTT + max(G, 4 RTTVAR), between rto_min and rto_max
 *
 * SRTT is kept times 8 and RTTVAR times 4, in microseconds, so that shifts lose nothing.  Not RFC
 * 6298 2.4: rto_min bounds 4 RTTVAR and not the sum, because that is Linux's habit, and it keeps a
 * path of 300 ms from timing out at 301; with estab_config_rfc both readings give at least 1 s.
 *
 * One segment at a time is timed, to the microsecond; by Karn's rule never one that was sent again.
 * When that rule leaves nothing to time, the echoed timestamp still tells, to the millisecond.
 */
#include "tcp/loss.h"

uint32_t ts_now(const struct tcb *b, estab_time now)
{
    return ms_of(now) + b->ts.offset;
}

void rtt_start(struct tcp *t, struct tcb *b, snd_seq seq, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);

    if (b->flags & TCB_TIMED)
        return;
    b->flags |= TCB_TIMED;
    if (!k) /* a SYN, which is sent at since_us */
        return;
    k->timed = seq;
    k->timed_at_us = (uint32_t)us_of(now);
}

enum { LEAST_UNIT_S = 64, LEAST_UNITS = 5 }; /* RFC 8985 section 6.1: a filter of five minutes */

void rtt_least(struct tcb *b, uint32_t sample_us, estab_time now)
{
    uint8_t age = (uint8_t)(s_of(now) / LEAST_UNIT_S);

    if (b->rtt.least_us > 0 && sample_us > b->rtt.least_us && (uint8_t)(age - b->rtt.least_age) < LEAST_UNITS)
        return;
    b->rtt.least_us = sample_us > 0 ? sample_us : 1;
    b->rtt.least_age = age;
}

/* Whether `ack` ends the measurement; since when it ran. */
static bool timed_since(const struct tcp *t, const struct tcb *b, snd_seq ack, uint32_t *since_us)
{
    const struct tcp_scoreboard *k = board_of(t, b);

    *since_us = k ? k->timed_at_us : (uint32_t)b->since_us;
    return (b->flags & TCB_TIMED) && (!k || snd_lt(k->timed, ack));
}

static uint32_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
    return (uint32_t)(v < least ? least : v > most ? most : v);
}

static void rto_update(const struct tcp *t, struct tcb *b)
{
    uint64_t least = (uint64_t)t->config.rto_min_ms * 1000;
    uint64_t most = (uint64_t)t->config.rto_max_ms * 1000;
    uint64_t variance = b->rtt.rttvar_us4; /* 4 RTTVAR */

    if (variance < least)
        variance = least;
    b->rtt.rto_us = clamp(b->rtt.srtt_us8 / 8 + variance, least, most);
}

void rtt_sample(struct tcp *t, struct tcb *b, uint32_t sample_us, estab_time now)
{
    /* A minute and more says nothing of the path, and would overflow the scaled sums. */
    uint32_t r = sample_us > 120000000 ? 120000000 : sample_us;
    uint32_t ticks = clamp(r / RTT_TICK_US, 1, UINT16_MAX);
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (b->rtt_least == 0 || ticks < b->rtt_least)
        b->rtt_least = (uint16_t)ticks;
    if (!(b->flags & TCB_RTT_VALID)) {
        b->flags |= TCB_RTT_VALID;
        b->rtt.srtt_us8 = r * 8;
        b->rtt.rttvar_us4 = r * 2;
    } else {
        uint32_t srtt = b->rtt.srtt_us8 / 8;
        uint32_t off = srtt > r ? srtt - r : r - srtt;

        b->rtt.rttvar_us4 += off - b->rtt.rttvar_us4 / 4;
        b->rtt.srtt_us8 += r - srtt;
    }
    rto_update(t, b);
    if (m && (m->min_rtt_us == 0 || r < m->min_rtt_us))
        m->min_rtt_us = r > 0 ? r : 1;
    b->rtt.backoff = 0; /* only now: RFC 6298 section 5, Karn's other half */
    NOTE(t, RTT, b->head.handle, now, r, b->rtt.srtt_us8 / 8, b->rtt.rttvar_us4 / 4, b->rtt.rto_us);
}

/*
 * What was outstanding at the last loss is being sent again, and so not timed.  Each of its ACKs is
 * asked for a sample, not only the one that ends the backing off: where an ACK was lost, that one
 * tells of the wait for the timeout, and without the others each such wait would make the next RTO
 * longer.
 */
static bool sent_again(const struct tcb *b)
{
    return b->rtt.backoff > 0 || (b->flags & (TCB_RECOVERY | TCB_RECOVER));
}

/* What the echoed timestamp says of the round trip, in ms; UINT32_MAX if nothing. */
static uint32_t echo_ms(const struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t ms = ts_now(b, now) - s->opt.tsecr;

    if (!(b->head.tag & TAG_TIMESTAMPS) || !(s->opt.present & OPT_TIMESTAMPS) || s->opt.tsecr == 0)
        return UINT32_MAX;
    return ms < 120000 ? ms : UINT32_MAX;
}

/* An acknowledgment that moved SND.UNA; the round trip that it tells of, 0 if none.  Of what is not
 * timed that is the timestamps' millisecond, for congestion control only. */
uint32_t rtt_acked(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t since_us, ms;

    if (timed_since(t, b, s->ack, &since_us)) {
        uint32_t us = (uint32_t)us_of(now) - since_us;

        b->flags &= ~(uint32_t)TCB_TIMED;
        rtt_sample(t, b, us, now);
        rtt_least(b, us, now);
        return us > 0 ? us : 1;
    }
    ms = echo_ms(b, s, now);
    if (ms == UINT32_MAX)
        return 0;
    if (sent_again(b)) /* RFC 7323 section 4.3: the echo tells which transmission was acknowledged */
        rtt_sample(t, b, ms * 1000, now);
    return ms * 1000;
}

uint64_t rtt_timeout_us(const struct tcp *t, const struct tcb *b)
{
    uint64_t most = (uint64_t)t->config.rto_max_ms * 1000;
    unsigned shift = b->rtt.backoff < 20 ? b->rtt.backoff : 20;
    uint64_t rto = (uint64_t)b->rtt.rto_us << shift;

    return rto < most ? rto : most;
}
