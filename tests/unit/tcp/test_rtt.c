/* SPDX-License-Identifier: MIT */
/*
 * test_rtt.c - the retransmission timeout of RFC 6298, number by number, beside an oracle that
 * calculates its formulas as they stand there.
 */
#include "support/random.h"
#include "tcp/tcp.h"

#include <math.h>
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

static void init(uint32_t min_ms, uint32_t max_ms)
{
    memset(&room, 0, sizeof room);
    memset(&b, 0, sizeof b);
    estab_config_init(&t.config);
    t.boards_at = offsetof(__typeof__(room), board);
    b.board = 1;
    t.config.rto_min_ms = min_ms;
    t.config.rto_max_ms = max_ms;
    t.config.telemetry = false; /* no room for it behind `t` */
    b.rtt.rto_us = t.config.rto_initial_ms * 1000;
    b.head.handle = HANDLE_NONE;
}

/* Text at `seq` is sent, and acknowledged after `us`. */
static void measure(uint32_t seq, uint32_t us, estab_time now)
{
    struct segment s = {.ack = snd_of(seq + 1)};

    rtt_start(&t, &b, snd_of(seq), now);
    rtt_acked(&t, &b, &s, now + us * ESTAB_US);
}

/* (2.1) Before any measurement: one second. */
static void one_second_at_first(void **state)
{
    (void)state;
    init(200, 120000);
    assert_int_equal(rtt_timeout_us(&t, &b), 1000000);
}

/* (2.2) SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR = 3 R. MUST-18. */
static void the_first_measurement(void **state)
{
    (void)state;
    init(200, 120000);
    measure(1, 600000, 7 * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 600000);
    assert_int_equal(b.rtt.rttvar_us4 / 4, 300000);
    assert_int_equal(rtt_timeout_us(&t, &b), 1800000);
}

/* (2.3) with alpha = 1/8, beta = 1/4, RTTVAR before SRTT. MUST-18. */
static void the_measurements_after_it(void **state)
{
    (void)state;
    init(200, 120000);
    measure(1, 600000, 0);
    measure(2, 1000000, ESTAB_SECOND);
    /* RTTVAR = 3/4 300 + 1/4 |600 - 1000| = 325; SRTT = 7/8 600 + 1/8 1000 = 650 */
    assert_int_equal(b.rtt.rttvar_us4 / 4, 325000);
    assert_int_equal(b.rtt.srtt_us8 / 8, 650000);
    assert_int_equal(rtt_timeout_us(&t, &b), 1950000);
    measure(3, 50000, 5 * ESTAB_SECOND);
    /* RTTVAR = 243.75 + 150 = 393.75; SRTT = 568.75 + 6.25 = 575 */
    assert_int_equal(b.rtt.rttvar_us4 / 4, 393750);
    assert_int_equal(b.rtt.srtt_us8 / 8, 575000);
    assert_int_equal(rtt_timeout_us(&t, &b), 2150000);
}

/* (2.4) with its 1 second, (2.5) with a maximum of 60. */
static void between_the_bounds(void **state)
{
    (void)state;
    init(1000, 60000);
    measure(1, 100, 0);
    assert_true(rtt_timeout_us(&t, &b) >= 1000000 && rtt_timeout_us(&t, &b) < 1100000);
    init(1000, 60000);
    measure(1, 50000000, 0);
    assert_int_equal(rtt_timeout_us(&t, &b), 60000000);
}

/* Not (2.4): the minimum bounds the variance, so a steady path of 300 ms does not time out at 301. */
static void a_steady_path_keeps_a_margin(void **state)
{
    (void)state;
    init(200, 120000);
    for (uint32_t i = 0; i < 200; i++)
        measure(i, 300000, i * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 300000);
    assert_int_equal(rtt_timeout_us(&t, &b), 500000);
}

/* (5.5) doubled each time, (2.5) up to the maximum; and no overflow beyond. MUST-19. */
static void backing_off_doubles(void **state)
{
    (void)state;
    init(200, 120000);
    measure(1, 600000, 0);
    for (unsigned i = 0; i < 256; i++) {
        uint64_t want = i < 7 ? 1800000ull << i : 120000000;

        b.rtt.backoff = (uint8_t)i;
        assert_int_equal(rtt_timeout_us(&t, &b), want < 120000000 ? want : 120000000);
    }
}

/* A measurement ends backing off (section 5), an acknowledgment without one does not (Karn). */
static void only_a_measurement_ends_backing_off(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(100)};

    init(200, 120000);
    b.rtt.backoff = 3;
    rtt_acked(&t, &b, &s, ESTAB_SECOND);
    assert_int_equal(b.rtt.backoff, 3);
    assert_false(b.flags & TCB_RTT_VALID);
    measure(100, 1000, 2 * ESTAB_SECOND);
    assert_int_equal(b.rtt.backoff, 0);
}

/* One segment at a time, and not by an ACK that does not cover it. */
static void one_segment_is_timed(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(10)};

    init(200, 120000);
    rtt_start(&t, &b, snd_of(10), 0);
    rtt_start(&t, &b, snd_of(5), ESTAB_SECOND); /* the first is still under way */
    rtt_acked(&t, &b, &s, 2 * ESTAB_SECOND);
    assert_false(b.flags & TCB_RTT_VALID);
    s.ack = snd_of(11);
    rtt_acked(&t, &b, &s, 3 * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 3000000);
    assert_false(b.flags & TCB_TIMED);
}

/* Sequence numbers and microseconds both pass 2^32 in between. */
static void numbers_wrap(void **state)
{
    (void)state;
    init(200, 120000);
    measure(0xffffffff, 400000, UINT64_C(0xffffffff) * ESTAB_US);
    assert_int_equal(b.rtt.srtt_us8 / 8, 400000);
    measure(0x7fffffff, 400000, UINT64_C(0x1ffffffff) * ESTAB_US);
    assert_int_equal(b.rtt.srtt_us8 / 8, 400000);
}

/* Whatever is measured, the integers follow the formulas to a few microseconds. */
static void random_runs_follow_the_formulas(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        uint64_t random = seed;
        double srtt = 0, rttvar = 0;

        init(200, 120000);
        for (uint32_t i = 0; i < 300; i++) {
            uint32_t r = (uint32_t)(random_span(&random) % 20000000);
            double rto;

            measure(i, r, i * 100 * ESTAB_SECOND);
            rttvar = i == 0 ? r / 2.0 : 0.75 * rttvar + 0.25 * fabs(srtt - r);
            srtt = i == 0 ? r : 0.875 * srtt + 0.125 * r;
            rto = srtt + (4 * rttvar > 200000 ? 4 * rttvar : 200000);
            rto = rto > 120e6 ? 120e6 : rto;
            if (fabs(b.rtt.srtt_us8 / 8.0 - srtt) > 16 ||
                fabs((double)rtt_timeout_us(&t, &b) - rto) > 128)
                fail_msg("seed %u, sample %u: %u, not %f", (unsigned)seed, i, b.rtt.rto_us, rto);
        }
    }
}

/* A sample of hours is taken for two minutes, and overflows nothing. */
static void an_absurd_sample(void **state)
{
    (void)state;
    init(200, 120000);
    rtt_sample(&t, &b, UINT32_MAX, 0);
    assert_int_equal(b.rtt.srtt_us8 / 8, 120000000);
    assert_int_equal(rtt_timeout_us(&t, &b), 120000000);
    for (int i = 0; i < 100; i++)
        rtt_sample(&t, &b, i % 2 ? 0 : UINT32_MAX, 0);
    assert_true(b.rtt.srtt_us8 / 8 < 120000000);
    assert_int_equal(rtt_timeout_us(&t, &b), 120000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_second_at_first),
        cmocka_unit_test(the_first_measurement),
        cmocka_unit_test(the_measurements_after_it),
        cmocka_unit_test(between_the_bounds),
        cmocka_unit_test(a_steady_path_keeps_a_margin),
        cmocka_unit_test(backing_off_doubles),
        cmocka_unit_test(only_a_measurement_ends_backing_off),
        cmocka_unit_test(one_segment_is_timed),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(random_runs_follow_the_formulas),
        cmocka_unit_test(an_absurd_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
