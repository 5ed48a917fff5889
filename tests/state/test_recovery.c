/* SPDX-License-Identifier: MIT */
/*
 * test_recovery.c - the congestion window, step by step: slow start and congestion avoidance
 * (RFC 5681), limited transmit (RFC 3042), fast retransmit and NewReno's fast recovery (RFC 6582),
 * timeouts, and what a peer cannot gain by lying; all without SACK, which test_sack_recovery.c has.  Segments are 1000 bytes, the initial window is 10 of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define SMSS 1000

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    c.congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, &c);
    OPEN(65535, .mss = SMSS);
    CHECK_EQ(STATUS.cwnd, 10000);
}

/* The peer's ACK, with an unchanged window. */
#define GOT(ack) IN(ACK, 1, ack, 0, .wnd = 65535)
/* Full segments from `first` up to, not including, `end`, now. */
#define SENT(first, end) sent_run(w, first, end, HERE)
#define WINDOW(c, s)                                                                               \
    do {                                                                                           \
        CHECK_EQ(STATUS.cwnd, c);                                                                  \
        CHECK_EQ(STATUS.ssthresh, s);                                                              \
    } while (0)

/* Where bursts end, and so PSH stands, is not looked at here. */
static void sent_run(struct wire *w, uint32_t first, uint32_t end, const char *file, int line)
{
    for (; first < end; first += SMSS) {
        const struct wire_segment *s = wire_any(w, w->now);

        if (!s || (s->flags | PSH) != (ACK | PSH) || s->seq != first || s->len != SMSS)
            wire_fail(w, file, line, "%u was not sent", first);
    }
    wire_quiet(w, w->now, file, line);
}

/* Ten segments are under way, more are queued. */
static void ten_sent(struct wire *w)
{
    start(w);
    SEND(60000);
    SENT(1, 10001);
}

/* ---- growth ----------------------------------------------------------------------------------------- */

/* Section 3.1, with RFC 3465's counting of bytes. R5681-1, R5681-2, R5681-9. */
WIRE_TEST(slow_start_grows_by_what_is_acknowledged)
{
    ten_sent(w);
    GOT(1001);
    WINDOW(11000, UINT32_MAX);
    SENT(10001, 12001);
    GOT(3001);
    WINDOW(13000, UINT32_MAX);
    SENT(12001, 16001);
    GOT(3001 + 13000); /* not min(N, SMSS): see cc_newreno.c */
    WINDOW(26000, UINT32_MAX);
}

/* A thousand ACKs of one byte are worth as much as one of a thousand. R5681-9. BAD-16. */
WIRE_TEST(ack_division_gains_nothing)
{
    ten_sent(w);
    for (uint32_t i = 1; i <= 1000; i++)
        GOT(1 + i);
    WINDOW(11000, UINT32_MAX);
    SENT(10001, 12001);
}

/* R5681-12. */
WIRE_TEST(ack_division_gains_nothing_in_congestion_avoidance)
{
    uint32_t una = 12001;

    ten_sent(w);
    for (int i = 0; i < 4; i++)
        GOT(1);
    GOT(una);
    WINDOW(2000, 5000); /* flight 0: one segment and one */
    w->head = w->tail;
    for (; una < 15001; una++) { /* slow start up to 5000, then by one segment a window */
        GOT(una + 1);
        w->head = w->tail;
    }
    WINDOW(5000, 5000);
    for (; una < 20001; una++) {
        GOT(una + 1);
        w->head = w->tail;
    }
    WINDOW(6000, 5000);
}

/* An acknowledgment of what was never sent is no acknowledgment. BAD-16. */
WIRE_TEST(optimistic_acknowledgments_gain_nothing)
{
    ten_sent(w);
    for (int i = 0; i < 20; i++)
        GOT(10002);
    WINDOW(10000, UINT32_MAX);
    CHECK_EQ(STATUS.snd_una, w->iss + 1);
    w->head = w->tail;
}

/* A window that was not filled does not grow. R9438-8. */
WIRE_TEST(an_application_that_sends_little_does_not_grow_the_window)
{
    start(w);
    for (uint32_t i = 0; i < 50; i++) {
        SEND(SMSS);
        OUT(w->now, ACK | PSH, 1 + i * SMSS, 1, SMSS);
        GOT(1001 + i * SMSS);
    }
    WINDOW(10000, UINT32_MAX);
}

/* Six of ten were outstanding: slow start may go to twice that, and no further. */
WIRE_TEST(a_window_not_filled_grows_to_twice_its_use)
{
    start(w);
    SEND(6000);
    w->head = w->tail;
    GOT(2001);
    WINDOW(12000, UINT32_MAX);
    GOT(4001);
    WINDOW(12000, UINT32_MAX);
    GOT(6001);
    WINDOW(12000, UINT32_MAX);
}

/* Section 4.1: after an idle RTO it starts again, at most with the initial window. */
WIRE_TEST(an_idle_connection_restarts)
{
    ten_sent(w);
    GOT(10001);
    SENT(10001, 30001);
    GOT(30001);
    w->head = w->tail;
    GOT(60001);
    WINDOW(70000, UINT32_MAX); /* it was under twice what was outstanding */
    wire_run(w, 100 * MS);     /* not yet an RTO */
    SEND(10);
    WINDOW(70000, UINT32_MAX);
    GOT(60011);
    wire_run(w, 10 * S);
    SEND(10);
    WINDOW(10000, UINT32_MAX);
    w->head = w->tail;
}

/* Section 3.1's own initial window. */
static void initial(struct wire *w, int mss, uint32_t want)
{
    struct estab_config c = wire_config();

    c.initial_window_segments = 0;
    w->mtu = 9000;
    wire_start(w, &c);
    OPEN(65535, .mss = mss);
    CHECK_EQ(STATUS.cwnd, want);
}

/* R5681-3. */
WIRE_TEST(the_initial_window_of_large_segments)
{
    initial(w, 2191, 4382);
}

/* R5681-3. */
WIRE_TEST(the_initial_window_of_usual_segments)
{
    initial(w, 1096, 3288);
}

/* R5681-3. */
WIRE_TEST(the_initial_window_of_small_segments)
{
    initial(w, 1095, 4380);
}

/* ---- one loss: RFC 5681 section 3.2 ------------------------------------------------------------------- */

/* R5681-8, R5681-21, R5681-22, R5681-23, R5681-26, R5681-27, R5681-28, R5681-30, R5681-31, R5681-44. */
WIRE_TEST(three_duplicates_retransmit)
{
    ten_sent(w);
    GOT(1);
    SENT(10001, 11001); /* RFC 3042: a new segment for each of the first two */
    GOT(1);
    SENT(11001, 12001);
    WINDOW(10000, UINT32_MAX);
    GOT(1);
    WINDOW(8000, 5000); /* the two beyond the window are not halved */
    SENT(1, 1001);
    GOT(1);
    GOT(1);
    WINDOW(10000, 5000);
    GOT(1);
    GOT(1);
    WINDOW(12000, 5000);
    QUIET(w->now);
    GOT(1);
    GOT(1); /* nine segments have arrived */
    SENT(12001, 14001);
    WINDOW(14000, 5000);
    wire_run(w, 10 * MS);
    GOT(12001); /* the hole was filled: everything up to `recover` */
    WINDOW(3000, 5000);
    SENT(14001, 15001);
    GOT(15001); /* slow start up to ssthresh */
    WINDOW(5000, 5000);
    SENT(15001, 20001);
    GOT(20001);
    WINDOW(6000, 5000); /* congestion avoidance: a segment for each window */
    SENT(20001, 26001);
}

/* cwnd = min(ssthresh, max(FlightSize, SMSS) + SMSS): no burst when little is in flight. R5681-31. */
WIRE_TEST(recovery_ends_without_a_burst)
{
    ten_sent(w);
    for (int i = 0; i < 3; i++)
        GOT(1);
    w->head = w->tail;
    GOT(12001);
    WINDOW(2000, 5000);
    SENT(12001, 14001);
}

/* What is no duplicate: section 2. */
WIRE_TEST(these_are_no_duplicates)
{
    ten_sent(w);
    for (int i = 0; i < 10; i++) {
        IN(ACK, 1 + 10 * i, 1, 10, .wnd = 65535);     /* it has text */
        IN(ACK, 11 + 10 * i, 1, 0, .wnd = 65000 - i); /* another window */
        wire_run(w, w->now + 1 * MS);
    }
    WINDOW(10000, UINT32_MAX);
    CHECK_EQ(STATUS.snd_una, w->iss + 1);
    w->head = w->tail;
}

/* Two duplicates, then an acknowledgment: the count begins anew. R6675-12. */
WIRE_TEST(an_acknowledgment_ends_the_count)
{
    ten_sent(w);
    for (uint32_t i = 0; i < 5; i++) {
        GOT(1 + i * SMSS);
        GOT(1 + i * SMSS);
        GOT(1 + (i + 1) * SMSS);
        w->head = w->tail;
    }
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
}

/* RFC 5681 section 3.2: at most as often as segments were outstanding. R5681-29. BAD-16. */
WIRE_TEST(forged_duplicates_gain_nothing)
{
    ten_sent(w);
    for (int i = 0; i < 500; i++)
        GOT(1);
    CHECK(STATUS.cwnd <= 15000);
    CHECK(STATUS.snd_nxt - STATUS.snd_una <= 15000);
    w->head = w->tail;
    GOT(15001);
    CHECK(STATUS.cwnd <= 5000);
    CHECK_EQ(STATUS.ssthresh, 5000);
    w->head = w->tail;
}

/* ---- several losses: RFC 6582 section 3.2 ----------------------------------------------------------------- */

/* The first, fourth and seventh of ten are lost. */
static void three_lost(struct wire *w)
{
    ten_sent(w);
    GOT(1);
    GOT(1);
    SENT(10001, 12001);
    GOT(1);
    SENT(1, 1001);
    for (int i = 0; i < 4; i++)
        GOT(1);
    WINDOW(12000, 5000);
    QUIET(w->now);
}

/* R5681-46. */
WIRE_TEST(partial_acknowledgments_fill_one_hole_each)
{
    three_lost(w);
    GOT(3001);
    WINDOW(10000, 5000); /* 12000 - 3000 + 1000 */
    OUT(0, ACK, 3001, 1, SMSS);
    SENT(12001, 13001);
    GOT(3001); /* 10001 and 11001 have arrived */
    GOT(3001);
    WINDOW(12000, 5000);
    SENT(13001, 15001);
    GOT(6001);
    WINDOW(10000, 5000);
    OUT(0, ACK, 6001, 1, SMSS);
    SENT(15001, 16001);
    GOT(12001);
    WINDOW(5000, 5000);
    SENT(16001, 17001); /* 4000 were in flight */
    CHECK_EQ(STATUS.retransmits, 0);
    CHECK_EQ(wire_counters(w).retransmitted, 3);
}

/* "For the first partial ACK that arrives during fast recovery, also reset the retransmit timer." */
WIRE_TEST(a_partial_acknowledgment_restarts_the_timer)
{
    estab_time rto;

    three_lost(w);
    wire_run(w, 150 * MS);
    GOT(3001);
    OUT(150 * MS, ACK, 3001, 1, SMSS);
    SENT(12001, 13001);
    rto = STATUS.rto_us * US;
    QUIET(150 * MS + rto - 1);
    OUT(150 * MS + rto, ACK, 3001, 1, SMSS); /* that one was lost again: timeout */
    CHECK_EQ(STATUS.cwnd, SMSS);
}

/* An ACK of less than a segment in recovery deflates by that much, and adds none back. */
WIRE_TEST(a_partial_acknowledgment_of_less_than_a_segment)
{
    three_lost(w);
    GOT(401);
    WINDOW(11600, 5000);
    QUIET(w->now); /* the rest of it has gone again, too */
    GOT(1001);
    OUT(0, ACK, 1001, 1, SMSS);
    QUIET(w->now);
}

/* A thousand ACKs of a byte each bring one hole, as one of a thousand bytes does. */
WIRE_TEST(ack_division_in_a_recovery_sends_nothing_twice)
{
    three_lost(w);
    for (uint32_t i = 1; i <= 1000; i++)
        GOT(1 + i);
    CHECK_EQ(wire_counters(w).retransmitted, 2);
    OUT(0, ACK, 1001, 1, SMSS);
    w->head = w->tail;
}

/* Step 2: "the Cumulative Acknowledgment field covers more than recover", or no recovery again. R5681-45. */
WIRE_TEST(no_second_recovery_for_the_same_window)
{
    ten_sent(w);
    for (int i = 0; i < 9; i++)
        GOT(1);
    w->head = w->tail;
    GOT(12001);
    WINDOW(3000, 5000);
    w->head = w->tail;
    for (int i = 0; i < 5; i++) /* of the first ten, which arrived twice */
        GOT(12001);
    WINDOW(3000, 5000);
    QUIET(w->now); /* nor new segments for them */
    GOT(13001); /* more than `recover` */
    WINDOW(4000, 5000);
    SENT(15001, 17001);
    GOT(13001);
    GOT(13001);
    SENT(17001, 19001);
    GOT(13001);
    CHECK_EQ(STATUS.ssthresh, 2000);
    OUT(0, ACK, 13001, 1, SMSS);
    w->head = w->tail;
}

/* ---- timeouts ----------------------------------------------------------------------------------------------- */

/* R6298-18. R5681-17, R5681-18. */
WIRE_TEST(a_timeout_goes_back_and_starts_slowly)
{
    start(w);
    SEND(10000); /* no new text, with which F-RTO could ask whether it was real */
    SENT(1, 10001);
    wire_run(w, 200 * MS);
    WINDOW(1000, 5000);
    SENT(1, 1001);
    GOT(1001);
    WINDOW(2000, 5000);
    SENT(1001, 3001);
    GOT(3001);
    WINDOW(4000, 5000);
    SENT(3001, 7001);
    GOT(7001);
    WINDOW(5000, 5000); /* ssthresh is reached */
    SENT(7001, 10001);
    SEND(20000);
    SENT(10001, 12001);
    GOT(12001);
    WINDOW(6000, 5000);
    SENT(12001, 18001);
}

/* Section 3.1: ssthresh is held when the same segment times out again. R8985-7. */
WIRE_TEST(a_second_timeout_keeps_ssthresh)
{
    ten_sent(w);
    wire_run(w, 200 * MS);
    WINDOW(1000, 5000);
    wire_run(w, 600 * MS);
    WINDOW(1000, 5000);
    wire_run(w, 1400 * MS);
    WINDOW(1000, 5000);
    w->head = w->tail;
}

/* max(FlightSize / 2, 2 SMSS). R5681-17. */
WIRE_TEST(ssthresh_is_two_segments_at_least)
{
    start(w);
    SEND(SMSS);
    wire_run(w, 200 * MS);
    WINDOW(1000, 2000);
    w->head = w->tail;
}

/* What was not lost is acknowledged at once: it is not sent again. */
WIRE_TEST(going_back_skips_what_had_arrived)
{
    ten_sent(w);
    wire_run(w, 200 * MS);
    SENT(1, 1001);
    GOT(10001); /* only the first was lost */
    SENT(10001, 15001);
    CHECK_EQ(wire_counters(w).retransmitted, 1);
}

/* RFC 6582 step 4: duplicates that the retransmissions themselves cause start no recovery. */
WIRE_TEST(no_recovery_after_a_timeout)
{
    ten_sent(w);
    wire_run(w, 200 * MS);
    SENT(1, 1001);
    GOT(1001);
    SENT(10001, 12001); /* F-RTO asks with new text */
    GOT(1001);          /* and hears that the timeout was real */
    SENT(1001, 3001);
    for (int i = 0; i < 8; i++)
        GOT(1001);
    WINDOW(2000, 5000);
    QUIET(w->now);
    GOT(10001);
    w->head = w->tail;
    for (int i = 0; i < 4; i++)
        GOT(10001); /* not more than `recover` */
    CHECK_EQ(STATUS.ssthresh, 5000);
    QUIET(w->now);
    GOT(11001);
    GOT(11001);
    GOT(11001);
    w->head = w->tail;
    GOT(11001);
    CHECK(STATUS.ssthresh < 5000);
    OUT(200 * MS, ACK, 11001, 1, SMSS);
    w->head = w->tail;
}

WIRE_TEST(a_timeout_ends_recovery)
{
    three_lost(w);
    wire_run(w, 200 * MS);
    WINDOW(1000, 5000); /* the recovery has halved it already */
    SENT(1, 1001);
    for (int i = 0; i < 5; i++)
        GOT(1);
    WINDOW(1000, 5000);
    QUIET(w->now);
    GOT(12001);
    CHECK(STATUS.cwnd <= 6000);
    w->head = w->tail;
}

/* A recovery that began is not begun again by more of the same. */
WIRE_TEST(one_reduction_for_one_window)
{
    ten_sent(w);
    for (int i = 0; i < 9; i++)
        GOT(1);
    CHECK_EQ(STATUS.ssthresh, 5000);
    CHECK_EQ(wire_counters(w).retransmitted, 1);
    w->head = w->tail;
}

/* A lost FIN is found by its timeout; a segment before it by duplicates. */
WIRE_TEST(the_last_segment_with_a_fin)
{
    start(w);
    SEND(4500);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(wire_any(w, w->now)->seq, 1 + i * SMSS);
    OUT(0, ACK | PSH, 4001, 1, 500);
    OUT(0, FIN | ACK, 4501, 1, 0);
    for (int i = 0; i < 4; i++)
        GOT(1);
    OUT(0, ACK, 1, 1, SMSS);
    QUIET(w->now);
    GOT(4001);
    OUT(0, FIN | ACK | PSH, 4001, 1, 500); /* partial: the next hole, with its FIN */
    GOT(4502);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_start_grows_by_what_is_acknowledged),
        cmocka_unit_test(ack_division_gains_nothing),
        cmocka_unit_test(ack_division_gains_nothing_in_congestion_avoidance),
        cmocka_unit_test(optimistic_acknowledgments_gain_nothing),
        cmocka_unit_test(an_application_that_sends_little_does_not_grow_the_window),
        cmocka_unit_test(a_window_not_filled_grows_to_twice_its_use),
        cmocka_unit_test(an_idle_connection_restarts),
        cmocka_unit_test(the_initial_window_of_large_segments),
        cmocka_unit_test(the_initial_window_of_usual_segments),
        cmocka_unit_test(the_initial_window_of_small_segments),
        cmocka_unit_test(three_duplicates_retransmit),
        cmocka_unit_test(recovery_ends_without_a_burst),
        cmocka_unit_test(these_are_no_duplicates),
        cmocka_unit_test(an_acknowledgment_ends_the_count),
        cmocka_unit_test(forged_duplicates_gain_nothing),
        cmocka_unit_test(partial_acknowledgments_fill_one_hole_each),
        cmocka_unit_test(a_partial_acknowledgment_restarts_the_timer),
        cmocka_unit_test(a_partial_acknowledgment_of_less_than_a_segment),
        cmocka_unit_test(ack_division_in_a_recovery_sends_nothing_twice),
        cmocka_unit_test(no_second_recovery_for_the_same_window),
        cmocka_unit_test(a_timeout_goes_back_and_starts_slowly),
        cmocka_unit_test(a_second_timeout_keeps_ssthresh),
        cmocka_unit_test(ssthresh_is_two_segments_at_least),
        cmocka_unit_test(going_back_skips_what_had_arrived),
        cmocka_unit_test(no_recovery_after_a_timeout),
        cmocka_unit_test(a_timeout_ends_recovery),
        cmocka_unit_test(one_reduction_for_one_window),
        cmocka_unit_test(the_last_segment_with_a_fin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
