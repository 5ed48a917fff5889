/* SPDX-License-Identifier: MIT */
/*
 * cc_newreno.c - the windows of RFC 5681: slow start, congestion avoidance, half on a loss.
 *
 *      cwnd <  ssthresh   slow start           cwnd += acked
 *      cwnd >= ssthresh   congestion avoidance cwnd += SMSS                  per window acknowledged
 *      a loss             ssthresh = max(flight / 2, 2 SMSS), in whole segments
 *
 * Acknowledged bytes are counted (RFC 3465: section 2.2 in slow start, cc.c; section 2.1 in congestion avoidance),
 * so that ACK division gains nothing; `counted` is its bytes_acked, those not yet turned into window.  The initial
 * window is RFC 6928's (tcb_initial_window); a window that is not used does not grow (RFC 7661, validate.c).
 */
#include "tcp/cc.h"

static void newreno_start(struct cc_window *w, uint32_t initial)
{
    *w = (struct cc_window){.cwnd = initial, .ssthresh = UINT32_MAX};
}

static enum cwnd_rule newreno_on_ack(struct cc_window *w, const struct cc_ack *a)
{
    if (!a->limited)
        return RULE_AVOIDANCE; /* nothing has changed */
    if (w->cwnd < w->ssthresh)
        return cc_slow_start(w, a->bytes);
    w->counted += a->bytes;
    if (w->counted >= w->cwnd) {
        w->counted -= w->cwnd;
        w->cwnd += a->mss;
    }
    return RULE_AVOIDANCE;
}

/*
 * RFC 5681 section 3.1, equation 4, in whole segments, for none is sent in parts; what that takes away is
 * counted towards the next segment.  With seven and a half a window of seven grows after half a round
 * trip, and not, as a window of seven and a half of which seven can be used, after more than a whole one.
 * A mark of ECN is answered as a loss is (RFC 3168 section 6.1.2).
 */
static enum cwnd_rule newreno_on_loss(struct cc_window *w, const struct cc_loss *l)
{
    uint32_t half = l->flight / 2, part = half % l->mss;

    if (half < 2 * l->mss) {
        w->ssthresh = 2 * l->mss;
        w->counted = 0;
    } else {
        w->ssthresh = half - part;
        w->counted = (uint32_t)((uint64_t)w->ssthresh * part / l->mss);
    }
    return RULE_LOSS_RENO;
}

/* RFC 5681 section 3.1: ssthresh is held while the same segment times out again. */
static void newreno_on_timeout(struct cc_window *w, const struct cc_loss *l, bool again)
{
    if (!again)
        (void)newreno_on_loss(w, l);
    w->cwnd = l->mss;
    w->counted = 0;
}

/* What was acknowledged since has opened the window too: the greater of both, as in Linux. */
static void newreno_undo(struct cc_window *w, const struct cc_window *before)
{
    if (w->cwnd < before->cwnd)
        w->cwnd = before->cwnd;
    if (w->ssthresh < before->ssthresh)
        w->ssthresh = before->ssthresh;
}

static void newreno_on_idle(struct cc_window *w, uint64_t idle_us)
{
    (void)w;
    (void)idle_us;
}

static void newreno_on_mss(struct cc_window *w, uint32_t was, uint32_t mss)
{
    w->counted = cc_fewer(w->counted, was, mss);
}

const struct cc cc_newreno = {
    .name = "newreno",
    .rfc = "RFC 5681, RFC 6582",
    .start = newreno_start,
    .on_ack = newreno_on_ack,
    .on_loss = newreno_on_loss,
    .on_ecn = newreno_on_loss,
    .on_timeout = newreno_on_timeout,
    .undo = newreno_undo,
    .on_idle = newreno_on_idle,
    .on_mss = newreno_on_mss,
};
