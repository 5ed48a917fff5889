/* SPDX-License-Identifier: MIT */
/*
 * pace.c - text leaves in bursts, at the rate that the window and the round-trip time make.
 *
 *      rate    200 % of cwnd a round trip while cwnd < ssthresh / 2, else 120 %; pace_most at most
 *      burst   what goes out in a 1024th of a second, config.burst_segments at least, 64 KB at most
 *
 *       burst        burst        burst
 *      |||||        |||||        |||||
 *      |------------|------------|------->      pace_ns: when the next may begin
 *          burst / rate
 *
 * Those are Linux's figures (tcp_pacing_ss_ratio, tcp_pacing_ca_ratio, TSO autosizing), and like there
 * the first ten segments of a connection go at once.  Who is late, for a clock or a scheduler was, may
 * make up for half a burst, so that the rate is kept.
 *
 * What is sent again after duplicates goes at once, and is charged; nothing else that has no text is held.
 *
 * pace_ns and what is left of the burst are in the cold block, which is needed only while text is
 * outstanding.  The deadline is the fifth of the timers, beside the slots of the TCB (timeout.c).
 */
#include "tcp/tcp.h"

enum {
    RATIO_SLOW_START = 200,
    RATIO_OTHERWISE = 120,
    FIRST_SEGMENTS = 10,
    BURST_SHIFT = 10, /* of the rate: 1 / 1024 s */
    BURST_MOST = 65536,
};

uint64_t pace_rate(const struct tcp *t, const struct tcb *b)
{
    uint32_t most = tcb_cold(t, b)->pace_most, window = b->cc.cwnd;
    uint64_t percent = b->cc.cwnd < b->cc.ssthresh / 2 ? RATIO_SLOW_START : RATIO_OTHERWISE, rate;

    if (tcb_outstanding(b) > window)
        window = tcb_outstanding(b);
    if (!(b->flags & TCB_RTT_VALID) || b->rtt.srtt_us8 == 0)
        return most > 0 ? most : UINT64_MAX;
    rate = window * percent * (8 * UINT64_C(1000000) / 100) / b->rtt.srtt_us8;
    if (rate == 0)
        rate = 1;
    return most > 0 && rate > most ? most : rate;
}

static uint32_t burst_of(const struct tcp *t, const struct tcb *b, uint64_t rate)
{
    uint64_t n = rate >> BURST_SHIFT, mss = b->snd.mss, least = t->config.burst_segments * mss;

    if (n > BURST_MOST)
        n = BURST_MOST;
    return (uint32_t)(n > least ? n - n % mss : least);
}

static uint64_t ns_of(uint64_t bytes, uint64_t rate)
{
    return bytes * ESTAB_SECOND / rate;
}

/* Whether the rate holds anything back: not a connection's first segments. */
static bool heeded(const struct tcb *b, uint64_t rate)
{
    return rate != UINT64_MAX && tcb_since_iss(b, b->snd.cur) > FIRST_SEGMENTS * (uint32_t)b->snd.mss;
}

static void wait(struct tcp *t, struct tcb *b)
{
    b->pace |= PACE_WAITS;
    timer_wake(t, b, pace_deadline_us(t, b));
}

uint32_t pace_allows(struct tcp *t, struct tcb *b, uint32_t n, uint32_t mss, estab_time now)
{
    const struct tcp_cold *c = tcb_cold(t, b);
    uint64_t rate;
    uint32_t left;

    if (n == 0 || !(b->pace & PACE_ON))
        return n;
    rate = pace_rate(t, b);
    if (!heeded(b, rate))
        return n;
    left = c->pace_ns > now ? c->pace_left : burst_of(t, b, rate);
    if (left == 0) {
        wait(t, b);
        return 0;
    }
    left = left > mss ? left - left % mss : mss; /* whole segments */
    return n < left ? n : left;
}

void pace_sent(struct tcp *t, struct tcb *b, uint32_t n, estab_time now)
{
    struct tcp_cold *c;
    uint64_t rate, time;
    uint32_t of_burst;

    if (n == 0 || !(b->pace & PACE_ON))
        return;
    rate = pace_rate(t, b);
    if (!heeded(b, rate))
        return;
    c = cold_need(t, b);
    if (c->pace_ns <= now) { /* a new burst begins, which has its whole time */
        c->pace_left = burst_of(t, b, rate);
        time = ns_of(c->pace_left, rate);
        c->pace_ns = (c->pace_ns + time / 2 < now ? now - time / 2 : c->pace_ns) + time;
    }
    of_burst = n < c->pace_left ? n : c->pace_left;
    c->pace_left -= of_burst;
    c->pace_ns += ns_of(n - of_burst, rate); /* what went unasked */
}

/* ---- the timer -------------------------------------------------------------------------------------- */

uint64_t pace_deadline_us(const struct tcp *t, const struct tcb *b)
{
    if (!(b->pace & PACE_WAITS))
        return WHEEL_NEVER;
    return (tcb_cold(t, b)->pace_ns + ESTAB_US - 1) / ESTAB_US; /* never early */
}

/* Nothing is left to be held back: the block goes, once the last burst has had its time. */
void pace_rest(struct tcp *t, struct tcb *b, estab_time now)
{
    if (tcb_cold(t, b)->pace_ns == 0 || tcb_outstanding(b) > 0 || b->snd.text.bytes > 0)
        return;
    if (tcb_cold(t, b)->pace_ns > now)
        wait(t, b);
    else
        pace_stop(t, b);
}

void pace_fired(struct tcp *t, struct tcb *b, estab_time now)
{
    NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_PACING, 0);
    b->pace &= (uint8_t)~PACE_WAITS;
    pace_rest(t, b, now);
    conn_ready(t, b);
}

void pace_stop(struct tcp *t, struct tcb *b)
{
    b->pace &= (uint8_t)~PACE_WAITS;
    if (!b->cold)
        return;
    cold_need(t, b)->pace_ns = 0;
    cold_need(t, b)->pace_left = 0;
    cold_trim(t, b);
}

void pace_set(struct tcp *t, struct tcb *b, bool on)
{
    pace_stop(t, b);
    b->pace = (b->pace & PACE_FAR) | (on ? PACE_ON : 0);
    if (tcb_is(b, F_SYNC))
        conn_ready(t, b);
}
