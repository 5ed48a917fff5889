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
        assert_true(cc_all[i]->start && cc_all[i]->acked && cc_all[i]->congested &&
                    cc_all[i]->timed_out);
    }
}

/* "The initial value of ssthresh SHOULD be set arbitrarily high." */
static void it_starts_in_slow_start(void **state)
{
    (void)state;
    struct cc_window w = started(10 * SMSS);
    assert_int_equal(w.cwnd, 10 * SMSS);
    assert_int_equal(w.ssthresh, UINT32_MAX);
    assert_int_equal(cc->acked(&w, SMSS, SMSS), RULE_SLOW_START);
    assert_int_equal(w.cwnd, 11 * SMSS);
}

static void slow_start_doubles_in_a_round_trip(void **state)
{
    (void)state;
    struct cc_window w = started(2 * SMSS);
    for (int round = 1; round <= 8; round++) {
        for (uint32_t left = w.cwnd; left > 0; left -= SMSS)
            cc->acked(&w, SMSS, SMSS);
        assert_int_equal(w.cwnd, (2u << round) * SMSS);
    }
}

static void slow_start_ends_at_ssthresh(void **state)
{
    (void)state;
    struct cc_window w = started(2 * SMSS);
    w.ssthresh = 3 * SMSS + 100;
    cc->acked(&w, SMSS, SMSS);
    assert_int_equal(cc->acked(&w, SMSS, SMSS), RULE_SLOW_START);
    assert_int_equal(w.cwnd, 3 * SMSS + 100);
    assert_int_equal(cc->acked(&w, SMSS, SMSS), RULE_AVOIDANCE);
    assert_int_equal(w.cwnd, 3 * SMSS + 100);
}

/* Section 3.1: about one segment a round trip, however the bytes are divided. */
static void avoidance_adds_a_segment_a_window(void **state)
{
    (void)state;
    for (uint32_t piece = 1; piece <= 20 * SMSS; piece = piece * 3 + 7) {
        struct cc_window w = started(20 * SMSS);
        uint32_t acked = 0;

        w.ssthresh = 10 * SMSS;
        while (acked + piece < 20 * SMSS) {
            cc->acked(&w, piece, SMSS);
            acked += piece;
            assert_int_equal(w.cwnd, 20 * SMSS);
        }
        cc->acked(&w, 20 * SMSS - acked, SMSS);
        assert_int_equal(w.cwnd, 21 * SMSS);
    }
}

/* Equation (4): max(FlightSize / 2, 2 * SMSS). */
static void a_loss_halves_what_was_in_flight(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS);
    cc->congested(&w, 40 * SMSS, SMSS);
    assert_int_equal(w.ssthresh, 20 * SMSS); /* not half of cwnd */
    cc->congested(&w, 3 * SMSS, SMSS);
    assert_int_equal(w.ssthresh, 2 * SMSS);
    cc->congested(&w, 0, SMSS);
    assert_int_equal(w.ssthresh, 2 * SMSS);
    cc->congested(&w, UINT32_MAX, SMSS);
    assert_int_equal(w.ssthresh, UINT32_MAX / 2);
}

static void a_timeout_leaves_one_segment(void **state)
{
    (void)state;
    struct cc_window w = started(100 * SMSS);
    cc->timed_out(&w, 40 * SMSS, SMSS, false);
    assert_int_equal(w.cwnd, SMSS);
    assert_int_equal(w.ssthresh, 20 * SMSS);
    cc->timed_out(&w, 40 * SMSS, SMSS, true);
    assert_int_equal(w.ssthresh, 20 * SMSS);
    cc->timed_out(&w, SMSS, SMSS, true);
    assert_int_equal(w.ssthresh, 20 * SMSS);
}

/* Half a window's growth is forgotten with the window. */
static void a_loss_forgets_what_was_counted(void **state)
{
    (void)state;
    struct cc_window w = started(10 * SMSS);
    w.ssthresh = 5 * SMSS;
    cc->acked(&w, 9 * SMSS, SMSS);
    cc->timed_out(&w, 10 * SMSS, SMSS, false);
    w.cwnd = w.ssthresh;
    cc->acked(&w, 4 * SMSS, SMSS);
    assert_int_equal(w.cwnd, 5 * SMSS);
    cc->acked(&w, SMSS, SMSS);
    assert_int_equal(w.cwnd, 6 * SMSS);
}

/* For every row: never under a segment, never wrapping, never more than a segment for a segment. */
static void random_runs_stay_sane(void **state)
{
    (void)state;
    for (int row = 0; row < CC_ROWS; row++)
        for (uint64_t seed = 0; seed < 2000; seed++) {
            uint64_t random = seed;
            struct cc_window w;

            cc_all[row]->start(&w, 10 * SMSS);
            for (int step = 0; step < 200; step++) {
                uint32_t n = (uint32_t)(random_next(&random) % (w.cwnd + 1)), before = w.cwnd;

                switch (random_next(&random) % 16) {
                case 0:
                    cc_all[row]->congested(&w, n, SMSS);
                    w.cwnd = w.ssthresh;
                    break;
                case 1:
                    cc_all[row]->timed_out(&w, n, SMSS, random_next(&random) % 2);
                    break;
                default:
                    cc_all[row]->acked(&w, n, SMSS);
                    assert_true(w.cwnd >= before && w.cwnd - before <= n + SMSS);
                    if (w.cwnd > 1u << 29)
                        w.cwnd = 1u << 29; /* more than any window */
                }
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
        cmocka_unit_test(a_loss_halves_what_was_in_flight),
        cmocka_unit_test(a_timeout_leaves_one_segment),
        cmocka_unit_test(a_loss_forgets_what_was_counted),
        cmocka_unit_test(random_runs_stay_sane),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
