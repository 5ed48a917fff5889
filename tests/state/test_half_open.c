/* SPDX-License-Identifier: MIT */
/*
 * The dialogues of RFC 9293 sections 3.5 and 3.6, figure by figure, from either side.  The numbers
 * are the figures' own: A's initial sequence number is 100 and B's 300 where nothing else is said,
 * and IN and OUT count from there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/rig.h"

#define END    ESTAB_EVENT_PEER_CLOSED
#define OPENED ESTAB_EVENT_OPENED
#define TEXT   ESTAB_EVENT_READABLE
#define OVER   ESTAB_EVENT_CLOSED

static struct rig r;

/* Each dialogue runs with the figure's numbers, and with numbers that wrap in it. */
static const uint32_t numbers[][2] = {
    {100, 300}, {UINT32_MAX, UINT32_MAX}, {0x7fffffff, 0x80000000}};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void begin(unsigned n, enum rig_way way, enum rig_state state)
{
    rig_start(&r, NULL, numbers[n][0], numbers[n][1]);
    rig_become(&r, way, state);
    r.events = 0;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static void figure_6_as_a(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, CLOSED);
        assert_int_equal(rig_open_active(&r), ESTAB_OK);
        OUT(&r, SYN, 0, 0);
        IS(&r, SYN_SENT);
        IN(&r, SYN | ACK, 0, 1);
        OUT(&r, ACK, 1, 1);
        IS(&r, ESTABLISHED);
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
        OUT(&r, PSH | ACK, 1, 1, .len = 10);
        QUIET(&r);
        rig_end(&r);
    }
}

static void figure_6_as_b(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++)
        for (unsigned way = LISTENER; way <= SINGLE; way++) {
            begin(n, (enum rig_way)way, LISTEN);
            IN(&r, SYN, 0, 0);
            OUT(&r, SYN | ACK, 0, 1);
            IS(&r, SYN_RECEIVED);
            IN(&r, ACK, 1, 1);
            IS(&r, ESTABLISHED);
            IN(&r, PSH | ACK, 1, 1, .len = 10);
            AT(&r, 40);
            OUT(&r, ACK, 1, 11);
            if (way == LISTENER)
                assert_int_equal(rig_accept(&r), ESTAB_OK);
            assert_int_equal(rig_receive(&r, 20), 10);
            QUIET(&r);
            rig_end(&r);
        }
}

/* MUST-10: simultaneous open. */
static void figure_7(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, SIMULTANEOUS, SYN_SENT);
        IN(&r, SYN, 0, 0);
        OUT(&r, SYN | ACK, 0, 1);
        IS(&r, SYN_RECEIVED);
        IN(&r, SYN | ACK, 0, 1);
        IS(&r, ESTABLISHED);
        HAPPENED(&r, OPENED, ESTAB_OK);
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
        OUT(&r, PSH | ACK, 1, 1, .len = 10);
        IN(&r, PSH | ACK, 1, 11, .len = 10);
        AT(&r, 40);
        OUT(&r, ACK, 11, 11);
        QUIET(&r);
        rig_end(&r);
    }
}

/* The retransmission was due, but the ACK came before anything was sent. */
static void nothing_acknowledged_is_sent_again(void **state)
{
    (void)state;
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        if (way == LISTENER) /* whose record has sent it already */
            continue;
        begin(1, (enum rig_way)way, way == ACTIVE ? SYN_SENT : SYN_RECEIVED);
        r.now = estab_deadline(r.stack);
        estab_expire(r.stack, r.now);
        if (way == ACTIVE) {
            IN(&r, SYN | ACK, 0, 1);
            OUT(&r, ACK, 1, 1);
        } else {
            IN(&r, ACK, 1, 1);
        }
        QUIET(&r);
        IS(&r, ESTABLISHED);
        rig_end(&r);
    }
}

/* Each SYN,ACK of figure 7 may be lost: both sides send theirs again. MUST-10. */
static void figure_7_with_losses(void **state)
{
    (void)state;
    begin(1, SIMULTANEOUS, SYN_SENT);
    IN(&r, SYN, 0, 0);
    OUT(&r, SYN | ACK, 0, 1);
    IN(&r, SYN, 0, 0); /* the peer still waits for ours */
    OUT(&r, SYN | ACK, 0, 1);
    QUIET(&r);
    AT(&r, 1000);
    OUT(&r, SYN | ACK, 0, 1);
    IN(&r, ACK, 1, 1); /* the peer had it; its own was lost */
    IS(&r, ESTABLISHED);
    IN(&r, SYN | ACK, 0, 1);
    OUT(&r, ACK, 1, 1);
    IS(&r, ESTABLISHED);
    rig_end(&r);
}

/* ---- old duplicates --------------------------------------------------------------------------------------- */

/* Recovery from an old duplicate SYN, which lies 10 before the real one. */
static void figure_8_as_a(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, SYN_SENT);
        IN(&r, SYN | ACK, 0, 1 - 10);
        OUT(&r, RST, 1 - 10, 0);
        IS(&r, SYN_SENT);
        IN(&r, SYN | ACK, 100, 1); /* B has chosen anew */
        OUT(&r, ACK, 1, 101);
        IS(&r, ESTABLISHED);
        QUIET(&r);
        rig_end(&r);
    }
}

static void figure_8_as_b(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++)
        for (unsigned way = LISTENER; way <= SINGLE; way++) {
            begin(n, (enum rig_way)way, LISTEN);
            IN(&r, SYN, 0u - 10, 0);
            OUT(&r, SYN | ACK, 0, 1 - 10);
            IN(&r, RST, 1 - 10, 0);
            IS(&r, LISTEN);
            IN(&r, SYN, 0, 0);
            OUT(&r, SYN | ACK, 0, 1);
            IN(&r, ACK, 1, 1);
            IS(&r, ESTABLISHED);
            QUIET(&r);
            rig_end(&r);
        }
}

/* "If the SYN at line 6 had arrived before the RST": the new SYN is in the window, so B returns to
 * LISTEN (step 4) and the SYN that comes next opens. */
static void figure_8_the_other_way_round(void **state)
{
    (void)state;
    for (unsigned way = LISTENER; way <= SINGLE; way++) {
        begin(0, (enum rig_way)way, LISTEN);
        IN(&r, SYN, 0u - 10, 0);
        OUT(&r, SYN | ACK, 0, 1 - 10);
        IN(&r, SYN, 0, 0);
        QUIET(&r);
        IS(&r, LISTEN);
        IN(&r, RST, 1 - 10, 0); /* A's answer to line 4 */
        QUIET(&r);
        IN(&r, SYN, 0, 0); /* A's SYN again */
        OUT(&r, SYN | ACK, 0, 1);
        IN(&r, ACK, 1, 1);
        IS(&r, ESTABLISHED);
        rig_end(&r);
    }
}

/* What comes to nothing takes no place in the backlog, which here is four. */
static void a_backlog_is_not_used_up(void **state)
{
    (void)state;
    begin(0, LISTENER, LISTEN);
    for (uint32_t i = 0; i < 20; i++) {
        IN(&r, SYN, 0, 0, .port = (uint16_t)(50000 + i));
        OUT(&r, SYN | ACK, 0, 1, .port = (uint16_t)(50000 + i));
        IN(&r, i % 2 ? RST : SYN, 1, 0, .port = (uint16_t)(50000 + i));
        QUIET(&r);
    }
    assert_true(rig_leaves_nothing(&r));
    rig_end(&r);
}

static void figure_11(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++)
        for (unsigned way = LISTENER; way <= SINGLE; way++) {
            begin(n, (enum rig_way)way, LISTEN); /* as A, who never sent the SYN */
            IN(&r, SYN | ACK, 77, 55);
            OUT(&r, RST, 55, 0);
            IS(&r, LISTEN);
            IN(&r, SYN, 0, 0); /* as B */
            OUT(&r, SYN | ACK, 0, 1);
            IN(&r, RST, 1, 0);
            IS(&r, LISTEN);
            QUIET(&r);
            HAPPENED(&r, 0, ESTAB_OK); /* "the user need not be informed" */
            rig_end(&r);
        }
}

/* ---- half-open connections ----------------------------------------------------------------------------------- */

/* A has lost its memory and opens again; B answers with what it knows, and A resets it. */
static void figure_9_as_a(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, SYN_SENT);
        IN(&r, ACK, 0u - 100, 0u - 300); /* B's numbers, of another life */
        OUT(&r, RST, 0u - 300, 0);
        IS(&r, SYN_SENT);
        QUIET(&r);
        AT(&r, 1000);
        OUT(&r, SYN, 0, 0); /* line 7 */
        IN(&r, SYN | ACK, 0, 1);
        OUT(&r, ACK, 1, 1);
        IS(&r, ESTABLISHED);
        rig_end(&r);
    }
}

/* As B: the SYN lies outside the window or inside, it is answered all the same (RFC 5961 4.2).
 * R5961-7, R5961-9. */
static void figure_9_as_b(void **state)
{
    static const uint32_t syns[] = {0u - 1000, 0, 1, 500, 1u + RIG_WINDOW, 0x80000000};
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++)
        for (unsigned i = 0; i < sizeof syns / sizeof syns[0]; i++) {
            begin(n, ACTIVE, ESTABLISHED);
            IN(&r, SYN, syns[i], 0);
            OUT(&r, ACK, 1, 1);
            IS(&r, ESTABLISHED);
            IN(&r, RST, 1, 0);
            IS(&r, CLOSED);
            HAPPENED(&r, OVER, ESTAB_RESET);
            IN(&r, SYN, syns[i], 0); /* line 7 meets nobody here */
            OUT(&r, RST | ACK | ZERO_SEQ, 0, syns[i] + 1);
            rig_end(&r);
        }
}

/* R5961-9. */
static void figure_9_with_a_listener(void **state)
{
    (void)state;
    begin(0, LISTENER, ESTABLISHED);
    IN(&r, SYN, 1000000, 0);
    OUT(&r, ACK, 1, 1);
    IN(&r, RST, 1, 0);
    HAPPENED(&r, OVER, ESTAB_RESET);
    IN(&r, SYN, 1000000, 0);
    OUT(&r, SYN | ACK, 0, 1000001);
    IN(&r, ACK, 1000001, 1);
    HAPPENED(&r, ESTAB_EVENT_ACCEPT, ESTAB_OK);
    IS(&r, ESTABLISHED);
    rig_end(&r);
}

static void figure_10(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, CLOSED); /* as A, who knows of nothing */
        IN(&r, PSH | ACK, 0, 100, .len = 10);
        OUT(&r, RST, 100, 0);
        rig_end(&r);
        begin(n, ACTIVE, ESTABLISHED); /* as B */
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
        OUT(&r, PSH | ACK, 1, 1, .len = 10);
        IN(&r, RST, 1, 0);
        IS(&r, CLOSED);
        HAPPENED(&r, OVER, ESTAB_RESET);
        QUIET(&r);
        rig_end(&r);
    }
}

/*
 * Two peers whose ACKs answer each other for ever (row 9 of the inputs that broke others): a bare ACK
 * outside the window is answered a few times a second, text always. BAD-9.
 */
static void strays_are_answered_in_moderation(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, ESTABLISHED);
        for (unsigned i = 0; i < 50; i++) {
            IN(&r, ACK, 100000, 1);
            if (i < 5)
                OUT(&r, ACK, 1, 1);
            QUIET(&r);
        }
        COUNTED(&r, REASON_CHALLENGE_THROTTLED, 45);
        for (unsigned i = 0; i < 4; i++) { /* keep-alives have two more */
            IN(&r, ACK, 0, 1);
            if (i < 2)
                OUT(&r, ACK, 1, 1);
            QUIET(&r);
        }
        IN(&r, PSH | ACK, 100000, 1, .len = 1);
        OUT(&r, ACK, 1, 1);
        AT(&r, 1000);
        IN(&r, ACK, 100000, 1);
        OUT(&r, ACK, 1, 1);
        rig_end(&r);
    }
}

/* A record has no use for text, so that is answered in moderation, too. BAD-9. */
static void strays_to_a_record_are_answered_in_moderation(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        uint32_t seq = waits ? 2 : 1, ack = waits ? 3 : 1;

        begin(0, waits ? ACTIVE : LISTENER, waits ? TIME_WAIT : SYN_RECEIVED);
        for (unsigned i = 0; i < 50; i++) {
            IN(&r, PSH | ACK, 100000, seq, .len = i % 2);
            if (i < 5)
                OUT(&r, ACK, seq, ack);
            QUIET(&r);
        }
        AT(&r, 1000);
        rig_forget(&r);
        IN(&r, PSH | ACK, 100000, seq, .len = 1);
        OUT(&r, ACK, seq, ack);
        rig_end(&r);
    }
}

/* Half-open, and B has nothing to say: keep-alives find out (section 3.8.4). */
static void a_keepalive_finds_a_half_open_connection(void **state)
{
    (void)state;
    begin(0, ACTIVE, SYN_SENT);
    AT(&r, 500);
    IN(&r, SYN | ACK, 0, 1); /* heard for the last time */
    OUT(&r, ACK, 1, 1);
    r.events = 0;
    assert_int_equal(estab_set(r.stack, r.conn, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 5000, r.now),
                     ESTAB_OK);
    AT(&r, 5499);
    QUIET(&r);
    AT(&r, 5500);
    OUT(&r, ACK, 0, 1);
    IN(&r, RST, 1, 0);
    IS(&r, CLOSED);
    HAPPENED(&r, OVER, ESTAB_RESET);
    rig_end(&r);
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

static void figure_12_as_a(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, ESTABLISHED);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        OUT(&r, FIN | ACK, 1, 1);
        IS(&r, FIN_WAIT_1);
        IN(&r, ACK, 1, 2);
        IS(&r, FIN_WAIT_2);
        IN(&r, FIN | ACK, 1, 2);
        OUT(&r, ACK, 2, 2);
        IS(&r, TIME_WAIT);
        HAPPENED(&r, END, ESTAB_OK);
        AT(&r, 59999);
        IS(&r, TIME_WAIT);
        AT(&r, 60000); /* 2 MSL */
        IS(&r, CLOSED);
        HAPPENED(&r, OVER, ESTAB_OK);
        QUIET(&r);
        rig_end(&r);
    }
}

static void figure_12_as_b(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, LISTENER, ESTABLISHED);
        IN(&r, FIN | ACK, 1, 1);
        OUT(&r, ACK, 1, 2);
        IS(&r, CLOSE_WAIT);
        HAPPENED(&r, END, ESTAB_OK);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        OUT(&r, FIN | ACK, 1, 2);
        IS(&r, LAST_ACK);
        IN(&r, ACK, 2, 2);
        IS(&r, LISTEN);
        HAPPENED(&r, OVER, ESTAB_OK);
        QUIET(&r);
        rig_end(&r);
    }
}

/* Simultaneous close. */
static void figure_13(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, ESTABLISHED);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        OUT(&r, FIN | ACK, 1, 1);
        IN(&r, FIN | ACK, 1, 1);
        OUT(&r, ACK, 2, 2);
        IS(&r, CLOSING);
        IN(&r, ACK, 2, 2);
        IS(&r, TIME_WAIT);
        AT(&r, 60000);
        IS(&r, CLOSED);
        QUIET(&r);
        rig_end(&r);
    }
}

/* Every FIN and every ACK of it is lost once. */
static void lost_fins_are_sent_again(void **state)
{
    (void)state;
    begin(1, ACTIVE, ESTABLISHED); /* RTT 0: the RTO is its least, 200 ms */
    assert_int_equal(rig_close(&r), ESTAB_OK);
    OUT(&r, FIN | ACK, 1, 1);
    AT(&r, 200);
    OUT(&r, FIN | ACK, 1, 1);
    IN(&r, ACK, 1, 2);
    IN(&r, FIN | ACK, 1, 2);
    OUT(&r, ACK, 2, 2);
    AT(&r, 5000);
    IN(&r, FIN | ACK, 1, 2); /* our ACK was lost */
    OUT(&r, ACK, 2, 2);
    AT(&r, 64999);
    IS(&r, TIME_WAIT);
    AT(&r, 65000);
    IS(&r, CLOSED);
    rig_end(&r);

    begin(1, ACTIVE, CLOSE_WAIT);
    IN(&r, FIN | ACK, 1, 1); /* our ACK was lost */
    OUT(&r, ACK, 1, 2);
    assert_int_equal(rig_close(&r), ESTAB_OK);
    OUT(&r, FIN | ACK, 1, 2);
    AT(&r, 200);
    OUT(&r, FIN | ACK, 1, 2);
    AT(&r, 600);
    OUT(&r, FIN | ACK, 1, 2);
    IN(&r, ACK, 2, 2);
    IS(&r, CLOSED);
    rig_end(&r);
}

/* ---- half-closed connections (section 3.6.1) ------------------------------------------------------------------------ */

/* We have closed; the peer goes on, and we receive. */
static void half_closed_by_us(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, FIN_WAIT_2);
        for (uint32_t seq = 1; seq < 10000; seq += 1000) {
            IN(&r, PSH | ACK, seq, 2, .len = 1000);
            HAPPENED(&r, TEXT, ESTAB_OK);
            assert_int_equal(rig_receive(&r, 5000), 1000);
            AT(&r, seq / 1000 * 100 + 99);
            assert_non_null(rig_out_any(&r));
        }
        rig_forget(&r);
        assert_int_equal(rig_send(&r, 1, 0), ESTAB_CLOSING);
        IN(&r, FIN | ACK, 10001, 2);
        OUT(&r, ACK, 2, 10002);
        IS(&r, TIME_WAIT);
        rig_end(&r);
    }
}

/* The peer has closed; we go on, and it acknowledges. */
static void half_closed_by_the_peer(void **state)
{
    (void)state;
    for (unsigned n = 0; n < NUMBERS; n++) {
        begin(n, ACTIVE, CLOSE_WAIT);
        for (uint32_t seq = 1; seq < 5000; seq += 500) {
            assert_int_equal(rig_send(&r, 500, 0), ESTAB_OK);
            OUT(&r, PSH | ACK, seq, 2, .len = 500);
            IN(&r, ACK, 2, seq + 500);
        }
        assert_int_equal(rig_receive(&r, 10), 0);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        OUT(&r, FIN | ACK, 5001, 2);
        IN(&r, ACK, 2, 5002);
        IS(&r, CLOSED);
        HAPPENED(&r, OVER, ESTAB_OK);
        rig_end(&r);
    }
}

/* The peer's last text waits for its user, even when the connection is over. */
static void text_outlives_the_connection(void **state)
{
    (void)state;
    begin(1, ACTIVE, ESTABLISHED);
    IN(&r, FIN | PSH | ACK, 1, 1, .len = 10);
    OUT(&r, ACK, 1, 12);
    assert_int_equal(rig_close(&r), ESTAB_OK);
    OUT(&r, FIN | ACK, 1, 12);
    r.events = 0;
    IN(&r, ACK, 12, 2);
    IS(&r, CLOSED);
    HAPPENED(&r, 0, ESTAB_OK);
    assert_int_equal(rig_send(&r, 1, 0), ESTAB_NO_CONNECTION);
    assert_int_equal(rig_receive(&r, 4), 4);
    HAPPENED(&r, 0, ESTAB_OK);
    assert_int_equal(rig_receive(&r, 100), 6);
    HAPPENED(&r, OVER, ESTAB_OK);
    IN(&r, ACK, 12, 2); /* nobody is here any more */
    OUT(&r, RST, 2, 0);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figure_6_as_a),
        cmocka_unit_test(figure_6_as_b),
        cmocka_unit_test(figure_7),
        cmocka_unit_test(nothing_acknowledged_is_sent_again),
        cmocka_unit_test(figure_7_with_losses),
        cmocka_unit_test(figure_8_as_a),
        cmocka_unit_test(figure_8_as_b),
        cmocka_unit_test(figure_8_the_other_way_round),
        cmocka_unit_test(figure_9_as_a),
        cmocka_unit_test(figure_9_as_b),
        cmocka_unit_test(figure_9_with_a_listener),
        cmocka_unit_test(figure_10),
        cmocka_unit_test(a_backlog_is_not_used_up),
        cmocka_unit_test(figure_11),
        cmocka_unit_test(strays_are_answered_in_moderation),
        cmocka_unit_test(strays_to_a_record_are_answered_in_moderation),
        cmocka_unit_test(a_keepalive_finds_a_half_open_connection),
        cmocka_unit_test(figure_12_as_a),
        cmocka_unit_test(figure_12_as_b),
        cmocka_unit_test(figure_13),
        cmocka_unit_test(lost_fins_are_sent_again),
        cmocka_unit_test(half_closed_by_us),
        cmocka_unit_test(half_closed_by_the_peer),
        cmocka_unit_test(text_outlives_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
