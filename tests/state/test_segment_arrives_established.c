/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in ESTABLISHED: SND.UNA = SND.NXT = 1, RCV.NXT = 1, the window to 4001. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define IN_STATE .state = ESTABLISHED, .ways = ALL_WAYS

/* MUST-12, SHLD-2. R5961-2, R5961-3, R5961-4, R5961-5, R5961-7, R5961-8, R5961-12. */
static void steps_in_common(void **state)
{
    static const struct arrival rows[] = {
        SYNCHRONIZED_ROWS(1, 1, 1, E, 1000, ESTAB_RESET),
        ROW("step 1: the last place of the window", .in = SEG(ACK, E - 1, 1)),
        ROW("step 2: RST at the last place of the window", .in = SEG(RST, E - 1, 0), ANSWER(1, 1),
            .reason = {REASON_RST_CHALLENGE}),
        ROW("an ACK of nothing new", .in = SEG(ACK, 1, 1), .una = 1, .nxt = 1),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

static void steps_in_common_on_ethernet(void **state)
{
    static const struct arrival rows[] = {SYNCHRONIZED_ROWS(1, 1, 1, E, 1000, ESTAB_RESET)};
    (void)state;
    RUN_ROWS(rows, IN_STATE, .ethernet = true);
}

/* ---- step 1 with a window of zero: only ACK, URG and RST get through ------------------------------- */

/* Fills the window with text that nobody takes: RCV.NXT = 4001, and 10 bytes of ours are in flight. */
static void window_filled(struct rig *r)
{
    IN(r, ACK, 1, 1, .len = 1460);
    IN(r, ACK, 1461, 1, .len = 1460);
    OUT(r, ACK, 1, 2921, .wnd = RIG_WINDOW - 2920);
    IN(r, PSH | ACK, 2921, 1, .len = 1080);
    AT(r, 40);
    OUT(r, ACK, 1, E, .wnd = NO_WINDOW);
    (void)rig_send(r, 10, 0);
    OUT(r, PSH | ACK, 1, E, .len = 10, .wnd = NO_WINDOW);
}

/* MUST-66. */
static void window_of_zero(void **state)
{
    static const struct arrival rows[] = {
        ROW("an ACK at RCV.NXT", .in = SEG(ACK, E, 11), .una = 11),
        ROW("an ACK one to the right", .in = SEG(ACK, E + 1, 11), ANSWER(11, E), .una = 1,
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("an ACK one to the left", .in = SEG(ACK, E - 1, 11), ANSWER(11, E), .una = 1,
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("text at RCV.NXT: its ACK counts", .in = SEG(PSH | ACK, E, 11, .len = 10),
            ANSWER(11, E), .una = 11, .nxt = E, .reason = {REASON_SEQ_ACK_ONLY}),
        ROW("text at RCV.NXT: its window counts", .in = SEG(PSH | ACK, E, 1, .len = 10, .wnd = 99),
            ANSWER(11, E), .wnd = 99, .nxt = E, .reason = {REASON_SEQ_ACK_ONLY}),
        ROW("text with URG at RCV.NXT", .in = SEG(URG | ACK, E, 1, .len = 10, .up = 10),
            ANSWER(11, E), .nxt = E, .reason = {REASON_SEQ_ACK_ONLY}, .events = ESTAB_EVENT_URGENT,
            .up = E + 10),
        ROW("URG alone at RCV.NXT", .in = SEG(URG | ACK, E, 1, .up = 10),
            .events = ESTAB_EVENT_URGENT, .up = E + 10),
        ROW("text to the left", .in = SEG(PSH | ACK, E - 10, 11, .len = 10), ANSWER(11, E),
            .una = 1, .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("text across RCV.NXT", .in = SEG(PSH | ACK, E - 10, 11, .len = 20), ANSWER(11, E),
            .una = 1, .nxt = E, .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("FIN at RCV.NXT: its ACK counts", .in = SEG(FIN | ACK, E, 11), ANSWER(11, E), .una = 11,
            .nxt = E, .reason = {REASON_SEQ_ACK_ONLY}),
        ROW("RST at RCV.NXT", .in = SEG(RST, E, 0), .to = CLOSED, .reason = {REASON_RST_EXACT},
            .events = ESTAB_EVENT_CLOSED, .error = ESTAB_RESET),
        ROW("RST one to the right", .in = SEG(RST, E + 1, 0),
            .reason = {REASON_SEQ_UNACCEPTABLE_RST}),
        ROW("SYN at RCV.NXT", .in = SEG(SYN, E, 0), ANSWER(11, E),
            .reason = {REASON_SYN_CHALLENGE}),
        ROW("text at RCV.NXT without ACK", .in = SEG(PSH, E, 0, .len = 10),
            .reason = {REASON_ACK_MISSING}),
        ROW("text at RCV.NXT with an ACK of one unsent", .in = SEG(ACK, E, 12, .len = 10),
            ANSWER(11, E), .una = 1, .reason = {REASON_ACK_UNSENT}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE, .before = window_filled);
}

/* ---- step 5: ACK --------------------------------------------------------------------------------------- */

static void ten_sent(struct rig *r)
{
    (void)rig_send(r, 10, 0);
    OUT(r, PSH | ACK, 1, 1, .len = 10);
}

/* MAY-12. R5961-11. */
static void acknowledgments(void **state)
{
    static const struct arrival rows[] = {
        ROW("of all", .in = SEG(ACK, 1, 11), .una = 11),
        ROW("of a part", .in = SEG(ACK, 1, 5), .una = 5),
        ROW("of nothing", .in = SEG(ACK, 1, 1), .una = 1),
        ROW("of one unsent", .in = SEG(ACK, 1, 12), ANSWER(11, 1), .una = 1,
            .reason = {REASON_ACK_UNSENT}),
        ROW("old by one", .in = SEG(ACK, 1, 0), .una = 1),
        ROW("old by MAX.SND.WND", .in = SEG(ACK, 1, 1 - RIG_PEER_WINDOW), .una = 1),
        ROW("old by MAX.SND.WND and one", .in = SEG(ACK, 1, -RIG_PEER_WINDOW), ANSWER(11, 1),
            .una = 1, .reason = {REASON_ACK_ANCIENT}),
        ROW("old, with text", .in = SEG(PSH | ACK, 1, 0, .len = 5),
            .out = {SEG(ACK, 11, 6, .at_ms = 40)}, .una = 1, .nxt = 6, .text = 5,
            .events = ESTAB_EVENT_READABLE),
        ROW("of all, in a segment beyond a gap", .in = SEG(PSH | ACK, 11, 11, .len = 5),
            ANSWER(11, 1), .una = 11, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("of all, without the ACK bit", .in = SEG(PSH, 1, 11, .len = 5), .una = 1,
            .reason = {REASON_ACK_MISSING}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE, .before = ten_sent);
}

/* SND.UNA = 11, RCV.NXT = 21, SND.WL1 = 11, SND.WL2 = 11, SND.WND = 8192. */
static void window_known(struct rig *r)
{
    IN(r, PSH | ACK, 1, 1, .len = 10);
    (void)rig_send(r, 10, 0);
    OUT(r, PSH | ACK, 1, 11, .len = 10);
    IN(r, PSH | ACK, 11, 11, .len = 10);
    AT(r, 40);
    OUT(r, ACK, 11, 21);
}

static void send_window(void **state)
{
    static const struct arrival rows[] = {
        ROW("SND.WL1 < SEG.SEQ", .in = SEG(ACK, 21, 11, .wnd = 100), .wnd = 100),
        ROW("SND.WL1 < SEG.SEQ: a larger one", .in = SEG(ACK, 21, 11, .wnd = 65535), .wnd = 65535),
        ROW("SND.WL1 = SEG.SEQ, SND.WL2 = SEG.ACK",
            .in = SEG(PSH | ACK, 11, 11, .len = 20, .wnd = 100),
            .out = {SEG(ACK, 11, 31, .at_ms = 40)}, .wnd = 100, .nxt = 31,
            .events = ESTAB_EVENT_READABLE),
        ROW("SEG.SEQ < SND.WL1: an old segment", .in = SEG(PSH | ACK, 1, 11, .len = 30, .wnd = 100),
            .out = {SEG(ACK, 11, 31, .at_ms = 40)}, .wnd = RIG_PEER_WINDOW, .nxt = 31,
            .events = ESTAB_EVENT_READABLE),
        ROW("SEG.ACK < SND.UNA: an old acknowledgment", .in = SEG(ACK, 21, 1, .wnd = 100),
            .wnd = RIG_PEER_WINDOW),
        ROW("of zero", .in = SEG(ACK, 21, 11, .wnd = NO_WINDOW)),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE, .before = window_known);
}

/* The peer has closed its window before the user sent ten bytes. */
static void ten_held(struct rig *r)
{
    IN(r, ACK, 1, 1, .wnd = NO_WINDOW);
    (void)rig_send(r, 10, 0);
}

static void send_window_opens(void **state)
{
    static const struct arrival rows[] = {
        ROW("wide", .in = SEG(ACK, 1, 1), .out = {SEG(PSH | ACK, 1, 1, .len = 10)}, .una = 1),
        ROW("exactly", .in = SEG(ACK, 1, 1, .wnd = 10), .out = {SEG(PSH | ACK, 1, 1, .len = 10)}),
        ROW("still not", .in = SEG(ACK, 1, 1, .wnd = NO_WINDOW)),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE, .before = ten_held);
}

/* ---- step 6: URG --------------------------------------------------------------------------------------- */

/* Urgent text up to 51 is announced, 10 bytes of it are here. */
static void urgent_ahead(struct rig *r)
{
    IN(r, URG | ACK, 1, 1, .len = 10, .up = 50);
    AT(r, 40);
    OUT(r, ACK, 1, 11);
}

static void ten_received(struct rig *r)
{
    IN(r, PSH | ACK, 1, 1, .len = 10);
    AT(r, 40);
    OUT(r, ACK, 1, 11);
}

static void ten_received_and_read(struct rig *r)
{
    ten_received(r);
    (void)rig_receive(r, 10);
}

#define BOTH (ESTAB_EVENT_READABLE | ESTAB_EVENT_URGENT)

static void urgent_pointers(void **state)
{
    static const struct arrival rows[] = {
        ROW("inside the text", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 5),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .events = BOTH, .up = 6),
        ROW("at its end (MUST-62)", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 10),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .events = BOTH, .up = 11),
        ROW("beyond its end", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 65535),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .events = BOTH, .up = 65536),
        ROW("of 0", .in = SEG(URG | ACK, 1, 1, .len = 10, .up = 0),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .events = ESTAB_EVENT_READABLE),
        ROW("without text", .in = SEG(URG | ACK, 1, 1, .up = 10), .events = ESTAB_EVENT_URGENT,
            .up = 11),
        ROW("without the URG bit", .in = SEG(ACK, 1, 1, .len = 10, .up = 10),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .events = ESTAB_EVENT_READABLE),
        ROW("beyond a gap", .in = SEG(URG | ACK, 11, 1, .len = 10, .up = 10), ANSWER(1, 1),
            .reason = {REASON_TEXT_OUT_OF_ORDER}, .events = ESTAB_EVENT_URGENT, .up = 21),
        ROW("again: the user knows", .before = urgent_ahead,
            .in = SEG(URG | ACK, 11, 1, .len = 10, .up = 40), .out = {SEG(ACK, 1, 21, .at_ms = 40)},
            .events = ESTAB_EVENT_READABLE, .up = 51),
        ROW("that recedes", .before = urgent_ahead,
            .in = SEG(URG | ACK, 11, 1, .len = 10, .up = 20), .out = {SEG(ACK, 1, 21, .at_ms = 40)},
            .events = ESTAB_EVENT_READABLE, .up = 51),
        ROW("that advances (MUST-32)", .before = urgent_ahead,
            .in = SEG(URG | ACK, 11, 1, .len = 10, .up = 60), .out = {SEG(ACK, 1, 21, .at_ms = 40)},
            .events = BOTH, .up = 71),
        ROW("to text that is here but not consumed", .before = ten_received,
            .in = SEG(URG | ACK, 11, 1, .up = 0), .events = ESTAB_EVENT_URGENT, .up = 11),
        ROW("to text that was consumed", .before = ten_received_and_read,
            .in = SEG(URG | ACK, 11, 1, .up = 0)),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* ---- step 7: text ---------------------------------------------------------------------------------------- */

static void full_segment(struct rig *r)
{
    IN(r, ACK, 1, 1, .len = 1460);
}

/* 11..20 is here, 1..10 is not. */
static void beyond_a_gap(struct rig *r)
{
    IN(r, PSH | ACK, 11, 1, .len = 10);
    OUT(r, ACK, 1, 1);
}

/* 11..20 came first, then 6..35 around it. */
static void around_what_is_held(struct rig *r)
{
    beyond_a_gap(r);
    IN(r, PSH | ACK, 6, 1, .len = 30);
    OUT(r, ACK, 1, 1);
}

static void two_pieces_beyond(struct rig *r)
{
    beyond_a_gap(r);
    IN(r, PSH | ACK, 31, 1, .len = 10);
    OUT(r, ACK, 1, 1);
}

static void text_in_order(void **state)
{
    static const struct arrival rows[] = {
        ROW("a little: acknowledged late", .in = SEG(PSH | ACK, 1, 1, .len = 10),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .nxt = 11, .text = 10,
            .events = ESTAB_EVENT_READABLE),
        ROW("without PSH", .in = SEG(ACK, 1, 1, .len = 1), .out = {SEG(ACK, 1, 2, .at_ms = 40)},
            .nxt = 2, .text = 1, .events = ESTAB_EVENT_READABLE),
        ROW("a full segment: acknowledged late", .in = SEG(ACK, 1, 1, .len = 1460),
            .out = {SEG(ACK, 1, 1461, .at_ms = 40)}, .nxt = 1461, .events = ESTAB_EVENT_READABLE),
        ROW("a second full one: at once (MUST-58)", .before = full_segment,
            .in = SEG(ACK, 1461, 1, .len = 1460), ANSWER(1, 2921), .nxt = 2921,
            .events = ESTAB_EVENT_READABLE),
        ROW("exactly the window", .in = SEG(PSH | ACK, 1, 1, .len = RIG_WINDOW),
            .out = {SEG(ACK, 1, E, .wnd = NO_WINDOW)}, .nxt = E, .text = RIG_WINDOW,
            .events = ESTAB_EVENT_READABLE),
        ROW("more than the window", .in = SEG(PSH | ACK, 1, 1, .len = RIG_WINDOW + 10),
            .out = {SEG(ACK, 1, E, .wnd = NO_WINDOW)}, .nxt = E, .text = RIG_WINDOW,
            .events = ESTAB_EVENT_READABLE, .reason = {REASON_TEXT_BEYOND_WINDOW}),
        ROW("partly old", .before = ten_received, .in = SEG(PSH | ACK, 1, 1, .len = 20),
            .out = {SEG(ACK, 1, 21, .at_ms = 40)}, .nxt = 21, .text = 20,
            .events = ESTAB_EVENT_READABLE),
        /* Table 6 asks for the first or the last place to lie inside. */
        ROW("partly old, partly beyond the window", .before = ten_received,
            .in = SEG(PSH | ACK, 1, 1, .len = RIG_WINDOW + 10), ANSWER(1, 11), .nxt = 11,
            .text = 10, .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("all old", .before = ten_received, .in = SEG(PSH | ACK, 1, 1, .len = 10), ANSWER(1, 11),
            .nxt = 11, .text = 10, .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("with ECE and CWR", .in = SEG(ECE | CWR | PSH | ACK, 1, 1, .len = 10),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .nxt = 11, .events = ESTAB_EVENT_READABLE,
            .reason = {REASON_ECN_UNAGREED}),
        ROW("marked CE", .in = SEG(PSH | ACK, 1, 1, .len = 10, .ecn = 3),
            .out = {SEG(ACK, 1, 11, .at_ms = 40)}, .nxt = 11, .events = ESTAB_EVENT_READABLE,
            .reason = {REASON_ECN_UNAGREED}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* MAY-13. R5681-37, R5681-38, R5681-39, R5681-40. R5681-20. */
static void text_beyond_a_gap(void **state)
{
    static const struct arrival rows[] = {
        ROW("held (SHLD-31)", .in = SEG(PSH | ACK, 11, 1, .len = 10), ANSWER(1, 1), .nxt = 1,
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("the same again", .before = beyond_a_gap, .in = SEG(PSH | ACK, 11, 1, .len = 10),
            ANSWER(1, 1), .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("up to the right edge", .in = SEG(PSH | ACK, E - 10, 1, .len = 10), ANSWER(1, 1),
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("across the right edge", .in = SEG(PSH | ACK, E - 10, 1, .len = 20), ANSWER(1, 1),
            .reason = {REASON_TEXT_BEYOND_WINDOW, REASON_TEXT_OUT_OF_ORDER}),
        ROW("the gap is filled", .before = beyond_a_gap, .in = SEG(PSH | ACK, 1, 1, .len = 10),
            ANSWER(1, 21), .nxt = 21, .text = 20, .events = ESTAB_EVENT_READABLE),
        ROW("the gap is filled in part", .before = beyond_a_gap, .in = SEG(ACK, 1, 1, .len = 5),
            ANSWER(1, 6), .nxt = 6, .text = 5, .events = ESTAB_EVENT_READABLE),
        ROW("the gap is filled, overlapping in part", .before = beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 15), ANSWER(1, 21), .nxt = 21, .text = 20,
            .events = ESTAB_EVENT_READABLE),
        ROW("the gap is filled, and all covered", .before = beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 30), ANSWER(1, 31), .nxt = 31, .text = 30,
            .events = ESTAB_EVENT_READABLE),
        ROW("around what is held", .before = beyond_a_gap, .in = SEG(ACK, 6, 1, .len = 30),
            ANSWER(1, 1), .nxt = 1, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("the gap before all that is filled", .before = around_what_is_held,
            .in = SEG(ACK, 1, 1, .len = 5), ANSWER(1, 36), .nxt = 36, .text = 35,
            .events = ESTAB_EVENT_READABLE),
        ROW("one of two gaps is filled", .before = two_pieces_beyond,
            .in = SEG(ACK, 1, 1, .len = 10), ANSWER(1, 21), .nxt = 21, .text = 20,
            .events = ESTAB_EVENT_READABLE),
        ROW("the second of two gaps", .before = two_pieces_beyond, .in = SEG(ACK, 15, 1, .len = 20),
            ANSWER(1, 1), .nxt = 1, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("both gaps at once", .before = two_pieces_beyond, .in = SEG(ACK, 1, 1, .len = 35),
            ANSWER(1, 41), .nxt = 41, .text = 40, .events = ESTAB_EVENT_READABLE),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* ---- step 8: FIN ------------------------------------------------------------------------------------------- */

static void fin_beyond_a_gap(struct rig *r)
{
    IN(r, FIN | ACK, 11, 1);
    OUT(r, ACK, 1, 1);
}

/* The peer contradicts itself: what came first holds. */
static void another_fin_beyond_a_gap(struct rig *r)
{
    fin_beyond_a_gap(r);
    IN(r, FIN | ACK, 21, 1);
    OUT(r, ACK, 1, 1);
}

static void fin_inside_what_is_held(struct rig *r)
{
    beyond_a_gap(r);
    IN(r, FIN | ACK, 15, 1);
    OUT(r, ACK, 1, 1);
}

static void fin_inside_what_was_held(struct rig *r)
{
    fin_inside_what_is_held(r);
    IN(r, ACK, 1, 1, .len = 10);
    OUT(r, ACK, 1, 21);
}

static void text_and_fin_beyond_a_gap(struct rig *r)
{
    IN(r, FIN | PSH | ACK, 11, 1, .len = 10);
    OUT(r, ACK, 1, 1);
}

#define LAST (ESTAB_EVENT_READABLE | ESTAB_EVENT_PEER_CLOSED)

/* MUST-12. */
static void fins(void **state)
{
    static const struct arrival rows[] = {
        ROW("alone", .in = SEG(FIN | ACK, 1, 1), ANSWER(1, 2), .to = CLOSE_WAIT, .nxt = 2,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("with text", .in = SEG(FIN | PSH | ACK, 1, 1, .len = 10), ANSWER(1, 12),
            .to = CLOSE_WAIT, .nxt = 12, .text = 10, .events = LAST),
        ROW("with urgent text", .in = SEG(FIN | URG | ACK, 1, 1, .len = 10, .up = 10),
            ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12, .up = 11,
            .events = LAST | ESTAB_EVENT_URGENT),
        ROW("with text, all old", .before = ten_received,
            .in = SEG(FIN | PSH | ACK, 1, 1, .len = 10), ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12,
            .events = ESTAB_EVENT_PEER_CLOSED, .reason = {REASON_TEXT_DUPLICATE}),
        ROW("with text, partly old", .before = ten_received,
            .in = SEG(FIN | PSH | ACK, 6, 1, .len = 10), ANSWER(1, 17), .to = CLOSE_WAIT, .nxt = 17,
            .text = 15, .events = LAST),
        ROW("with an old ACK", .in = SEG(FIN | ACK, 1, 0), ANSWER(1, 2), .to = CLOSE_WAIT,
            .events = ESTAB_EVENT_PEER_CLOSED),
        ROW("beyond a gap: held", .in = SEG(FIN | ACK, 11, 1), ANSWER(1, 1), .nxt = 1,
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("beyond a gap, again", .before = fin_beyond_a_gap, .in = SEG(FIN | ACK, 11, 1),
            ANSWER(1, 1), .nxt = 1, .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("beyond a gap that is filled", .before = fin_beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 10), ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12, .text = 10,
            .events = LAST),
        ROW("beyond a gap that is filled in part", .before = fin_beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 5), .out = {SEG(ACK, 1, 6, .at_ms = 40)}, .nxt = 6,
            .events = ESTAB_EVENT_READABLE),
        ROW("with text beyond a gap that is filled", .before = text_and_fin_beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 10), ANSWER(1, 22), .to = CLOSE_WAIT, .nxt = 22, .text = 20,
            .events = LAST),
        ROW("held; text after it", .before = fin_beyond_a_gap, .in = SEG(ACK, 12, 1, .len = 10),
            .nxt = 1, .reason = {REASON_TEXT_AFTER_FIN}),
        ROW("held; text across it fills the gap", .before = fin_beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 20), ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12, .text = 10,
            .events = LAST, .reason = {REASON_TEXT_AFTER_FIN}),
        ROW("two of them beyond a gap: the first", .before = another_fin_beyond_a_gap,
            .in = SEG(ACK, 1, 1, .len = 10), ANSWER(1, 12), .to = CLOSE_WAIT, .nxt = 12,
            .events = LAST),
        ROW("inside text that was held: none", .before = fin_inside_what_is_held,
            .in = SEG(ACK, 1, 1, .len = 10), ANSWER(1, 21), .nxt = 21, .text = 20,
            .events = ESTAB_EVENT_READABLE),
        ROW("inside text that was held: more text", .before = fin_inside_what_was_held,
            .in = SEG(PSH | ACK, 21, 1, .len = 10), .out = {SEG(ACK, 1, 31, .at_ms = 40)},
            .nxt = 31, .events = ESTAB_EVENT_READABLE),
        ROW("that the window does not hold", .in = SEG(FIN | PSH | ACK, 1, 1, .len = RIG_WINDOW),
            ANSWER(1, E), .nxt = E, .events = ESTAB_EVENT_READABLE,
            .reason = {REASON_TEXT_BEYOND_WINDOW}),
        ROW("that the window just holds", .in = SEG(FIN | PSH | ACK, 1, 1, .len = RIG_WINDOW - 1),
            ANSWER(1, E), .to = CLOSE_WAIT, .nxt = E, .events = LAST),
        ROW("behind text beyond the window",
            .in = SEG(FIN | PSH | ACK, 1, 1, .len = RIG_WINDOW + 10), ANSWER(1, E), .nxt = E,
            .events = ESTAB_EVENT_READABLE, .reason = {REASON_TEXT_BEYOND_WINDOW}),
    };
    (void)state;
    RUN_ROWS(rows, IN_STATE);
}

/* ---- a batch ---------------------------------------------------------------------------------------------- */

/* MUST-59: one ACK for text in order, however much came; but each segment beyond a gap is answered,
 * as the peer counts the duplicates (RFC 5681 section 3.2). */
static void acknowledgments_of_a_batch(void **state)
{
    static const struct rig_seg in_order[] = {
        SEG(ACK, 1, 1, .len = 50),
        SEG(ACK, 201, 1, .len = 50),
        SEG(ACK, 251, 1, .len = 50),
        SEG(ACK, 301, 1, .len = 50),
        SEG(FIN | PSH | ACK, 351, 1, .len = 50),
    };
    static const struct rig_seg beyond[] = {
        SEG(ACK, 51, 1, .len = 50),
        SEG(ACK, 101, 1, .len = 50),
        SEG(ACK, 151, 1, .len = 50),
    };
    struct rig r;
    (void)state;
    for (unsigned n = 0; n < RIG_ISNS; n++) {
        rig_start(&r, NULL, rig_isns[n][0], rig_isns[n][1]);
        rig_become(&r, ACTIVE, ESTABLISHED);
        rig_in_batch(&r, beyond, 3);
        for (int i = 0; i < 3; i++)
            OUT(&r, ACK, 1, 1);
        QUIET(&r);
        rig_in_batch(&r, in_order, 5);
        OUT(&r, ACK, 1, 402);
        QUIET(&r);
        IS(&r, CLOSE_WAIT);
        assert_int_equal(rig_receive(&r, 1000), 400);
        rig_end(&r);
    }
}

/* ---- RFC 7323: timestamps (TS.Recent = 1000, Last.ACK.sent = 1) ------------------------------------------ */

#define TS(v) .opt = STAMP, .tsval = (v)

/* R7323-31, R7323-33, R7323-38, R7323-41, R7323-43. */
static void stamps(void **state)
{
    static const struct arrival rows[] = {
        ROW("equal", .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(1000)),
            .out = {SEG(ACK, 1, 11, .at_ms = 40, .opt = STAMP, .tsecr = 1000)}, .nxt = 11,
            .events = ESTAB_EVENT_READABLE),
        ROW("newer: echoed", .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(1001)),
            .out = {SEG(ACK, 1, 11, .at_ms = 40, .opt = STAMP, .tsecr = 1001)}, .nxt = 11,
            .events = ESTAB_EVENT_READABLE),
        ROW("newer by 2^31 - 1", .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(1000 + 0x7fffffffu)),
            .out = {SEG(ACK, 1, 11, .at_ms = 40, .opt = STAMP, .tsecr = 1000 + 0x7fffffffu)},
            .nxt = 11, .events = ESTAB_EVENT_READABLE),
        ROW("older by one: PAWS", .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(999)),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .nxt = 1,
            .reason = {REASON_PAWS}),
        ROW("older by 2^31 - 1: PAWS", .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(1000 - 0x7fffffff)),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .nxt = 1,
            .reason = {REASON_PAWS}),
        ROW("older, on a RST: not looked at", .in = SEG(RST, 1, 0, TS(1)), .to = CLOSED,
            .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = ESTAB_RESET),
        ROW("older, on a FIN", .in = SEG(FIN | ACK, 1, 1, TS(999)),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .nxt = 1,
            .reason = {REASON_PAWS}),
        ROW("older, on a SYN", .in = SEG(SYN, 1, 0, TS(999)),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_PAWS}),
        ROW("newer, beyond a gap: not echoed", .in = SEG(PSH | ACK, 11, 1, .len = 10, TS(1001)),
            .out = {SEG(ACK, 1, 1, .opt = STAMP, .tsecr = 1000)},
            .reason = {REASON_TEXT_OUT_OF_ORDER}),
        ROW("missing", .in = SEG(PSH | ACK, 1, 1, .len = 10, .opt = NO_OPTIONS), .nxt = 1,
            .reason = {REASON_TIMESTAMP_MISSING}),
        ROW("missing, on an ACK", .in = SEG(ACK, 1, 1, .opt = NO_OPTIONS),
            .reason = {REASON_TIMESTAMP_MISSING}),
        ROW("missing, outside the window", .in = SEG(ACK, E, 1, .opt = NO_OPTIONS), ANSWER(1, 1),
            .reason = {REASON_SEQ_UNACCEPTABLE}),
        ROW("missing, on a SYN: a peer that begins anew", .in = SEG(SYN, 100, 0, .opt = NO_OPTIONS),
            ANSWER(1, 1), .reason = {REASON_SYN_CHALLENGE}),
        ROW("missing, on a RST: fine", .in = SEG(RST, 1, 0, .opt = NO_OPTIONS), .to = CLOSED,
            .reason = {REASON_RST_EXACT}, .events = ESTAB_EVENT_CLOSED, .error = ESTAB_RESET),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.timestamps = true;
    RUN_ROWS(rows, IN_STATE, .config = &config);
}

static void twenty_five_days_later(struct rig *r)
{
    AT(r, UINT64_C(25) * 24 * 3600 * 1000);
}

static void twenty_five_days_and_one_segment_later(struct rig *r)
{
    twenty_five_days_later(r);
    IN(r, PSH | ACK, 1, 1, .len = 10, TS(500));
    AT(r, UINT64_C(25) * 24 * 3600 * 1000 + 40);
    OUT(r, ACK, 1, 11, .opt = STAMP, .tsecr = 500);
}

/* RFC 7323 section 5.5: TS.Recent of a connection that was idle for 24 days is not valid. R7323-49. */
static void stamps_after_24_days(void **state)
{
    static const struct arrival rows[] = {
        ROW("older: taken, and echoed", .before = twenty_five_days_later,
            .in = SEG(PSH | ACK, 1, 1, .len = 10, TS(999)),
            .out = {SEG(ACK, 1, 11, .at_ms = 40, .opt = STAMP, .tsecr = 999)}, .nxt = 11,
            .events = ESTAB_EVENT_READABLE),
        ROW("older than that: PAWS is back", .before = twenty_five_days_and_one_segment_later,
            .in = SEG(PSH | ACK, 11, 1, .len = 10, TS(499)),
            .out = {SEG(ACK, 1, 11, .opt = STAMP, .tsecr = 500)}, .nxt = 11,
            .reason = {REASON_PAWS}),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.timestamps = true;
    RUN_ROWS(rows, IN_STATE, .config = &config);
}

/* ---- RFC 5961 section 7: challenges are few ------------------------------------------------------------------ */

static void one_challenge(struct rig *r)
{
    IN(r, SYN, 1, 0);
    OUT(r, ACK, 1, 1);
}

/* R5961-14. */
static void challenges_are_throttled(void **state)
{
    static const struct arrival rows[] = {
        ROW("SYN", .in = SEG(SYN, 1, 0),
            .reason = {REASON_SYN_CHALLENGE, REASON_CHALLENGE_THROTTLED}),
        ROW("RST", .in = SEG(RST, 2, 0),
            .reason = {REASON_RST_CHALLENGE, REASON_CHALLENGE_THROTTLED}),
        ROW("ACK of one unsent", .in = SEG(ACK, 1, 2),
            .reason = {REASON_ACK_UNSENT, REASON_CHALLENGE_THROTTLED}),
        ROW("ancient ACK", .in = SEG(ACK, 1, 1 - 65536),
            .reason = {REASON_ACK_ANCIENT, REASON_CHALLENGE_THROTTLED}),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.challenge_acks_per_second = 1;
    RUN_ROWS(rows, IN_STATE, .config = &config, .before = one_challenge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_in_common),
        cmocka_unit_test(steps_in_common_on_ethernet),
        cmocka_unit_test(window_of_zero),
        cmocka_unit_test(acknowledgments),
        cmocka_unit_test(send_window),
        cmocka_unit_test(send_window_opens),
        cmocka_unit_test(urgent_pointers),
        cmocka_unit_test(text_in_order),
        cmocka_unit_test(text_beyond_a_gap),
        cmocka_unit_test(fins),
        cmocka_unit_test(acknowledgments_of_a_batch),
        cmocka_unit_test(stamps),
        cmocka_unit_test(stamps_after_24_days),
        cmocka_unit_test(challenges_are_throttled),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_established", tests, NULL, NULL);
}
