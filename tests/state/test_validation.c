/* SPDX-License-Identifier: MIT */
/*
 * test_validation.c - congestion-window validation (RFC 2861, RFC 5681 section 4.1, RFC 7661): what is left of
 * a window that was not used, by which rule, and what keeps it; with each congestion control.  Segments are
 * 1000 bytes, the initial window is 10 of them; tests/script/congestion has what Linux does alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/wire.h"

#define SMSS 1000
#define RTT  (100 * MS)

static void start(struct wire *w, unsigned congestion, bool decays)
{
    struct estab_config c = wire_config();

    c.congestion = (uint8_t)congestion;
    c.recovery = ESTAB_RECOVERY_SACK; /* no probe of the tail */
    c.window_scale = true;
    c.nagle = false;
    c.slow_start_after_idle = decays;
    c.trace_records = 4096;
    c.tuning = false;
    c.send_buffer = c.send_reserve = 64 * SMSS;
    wire_start(w, &c);
    OPEN(65535, .mss = SMSS, .wscale = SCALE(4), .sack_ok = true);
}

/* An acknowledgment of so much, with a window that is in nobody's way. */
#define GOT(ack) IN(ACK, 1, ack, 0, .wnd = 60000)

static void later(struct wire *w, estab_time by)
{
    wire_run(w, w->now + by);
}

/* A window of forty segments; all of it is acknowledged, now. */
static void grown(struct wire *w, unsigned congestion, bool decays)
{
    start(w, congestion, decays);
    later(w, RTT);
    SEND(30000);
    later(w, RTT);
    GOT(10001);
    later(w, RTT);
    GOT(30001);
    CHECK_EQ(STATUS.cwnd, 40000);
    SKIP;
}

/* So much, so long after the last that it is no idle time, and an RTO after the acknowledgment, which was now:
 * no answer has come yet. */
static void begins(struct wire *w, uint32_t bytes)
{
    uint32_t cwnd = STATUS.cwnd;

    later(w, STATUS.rto_us * US - RTT - 1 * MS);
    SEND(bytes);
    SKIP;
    CHECK_EQ(STATUS.cwnd, cwnd);
}

/* A segment an RTO after the acknowledgment. */
static uint32_t goes_on(struct wire *w)
{
    uint32_t cwnd = STATUS.cwnd;

    later(w, RTT);
    SEND(SMSS);
    SKIP;
    CHECK_EQ(STATUS.cwnd, cwnd);
    later(w, 1 * MS);
    SEND(SMSS);
    SKIP;
    return STATUS.cwnd;
}

/* How often the window was changed by a rule, and so told. */
static unsigned told(struct wire *w, enum cwnd_rule rule)
{
    struct estab_trace t;
    unsigned n = 0;

    while (estab_trace_next(w->stack, &t))
        n += t.kind == TRACE_CWND && t.arg[2] == (uint32_t)rule;
    return n;
}

#define EACH(congestion)                                                                           \
    for (unsigned congestion = 0; estab_congestion_name(congestion); wire_again(w), congestion++)

static void wire_again(struct wire *w)
{
    w->head = w->tail;
    wire_stop(w);
    *w = (struct wire){.iss = w->iss, .irs = w->irs};
}

/* ---- what is given up ------------------------------------------------------------------------------------- */

/* RFC 2861 section 3.2: cwnd = (cwnd + used) / 2; the initial window counts as used. */
WIRE_TEST(half_of_what_was_not_used_goes)
{
    EACH(row) {
        grown(w, row, true);
        begins(w, SMSS);
        CHECK_EQ(goes_on(w), 25000);
        CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
        CHECK_EQ(told(w, RULE_UNUSED), 1);
        wire_again(w);
        grown(w, row, true);
        begins(w, 14 * SMSS);
        CHECK_EQ(goes_on(w), 28000);
        SEND(SMSS); /* once in an RTO */
        CHECK_EQ(STATUS.cwnd, 28000);
        CHECK_EQ(told(w, RULE_UNUSED), 1);
    }
}

/* RFC 2861 section 3.1: where ssthresh was known, it remembers three quarters of the window, if that is more. */
WIRE_TEST(ssthresh_remembers_the_window)
{
    EACH(row) {
        uint32_t cwnd, end = 30001;

        grown(w, row, true);
        SEND(20000); /* the first half is lost */
        later(w, RTT);
        IN(ACK, 1, end, 0, .wnd = 60000, .sacks = 1, .sack = {{end + 10 * SMSS, end + 20 * SMSS}});
        later(w, RTT);
        GOT(end += 20 * SMSS);
        CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
        while ((cwnd = STATUS.cwnd) / 4 * 3 <= STATUS.ssthresh) {
            cwnd -= cwnd % SMSS;
            SEND(cwnd);
            later(w, RTT);
            GOT(end += cwnd);
        }
        SKIP;
        begins(w, SMSS);
        CHECK_EQ(goes_on(w), (cwnd + 10 * SMSS) / 2);
        CHECK_EQ(STATUS.ssthresh, cwnd / 4 * 3);
    }
}

/* ---- what keeps it -------------------------------------------------------------------------------------- */

WIRE_TEST(the_switch_keeps_it)
{
    EACH(row) {
        grown(w, row, false);
        begins(w, SMSS);
        CHECK_EQ(goes_on(w), 40000);
        later(w, 60 * S);
        GOT(33001);
        later(w, 60 * S);
        SEND(SMSS);
        CHECK_EQ(STATUS.cwnd, 40000);
        CHECK_EQ(told(w, RULE_UNUSED) + told(w, RULE_RESTART), 0);
    }
}

/* Not RFC 2861, but Linux and RFC 7661: who goes on at a lower rate keeps the window. */
WIRE_TEST(acknowledgments_keep_it)
{
    EACH(row) {
        grown(w, row, true);
        for (uint32_t i = 1; i <= 100; i++) {
            SEND(SMSS);
            later(w, RTT);
            GOT(30001 + i * SMSS);
        }
        CHECK_EQ(STATUS.cwnd, 40000);
        begins(w, SMSS);
        later(w, RTT / 2);
        GOT(131001);
        SKIP;
        CHECK_EQ(goes_on(w), 40000);
        CHECK_EQ(told(w, RULE_UNUSED), 0);
    }
}

/* In slow start what is more than half of it is as good as all: it would grow when that is acknowledged. */
WIRE_TEST(use_keeps_it)
{
    EACH(row) {
        grown(w, row, true);
        begins(w, 21 * SMSS);
        CHECK_EQ(goes_on(w), 40000);
        CHECK_EQ(told(w, RULE_UNUSED), 0);
    }
}

/* What a loss may be about to take back is not taken back by this, too. */
WIRE_TEST(a_loss_perhaps_keeps_it)
{
    EACH(row) {
        grown(w, row, true);
        begins(w, 2 * SMSS);
        IN(ACK, 1, 30001, 0, .wnd = 60000, .sacks = 1, .sack = {{31001, 32001}});
        CHECK_EQ(goes_on(w), 40000);
        CHECK_EQ(told(w, RULE_UNUSED), 0);
    }
}

/* It is not the user who leaves it empty, but the room that the user waits for. */
WIRE_TEST(a_full_buffer_keeps_it)
{
    EACH(row) {
        enum estab_error error;

        grown(w, row, true);
        CHECK_EQ(estab_set(w->stack, w->conn, ESTAB_OPTION_SEND_BUFFER, 14 * SMSS, WIRE_START + w->now), ESTAB_OK);
        begins(w, 12 * SMSS);
        later(w, RTT + 1 * MS);
        (void)wire_send_some(w, 12 * SMSS, 0, &error);
        CHECK_EQ(error, ESTAB_AGAIN);
        wire_pump(w);
        CHECK(STATUS.snd_nxt - w->iss - 1 > 42 * SMSS);
        CHECK_EQ(STATUS.cwnd, 40000);
        CHECK_EQ(told(w, RULE_UNUSED), 0);
        SKIP;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_what_was_not_used_goes), cmocka_unit_test(ssthresh_remembers_the_window),
        cmocka_unit_test(the_switch_keeps_it),            cmocka_unit_test(acknowledgments_keep_it),
        cmocka_unit_test(use_keeps_it),              cmocka_unit_test(a_loss_perhaps_keeps_it),
        cmocka_unit_test(a_full_buffer_keeps_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
