/* SPDX-License-Identifier: MIT */
#include "base/wheel.h"
#include "support/random.h"
#include "support/wheel_twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_US UINT64_C(3600000000)

static struct wheel_twin t, u;

static void expect_pop(uint64_t now_us, uint32_t want)
{
    assert_int_equal(wheel_pop(&t.wheel, wheel_twin_nodes(&t), now_us), want);
    assert_null(wheel_twin_walk(&t));
}

static void expect_next(uint64_t want_us)
{
    assert_int_equal(wheel_next(&t.wheel, wheel_twin_nodes(&t)), want_us);
}

static void set(uint32_t i, uint64_t at_us)
{
    wheel_set(&t.wheel, wheel_twin_nodes(&t), i, at_us);
    assert_null(wheel_twin_walk(&t));
}

static void empty_wheel_has_nothing(void **state)
{
    (void)state;
    wheel_twin_init(&t, 1000);
    expect_next(WHEEL_NEVER);
    expect_pop(1000, WHEEL_NONE);
    expect_pop(UINT64_C(1) << 40, WHEEL_NONE);
    assert_int_equal(t.wheel.now_us, UINT64_C(1) << 40);
    expect_pop(1000, WHEEL_NONE); /* a step back changes nothing */
    assert_int_equal(t.wheel.now_us, UINT64_C(1) << 40);
    wheel_remove(&t.wheel, wheel_twin_nodes(&t), 3);
    expect_next(WHEEL_NEVER);
}

static void zeroed_memory_is_not_special(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    memset(&u, 0xff, sizeof u);
    wheel_twin_init(&t, 77);
    wheel_twin_init(&u, 77);
    assert_memory_equal(&t.wheel, &u.wheel, sizeof t.wheel);
    assert_memory_equal(t.owner, u.owner, sizeof t.owner);
}

static void comes_out_by_time(void **state)
{
    (void)state;
    wheel_twin_init(&t, 0);
    set(0, HOUR_US);
    set(1, 5);
    set(2, 70);
    set(3, 4097);
    expect_next(5);
    expect_pop(4, WHEEL_NONE);
    expect_pop(5, 1);
    expect_pop(5, WHEEL_NONE);
    expect_next(70);
    expect_pop(69, WHEEL_NONE);
    expect_pop(5000, 2);
    assert_int_equal(t.wheel.now_us, 70); /* the time of what came out, not of the call */
    expect_pop(5000, 3);
    expect_pop(5000, WHEEL_NONE);
    assert_int_equal(t.wheel.now_us, 5000);
    expect_next(HOUR_US);
    expect_pop(HOUR_US - 1, WHEEL_NONE);
    expect_pop(HOUR_US, 0);
    expect_next(WHEEL_NEVER);
}

/* Node 0 is set from afar and cascades, node 1 is set when the tick is near: 0 still comes first. */
static void one_tick_comes_out_in_the_order_of_setting(void **state)
{
    (void)state;
    wheel_twin_init(&t, 0);
    set(0, 100000);
    set(9, 100000);
    expect_pop(98000, WHEEL_NONE);
    set(1, 100000);
    expect_pop(99999, WHEEL_NONE);
    set(2, 100000);
    set(9, 100000); /* set anew: behind the others */
    expect_pop(100000, 0);
    expect_pop(100000, 1);
    expect_pop(100000, 2);
    expect_pop(100000, 9);
    expect_pop(100000, WHEEL_NONE);
}

static void past_is_due_at_once(void **state)
{
    (void)state;
    wheel_twin_init(&t, 5000);
    set(0, 5000);
    set(1, 10);
    assert_int_equal(t.owner[1].timer.at_us, 5000);
    expect_next(5000);
    expect_pop(4999, WHEEL_NONE);
    expect_pop(5000, 0);
    expect_pop(5000, 1);
    expect_pop(5000, WHEEL_NONE);
}

static void moves_and_removes(void **state)
{
    (void)state;
    wheel_twin_init(&t, 0);
    for (uint32_t i = 0; i < 4; i++)
        set(i, 1000);
    set(0, 2000);        /* the first of its ring */
    set(3, WHEEL_NEVER); /* the last */
    set(3, WHEEL_NEVER); /* again */
    assert_false(wheel_is_set(&t.owner[3].timer));
    assert_true(wheel_is_set(&t.owner[0].timer));
    expect_pop(3000, 1);
    wheel_remove(&t.wheel, wheel_twin_nodes(&t), 2);
    wheel_remove(&t.wheel, wheel_twin_nodes(&t), 2);
    expect_next(2000);
    expect_pop(3000, 0);
    expect_next(WHEEL_NEVER);
}

static void reaches_the_end_of_time(void **state)
{
    (void)state;
    wheel_twin_init(&t, 3);
    set(0, WHEEL_NEVER - 1);
    set(1, UINT64_C(1) << 63);
    expect_next(UINT64_C(1) << 63);
    expect_pop(UINT64_C(1) << 62, WHEEL_NONE);
    expect_pop(WHEEL_NEVER, 1);
    expect_next(WHEEL_NEVER - 1);
    expect_pop(WHEEL_NEVER, 0);
    expect_pop(WHEEL_NEVER, WHEEL_NONE);
    assert_int_equal(t.wheel.now_us, WHEEL_NEVER - 1);
    set(0, 12); /* late, and still in the wheel */
    assert_true(wheel_is_set(&t.owner[0].timer));
    expect_pop(WHEEL_NEVER, 0);
    wheel_twin_init(&t, WHEEL_NEVER);
    assert_int_equal(t.wheel.now_us, WHEEL_NEVER - 1);
}

/* Who sleeps until wheel_next wakes at most once a level before the first node comes out. */
static void next_makes_progress(void **state)
{
    (void)state;
    wheel_twin_init(&t, 0);
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++)
        set(i, (UINT64_C(1) << 40) + 3 * HOUR_US - i % 32);
    unsigned woken = 0;
    uint32_t got = WHEEL_NONE;
    for (uint64_t last_us = 0; got == WHEEL_NONE; woken++) {
        uint64_t next_us = wheel_next(&t.wheel, wheel_twin_nodes(&t));
        assert_true(next_us > last_us);
        last_us = next_us;
        got = wheel_pop(&t.wheel, wheel_twin_nodes(&t), next_us);
    }
    assert_int_equal(got, 31);
    assert_true(woken > 1);
    assert_true(woken <= WHEEL_LEVELS);
}

/* Sixteen nodes of a slot are looked at; for more there is the slot's start. */
static void next_is_exact_among_few(void **state)
{
    (void)state;
    wheel_twin_init(&t, 0);
    for (uint32_t i = 0; i < 16; i++)
        set(i, 4096 + 100 - i);
    expect_next(4096 + 85);
    set(16, 4096 + 60);
    expect_next(4096);
    wheel_remove(&t.wheel, wheel_twin_nodes(&t), 3);
    expect_next(4096 + 60);

    wheel_twin_init(&t, 4096);
    for (uint32_t i = 0; i < WHEEL_TWIN_NODES; i++)
        set(i, 4096 + 17);
    expect_next(4096 + 17);
}

static const char *random_step(struct wheel_twin *twin, uint64_t *state, uint64_t *now_us)
{
    uint64_t r = random_next(state);
    uint32_t i = (uint32_t)(r >> 32) % WHEEL_TWIN_NODES, got;
    uint64_t span_us = random_span(state);
    switch (r % 16) {
    case 0: /* any time there is, the past included */
        return wheel_twin_set(twin, i, random_next(state));
    case 1: /* one tick for many */
        return wheel_twin_set(twin, i, (*now_us | 255) + 1);
    case 2:
        return wheel_twin_set(twin, i, *now_us + 3 * HOUR_US);
    case 3:
    case 4:
    case 5:
    case 6: /* near, mostly */
        return wheel_twin_set(twin, i, *now_us + span_us % (1 << 20));
    case 7:
        return wheel_twin_set(twin, i, *now_us + (span_us >> 16));
    case 8:
    case 9:
        return wheel_twin_remove(twin, i);
    case 10: /* rest a while, hours, 2^40 us */
        *now_us += random_next(state) % 8 != 0 ? span_us % 1024 : span_us >> 20;
        return NULL;
    case 11:
        *now_us = twin->wheel.now_us + random_next(state) % 3;
        return NULL;
    case 12:
        return wheel_twin_next(twin);
    default:
        return wheel_twin_pop(twin, *now_us, &got);
    }
}

static void runs_like_its_oracle(void **state)
{
    (void)state;
    static const uint64_t start_us[] = {0, 12345678, UINT64_C(1) << 36, UINT64_MAX - HOUR_US};
    for (uint64_t seed = 0; seed < 8; seed++) {
        uint64_t random = seed, now_us = start_us[seed % 4];
        wheel_twin_init(&t, now_us);
        for (unsigned step = 0; step < 100000; step++) {
            const char *fault = random_step(&t, &random, &now_us);
            if (!fault && step % 64 == 0)
                fault = wheel_twin_walk(&t);
            if (fault)
                fail_msg("seed %u, step %u: %s", (unsigned)seed, step, fault);
        }
    }
}

/* A memcpy to elsewhere goes on in the same way, byte for byte. */
static void a_copy_is_a_fork(void **state)
{
    (void)state;
    uint64_t random = 4711, now_us = 99;
    wheel_twin_init(&t, now_us);
    for (unsigned step = 0; step < 1000; step++)
        assert_null(random_step(&t, &random, &now_us));
    memcpy(&u, &t, sizeof u);
    uint64_t random_u = random, now_u_us = now_us;
    for (unsigned step = 0; step < 1000; step++) {
        assert_null(random_step(&t, &random, &now_us));
        assert_null(random_step(&u, &random_u, &now_u_us));
        assert_memory_equal(&t.wheel, &u.wheel, sizeof t.wheel);
        assert_memory_equal(t.owner, u.owner, sizeof t.owner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_wheel_has_nothing),
        cmocka_unit_test(zeroed_memory_is_not_special),
        cmocka_unit_test(comes_out_by_time),
        cmocka_unit_test(one_tick_comes_out_in_the_order_of_setting),
        cmocka_unit_test(past_is_due_at_once),
        cmocka_unit_test(moves_and_removes),
        cmocka_unit_test(reaches_the_end_of_time),
        cmocka_unit_test(next_makes_progress),
        cmocka_unit_test(next_is_exact_among_few),
        cmocka_unit_test(runs_like_its_oracle),
        cmocka_unit_test(a_copy_is_a_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
