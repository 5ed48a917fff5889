/* SPDX-License-Identifier: MIT */
/*
 * test_blind.c - a stranger who knows the sockets and sees nothing (RFC 5961): RST, SYN, text, FIN and ACK at
 * every offset of the window, and some beyond it, in each synchronized state.  Nothing ends, nothing moves, no
 * byte of its text is taken; afterwards the peer's text arrives as it was sent.
 *
 * What it may guess: the sequence number that a RST needs (RCV.NXT, one of 2^32), and, for text, one in the
 * window together with an acknowledgment in the last window (RFC 5961 section 5.2); with timestamps agreed on,
 * none of this is enough for text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

enum { WINDOW = 4096, AROUND = 3, TEXT = 40 };

static const char forged[] = "forged forged forged forged forged forged forged forged";

static void begin(struct wire *w, bool stamped)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 8192;
    c.timestamps = stamped;
    wire_start(w, &c);
    OPEN(60000, .ts = stamped, .tsval = 1000);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_WINDOW_CLAMP, WINDOW,
                               WIRE_START + w->now),
                     ESTAB_OK);
    SEND(100); /* something is outstanding that must not be taken for acknowledged */
    SKIP;
}

/* Into a state, our text unacknowledged; the peer's next number. */
static uint32_t into(struct wire *w, enum estab_state state)
{
    begin(w, false);
    if (state == ESTAB_STATE_CLOSE_WAIT || state == ESTAB_STATE_LAST_ACK)
        IN(ACK | FIN, 1, 1, 0, .wnd = 60000);
    if (state != ESTAB_STATE_ESTABLISHED && state != ESTAB_STATE_CLOSE_WAIT)
        assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    SKIP;
    if (state == ESTAB_STATE_CLOSING)
        IN(ACK | FIN, 1, 1, 0, .wnd = 60000);
    if (state == ESTAB_STATE_FIN_WAIT_2)
        IN(ACK, 1, 102, 0, .wnd = 60000);
    SKIP;
    CHECK_EQ(STATUS.state, state);
    return STATUS.rcv_nxt - w->irs;
}

static void unmoved(struct wire *w, const struct estab_status *was, int32_t off)
{
    struct estab_status is = STATUS;

    if (is.state != was->state || is.rcv_nxt != was->rcv_nxt || is.snd_una != was->snd_una ||
        is.snd_nxt != was->snd_nxt || is.snd_wnd != was->snd_wnd || is.rcv_up != was->rcv_up ||
        is.receive_queued != was->receive_queued || is.out_of_order != was->out_of_order ||
        is.cwnd != was->cwnd)
        wire_fail(w, HERE, "a stranger at offset %d has moved the connection", off);
}

/* Acknowledgments that were never in a window, from all over the circle. */
static const uint32_t blind_acks[] = {1000000,    0x10000000, 0x40000000, 0x7fffff00,
                                      0x80000000, 0xc0000000, 0xfff00000};

static void try_offset(struct wire *w, uint32_t nxt, int32_t off)
{
    uint32_t seq = nxt + (uint32_t)off, ack = blind_acks[(uint32_t)off % 7];

    if (off != 0) { /* which is RST's own place */
        IN(RST, seq, 0, 0, .wnd = 0);
        IN(RST | ACK, seq, ack, 0, .wnd = 0);
    }
    IN(SYN, seq, 0, 0, .wnd = 0, .mss = 64);
    IN(SYN | ACK, seq, ack, 0, .wnd = 0, .mss = 64);
    IN(ACK | PSH, seq, ack, TEXT, .wnd = 0, .text = forged);
    IN(ACK | PSH, seq, ack, 1, .wnd = 0, .text = forged);
    IN(PSH, seq, 0, TEXT, .wnd = 0, .text = forged);
    IN(URG | ACK, seq, ack, TEXT, .wnd = 0, .up = 65535, .text = forged);
    IN(ACK, seq, ack, 0, .wnd = 0);
    IN(FIN | ACK, seq, ack, 0, .wnd = 0);
    IN(FIN, seq, 0, 0, .wnd = 0);
    IN(0, seq, 0, 0, .wnd = 0);
}

static void try_all(struct wire *w, uint32_t nxt)
{
    struct estab_status was = STATUS;

    for (int32_t off = -AROUND; off < (int32_t)was.rcv_wnd + AROUND; off++) {
        try_offset(w, nxt, off);
        unmoved(w, &was, off);
        w->head = w->tail;
    }
    CHECK_EQ(w->events & (unsigned)~ESTAB_EVENT_PEER_CLOSED, 0);
    w->fin_sent = false; /* none of these FINs was the peer's */
}

/* R5961-1, R5961-5, R5961-10. BAD-8. */
WIRE_TEST(no_offset_moves_established)
{
    uint32_t nxt = into(w, ESTAB_STATE_ESTABLISHED);

    CHECK(STATUS.rcv_wnd >= WINDOW - 1);
    try_all(w, nxt);
    for (unsigned at = 1; at < 3001; at += 1000) /* the peer goes on */
        IN(ACK | PSH, at, 101, 1000, .wnd = 60000);
    RECEIVE(3000);
    CHECK_EQ(STATUS.snd_una - w->iss, 101);
    CHECK_EQ(STATUS.snd_wnd, 60000);
    SKIP;
    IN(ACK | FIN, 3001, 101, 0, .wnd = 60000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSE_WAIT);
}

/* R5961-1, R5961-5, R5961-10. BAD-8. */
WIRE_TEST(nor_the_closing_states)
{
    static const enum estab_state states[] = {ESTAB_STATE_FIN_WAIT_1, ESTAB_STATE_FIN_WAIT_2,
                                              ESTAB_STATE_CLOSE_WAIT, ESTAB_STATE_CLOSING,
                                              ESTAB_STATE_LAST_ACK};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        uint32_t nxt = into(w, states[i]);

        w->events = 0;
        try_all(w, nxt);
        wire_stop(w);
        *w = (struct wire){.iss = w->iss, .irs = w->irs};
    }
    begin(w, false); /* which the end of the test ends */
}

/* A gap is open: text beyond it is held, and no stranger's joins it or takes its place. BAD-8. */
WIRE_TEST(nor_what_is_held_beyond_a_gap)
{
    uint32_t nxt = into(w, ESTAB_STATE_ESTABLISHED);

    IN(ACK | PSH, 1001, 1, 1000, .wnd = 60000);
    CHECK_EQ(STATUS.out_of_order, 1000);
    w->events = 0;
    try_all(w, nxt);
    IN(ACK | PSH, 1, 1, 1000, .wnd = 60000);
    RECEIVE(2000);
}

/* With timestamps text is refused even where the acknowledgment was guessed, for it has none, or an old one. */
WIRE_TEST(with_timestamps_a_guess_is_not_enough)
{
    struct estab_status was;

    begin(w, true);
    was = STATUS;
    for (int32_t off = 0; off < (int32_t)was.rcv_wnd; off++) {
        uint32_t seq = 1 + (uint32_t)off;

        IN(ACK | PSH, seq, 1, TEXT, .wnd = 0, .text = forged);
        IN(ACK | PSH, seq, 101, TEXT, .wnd = 0, .text = forged);
        IN(ACK | FIN, seq, 1, 0, .wnd = 0);
        IN(ACK | PSH, seq, 1, TEXT, .wnd = 0, .text = forged, .ts = true, .tsval = 999);
        IN(ACK | PSH, seq, 1, TEXT, .wnd = 0, .text = forged, .ts = true, .tsval = 0x80000010 + 1000);
        unmoved(w, &was, off);
        w->head = w->tail;
    }
    w->fin_sent = false;
    IN(ACK | PSH, 1, 101, 1000, .wnd = 60000, .ts = true, .tsval = 1001);
    RECEIVE(1000);
}

/* A blind acknowledgment with a stamp far ahead: what is not taken does not move TS.Recent either. R7323-39. */
WIRE_TEST(stamps_are_not_poisoned)
{
    begin(w, true);
    for (uint32_t off = 0; off < WINDOW; off += 7) {
        IN(ACK | PSH, 1 + off, 1000000, TEXT, .wnd = 0, .text = forged, .ts = true,
           .tsval = 1000 + 0x7ffffff0u);
        IN(RST, 2 + off, 0, 0, .wnd = 0, .ts = true, .tsval = 1000 + 0x7ffffff0u);
        IN(SYN, 1 + off, 0, 0, .wnd = 0, .ts = true, .tsval = 1000 + 0x7ffffff0u);
    }
    w->head = w->tail;
    IN(ACK | PSH, 1, 101, 1000, .wnd = 60000, .ts = true, .tsval = 1001);
    RECEIVE(1000);
    CHECK_EQ(wire_reason(w, "PAWS"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_offset_moves_established),
        cmocka_unit_test(nor_the_closing_states),
        cmocka_unit_test(nor_what_is_held_beyond_a_gap),
        cmocka_unit_test(with_timestamps_a_guess_is_not_enough),
        cmocka_unit_test(stamps_are_not_poisoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
