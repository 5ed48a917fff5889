/* SPDX-License-Identifier: MIT */
/*
 * test_crowd.c - a thousand connections opened and closed in a row, and five hundred at once: every
 * byte is right, every end is heard of once, and the pools are as they were.
 */
#include "support/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct crowd c;

static void run(unsigned wanted, unsigned at_once, estab_time hold, uint64_t seed, const char *link)
{
    memset(&c, 0, sizeof c);
    c.wanted = wanted;
    c.at_once = at_once;
    c.hold = hold;
    struct sim *sim = crowd_new(&c, seed, link);
    assert_non_null(sim);
    crowd_start(sim);
    enum sim_result result = sim_run(sim, 3600 * ESTAB_SECOND);
    if (result != SIM_IDLE || c.failed != ESTAB_OK || c.wrong > 0 || c.client_closed != wanted ||
        c.server_closed != wanted || c.accepted != wanted)
        fail_msg("seed %u, link %s: result %d %s, %s, %u wrong, %u of %u opened, %u accepted, "
                 "%u and %u closed",
                 (unsigned)seed, link, result, sim_error(sim), estab_error_text(c.failed), c.wrong,
                 c.opened, wanted, c.accepted, c.client_closed, c.server_closed);
    for (int i = 0; i < 2; i++) {
        struct estab_counters counters = {.size = sizeof counters};
        estab_counters(sim_stack(sim, i), &counters);
        assert_int_equal(counters.connections, 0);
        assert_int_equal(counters.records, 0);
        assert_int_equal(counters.chunks_used, 0);
        assert_int_equal(counters.chunks_promised, 0);
        assert_int_equal(counters.chunks_lent, 0);
    }
    sim_free(sim);
}

static void a_thousand_in_a_row(void **state)
{
    (void)state;
    run(1000, 1, 0, 1, "none");
    assert_int_equal(c.peak, 1);
}

static void a_thousand_in_a_row_on_a_bad_link(void **state)
{
    (void)state;
    run(1000, 10, 0, 2, "delay 5ms jitter 2ms loss 2% duplicate 1% reorder 2% 5ms");
}

static void five_hundred_at_once(void **state)
{
    (void)state;
    run(500, 500, 10 * ESTAB_SECOND, 3, "delay 10ms");
    assert_int_equal(c.peak, 500);
}

static void five_hundred_at_once_on_a_bad_link(void **state)
{
    (void)state;
    run(500, 500, 100 * ESTAB_SECOND, 4, "delay 10ms rate 100mbit queue 1000 loss 2% corrupt 1%");
    assert_int_equal(c.peak, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_in_a_row),
        cmocka_unit_test(a_thousand_in_a_row_on_a_bad_link),
        cmocka_unit_test(five_hundred_at_once),
        cmocka_unit_test(five_hundred_at_once_on_a_bad_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
