/* SPDX-License-Identifier: MIT */
/*
 * test_flight.c - when what is outstanding was sent: exactly, while there are as many ranges as times; and
 * when there are not, wrong by a small part of the time that all of it spans.
 */
#include "tcp/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { RANGES = 64, SEGMENT = 1000, GAP_US = 50 };

/* A TCP with one scoreboard. */
static struct {
    struct tcp tcp;
    uint64_t board[(sizeof(struct tcp_scoreboard) + RANGES * sizeof(struct tcp_range) + 7) / 8];
} room;
static struct tcb b;

#define t room.tcp

/* Sequence numbers and microseconds pass 2^32 on the way. */
static const snd_seq first = {UINT32_MAX - 100000};
static const uint64_t begin_us = UINT32_MAX - 5000;

static void init(void)
{
    memset(&room, 0, sizeof room);
    memset(&b, 0, sizeof b);
    estab_config_init(&t.config);
    t.config.telemetry = false;
    t.config.sack_ranges = RANGES;
    t.boards_at = offsetof(__typeof__(room), board);
    b.board = 1;
    b.flags = TCB_SYN_ACKED;
    b.snd.una = b.snd.nxt = tcp_scoreboard(&t, 0)->end = first;
    b.head.handle = HANDLE_NONE;
}

static uint64_t time_of(uint32_t i)
{
    return begin_us + (uint64_t)i * GAP_US;
}

static void send_segment(uint32_t i)
{
    snd_seq seq = snd_add(first, i * SEGMENT), end = snd_add(seq, SEGMENT);

    flight_sent(&t, &b, seq, end, time_of(i) * ESTAB_US);
    b.snd.nxt = end;
}

/* Segment i is acknowledged: when it is said to have been sent. */
static uint32_t acknowledge(uint32_t i, uint64_t now_us)
{
    struct segment s = {.ack = snd_add(first, (i + 1) * SEGMENT)};
    struct ack_news news = {.segment = &s};

    b.snd.una = s.ack;
    flight_acked(&t, &b, &news, now_us * ESTAB_US);
    assert_true(news.times_acked.any);
    assert_int_equal(news.times_acked.first_us, news.times_acked.last_us);
    assert_int_equal(news.delivered, SEGMENT);
    return news.times_acked.first_us;
}

static void times_are_exact_while_there_is_room(void **state)
{
    (void)state;
    init();
    for (uint32_t i = 0; i < RANGES; i++)
        send_segment(i);
    for (uint32_t i = 0; i < RANGES; i++)
        assert_int_equal(acknowledge(i, time_of(RANGES)), (uint32_t)time_of(i));
    assert_int_equal(tcp_scoreboard(&t, 0)->count, 0);
}

/* Windows of up to 150 times as many segments as ranges, acknowledged as they are sent. */
static void times_are_nearly_right_beyond_that(void **state)
{
    (void)state;
    for (uint32_t window = RANGES; window < 10000; window += window / 3) {
        uint32_t most = 0, span_us = window * GAP_US;

        init();
        for (uint32_t i = 0; i < 4 * window; i++) {
            send_segment(i);
            assert_in_range(tcp_scoreboard(&t, 0)->count, 1, RANGES);
            if (i < window)
                continue;
            uint32_t off = acknowledge(i - window, time_of(i)) - (uint32_t)time_of(i - window);

            assert_true((int32_t)off >= 0); /* never earlier: RACK must not be early */
            most = off > most ? off : most;
        }
        assert_in_range(most, 0, 4 * span_us / RANGES);
    }
}

/* What was sent again is not a sample, nor is what was acknowledged with it. */
static void what_was_sent_again_is_told_apart(void **state)
{
    (void)state;
    struct segment s = {.ack = snd_add(first, 3 * SEGMENT)};
    struct ack_news news = {.segment = &s};

    init();
    for (uint32_t i = 0; i < 4; i++)
        send_segment(i);
    flight_sent(&t, &b, snd_add(first, SEGMENT), snd_add(first, 2 * SEGMENT), time_of(10) * ESTAB_US);
    b.snd.una = s.ack;
    flight_acked(&t, &b, &news, time_of(11) * ESTAB_US);
    assert_true(news.repeated && news.times_acked.any);
    assert_int_equal(news.times_acked.first_us, (uint32_t)time_of(0));
    assert_int_equal(news.times_acked.last_us, (uint32_t)time_of(2));
    assert_int_equal(acknowledge(3, time_of(12)), (uint32_t)time_of(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_exact_while_there_is_room),
        cmocka_unit_test(times_are_nearly_right_beyond_that),
        cmocka_unit_test(what_was_sent_again_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
