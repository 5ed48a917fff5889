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

/* BAD-9. */
static void one_side_is_ahead(void **state)
{
    (void)state;
    expect_few(segments_in_ten_seconds(false));
}

/* BAD-9. */
static void both_sides_are_ahead(void **state)
{
    (void)state;
    expect_few(segments_in_ten_seconds(true));
}

/* ---- in other states ------------------------------------------------------------------------------------ */

/* What each side's user does, once they are apart. */
enum deed { NOTHING, SENDS, CLOSES, SENDS_AND_CLOSES, LEAVES, DEEDS };

static void act(struct sim *sim, int stack, estab_conn conn, enum deed deed)
{
    estab_stack *s = sim_stack(sim, stack);
    const uint8_t text[2000] = {0};
    size_t taken;

    if (deed == SENDS || deed == SENDS_AND_CLOSES)
        (void)!estab_send(s, conn, text, sizeof text, 0, &taken, sim_now(sim));
    if (deed == CLOSES || deed == SENDS_AND_CLOSES)
        (void)!estab_close(s, conn, sim_now(sim));
    if (deed == LEAVES)
        (void)!estab_release(s, conn, sim_now(sim));
}

static uint64_t segments(const struct sim *sim)
{
    struct estab_counters a = {.size = sizeof a}, b = {.size = sizeof b};

    estab_counters(sim_stack(sim, 0), &a);
    estab_counters(sim_stack(sim, 1), &b);
    return a.segments_in + b.segments_in;
}

/* A stranger's text for one or both, and then the users: retransmissions go on for R2, 15 minutes, and each may
 * be answered; that is all, and in the end there is silence. */
static void try(int whom, enum deed a, enum deed b)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = 7, .backlog = 4};
    struct estab_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 11, 0, 2), 7}};
    struct sim *sim = two_stacks();
    estab_listener listener;
    estab_conn conn[2];
    uint64_t before, after;

    assert_int_equal(estab_listen(sim_stack(sim, 1), &listen, &listener), ESTAB_OK);
    assert_int_equal(estab_open(sim_stack(sim, 0), &open, &conn[0], 0), ESTAB_OK);
    assert_int_equal(sim_run(sim, ESTAB_SECOND), SIM_REACHED);
    assert_int_equal(estab_accept(sim_stack(sim, 1), listener, &conn[1]), ESTAB_OK);
    before = segments(sim);
    if (whom & 1)
        forge(sim, 0, conn[0]);
    if (whom & 2)
        forge(sim, 1, conn[1]);
    act(sim, 0, conn[0], a);
    act(sim, 1, conn[1], b);
    assert_true(sim_run(sim, 1800 * ESTAB_SECOND) != SIM_FAILED);
    after = segments(sim);
    if (after - before > 250)
        fail_msg("forged %d, deeds %d and %d: %u segments", whom, a, b, (unsigned)(after - before));
    assert_true(sim_run(sim, 7200 * ESTAB_SECOND) != SIM_FAILED);
    if (segments(sim) != after)
        fail_msg("forged %d, deeds %d and %d: no end", whom, a, b);
    sim_free(sim);
}

static void in_all_states_there_is_an_end(void **state)
{
    (void)state;
    for (int whom = 1; whom <= 3; whom++)
        for (unsigned a = 0; a < DEEDS; a++)
            for (unsigned b = 0; b < DEEDS; b++)
                try(whom, (enum deed)a, (enum deed)b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_side_is_ahead),
        cmocka_unit_test(both_sides_are_ahead),
        cmocka_unit_test(in_all_states_there_is_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
