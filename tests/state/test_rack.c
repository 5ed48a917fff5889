/* SPDX-License-Identifier: MIT */
/*
 * test_rack.c - RACK and the probe of the tail (RFC 8985), in virtual time.  Segments are 1000 bytes, the
 * initial window is 10 of them, the round trip is 40 ms, and so the least; the timeout is 240 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/wire.h"

#define SMSS 1000
#define RTT  (40 * MS)

static void start_with(struct wire *w, struct estab_config *c)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    c->congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, c);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    wire_run(w, RTT);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = SMSS, .sack_ok = true);
    SKIP;
    CHECK_EQ(STATUS.rto_us, 240000);
    CHECK_EQ(STATUS.cwnd, 10000);
}

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    start_with(w, &c);
}

static void sent_run(struct wire *w, uint32_t first, uint32_t end, const char *file, int line)
{
    for (; first < end; first += SMSS) {
        const struct wire_segment *s = wire_any(w, w->now);

        if (!s || (s->flags | PSH) != (ACK | PSH) || s->seq != first || s->len != SMSS)
            wire_fail(w, file, line, "%u was not sent, but %u", first, s ? s->seq : 0);
    }
    wire_quiet(w, w->now, file, line);
}

#define SENT(first, end) sent_run(w, first, end, HERE)
#define AT(ms)           wire_run(w, (ms) * MS)
#define GOT(ack)         IN(ACK, 1, ack, 0, .wnd = 65535)
#define GOT1(ack, l, r)  IN(ACK, 1, ack, 0, .wnd = 65535, .sacks = 1, .sack = {{l, r}})
#define GOT2(ack, l, r, l2, r2)                                                                    \
    IN(ACK, 1, ack, 0, .wnd = 65535, .sacks = 2, .sack = {{l, r}, {l2, r2}})

/* Ten segments, sent at 40 ms, and nothing more. */
static void ten_sent(struct wire *w)
{
    start(w);
    SEND(10000);
    SENT(1, 10001);
}

/* ---- lost by time -------------------------------------------------------------------------------------- */

/* Section 6.2: three SACKed segments, and no reordering ever seen: the window is zero. R8985-2, R8985-8. */
WIRE_TEST(three_sacked_leave_no_window)
{
    ten_sent(w);
    AT(80);
    GOT1(1, 1001, 2001);
    QUIET(w->now);
    GOT1(1, 1001, 3001);
    QUIET(w->now);
    GOT1(1, 1001, 4001);
    SENT(1, 1001);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    CHECK_EQ(STATUS.ssthresh, 5000);
}

/* One SACKed: a quarter of the least round trip passes first, and the timer does the rest.
 * R8985-1, R8985-3, R8985-12, R8985-27. */
WIRE_TEST(one_sacked_waits_a_quarter_of_the_round_trip)
{
    ten_sent(w);
    AT(80);
    GOT1(1, 1001, 2001);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_REORDER);
    QUIET(90 * MS - 1);
    OUT(90 * MS, ACK, 1, 1, SMSS);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    SKIP;
}

/* What comes inside the window was never lost, and from then on each hole has a window. R8985-28. */
WIRE_TEST(reordering_is_learned)
{
    ten_sent(w);
    AT(80);
    GOT1(1, 1001, 2001);
    AT(85);
    GOT(2001); /* the first came 5 ms late */
    QUIET(85 * MS);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    GOT1(2001, 3001, 6001); /* three, but a window now */
    QUIET(90 * MS - 1);
    GOT(6001);
    QUIET(100 * MS);
    GOT(10001);
    CHECK_EQ(wire_counters(w).retransmitted, 0);
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
}

/* What is sent again and lost again is found by what was sent after it. R8985-23. */
WIRE_TEST(a_lost_retransmission)
{
    start(w);
    SEND(30000);
    SENT(1, 10001);
    AT(80);
    GOT1(1, 1001, 6001);
    CHECK_EQ(wire_any(w, w->now)->seq, 1);
    SKIP;
    AT(85);
    GOT1(1, 1001, 10001);
    SKIP; /* new text, sent at 85 ms */
    AT(125);
    GOT1(1, 1001, 11001);
    CHECK_EQ(wire_any(w, w->now)->seq, 1);
    SKIP;
    AT(165);
    GOT(STATUS.snd_nxt - w->iss);
    SKIP;
    CHECK_EQ(wire_counters(w).retransmitted, 2); /* no timeout: that would be at 320 ms */
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
}

/* What went for the first time in the same microsecond may have gone before it, and tells nothing of it. */
WIRE_TEST(what_went_at_once_is_not_passed)
{
    start(w);
    SEND(30000);
    SENT(1, 10001);
    AT(80);
    GOT1(1, 1001, 2001);
    GOT1(1, 1001, 3001);
    SENT(10001, 12001);
    GOT1(1, 1001, 10001);
    CHECK_EQ(wire_any(w, w->now)->seq, 1);
    SKIP;
    AT(120);
    GOT1(1, 1001, 11001);
    GOT1(1, 1001, 12001);
    CHECK_EQ(wire_counters(w).retransmitted, 1);
    GOT(12001);
    CHECK_EQ(wire_counters(w).retransmitted, 1);
    SKIP;
}

/* A peer that tells of duplicates (RFC 2883) widens the window by a quarter each round. R8985-4, R8985-10. */
WIRE_TEST(a_dsack_widens_the_window)
{
    start(w);
    SEND(30000);
    SENT(1, 10001);
    AT(80);
    GOT1(1, 1001, 4001);
    SENT(1, 1001);
    AT(82);
    GOT(4001); /* it was only late */
    SKIP;
    AT(120);
    GOT1(4001, 1, 1001); /* and came twice */
    SKIP;
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX); /* undone */
    CHECK_EQ(STATUS.dsack_blocks, 1);
    GOT1(4001, 5001, 6001);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_REORDER);
    CHECK_EQ(STATUS.timer - WIRE_START, 140 * MS); /* sent at 40, a round trip of 80, a window of 20 */
    SKIP;
}

/* ---- the tail -------------------------------------------------------------------------------------------- */

/* Two round trips and 2 ms, then the last segment; its SACK tells that those before it are lost.
 * R8985-13, R8985-16, R8985-19, R8985-22, R8985-29. */
WIRE_TEST(the_tail_is_probed)
{
    ten_sent(w);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_TAIL_PROBE);
    AT(80);
    GOT(7001);
    QUIET(162 * MS - 1);
    OUT(162 * MS, ACK | PSH, 9001, 1, SMSS);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_RETRANSMIT);
    QUIET(202 * MS - 1);
    AT(202);
    GOT1(7001, 9001, 10001);
    SENT(7001, 8001);
    AT(242);
    GOT1(8001, 9001, 10001);
    SENT(8001, 9001);
    AT(282);
    GOT(10001);
    CHECK_EQ(wire_counters(w).retransmitted, 3);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK(STATUS.cwnd < 10000);
}

/* One segment, whose acknowledgment may be delayed: 200 ms more, but not later than the timeout.
 * R8985-15, R8985-16, R8985-17, R8985-20, R8985-24. */
WIRE_TEST(a_single_segment_waits_for_a_delayed_ack)
{
    start(w);
    SEND(SMSS);
    SENT(1, 1001);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_TAIL_PROBE);
    OUT(280 * MS, ACK | PSH, 1, 1, SMSS);
    CHECK_EQ(STATUS.cwnd, 10000);
    OUT(520 * MS, ACK | PSH, 1, 1, SMSS);
    CHECK_EQ(STATUS.cwnd, 1000);
}

/* R8985-14: after a SYN that went again no round trip is known, and the probe waits a second. */
WIRE_TEST(without_a_round_trip_the_probe_waits_a_second)
{
    struct estab_config c = wire_config();
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    wire_start(w, &c);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    AT(1100);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = SMSS, .sack_ok = true);
    CHECK_EQ(STATUS.srtt_us, 0);
    SEND(SMSS);
    SKIP;
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_TAIL_PROBE);
    OUT(2100 * MS, ACK | PSH, 1, 1, SMSS);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_RETRANSMIT);
    QUIET(5100 * MS - 1); /* the RTO of three seconds, from the probe on */
    OUT(5100 * MS, ACK | PSH, 1, 1, SMSS);
}

/* New text, if there is any: here the window of congestion keeps it back. R8985-21. */
WIRE_TEST(a_probe_takes_new_text)
{
    start(w);
    SEND(10500);
    SENT(1, 10001);
    OUT(122 * MS, ACK | PSH, 10001, 1, 500);
    AT(160);
    GOT(10501);
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
    CHECK_EQ(wire_counters(w).retransmitted, 0);
}

/* Section 7.4.2: the probe has repaired the only loss, so the window answers, once more is acknowledged.
 * R8985-25, R8985-26. */
WIRE_TEST(a_probe_that_repairs_is_a_loss)
{
    ten_sent(w);
    AT(80);
    GOT(9001);
    OUT(320 * MS, ACK | PSH, 9001, 1, SMSS); /* in the place of a timeout */
    AT(360);
    GOT(10001);
    SEND(SMSS);
    SKIP;
    AT(400);
    GOT(11001);
    CHECK(STATUS.ssthresh < 10000);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
}

/* The same, but the peer tells that it came twice: nothing was lost. */
WIRE_TEST(a_probe_that_came_twice_is_none)
{
    ten_sent(w);
    AT(80);
    GOT(8001);
    OUT(162 * MS, ACK | PSH, 9001, 1, SMSS);
    AT(170);
    GOT(10001);
    AT(202);
    GOT1(10001, 9001, 10001);
    SEND(SMSS);
    SKIP;
    AT(242);
    GOT(11001);
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
}

/* ---- by configuration ---------------------------------------------------------------------------------------- */

WIRE_TEST(without_rack_nothing_probes)
{
    struct estab_config c = wire_config();

    c.recovery = ESTAB_RECOVERY_SACK;
    start_with(w, &c);
    SEND(10000);
    SENT(1, 10001);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_RETRANSMIT);
    QUIET(280 * MS - 1);
    SKIP;
}

/* SACK was agreed on, and is not heeded: RFC 6582. */
WIRE_TEST(newreno_by_choice)
{
    struct estab_config c = wire_config();

    c.recovery = ESTAB_RECOVERY_NEWRENO;
    start_with(w, &c);
    SEND(10000);
    SENT(1, 10001);
    AT(80);
    GOT1(1, 1001, 2001);
    GOT1(1, 1001, 3001);
    QUIET(w->now);
    GOT1(1, 1001, 4001);
    SENT(1, 1001);
    CHECK_EQ(STATUS.cwnd, 8000);
    CHECK_EQ(STATUS.sacked, 0);
}

/* ---- what is traced ------------------------------------------------------------------------------------------- */

static bool traced(struct wire *w, enum trace_kind kind)
{
    struct estab_trace t;

    wire_pump(w);
    while (estab_trace_next(w->stack, &t))
        if (t.kind == (uint32_t)kind)
            return true;
    return false;
}

WIRE_TEST(each_decision_is_traced)
{
    struct estab_config c = wire_config();

    c.trace_records = 1024;
    start_with(w, &c);
    SEND(10000);
    SKIP;
    AT(125);
    CHECK(traced(w, TRACE_TAIL_PROBE));
    GOT1(1, 1001, 5001);
    CHECK(traced(w, TRACE_LOST_BY_RACK));
    GOT1(10001, 1, 1001);
    CHECK(traced(w, TRACE_RECOVERY_LEFT));
    SKIP;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_sacked_leave_no_window),
        cmocka_unit_test(one_sacked_waits_a_quarter_of_the_round_trip),
        cmocka_unit_test(reordering_is_learned),
        cmocka_unit_test(a_lost_retransmission),
        cmocka_unit_test(what_went_at_once_is_not_passed),
        cmocka_unit_test(a_dsack_widens_the_window),
        cmocka_unit_test(the_tail_is_probed),
        cmocka_unit_test(a_single_segment_waits_for_a_delayed_ack),
        cmocka_unit_test(without_a_round_trip_the_probe_waits_a_second),
        cmocka_unit_test(a_probe_takes_new_text),
        cmocka_unit_test(a_probe_that_repairs_is_a_loss),
        cmocka_unit_test(a_probe_that_came_twice_is_none),
        cmocka_unit_test(without_rack_nothing_probes),
        cmocka_unit_test(newreno_by_choice),
        cmocka_unit_test(each_decision_is_traced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
