/* SPDX-License-Identifier: MIT */
/* test_keys.c - new secrets at both ends in the middle of a transfer, again and again: not a byte is lost by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/sim_transfer.h"

enum { CHANGES = 4, EVERY_S = 130, BYTES = 4000000 };

static unsigned changed;

static void change(struct sim *sim, void *arg)
{
    uint8_t keys[2][16];

    (void)arg;
    for (int stack = TRANSFER_CLIENT; stack <= TRANSFER_SERVER; stack++) {
        memset(keys, (int)(2 * changed) + stack, sizeof keys);
        assert_int_equal(estab_keys_change(sim_stack(sim, stack), keys[0], keys[1], sim_now(sim)), ESTAB_OK);
    }
    changed++;
}

/* 4 MB at 64 kbit/s are 500 seconds; segments are lost, duplicated, reordered on the way. */
static void a_transfer_goes_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct transfer t;
        struct sim *sim = transfer_new_over(&t, seed, BYTES,
                                            "delay 30ms rate 64kbit queue 30 loss 1% duplicate 1% reorder 2% 40ms",
                                            seed % 2 ? TRANSFER_IPV4 : TRANSFER_IPV6);

        assert_non_null(sim);
        changed = 0;
        for (unsigned i = 0; i < CHANGES; i++)
            sim_at(sim, (5 + i * EVERY_S) * ESTAB_SECOND + 17 * ESTAB_MS, change, NULL);
        transfer_start(sim);
        assert_int_equal(sim_run(sim, ESTAB_NEVER), SIM_IDLE);
        assert_int_equal(changed, CHANGES);
        transfer_assert_done(sim, &t);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
