/* SPDX-License-Identifier: MIT */
/* test_cc_newreno.c - the rows of the congestion-control table as pure functions, with RFC 5681's
 * numbers; what calls them is in tests/state/test_recovery.c. */
#include "support/random.h"
#include "tcp/cc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SMSS 1460

static const struct cc *const cc = &cc_newreno;

#define LOSS(bytes) (&(struct cc_loss){.flight = (bytes), .mss = SMSS})

static enum cwnd_rule acked(struct cc_window *w, uint32_t bytes)
{
    return cc->on_ack(w, &(struct cc_ack){.bytes = bytes, .mss = SMSS, .limited = true});
}

static struct cc_window started(uint32_t initial)
{
    struct cc_window w;

    memset(&w, 0xa5, sizeof w);
    cc->start(&w, initial);
    return w;
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < CC_ROWS; i++) {
        assert_non_null(cc_all[i]);
        assert_true(cc_all[i]->name && cc_all[i]->rfc);
        assert_true(cc_all[i]->start && cc_all[i]->on_ack && cc_all[i]->on_loss &&
                    cc_all[i]->on_ecn && cc_all[i]->on_timeout && cc_all[i]->undo &&
                    cc_all[i]->on_idle);
    }
}

/* "The initial value of ssthresh SHOULD be set arbitrarily high.". R5681-7. */
static void it_starts_in_slow_start(void **state)
{
    (void)state;
    struct cc_window w = started(10 * SMSS);
    assert_int_equal(w.cwnd, 10 * SMSS);
    assert_int_equal(w.ssthresh, UINT32_MAX);
    assert_int_equal(acked(&w, SMSS), RULE_SLOW_START);
    assert_int_equal(w.cwnd, 11 * SMSS);
}

/* MUST-19. */
static void slow_start_doubles_in_a_round_trip(void **state)
{
    (void)state;
    struct cc_window w = started(2 * SMSS);
    for (int round = 1; round <= 8; round++) {
        for (uint32_t left = w.cwnd; left > 0; left -= SMSS)
            acked(&w, SMSS);
        assert_int_equal(w.cwnd, (2u << round) * SMSS);
    }
}

static void slow_start_ends_at_ssthresh(void **state)
{
    (void)state;
    struct cc_window w = started(2 * SMSS);
    w.ssthresh = 3 * SMSS + 100;
    acked(&w, SMSS);
    assert_int_equal(acked(&w, SMSS), RULE_SLOW_START);
    assert_int_equal(w.cwnd, 3 * SMSS + 100);
    assert_int_equal(acked(&w, SMSS), RULE_AVOIDANCE);
    assert_int_equal(w.cwnd, 3 * SMSS + 100);
}

/* Section 3.1: about one segment a round trip, however the bytes are divided. MUST-19.
 * R5681-2, R5681-10, R5681-11, R5681-12, R5681-13. */
static void avoidance_adds_a_segment_a_window(void **state)
{
    (void)state;
    for (uint32_t piece = 1; piece <= 20 * SMSS; piece = piece * 3 + 7) {
        struct cc_window w = started(20 * SMSS);
        uint32_t sum = 0;

        w.ssthresh = 10 * SMSS;
        while (sum + piece < 20 * SMSS) {
            acked(&w, piece);
            sum += piece;
            assert_int_equal(w.cwnd, 20 * SMSS);
        }
        acked(&w, 20 * SMSS - sum);
        assert_int_equal(w.cwnd, 21 * SMSS);
    }
}

/* R5681-14: never more than one in a round trip, for as many as there are. */
static void avoidance_is_linear(void **state)
{
    (void)state;
    struct cc_window w = started(5 * SMSS);
    w.ssthresh = 5 * SMSS;
    for (uint32_t round = 0; round < 100; round++) {
        assert_int_equal(w.cwnd, (5 + round) * SMSS);
        for (uint32_t left = w.cwnd; left > 0; left -= SMSS)
            acked(&w, SMSS);
    }
}

/* Equation (4): max(FlightSize / 2, 2 * SMSS). R5681-25. */
static void a_loss_halves_what_was_in_flight(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS);
    cc->on_loss(&w, LOSS(40 * SMSS));
    assert_int_equal(w.ssthresh, 20 * SMSS); /* not half of cwnd */
    cc->on_loss(&w, LOSS(3 * SMSS));
    assert_int_equal(w.ssthresh, 2 * SMSS);
    cc->on_loss(&w, LOSS(0));
    assert_int_equal(w.ssthresh, 2 * SMSS);
    cc->on_loss(&w, LOSS(UINT32_MAX));
    assert_int_equal(w.ssthresh, UINT32_MAX / 2 / SMSS * SMSS);
}

/* Seven and a half: seven, and one more after half a window. */
static void half_a_segment_counts_towards_the_next(void **state)
{
    (void)state;
    struct cc_window w = started(15 * SMSS);
    cc->on_loss(&w, LOSS(15 * SMSS));
    assert_int_equal(w.ssthresh, 7 * SMSS);
    w.cwnd = w.ssthresh;
    acked(&w, 7 * SMSS / 2 - 1);
    assert_int_equal(w.cwnd, 7 * SMSS);
    acked(&w, 1);
    assert_int_equal(w.cwnd, 8 * SMSS);
    acked(&w, 8 * SMSS - 1);
    assert_int_equal(w.cwnd, 8 * SMSS);
    cc->on_loss(&w, LOSS(5 * SMSS / 2)); /* two at least are no half of it */
    w.cwnd = w.ssthresh;
    acked(&w, 2 * SMSS - 1);
    assert_int_equal(w.cwnd, 2 * SMSS);
}

/* R5681-17, R5681-18. */
static void a_timeout_leaves_one_segment(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS);
    cc->on_timeout(&w, LOSS(40 * SMSS), false);
    assert_int_equal(w.cwnd, SMSS);
    assert_int_equal(w.ssthresh, 20 * SMSS);
    cc->on_timeout(&w, LOSS(40 * SMSS), true);
    assert_int_equal(w.ssthresh, 20 * SMSS);
    cc->on_timeout(&w, LOSS(SMSS), true);
    assert_int_equal(w.ssthresh, 20 * SMSS);
}

/* What is undone is as it was, unless it has grown since. */
static void an_undone_timeout_restores_the_window(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS), before;
    w.ssthresh = 60 * SMSS;
    before = w;
    cc->on_timeout(&w, LOSS(100 * SMSS), false);
    acked(&w, SMSS);
    cc->undo(&w, &before);
    assert_int_equal(w.cwnd, 100 * SMSS);
    assert_int_equal(w.ssthresh, 60 * SMSS);
    w.cwnd = 120 * SMSS;
    cc->undo(&w, &before);
    assert_int_equal(w.cwnd, 120 * SMSS);
}

/* RFC 3168 section 6.1.2. */
static void a_mark_is_answered_like_a_loss(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS);
    cc->on_ecn(&w, LOSS(40 * SMSS));
    assert_int_equal(w.ssthresh, 20 * SMSS);
}

/* Half a window's growth is forgotten with the window. */
static void a_loss_forgets_what_was_counted(void **state)
{
    (void)state;
    struct cc_window w = started(10 * SMSS);
    w.ssthresh = 5 * SMSS;
    acked(&w, 9 * SMSS);
    cc->on_timeout(&w, LOSS(10 * SMSS), false);
    w.cwnd = w.ssthresh;
    acked(&w, 4 * SMSS);
    assert_int_equal(w.cwnd, 5 * SMSS);
    acked(&w, SMSS);
    assert_int_equal(w.cwnd, 6 * SMSS);
}

/* An acknowledgment of a random part of the window, at random times, over paths of 1 to 400 ms. */
static struct cc_ack random_ack(uint64_t *random, const struct cc_window *w, uint64_t now_us)
{
    uint32_t rtt_us = 1000 + (uint32_t)(random_next(random) % 400000);

    return (struct cc_ack){.bytes = (uint32_t)(random_next(random) % (w->cwnd + 1)),
                           .rtt_us = random_next(random) % 4 ? rtt_us : 0,
                           .srtt_us = rtt_us,
                           .least_us = rtt_us / 2,
                           .mss = SMSS,
                           .una = snd_of((uint32_t)random_next(random)),
                           .nxt = snd_of((uint32_t)random_next(random)),
                           .now_us = now_us,
                           .limited = random_next(random) % 4,
                           .paced = random_next(random) % 2,
                           .hystart = random_next(random) % (ESTAB_HYSTART_PLUSPLUS + 1)};
}

static void random_step(const struct cc *row, struct cc_window *w, uint64_t *random, uint64_t now_us)
{
    struct cc_ack a = random_ack(random, w, now_us);
    uint32_t before = w->cwnd;
    struct cc_window copy = *w;

    switch (random_next(random) % 16) {
    case 0:
        row->on_loss(w, LOSS(a.bytes));
        w->cwnd = w->ssthresh;
        break;
    case 1:
        row->on_timeout(w, LOSS(a.bytes), random_next(random) % 2);
        if (random_next(random) % 2)
            row->undo(w, &copy);
        break;
    case 2:
        row->on_idle(w, random_next(random) % 10000000);
        break;
    default:
        row->on_ack(w, &a);
        assert_true(w->cwnd >= before && w->cwnd - before <= a.bytes + SMSS);
        assert_true(a.limited || w->cwnd == before);
        if (w->cwnd > 1u << 29)
            w->cwnd = 1u << 29; /* more than any window */
    }
}

/* For every row: never under a segment, never wrapping, never more than a segment for a segment, and
 * nothing where the window was not in the way. */
static void random_runs_stay_sane(void **state)
{
    (void)state;
    for (int row = 0; row < CC_ROWS; row++)
        for (uint64_t seed = 0; seed < 2000; seed++) {
            uint64_t random = seed, now_us = seed << 30;
            struct cc_window w;

            cc_all[row]->start(&w, 10 * SMSS);
            for (int step = 0; step < 200; step++) {
                now_us += random_next(&random) % 300000;
                random_step(cc_all[row], &w, &random, now_us);
                if (w.cwnd < SMSS || w.ssthresh < 2 * SMSS)
                    fail_msg("row %d, seed %u, step %d: cwnd %u, ssthresh %u", row, (unsigned)seed,
                             step, w.cwnd, w.ssthresh);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(it_starts_in_slow_start),
        cmocka_unit_test(slow_start_doubles_in_a_round_trip),
        cmocka_unit_test(slow_start_ends_at_ssthresh),
        cmocka_unit_test(avoidance_adds_a_segment_a_window),
        cmocka_unit_test(avoidance_is_linear),
        cmocka_unit_test(a_loss_halves_what_was_in_flight),
        cmocka_unit_test(half_a_segment_counts_towards_the_next),
        cmocka_unit_test(a_timeout_leaves_one_segment),
        cmocka_unit_test(an_undone_timeout_restores_the_window),
        cmocka_unit_test(a_mark_is_answered_like_a_loss),
        cmocka_unit_test(a_loss_forgets_what_was_counted),
        cmocka_unit_test(random_runs_stay_sane),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
