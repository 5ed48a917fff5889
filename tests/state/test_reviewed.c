/* SPDX-License-Identifier: MIT */
/*
 * test_reviewed.c - what a review of the engine found, each as the scenario that showed it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define FIN 0x01

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
}

/* A single-shot passive OPEN that returned to LISTEN has nothing outstanding, and no timer. */
WIRE_TEST(a_returned_open_has_no_timer)
{
    struct estab_config c = wire_config();
    struct estab_open open = {.size = sizeof open, .passive = true, .local.port = WIRE_PORT};

    wire_start(w, &c);
    w->passive = true;
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    IN(SYN, 0, 0, 0, .wnd = 65535);
    SKIP;
    IN(RST, 1, 0, 0);
    SKIP;
    CHECK_EQ(STATUS.state, ESTAB_STATE_LISTEN);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 1000);
    set(w, ESTAB_OPTION_NAGLE, 0);
    QUIET(300 * ESTAB_SECOND);
    CHECK_EQ(STATUS.state, ESTAB_STATE_LISTEN);
}

/* What SEND did not take before the peer of a passive OPEN was reset is asked for again in LISTEN. */
WIRE_TEST(a_returned_open_owes_writable)
{
    struct estab_config c = wire_config();
    struct estab_open open = {.size = sizeof open, .passive = true, .local.port = WIRE_PORT};
    enum estab_error error;

    c.send_buffer = 4096;
    wire_start(w, &c);
    w->passive = true;
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    IN(SYN, 0, 0, 0, .wnd = 65535);
    SKIP;
    CHECK_EQ(wire_send_some(w, 10000, 0, &error), 4096);
    CHECK_EQ(error, ESTAB_AGAIN);
    w->events = 0;
    IN(RST, 1, 0, 0);
    SKIP;
    CHECK_EQ(STATUS.state, ESTAB_STATE_LISTEN);
    CHECK_EQ(STATUS.send_queued, 0);
    CHECK(w->events & ESTAB_EVENT_WRITABLE);
}

/* Forged SYNs make records; what the forged peers then say to each other must die out. */
WIRE_TEST(a_record_answers_few_strays)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 4};
    unsigned answers = 0;

    wire_start(w, &c);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    IN(SYN, 1000, 0, 0, .wnd = 65535, .sport = 5000);
    SKIP;
    for (unsigned i = 0; i < 100; i++) {
        IN(ACK, 500000, 77, 0, .wnd = 65535, .sport = 5000);
        while (wire_any(w, w->now))
            answers++;
    }
    CHECK_EQ(answers, 5);
    CHECK_EQ(wire_reason(w, "CHALLENGE_THROTTLED"), 95);
}

/* Section 3.8.4: a peer that answers its keep-alives lives, whatever window it offers. */
WIRE_TEST(keepalives_answered_at_a_zero_window)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
    OPEN(1000);
    IN(ACK, 1, 1, 0, .wnd = 0);
    set(w, ESTAB_OPTION_KEEPALIVE_PROBES, 3);
    set(w, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, 1000);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 10000);
    for (unsigned i = 1; i <= 12; i++) {
        OUT(10 * i * ESTAB_SECOND, ACK, 0, 1, 0);
        IN(ACK, 1, 1, 0, .wnd = 0);
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

/* The ACK of our FIN counts, though the text that brings it finds no room (MUST-66). */
WIRE_TEST(a_fin_acknowledged_at_a_zero_window)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 4096;
    wire_start(w, &c);
    OPEN(8000);
    IN(ACK, 1, 1, 4096, .wnd = 8000);
    SKIP;
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    OUT(w->now, FIN | ACK, 1, 4097, 0);
    IN(ACK, 4097, 2, 1, .wnd = 8000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
    CHECK_EQ(wire_reason(w, "SEQ_ACK_ONLY"), 1);
    SKIP;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_returned_open_has_no_timer),
        cmocka_unit_test(a_returned_open_owes_writable),
        cmocka_unit_test(a_record_answers_few_strays),
        cmocka_unit_test(keepalives_answered_at_a_zero_window),
        cmocka_unit_test(a_fin_acknowledged_at_a_zero_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
