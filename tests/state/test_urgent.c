/* SPDX-License-Identifier: MIT */
/*
 * test_urgent.c - urgent text (RFC 9293 section 3.8.5: MUST-30 to MUST-33, MUST-62), sent and
 * received; and what must still hold when a connection has passed 2^31 bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stack/stack.h"
#include "support/wire.h"

#define URGENT   ESTAB_EVENT_URGENT
#define READABLE ESTAB_EVENT_READABLE

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    c.tuning = false; /* SEND takes as much as it may from the first */
    wire_start(w, &c);
}

#define SEND_URGENT(n) wire_send(w, n, ESTAB_URGENT, HERE)

/* ---- sent ----------------------------------------------------------------------------------------- */

/* MUST-62: the pointer stands behind the last urgent byte. MUST-30. */
WIRE_TEST(the_pointer_stands_behind_the_text)
{
    start(w);
    OPEN(65535);
    SEND_URGENT(10);
    CHECK_EQ(OUT(0, ACK | PSH | URG, 1, 1, 10)->up, 10);
    CHECK_EQ(STATUS.snd_up, w->iss + 11);
    IN(ACK, 1, 11, 0, .wnd = 65535);
    SEND(10);
    CHECK_EQ(OUT(0, ACK | PSH, 11, 1, 10)->up, 0);
}

WIRE_TEST(text_before_it_announces_it)
{
    start(w);
    OPEN(0);
    SEND(3000);
    SEND_URGENT(10);
    SEND(20);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK | URG, 1, 1, 1460)->up, 3010);
    CHECK_EQ(OUT(0, ACK | URG, 1461, 1, 1460)->up, 1550);
    IN(ACK, 1, 2921, 0, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK | PSH | URG, 2921, 1, 110)->up, 90);
    CHECK_EQ(OUT(200 * MS, ACK | PSH | URG, 2921, 1, 110)->up, 90); /* and again */
}

/* MUST-31: of any length; what 16 bits do not reach is announced as far as they do. */
WIRE_TEST(urgent_text_of_any_length)
{
    uint32_t seq = 1;

    start(w);
    OPEN(65535);
    SEND_URGENT(100000);
    while (seq < 100001) {
        const struct wire_segment *s = wire_any(w, w->now);
        uint32_t ahead = 100001 - seq;

        if (!s) {
            IN(ACK, 1, seq, 0, .wnd = 65535);
            continue;
        }
        CHECK_EQ(s->seq, seq);
        CHECK(s->flags & URG);
        CHECK_EQ(s->up, ahead < 65535 ? ahead : 65535);
        seq += s->len;
    }
    IN(ACK, 1, seq, 0, .wnd = 65535);
    SEND(1);
    OUT(0, ACK | PSH, 100001, 1, 1);
}

/* It also says that urgent text waits behind a closed window. */
WIRE_TEST(a_later_pointer_replaces_it)
{
    start(w);
    OPEN(0);
    SEND_URGENT(10);
    SEND_URGENT(10);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK | PSH | URG, 1, 1, 20)->up, 20);
}

/* ---- received -------------------------------------------------------------------------------------- */

/* MUST-32: told at once; MUST-33: and whether there is more of it. */
WIRE_TEST(urgent_text_is_told)
{
    start(w);
    ACCEPT(65535);
    IN(ACK | URG, 1, 1, 10, .wnd = 65535, .up = 5);
    EVENTS(URGENT | READABLE);
    CHECK_EQ(STATUS.rcv_up, w->irs + 6);
    CHECK(RECEIVE(4).urgent);
    CHECK(!RECEIVE(1).urgent);
    CHECK(!RECEIVE(5).urgent);
    w->head = w->tail;
}

/* MUST-33. */
WIRE_TEST(a_pointer_beyond_the_segment)
{
    start(w);
    ACCEPT(65535);
    IN(ACK | URG, 1, 1, 10, .wnd = 65535, .up = 1000);
    EVENTS(URGENT | READABLE);
    CHECK(RECEIVE(10).urgent);
    IN(ACK | URG, 11, 1, 990, .wnd = 65535, .up = 990); /* the same */
    EVENTS(READABLE);
    CHECK(RECEIVE(989).urgent);
    CHECK(!RECEIVE(1).urgent);
    w->head = w->tail;
}

WIRE_TEST(a_pointer_without_text)
{
    start(w);
    ACCEPT(65535);
    IN(ACK | URG, 1, 1, 0, .wnd = 65535, .up = 3);
    EVENTS(URGENT);
    IN(ACK, 1, 1, 3, .wnd = 65535);
    EVENTS(READABLE);
    CHECK(!RECEIVE(3).urgent);
    w->head = w->tail;
}

/* "A TCP receiver should be robust to invalid urgent pointer values." */
WIRE_TEST(a_pointer_of_zero)
{
    start(w);
    ACCEPT(65535);
    IN(ACK | URG, 1, 1, 10, .wnd = 65535, .up = 0);
    EVENTS(READABLE);
    CHECK(!RECEIVE(10).urgent);
    w->head = w->tail;
}

/* MUST-32: again when it advances; never when it recedes. */
WIRE_TEST(the_pointer_does_not_recede)
{
    start(w);
    ACCEPT(65535);
    IN(ACK | URG, 1, 1, 10, .wnd = 65535, .up = 100);
    EVENTS(URGENT | READABLE);
    IN(ACK | URG, 11, 1, 10, .wnd = 65535, .up = 50);
    EVENTS(READABLE);
    CHECK_EQ(STATUS.rcv_up, w->irs + 101);
    IN(ACK | URG, 21, 1, 10, .wnd = 65535, .up = 200);
    EVENTS(URGENT | READABLE);
    CHECK_EQ(STATUS.rcv_up, w->irs + 221);
    w->head = w->tail;
}

/* Step 6: ahead "of the data consumed", although it was received. */
WIRE_TEST(a_pointer_at_text_that_was_not_consumed)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 100, .wnd = 65535);
    EVENTS(READABLE);
    IN(ACK | URG, 101, 1, 0, .wnd = 65535, .up = 0);
    EVENTS(URGENT);
    CHECK(RECEIVE(99).urgent);
    CHECK(!RECEIVE(1).urgent);
    w->head = w->tail;
}

/* MUST-66: through a closed window. */
WIRE_TEST(a_pointer_at_a_closed_window)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 4096;
    wire_start(w, &c);
    ACCEPT(65535);
    IN(ACK, 1, 1, 4096, .wnd = 65535);
    EVENTS(READABLE);
    IN(ACK | URG, 4097, 1, 10, .wnd = 65535, .up = 10);
    EVENTS(URGENT);
    CHECK(RECEIVE(4096).urgent);
    w->head = w->tail;
}

/* ---- after 2^31 bytes --------------------------------------------------------------------------------- */

/* Makes the connection look as if `bytes` had passed in each direction before. */
static void age(struct wire *w, uint32_t bytes)
{
    struct tcp *t = stack_tcp(w->stack);
    uint32_t handle = handle_find(t, w->conn);
    struct tcb *b = tcp_tcb(t, WHERE_INDEX(tcp_handle(t, handle)->where));

    b->snd.iss.v -= bytes;
    b->snd.up.v -= bytes;
    b->rcv.irs.v -= bytes;
    b->rcv.up.v -= bytes;
    b->rtt.recover.v -= bytes;
}

static void goes_on_after(struct wire *w, uint32_t bytes)
{
    start(w);
    OPEN(65535);
    age(w, bytes);
    SEND_URGENT(7300);
    while (wire_any(w, w->now))
        ;
    IN(ACK, 1, 1461, 0, .wnd = 65535);
    for (int i = 0; i < 3; i++)
        IN(ACK, 1, 1461, 0, .wnd = 65535);
    CHECK_EQ(OUT(0, ACK | URG, 1461, 1, 1460)->up, 5840); /* fast retransmit */
    IN(ACK, 1, 7301, 0, .wnd = 65535);
    CHECK_EQ(STATUS.send_queued, 0);
    SEND(1000);
    OUT(0, ACK | PSH, 7301, 1, 1000);
    OUT(200 * MS, ACK | PSH, 7301, 1, 1000); /* the text, not a SYN */
    IN(ACK, 1, 8301, 0, .wnd = 65535);
    CHECK_EQ(STATUS.send_queued, 0);
    IN(ACK | URG, 1, 8301, 10, .wnd = 65535, .up = 10);
    CHECK(w->events & URGENT);
    RECEIVE(10);
    w->head = w->tail;
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    OUT(200 * MS, FIN | ACK, 8301, 11, 0);
    IN(FIN | ACK, 11, 8302, 0, .wnd = 65535);
    OUT(200 * MS, ACK, 8302, 12, 0);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
}

WIRE_TEST(after_2_gigabytes)
{
    goes_on_after(w, 0x7fffff00);
}

WIRE_TEST(after_2_gigabytes_and_more)
{
    goes_on_after(w, 0x80000000);
}

WIRE_TEST(after_4_gigabytes)
{
    goes_on_after(w, 0xffffffff); /* SND.UNA = ISS, again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pointer_stands_behind_the_text),
        cmocka_unit_test(text_before_it_announces_it),
        cmocka_unit_test(urgent_text_of_any_length),
        cmocka_unit_test(a_later_pointer_replaces_it),
        cmocka_unit_test(urgent_text_is_told),
        cmocka_unit_test(a_pointer_beyond_the_segment),
        cmocka_unit_test(a_pointer_without_text),
        cmocka_unit_test(a_pointer_of_zero),
        cmocka_unit_test(the_pointer_does_not_recede),
        cmocka_unit_test(a_pointer_at_text_that_was_not_consumed),
        cmocka_unit_test(a_pointer_at_a_closed_window),
        cmocka_unit_test(after_2_gigabytes),
        cmocka_unit_test(after_2_gigabytes_and_more),
        cmocka_unit_test(after_4_gigabytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
