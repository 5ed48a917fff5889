/* SPDX-License-Identifier: MIT */
/*
 * cc_cubic.c - CUBIC (RFC 9438): after a loss the window finds back to where it was along a cubic
 * curve of the time since, whatever the round trip.
 *
 *      cwnd                                               :       W_cubic(t) = C (t - K)^3 + W_max
 *        ^                                               :
 *        |                                              .'        convex: what lies beyond?
 *  W_max |- - - - - - - - - - - - - - -..:-''''''''-..:'- - -
 *        |                     ..-'''              |
 *        |                 .-'                     |              concave: quickly back, then
 *        |              .'                         |              carefully past the old place
 *        |            .'                           |
 *   0.7  |- - - - - -:                             |
 *  W_max |           |<------------ K ------------>|
 *        +-----------+-----------------------------+-----------------> t
 *                 t_epoch                       plateau
 *
 * C = 0.4 segments a second cubed, beta = 0.7.  The curve depends on t_epoch and K through their sum
 * alone, the time of the plateau: that is what is kept.  Windows are in bytes, times in milliseconds,
 * all integers; the tests hold them against the formulas in floating point.
 *
 * Where Reno's window would be larger (a short round trip, a small window), that one counts: W_est,
 * section 4.3.  Slow start before it is cc_hystart.c's.
 */
#include "tcp/cc.h"

/* Section 4.6: beta_cubic = 7/10. */
static uint32_t beta_of(uint32_t window)
{
    return (uint32_t)((uint64_t)window * 7 / 10);
}

/* ---- the curve -------------------------------------------------------------------------------------- */

/* floor(cbrt(x)), one binary digit after the other; of 21 digits, whose cube still fits. */
static uint32_t cube_root(uint64_t x)
{
    uint64_t root = 0;

    for (uint64_t digit = UINT64_C(1) << 20; digit > 0; digit >>= 1)
        if ((root | digit) * (root | digit) * (root | digit) <= x)
            root |= digit;
    return (uint32_t)root;
}

/*
 * C t^3 in bytes.  With t in ms:  0.4 mss (t / 1000)^3 = mss t^3 / (2.5 * 10^9).
 * Most is 2^18 ms, 262 seconds: that is 7 million segments, and 64 bits still hold the product.
 */
static uint64_t cubic_bytes(uint32_t ms, uint32_t mss)
{
    uint64_t t = ms < 1 << 18 ? ms : 1 << 18;

    return t * t * t / 1000 * mss / 2500000;
}

/* Section 4.2:  K = cbrt((W_max - cwnd_epoch) / C), in ms. */
static uint32_t cubic_k_ms(uint32_t deficit, uint32_t mss)
{
    return cube_root((uint64_t)deficit * 2500000000 / mss);
}

/* Section 4.2:  W_cubic(t) = C (t - K)^3 + W_max, at the time `ms`. */
static uint64_t w_cubic(const struct cc_cubic *c, uint32_t ms, uint32_t mss)
{
    int32_t past = (int32_t)(ms - c->plateau_ms);
    uint64_t distance;

    if (past >= 0)
        return c->w_max + cubic_bytes((uint32_t)past, mss);
    distance = cubic_bytes((uint32_t)-past, mss);
    return c->w_max > distance ? c->w_max - distance : 0;
}

/* ---- epochs ----------------------------------------------------------------------------------------- */

/*
 * Congestion avoidance begins, t = 0.  Section 4.2: W_est = cwnd_epoch.  W_max is unknown after a slow
 * start that no loss has ended, and after a timeout (sections 4.10, 4.8): then, or if the window is
 * there already, K = 0 and W_max = cwnd.
 */
static void epoch_begin(struct cc_window *w, const struct cc_ack *a, uint32_t now_ms)
{
    struct cc_cubic *c = &w->cubic;
    uint32_t w_max = c->phase & (CUBIC_STARTS | CUBIC_UNKNOWN) ? 0 : c->w_max;
    uint8_t phase = CUBIC_EPOCH | (w_max == 0 ? CUBIC_UNKNOWN : 0);

    if (w_max < w->cwnd)
        w_max = w->cwnd;
    *c = (struct cc_cubic){.phase = phase,
                           .w_max = w_max,
                           .w_est = w->cwnd,
                           .plateau_ms = now_ms + cubic_k_ms(w_max - w->cwnd, a->mss)};
}

/* Section 5.8: time in which the window was not in the way is no part of t, so that a sender who had
 * nothing to send does not jump along the curve. */
static void epoch_pause(struct cc_cubic *c, uint32_t now_ms)
{
    if (!(c->phase & CUBIC_EPOCH))
        return;
    c->phase ^= CUBIC_EPOCH | CUBIC_PAUSED;
    c->plateau_ms -= now_ms;
}

static void epoch_resume(struct cc_cubic *c, uint32_t now_ms)
{
    c->phase ^= CUBIC_EPOCH | CUBIC_PAUSED;
    c->plateau_ms += now_ms;
}

/* Slow start after an idle time: what follows it is another epoch. */
static void epoch_end(struct cc_cubic *c)
{
    c->phase &= (uint8_t)~(CUBIC_EPOCH | CUBIC_PAUSED);
}

/* ---- congestion avoidance ----------------------------------------------------------------------------- */

/*
 * Section 4.3:  W_est = W_est + alpha segments_acked / cwnd,  and so in bytes
 * W_est += alpha mss acked / cwnd.  alpha = 3 (1 - beta) / (1 + beta) = 9/17 makes it as fast on average
 * as Reno, which halves its window, up to the window before the loss; from there on it is Reno's 1.
 */
static void reno_grows(struct cc_window *w, const struct cc_ack *a)
{
    struct cc_cubic *c = &w->cubic;
    bool found_back = beta_of(c->w_est) >= w->ssthresh;
    uint64_t units = (uint64_t)a->bytes * a->mss;

    if (!found_back)
        units = units * 9 / 17;
    units = (units << 16) / w->cwnd + c->est_rest;
    c->w_est += (uint32_t)(units >> 16);
    c->est_rest = (uint16_t)units;
}

/*
 * Sections 4.4 and 4.5:  target = W_cubic(t + RTT), between cwnd and 1.5 cwnd, and for each segment that
 * is acknowledged  cwnd = cwnd + (target - cwnd) / cwnd.  In a round trip that is as far as the target.
 *
 * Not RFC 9438: while W_max is unknown, cwnd grows by a twentieth a round trip at least, because the
 * curve is flat where it begins: Linux's habit.
 */
static uint32_t cubic_growth(struct cc_window *w, const struct cc_ack *a, uint32_t now_ms)
{
    struct cc_cubic *c = &w->cubic;
    uint64_t target = w_cubic(c, now_ms + a->srtt_us / 1000, a->mss);
    uint64_t each, units; /* growth for each byte in 2^-32, and of all in 1/256 byte */

    if (target < w->cwnd)
        target = w->cwnd;
    if (target > w->cwnd + w->cwnd / 2)
        target = w->cwnd + w->cwnd / 2;
    each = ((target - w->cwnd) << 32) / w->cwnd;
    if ((c->phase & CUBIC_UNKNOWN) && each < (UINT64_C(1) << 32) / 20)
        each = (UINT64_C(1) << 32) / 20;
    units = (a->bytes * each >> 24) + c->cwnd_rest;
    c->cwnd_rest = (uint8_t)units;
    return (uint32_t)(units >> 8);
}

static void cubic_avoid(struct cc_window *w, const struct cc_ack *a)
{
    uint32_t now_ms = (uint32_t)(a->now_us / 1000);

    if (w->cubic.phase & CUBIC_PAUSED)
        epoch_resume(&w->cubic, now_ms);
    else if (!(w->cubic.phase & CUBIC_EPOCH))
        epoch_begin(w, a, now_ms);
    reno_grows(w, a);
    w->cwnd += cubic_growth(w, a, now_ms);
}

static enum cwnd_rule cubic_on_ack(struct cc_window *w, const struct cc_ack *a)
{
    bool slow = w->cwnd < w->ssthresh;
    enum cwnd_rule over = RULE_SLOW_START;
    uint32_t acked = a->bytes;

    if (slow && (w->cubic.phase & CUBIC_STARTS)) {
        acked = hystart_on_ack(w, a, &over);
        if (w->cwnd >= w->ssthresh)
            return over;
    }
    if (!a->limited) {
        epoch_pause(&w->cubic, (uint32_t)(a->now_us / 1000));
        return RULE_SLOW_START; /* nothing has changed */
    }
    if (slow) {
        epoch_end(&w->cubic);
        return cc_slow_start(w, acked);
    }
    cubic_avoid(w, a);
    if (w->cwnd >= w->cubic.w_est)
        return RULE_CUBIC;
    w->cwnd = w->cubic.w_est;
    return RULE_CUBIC_RENO;
}

/* ---- what ends an epoch ------------------------------------------------------------------------------- */

static void cubic_start(struct cc_window *w, uint32_t initial)
{
    *w = (struct cc_window){.cwnd = initial, .ssthresh = UINT32_MAX};
    hystart_begin(w);
}

/*
 * Section 4.6:  ssthresh = cwnd beta, two segments at least.  Of cwnd and not of what is in flight,
 * which that section allows where cwnd does not grow while it is not used (cc.c), and Linux does.
 *
 * Section 4.7, fast convergence: whoever loses before it has found back to W_max has met a new flow,
 * and makes room for it:  W_max = cwnd (1 + beta) / 2.
 */
static enum cwnd_rule cubic_on_loss(struct cc_window *w, const struct cc_loss *l)
{
    bool known = !(w->cubic.phase & (CUBIC_STARTS | CUBIC_UNKNOWN));
    uint32_t w_max = w->cwnd;

    if (known && w->cwnd < w->cubic.w_max)
        w_max = (uint32_t)((uint64_t)w->cwnd * 17 / 20);
    w->cubic = (struct cc_cubic){.w_max = w_max};
    w->ssthresh = beta_of(w->cwnd) > 2 * l->mss ? beta_of(w->cwnd) : 2 * l->mss;
    return RULE_LOSS_CUBIC;
}

/* Section 4.8: as Reno does, but for ssthresh; W_max is not known any more. */
static void cubic_on_timeout(struct cc_window *w, const struct cc_loss *l, bool again)
{
    if (!again)
        (void)cubic_on_loss(w, l);
    w->cwnd = l->mss;
    hystart_begin(w);
}

/* Section 4.9.1: everything as it was, t_epoch too; a window that has grown since stays. */
static void cubic_undo(struct cc_window *w, const struct cc_window *before)
{
    uint32_t cwnd = w->cwnd;

    *w = *before;
    if (w->cwnd < cwnd)
        w->cwnd = cwnd;
}

static void cubic_on_idle(struct cc_window *w, uint64_t idle_us)
{
    if (w->cubic.phase & CUBIC_EPOCH)
        w->cubic.plateau_ms += (uint32_t)(idle_us / 1000);
}

/* The curve is of segments: in a smaller scale it is the same, and the time of its plateau stays. */
static void cubic_on_mss(struct cc_window *w, uint32_t was, uint32_t mss)
{
    if (w->cubic.phase & CUBIC_STARTS)
        return;
    w->cubic.w_max = cc_fewer(w->cubic.w_max, was, mss);
    w->cubic.w_est = cc_fewer(w->cubic.w_est, was, mss);
}

const struct cc cc_cubic = {
    .name = "cubic",
    .rfc = "RFC 9438, RFC 9406",
    .start = cubic_start,
    .on_ack = cubic_on_ack,
    .on_loss = cubic_on_loss,
    .on_ecn = cubic_on_loss,
    .on_timeout = cubic_on_timeout,
    .undo = cubic_undo,
    .on_idle = cubic_on_idle,
    .on_mss = cubic_on_mss,
};
