/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.3, in SYN-SENT: SND.UNA = 0, SND.NXT = 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = SYN_SENT, .ways = WAY(ACTIVE)
#define ENDS     .to = CLOSED, .events = ESTAB_EVENT_CLOSED, .error = ESTAB_RESET

#define BAD_ACK(name, flags, a)                                                                    \
    ROW(name, .in = SEG(flags, 0, (a)), .out = {SEG(RST, (a), 0)}, .reason = {REASON_SYN_SENT_ACK})

/* First: SEG.ACK =< ISS or SEG.ACK > SND.NXT. R5961-6. */
static void step_1(void **state)
{
    static const struct arrival rows[] = {
        BAD_ACK("ACK of nothing", ACK, 0),
        BAD_ACK("ACK of one unsent", ACK, 2),
        BAD_ACK("old ACK", ACK, 0xffff0000),
        BAD_ACK("ACK of much unsent", ACK, 0x7fffffff),
        BAD_ACK("ACK by 2^31 off", ACK, 0x80000001),
        BAD_ACK("SYN,ACK of nothing", SYN | ACK, 0),
        BAD_ACK("SYN,ACK of one unsent", SYN | ACK, 2),
        BAD_ACK("FIN,ACK of one unsent", FIN | ACK, 2),
        ROW("text with an ACK of one unsent", .in = SEG(PSH | ACK, 5, 2, .len = 10),
            .out = {SEG(RST, 2, 0)}, .reason = {REASON_SYN_SENT_ACK}),
        ROW("RST,ACK of nothing", .in = SEG(RST | ACK, 0, 0), .reason = {REASON_SYN_SENT_ACK_RST}),
        ROW("RST,ACK of one unsent", .in = SEG(RST | ACK, 0, 2),
            .reason = {REASON_SYN_SENT_ACK_RST}),
        ROW("RST,SYN,ACK of one unsent", .in = SEG(RST | SYN | ACK, 0, 2),
            .reason = {REASON_SYN_SENT_ACK_RST}),
        ROW("all flags, ACK of one unsent", .in = SEG(0xff, 0, 2),
            .reason = {REASON_SYN_SENT_ACK_RST}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* Second: the RST bit, at any sequence number: "error: connection reset". R5961-6. */
static void step_2(void **state)
{
    static const struct arrival rows[] = {
        ROW("RST,ACK", .in = SEG(RST | ACK, 0, 1), ENDS, .reason = {REASON_SYN_SENT_RST}),
        ROW("RST,ACK, somewhere", .in = SEG(RST | ACK, 0x12345678, 1), ENDS,
            .reason = {REASON_SYN_SENT_RST}),
        ROW("RST,ACK with text", .in = SEG(RST | ACK, 0, 1, .len = 10), ENDS,
            .reason = {REASON_SYN_SENT_RST}),
        ROW("RST,SYN,ACK", .in = SEG(RST | SYN | ACK, 0, 1), ENDS, .reason = {REASON_SYN_SENT_RST}),
        ROW("all flags", .in = SEG(0xff, 0, 1), ENDS, .reason = {REASON_SYN_SENT_RST}),
        ROW("RST", .in = SEG(RST, 0, 0), .reason = {REASON_SYN_SENT_RST_NO_ACK}),
        ROW("RST at ISS + 1", .in = SEG(RST, 1, 0), .reason = {REASON_SYN_SENT_RST_NO_ACK}),
        ROW("RST,SYN", .in = SEG(RST | SYN, 0, 0), .reason = {REASON_SYN_SENT_RST_NO_ACK}),
        ROW("RST,FIN", .in = SEG(RST | FIN, 0, 0), .reason = {REASON_SYN_SENT_RST_NO_ACK}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* Fourth: the SYN bit, with the ACK of ours. */
static void step_4_with_ack(void **state)
{
    enum {
        OPENED = ESTAB_EVENT_OPENED,
        TEXT = ESTAB_EVENT_READABLE,
        END = ESTAB_EVENT_PEER_CLOSED,
        URGENT = ESTAB_EVENT_URGENT,
    };
    static const struct arrival rows[] = {
        ROW("SYN,ACK", .in = SEG(SYN | ACK, 0, 1), .out = {SEG(ACK, 1, 1, .wnd = RIG_WINDOW)},
            .to = ESTABLISHED, .una = 1, .nxt = 1, .wnd = RIG_PEER_WINDOW, .events = OPENED),
        ROW("SYN,ACK,ECE", .in = SEG(SYN | ACK | ECE, 0, 1), ANSWER(1, 1), .to = ESTABLISHED,
            .events = OPENED, .reason = {REASON_ECN_SYN_ACK}),
        ROW("SYN,ACK with text", .in = SEG(SYN | PSH | ACK, 0, 1, .len = 10), ANSWER(1, 11),
            .to = ESTABLISHED, .nxt = 11, .text = 10, .events = OPENED | TEXT),
        ROW("SYN,ACK with more text than the window",
            .in = SEG(SYN | ACK, 0, 1, .len = RIG_WINDOW + 10), ANSWER(1, E), .to = ESTABLISHED,
            .nxt = E, .text = RIG_WINDOW, .events = OPENED | TEXT,
            .reason = {REASON_TEXT_BEYOND_WINDOW}),
        ROW("SYN,ACK with FIN", .in = SEG(SYN | FIN | ACK, 0, 1), ANSWER(1, 2), .to = CLOSE_WAIT,
            .nxt = 2, .events = OPENED | END),
        ROW("SYN,ACK with text and FIN", .in = SEG(SYN | FIN | ACK, 0, 1, .len = 10), ANSWER(1, 12),
            .to = CLOSE_WAIT, .nxt = 12, .text = 10, .events = OPENED | TEXT | END),
        /* The pointer counts from the segment's sequence number, which is the SYN's. */
        ROW("SYN,ACK with urgent text", .in = SEG(SYN | URG | ACK, 0, 1, .len = 10, .up = 11),
            ANSWER(1, 11), .to = ESTABLISHED, .nxt = 11, .up = 11,
            .events = OPENED | TEXT | URGENT),
        ROW("SYN,ACK with an urgent pointer at the SYN", .in = SEG(SYN | URG | ACK, 0, 1, .up = 1),
            ANSWER(1, 1), .to = ESTABLISHED, .events = OPENED),
        ROW("SYN,ACK with an urgent pointer of 0",
            .in = SEG(SYN | URG | ACK, 0, 1, .len = 10, .up = 0), ANSWER(1, 11), .to = ESTABLISHED,
            .events = OPENED | TEXT),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* ... and without: simultaneous open.  Text and FIN are not kept, the peer sends them again. */
static void step_4_without_ack(void **state)
{
    static const struct arrival rows[] = {
        ROW("SYN", .in = SEG(SYN, 0, 0), .out = {SEG(SYN | ACK, 0, 1, .wnd = RIG_WINDOW)},
            .to = SYN_RECEIVED, .nxt = 1, .wnd = RIG_PEER_WINDOW),
        ROW("SYN,ECE,CWR", .in = SEG(SYN | ECE | CWR, 0, 0), .out = {SEG(SYN | ACK, 0, 1)},
            .to = SYN_RECEIVED, .nxt = 1),
        ROW("SYN with text", .in = SEG(SYN, 0, 0, .len = 10), .out = {SEG(SYN | ACK, 0, 1)},
            .to = SYN_RECEIVED, .nxt = 1),
        ROW("SYN,FIN", .in = SEG(SYN | FIN, 0, 0), .out = {SEG(SYN | ACK, 0, 1)},
            .to = SYN_RECEIVED, .nxt = 1),
        ROW("SYN,URG", .in = SEG(SYN | URG, 0, 0, .up = 10), .out = {SEG(SYN | ACK, 0, 1)},
            .to = SYN_RECEIVED, .nxt = 1),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* Fifth: "if neither of the SYN or RST bits is set, then drop the segment and return". */
static void step_5(void **state)
{
    static const struct arrival rows[] = {
        ROW("ACK of our SYN", .in = SEG(ACK, 0, 1), .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("FIN,ACK", .in = SEG(FIN | ACK, 0, 1), .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("text", .in = SEG(PSH | ACK, 1, 1, .len = 10), .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("urgent text", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 10),
            .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("FIN", .in = SEG(FIN, 0, 0), .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("text without ACK", .in = SEG(PSH, 0, 0, .len = 10),
            .reason = {REASON_SYN_SENT_NEITHER}),
        ROW("no flags", .in = SEG(0, 0, 0), .reason = {REASON_SYN_SENT_NEITHER}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_1),          cmocka_unit_test(step_2),
        cmocka_unit_test(step_4_with_ack), cmocka_unit_test(step_4_without_ack),
        cmocka_unit_test(step_5),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_syn_sent", tests, NULL, NULL);
}
