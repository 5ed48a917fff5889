/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in FIN-WAIT-2: SND.UNA = SND.NXT = 2, RCV.NXT = 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = FIN_WAIT_2, .ways = ALL_WAYS
#define LAST     (ESTAB_EVENT_READABLE | ESTAB_EVENT_PEER_CLOSED)

/* R5961-2, R5961-3, R5961-4, R5961-7, R5961-12. */
static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {
        SYNCHRONIZED_ROWS(2, 2, 1, E, 1000, ESTAB_RESET),
        ROW("the last place of the window", .in = SEG(ACK, E - 1, 2)),
        ROW("an ACK of nothing new", .in = SEG(ACK, 1, 2)),
        ROW("an old ACK", .in = SEG(ACK, 1, 1)),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void fin_beyond_a_gap(struct rig *r)
{
    IN(r, FIN | ACK, 11, 2);
    OUT(r, ACK, 2, 1);
}

static void text_beyond_a_gap(struct rig *r)
{
    IN(r, PSH | ACK, 11, 2, .len = 10);
    OUT(r, ACK, 2, 1);
}

static void text_and_fins(void **state)
{
    static const struct arrival rows[] = {
        ROW("text", .in = SEG(PSH | ACK, 1, 2, .len = 10), .out = {SEG(ACK, 2, 11, .at_ms = 40)},
            .nxt = 11, .text = 10, .events = ESTAB_EVENT_READABLE),
        ROW("text beyond a gap", .in = SEG(PSH | ACK, 11, 2, .len = 10), ANSWER(2, 1),
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("a gap is filled", .before = text_beyond_a_gap, .in = SEG(ACK, 1, 2, .len = 12),
            ANSWER(2, 21), .nxt = 21, .text = 20, .events = ESTAB_EVENT_READABLE),
        ROW("text and more than the window", .in = SEG(ACK, 1, 2, .len = RIG_WINDOW + 1),
            ANSWER(2, E), .nxt = E, .events = ESTAB_EVENT_READABLE,
            .reason = {REASON_TEXT_BEYOND_WINDOW}),
        ROW("urgent text", .in = SEG(URG | ACK, 1, 2, .len = 10, .up = 10),
            .out = {SEG(ACK, 2, 11, .at_ms = 40)}, .up = 11,
            .events = ESTAB_EVENT_READABLE | ESTAB_EVENT_URGENT),
        ROW("FIN", .in = SEG(FIN | ACK, 1, 2), ANSWER(2, 2), .to = TIME_WAIT, .nxt = 2,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN with an old ACK", .in = SEG(FIN | ACK, 1, 1), ANSWER(2, 2), .to = TIME_WAIT,
            .nxt = 2, .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("FIN with text", .in = SEG(FIN | PSH | ACK, 1, 2, .len = 10), ANSWER(2, 12),
            .to = TIME_WAIT, .nxt = 12, .text = 10, .events = LAST),
        ROW("FIN beyond a gap", .in = SEG(FIN | ACK, 11, 2), ANSWER(2, 1), .nxt = 1,
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("FIN that was held", .before = fin_beyond_a_gap, .in = SEG(ACK, 1, 2, .len = 10),
            ANSWER(2, 12), .to = TIME_WAIT, .nxt = 12, .text = 10, .events = LAST),
        ROW("FIN that the window does not hold",
            .in = SEG(FIN | PSH | ACK, 1, 2, .len = RIG_WINDOW), ANSWER(2, E), .nxt = E,
            .events = ESTAB_EVENT_READABLE, .reason = {REASON_TEXT_BEYOND_WINDOW}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_common),
        cmocka_unit_test(text_and_fins),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_fin_wait_2", tests, NULL, NULL);
}
