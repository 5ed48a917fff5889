/* SPDX-License-Identifier: MIT */
/*
 * test_window.c - when text may go, and how far the window opens: zero windows and their probes,
 * windows that shrink, silly-window avoidance on both sides, Nagle, PUSH and MORE (RFC 9293
 * sections 3.7.4 and 3.8.6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define CLOSED ESTAB_EVENT_CLOSED

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

/* A receiver of 4096 bytes. */
static void start_small(struct wire *w)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 4096;
    wire_start(w, &c);
}

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

static void user_close(struct wire *w)
{
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

#define SEND_WITH(n, flags) wire_send(w, n, flags, HERE)

/* ---- zero windows: MUST-36, MUST-37, SHLD-29, SHLD-30 ------------------------------------------------- */

/* MUST-36, MUST-37, SHLD-30. */
WIRE_TEST(a_zero_window_is_probed_for_ever)
{
    static const unsigned at_ms[] = {200,   600,   1400,   3000,   6200,   12600,
                                     25400, 51000, 102200, 204600, 324600, 444600};

    start(w);
    OPEN(0);
    SEND(100);
    for (unsigned i = 0; i < sizeof at_ms / sizeof at_ms[0]; i++) {
        OUT(at_ms[i] * MS, ACK, 0, 1, 0);
        IN(ACK, 1, 1, 0, .wnd = 0);
    }
    for (unsigned i = 1; i <= 200; i++) { /* far beyond R2 */
        OUT((444600 + i * 120000) * MS, ACK, 0, 1, 0);
        IN(ACK, 1, 1, 0, .wnd = 0);
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    wire_run(w, 24500 * S);
    IN(ACK, 1, 1, 0, .wnd = 1000);
    OUT(24500 * S, ACK | PSH, 1, 1, 100);
}

/* Only for its own acknowledgments: a silent peer is given up after R2. */
WIRE_TEST(probes_without_an_answer_end_at_r2)
{
    start(w);
    OPEN(0);
    wire_run(w, 5 * S);
    SEND(100);
    wire_run(w, 5 * S + 924600 * MS - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    wire_run(w, 5 * S + 924600 * MS + 120 * S);
    CHECK(w->events & CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    w->head = w->tail;
}

/* R2 is counted from the text, not from the last word of a peer that had nothing to say. */
WIRE_TEST(an_old_silence_does_not_count_against_a_zero_window)
{
    start(w);
    OPEN(0);
    wire_run(w, 3600 * S);
    SEND(100);
    OUT(3600200 * MS, ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 500);
    OUT(3600200 * MS, ACK | PSH, 1, 1, 100);
}

/* MUST-35, MUST-36, SHLD-30. */
WIRE_TEST(the_window_closes_in_between)
{
    start(w);
    OPEN(1460);
    SEND(3000);
    OUT(0, ACK, 1, 1, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 0);
    OUT(200 * MS, ACK, 1460, 1, 0);
    OUT(600 * MS, ACK, 1460, 1, 0);
    wire_run(w, 700 * MS);
    IN(ACK, 1, 1461, 0, .wnd = 1460);
    OUT(700 * MS, ACK, 1461, 1, 1460);
    IN(ACK, 1, 2921, 0, .wnd = 0);
    OUT(900 * MS, ACK, 2920, 1, 0); /* the backing off begins anew */
    OUT(1300 * MS, ACK, 2920, 1, 0);
    IN(ACK, 1, 2921, 0, .wnd = 65535);
    OUT(1300 * MS, ACK | PSH, 2921, 1, 80);
}

/* A FIN takes a number in the window, too. */
WIRE_TEST(a_fin_waits_for_the_window)
{
    start(w);
    OPEN(0);
    user_close(w);
    OUT(200 * MS, ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 0);
    OUT(600 * MS, ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 1);
    OUT(600 * MS, FIN | ACK, 1, 1, 0);
}

/* ---- windows that shrink: MUST-34, MUST-35, SHLD-15, SHLD-16, SHLD-17 --------------------------------- */

/* By what was in flight: "or retransmit ... even if the send window is zero".
 * SHLD-16, SHLD-17, MAY-7. */
WIRE_TEST(a_window_shrunk_to_zero_is_probed)
{
    start(w);
    OPEN(5000);
    SEND(6000);
    OUT(0, ACK, 1, 1, 1460);
    OUT(0, ACK, 1461, 1, 1460);
    OUT(0, ACK | PSH, 2921, 1, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 0);
    OUT(200 * MS, ACK, 1461, 1, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 0);
    OUT(600 * MS, ACK, 1461, 1, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 0);
    OUT(1400 * MS, ACK, 1461, 1, 1460);
    for (unsigned i = 0; i < 50; i++) { /* more than R2 */
        const struct wire_segment *s = wire_any(w, w->now + 130 * S);

        CHECK(s && s->len == 1460 && s->seq == 1461);
        IN(ACK, 1, 1461, 0, .wnd = 0);
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    IN(ACK, 1, 1461, 0, .wnd = 5000);
    QUIET(w->now + 1 * S); /* one segment after a timeout */
    IN(ACK, 1, 4381, 0, .wnd = 5000);
    OUT(w->now, ACK, 4381, 1, 1460);
    IN(ACK, 1, 5841, 0, .wnd = 5000);
    OUT(w->now, ACK | PSH, 5841, 1, 160);
}

WIRE_TEST(a_window_closed_over_a_fin)
{
    start(w);
    OPEN(5000);
    user_close(w);
    OUT(0, FIN | ACK, 1, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 0);
    OUT(200 * MS, FIN | ACK, 1, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 0);
    OUT(600 * MS, FIN | ACK, 1, 1, 0);
}

/* What is within the smaller window is sent again, and no more, for a peer may drop unread what ends
 * beyond its edge; new text is not sent. MUST-34, SHLD-15. R7323-11, R7323-15. */
WIRE_TEST(a_window_shrunk_below_what_is_in_flight)
{
    start(w);
    OPEN(8000);
    SEND(9000);
    for (uint32_t i = 0; i < 5; i++)
        OUT(0, i < 4 ? ACK : ACK | PSH, 1 + 1460 * i, 1, 1460);
    IN(ACK, 1, 1461, 0, .wnd = 1000);
    QUIET(200 * MS - 1); /* no new text: the usable window is negative */
    OUT(200 * MS, ACK, 1461, 1, 1000);
    IN(ACK, 1, 2461, 0, .wnd = 1000);
    OUT(200 * MS, ACK, 2461, 1, 1000);
    QUIET(300 * MS);
    IN(ACK, 1, 7301, 0, .wnd = 8000); /* it had taken all */
    OUT(300 * MS, ACK, 7301, 1, 1460);
    IN(ACK, 1, 8761, 0, .wnd = 8000);
    OUT(300 * MS, ACK | PSH, 8761, 1, 240);
}

/* Section 3.10.7.4 step 5: only SND.UNA =< SEG.ACK =< SND.NXT updates the send window, and no older
 * segment does. */
WIRE_TEST(an_old_segment_updates_no_window)
{
    start(w);
    OPEN(65535);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    IN(ACK, 1, 101, 0, .wnd = 5000);
    CHECK_EQ(STATUS.snd_wnd, 5000);
    IN(ACK, 11, 51, 10, .wnd = 7); /* a later number, an older ACK */
    CHECK_EQ(STATUS.snd_wnd, 5000);
    IN(ACK, 21, 101, 10, .wnd = 6000);
    CHECK_EQ(STATUS.snd_wnd, 6000);
    IN(ACK, 1, 101, 10, .wnd = 8); /* an older number */
    CHECK_EQ(STATUS.snd_wnd, 6000);
    CHECK_EQ(STATUS.snd_wl1, w->irs + 21);
    w->head = w->tail;
}

/* ---- the sender's silly-window avoidance: MUST-38 -------------------------------------------------------- */

/* MUST-38. */
WIRE_TEST(a_small_part_of_the_window_waits_for_the_override_timer)
{
    start(w);
    OPEN(8000);
    SEND(20000);
    for (uint32_t i = 0; i < 5; i++)
        OUT(0, i < 4 ? ACK : ACK | PSH, 1 + 1460 * i, 1, 1460);
    QUIET(10 * MS); /* 700 more would fit */
    IN(ACK, 1, 7301, 0, .wnd = 100);
    OUT(210 * MS, ACK, 7301, 1, 100);
    IN(ACK, 1, 7401, 0, .wnd = 1459);
    OUT(410 * MS, ACK, 7401, 1, 1459);
    IN(ACK, 1, 8860, 0, .wnd = 1460);
    OUT(410 * MS, ACK, 8860, 1, 1460); /* a full segment does not wait */
}

/* Half of the largest window that the peer ever had, where that is less than a segment.
 * MUST-38. */
WIRE_TEST(half_the_largest_window_does_not_wait)
{
    start(w);
    OPEN(1000);
    SEND(3000);
    OUT(0, ACK, 1, 1, 1000);
    IN(ACK, 1, 1001, 0, .wnd = 499);
    OUT(200 * MS, ACK, 1001, 1, 499);
    IN(ACK, 1, 1500, 0, .wnd = 500);
    OUT(200 * MS, ACK, 1500, 1, 500);
}

/* "[SND.NXT = SND.UNA and] min(D,U) >= Fs * Max(SND.WND)": Nagle's bracket. */
WIRE_TEST(half_the_largest_window_waits_for_nagle)
{
    start(w);
    OPEN(1000);
    SEND(5000);
    OUT(0, ACK, 1, 1, 1000);
    IN(ACK, 1, 1, 0, .wnd = 2000);
    QUIET(10 * MS);
    set(w, ESTAB_OPTION_NAGLE, 0);
    OUT(10 * MS, ACK, 1001, 1, 1000);
}

/* ---- Nagle: SHLD-7, MUST-17 --------------------------------------------------------------------------------- */

/* SHLD-7. */
WIRE_TEST(nagle_gathers_small_pieces)
{
    start(w);
    OPEN(65535);
    SEND(1);
    OUT(0, ACK | PSH, 1, 1, 1);
    SEND(100);
    SEND(100);
    QUIET(50 * MS);
    IN(ACK, 1, 2, 0, .wnd = 65535);
    OUT(50 * MS, ACK | PSH, 2, 1, 200);
    SEND(1459);
    QUIET(60 * MS);
    SEND(2);
    OUT(60 * MS, ACK, 202, 1, 1460); /* a full segment goes */
    QUIET(70 * MS);
    IN(ACK, 1, 1662, 0, .wnd = 65535);
    OUT(70 * MS, ACK | PSH, 1662, 1, 1);
}

/* Nor does text wait that goes out together with it. SHLD-7. */
WIRE_TEST(urgent_text_does_not_wait_for_nagle)
{
    start(w);
    OPEN(65535);
    SEND(1);
    OUT(0, ACK | PSH, 1, 1, 1);
    SEND(100);
    QUIET(10 * MS);
    wire_send(w, 1, ESTAB_URGENT, HERE);
    OUT(10 * MS, ACK | PSH | URG, 2, 1, 101);
    SEND(1);
    QUIET(20 * MS);
}

/* MUST-17. */
WIRE_TEST(nagle_can_be_switched_off)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_NAGLE, 0);
    for (uint32_t i = 0; i < 10; i++) {
        SEND(1);
        OUT(0, ACK | PSH, 1 + i, 1, 1);
    }
}

/* MUST-17. */
WIRE_TEST(switching_nagle_off_lets_text_go)
{
    start(w);
    OPEN(65535);
    SEND(1);
    OUT(0, ACK | PSH, 1, 1, 1);
    SEND(1);
    QUIET(10 * MS);
    set(w, ESTAB_OPTION_NAGLE, 0);
    OUT(10 * MS, ACK | PSH, 2, 1, 1);
}

/* ---- PUSH and MORE: MUST-60, MUST-61 -------------------------------------------------------------------------- */

/* MUST-61, SHLD-28. */
WIRE_TEST(the_last_segment_is_pushed)
{
    start(w);
    OPEN(65535);
    SEND(4000);
    OUT(0, ACK, 1, 1, 1460);
    OUT(0, ACK, 1461, 1, 1460);
    OUT(0, ACK | PSH, 2921, 1, 1080);
}

/* Without a round trip yet, a burst is half the window; then what goes out in a millisecond, but at
 * least burst_segments. */
WIRE_TEST(a_burst_ends_with_a_push)
{
    start(w);
    OPEN(65535, .mss = 1000);
    SEND(20500);
    for (uint32_t i = 0; i < 10; i++)
        OUT(0, i % 5 == 4 ? ACK | PSH : ACK, 1 + 1000 * i, 1, 1000);
    wire_run(w, 100 * MS);
    IN(ACK, 1, 3001, 0, .wnd = 65535); /* SRTT is 12.5 ms: 26000 a round trip, 2 in a millisecond */
    for (uint32_t i = 0; i < 6; i++)
        OUT(100 * MS, i % 2 == 1 ? ACK | PSH : ACK, 10001 + 1000 * i, 1, 1000);
    IN(ACK, 1, 4001, 0, .wnd = 65535);
    OUT(100 * MS, ACK, 16001, 1, 1000);
    OUT(100 * MS, ACK | PSH, 17001, 1, 1000);
    IN(ACK, 1, 17001, 0, .wnd = 18000);
    OUT(100 * MS, ACK, 18001, 1, 1000);
    OUT(100 * MS, ACK | PSH, 19001, 1, 1000);
    OUT(100 * MS, ACK | PSH, 20001, 1, 500);
}

WIRE_TEST(the_rest_of_the_text_ends_the_burst)
{
    start(w);
    OPEN(65535, .mss = 1000);
    SEND(7500);
    for (uint32_t i = 0; i < 5; i++)
        OUT(0, i == 4 ? ACK | PSH : ACK, 1 + 1000 * i, 1, 1000);
    OUT(0, ACK, 5001, 1, 1000);
    OUT(0, ACK, 6001, 1, 1000); /* the last full one, but 500 bytes follow */
    OUT(0, ACK | PSH, 7001, 1, 500);
}

/* One segment alone is no burst. */
WIRE_TEST(one_segment_is_no_burst)
{
    start(w);
    OPEN(65535, .mss = 1000);
    SEND(1500);
    OUT(0, ACK, 1, 1, 1000);
    IN(ACK, 1, 1001, 0, .wnd = 65535);
    OUT(0, ACK | PSH, 1001, 1, 500);
}

/* MAY-16. */
WIRE_TEST(more_waits_for_a_full_segment)
{
    start(w);
    OPEN(65535);
    SEND_WITH(1000, ESTAB_MORE);
    QUIET(10 * MS);
    SEND_WITH(1000, ESTAB_MORE);
    OUT(10 * MS, ACK, 1, 1, 1460);
    QUIET(20 * MS);
    SEND(100); /* and nothing small is outstanding */
    OUT(20 * MS, ACK | PSH, 1461, 1, 640);
}

/* MUST-60: not for ever. */
WIRE_TEST(more_does_not_wait_for_ever)
{
    start(w);
    OPEN(65535);
    SEND_WITH(10, ESTAB_MORE);
    OUT(200 * MS, ACK | PSH, 1, 1, 10);
}

/* MAY-15. */
WIRE_TEST(push_ends_more)
{
    start(w);
    OPEN(65535);
    SEND_WITH(10, ESTAB_MORE);
    SEND_WITH(10, ESTAB_MORE | ESTAB_PUSH);
    OUT(0, ACK | PSH, 1, 1, 20);
    IN(ACK, 1, 21, 0, .wnd = 65535);
    SEND_WITH(10, ESTAB_MORE);
    QUIET(100 * MS);
    user_close(w);
    OUT(100 * MS, FIN | ACK | PSH, 21, 1, 10);
}

/* MAY-17: a peer's PSH is told to the user. */
WIRE_TEST(a_push_is_told)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 100, .wnd = 65535);
    CHECK(!RECEIVE(100).push);
    IN(ACK | PSH, 101, 1, 100, .wnd = 65535);
    CHECK(!RECEIVE(50).push);
    CHECK(RECEIVE(50).push);
    w->head = w->tail;
}

/* ---- the receiver's silly-window avoidance: MUST-39 ------------------------------------------------------------ */

/* MUST-39. */
WIRE_TEST(a_closed_window_opens_by_a_segment_at_least)
{
    start_small(w);
    ACCEPT(65535);
    CHECK_EQ(STATUS.rcv_wnd, 4096);
    IN(ACK, 1, 1, 1460, .wnd = 65535);
    IN(ACK, 1461, 1, 1460, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK, 1, 2921, 0)->wnd, 1176);
    IN(ACK, 2921, 1, 1176, .wnd = 65535);
    CHECK_EQ(OUT(40 * MS, ACK, 1, 4097, 0)->wnd, 0);
    RECEIVE(100);
    QUIET(50 * MS);
    RECEIVE(1359);
    QUIET(60 * MS);
    RECEIVE(1);
    CHECK_EQ(OUT(60 * MS, ACK, 1, 4097, 0)->wnd, 1460);
    RECEIVE(1459);
    QUIET(70 * MS);
    RECEIVE(1);
    CHECK_EQ(OUT(70 * MS, ACK, 1, 4097, 0)->wnd, 2920);
}

/* What arrives at a closed window is acknowledged, and its ACK counts (MUST-66). */
WIRE_TEST(text_at_a_closed_window)
{
    start_small(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 4096, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK, 1, 4097, 0)->wnd, 0);
    SEND(10);
    OUT(0, ACK | PSH, 1, 4097, 10);
    IN(ACK, 4097, 11, 1, .wnd = 65535); /* a probe with an octet, as RFC 9293 has it */
    CHECK_EQ(OUT(0, ACK, 11, 4097, 0)->wnd, 0);
    CHECK_EQ(STATUS.snd_una, w->iss + 11);
    IN(ACK, 4096, 11, 0, .wnd = 65535); /* and one without, as Linux has it */
    CHECK_EQ(OUT(0, ACK, 11, 4097, 0)->wnd, 0);
    QUIET(100 * MS);
    RECEIVE(4096);
    CHECK_EQ(OUT(100 * MS, ACK, 11, 4097, 0)->wnd, 4096);
    IN(ACK, 4097, 11, 1, .wnd = 65535);
    RECEIVE(1);
}

/* Small segments, each read at once: the edge moves in steps of min(MSS, half the buffer).
 * MUST-39. */
WIRE_TEST(the_edge_moves_in_steps)
{
    uint32_t edge;

    start_small(w);
    ACCEPT(65535);
    edge = w->edge;
    for (uint32_t i = 0; i < 2000; i++) {
        IN(ACK, 1 + 10 * i, 1, 10, .wnd = 65535);
        RECEIVE(10);
        wire_pump(w);
        CHECK(w->edge == edge || w->edge - edge >= 1460);
        edge = w->edge;
        w->head = w->tail;
    }
    CHECK(edge > 10000);
}

/* A user that takes nothing: no more is accepted than was promised, and that much is. R7323-12. */
WIRE_TEST(the_promise_is_kept)
{
    uint32_t seq = 1;

    start_small(w);
    ACCEPT(65535);
    while (w->edge != seq) {
        uint32_t n = w->edge - seq < 700 ? w->edge - seq : 700;

        IN(ACK, seq, 1, n, .wnd = 65535);
        seq += n;
        wire_run(w, w->now + 50 * MS);
        CHECK_EQ(w->last_ack, seq);
    }
    CHECK_EQ(seq, 4097);
    w->head = w->tail;
    RECEIVE(4096);
}

WIRE_TEST(text_beyond_the_window_is_cut_off)
{
    start_small(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 5000, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK, 1, 4097, 0)->wnd, 0);
    CHECK_EQ(wire_reason(w, "TEXT_BEYOND_WINDOW"), 1);
    RECEIVE(4096);
    OUT(0, ACK, 1, 4097, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zero_window_is_probed_for_ever),
        cmocka_unit_test(probes_without_an_answer_end_at_r2),
        cmocka_unit_test(an_old_silence_does_not_count_against_a_zero_window),
        cmocka_unit_test(the_window_closes_in_between),
        cmocka_unit_test(a_fin_waits_for_the_window),
        cmocka_unit_test(a_window_shrunk_to_zero_is_probed),
        cmocka_unit_test(a_window_closed_over_a_fin),
        cmocka_unit_test(a_window_shrunk_below_what_is_in_flight),
        cmocka_unit_test(an_old_segment_updates_no_window),
        cmocka_unit_test(a_small_part_of_the_window_waits_for_the_override_timer),
        cmocka_unit_test(half_the_largest_window_does_not_wait),
        cmocka_unit_test(half_the_largest_window_waits_for_nagle),
        cmocka_unit_test(nagle_gathers_small_pieces),
        cmocka_unit_test(urgent_text_does_not_wait_for_nagle),
        cmocka_unit_test(nagle_can_be_switched_off),
        cmocka_unit_test(switching_nagle_off_lets_text_go),
        cmocka_unit_test(the_last_segment_is_pushed),
        cmocka_unit_test(a_burst_ends_with_a_push),
        cmocka_unit_test(the_rest_of_the_text_ends_the_burst),
        cmocka_unit_test(one_segment_is_no_burst),
        cmocka_unit_test(more_waits_for_a_full_segment),
        cmocka_unit_test(more_does_not_wait_for_ever),
        cmocka_unit_test(push_ends_more),
        cmocka_unit_test(a_push_is_told),
        cmocka_unit_test(a_closed_window_opens_by_a_segment_at_least),
        cmocka_unit_test(text_at_a_closed_window),
        cmocka_unit_test(the_edge_moves_in_steps),
        cmocka_unit_test(the_promise_is_kept),
        cmocka_unit_test(text_beyond_the_window_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
