/* SPDX-License-Identifier: MIT */
/*
 * cc_newreno.c - the windows of RFC 5681: slow start, congestion avoidance, half on a loss.
 *
 *      cwnd <  ssthresh   slow start           cwnd += acked
 *      cwnd >= ssthresh   congestion avoidance cwnd += SMSS                  per window acknowledged
 *      a loss             ssthresh = max(flight / 2, 2 SMSS)
 *
 * Acknowledged bytes are counted (RFC 3465), so that ACK division gains nothing; private[0] holds
 * those not yet turned into window.
 */
#include "tcp/cc.h"

enum { COUNTED };

static void newreno_start(struct cc_window *w, uint32_t initial)
{
    *w = (struct cc_window){.cwnd = initial, .ssthresh = UINT32_MAX};
}

static enum cwnd_rule newreno_acked(struct cc_window *w, uint32_t bytes, uint32_t mss)
{
    if (w->cwnd < w->ssthresh) {
        /*
         * Not RFC 5681: a growth of SMSS at most for each acknowledgment, because receivers of
         * super-segments acknowledge forty segments at once.  Linux counts bytes too.
         */
        uint32_t room = w->ssthresh - w->cwnd;

        w->cwnd += bytes < room ? bytes : room;
        return RULE_SLOW_START;
    }
    w->private[COUNTED] += bytes;
    if (w->private[COUNTED] >= w->cwnd) {
        w->private[COUNTED] -= w->cwnd;
        w->cwnd += mss;
    }
    return RULE_AVOIDANCE;
}

static uint32_t half(uint32_t flight, uint32_t mss)
{
    return flight / 2 > 2 * mss ? flight / 2 : 2 * mss;
}

static void newreno_congested(struct cc_window *w, uint32_t flight, uint32_t mss)
{
    w->ssthresh = half(flight, mss);
    w->private[COUNTED] = 0;
}

static void newreno_timed_out(struct cc_window *w, uint32_t flight, uint32_t mss, bool again)
{
    /* RFC 5681 section 3.1: ssthresh is held while the same segment times out again. */
    if (!again)
        w->ssthresh = half(flight, mss);
    w->cwnd = mss;
    w->private[COUNTED] = 0;
}

const struct cc cc_newreno = {
    .name = "newreno",
    .rfc = "RFC 5681, RFC 6582",
    .start = newreno_start,
    .acked = newreno_acked,
    .congested = newreno_congested,
    .timed_out = newreno_timed_out,
};
