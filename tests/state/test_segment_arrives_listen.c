/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.2, in LISTEN: a listener, and a passive OPEN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define IN_STATE .state = LISTEN, .ways = WAY(LISTENER) | WAY(SINGLE)

static void steps_1_2_and_4(void **state)
{
    static const struct arrival rows[] = {
        ROW("RST", .in = SEG(RST, 1, 0), .reason = {REASON_LISTEN_RST}),
        ROW("RST,ACK", .in = SEG(RST | ACK, 1, 1), .reason = {REASON_LISTEN_RST}),
        ROW("RST,SYN", .in = SEG(RST | SYN, 1, 0), .reason = {REASON_LISTEN_RST}),
        ROW("all flags", .in = SEG(0xff, 1, 1), .reason = {REASON_LISTEN_RST}),
        ROW("ACK", .in = SEG(ACK, 1, 7), .out = {SEG(RST, 7, 0)}, .reason = {REASON_LISTEN_ACK}),
        ROW("SYN,ACK", .in = SEG(SYN | ACK, 0, 1), .out = {SEG(RST, 1, 0)},
            .reason = {REASON_LISTEN_ACK}),
        ROW("FIN,ACK with text", .in = SEG(FIN | ACK, 0, 0xfffffff0, .len = 10),
            .out = {SEG(RST, 0xfffffff0, 0)}, .reason = {REASON_LISTEN_ACK}),
        ROW("no flags", .in = SEG(0, 0, 0), .reason = {REASON_LISTEN_NEITHER}),
        ROW("FIN", .in = SEG(FIN, 0, 0), .reason = {REASON_LISTEN_NEITHER}),
        ROW("text", .in = SEG(PSH, 0, 0, .len = 10), .reason = {REASON_LISTEN_NEITHER}),
        ROW("URG", .in = SEG(URG, 0, 0, .up = 10), .reason = {REASON_LISTEN_NEITHER}),
        ROW("ECE,CWR", .in = SEG(ECE | CWR, 0, 0), .reason = {REASON_LISTEN_NEITHER}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

#define ENTERS .to = SYN_RECEIVED, .nxt = 1, .reason = {REASON_LISTEN_SYN}
#define ENTERS_WITHOUT_ECN                                                                         \
    .to = SYN_RECEIVED, .nxt = 1, .reason = {REASON_LISTEN_SYN, REASON_ECN_SYN}

/* Third: a SYN.  Not RFC 9293: text and FIN that come with it are left to be sent again. */
static void step_3(void **state)
{
    static const struct arrival rows[] = {
        ROW("SYN", .in = SEG(SYN, 0, 0),
            .out = {SEG(SYN | ACK, 0, 1, .wnd = RIG_WINDOW, .opt = MSS, .mss = 1460)}, ENTERS),
        ROW("SYN with text", .in = SEG(SYN, 0, 0, .len = 10), .out = {SEG(SYN | ACK, 0, 1)},
            ENTERS),
        ROW("SYN,FIN", .in = SEG(SYN | FIN, 0, 0), .out = {SEG(SYN | ACK, 0, 1)}, ENTERS),
        ROW("SYN,URG", .in = SEG(SYN | URG, 0, 0, .up = 100), .out = {SEG(SYN | ACK, 0, 1)},
            ENTERS),
        ROW("SYN,ECE,CWR", .in = SEG(SYN | ECE | CWR, 0, 0), .out = {SEG(SYN | ACK | ECE, 0, 1)},
            ENTERS),
        ROW("SYN,ECE", .in = SEG(SYN | ECE, 0, 0), .out = {SEG(SYN | ACK, 0, 1)}, ENTERS_WITHOUT_ECN),
        ROW("SYN,CWR", .in = SEG(SYN | CWR, 0, 0), .out = {SEG(SYN | ACK, 0, 1)}, ENTERS_WITHOUT_ECN),
        ROW("SYN,ECE,CWR marked ECT(0)", .in = SEG(SYN | ECE | CWR, 0, 0, .ecn = 2),
            .out = {SEG(SYN | ACK, 0, 1)}, ENTERS_WITHOUT_ECN),
        ROW("SYN,PSH,FIN,URG,ECE,CWR with text",
            .in = SEG(SYN | PSH | FIN | URG | ECE | CWR, 0, 0, .len = 10),
            .out = {SEG(SYN | ACK | ECE, 0, 1)}, ENTERS),
        ROW("SYN with a window of zero", .in = SEG(SYN, 0, 0, .wnd = NO_WINDOW),
            .out = {SEG(SYN | ACK, 0, 1)}, ENTERS),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_1_2_and_4),
        cmocka_unit_test(step_3),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_listen", tests, NULL, NULL);
}
