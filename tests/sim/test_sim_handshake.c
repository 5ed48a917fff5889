/* SPDX-License-Identifier: MIT */
/*
 * test_sim_handshake.c - two stacks open a connection, pass 100 KB through a bad link, and close:
 * the text is whole, both ends learn of the end once, and nothing is left in any pool.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/sim_transfer.h"

#define BYTES 100000

static uint64_t transfer(uint64_t seed, const char *link)
{
    struct transfer t;
    struct sim *sim = transfer_new(&t, seed, BYTES, link);
    assert_non_null(sim);
    transfer_start(sim);
    enum sim_result result = sim_run(sim, 3600 * ESTAB_SECOND);
    if (result != SIM_IDLE)
        fail_msg("seed %u, %s: %s", (unsigned)seed, link,
                 result == SIM_FAILED ? sim_error(sim) : "still busy after an hour");
    transfer_assert_done(sim, &t);
    uint64_t digest = sim_digest(sim);
    sim_free(sim);
    return digest;
}

static void a_perfect_link_carries_all(void **state)
{
    (void)state;
    (void)transfer(1, "none");
    (void)transfer(1, "delay 20ms");
    (void)transfer(1, "delay 20ms rate 10mbit queue 20");
}

/* One in a hundred frames of some 140 a run: now and then a SYN or a FIN is among them. */
static void loss_is_mended(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        (void)transfer(seed, "delay 20ms loss 1%");
}

static void a_bad_link_is_survived(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        (void)transfer(seed, "delay 20ms jitter 5ms rate 10mbit queue 50 loss 5% duplicate 2% "
                             "reorder 5% 10ms corrupt 2%");
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    uint64_t digest = transfer(7, "delay 20ms loss 1%");
    assert_true(digest == transfer(7, "delay 20ms loss 1%"));
    assert_true(digest != transfer(8, "delay 20ms loss 1%"));
}

/* Forked every 50 ms of the first two seconds: the copy ends like its original. */
static void a_fork_ends_like_its_original(void **state)
{
    (void)state;
    for (estab_time at = 0; at < 2 * ESTAB_SECOND; at += 50 * ESTAB_MS) {
        struct transfer t, copied;
        struct sim *sim = transfer_new(&t, 7, BYTES, "delay 20ms loss 3%");
        assert_non_null(sim);
        transfer_start(sim);
        assert_true(sim_run(sim, at) != SIM_FAILED);
        struct sim *copy = sim_fork(sim);
        assert_non_null(copy);
        copied = t;
        sim_set_user(copy, &copied);
        assert_int_equal(sim_run(copy, ESTAB_NEVER), SIM_IDLE);
        assert_int_equal(sim_run(sim, ESTAB_NEVER), SIM_IDLE);
        transfer_assert_done(sim, &t);
        transfer_assert_done(copy, &copied);
        assert_true(sim_digest(sim) == sim_digest(copy));
        sim_free(sim);
        sim_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_link_carries_all),
        cmocka_unit_test(loss_is_mended),
        cmocka_unit_test(a_bad_link_is_survived),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(a_fork_ends_like_its_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
