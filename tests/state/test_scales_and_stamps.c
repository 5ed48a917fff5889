/* SPDX-License-Identifier: MIT */
/*
 * test_scales_and_stamps.c - what RFC 7323 asks of a whole connection: timestamps in every segment, the
 * order of its checks, promises in units of a scale.  What a SYN settles is in test_negotiation.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define DAY (86400 * S)

static void start_with(struct wire *w, bool timestamps, bool window_scale)
{
    struct estab_config c = wire_config();

    c.timestamps = timestamps;
    c.window_scale = window_scale;
    c.receive_buffer = 262144;
    c.tuning = false; /* the window grows by text alone */
    wire_start(w, &c);
}

/* ---- window scale ------------------------------------------------------------------------------------ */

/* R7323-3: the option means something in SYNs alone. */
WIRE_TEST(a_scale_in_a_later_segment_is_ignored)
{
    start_with(w, false, true);
    OPEN(1000, .wscale = (int)SCALE(2));
    IN(ACK, 1, 1, 0, .wnd = 1000, .wscale = (int)SCALE(9));
    CHECK_EQ(STATUS.snd_wscale, 2);
    CHECK_EQ(STATUS.snd_wnd, 4000);
    IN(ACK, 1, 1, 0, .wnd = 2000);
    CHECK_EQ(STATUS.snd_wnd, 8000);
}

/* R7323-4: the windows of SYN and SYN,ACK are what they say. R7323-1. */
WIRE_TEST(the_window_of_a_syn_is_not_scaled)
{
    start_with(w, false, true);
    OPEN(1000, .wscale = (int)SCALE(5));
    CHECK_EQ(w->queue[0].wscale, 3);
    CHECK_EQ(w->queue[0].wnd, 65535); /* of 262144, as much as 16 bits hold */
    CHECK_EQ(STATUS.snd_wnd, 1000);
    CHECK_EQ(w->queue[1].wnd, (65535 + 7) / 8);
}

/* R7323-8: no buffer asks for more than 14, and the greatest asks for that. */
WIRE_TEST(the_greatest_buffer_has_a_scale_of_14)
{
    struct estab_config c = wire_config();

    c.window_scale = true;
    c.chunks = 4096;
    c.receive_reserve = 1 << 17;
    c.receive_buffer = 0x20000000;
    wire_start(w, &c);
    OPEN(1000, .wscale = (int)SCALE(0));
    CHECK_EQ(STATUS.rcv_wscale, 14);
    CHECK_EQ(w->queue[0].wscale, 14);
}

/*
 * Appendix F: RCV.NXT advances by parts of the scale's unit, and the edge never moves back.  A peer that fills
 * whatever was ever promised finds all of it taken. R7323-12, R7323-13.
 */
WIRE_TEST(what_was_promised_in_units_is_taken)
{
    uint32_t seq = 1;

    start_with(w, false, true);
    ACCEPT(65535, .wscale = (int)SCALE(0));
    CHECK_EQ(STATUS.rcv_wscale, 3);
    while (w->edge != seq) {
        uint32_t n = w->edge - seq < 701 ? w->edge - seq : 701;

        IN(ACK, seq, 1, n, .wnd = 65535);
        seq += n;
        wire_run(w, w->now + 50 * MS);
        CHECK_EQ(w->last_ack, seq);
    }
    CHECK(seq > 65000);
    CHECK_EQ(wire_reason(w, "TEXT_BEYOND_WINDOW"), 0);
    w->head = w->tail;
    RECEIVE(seq - 1);
}

/* ---- timestamps -------------------------------------------------------------------------------------- */

/* All that was sent has the option; the RSTs of aborts too. */
static void all_stamped(struct wire *w)
{
    wire_pump(w);
    while (w->head != w->tail) {
        const struct wire_segment *s = &w->queue[w->head++ % WIRE_QUEUE];

        if (!s->ts)
            wire_fail(w, HERE, "flags %x at %u have no timestamp", s->flags, (unsigned)s->seq);
    }
}

/* Text, once and again, acknowledgments, probes of a shut window, keep-alives, FIN, and the answers of
 * TIME-WAIT. R7323-18, R7323-20. */
WIRE_TEST(each_segment_has_a_timestamp)
{
    start_with(w, true, false);
    OPEN(65535, .ts = true, .tsval = 7);
    SEND(3000);
    wire_run(w, 1 * S);
    IN(ACK, 1, 3001, 0, .wnd = 0, .ts = true, .tsval = 8);
    SEND(10);
    wire_run(w, 5 * S);
    IN(ACK, 1, 3001, 10, .wnd = 65535, .ts = true, .tsval = 9);
    IN(ACK, 30, 3001, 10, .wnd = 65535, .ts = true, .tsval = 9);
    IN(ACK, 11, 3011, 19, .wnd = 65535, .ts = true, .tsval = 9);
    RECEIVE(39);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 1000, WIRE_START + w->now),
                     ESTAB_OK);
    wire_run(w, w->now + 2 * S);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_run(w, w->now + 1 * S);
    IN(ACK | FIN, 40, 3012, 0, .wnd = 65535, .ts = true, .tsval = 10);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    IN(ACK | FIN, 40, 3012, 0, .wnd = 65535, .ts = true, .tsval = 10);
    CHECK(w->tail - w->head > 15);
    all_stamped(w);
}

/* R7323-23: what was not agreed on is ignored, and the text that came with it is not. */
WIRE_TEST(a_timestamp_that_was_not_agreed_on_is_ignored)
{
    start_with(w, true, false);
    OPEN(65535);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 5);
    IN(ACK, 101, 1, 100, .wnd = 65535, .ts = true, .tsval = 0xfffffff0); /* no PAWS either */
    IN(ACK, 201, 1, 100, .wnd = 65535);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 301);
    CHECK_EQ(wire_reason(w, "TIMESTAMP_NOT_AGREED"), 2);
    CHECK_EQ(wire_reason(w, "PAWS"), 0);
    SKIP;
}

/* R7323-26: of a SYN that crosses ours TSecr says nothing, whatever it says. */
WIRE_TEST(the_echo_of_a_segment_without_ack_is_ignored)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};
    uint32_t ours;

    start_with(w, true, false);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    ours = OUT(0, SYN, 0, 0, 0)->tsval;
    wire_run(w, 300 * MS);
    IN(SYN, 0, 0, 0, .wnd = 65535, .ts = true, .tsval = 1, .tsecr = ours);
    OUT(300 * MS, SYN | ACK, 0, 1, 0);
    CHECK_EQ(STATUS.srtt_us, 0);
    CHECK_EQ(STATUS.rto_us, 1000000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_RECEIVED);
}

/* ---- PAWS -------------------------------------------------------------------------------------------- */

/* R7323-42: what is old and outside the window is old; the answer is the same, its reason is not. */
WIRE_TEST(paws_is_asked_before_the_window)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 1000);
    IN(ACK, 1u << 30, 1, 10, .wnd = 65535, .ts = true, .tsval = 999);
    CHECK_EQ(OUT(0, ACK, 1, 1, 0)->tsecr, 1000);
    CHECK_EQ(wire_reason(w, "PAWS"), 1);
    CHECK_EQ(wire_reason(w, "SEQ_UNACCEPTABLE"), 0);
}

/* R7323-45: text that waits beyond a gap was young when it came, and that counts. */
WIRE_TEST(what_waits_is_not_asked_again)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 1000);
    IN(ACK, 101, 1, 100, .wnd = 65535, .ts = true, .tsval = 1001);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 2000);
    RECEIVE(200);
    CHECK_EQ(wire_reason(w, "PAWS"), 0);
    SKIP;
}

/* R7323-50: the 24 days count from the last segment that TS.Recent is of. */
WIRE_TEST(each_segment_begins_the_24_days_anew)
{
    start_with(w, true, false);
    ACCEPT(65535, .ts = true, .tsval = 1000);
    QUIET(20 * DAY);
    IN(ACK, 1, 1, 100, .wnd = 65535, .ts = true, .tsval = 2000);
    OUT(20 * DAY + 40 * MS, ACK, 1, 101, 0);
    QUIET(40 * DAY);
    IN(ACK, 101, 1, 100, .wnd = 65535, .ts = true, .tsval = 1999);
    CHECK_EQ(wire_reason(w, "PAWS"), 1);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 101);
    SKIP;
    RECEIVE(100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scale_in_a_later_segment_is_ignored),
        cmocka_unit_test(the_window_of_a_syn_is_not_scaled),
        cmocka_unit_test(the_greatest_buffer_has_a_scale_of_14),
        cmocka_unit_test(what_was_promised_in_units_is_taken),
        cmocka_unit_test(each_segment_has_a_timestamp),
        cmocka_unit_test(a_timestamp_that_was_not_agreed_on_is_ignored),
        cmocka_unit_test(the_echo_of_a_segment_without_ack_is_ignored),
        cmocka_unit_test(paws_is_asked_before_the_window),
        cmocka_unit_test(what_waits_is_not_asked_again),
        cmocka_unit_test(each_segment_begins_the_24_days_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
