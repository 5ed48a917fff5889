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
 * Each acknowledgment of something new is a sample, to the microsecond, as the flight's ranges tell when
 * they were sent; by Karn's rule never of what was sent again.  When that rule leaves nothing, the echoed
 * timestamp still tells, to the millisecond.  The SYN is timed by itself.
 *
 * Many samples a round trip would make RTTVAR forget within one what the one before was like (RFC 7323
 * section 4.2).  Not that section's gains, but Linux's habit: the RTO has the greatest RTTVAR of a round
 * trip, which raises it at once, and lowers it by a quarter of the difference once the round is over.
 */
#include "tcp/loss.h"

uint32_t ts_now(const struct tcb *b, estab_time now)
{
    return ms_of(now) + b->ts.offset;
}

void rtt_start(struct tcb *b)
{
    b->flags |= TCB_TIMED;
}

enum { LEAST_UNIT_S = 64, LEAST_UNITS = 5 }; /* RFC 8985 section 6.1: a filter of five minutes */

static uint32_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
    return (uint32_t)(v < least ? least : v > most ? most : v);
}

/* The least of the whole connection, for congestion control and the telemetry. */
static void least_ever(struct tcp *t, struct tcb *b, uint32_t sample_us)
{
    uint32_t ticks = clamp(sample_us / RTT_TICK_US, 1, UINT16_MAX);
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (b->rtt_least == 0 || ticks < b->rtt_least)
        b->rtt_least = (uint16_t)ticks;
    if (m && (m->min_rtt_us == 0 || sample_us < m->min_rtt_us))
        m->min_rtt_us = sample_us > 0 ? sample_us : 1;
}

void rtt_least(struct tcp *t, struct tcb *b, uint32_t sample_us, estab_time now)
{
    uint8_t age = (uint8_t)(s_of(now) / LEAST_UNIT_S);

    least_ever(t, b, sample_us);
    if (b->rtt.least_us > 0 && sample_us > b->rtt.least_us && (uint8_t)(age - b->rtt.least_age) < LEAST_UNITS)
        return;
    b->rtt.least_us = sample_us > 0 ? sample_us : 1;
    b->rtt.least_age = age;
}

/* 4 RTTVAR of the RTO: what it has beyond SRTT. */
static uint32_t variance_of(const struct tcb *b)
{
    uint32_t srtt = b->rtt.srtt_us8 / 8;

    return b->rtt.rto_us > srtt ? b->rtt.rto_us - srtt : 0;
}

void rtt_round_begin(const struct tcb *b, struct tcp_scoreboard *k)
{
    k->rtt.round = b->snd.una;
    /* The first text: the SYN's sample is a round of its own, of which nothing is forgotten yet. */
    k->rtt.most_us4 = snd_eq(b->snd.una, snd_add(b->snd.iss, 1)) ? variance_of(b) : 0;
}

/* 4 RTTVAR of the RTO from now on; it was `before`. */
static uint32_t variance_now(const struct tcp *t, const struct tcb *b, uint32_t before)
{
    uint32_t least = t->config.rto_min_ms * 1000, most = b->rtt.rttvar_us4;
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t variance = before > most ? before : most;

    if (!k)
        return variance > least ? variance : least;
    if (k->rtt.most_us4 < most)
        k->rtt.most_us4 = most;
    if (snd_lt(k->rtt.round, b->snd.una)) {
        most = k->rtt.most_us4 > least ? k->rtt.most_us4 : least;
        if (most < variance)
            variance -= (variance - most + 3) / 4;
        k->rtt.round = b->snd.nxt;
        k->rtt.most_us4 = 0;
    }
    return variance > least ? variance : least;
}

static void rto_update(const struct tcp *t, struct tcb *b, uint32_t variance)
{
    uint64_t least = (uint64_t)t->config.rto_min_ms * 1000;
    uint64_t most = (uint64_t)t->config.rto_max_ms * 1000;

    b->rtt.rto_us = clamp((uint64_t)(b->rtt.srtt_us8 / 8) + variance, least, most);
}

void rtt_sample(struct tcp *t, struct tcb *b, uint32_t sample_us, estab_time now)
{
    /* A minute and more says nothing of the path, and would overflow the scaled sums. */
    uint32_t r = sample_us > 120000000 ? 120000000 : sample_us, before = 0;

    if (!(b->flags & TCB_RTT_VALID)) {
        b->flags |= TCB_RTT_VALID;
        b->rtt.srtt_us8 = r * 8;
        b->rtt.rttvar_us4 = r * 2;
        least_ever(t, b, r);
    } else {
        uint32_t srtt = b->rtt.srtt_us8 / 8;
        uint32_t off = srtt > r ? srtt - r : r - srtt;

        before = variance_of(b);
        b->rtt.rttvar_us4 += off - b->rtt.rttvar_us4 / 4;
        b->rtt.srtt_us8 += r - srtt;
    }
    rto_update(t, b, variance_now(t, b, before));
    b->rtt.probed = false;
    b->rtt.backoff = 0; /* only now: RFC 6298 section 5, Karn's other half */
    NOTE(t, RTT, b->head.handle, now, r, b->rtt.srtt_us8 / 8, b->rtt.rttvar_us4 / 4, b->rtt.rto_us);
}

/* What the echoed timestamp says of the round trip, in ms; UINT32_MAX if nothing. */
static uint32_t echo_ms(const struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t ms = ts_now(b, now) - s->opt.tsecr;

    if (!(b->head.tag & TAG_TIMESTAMPS) || !(s->opt.present & OPT_TIMESTAMPS) || s->opt.tsecr == 0)
        return UINT32_MAX;
    return ms < 120000 ? (ms > 0 ? ms : 1) : UINT32_MAX;
}

void rtt_syn_acked(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t us = (uint32_t)(us_of(now) - b->since_us);

    if (!(b->flags & TCB_TIMED))
        return;
    b->flags &= ~(uint32_t)TCB_TIMED;
    rtt_sample(t, b, us, now);
    rtt_least(t, b, us, now);
}

/*
 * As Linux: what was sent first of that which is acknowledged is the sample, so that it has the delay of
 * the acknowledgment in it, on which the RTO has to wait; congestion control gets what was sent last, for
 * it looks for the queue.  If nothing is acknowledged, or some of it was sent again, what is SACKed tells.
 */
uint32_t rtt_acked(struct tcp *t, struct tcb *b, const struct ack_news *news, estab_time now)
{
    const struct ack_times *acked = &news->times_acked, *sacked = &news->times_sacked;
    const struct ack_times *sample = acked->any && !news->repeated ? acked : sacked;
    uint32_t ms, now_us = (uint32_t)us_of(now);

    if (sample->any) {
        uint32_t us = now_us - (sacked->any ? sacked : sample)->last_us;

        rtt_sample(t, b, now_us - sample->first_us, now);
        return us > 0 ? us : 1;
    }
    ms = news->acked > 0 ? echo_ms(b, news->segment, now) : UINT32_MAX;
    if (ms == UINT32_MAX)
        return 0;
    /* RFC 7323 section 4.3: the echo tells which transmission was acknowledged */
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
