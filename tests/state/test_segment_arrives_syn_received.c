/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in SYN-RECEIVED: SND.UNA = 0, SND.NXT = 1, RCV.NXT = 1; as a listener's
 * record, as a TCB after a passive OPEN, and after an active one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE  .state = SYN_RECEIVED, .ways = WAY(LISTENER) | WAY(SINGLE) | WAY(SIMULTANEOUS)
#define PASSIVELY .state = SYN_RECEIVED, .ways = WAY(LISTENER) | WAY(SINGLE)
#define ACTIVELY  .state = SYN_RECEIVED, .ways = WAY(SIMULTANEOUS)
#define A_TCB     .state = SYN_RECEIVED, .ways = WAY(SINGLE) | WAY(SIMULTANEOUS)
#define A_RECORD  .state = SYN_RECEIVED, .ways = WAY(LISTENER)

#define BAD_ACK(name, a)                                                                           \
    ROW(name, .in = SEG(ACK, 1, (a)), .out = {SEG(RST, (a), 0)},                                   \
        .reason = {REASON_ACK_SYN_RECEIVED})

static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {
        STEP_1_ROWS(1, 1, E),
        STEP_2_ROWS(1, 1, E, 1000),
        NO_ACK_ROWS(1, 1000),
        ROW("the last place of the window, no ACK", .in = SEG(PSH, E - 1, 0, .len = 1),
            .reason = {REASON_ACK_MISSING}),
        ROW("RST at the last place of the window", .in = SEG(RST, E - 1, 0), ANSWER(1, 1),
            .reason = {REASON_RST_CHALLENGE}),
        BAD_ACK("step 5: ACK of nothing", 0),
        BAD_ACK("step 5: ACK of one unsent", 2),
        BAD_ACK("step 5: ACK of much unsent", 0x7fffffff),
        BAD_ACK("step 5: old ACK", 0xfffffff0),
        ROW("step 5: text with an ACK of one unsent", .in = SEG(PSH | ACK, 1, 2, .len = 10),
            .out = {SEG(RST, 2, 0)}, .reason = {REASON_ACK_SYN_RECEIVED}),
        ROW("step 5: FIN with an ACK of nothing", .in = SEG(FIN | ACK, 1, 0),
            .out = {SEG(RST, 0, 0)}, .reason = {REASON_ACK_SYN_RECEIVED}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* Our answer was lost (section 3.8.1), so the peer sends its SYN again. */
static void the_syn_again(void **state)
{
    static const struct arrival rows[] = {
        ROW("alone", .in = SEG(SYN, 0, 0), .out = {SEG(SYN | ACK, 0, 1, .wnd = RIG_WINDOW)},
            .reason = {REASON_SYN_AGAIN}),
        ROW("with text", .in = SEG(SYN | PSH, 0, 0, .len = 10), .out = {SEG(SYN | ACK, 0, 1)},
            .reason = {REASON_SYN_AGAIN}),
        ROW("with FIN", .in = SEG(SYN | FIN, 0, 0), .out = {SEG(SYN | ACK, 0, 1)},
            .reason = {REASON_SYN_AGAIN}),
        ROW("with ECE and CWR", .in = SEG(SYN | ECE | CWR, 0, 0), .out = {SEG(SYN | ACK, 0, 1)},
            .reason = {REASON_SYN_AGAIN}),
        ROW("with RST: left of the window", .in = SEG(SYN | RST, 0, 0),
            .reason = {REASON_SEQ_UNACCEPTABLE_RST}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

#define TO_LISTEN(name, seg) ROW(name, .in = seg, .to = LISTEN, .reason = {REASON_SYN_TO_LISTEN})

/* Steps 2 and 4: "return this connection to the LISTEN state"; the user need not be informed.
 * MUST-11. */
static void opened_passively(void **state)
{
    static const struct arrival rows[] = {
        ROW("RST at RCV.NXT", .in = SEG(RST, 1, 0), .to = LISTEN, .reason = {REASON_RST_TO_LISTEN}),
        ROW("RST,ACK at RCV.NXT", .in = SEG(RST | ACK, 1, 1), .to = LISTEN,
            .reason = {REASON_RST_TO_LISTEN}),
        ROW("RST at RCV.NXT with text", .in = SEG(RST, 1, 0, .len = 10), .to = LISTEN,
            .reason = {REASON_RST_TO_LISTEN}),
        TO_LISTEN("SYN at RCV.NXT", SEG(SYN, 1, 0)),
        TO_LISTEN("SYN in the window", SEG(SYN, 1000, 0)),
        TO_LISTEN("SYN with text in the window", SEG(SYN, 1000, 0, .len = 10)),
        TO_LISTEN("SYN,FIN in the window", SEG(SYN | FIN, 1000, 0)),
        TO_LISTEN("SYN,ACK in the window", SEG(SYN | ACK, 1000, 1)),
    };
    (void)state;
    RUN_ROWS(rows, PASSIVELY);
}

/* MUST-11. */
static void opened_actively(void **state)
{
    static const struct arrival rows[] = {
        RST_EXACT_ROWS(1, 1, ESTAB_REFUSED),
        STEP_4_ROWS(1, 1, 1000),
        /* Figure 7, line 6: the peer's SYN comes once more, now with the ACK of ours. */
        ROW("SYN,ACK", .in = SEG(SYN | ACK, 0, 1), .to = ESTABLISHED, .una = 1, .nxt = 1,
            .events = ESTAB_EVENT_OPENED),
        ROW("SYN,ACK with text", .in = SEG(SYN | PSH | ACK, 0, 1, .len = 10), .to = ESTABLISHED,
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .una = 1, .nxt = 11,
            .events = ESTAB_EVENT_OPENED | ESTAB_EVENT_READABLE),
        ROW("SYN,ACK with urgent text", .in = SEG(SYN | URG | ACK, 0, 1, .len = 10, .up = 11),
            .to = ESTABLISHED, .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .nxt = 11, .up = 11,
            .events = ESTAB_EVENT_OPENED | ESTAB_EVENT_READABLE | ESTAB_EVENT_URGENT),
        ROW("SYN,ACK with FIN", .in = SEG(SYN | FIN | ACK, 0, 1), ANSWER(1, 2), .to = CLOSE_WAIT,
            .events = ESTAB_EVENT_OPENED | ESTAB_EVENT_PEER_CLOSED),
        ROW("SYN,ACK of nothing", .in = SEG(SYN | ACK, 0, 0), .out = {SEG(RST, 0, 0)},
            .reason = {REASON_ACK_SYN_RECEIVED}),
    };
    (void)state;
    RUN_ROWS(rows, ACTIVELY);
}

#define ACCEPTED_ROWS(opened, with_text, with_fin, with_both, with_urgent)                         \
    ROW("ACK of our SYN", .in = SEG(ACK, 1, 1), .to = ESTABLISHED, .una = 1, .nxt = 1,             \
        .wnd = RIG_PEER_WINDOW, .events = (opened)),                                               \
        ROW("ACK of our SYN, in the window", .in = SEG(ACK, 1000, 1, .wnd = 99),                   \
            .to = ESTABLISHED, .una = 1, .nxt = 1, .wnd = 99, .events = (opened)),                 \
        ROW("text with the ACK of our SYN", .in = SEG(PSH | ACK, 1, 1, .len = 10),                 \
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .to = ESTABLISHED, .nxt = 11, .text = 10,       \
            .events = (with_text)),                                                                \
        ROW("text beyond a gap", .in = SEG(PSH | ACK, 11, 1, .len = 10), ANSWER(1, 1),             \
            .to = ESTABLISHED, .nxt = 1, .reason = {REASON_TEXT_OUT_OF_ORDER},                     \
            .events = (opened)),                                                                   \
        ROW("text and more than the window", .in = SEG(ACK, 1, 1, .len = RIG_WINDOW + 10),         \
            ANSWER(1, E), .to = ESTABLISHED, .nxt = E, .reason = {REASON_TEXT_BEYOND_WINDOW},      \
            .events = (with_text)),                                                                \
        ROW("FIN with the ACK of our SYN", .in = SEG(FIN | ACK, 1, 1), ANSWER(1, 2),               \
            .to = CLOSE_WAIT, .nxt = 2, .events = (with_fin)),                                     \
        ROW("text, FIN and the ACK of our SYN", .in = SEG(FIN | PSH | ACK, 1, 1, .len = 10),       \
            ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12, .text = 10, .events = (with_both)),        \
        ROW("urgent text with the ACK of our SYN", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 5), \
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .to = ESTABLISHED, .nxt = 11, .up = 6,          \
            .events = (with_urgent))

/* Step 5: "enter ESTABLISHED state and continue processing". */
static void acknowledgments(void **state)
{
    enum {
        OPENED = ESTAB_EVENT_OPENED,
        TEXT = ESTAB_EVENT_READABLE,
        END = ESTAB_EVENT_PEER_CLOSED,
        URGENT = ESTAB_EVENT_URGENT,
        NEW = ESTAB_EVENT_ACCEPT, /* the child's own events wait until it is accepted */
    };
    static const struct arrival tcb[] = {ACCEPTED_ROWS(
        OPENED, OPENED | TEXT, OPENED | END, OPENED | TEXT | END, OPENED | TEXT | URGENT)};
    static const struct arrival record[] = {ACCEPTED_ROWS(NEW, NEW, NEW, NEW, NEW)};
    (void)state;
    RUN_ROWS(tcb, A_TCB);
    RUN_ROWS(record, A_RECORD);
}

/* RFC 7323: the shift counts in every segment but a SYN, and the window is the same by either.
 * R7323-4, R7323-6. */
static void scaled_windows(void **state)
{
    static const struct arrival rows[] = {
        ROW("SYN again", .in = SEG(SYN, 0, 0),
            .out = {SEG(SYN | ACK, 0, 1, .wnd = 65535, .opt = SCALE, .scale = 2)},
            .reason = {REASON_SYN_AGAIN}),
        ROW("challenge", .in = SEG(RST, 1000, 0), .out = {SEG(ACK, 1, 1, .wnd = 16384)},
            .reason = {REASON_RST_CHALLENGE}),
        ROW("left of the window", .in = SEG(ACK, 0, 1), .out = {SEG(ACK, 1, 1, .wnd = 16384)},
            .reason = {REASON_SEQ_UNACCEPTABLE}),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.window_scale = true;
    config.receive_buffer = config.receive_reserve = 262140;
    config.chunks = 16384;
    RUN_ROWS(rows, A_RECORD, .config = &config);
}

/* RFC 7323 section 5.3 holds for a record as for a TCB: TS.Recent is 1000. R7323-43. */
static void stamps(void **state)
{
    static const struct arrival rows[] = {
        ROW("older: PAWS", .in = SEG(PSH | ACK, 1, 1, .len = 10, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_PAWS}),
        ROW("older, on a SYN: PAWS", .in = SEG(SYN, 1, 0, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_PAWS}),
        ROW("missing", .in = SEG(ACK, 1, 1, .opt = NO_OPTIONS),
            .reason = {REASON_TIMESTAMP_MISSING}),
        ROW("older, on a RST in the window", .in = SEG(RST, 1000, 0, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_RST_CHALLENGE}),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.timestamps = true;
    RUN_ROWS(rows, A_RECORD, .config = &config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_common),  cmocka_unit_test(the_syn_again),
        cmocka_unit_test(opened_passively), cmocka_unit_test(opened_actively),
        cmocka_unit_test(acknowledgments),  cmocka_unit_test(scaled_windows),
        cmocka_unit_test(stamps),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_syn_received", tests, NULL, NULL);
}
