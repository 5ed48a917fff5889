/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in LAST-ACK: SND.UNA = 1, SND.NXT = 2, RCV.NXT = 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = LAST_ACK, .ways = ALL_WAYS
#define OVER     .to = CLOSED, .events = ESTAB_EVENT_CLOSED

/* R5961-2, R5961-3, R5961-4, R5961-7, R5961-12. */
static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {
        SYNCHRONIZED_ROWS(1, 2, 2, E, 1000, ESTAB_RESET),
        AFTER_FIN_ROWS(2, 2, 1000),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void acknowledgments(void **state)
{
    static const struct arrival rows[] = {
        ROW("of our FIN", .in = SEG(ACK, 2, 2), OVER),
        ROW("of our FIN, in the window", .in = SEG(ACK, 1000, 2), OVER),
        ROW("of our FIN, with text", .in = SEG(PSH | ACK, 2, 2, .len = 10), OVER),
        ROW("of our FIN, with a second FIN", .in = SEG(FIN | ACK, 2, 2), OVER),
        ROW("of nothing new", .in = SEG(ACK, 2, 1), .una = 1),
        ROW("old", .in = SEG(ACK, 2, 0), .una = 1),
        ROW("in the FIN again", .in = SEG(FIN | ACK, 1, 1), ANSWER(2, 2),
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("of our FIN, in the FIN again: left of the window", .in = SEG(FIN | ACK, 1, 2),
            ANSWER(2, 2), .una = 1, .reason = {REASON_SEQ_UNACCEPTABLE}),
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
    return cmocka_run_group_tests_name("segment_arrives_when_last_ack", tests, NULL, NULL);
}
