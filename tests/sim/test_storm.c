/* SPDX-License-Identifier: MIT */
/*
 * test_storm.c - two peers that a stranger has set apart: each has been given text that the other
 * never sent, so each finds the other's segments outside its window.  Their acknowledgments must
 * not answer each other for ever.
 */
#include "sim/sim.h"
#include "support/made_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A segment with ten bytes, as the peer would send it next. */
static void forge(struct sim *sim, int stack, estab_conn conn)
{
    struct estab_status st = {.size = sizeof st};
    uint8_t bytes[100];

    assert_int_equal(estab_status(sim_stack(sim, stack), conn, &st), ESTAB_OK);
    struct made_tcp m = {.src = st.remote,
                         .dst = st.local,
                         .seq = st.rcv_nxt,
                         .ack = st.snd_nxt,
                         .window = 1000,
                         .flags = 0x10,
                         .length = 10};
    struct estab_frame f = made_frame(bytes, made_tcp(bytes, &m, false), false);
    estab_input(sim_stack(sim, stack), &f, 1, sim_now(sim));
}

static struct sim *two_stacks(void)
{
    struct sim_end a = sim_end_at(0, estab_ipv4(10, 11, 0, 1));
    struct sim_end b = sim_end_at(1, estab_ipv4(10, 11, 0, 2));
    struct link_config link = {0};
    struct estab_config config;
    char error[LINK_ERROR_MAX];
    struct sim *sim = sim_new(1);

    estab_config_init(&config);
    config.connections = config.records = 4;
    config.chunks = 512;
    config.timestamps = false; /* which a stranger could not guess */
    assert_non_null(sim);
    assert_true(link_config_parse(&link, "delay 1ms", error));
    assert_int_equal(sim_stack_add(sim, "a", &config), 0);
    assert_int_equal(sim_stack_add(sim, "b", &config), 1);
    assert_int_equal(sim_join(sim, &a, &b, &link, &link), 0);
    return sim;
}

/* What a is sent in ten seconds, once it is set apart; with `both`, b is, too. */
static unsigned segments_in_ten_seconds(bool both)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = 7, .backlog = 4};
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 11, 0, 2), 7}};
    struct estab_counters c = {.size = sizeof c};
    struct sim *sim = two_stacks();
    estab_listener listener;
    estab_conn conn[2];
    uint64_t before;

    assert_int_equal(estab_listen(sim_stack(sim, 1), &listen, &listener), ESTAB_OK);
    assert_int_equal(estab_open(sim_stack(sim, 0), &open, &conn[0], 0), ESTAB_OK);
    assert_int_equal(sim_run(sim, ESTAB_SECOND), SIM_REACHED);
    assert_int_equal(estab_accept(sim_stack(sim, 1), listener, &conn[1]), ESTAB_OK);
    estab_counters(sim_stack(sim, 0), &c);
    before = c.segments_in;
    forge(sim, 0, conn[0]);
    if (both)
        forge(sim, 1, conn[1]);
    assert_true(sim_run(sim, 11 * ESTAB_SECOND) != SIM_FAILED);
    estab_counters(sim_stack(sim, 0), &c);
    sim_free(sim);
    return (unsigned)(c.segments_in - before);
}

/* At most what is answered in each of those seconds, by either side. */
static void expect_few(unsigned n)
{
    if (n > 20 * 7)
        fail_msg("%u segments in ten seconds", n);
    assert_true(n > 1);
}

static void one_side_is_ahead(void **state)
{
    (void)state;
    expect_few(segments_in_ten_seconds(false));
}

static void both_sides_are_ahead(void **state)
{
    (void)state;
    expect_few(segments_in_ten_seconds(true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_side_is_ahead),
        cmocka_unit_test(both_sides_are_ahead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
