/* SPDX-License-Identifier: MIT */
/*
 * test_cc_cubic.c - CUBIC as a pure function of acknowledgments and time, held against RFC 9438's
 * formulas, which are written down here once more, in segments, seconds and floating point.
 */
#include "tcp/cc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SMSS     1448
#define C        0.4
#define BETA     0.7
#define START_US UINT64_C(4294960000000) /* milliseconds in 32 bits wrap 7 seconds after this */

static const struct cc *const cc = &cc_cubic;

/* A sender that always fills its window, over a path of constant round trip. */
struct flow {
    struct cc_window w;
    uint64_t now_ns, now_us;
    uint32_t rtt_us, mss, sent; /* `sent`: sequence numbers */
};

static void flow_start(struct flow *f, uint32_t cwnd_segments, uint32_t rtt_us, uint32_t mss)
{
    memset(f, 0xa5, sizeof *f);
    *f = (struct flow){.now_ns = START_US * 1000, .now_us = START_US, .rtt_us = rtt_us, .mss = mss, .sent = 0xfffff000};
    cc->start(&f->w, cwnd_segments * mss);
}

static enum cwnd_rule flow_ack(struct flow *f, uint32_t bytes, bool limited)
{
    struct cc_ack a = {.bytes = bytes,
                       .rtt_us = f->rtt_us,
                       .srtt_us = f->rtt_us,
                       .least_us = f->rtt_us,
                       .mss = f->mss,
                       .una = snd_of(f->sent + bytes),
                       .nxt = snd_of(f->sent + bytes + f->w.cwnd),
                       .now_us = f->now_us,
                       .limited = limited};

    f->sent += bytes;
    return cc->on_ack(&f->w, &a);
}

static void flow_wait(struct flow *f, uint64_t ns)
{
    f->now_ns += ns;
    f->now_us = f->now_ns / 1000;
}

/* The next segment is acknowledged, or so many of a large window that it takes a microsecond: the
 * window in a round trip. */
static void flow_step(struct flow *f)
{
    uint32_t many = f->w.cwnd / 500, n = many > f->mss ? many : f->mss;

    flow_wait(f, (uint64_t)f->rtt_us * 1000 * n / f->w.cwnd);
    flow_ack(f, n, true);
}

static void flow_run(struct flow *f, uint64_t us)
{
    uint64_t until = f->now_us + us;

    while (f->now_us < until)
        flow_step(f);
}

static void flow_round(struct flow *f)
{
    flow_run(f, f->rtt_us);
}

static void flow_loses(struct flow *f)
{
    cc->on_loss(&f->w, &(struct cc_loss){.flight = f->w.cwnd, .mss = f->mss, .now_us = f->now_us});
    f->w.cwnd = f->w.ssthresh;
}

/* ---- section 4, in segments and seconds ------------------------------------------------------------- */

/* Section 4.2. */
static double formula_cubic(double t, double cwnd_epoch, double w_max)
{
    double k = cbrt((w_max - cwnd_epoch) / C);

    return C * pow(t - k, 3) + w_max;
}

/* Section 4.3 for a window that W_est itself is acknowledged in: alpha segments a round trip, until
 * cwnd_prior, then one. */
static double formula_est(double t, double rtt, double cwnd_epoch, double cwnd_prior)
{
    double alpha = 3 * (1 - BETA) / (1 + BETA), rounds = t / rtt;
    double until = (cwnd_prior - cwnd_epoch) / alpha;

    return rounds < until ? cwnd_epoch + alpha * rounds : cwnd_prior + (rounds - until);
}

static void near(double got, double expected, double part, const char *what, double t)
{
    if (fabs(got - expected) > expected * part)
        fail_msg("%s at %.3f s: %.2f segments, expected %.2f", what, t, got, expected);
}

/* ---- tests ------------------------------------------------------------------------------------------ */

/* Twice as long as the curve needs back to W_max, where the curve is above W_est all the time: long
 * round trips, large windows. R9438-4, R9438-20. */
static void the_window_follows_the_curve(void **state)
{
    static const struct {
        uint32_t segments, rtt_us;
    } rows[] = {{100, 100000}, {200, 50000}, {400, 100000}, {1000, 40000}, {1000, 200000},
                {3000, 20000}, {20000, 100000}, {100000, 30000}, {300000, 300000}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double w_max = rows[i].segments, k = cbrt(w_max * (1 - BETA) / C), t = 0;
        struct flow f;
        uint64_t from;

        flow_start(&f, rows[i].segments, rows[i].rtt_us, SMSS);
        flow_loses(&f);
        from = f.now_us;
        while (t < 2 * k) {
            double rtt = rows[i].rtt_us / 1e6, cubic, est;

            flow_round(&f);
            t = (double)(f.now_us - from) / 1e6;
            cubic = formula_cubic(t, BETA * w_max, w_max);
            est = formula_est(t, rtt, BETA * w_max, w_max);
            near(f.w.cwnd / (double)SMSS, cubic > est ? cubic : est, 0.02, "cwnd", t);
        }
    }
}

/* Section 4.3: short round trips, small windows. R9438-2, R9438-3. */
static void where_reno_is_faster_the_window_is_renos(void **state)
{
    static const struct {
        uint32_t segments, rtt_us;
    } rows[] = {{20, 5000}, {50, 10000}, {100, 1000}, {10, 20000}, {400, 2000}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double w_max = rows[i].segments, rtt = rows[i].rtt_us / 1e6;
        struct flow f;
        uint64_t from;

        flow_start(&f, rows[i].segments, rows[i].rtt_us, SMSS);
        flow_loses(&f);
        from = f.now_us;
        for (uint32_t round = 1; round <= 2 * rows[i].segments; round++) {
            double t, est;

            flow_round(&f);
            t = (double)(f.now_us - from) / 1e6;
            est = formula_est(t, rtt, BETA * w_max, w_max);
            assert_true(est > formula_cubic(t, BETA * w_max, w_max));
            near(f.w.cwnd / (double)SMSS, est, 0.02, "W_est", t);
        }
    }
}

/* It depends on time and not on the round trip: after as many seconds, as large a window. */
static void the_curve_is_one_of_time(void **state)
{
    static const uint32_t rtt_us[] = {20000, 50000, 100000, 250000};
    double at_4s[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct flow f;

        flow_start(&f, 2000, rtt_us[i], SMSS);
        flow_loses(&f);
        flow_run(&f, 4000000);
        at_4s[i] = f.w.cwnd / (double)SMSS;
        near(at_4s[i], at_4s[0], 0.01, "cwnd of another round trip", 4);
    }
}

/* Section 4.6, two segments at least; of cwnd, as that is what was validated.  RFC 9293 MAY-18. R9438-7. */
static void a_loss_leaves_seven_tenths(void **state)
{
    (void)state;
    struct flow f;

    flow_start(&f, 100, 10000, SMSS);
    cc->on_loss(&f.w, &(struct cc_loss){.flight = 40 * SMSS, .mss = SMSS});
    assert_int_equal(f.w.ssthresh, 70 * SMSS);
    assert_int_equal(f.w.cwnd, 100 * SMSS); /* the caller's, which spreads the way down */
    assert_int_equal(f.w.cubic.w_max, 100 * SMSS);
    flow_start(&f, 2, 10000, SMSS);
    cc->on_ecn(&f.w, &(struct cc_loss){.flight = 2 * SMSS, .mss = SMSS});
    assert_int_equal(f.w.ssthresh, 2 * SMSS);
}

/* Section 4.7: who loses below W_max makes room; who loses beyond it does not. R9438-12. */
static void fast_convergence_makes_room(void **state)
{
    (void)state;
    struct flow f;

    flow_start(&f, 100, 100000, SMSS);
    flow_loses(&f);
    flow_round(&f);
    f.w.cwnd = 80 * SMSS;
    flow_loses(&f);
    assert_int_equal(f.w.cubic.w_max, 80 * SMSS * 17 / 20);
    flow_round(&f);
    f.w.cwnd = 90 * SMSS;
    flow_loses(&f);
    assert_int_equal(f.w.cubic.w_max, 90 * SMSS);
}

/* Section 4.8: K = 0, and W_max is the window with which congestion avoidance begins. R9438-13. */
static void a_timeout_begins_a_new_curve(void **state)
{
    (void)state;
    struct flow f;

    flow_start(&f, 200, 100000, SMSS);
    flow_loses(&f);
    f.w.cwnd = 200 * SMSS;
    cc->on_timeout(&f.w, &(struct cc_loss){.flight = 200 * SMSS, .mss = SMSS}, false);
    assert_int_equal(f.w.cwnd, SMSS);
    assert_int_equal(f.w.ssthresh, 140 * SMSS);
    cc->on_timeout(&f.w, &(struct cc_loss){.flight = SMSS, .mss = SMSS}, true);
    assert_int_equal(f.w.ssthresh, 140 * SMSS);
    while (f.w.cwnd < f.w.ssthresh)
        flow_step(&f);
    flow_step(&f);
    assert_int_equal(f.w.cubic.w_max, 140 * SMSS);
    assert_in_range(f.w.cwnd, 140 * SMSS, 141 * SMSS);
    assert_int_equal(f.w.cubic.plateau_ms, (uint32_t)(f.now_us / 1000));
}

/* RFC 5681 section 3.1: in smaller segments it is the same curve; neither W_max nor Reno's window brings back what
 * there was in bytes. R5681-6. */
static void smaller_segments_make_a_smaller_curve(void **state)
{
    (void)state;
    struct flow small, large;

    flow_start(&large, 100, 50000, 2 * SMSS);
    cc->on_loss(&large.w, &(struct cc_loss){.flight = large.w.cwnd, .mss = large.mss});
    large.w.cwnd = large.w.ssthresh;
    flow_run(&large, 500000);
    small = large;
    small.mss = SMSS;
    small.w.cwnd /= 2;
    small.w.ssthresh /= 2;
    cc->on_mss(&small.w, 2 * SMSS, SMSS);
    flow_run(&large, 3000000);
    flow_run(&small, 3000000);
    assert_in_range(2 * small.w.cwnd, large.w.cwnd - 4 * SMSS, large.w.cwnd + 4 * SMSS);
    assert_int_equal(small.w.cubic.w_max, 100 * SMSS);
}

/* Linux's habit: 5 % a round trip, while the curve from an unknown W_max is flat. R9438-5. */
static void an_unknown_w_max_is_left_by_a_twentieth(void **state)
{
    (void)state;
    struct flow f;

    flow_start(&f, 100, 10000, SMSS);
    f.w.ssthresh = f.w.cwnd;
    flow_round(&f);
    assert_in_range(f.w.cwnd, 104 * SMSS + SMSS / 2, 105 * SMSS + SMSS / 2);
}

/* Sections 4.4 and 4.5: never more than half of what is acknowledged. */
static void the_window_grows_by_half_a_round_trip_at_most(void **state)
{
    (void)state;
    struct flow f;

    flow_start(&f, 10, 2000000, SMSS);
    flow_loses(&f);
    for (int round = 0; round < 30; round++) {
        uint32_t before = f.w.cwnd;

        flow_wait(&f, 2000000000);
        flow_ack(&f, before, true);
        assert_true(f.w.cwnd <= before + before / 2);
        f.w.cwnd = before + 2 * SMSS; /* ever further behind the curve */
    }
}

/* Section 5.8: time in which the window was not in the way does not count, nor idle time. R9438-1. */
static void time_stands_still_while_the_window_is_not_used(void **state)
{
    (void)state;
    struct flow f, g;

    flow_start(&f, 1000, 100000, SMSS);
    flow_loses(&f);
    flow_run(&f, 2000000);
    g = f;
    flow_ack(&g, SMSS, false);
    assert_int_equal(g.w.cwnd, f.w.cwnd);
    for (int i = 0; i < 40; i++) {
        flow_wait(&g, 100000000);
        flow_ack(&g, SMSS, false);
    }
    cc->on_idle(&g.w, 5000000);
    flow_run(&f, 2000000);
    flow_run(&g, 2000000);
    near(g.w.cwnd, f.w.cwnd, 0.001, "cwnd after a pause", 0);
    cc->on_idle(&g.w, 6000000);
    flow_wait(&g, 6000000000);
    flow_round(&f);
    flow_round(&g);
    near(g.w.cwnd, f.w.cwnd, 0.001, "cwnd after an idle time", 0);
}

/* Section 4.9.1. */
static void what_is_undone_goes_on_as_if_nothing_had_been(void **state)
{
    (void)state;
    struct flow f, g;

    flow_start(&f, 500, 50000, SMSS);
    flow_loses(&f);
    flow_run(&f, 1500000);
    g = f;
    cc->on_timeout(&g.w, &(struct cc_loss){.flight = g.w.cwnd, .mss = SMSS}, false);
    flow_ack(&g, SMSS, true);
    cc->undo(&g.w, &f.w);
    assert_memory_equal(&g.w, &f.w, sizeof g.w);
    g.w.cwnd = f.w.cwnd + SMSS;
    cc->undo(&g.w, &f.w);
    assert_int_equal(g.w.cwnd, f.w.cwnd + SMSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_follows_the_curve),
        cmocka_unit_test(where_reno_is_faster_the_window_is_renos),
        cmocka_unit_test(the_curve_is_one_of_time),
        cmocka_unit_test(a_loss_leaves_seven_tenths),
        cmocka_unit_test(fast_convergence_makes_room),
        cmocka_unit_test(a_timeout_begins_a_new_curve),
        cmocka_unit_test(smaller_segments_make_a_smaller_curve),
        cmocka_unit_test(an_unknown_w_max_is_left_by_a_twentieth),
        cmocka_unit_test(the_window_grows_by_half_a_round_trip_at_most),
        cmocka_unit_test(time_stands_still_while_the_window_is_not_used),
        cmocka_unit_test(what_is_undone_goes_on_as_if_nothing_had_been),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
