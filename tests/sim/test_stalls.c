/* SPDX-License-Identifier: MIT */
/*
 * test_stalls.c - a transfer over a wire that loses and reorders much comes to its end, whatever the seed: no
 * timer that is due for ever, and none that was forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/sim_transfer.h"

enum { BYTES = 300000, SEEDS = 60, STEPS_MOST = 200000 };

static void no_seed_stalls(void **state)
{
    static const char *const links[] = {
        "delay 2ms jitter 1ms loss 5% reorder 5% 3ms",
        "delay 10ms jitter 8ms loss 2%",
        "delay 1ms loss 10% duplicate 5%",
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct transfer t;
            struct sim *sim = transfer_new(&t, seed, BYTES, links[i]);
            unsigned steps = 0;

            assert_non_null(sim);
            transfer_start(sim);
            while (t.received < BYTES && steps++ < STEPS_MOST)
                assert_int_equal(sim_step(sim), SIM_REACHED);
            if (t.received < BYTES || sim_now(sim) > 120 * ESTAB_SECOND)
                fail_msg("%s, seed %u: %u bytes after %u ms", links[i], (unsigned)seed, (unsigned)t.received,
                         (unsigned)(sim_now(sim) / ESTAB_MS));
            assert_int_equal(t.wrong, 0);
            sim_free(sim);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_seed_stalls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
