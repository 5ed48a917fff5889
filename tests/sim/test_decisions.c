/* SPDX-License-Identifier: MIT */
/*
 * test_decisions.c - decisions that only a long transfer makes are traced, with numbers that make sense:
 * how slow start ends, in each of HyStart's ways, how the buffer grows, what reordering teaches and how it is
 * forgotten.  What scripts provoke is in tests/cli/test_decisions.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/bulk.h"

#define STEP (5 * ESTAB_MS)

enum { RULE_AT = 2 };

/* What the sender has told of: how often, and the first record of each kind. */
static struct {
    unsigned kinds[TRACES], rules[RULES];
    struct estab_trace first[TRACES];
} client;

static void listen_to(struct sim *sim)
{
    struct estab_trace t;

    while (estab_trace_next(sim_stack(sim, BULK_CLIENT), &t)) {
        if (client.kinds[t.kind]++ == 0)
            client.first[t.kind] = t;
        if (t.kind == TRACE_CWND)
            client.rules[t.arg[RULE_AT]]++;
    }
}

static struct estab_config config_of(enum estab_hystart hystart)
{
    struct estab_config c;

    estab_config_init(&c);
    c.chunks = 8192;
    c.trace_records = 8192;
    c.congestion = ESTAB_CONGESTION_CUBIC;
    c.hystart = hystart;
    return c;
}

/* One flow for so long; what its sender tells. */
static void run(const struct estab_config *c, uint64_t seed, const char *link, unsigned seconds)
{
    struct bulk b;
    struct sim *sim = bulk_new(&b, seed, c, link);

    assert_non_null(sim);
    memset(&client, 0, sizeof client);
    bulk_open(sim);
    for (estab_time t = STEP; t <= seconds * ESTAB_SECOND; t += STEP) {
        sim_run(sim, t);
        listen_to(sim);
    }
    assert_false(b.failed);
    sim_free(sim);
}

/* ---- slow start ---------------------------------------------------------------------------------------- */

enum { ROUND, LEAST, TRAIN }; /* of SLOW_START_LEFT; BEFORE and BASELINE are where LEAST is */

static void hystart_by_delay(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_DELAY);
    const uint32_t *arg = client.first[TRACE_SLOW_START_LEFT].arg;
    (void)state;

    run(&c, 1, "delay 20ms rate 50mbit queue 400", 2);
    assert_true(client.rules[RULE_HYSTART_DELAY] >= 1);
    assert_int_equal(client.rules[RULE_HYSTART_TRAIN] + client.rules[RULE_HYSTART_PLUSPLUS], 0);
    assert_int_equal(client.kinds[TRACE_SLOW_START_LEFT], client.rules[RULE_HYSTART_DELAY]);
    assert_true(arg[LEAST] >= 40000 && arg[LEAST] < 42000);
    assert_true(arg[ROUND] > arg[LEAST] + arg[LEAST] / 8);
}

static void hystart_by_train(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_TRAIN);
    const uint32_t *arg = client.first[TRACE_SLOW_START_LEFT].arg;
    (void)state;

    run(&c, 1, "delay 20ms rate 50mbit queue 400", 2);
    assert_true(client.rules[RULE_HYSTART_TRAIN] >= 1);
    assert_int_equal(client.rules[RULE_HYSTART_DELAY] + client.rules[RULE_HYSTART_PLUSPLUS], 0);
    assert_true(arg[TRAIN] > arg[LEAST] / 2);
}

static void hystart_plusplus(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_PLUSPLUS);
    const uint32_t *entered = client.first[TRACE_CSS_ENTERED].arg;
    (void)state;

    run(&c, 1, "delay 20ms rate 50mbit queue 2000", 3);
    assert_true(client.kinds[TRACE_CSS_ENTERED] >= 1);
    assert_true(entered[ROUND] >= entered[LEAST] + 4000);
    assert_true(client.rules[RULE_HYSTART_PLUSPLUS] >= 1);
    assert_int_equal(client.rules[RULE_HYSTART_DELAY] + client.rules[RULE_HYSTART_TRAIN], 0);
}

/* A round trip that was late for another reason is followed by shorter ones. */
static void hystart_plusplus_goes_on(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_PLUSPLUS);
    const uint32_t *left = client.first[TRACE_CSS_LEFT].arg;
    unsigned seen = 0;
    (void)state;

    for (uint64_t seed = 1; seed <= 20 && seen == 0; seed++) {
        run(&c, seed, "delay 10ms jitter 12ms rate 200mbit queue 4000", 2);
        seen = client.kinds[TRACE_CSS_LEFT];
    }
    assert_true(seen >= 1);
    assert_true(left[ROUND] < left[LEAST]);
}

/* ---- the window ------------------------------------------------------------------------------------------- */

static void begins_and_follows_the_curve(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_LINUX);
    (void)state;

    run(&c, 1, "delay 20ms rate 20mbit queue 60", 10);
    assert_int_equal(client.rules[RULE_START], 1);
    assert_int_equal(client.first[TRACE_CWND].arg[RULE_AT], RULE_START);
    assert_int_equal(client.first[TRACE_CWND].arg[0], 10 * 1448);
    assert_true(client.rules[RULE_CUBIC] > 100);
    assert_true(client.rules[RULE_LOSS_CUBIC] >= 1);
    assert_int_equal(client.rules[RULE_LOSS_RENO], 0);
}

/* ---- buffers ---------------------------------------------------------------------------------------------- */

static void the_send_buffer_grows(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_LINUX);
    const struct estab_trace *sent = &client.first[TRACE_SEND_GROWN];
    (void)state;

    run(&c, 1, "delay 20ms rate 50mbit queue 400", 2);
    assert_true(client.kinds[TRACE_SEND_GROWN] >= 2 && client.kinds[TRACE_SEND_GROWN] <= 12);
    assert_int_equal(sent->arg[0], 4 * sent->arg[1]); /* four windows */
}

/* ---- reordering ------------------------------------------------------------------------------------------- */

/* One segment in two thousand comes twice, and one in fifty not at all: sixteen recoveries later the window is
 * what it was (RFC 8985 section 6.2, step 4). */
static void reordering_is_learned_and_forgotten(void **state)
{
    struct estab_config c = config_of(ESTAB_HYSTART_LINUX);
    const uint32_t *wide = client.first[TRACE_REORDER_WIDENED].arg, *reset = client.first[TRACE_REORDER_RESET].arg;
    (void)state;

    run(&c, 1, "delay 5ms rate 50mbit queue 400 loss 2% duplicate 0.05%", 20);
    assert_true(client.kinds[TRACE_REORDER_WIDENED] >= 1);
    assert_true(client.kinds[TRACE_REORDER_RESET] >= 1);
    assert_int_equal(wide[2], 1);
    assert_int_equal(reset[0], 16);
    assert_true(wide[1] > reset[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hystart_by_delay),
        cmocka_unit_test(hystart_by_train),
        cmocka_unit_test(hystart_plusplus),
        cmocka_unit_test(hystart_plusplus_goes_on),
        cmocka_unit_test(begins_and_follows_the_curve),
        cmocka_unit_test(the_send_buffer_grows),
        cmocka_unit_test(reordering_is_learned_and_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
