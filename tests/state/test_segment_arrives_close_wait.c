/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in CLOSE-WAIT: SND.UNA = SND.NXT = 1, RCV.NXT = 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = CLOSE_WAIT, .ways = ALL_WAYS

/* R5961-2, R5961-3, R5961-4, R5961-7, R5961-12. */
static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {
        SYNCHRONIZED_ROWS(1, 1, 2, E, 1000, ESTAB_RESET),
        AFTER_FIN_ROWS(1, 2, 1000),
        ROW("the last place of the window", .in = SEG(ACK, E - 1, 1)),
        ROW("an ACK of nothing new", .in = SEG(ACK, 2, 1)),
        ROW("the FIN again", .in = SEG(FIN | ACK, 1, 1), ANSWER(1, 2), .nxt = 2,
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("the FIN again, and text after it", .in = SEG(FIN | ACK, 1, 1, .len = 10), .nxt = 2,
            .reason = {REASON_TEXT_AFTER_FIN}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void ten_sent(struct rig *r)
{
    (void)rig_send(r, 10, 0);
    OUT(r, PSH | ACK, 1, 2, .len = 10);
}

static void ten_held(struct rig *r)
{
    IN(r, ACK, 2, 1, .wnd = NO_WINDOW);
    (void)rig_send(r, 10, 0);
}

/* "Do the same processing as for the ESTABLISHED state." */
static void acknowledgments(void **state)
{
    static const struct arrival rows[] = {
        ROW("of all", .before = ten_sent, .in = SEG(ACK, 2, 11), .una = 11),
        ROW("of a part", .before = ten_sent, .in = SEG(ACK, 2, 5), .una = 5),
        ROW("of nothing", .before = ten_sent, .in = SEG(ACK, 2, 1), .una = 1),
        ROW("of one unsent", .before = ten_sent, .in = SEG(ACK, 2, 12), ANSWER(11, 2), .una = 1,
            .reason = {REASON_ACK_UNSENT}),
        ROW("with a window", .in = SEG(ACK, 2, 1, .wnd = 100), .wnd = 100),
        ROW("with the window that was missing", .before = ten_held, .in = SEG(ACK, 2, 1),
            .out = {SEG(PSH | ACK, 1, 2, .len = 10)}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_common),
        cmocka_unit_test(acknowledgments),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_close_wait", tests, NULL, NULL);
}
