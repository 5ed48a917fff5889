/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in FIN-WAIT-1: our FIN is in flight, SND.UNA = 1, SND.NXT = 2,
 * RCV.NXT = 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = FIN_WAIT_1, .ways = ALL_WAYS
#define LAST     (ESTAB_EVENT_READABLE | ESTAB_EVENT_PEER_CLOSED)

/* R5961-2, R5961-3, R5961-4, R5961-7, R5961-12. */
static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {SYNCHRONIZED_ROWS(1, 2, 1, E, 1000, ESTAB_RESET)};
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void acknowledgments_and_text(void **state)
{
    static const struct arrival rows[] = {
        ROW("ACK of our FIN", .in = SEG(ACK, 1, 2), .to = FIN_WAIT_2, .una = 2),
        ROW("ACK of our FIN, in the window", .in = SEG(ACK, 1000, 2), .to = FIN_WAIT_2, .una = 2),
        ROW("ACK of nothing new", .in = SEG(ACK, 1, 1), .una = 1),
        ROW("old ACK", .in = SEG(ACK, 1, 0), .una = 1),
        ROW("text", .in = SEG(PSH | ACK, 1, 1, .len = 10), .out = {SEG(ACK, 2, 11, .at_ms = 40)},
            .nxt = 11, .text = 10, .events = ESTAB_EVENT_READABLE),
        ROW("text with the ACK of our FIN", .in = SEG(PSH | ACK, 1, 2, .len = 10),
            .out = {SEG(ACK, 2, 11, .at_ms = 40)}, .to = FIN_WAIT_2, .nxt = 11, .una = 2,
            .events = ESTAB_EVENT_READABLE),
        ROW("text beyond a gap, with the ACK of our FIN", .in = SEG(PSH | ACK, 11, 2, .len = 10),
            ANSWER(2, 1), .to = FIN_WAIT_2, .una = 2, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("text and more than the window", .in = SEG(ACK, 1, 1, .len = RIG_WINDOW + 1),
            ANSWER(2, E), .nxt = E, .events = ESTAB_EVENT_READABLE,
            .reason = {REASON_TEXT_BEYOND_WINDOW}),
        ROW("urgent text", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 10),
            .out = {SEG(ACK, 2, 11, .at_ms = 40)}, .up = 11,
            .events = ESTAB_EVENT_READABLE | ESTAB_EVENT_URGENT),
        ROW("a window", .in = SEG(ACK, 1, 1, .wnd = 100), .wnd = 100),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void fin_beyond_a_gap(struct rig *r)
{
    IN(r, FIN | ACK, 11, 1);
    OUT(r, ACK, 2, 1);
}

static void fins(void **state)
{
    static const struct arrival rows[] = {
        ROW("FIN", .in = SEG(FIN | ACK, 1, 1), ANSWER(2, 2), .to = CLOSING, .nxt = 2, .una = 1,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN with an old ACK", .in = SEG(FIN | ACK, 1, 0), ANSWER(2, 2), .to = CLOSING,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN with text", .in = SEG(FIN | PSH | ACK, 1, 1, .len = 10), ANSWER(2, 12),
            .to = CLOSING, .nxt = 12, .text = 10, .events = LAST),
        ROW("FIN and the ACK of ours: one edge", .in = SEG(FIN | ACK, 1, 2), ANSWER(2, 2),
            .to = TIME_WAIT, .nxt = 2, .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN, text and the ACK of ours", .in = SEG(FIN | PSH | ACK, 1, 2, .len = 10),
            ANSWER(2, 12), .to = TIME_WAIT, .nxt = 12, .una = 2, .text = 10, .events = LAST),
        ROW("FIN beyond a gap", .in = SEG(FIN | ACK, 11, 1), ANSWER(2, 1), .nxt = 1,
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("FIN beyond a gap, and the ACK of ours", .in = SEG(FIN | ACK, 11, 2), ANSWER(2, 1),
            .to = FIN_WAIT_2, .nxt = 1, .una = 2, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("FIN that was held", .before = fin_beyond_a_gap, .in = SEG(ACK, 1, 1, .len = 10),
            ANSWER(2, 12), .to = CLOSING, .nxt = 12, .text = 10, .events = LAST),
        ROW("FIN that was held, and the ACK of ours", .before = fin_beyond_a_gap,
            .in = SEG(ACK, 1, 2, .len = 10), ANSWER(2, 12), .to = TIME_WAIT, .nxt = 12, .una = 2,
            .text = 10, .events = LAST),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* ---- with text of ours in front of the FIN -------------------------------------------------------- */

static void ten_sent_and_closed(struct rig *r)
{
    (void)rig_send(r, 10, 0);
    OUT(r, PSH | ACK, 1, 1, .len = 10);
    (void)rig_close(r);
    OUT(r, FIN | ACK, 11, 1);
}

static void fin_behind_text(void **state)
{
    static const struct arrival rows[] = {
        ROW("ACK of the text", .in = SEG(ACK, 1, 11), .to = FIN_WAIT_1, .una = 11),
        ROW("ACK of a part of it", .in = SEG(ACK, 1, 5), .to = FIN_WAIT_1, .una = 5),
        ROW("ACK of all", .in = SEG(ACK, 1, 12), .to = FIN_WAIT_2, .una = 12),
        ROW("ACK of more", .in = SEG(ACK, 1, 13), ANSWER(12, 1), .to = FIN_WAIT_1, .una = 1,
            .reason = {REASON_ACK_UNSENT}),
        ROW("FIN and the ACK of the text", .in = SEG(FIN | ACK, 1, 11), ANSWER(12, 2),
            .to = CLOSING, .events = ESTAB_EVENT_PEER_CLOSED, .una = 11),
        ROW("FIN and the ACK of all", .in = SEG(FIN | ACK, 1, 12), ANSWER(12, 2), .to = TIME_WAIT,
            .events = ESTAB_EVENT_PEER_CLOSED),
    };
    (void)state;
    RUN_ROWS(rows, .state = ESTABLISHED, .ways = ALL_WAYS, .before = ten_sent_and_closed);
}

/* ---- by CLOSE in SYN-RECEIVED (section 3.10.4): SND.UNA = 0 --------------------------------------- */

static void closed(struct rig *r)
{
    (void)rig_close(r);
    OUT(r, FIN | ACK, 1, 1);
}

static void syn_not_acknowledged(void **state)
{
    static const struct arrival rows[] = {
        ROW("ACK of our SYN", .in = SEG(ACK, 1, 1), .to = FIN_WAIT_1, .una = 1),
        ROW("ACK of our SYN and FIN", .in = SEG(ACK, 1, 2), .to = FIN_WAIT_2, .una = 2),
        ROW("ACK of more", .in = SEG(ACK, 1, 3), ANSWER(2, 1), .to = FIN_WAIT_1,
            .reason = {REASON_ACK_UNSENT}),
        ROW("ACK of our SYN, and text", .in = SEG(PSH | ACK, 1, 1, .len = 10),
            .out = {SEG(ACK, 2, 11, .at_ms = 40)}, .to = FIN_WAIT_1, .una = 1, .nxt = 11,
            .events = ESTAB_EVENT_READABLE),
        ROW("FIN and ACK of our SYN", .in = SEG(FIN | ACK, 1, 1), ANSWER(2, 2), .to = CLOSING,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN and ACK of our FIN", .in = SEG(FIN | ACK, 1, 2), ANSWER(2, 2), .to = TIME_WAIT,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("the first SYN again", .in = SEG(SYN, 0, 0), ANSWER(2, 1), .to = FIN_WAIT_1,
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("RST", .in = SEG(RST, 1, 0), .to = CLOSED, .reason = {REASON_RST_EXACT},
            .events = ESTAB_EVENT_CLOSED, .error = ESTAB_RESET),
    };
    (void)state;
    RUN_ROWS(rows, .state = SYN_RECEIVED, .ways = WAY(SINGLE) | WAY(SIMULTANEOUS),
             .before = closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_common),
        cmocka_unit_test(acknowledgments_and_text),
        cmocka_unit_test(fins),
        cmocka_unit_test(fin_behind_text),
        cmocka_unit_test(syn_not_acknowledged),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_fin_wait_1", tests, NULL, NULL);
}
