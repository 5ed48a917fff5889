/* SPDX-License-Identifier: MIT */
/*
 * test_rack.c - RACK's numbers (RFC 8985 section 6.2): the least round trip of the last five minutes, and how
 * wide the reordering window may become.  What follows from them is in tests/state/test_rack.c.
 */
#include "tcp/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A TCP with one scoreboard. */
static struct {
    struct tcp tcp;
    uint64_t board[(sizeof(struct tcp_scoreboard) + 7) / 8];
} room;
static struct tcb b;

#define t room.tcp

static void init(uint32_t least_us, uint32_t srtt_us)
{
    memset(&room, 0, sizeof room);
    memset(&b, 0, sizeof b);
    estab_config_init(&t.config);
    t.config.telemetry = false;
    t.boards_at = offsetof(__typeof__(room), board);
    b.board = 1;
    b.snd.mss = 1000;
    b.rtt.least_us = least_us;
    b.rtt.srtt_us8 = srtt_us * 8;
    b.head.handle = HANDLE_NONE;
}

/* A quarter of the least round trip for each step, up to SRTT. R8985-5, R8985-6. */
static void the_window_ends_at_srtt(void **state)
{
    (void)state;
    init(40000, 90000);
    b.rtt.reorder_seen = true;
    for (unsigned steps = 0; steps <= UINT8_MAX; steps++) {
        uint32_t want = (1 + steps) * 10000;

        b.rtt.reorder_steps = (uint8_t)steps;
        assert_int_equal(rack_window_us(&t, &b), want < 90000 ? want : 90000);
    }
}

/* No round trip was measured: no window. R8985-3. */
static void without_a_round_trip_there_is_none(void **state)
{
    (void)state;
    init(0, 0);
    assert_int_equal(rack_window_us(&t, &b), 0);
    b.rtt.reorder_seen = true;
    b.rtt.reorder_steps = 7;
    assert_int_equal(rack_window_us(&t, &b), 0);
}

/* Reordering was not seen, and there is no doubt of a loss: no window. R8985-2. */
static void where_a_loss_is_sure_there_is_none(void **state)
{
    (void)state;
    init(40000, 90000);
    assert_int_equal(rack_window_us(&t, &b), 10000);
    tcp_scoreboard(&t, 0)->sacked = 2999;
    assert_int_equal(rack_window_us(&t, &b), 10000);
    tcp_scoreboard(&t, 0)->sacked = 3000;
    assert_int_equal(rack_window_us(&t, &b), 0);
    tcp_scoreboard(&t, 0)->sacked = 0;
    b.flags = TCB_RECOVERY;
    assert_int_equal(rack_window_us(&t, &b), 0);
    b.flags = TCB_RECOVER;
    assert_int_equal(rack_window_us(&t, &b), 0);
    b.rtt.reorder_seen = true;
    assert_int_equal(rack_window_us(&t, &b), 10000);
}

/* Sixteen recoveries without a duplicate, and the window is what it was. */
static void steps_are_forgotten_after_sixteen_recoveries(void **state)
{
    (void)state;
    init(40000, 90000);
    b.rtt.reorder_steps = 3;
    b.rtt.reorder_persist = 16;
    for (int i = 0; i < 15; i++) {
        rack_recovered(&t, &b, 0);
        assert_int_equal(b.rtt.reorder_steps, 3);
    }
    rack_recovered(&t, &b, 0);
    assert_int_equal(b.rtt.reorder_steps, 0);
}

/* The least of five minutes or so, however many samples there are; of a longer path it is told in time.
 * R8985-11. */
static void the_least_is_of_five_minutes(void **state)
{
    (void)state;
    init(0, 0);
    rtt_least(&t, &b, 40000, 0);
    assert_int_equal(b.rtt.least_us, 40000);
    for (estab_time s = 1; s <= 300; s++) {
        rtt_least(&t, &b, 90000, s * ESTAB_SECOND);
        assert_int_equal(b.rtt.least_us, 40000);
    }
    rtt_least(&t, &b, 90000, 400 * ESTAB_SECOND);
    assert_int_equal(b.rtt.least_us, 90000);
    rtt_least(&t, &b, 80000, 401 * ESTAB_SECOND);
    assert_int_equal(b.rtt.least_us, 80000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_ends_at_srtt),
        cmocka_unit_test(without_a_round_trip_there_is_none),
        cmocka_unit_test(where_a_loss_is_sure_there_is_none),
        cmocka_unit_test(steps_are_forgotten_after_sixteen_recoveries),
        cmocka_unit_test(the_least_is_of_five_minutes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
