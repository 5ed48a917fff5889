/* SPDX-License-Identifier: MIT */
/*
 * test_cwnd.c - congestion controls on a path in virtual time: two flows of CUBIC are fair to each
 * other.
 */
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
        cmocka_unit_test(two_flows_of_cubic_are_fair),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
