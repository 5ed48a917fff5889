/* SPDX-License-Identifier: MIT */
/*
 * test_sack_goodput.c - what SACK is worth: 2 MB over 10 Mbit/s and 40 ms, with losses of 1 and of 5
 * in a hundred, in virtual time, with SACK and without.  The bounds are loose; the runs are the same
 * each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/sim_transfer.h"

enum { BYTES = 2000000, SEEDS = 5 };

struct outcome {
    uint64_t ms, again;
};

/* All seeds together. */
static struct outcome transfers(const char *link, bool sack)
{
    struct outcome all = {0};

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct estab_counters c = {.size = sizeof c};
        struct transfer t;
        struct sim *sim = transfer_new_with(&t, seed, BYTES, link, sack);

        assert_non_null(sim);
        transfer_start(sim);
        while (!t.end_seen)
            assert_int_equal(sim_step(sim), SIM_REACHED);
        assert_int_equal(t.received, BYTES);
        assert_int_equal(t.wrong, 0);
        estab_counters(sim_stack(sim, TRANSFER_CLIENT), &c);
        all.ms += sim_now(sim) / ESTAB_MS;
        all.again += c.retransmitted;
        sim_free(sim);
    }
    return all;
}

/* With SACK the same is done in at most `percent` of the time, and at most as much goes again. */
static void compare(const char *link, unsigned percent)
{
    struct outcome with = transfers(link, true), without = transfers(link, false);

    print_message("%s: %lu ms with SACK, %lu sent again; %lu ms without, %lu\n", link,
                  (unsigned long)with.ms, (unsigned long)with.again, (unsigned long)without.ms,
                  (unsigned long)without.again);
    assert_true(with.ms * 100 <= without.ms * percent);
    assert_true(with.again <= without.again);
}

static void one_in_a_hundred(void **state)
{
    (void)state;
    compare("delay 20ms rate 10mbit queue 100 loss 1%", 97);
}

static void five_in_a_hundred(void **state)
{
    (void)state;
    compare("delay 20ms rate 10mbit queue 100 loss 5%", 85);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_in_a_hundred),
        cmocka_unit_test(five_in_a_hundred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
