/* SPDX-License-Identifier: MIT */
/* RFC 9293 section 3.10.7.4, in TIME-WAIT: SND.UNA = SND.NXT = 2, RCV.NXT = 3; a record, and a TCB
 * while the user has not taken all text.  Nobody listens; test_time_wait.c has what a SYN does where
 * somebody does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig_rows.h"

#define E (1 + RIG_WINDOW)

#define A_RECORD .state = TIME_WAIT, .ways = ALL_WAYS, .before = rig_nobody_listens
#define A_TCB                                                                                      \
    .state = TIME_WAIT, .ways = ALL_WAYS, .keep_unread = true, .before = rig_nobody_listens

/* All that does not end the connection. */
#define STAYING_ROWS                                                                               \
    STEP_1_ROWS(2, 3, E), STEP_2_ROWS(2, 3, E, 1000), STEP_4_ROWS(2, 3, 1000),                     \
        SYN_AGAIN_ROWS(2, 3), NO_ACK_ROWS(3, 1000), BAD_ACK_ROWS(2, 2, 3, 1000),                   \
        AFTER_FIN_ROWS(2, 3, 1000), ROW("an ACK of nothing new", .in = SEG(ACK, 3, 2)),            \
        ROW("an ACK in the window", .in = SEG(ACK, 1000, 2)),                                      \
        ROW("an old ACK", .in = SEG(ACK, 3, 1)),                                                   \
        ROW("the text again", .in = SEG(PSH | ACK, 1, 1, .len = 1), ANSWER(2, 3),                  \
            .reason = {REASON_SEQ_UNACCEPTABLE}),                                                  \
        ROW("the FIN again", .in = SEG(FIN | ACK, 2, 2), ANSWER(2, 3),                             \
            .reason = {REASON_TIME_WAIT_FIN}),                                                     \
        ROW("the FIN again, with the text", .in = SEG(FIN | PSH | ACK, 1, 2, .len = 1),            \
            ANSWER(2, 3), .reason = {REASON_TIME_WAIT_FIN}),                                       \
        ROW("the FIN again, with an old ACK", .in = SEG(FIN | ACK, 2, 1), ANSWER(2, 3),            \
            .reason = {REASON_TIME_WAIT_FIN}),                                                     \
        ROW("a FIN to the left of the last one", .in = SEG(FIN | ACK, 1, 2), ANSWER(2, 3),         \
            .reason = {REASON_SEQ_UNACCEPTABLE})

static void a_record(void **state)
{
    static const struct arrival rows[] = {STAYING_ROWS, RST_EXACT_ROWS(2, 3, ESTAB_OK)};
    (void)state;
    RUN_ROWS(rows, A_RECORD);
}

/* What ends the connection leaves the text to its user: CLOSED comes with the last of it. */
static void a_tcb(void **state)
{
    static const struct arrival rows[] = {
        STAYING_ROWS,
        ROW("the last place of the window", .in = SEG(ACK, E - 1, 2)),
        ROW("RST at RCV.NXT", .in = SEG(RST, 3, 0), .to = CLOSED, .reason = {REASON_RST_EXACT}),
        ROW("RST,ACK at RCV.NXT", .in = SEG(RST | ACK, 3, 2), .to = CLOSED,
            .reason = {REASON_RST_EXACT}),
    };
    (void)state;
    RUN_ROWS(rows, A_TCB);
}

/* MUST-13: 2 MSL from the last time that the peer's FIN was acknowledged. */
static void waits_for(struct rig *r, uint64_t ms)
{
    AT(r, ms - 1);
    IS(r, TIME_WAIT);
    QUIET(r);
    AT(r, ms);
    QUIET(r);
    COUNTED(r, REASON_TIME_WAIT_END, 1);
}

static void begin(struct rig *r, bool keep_unread)
{
    rig_start(r, NULL, UINT32_MAX, UINT32_MAX - 1);
    r->keep_unread = keep_unread;
    rig_become(r, ACTIVE, TIME_WAIT);
    rig_forget(r);
}

/* MUST-13. */
static void it_ends_after_2_msl(void **state)
{
    struct rig r;
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        begin(&r, unread);
        waits_for(&r, 60000);
        IS(&r, CLOSED);
        if (unread) { /* the text outlives the connection */
            HAPPENED(&r, 0, ESTAB_OK);
            assert_int_equal(rig_receive(&r, 10), 1);
        }
        HAPPENED(&r, ESTAB_EVENT_CLOSED, ESTAB_OK);
        rig_end(&r);
    }
}

/* Section 3.10.7.4: whichever way led here, "start the time-wait timer, turn off the other timers". */
static void it_ends_after_2_msl_from_everywhere(void **state)
{
    static const enum rig_state from[] = {FIN_WAIT_1, FIN_WAIT_2, CLOSING};
    struct rig r;
    (void)state;
    for (int unread = 0; unread < 2; unread++)
        for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
            uint32_t text = unread ? 10 : 0;

            rig_start(&r, NULL, UINT32_MAX, UINT32_MAX - 1);
            r.keep_unread = unread;
            rig_become(&r, ACTIVE, from[i] == CLOSING ? FIN_WAIT_1 : from[i]);
            AT(&r, 100);
            if (from[i] == CLOSING)
                IN(&r, FIN | ACK, 1, 1, .len = text);
            IN(&r, from[i] == CLOSING ? ACK : FIN | ACK, from[i] == CLOSING ? 2 + text : 1, 2,
               .len = from[i] == CLOSING ? 0 : text);
            IS(&r, TIME_WAIT);
            rig_forget(&r);
            waits_for(&r, 60100);
            IS(&r, CLOSED);
            assert_true(rig_leaves_nothing(&r));
            rig_end(&r);
        }
}

static void a_fin_begins_the_wait_anew(void **state)
{
    struct rig r;
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        begin(&r, unread);
        AT(&r, 59999);
        IN(&r, FIN | ACK, 2, 2);
        OUT(&r, ACK, 2, 3);
        waits_for(&r, 119999);
        IS(&r, CLOSED);
        rig_end(&r);
    }
}

static void nothing_else_does(void **state)
{
    static const struct rig_seg segments[] = {
        SEG(ACK, 3, 2),  SEG(RST, 100, 0),     SEG(SYN, 3, 0), SEG(PSH | ACK, 1, 2, .len = 1),
        SEG(ACK, 3, 99), SEG(FIN | ACK, 3, 2),
    };
    struct rig r;
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        begin(&r, unread);
        AT(&r, 30000);
        for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++)
            rig_in(&r, &segments[i]);
        rig_forget(&r);
        waits_for(&r, 60000);
        rig_end(&r);
    }
}

/* RFC 7323 section 5.3 holds for a record as for a TCB: TS.Recent is 1000. R7323-43. */
static void stamps(void **state)
{
    static const struct arrival rows[] = {
        ROW("older: PAWS", .in = SEG(PSH | ACK, 3, 2, .len = 10, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 2, 3, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_PAWS}),
        ROW("older, on a SYN: PAWS", .in = SEG(SYN, 3, 0, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 2, 3, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_PAWS}),
        ROW("missing", .in = SEG(ACK, 3, 2, .opt = NO_OPTIONS),
            .reason = {REASON_TIMESTAMP_MISSING}),
        ROW("older, on a RST in the window", .in = SEG(RST, 1000, 0, .opt = STAMP, .tsval = 999),
            .out = {SEG(ACK, 2, 3, .opt = STAMP, .tsecr = 1000)}, .reason = {REASON_RST_CHALLENGE}),
    };
    struct estab_config config = rig_config();
    (void)state;
    config.timestamps = true;
    RUN_ROWS(rows, A_RECORD, .config = &config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record),
        cmocka_unit_test(a_tcb),
        cmocka_unit_test(it_ends_after_2_msl),
        cmocka_unit_test(it_ends_after_2_msl_from_everywhere),
        cmocka_unit_test(a_fin_begins_the_wait_anew),
        cmocka_unit_test(nothing_else_does),
        cmocka_unit_test(stamps),
    };
    return cmocka_run_group_tests_name("segment_arrives_when_time_wait", tests, NULL, NULL);
}
