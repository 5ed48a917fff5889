/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.1, in CLOSED: for any segment but a RST, a RST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define IN_STATE .state = CLOSED, .ways = WAY(ACTIVE)

#define WITH_ACK(name, flags, n)                                                                   \
    ROW(name, .in = SEG(flags, 5, 7, .len = (n)), .out = {SEG(RST, 7, 0)},                         \
        .reason = {REASON_CLOSED_RESET})
#define WITHOUT(name, flags, n, end)                                                               \
    ROW(name, .in = SEG(flags, 5, 0, .len = (n)), .out = {SEG(RST | ACK | ZERO_SEQ, 0, (end))},    \
        .reason = {REASON_CLOSED_RESET})
#define DISCARDED(name, flags) ROW(name, .in = SEG(flags, 5, 7), .reason = {REASON_CLOSED_RST})

static void any_segment(void **state)
{
    static const struct arrival rows[] = {
        WITH_ACK("ACK", ACK, 0),
        WITH_ACK("SYN,ACK", SYN | ACK, 0),
        WITH_ACK("FIN,ACK", FIN | ACK, 0),
        WITH_ACK("text", PSH | ACK, 10),
        WITH_ACK("FIN,URG,PSH,ACK,ECE,CWR with text", FIN | URG | PSH | ACK | ECE | CWR, 10),
        WITHOUT("SYN", SYN, 0, 6),
        WITHOUT("SYN with text", SYN, 10, 16),
        WITHOUT("SYN,FIN", SYN | FIN, 0, 7),
        WITHOUT("SYN,FIN with text", SYN | FIN, 10, 17),
        WITHOUT("FIN", FIN, 0, 6),
        WITHOUT("text", PSH, 10, 15),
        WITHOUT("no flags", 0, 0, 5),
        DISCARDED("RST", RST),
        DISCARDED("RST,ACK", RST | ACK),
        DISCARDED("RST,SYN", RST | SYN),
        DISCARDED("RST,FIN", RST | FIN),
        DISCARDED("all flags", 0xff),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
    RUN_ROWS(rows, IN_STATE, .ethernet = true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_segment),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_closed", tests, NULL, NULL);
}
