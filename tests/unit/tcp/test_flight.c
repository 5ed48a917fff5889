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
    struct tcp_range spare[SPARE_TIMES * RANGES];
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
    t.config.sack_spares = 0;
    t.boards_at = offsetof(__typeof__(room), board);
    t.spares_at = offsetof(__typeof__(room), spare);
    t.spare_free = TCB_NONE;
    b.board = 1;
    b.snd.mss = SEGMENT;
    b.snd.wnd_max = 1u << 20;
    tcp_scoreboard(&t, 0)->ranges_at = offsetof(struct tcp_scoreboard, own);
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

    flight_sent(&t, &b, seq, end, SEGMENT, time_of(i) * ESTAB_US);
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

/* R8985-9. */
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
    flight_sent(&t, &b, snd_add(first, SEGMENT), snd_add(first, 2 * SEGMENT), SEGMENT, time_of(10) * ESTAB_US);
    b.snd.una = s.ack;
    flight_acked(&t, &b, &news, time_of(11) * ESTAB_US);
    assert_true(news.repeated && news.times_acked.any);
    assert_int_equal(news.times_acked.first_us, (uint32_t)time_of(0));
    assert_int_equal(news.times_acked.last_us, (uint32_t)time_of(2));
    assert_int_equal(acknowledge(3, time_of(12)), (uint32_t)time_of(3));
}

/* Every second segment of `n` is SACKed; how many of these are known. */
static uint32_t every_second_is_sacked(uint32_t n)
{
    struct tcp_scoreboard *k = tcp_scoreboard(&t, 0);
    struct segment s = {.ack = first};
    struct ack_news news = {.segment = &s};

    flight_sent(&t, &b, first, snd_add(first, n * SEGMENT), SEGMENT, begin_us * ESTAB_US);
    b.snd.nxt = k->end;
    for (uint32_t i = 1; i < n; i += 2) {
        struct tcp_sack_block block = {first.v + i * SEGMENT, first.v + (i + 1) * SEGMENT};

        (void)flight_sacked(&t, &b, block, &news, begin_us * ESTAB_US);
    }
    for (uint32_t i = 1; i < k->count; i++)
        assert_true(snd_lt(ranges_of(k)[i - 1].left, ranges_of(k)[i].left));
    return k->sacked / SEGMENT;
}

/* All of them, with a spare array; given back once a half of the own ranges suffices, or nothing is out. */
static void a_spare_array_holds_what_a_board_cannot(void **state)
{
    struct tcp_scoreboard *k = tcp_scoreboard(&t, 0);
    struct segment s = {.ack = snd_add(first, 15 * RANGES * SEGMENT)};
    struct ack_news news = {.segment = &s};

    (void)state;
    init();
    assert_in_range(every_second_is_sacked(15 * RANGES), 1, RANGES / 2);
    assert_int_equal(k->spare, 0);
    init();
    t.config.sack_spares = 1;
    assert_int_equal(every_second_is_sacked(15 * RANGES), 15 * RANGES / 2);
    assert_int_equal(k->spare, 1);
    assert_int_equal(scoreboard_memory(&t, &b), scoreboard_bytes(&t.config) + sizeof room.spare);
    b.snd.una = snd_add(first, (15 * RANGES - RANGES / 2) * SEGMENT);
    flight_acked(&t, &b, &news, begin_us * ESTAB_US);
    assert_int_equal(k->spare, 0);
    assert_int_equal(t.spare_free, 0);
    assert_int_equal(k->sacked, RANGES / 4 * SEGMENT);
    assert_int_equal(ranges_of(k)[0].left.v, b.snd.una.v);
    assert_ptr_equal(ranges_of(k), k->own);
    b.snd.una = k->end;
    flight_acked(&t, &b, &news, begin_us * ESTAB_US);
    flight_free(&t, &b);
    assert_int_equal(t.spare_fresh, 1);
}

/* The one array is taken again, and by one board at a time. */
static void spare_arrays_have_a_limit(void **state)
{
    (void)state;
    init();
    t.config.sack_spares = 1;
    t.spare_fresh = 1; /* somebody else has it */
    assert_in_range(every_second_is_sacked(4 * RANGES), 1, RANGES / 2);
    flight_free(&t, &b);
    init();
    t.config.sack_spares = t.spare_fresh = 1;
    t.spare_free = 0; /* it was given back */
    room.spare[0].left.v = TCB_NONE;
    assert_int_equal(every_second_is_sacked(4 * RANGES), 2 * RANGES);
    assert_int_equal(t.spare_free, TCB_NONE);
    flight_free(&t, &b);
    assert_int_equal(t.spare_free, 0);
}

/* It goes back as soon as what is SACKed is no longer in pieces, although SND.UNA has not moved. */
static void a_spare_array_is_not_kept(void **state)
{
    struct tcp_scoreboard *k = tcp_scoreboard(&t, 0);
    struct segment s = {.ack = first};
    struct ack_news news = {.segment = &s};
    struct tcp_sack_block rest = {first.v + SEGMENT, first.v + 15 * RANGES * SEGMENT};

    (void)state;
    init();
    t.config.sack_spares = 1;
    (void)every_second_is_sacked(15 * RANGES);
    assert_int_equal(k->spare, 1);
    assert_true(flight_sacked(&t, &b, rest, &news, begin_us * ESTAB_US));
    assert_int_equal(k->spare, 0);
    assert_int_equal(k->sacked, (15 * RANGES - 1) * SEGMENT);
}

/* Who gets nowhere keeps none from others: at the second timeout, if no other is left, what his own ranges do
 * not hold is forgotten, and nothing of it is taken for new when it is SACKed once more. */
static void a_spare_array_is_yielded(void **state)
{
    struct tcp_scoreboard *k = tcp_scoreboard(&t, 0);
    struct segment s = {.ack = first};
    struct ack_news news = {.segment = &s};
    struct tcp_sack_block last = {first.v + (15 * RANGES - 1) * SEGMENT, first.v + 15 * RANGES * SEGMENT};

    (void)state;
    init();
    t.config.sack_spares = 2;
    (void)every_second_is_sacked(15 * RANGES);
    flight_yield(&t, k);
    assert_int_equal(k->spare, 1); /* there is another */
    t.config.sack_spares = 1;
    flight_yield(&t, k);
    assert_int_equal(k->spare, 0);
    assert_int_equal(t.spare_free, 0);
    assert_int_equal(k->count, RANGES / 2);
    assert_int_equal(k->sacked, (RANGES / 2 - 1) / 2 * SEGMENT);
    assert_int_equal(k->lost + k->again, 0);
    assert_int_equal(snd_span(first, k->end), 15 * RANGES * SEGMENT);
    assert_true(flight_sacked(&t, &b, last, &news, begin_us * ESTAB_US));
    assert_int_equal(news.sacked, SEGMENT);
    assert_int_equal(news.told, SEGMENT);
    assert_false(news.times_sacked.any); /* it may have gone again */
}

/* A cut that is there when a block arrives may be gone when room was made for it: what is sent finds its two
 * places and one more all the same. */
static void a_block_leaves_room_for_what_is_sent(void **state)
{
    struct tcp_scoreboard *k = tcp_scoreboard(&t, 0);
    uint32_t n = RANGES - 6;
    struct segment s = {.ack = first};
    struct ack_news news = {.segment = &s};
    struct tcp_sack_block block = {first.v + (n + 1) * SEGMENT, first.v + (n + 2) * SEGMENT};

    (void)state;
    init();
    (void)every_second_is_sacked(n); /* n ranges; then three more, long after each other */
    flight_sent(&t, &b, snd_add(first, n * SEGMENT), snd_add(first, (n + 1) * SEGMENT), SEGMENT,
                (begin_us + 1000) * ESTAB_US);
    flight_sent(&t, &b, snd_add(first, (n + 1) * SEGMENT), snd_add(first, (n + 3) * SEGMENT), SEGMENT,
                (begin_us + 2000) * ESTAB_US);
    flight_sent(&t, &b, snd_add(first, (n + 3) * SEGMENT), snd_add(first, (n + 4) * SEGMENT), SEGMENT,
                (begin_us + 3000) * ESTAB_US);
    assert_int_equal(k->count, RANGES - 3);
    (void)flight_sacked(&t, &b, block, &news, (begin_us + 4000) * ESTAB_US); /* from the second's left on */
    assert_in_range(k->count, 1, RANGES - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_exact_while_there_is_room),
        cmocka_unit_test(times_are_nearly_right_beyond_that),
        cmocka_unit_test(what_was_sent_again_is_told_apart),
        cmocka_unit_test(a_spare_array_holds_what_a_board_cannot),
        cmocka_unit_test(spare_arrays_have_a_limit),
        cmocka_unit_test(a_spare_array_is_not_kept),
        cmocka_unit_test(a_spare_array_is_yielded),
        cmocka_unit_test(a_block_leaves_room_for_what_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
