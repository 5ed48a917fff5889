/* SPDX-License-Identifier: MIT */
/*
 * test_ecn.c - RFC 3168 where a script cannot see it: options of one connection, super-segments, both
 * sides opening, what is counted, what it costs.  The rest is in tests/script/ecn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

enum { OFF, ASKS, ANSWERS };

static void start(struct wire *w, unsigned mode)
{
    struct estab_config c = wire_config();

    c.ecn = (uint8_t)mode;
    c.congestion = ESTAB_CONGESTION_NEWRENO;
    wire_start(w, &c);
}

/* ESTABLISHED, ECN agreed on; the peer's window is 65535. */
static void agreed(struct wire *w)
{
    struct estab_listen listen = {.size = sizeof listen,
                                  .local.port = WIRE_PORT,
                                  .backlog = 4,
                                  .fixed_iss = true,
                                  .iss = w->iss};

    w->passive = true;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    IN(SYN | ECE | CWR, 0, 0, 0, .wnd = 65535, .mss = 1000);
    CHECK_EQ(OUT(0, SYN | ACK | ECE, 0, 1, 0)->ecn, 0);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    CHECK(STATUS.ecn);
}

static void open_with(struct wire *w, const struct estab_setting *setting)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
        .settings = setting,
        .setting_count = 1,
    };

    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START + w->now), ESTAB_OK);
}

/* ---- who wants it ------------------------------------------------------------------------------------- */

WIRE_TEST(one_connection_asks)
{
    const struct estab_setting asks = {ESTAB_OPTION_ECN, ASKS};

    start(w, OFF);
    open_with(w, &asks);
    OUT(0, SYN | ECE | CWR, 0, 0, 0);
    IN(SYN | ACK | ECE, 0, 1, 0, .wnd = 65535);
    OUT(0, ACK, 1, 1, 0);
    CHECK(STATUS.ecn);
}

WIRE_TEST(one_connection_does_not_ask)
{
    const struct estab_setting off = {ESTAB_OPTION_ECN, OFF};

    start(w, ASKS);
    open_with(w, &off);
    OUT(0, SYN, 0, 0, 0);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535);
    OUT(0, ACK, 1, 1, 0);
    CHECK(!STATUS.ecn);
}

WIRE_TEST(one_listener_does_not_grant)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 4,
                                  .fixed_iss = true, .iss = w->iss};

    start(w, ANSWERS);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_ECN, 3), ESTAB_INVALID);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_ECN, OFF), ESTAB_OK);
    IN(SYN | ECE | CWR, 0, 0, 0, .wnd = 65535);
    OUT(0, SYN | ACK, 0, 1, 0);
}

/* RFC 9293 figure 7: both ask, and both answer. */
static void both_open(struct wire *w, unsigned flags)
{
    const struct estab_setting asks = {ESTAB_OPTION_ECN, ASKS};

    start(w, OFF);
    open_with(w, &asks);
    OUT(0, SYN | ECE | CWR, 0, 0, 0);
    IN(SYN | flags, 0, 0, 0, .wnd = 65535);
}

/* SHLD-8. */
WIRE_TEST(both_sides_ask)
{
    both_open(w, ECE | CWR);
    OUT(0, SYN | ACK | ECE, 0, 1, 0);
    IN(SYN | ACK | ECE, 0, 1, 0, .wnd = 65535);
    CHECK(STATUS.ecn);
    SEND(100);
    CHECK_EQ(OUT(0, ACK | PSH, 1, 1, 100)->ecn, ECT_0);
}

WIRE_TEST(both_sides_open_and_one_asks)
{
    both_open(w, 0);
    OUT(0, SYN | ACK, 0, 1, 0);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535);
    CHECK(!STATUS.ecn);
}

/* Section 6.1.1.1: a reset may be of whoever does not know the bits; once. */
WIRE_TEST(a_reset_takes_the_bits_away)
{
    const struct estab_setting asks = {ESTAB_OPTION_ECN, ASKS};

    start(w, OFF);
    open_with(w, &asks);
    OUT(0, SYN | ECE | CWR, 0, 0, 0);
    IN(RST | ACK, 0, 1, 0, .wnd = 0);
    OUT(0, SYN, 0, 0, 0);
    CHECK_EQ(wire_reason(w, "ECN_REFUSED"), 1);
    IN(RST | ACK, 0, 1, 0, .wnd = 0);
    EVENTS(ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
}

/* ---- super-segments ----------------------------------------------------------------------------------- */

/* One with CWR has it in its header; the device leaves it on the first of those it cuts. */
WIRE_TEST(a_super_segment_says_cwr_once)
{
    w->super = 16000;
    start(w, ANSWERS);
    agreed(w);
    SEND(10000);
    CHECK_EQ(OUT(0, ACK | PSH, 1, 1, 10000)->ecn, ECT_0);
    wire_run(w, 100 * MS);
    IN(ACK | ECE, 1, 10001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.cwnd, 5000);
    SEND(8000);
    const struct wire_segment *s = OUT(100 * MS, ACK | CWR | PSH, 10001, 1, 5000);
    CHECK_EQ(s->segment_size, 1000);
    CHECK_EQ(s->ecn, ECT_0);
    wire_run(w, 200 * MS);
    IN(ACK, 1, 15001, 0, .wnd = 65535);
    OUT(200 * MS, ACK | PSH, 15001, 1, 3000);
}

/* A received one may be of several: CWR was on the first of them, CE on each. */
WIRE_TEST(cwr_comes_before_ce)
{
    start(w, ANSWERS);
    agreed(w);
    IN(ACK, 1, 1, 3000, .wnd = 65535, .ecn = CE);
    OUT(0, ACK | ECE, 1, 3001, 0);
    IN(ACK | CWR, 3001, 1, 3000, .wnd = 65535, .ecn = CE);
    OUT(0, ACK | ECE, 1, 6001, 0);
    IN(ACK | CWR, 6001, 1, 3000, .wnd = 65535, .ecn = ECT_0);
    OUT(0, ACK, 1, 9001, 0);
    CHECK_EQ(STATUS.ce_segments, 2);
}

/* ---- the window ------------------------------------------------------------------------------------------ */

/* By PRR (RFC 9937): half a segment for each that arrives, a whole one at first. */
WIRE_TEST(a_window_shrinks_once_and_costs_no_memory_after)
{
    static const uint32_t cwnd[] = {8000, 7000, 6500, 5000, 4000, 4000, 4000};
    uint32_t memory;

    start(w, ANSWERS);
    agreed(w);
    memory = STATUS.memory;
    SEND(8000);
    SKIP;
    wire_run(w, 100 * MS);
    for (uint32_t ack = 1001; ack <= 7001; ack += 1000) {
        IN(ACK | ECE, 1, ack, 0, .wnd = 65535);
        CHECK_EQ(STATUS.ssthresh, 4000);
        CHECK_EQ(STATUS.cwnd, cwnd[ack / 1000 - 1]);
        CHECK_EQ(STATUS.loss, ESTAB_LOSS_CWR);
    }
    CHECK_EQ(STATUS.delivered_ce, 7);
    IN(ACK, 1, 8001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_CWR); /* CWR has not arrived yet */
    SEND(1000);
    OUT(100 * MS, ACK | CWR | PSH, 8001, 1, 1000);
    wire_run(w, 200 * MS);
    IN(ACK, 1, 9001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK_EQ(STATUS.cwnd, 4000);
    CHECK_EQ(STATUS.memory, memory);
    CHECK(!STATUS.cold);
}

/* All has come, and CWR has not: what limited transmit then sends beyond ssthresh is in proportion to nothing. */
WIRE_TEST(what_goes_beyond_a_window_that_has_shrunk)
{
    start(w, ANSWERS);
    agreed(w);
    SEND(8000);
    SKIP;
    wire_run(w, 100 * MS);
    IN(ACK | ECE, 1, 8001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_CWR);
    CHECK_EQ(STATUS.ssthresh, 4000);
    SEND(8000);
    SKIP;
    wire_run(w, 200 * MS);
    IN(ACK, 1, 8001, 0, .wnd = 65535);
    IN(ACK, 1, 8001, 0, .wnd = 65535);
    SKIP;
    CHECK_EQ(STATUS.snd_nxt - w->iss, 14001);
    IN(ACK, 1, 9001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    CHECK_EQ(STATUS.cwnd, 4000);
    SKIP;
}

/* An ECE where a FIN alone is outstanding. */
WIRE_TEST(an_ece_of_a_fin)
{
    start(w, ANSWERS);
    agreed(w);
    SEND(1000);
    SKIP;
    wire_run(w, 100 * MS);
    IN(ACK, 1, 1001, 0, .wnd = 65535);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    SKIP;
    wire_run(w, 200 * MS);
    IN(ACK | ECE, 1, 1001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_CWR);
    IN(ACK | ECE, 1, 1002, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_CWR);
    SKIP;
}

/* RFC 3168 section 6.1.2: a loss and an ECE in one window are one reason to shrink. */
WIRE_TEST(a_loss_in_the_same_window_does_not_shrink_it_again)
{
    start(w, ANSWERS);
    agreed(w);
    SEND(8000);
    SKIP;
    wire_run(w, 100 * MS);
    IN(ACK | ECE, 1, 1001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.ssthresh, 4000);
    for (unsigned i = 0; i < 3; i++)
        IN(ACK | ECE, 1, 1001, 0, .wnd = 65535);
    CHECK_EQ(OUT(100 * MS, ACK, 1001, 1, 1000)->ecn, 0);
    CHECK_EQ(STATUS.ssthresh, 4000);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
}

/* ... and an ECE after a loss, before what was then sent has arrived, is none. */
WIRE_TEST(an_ece_in_a_recovery_does_not_shrink_it_again)
{
    start(w, ANSWERS);
    agreed(w);
    SEND(8000);
    SKIP;
    wire_run(w, 100 * MS);
    for (unsigned i = 0; i < 3; i++)
        IN(ACK, 1, 1, 0, .wnd = 65535);
    OUT(100 * MS, ACK, 1, 1, 1000);
    CHECK_EQ(STATUS.ssthresh, 4000);
    IN(ACK | ECE, 1, 4001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.ssthresh, 4000);
    SKIP;
}

/* A receiver that says ECE for ever takes the window to its least, and no further. */
WIRE_TEST(ece_for_ever)
{
    uint32_t ack = 1;

    start(w, ANSWERS);
    agreed(w);
    for (unsigned i = 0; i < 20; i++) {
        SEND(4000);
        SKIP;
        wire_run(w, w->now + 100 * MS);
        ack = STATUS.snd_nxt - w->iss;
        IN(ACK | ECE, 1, ack, 0, .wnd = 65535);
        SKIP;
    }
    CHECK_EQ(STATUS.cwnd, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_asks),
        cmocka_unit_test(one_connection_does_not_ask),
        cmocka_unit_test(one_listener_does_not_grant),
        cmocka_unit_test(both_sides_ask),
        cmocka_unit_test(both_sides_open_and_one_asks),
        cmocka_unit_test(a_reset_takes_the_bits_away),
        cmocka_unit_test(a_super_segment_says_cwr_once),
        cmocka_unit_test(cwr_comes_before_ce),
        cmocka_unit_test(a_window_shrinks_once_and_costs_no_memory_after),
        cmocka_unit_test(what_goes_beyond_a_window_that_has_shrunk),
        cmocka_unit_test(an_ece_of_a_fin),
        cmocka_unit_test(a_loss_in_the_same_window_does_not_shrink_it_again),
        cmocka_unit_test(an_ece_in_a_recovery_does_not_shrink_it_again),
        cmocka_unit_test(ece_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
