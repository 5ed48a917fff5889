/* SPDX-License-Identifier: MIT */
/*
 * cc_hystart.c - to leave slow start before the queue overflows: HyStart as Linux has it, and HyStart++
 * (RFC 9406).  Both look at one round trip at a time, which lasts until what was SND.NXT at its
 * beginning is acknowledged, and both ask whether round trips have become longer:
 *
 *      HyStart     least of the first 8 and more of this round > least ever + eta     done
 *      HyStart++   least of the first 8 and more of this round >= that of the one before + eta
 *                  then five rounds of a quarter of the growth; done, unless they become shorter again
 *
 *      eta = least / 8, between 4 ms and 16 ms
 *
 * HyStart also looks at the train of ACKs that come within 2 ms of each other: once it is half as long
 * as a round trip, the pipe is full.  The whole of it, if segments were paced.
 *
 * Done means ssthresh = cwnd.  It is watched in the first slow start and after a timeout, not after an
 * idle time (RFC 9406 section 4.3 would have the first only; Linux's habit).
 */
#include "tcp/cc.h"

enum {
    SAMPLES = 8,          /* N_RTT_SAMPLE */
    ETA_LEAST_US = 4000,  /* MIN_RTT_THRESH */
    ETA_MOST_US = 16000,  /* MAX_RTT_THRESH */
    ETA_DIVISOR = 8,      /* MIN_RTT_DIVISOR */
    CSS_DIVISOR = 4,      /* CSS_GROWTH_DIVISOR */
    CSS_ROUNDS = 5,
    WINDOW_LEAST = 16,    /* HyStart: segments of cwnd from which on it looks */
    TRAIN_GAP_US = 2000,  /* HyStart: most between two ACKs of a train */
    ACK_DELAY_MOST_US = 1000,
    BURST_BYTES = 4 * 65536, /* HyStart: what may be late as a burst: four super-segments */
};

static uint16_t ticks_of(uint64_t us)
{
    uint64_t n = us / RTT_TICK_US;

    return (uint16_t)(n < 1 ? 1 : n < UINT16_MAX ? n : UINT16_MAX);
}

/* By how much a round trip has to grow. */
static uint32_t eta_ticks(uint32_t least)
{
    uint32_t eta = least / ETA_DIVISOR;

    if (eta < ETA_LEAST_US / RTT_TICK_US)
        return ETA_LEAST_US / RTT_TICK_US;
    return eta < ETA_MOST_US / RTT_TICK_US ? eta : ETA_MOST_US / RTT_TICK_US;
}

void hystart_begin(struct cc_window *w)
{
    w->hystart = (struct cc_hystart){.phase = CUBIC_STARTS};
}

static void round_begin(struct cc_hystart *h, const struct cc_ack *a)
{
    h->phase |= CUBIC_ROUND;
    h->round_end = a->nxt;
    h->least_before = h->least;
    h->least = 0;
    h->samples = 0;
}

/* More than `SAMPLES` of this round are known, this one among them. */
static bool sample_taken(struct cc_hystart *h, const struct cc_ack *a)
{
    uint16_t ticks = ticks_of(a->rtt_us);

    if (h->least == 0 || ticks < h->least)
        h->least = ticks;
    if (h->samples < UINT8_MAX)
        h->samples++;
    return h->samples > SAMPLES;
}

/* ---- Linux's ---------------------------------------------------------------------------------------- */

/* ACKs that follow each other closely span as much time as the segments took on the bottleneck. */
static bool train_is_long(struct cc_hystart *h, const struct cc_window *w, const struct cc_ack *a)
{
    uint32_t since_us = (uint32_t)a->now_us - h->round_us;
    uint64_t late_us = (uint64_t)BURST_BYTES * a->srtt_us / (2 * (uint64_t)w->cwnd);
    uint64_t enough_us = a->least_us + (late_us < ACK_DELAY_MOST_US ? late_us : ACK_DELAY_MOST_US);

    if (since_us > (uint32_t)h->train * RTT_TICK_US + TRAIN_GAP_US)
        return false;
    h->train = (uint16_t)(since_us / RTT_TICK_US < UINT16_MAX ? since_us / RTT_TICK_US : UINT16_MAX);
    return since_us > (a->paced ? enough_us : enough_us / 2);
}

static bool hystart_is_done(struct cc_window *w, const struct cc_ack *a, enum cwnd_rule *rule)
{
    struct cc_hystart *h = &w->hystart;
    uint32_t least_ever = ticks_of(a->least_us);
    bool done = false;

    *rule = RULE_HYSTART_TRAIN;
    if (!(h->phase & CUBIC_ROUND) || snd_lt(h->round_end, a->una)) {
        round_begin(h, a);
        h->round_us = (uint32_t)a->now_us;
        h->train = 0;
    }
    if (w->cwnd < WINDOW_LEAST * a->mss)
        return false;
    if (a->hystart & ESTAB_HYSTART_TRAIN)
        done = train_is_long(h, w, a);
    if ((a->hystart & ESTAB_HYSTART_DELAY) && sample_taken(h, a) && !done) {
        *rule = RULE_HYSTART_DELAY;
        done = h->least > least_ever + eta_ticks(least_ever);
    }
    return done;
}

/* ---- RFC 9406 --------------------------------------------------------------------------------------- */

/* Section 4.2.  True after CSS_ROUNDS rounds of conservative slow start. */
static bool plusplus_is_done(struct cc_window *w, const struct cc_ack *a)
{
    struct cc_hystart *h = &w->hystart;

    if (!(h->phase & CUBIC_ROUND) || snd_leq(h->round_end, a->una)) {
        round_begin(h, a);
        if ((h->phase & CUBIC_CAREFUL) && ++h->round_us >= CSS_ROUNDS)
            return true;
    }
    if (a->rtt_us > 0)
        (void)sample_taken(h, a);
    if (h->samples < SAMPLES)
        return false;
    if (h->phase & CUBIC_CAREFUL) {
        if (h->least < h->baseline) /* it was not the queue: "resume slow start" */
            h->phase &= (uint8_t)~CUBIC_CAREFUL;
    } else if (h->least_before > 0 && h->least >= h->least_before + eta_ticks(h->least_before)) {
        h->phase |= CUBIC_CAREFUL;
        h->baseline = h->least;
        h->round_us = 0;
    }
    return false;
}

/* Not RFC 9406 section 4.2: min(N, L * SMSS) for each ACK, with L = 8 where text is not paced; L has no bound, as in
 * cc_slow_start. */
uint32_t hystart_on_ack(struct cc_window *w, const struct cc_ack *a, enum cwnd_rule *rule)
{
    bool done = false;

    *rule = RULE_HYSTART_PLUSPLUS;
    if (a->hystart == ESTAB_HYSTART_PLUSPLUS)
        done = plusplus_is_done(w, a);
    else if (a->hystart != ESTAB_HYSTART_OFF && a->rtt_us > 0)
        done = hystart_is_done(w, a, rule);
    if (done) {
        w->ssthresh = w->cwnd;
        return a->bytes;
    }
    return w->hystart.phase & CUBIC_CAREFUL ? a->bytes / CSS_DIVISOR : a->bytes;
}
