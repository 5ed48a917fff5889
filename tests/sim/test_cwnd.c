/* SPDX-License-Identifier: MIT */
/*
 * test_cwnd.c - CUBIC on a path in virtual time: its window follows RFC 9438's formulas from loss to
 * loss, and two flows are fair to each other.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/bulk.h"

static struct estab_config config_of(unsigned congestion)
{
    struct estab_config c;

    estab_config_init(&c);
    c.chunks = 8192;
    c.congestion = (uint8_t)congestion;
    return c;
}

/* ---- the curve ---------------------------------------------------------------------------------------- */

#define C       0.4 /* segments a second cubed */
#define BETA    0.7
#define ALPHA   (3 * (1 - BETA) / (1 + BETA))
#define STEP    (10 * ESTAB_MS)
#define STEP_S  0.01
#define SECONDS 60
#define SAMPLES (SECONDS * 100)

/* In segments and seconds, 10 ms apart. */
struct sample {
    double cwnd, ssthresh, rtt;
};

static void observe(const char *link, struct sample *s)
{
    struct estab_config c = config_of(ESTAB_CONGESTION_CUBIC);
    struct bulk b;
    struct sim *sim = bulk_new(&b, 1, &c, link);

    assert_non_null(sim);
    bulk_open(sim);
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct estab_status st;

        sim_run(sim, (i + 1) * STEP);
        st = bulk_status(sim, 0);
        s[i] = (struct sample){st.cwnd / 1448.0, st.ssthresh / 1448.0, st.srtt_us / 1e6};
    }
    assert_false(b.failed);
    sim_free(sim);
}

/* Where the epoch ends that begins at `first`: the window shrinks, or ssthresh changes. */
static unsigned epoch_end(const struct sample *s, unsigned first)
{
    unsigned i = first + 1;

    while (i < SAMPLES && s[i].cwnd >= s[i - 1].cwnd && s[i].ssthresh == s[first].ssthresh)
        i++;
    return i;
}

/* Sections 4.2 and 4.3 in small steps: max(W_cubic(t), W_est(t)). */
static void epoch_check(const struct sample *s, unsigned first, unsigned end, double w_max,
                        double cwnd_prior, double part)
{
    double k = cbrt((w_max - s[first].cwnd) / C), est = s[first].cwnd;

    for (unsigned i = first; i < end; i++) {
        double t = (i - first) * STEP_S, cubic = C * pow(t - k, 3) + w_max;
        double expected = cubic > est ? cubic : est;

        if (fabs(s[i].cwnd - expected) > part * expected)
            fail_msg("%.2f s, %.2f s after the loss: %.1f segments, expected %.1f (W_max %.1f)",
                     (i + 1) * STEP_S, t, s[i].cwnd, expected, w_max);
        est += (est < cwnd_prior ? ALPHA : 1) * STEP_S / s[i].rtt;
    }
}

/* Sections 4.6 and 4.7: ssthresh tells the window in which a loss was found.  Where it is the window
 * itself HyStart was it, and after that W_max is not known. */
static double w_max_after(double w_max, double peak, double cwnd)
{
    if (peak * BETA > cwnd * 0.9)
        return 0;
    return peak < w_max ? peak * (1 + BETA) / 2 : peak;
}

/* How many epochs of two seconds or more were found right. */
static unsigned epochs_check(const struct sample *s, double part)
{
    double w_max = 0, peak = 0;
    unsigned changes = 0, checked = 0;

    for (unsigned i = 1, end; i < SAMPLES; i = end) {
        end = epoch_end(s, i);
        if (s[i].ssthresh != s[i - 1].ssthresh) {
            peak = s[i].ssthresh / BETA;
            w_max = w_max_after(w_max, peak, s[i - 1].cwnd);
            changes++;
        }
        if (changes < 2 || end - i < 200 || s[i].cwnd < s[i].ssthresh - 1)
            continue;
        while (s[i + 1].cwnd == s[i].cwnd) /* t begins with the first acknowledgment */
            i++;
        epoch_check(s, i, end, w_max, peak, part);
        checked++;
    }
    return checked;
}

/* R9438-4. R9438-6. */
static void the_window_follows_the_curve_from_loss_to_loss(void **state)
{
    static const struct {
        const char *link;
        double part;
    } rows[] = {
        {"delay 50ms rate 1gbit loss 0.01%", 0.02}, /* losses that are no queue's */
        {"delay 20ms rate 1gbit loss 0.02%", 0.02},
        {"delay 10ms rate 1gbit loss 0.01%", 0.02},
        {"delay 25ms rate 20mbit queue 83", 0.02}, /* a full queue doubles the round trip */
        {"delay 50ms rate 10mbit queue 40", 0.02},
    };
    static struct sample samples[SAMPLES];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        observe(rows[i].link, samples);
        assert_true(epochs_check(samples, rows[i].part) >= 3);
    }
}

/* ---- fairness ------------------------------------------------------------------------------------------ */

/* Raj Jain's index of two: 1 if both have the same, a half if one has all. */
static double jain(double a, double b)
{
    return (a + b) * (a + b) / (2 * (a * a + b * b));
}

/* The second flow begins when the first has had the path to itself for some seconds.  What counts is
 * the minute that begins ten seconds later. */
static void fair_share(const char *link, estab_time apart)
{
    struct estab_config c = config_of(ESTAB_CONGESTION_CUBIC);
    struct bulk b;
    struct sim *sim;
    double first, second;
    uint64_t before[2];

    sim = bulk_new(&b, 1, &c, link);
    assert_non_null(sim);
    bulk_open(sim);
    sim_run(sim, apart);
    bulk_open(sim);
    sim_run(sim, apart + 10 * ESTAB_SECOND);
    before[0] = b.received[0];
    before[1] = b.received[1];
    assert_int_equal(sim_run(sim, apart + 70 * ESTAB_SECOND), SIM_REACHED);
    assert_false(b.failed);
    first = (double)(b.received[0] - before[0]);
    second = (double)(b.received[1] - before[1]);
    if (jain(first, second) < 0.9)
        fail_msg("%s, %u ms apart: %.0f and %.0f bytes, an index of %.3f", link,
                 (unsigned)(apart / ESTAB_MS), first, second, jain(first, second));
    sim_free(sim);
}

static void two_flows_of_cubic_are_fair(void **state)
{
    static const char *const links[] = {
        "delay 10ms rate 10mbit queue 20",  /* one bandwidth-delay product, 17 segments */
        "delay 25ms rate 20mbit queue 100", /* the same: 86 */
        "delay 50ms rate 10mbit queue 40",  /* less than a half of it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        for (unsigned n = 0; n < 3; n++)
            fair_share(links[i], 4 * ESTAB_SECOND + n * 617 * ESTAB_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_follows_the_curve_from_loss_to_loss),
        cmocka_unit_test(two_flows_of_cubic_are_fair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
