/* SPDX-License-Identifier: MIT */
/*
 * test_pacing.c - what pacing is for, in virtual time: a window leaves over a round trip instead of at once,
 * so that a queue that is shallower than it holds it; and a rate that is asked for is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/pacing_run.h"

/* The client's, from the SYN on. */
static void option(struct sim *sim, struct transfer *t, enum estab_option option, uint32_t value)
{
    assert_int_equal(
        estab_set(sim_stack(sim, TRANSFER_CLIENT), t->client, option, value, sim_now(sim)), ESTAB_OK);
}

static struct estab_status status(const struct sim *sim, const struct transfer *t)
{
    struct estab_status st = {.size = sizeof st};

    assert_int_equal(estab_status(sim_stack(sim, TRANSFER_CLIENT), t->client, &st), ESTAB_OK);
    return st;
}

/* Steps until the server has `bytes`. */
static void run_to(struct sim *sim, struct transfer *t, size_t bytes)
{
    while (t->received < bytes)
        assert_int_equal(sim_step(sim), SIM_REACHED);
}

/* ---- a shallow queue ---------------------------------------------------------------------------------- */

/* Fifty segments every 150 ms, over 20 Mbit/s and 40 ms; the queue has place for thirty. */
static struct pacing_cost shallow(uint64_t seed, bool paced)
{
    struct pacing_cost cost = {0};

    assert_true(pacing_objects("delay 20ms jitter 1ms rate 20mbit queue 30", seed, paced, &cost));
    return cost;
}

static void a_shallow_queue_loses_less(void **state)
{
    uint64_t paced = 0, plain = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct pacing_cost with = shallow(seed, true), without = shallow(seed, false);

        print_message("seed %u: paced %u lost, %u ms; at once %u lost, %u ms\n", (unsigned)seed,
                      (unsigned)with.dropped, (unsigned)(with.took / ESTAB_MS / PACING_OBJECTS),
                      (unsigned)without.dropped, (unsigned)(without.took / ESTAB_MS / PACING_OBJECTS));
        paced += with.dropped;
        plain += without.dropped;
    }
    assert_true(plain > 0);
    assert_true(paced * 2 < plain);
}

/* Whatever fills the queue fills it, paced or not; but what is lost is not a burst, and more gets through. */
static void a_bulk_gets_more_through_a_shallow_queue(void **state)
{
    struct pacing_cost paced = {0}, plain = {0};

    (void)state;
    assert_true(pacing_bulk("delay 10ms rate 100mbit queue 10", 1, true, &paced));
    assert_true(pacing_bulk("delay 10ms rate 100mbit queue 10", 1, false, &plain));
    print_message("paced %u ms, at once %u ms\n", (unsigned)(paced.took / ESTAB_MS),
                  (unsigned)(plain.took / ESTAB_MS));
    assert_true(paced.took * 5 < plain.took * 4);
}

/* ---- the rate -------------------------------------------------------------------------------------------- */

/* The window is never in the way: what is sent in a second is what was asked for. */
static void a_rate_is_kept(void **state)
{
    static const uint32_t rates[] = {20000, 100000, 1000000, 10000000};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct transfer t;
        struct sim *sim = transfer_new(&t, 1, SIZE_MAX, "delay 1ms");
        uint64_t sent, at;

        assert_non_null(sim);
        transfer_start(sim);
        option(sim, &t, ESTAB_OPTION_PACING_RATE, rates[i]);
        assert_int_equal(sim_run(sim, 2 * ESTAB_SECOND), SIM_REACHED);
        sent = status(sim, &t).bytes_sent;
        assert_int_equal(status(sim, &t).pacing_rate_most, rates[i]);
        assert_int_equal(sim_run(sim, 12 * ESTAB_SECOND), SIM_REACHED);
        at = (status(sim, &t).bytes_sent - sent) / 10;
        print_message("asked for %u bytes a second, got %u\n", (unsigned)rates[i], (unsigned)at);
        assert_in_range(at, rates[i] - rates[i] / 33, rates[i] + rates[i] / 33);
        sim_free(sim);
    }
}

/* cwnd / srtt times 1.2 or 2, whatever the path gives; and nothing of it is left in an idle connection. */
static void the_rate_is_that_of_the_window(void **state)
{
    struct transfer t;
    struct sim *sim = transfer_new(&t, 1, 1000000, "delay 50ms");
    struct estab_status st;
    uint64_t rate;

    (void)state;
    assert_non_null(sim);
    transfer_start(sim);
    option(sim, &t, ESTAB_OPTION_PACING, 1);
    run_to(sim, &t, 100000);
    st = status(sim, &t);
    rate = (uint64_t)st.cwnd * 1000000 / st.srtt_us * 2;
    assert_in_range(st.pacing_rate, rate - rate / 50, rate + rate / 50);
    assert_true(st.pacing && st.cold);
    run_to(sim, &t, t.bytes);
    assert_int_equal(sim_run(sim, sim_now(sim) + ESTAB_SECOND), SIM_REACHED);
    assert_false(status(sim, &t).cold);
    sim_free(sim);
}

/* A burst is a 1024th of a second of the rate, and two segments at least. */
struct gaps {
    estab_time last;
    unsigned run, longest;
    uint32_t frames;
};

static void count_burst(void *arg, struct sim *sim, const struct sim_frame *f)
{
    struct gaps *g = arg;

    (void)sim;
    if (f->from != TRANSFER_CLIENT || f->frame->length < 1000)
        return;
    if (g->frames++ < 10) /* the first go at once */
        return;
    g->run = f->passage.sent == g->last ? g->run + 1 : 1;
    g->last = f->passage.sent;
    if (g->run > g->longest)
        g->longest = g->run;
}

static unsigned longest_burst(uint32_t rate)
{
    struct gaps g = {0};
    struct sim_observer observer = {.arg = &g, .sent = count_burst};
    struct transfer t;
    struct sim *sim = transfer_new(&t, 1, SIZE_MAX, "delay 1ms");

    assert_non_null(sim);
    assert_true(sim_observe(sim, &observer));
    transfer_start(sim);
    option(sim, &t, ESTAB_OPTION_PACING_RATE, rate);
    assert_int_equal(sim_run(sim, 2 * ESTAB_SECOND), SIM_REACHED);
    sim_free(sim);
    assert_true(g.frames > 20);
    return g.longest;
}

static void bursts_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(longest_burst(100000), 2);
    assert_int_equal(longest_burst(15000000), 10); /* 14648 bytes, of segments of 1448 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shallow_queue_loses_less),
        cmocka_unit_test(a_bulk_gets_more_through_a_shallow_queue),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(the_rate_is_that_of_the_window),
        cmocka_unit_test(bursts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
