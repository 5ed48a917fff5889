/* SPDX-License-Identifier: MIT */
/*
 * test_open_again.c - an OPEN of a pair that rests in TIME-WAIT: refused (RFC 9293 section 3.10.1),
 * unless its user asks for it and timestamps tell old segments from new (RFC 6191, RFC 7323).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

static void to_time_wait(struct wire *w, bool timestamps)
{
    struct estab_config c = wire_config();

    c.timestamps = timestamps;
    wire_start(w, &c);
    OPEN(65535, .ts = timestamps, .tsval = 100);
    SEND(100);
    SKIP;
    IN(ACK, 1, 101, 0, .wnd = 65535, .ts = timestamps, .tsval = 101);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    SKIP;
    IN(ACK | FIN, 1, 102, 0, .wnd = 65535, .ts = timestamps, .tsval = 102);
    SKIP;
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
}

static enum estab_error again(struct wire *w, bool reopen, estab_conn *out)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .reopen = reopen};

    return estab_open(w->stack, &open, out, WIRE_START + w->now);
}

WIRE_TEST(it_exists_for_who_does_not_ask)
{
    estab_conn conn;

    to_time_wait(w, true);
    CHECK_EQ(again(w, false, &conn), ESTAB_EXISTS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
}

WIRE_TEST(without_timestamps_it_exists)
{
    estab_conn conn;

    to_time_wait(w, false);
    CHECK_EQ(again(w, true, &conn), ESTAB_EXISTS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
}

/* The old handle ends, REASON_TIME_WAIT_REOPENED is counted, and the numbers go on beyond a window. */
WIRE_TEST(with_them_it_opens)
{
    uint32_t last;
    estab_conn conn;

    to_time_wait(w, true);
    last = STATUS.snd_nxt;
    w->events = 0;
    CHECK_EQ(again(w, true, &conn), ESTAB_OK);
    EVENTS(ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_OK);
    CHECK_EQ(wire_reason(w, "TIME_WAIT_REOPENED"), 1);
    CHECK_EQ(wire_counters(w).records, 0);
    CHECK_EQ(wire_status(w, conn).state, ESTAB_STATE_SYN_SENT);
    CHECK((int32_t)(wire_status(w, conn).iss - last) >= 65537);
    w->conn = conn;
}

WIRE_TEST(what_is_open_is_not_opened_again)
{
    struct estab_config c = wire_config();
    estab_conn conn;

    c.timestamps = true;
    wire_start(w, &c);
    OPEN(65535, .ts = true, .tsval = 100);
    CHECK_EQ(again(w, true, &conn), ESTAB_EXISTS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_exists_for_who_does_not_ask),
        cmocka_unit_test(without_timestamps_it_exists),
        cmocka_unit_test(with_them_it_opens),
        cmocka_unit_test(what_is_open_is_not_opened_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
