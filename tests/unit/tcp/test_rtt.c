/* SPDX-License-Identifier: MIT */
/*
 * test_rtt.c - the retransmission timeout of RFC 6298, number by number, beside an oracle that
 * calculates its formulas as they stand there, and those by which the RTO keeps a round trip's greatest
 * RTTVAR; and which samples an acknowledgment gives.
 */
#include "support/random.h"
#include "tcp/loss.h"

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

/* Text at `seq` alone is sent, and acknowledged after `us`: a sample, and a round trip. */
static void measure(uint32_t seq, uint32_t us, estab_time now)
{
    struct segment s = {.ack = snd_of(seq + 1)};
    uint32_t sent_us = (uint32_t)us_of(now);
    struct ack_news news = {.segment = &s, .acked = 1, .times_acked = {true, sent_us, sent_us}};

    tcp_scoreboard(&t, 0)->rtt.round = snd_of(seq);
    b.snd.una = b.snd.nxt = s.ack;
    rtt_acked(&t, &b, &news, now + us * ESTAB_US);
}

/* One of many samples of a round trip that has not ended. */
static void measure_again(uint32_t us)
{
    struct segment s = {.ack = b.snd.una};
    struct ack_news news = {.segment = &s, .acked = 1, .times_acked = {true, 0, 0}};

    tcp_scoreboard(&t, 0)->rtt.round = b.snd.una;
    rtt_acked(&t, &b, &news, us * ESTAB_US);
}

/* (2.1) Before any measurement: one second. R6298-2. */
static void one_second_at_first(void **state)
{
    (void)state;
    init(200, 120000);
    assert_int_equal(rtt_timeout_us(&t, &b), 1000000);
}

/* (2.2) SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR = 3 R. MUST-18. R6298-4. */
static void the_first_measurement(void **state)
{
    (void)state;
    init(200, 120000);
    measure(1, 600000, 7 * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 600000);
    assert_int_equal(b.rtt.rttvar_us4 / 4, 300000);
    assert_int_equal(rtt_timeout_us(&t, &b), 1800000);
}

/* (2.3) with alpha = 1/8, beta = 1/4, RTTVAR before SRTT. MUST-18. R6298-5, R6298-6, R6298-7, R6298-8. */
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

/* (2.4) with its 1 second, (2.5) with a maximum of 60. R6298-9, R6298-10. */
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

/* Not (2.4): the minimum bounds the variance, so a steady path of 300 ms does not time out at 301. R6298-13. */
static void a_steady_path_keeps_a_margin(void **state)
{
    (void)state;
    init(200, 120000);
    for (uint32_t i = 0; i < 200; i++)
        measure(i, 300000, i * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 300000);
    assert_int_equal(rtt_timeout_us(&t, &b), 500000);
}

/* (5.5) doubled each time, (2.5) up to the maximum; and no overflow beyond. MUST-19. R6298-10, R6298-19. */
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

/* A measurement ends backing off (section 5), an acknowledgment without one does not (Karn). R6298-11. */
static void only_a_measurement_ends_backing_off(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(100)};
    struct ack_news news = {.segment = &s, .acked = 1, .repeated = true, .times_acked = {true, 5, 5}};

    init(200, 120000);
    b.rtt.backoff = 3;
    assert_int_equal(rtt_acked(&t, &b, &news, ESTAB_SECOND), 0);
    assert_int_equal(b.rtt.backoff, 3);
    assert_false(b.flags & TCB_RTT_VALID);
    measure(100, 1000, 2 * ESTAB_SECOND);
    assert_int_equal(b.rtt.backoff, 0);
}

/* The SYN is timed once, and no SYN that was sent again. R6298-11. */
static void the_syn_is_timed(void **state)
{
    (void)state;
    init(200, 120000);
    b.since_us = 1000000;
    rtt_syn_acked(&t, &b, 3 * ESTAB_SECOND);
    assert_false(b.flags & TCB_RTT_VALID);
    rtt_start(&b);
    rtt_syn_acked(&t, &b, 3 * ESTAB_SECOND);
    assert_int_equal(b.rtt.srtt_us8 / 8, 2000000);
    assert_int_equal(b.rtt.least_us, 2000000);
    assert_false(b.flags & TCB_TIMED);
}

/* The RTO counts from what was sent first; congestion control looks at what was sent last. */
static void the_first_for_the_rto_and_the_last_for_the_window(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(100)};
    struct ack_news news = {.segment = &s, .acked = 100, .times_acked = {true, 1000, 41000}};

    init(200, 120000);
    assert_int_equal(rtt_acked(&t, &b, &news, 101000 * ESTAB_US), 60000);
    assert_int_equal(b.rtt.srtt_us8 / 8, 100000);
}

/* What is SACKed is a sample where nothing is acknowledged, or only what was sent again. */
static void what_is_sacked_is_timed(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(100)};
    struct ack_news news = {.segment = &s, .times_sacked = {true, 1000, 41000}};

    init(200, 120000);
    assert_int_equal(rtt_acked(&t, &b, &news, 101000 * ESTAB_US), 60000);
    assert_int_equal(b.rtt.srtt_us8 / 8, 100000);
    init(200, 120000);
    news.acked = 100;
    news.repeated = true;
    news.times_acked = (struct ack_times){true, 500, 500};
    assert_int_equal(rtt_acked(&t, &b, &news, 101000 * ESTAB_US), 60000);
    assert_int_equal(b.rtt.srtt_us8 / 8, 100000);
}

/* RFC 7323 section 4.3: of what was sent again the echo tells, one millisecond at least. R6298-11. R7323-28. */
static void the_echo_tells_of_what_was_sent_again(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_of(100), .opt = {.present = OPT_TIMESTAMPS, .tsecr = 900}};
    struct ack_news news = {.segment = &s, .acked = 100, .repeated = true, .times_acked = {true, 5, 5}};

    init(200, 120000);
    assert_int_equal(rtt_acked(&t, &b, &news, ESTAB_SECOND), 0);
    b.head.tag |= TAG_TIMESTAMPS;
    assert_int_equal(rtt_acked(&t, &b, &news, ESTAB_SECOND), 100000);
    assert_int_equal(b.rtt.srtt_us8 / 8, 100000);
    s.opt.tsecr = 1000;
    assert_int_equal(rtt_acked(&t, &b, &news, ESTAB_SECOND), 1000);
    news.acked = 0;
    assert_int_equal(rtt_acked(&t, &b, &news, ESTAB_SECOND), 0);
}

/*
 * RFC 7323 section 4.2: many samples a round trip.  After one of 1000 ms and a hundred of 600 RTTVAR has
 * forgotten it, and the RTO has not, until the round trip is over; and then a quarter at a time. R6298-8.
 * R7323-29.
 */
static void the_rto_remembers_a_round_trip(void **state)
{
    (void)state;
    init(200, 120000);
    measure(1, 600000, 0);
    measure_again(1000000);
    assert_int_equal(rtt_timeout_us(&t, &b), 650000 + 1300000);
    for (int i = 0; i < 100; i++)
        measure_again(600000);
    assert_true(b.rtt.rttvar_us4 < 40000);
    assert_in_range(rtt_timeout_us(&t, &b), 600000 + 1300000, 600010 + 1300000);
    measure(2, 600000, 0); /* ends the round trip in which RTTVAR was 325 once */
    assert_in_range(rtt_timeout_us(&t, &b), 600000 + 1300000, 600010 + 1300000);
    measure(3, 600000, 0); /* and one in which it was nearly 0, four times which is rto_min at least */
    assert_in_range(rtt_timeout_us(&t, &b), 600000 + 1025000, 600010 + 1025000);
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

/* Whatever is measured, the integers follow the formulas to a few microseconds. R6298-1, R6298-8. */
static void random_runs_follow_the_formulas(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        uint64_t random = seed;
        double srtt = 0, rttvar = 0, most = 0, now;

        init(200, 120000);
        for (uint32_t i = 0; i < 300; i++) {
            uint32_t r = (uint32_t)(random_span(&random) % 20000000);
            double rto;

            measure(i, r, i * 100 * ESTAB_SECOND);
            rttvar = i == 0 ? r / 2.0 : 0.75 * rttvar + 0.25 * fabs(srtt - r);
            srtt = i == 0 ? r : 0.875 * srtt + 0.125 * r;
            now = 4 * rttvar > 200000 ? 4 * rttvar : 200000;
            most = now > most ? now : most - (most - now) / 4;
            rto = srtt + most;
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
        cmocka_unit_test(the_syn_is_timed),
        cmocka_unit_test(the_first_for_the_rto_and_the_last_for_the_window),
        cmocka_unit_test(what_is_sacked_is_timed),
        cmocka_unit_test(the_echo_tells_of_what_was_sent_again),
        cmocka_unit_test(the_rto_remembers_a_round_trip),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(random_runs_follow_the_formulas),
        cmocka_unit_test(an_absurd_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
