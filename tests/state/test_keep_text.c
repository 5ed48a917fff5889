/* SPDX-License-Identifier: MIT */
/*
 * test_keep_text.c - ESTAB_OPTION_KEEP_TEXT: text, and what nobody has accepted yet, outlive their
 * connection; and what the stack does without it (RFC 9293 section 3.10.7.4: queues are flushed).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

static void keep(struct wire *w)
{
    assert_int_equal(
        estab_set(w->stack, w->conn, ESTAB_OPTION_KEEP_TEXT, 1, WIRE_START + w->now), ESTAB_OK);
}

static enum estab_error receive_error(struct wire *w)
{
    struct estab_received got;
    uint8_t byte;

    return estab_receive(w->stack, w->conn, &byte, 1, 0, &got, WIRE_START + w->now);
}

WIRE_TEST(a_reset_flushes_text_without_it)
{
    start(w);
    OPEN(65535);
    w->events = 0;
    IN(ACK | PSH, 1, 1, 100, .wnd = 65535);
    IN(RST, 101, 0, 0);
    EVENTS(ESTAB_EVENT_READABLE | ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
    CHECK_EQ(receive_error(w), ESTAB_NO_CONNECTION);
    CHECK_EQ(wire_counters(w).connections, 0);
}

WIRE_TEST(text_before_a_reset_is_received_after_it)
{
    struct estab_received got;

    start(w);
    OPEN(65535);
    keep(w);
    w->events = 0;
    IN(ACK | PSH, 1, 1, 100, .wnd = 65535);
    IN(ACK | PSH, 201, 1, 100, .wnd = 65535); /* beyond a gap: that is lost */
    IN(RST, 101, 0, 0);
    EVENTS(ESTAB_EVENT_READABLE | ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSED);
    CHECK_EQ(STATUS.receive_queued, 100);
    (void)RECEIVE(60);
    got = RECEIVE(40);
    CHECK(!got.end); /* there was no FIN */
    CHECK_EQ(receive_error(w), ESTAB_NO_CONNECTION);
    EVENTS(0); /* it was told before */
    CHECK_EQ(wire_counters(w).connections, 0);
}

WIRE_TEST(text_before_a_timeout_is_received_after_it)
{
    start(w);
    OPEN(65535);
    keep(w);
    assert_int_equal(
        estab_set(w->stack, w->conn, ESTAB_OPTION_USER_TIMEOUT_MS, 1000, WIRE_START + w->now),
        ESTAB_OK);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    SEND(10);
    w->events = 0;
    wire_run(w, 60 * S);
    EVENTS(ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    (void)RECEIVE(10);
    CHECK_EQ(wire_counters(w).connections, 0);
}

/* Nothing is left behind that nobody takes. */
static void leaves(struct wire *w, enum estab_error (*leave)(estab_stack *, estab_conn, estab_time))
{
    start(w);
    OPEN(65535);
    keep(w);
    IN(ACK | PSH, 1, 1, 100, .wnd = 65535);
    IN(RST, 101, 0, 0);
    SKIP;
    CHECK_EQ(wire_counters(w).connections, 1);
    CHECK_EQ(leave(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    QUIET(100 * S);
    CHECK_EQ(wire_counters(w).connections, 0);
    CHECK_EQ(leave(w->stack, w->conn, WIRE_START + w->now), ESTAB_NO_CONNECTION);
}

WIRE_TEST(a_release_flushes_it)
{
    leaves(w, estab_release);
}

WIRE_TEST(an_abort_flushes_it)
{
    leaves(w, estab_abort);
}

WIRE_TEST(our_own_abort_keeps_nothing)
{
    start(w);
    OPEN(65535);
    keep(w);
    IN(ACK | PSH, 1, 1, 100, .wnd = 65535);
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    SKIP;
    CHECK_EQ(receive_error(w), ESTAB_NO_CONNECTION);
    CHECK_EQ(wire_counters(w).connections, 0);
}

/* ---- what nobody has accepted ------------------------------------------------------------------------ */

static void listening(struct wire *w, uint32_t backlog)
{
    struct estab_listen listen = {.size = sizeof listen,
                                  .local = {WIRE_OWN, WIRE_PORT},
                                  .backlog = backlog,
                                  .fixed_iss = true,
                                  .iss = w->iss};

    start(w);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

static void child(struct wire *w)
{
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460);
    OUT(0, SYN | ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 65535);
}

static void reset_child(struct wire *w, bool kept)
{
    listening(w, 4);
    if (kept)
        assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_KEEP_TEXT, 1),
                         ESTAB_OK);
    child(w);
    IN(RST, 1, 0, 0);
    w->events = 0;
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    EVENTS(ESTAB_EVENT_OPENED | ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_RESET);
}

WIRE_TEST(what_was_reset_is_accepted_with_its_address)
{
    reset_child(w, true);
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSED);
    CHECK_EQ(STATUS.remote.port, WIRE_RPORT);
    CHECK_EQ(estab_release(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(wire_counters(w).connections, 0);
}

WIRE_TEST(without_it_only_the_event_is_left)
{
    reset_child(w, false);
    CHECK_EQ(wire_counters(w).connections, 0);
}

WIRE_TEST(the_end_of_a_listener_ends_what_it_kept)
{
    listening(w, 4);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_KEEP_TEXT, 1),
                     ESTAB_OK);
    child(w);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    IN(RST, 11, 0, 0);
    SKIP;
    CHECK_EQ(wire_counters(w).connections, 1);
    assert_int_equal(estab_listen_end(w->stack, w->listener, WIRE_START + w->now), ESTAB_OK);
    CHECK_EQ(wire_counters(w).connections, 0);
}

/* ---- ESTAB_OPTION_BACKLOG ------------------------------------------------------------------------------ */

WIRE_TEST(a_backlog_can_grow)
{
    listening(w, 1);
    child(w);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460, .sport = WIRE_RPORT + 1);
    QUIET(10 * MS);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_BACKLOG, 0),
                     ESTAB_INVALID);
    assert_int_equal(estab_listener_set(w->stack, w->listener, ESTAB_OPTION_BACKLOG, 2), ESTAB_OK);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460, .sport = WIRE_RPORT + 1);
    CHECK(wire_any(w, w->now));
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
}

WIRE_TEST(a_connection_has_no_backlog)
{
    start(w);
    OPEN(65535);
    CHECK_EQ(estab_set(w->stack, w->conn, ESTAB_OPTION_BACKLOG, 1, WIRE_START + w->now),
             ESTAB_INVALID);
    CHECK_EQ(estab_set(w->stack, w->conn, ESTAB_OPTION_KEEP_TEXT, 2, WIRE_START + w->now),
             ESTAB_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_flushes_text_without_it),
        cmocka_unit_test(text_before_a_reset_is_received_after_it),
        cmocka_unit_test(text_before_a_timeout_is_received_after_it),
        cmocka_unit_test(a_release_flushes_it),
        cmocka_unit_test(an_abort_flushes_it),
        cmocka_unit_test(our_own_abort_keeps_nothing),
        cmocka_unit_test(what_was_reset_is_accepted_with_its_address),
        cmocka_unit_test(without_it_only_the_event_is_left),
        cmocka_unit_test(the_end_of_a_listener_ends_what_it_kept),
        cmocka_unit_test(a_backlog_can_grow),
        cmocka_unit_test(a_connection_has_no_backlog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
