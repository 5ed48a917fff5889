/* SPDX-License-Identifier: MIT */
/*
 * test_sim_ipv6.c - two stacks that speak IPv6: 100 KB go through a bad link whole, both ends learn of
 * the end once, nothing is left in any pool, and equal seeds are equal runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/sim_transfer.h"

#define BYTES 100000

static uint64_t transfer(uint64_t seed, const char *link, enum transfer_over over)
{
    struct transfer t;
    struct sim *sim = transfer_new_over(&t, seed, BYTES, link, over);
    enum sim_result result;
    uint64_t digest;

    assert_non_null(sim);
    transfer_start(sim);
    do /* neighbours are watched for ever, so that there is always something to come */
        result = sim_run(sim, sim_now(sim) + 60 * ESTAB_SECOND);
    while (result == SIM_REACHED && !(t.client_closed && t.server_closed) &&
           sim_now(sim) < 3600 * ESTAB_SECOND);
    if (result == SIM_FAILED)
        fail_msg("seed %u, %s: %s", (unsigned)seed, link, sim_error(sim));
    (void)sim_run(sim, sim_now(sim) + 120 * ESTAB_SECOND); /* TIME-WAIT */
    transfer_assert_done(sim, &t);
    digest = sim_digest(sim);
    sim_free(sim);
    return digest;
}

static void bare_packets_carry_all(void **state)
{
    (void)state;
    (void)transfer(1, "none", TRANSFER_IPV6_BARE);
    (void)transfer(1, "delay 20ms rate 10mbit queue 20", TRANSFER_IPV6_BARE);
    for (uint64_t seed = 1; seed <= 10; seed++)
        (void)transfer(seed, "delay 20ms jitter 5ms rate 10mbit queue 50 loss 5% duplicate 2% "
                             "reorder 5% 10ms corrupt 2%",
                       TRANSFER_IPV6_BARE);
}

/* With duplicate address detection, neighbours that are asked for, and asked again whether they are there. */
static void ethernet_carries_all(void **state)
{
    (void)state;
    (void)transfer(1, "none", TRANSFER_IPV6);
    (void)transfer(1, "delay 20ms rate 10mbit queue 20", TRANSFER_IPV6);
    for (uint64_t seed = 1; seed <= 10; seed++)
        (void)transfer(seed, "delay 20ms jitter 5ms rate 10mbit queue 50 loss 5% duplicate 2% "
                             "reorder 5% 10ms corrupt 2%",
                       TRANSFER_IPV6);
    (void)transfer(1, "delay 20ms rate 16kbit", TRANSFER_IPV6); /* a minute: asked again meanwhile */
}

static void the_same_seed_is_the_same_run(void **state)
{
    uint64_t digest = transfer(7, "delay 20ms loss 1%", TRANSFER_IPV6_BARE);
    (void)state;
    assert_true(digest == transfer(7, "delay 20ms loss 1%", TRANSFER_IPV6_BARE));
    assert_true(digest != transfer(8, "delay 20ms loss 1%", TRANSFER_IPV6_BARE));
    digest = transfer(7, "delay 20ms loss 1%", TRANSFER_IPV6);
    assert_true(digest == transfer(7, "delay 20ms loss 1%", TRANSFER_IPV6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_packets_carry_all),
        cmocka_unit_test(ethernet_carries_all),
        cmocka_unit_test(the_same_seed_is_the_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
