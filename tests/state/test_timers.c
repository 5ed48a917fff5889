/* SPDX-License-Identifier: MIT */
/*
 * test_timers.c - retransmission with backing off, R1 and R2, the user timeout, delayed
 * acknowledgments, keep-alives and TIME-WAIT, at exact times (RFC 6298, RFC 9293 sections 3.8.3,
 * 3.8.4, 3.8.6.3 and 3.10.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/wire.h"

#define OPENED      ESTAB_EVENT_OPENED
#define READABLE    ESTAB_EVENT_READABLE
#define PEER_CLOSED ESTAB_EVENT_PEER_CLOSED
#define SOFT        ESTAB_EVENT_SOFT_ERROR
#define CLOSED      ESTAB_EVENT_CLOSED

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

static void open_only(struct wire *w, uint32_t user_timeout_ms)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
        .user_timeout_ms = user_timeout_ms,
    };

    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START + w->now), ESTAB_OK);
}

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

static void user_close(struct wire *w)
{
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

/* ---- retransmission ------------------------------------------------------------------------------ */

/* MUST-23: for at least three minutes.  RTO 1 s, doubled up to rto_max; R1 is 3. MUST-22. R6298-2. */
WIRE_TEST(a_syn_is_sent_again_for_three_minutes)
{
    start(w);
    open_only(w, 0);
    OUT(0, SYN, 0, 0, 0);
    OUT(1 * S, SYN, 0, 0, 0);
    OUT(3 * S, SYN, 0, 0, 0);
    EVENTS(0);
    OUT(7 * S, SYN, 0, 0, 0);
    EVENTS(SOFT); /* SHLD-9: R1 was passed */
    CHECK_EQ(w->soft, ESTAB_TIMED_OUT);
    OUT(15 * S, SYN, 0, 0, 0);
    OUT(31 * S, SYN, 0, 0, 0);
    OUT(63 * S, SYN, 0, 0, 0);
    OUT(127 * S, SYN, 0, 0, 0);
    QUIET(247 * S - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_SENT);
    QUIET(247 * S);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    CHECK_EQ(wire_reason(w, "R2"), 1);
    QUIET(1000 * S);
}

/* RFC 6298 (2.1): or any other than one second that is longer. R6298-3. */
WIRE_TEST(the_first_rto_can_be_longer)
{
    struct estab_config c = wire_config();

    c.rto_initial_ms = 3000;
    wire_start(w, &c);
    open_only(w, 0);
    OUT(0, SYN, 0, 0, 0);
    OUT(3 * S, SYN, 0, 0, 0);
    OUT(9 * S, SYN, 0, 0, 0);
}

/* A SYN,ACK from a listener's record in SYN-RECEIVED; it makes no connection and no noise.
 * MUST-23. */
WIRE_TEST(a_syn_ack_is_sent_again_for_three_minutes)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 1};

    start(w);
    listen.fixed_iss = true;
    listen.iss = w->iss;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    IN(SYN, 0, 0, 0, .wnd = 1000);
    OUT(0, SYN | ACK, 0, 1, 0);
    OUT(1 * S, SYN | ACK, 0, 1, 0);
    OUT(3 * S, SYN | ACK, 0, 1, 0);
    OUT(7 * S, SYN | ACK, 0, 1, 0);
    OUT(15 * S, SYN | ACK, 0, 1, 0);
    OUT(31 * S, SYN | ACK, 0, 1, 0);
    OUT(63 * S, SYN | ACK, 0, 1, 0);
    OUT(127 * S, SYN | ACK, 0, 1, 0);
    QUIET(246 * S);
    CHECK_EQ(wire_counters(w).records, 1);
    QUIET(248 * S);
    CHECK_EQ(wire_counters(w).records, 0);
    CHECK_EQ(wire_reason(w, "R2"), 1);
}

/* RFC 6298: with SRTT 0 the RTO is rto_min, 200 ms; each timeout doubles it (5.5).
 * MUST-19, MUST-20. R6298-14, R6298-15, R6298-19, R6298-20. */
WIRE_TEST(text_is_sent_again_with_backing_off)
{
    start(w);
    OPEN(65535);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    OUT(200 * MS, ACK | PSH, 1, 1, 100);
    OUT(600 * MS, ACK | PSH, 1, 1, 100);
    EVENTS(0);
    OUT(1400 * MS, ACK | PSH, 1, 1, 100);
    EVENTS(SOFT);
    OUT(3000 * MS, ACK | PSH, 1, 1, 100);
    OUT(6200 * MS, ACK | PSH, 1, 1, 100);
    OUT(12600 * MS, ACK | PSH, 1, 1, 100);
    OUT(25400 * MS, ACK | PSH, 1, 1, 100);
    OUT(51 * S, ACK | PSH, 1, 1, 100);
    OUT(102200 * MS, ACK | PSH, 1, 1, 100);
    OUT(204600 * MS, ACK | PSH, 1, 1, 100);
    OUT(324600 * MS, ACK | PSH, 1, 1, 100); /* rto_max: 120 s */
    OUT(444600 * MS, ACK | PSH, 1, 1, 100);
    OUT(564600 * MS, ACK | PSH, 1, 1, 100);
    OUT(684600 * MS, ACK | PSH, 1, 1, 100);
    OUT(804600 * MS, ACK | PSH, 1, 1, 100);
    EVENTS(0); /* R1 is reported once */
    QUIET(924600 * MS - 1);
    QUIET(924600 * MS); /* R2 */
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
}

/* RFC 6298's own values: RTO at least 1 s (2.4), at most 60 s (2.5); R2 100 s. R6298-9, R6298-10. */
WIRE_TEST(the_rfcs_values)
{
    struct estab_config c = wire_config();

    estab_config_rfc(&c);
    c.chunks = 1024;
    c.timestamps = c.window_scale = false;
    c.user_timeout_ms = 0;
    wire_start(w, &c);
    OPEN(65535);
    SEND(1);
    OUT(0, ACK | PSH, 1, 1, 1);
    OUT(1 * S, ACK | PSH, 1, 1, 1);
    OUT(3 * S, ACK | PSH, 1, 1, 1);
    OUT(7 * S, ACK | PSH, 1, 1, 1);
    OUT(15 * S, ACK | PSH, 1, 1, 1);
    OUT(31 * S, ACK | PSH, 1, 1, 1);
    OUT(63 * S, ACK | PSH, 1, 1, 1);
    QUIET(123 * S - 1);
    EVENTS(SOFT);
    QUIET(123 * S);
    EVENTS(CLOSED);
}

/*
 * Karn (RFC 6298 section 5): "once a new RTT measurement is obtained (which can only happen when new
 * data has been sent and acknowledged)" the RTO collapses; until then it stays backed off.
 * MUST-18.
 */
WIRE_TEST(the_rto_stays_backed_off_until_new_text_is_acknowledged)
{
    start(w);
    OPEN(65535);
    SEND(100);
    OUT(0, ACK | PSH, 1, 1, 100);
    OUT(200 * MS, ACK | PSH, 1, 1, 100);
    OUT(600 * MS, ACK | PSH, 1, 1, 100);
    wire_run(w, 700 * MS);
    IN(ACK, 1, 101, 0, .wnd = 65535);
    CHECK_EQ(STATUS.rto_us, 800000);
    SEND(100); /* lost, too: the RTO in force is 800 ms */
    OUT(700 * MS, ACK | PSH, 101, 1, 100);
    OUT(1500 * MS, ACK | PSH, 101, 1, 100);
    wire_run(w, 1600 * MS);
    IN(ACK, 1, 201, 0, .wnd = 65535);
    CHECK_EQ(STATUS.rto_us, 1600000);
    SEND(100); /* acknowledged at its first sending: measured */
    OUT(1600 * MS, ACK | PSH, 201, 1, 100);
    wire_run(w, 1610 * MS);
    IN(ACK, 1, 301, 0, .wnd = 65535);
    CHECK_EQ(STATUS.rto_us, 201250); /* SRTT 10 / 8 */
}

/* (5.2), (5.3): everything acknowledged turns it off, something acknowledged starts it anew.
 * R6298-16, R6298-17. */
WIRE_TEST(an_acknowledgment_restarts_the_timer)
{
    start(w);
    OPEN(65535);
    SEND(1460);
    SEND(1460);
    OUT(0, ACK | PSH, 1, 1, 1460);
    OUT(0, ACK | PSH, 1461, 1, 1460);
    wire_run(w, 150 * MS);
    IN(ACK, 1, 1461, 0, .wnd = 65535);
    /* R = 150 ms, the handshake's was 0: RTTVAR = 3/4 0 + 150 / 4 = 37.5, SRTT = 18.75 */
    CHECK_EQ(STATUS.rto_us, 218750);
    QUIET(150 * MS + 218750 * US - 1);
    OUT(150 * MS + 218750 * US, ACK | PSH, 1461, 1, 1460);
    IN(ACK, 1, 2921, 0, .wnd = 65535);
    QUIET(100 * S);
    CHECK_EQ(STATUS.timer, ESTAB_NEVER);
}

/* (5.7): an RTO of 3 s when text begins after a SYN was lost; RFC 5681 3.1: one segment.
 * MUST-18. R6298-21. R5681-4, R5681-5. */
WIRE_TEST(after_a_lost_syn_the_rto_is_three_seconds)
{
    start(w);
    open_only(w, 0);
    OUT(0, SYN, 0, 0, 0);
    OUT(1 * S, SYN, 0, 0, 0);
    wire_run(w, 1100 * MS);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = 1460);
    OUT(1100 * MS, ACK, 1, 1, 0);
    CHECK_EQ(STATUS.rto_us, 3000000);
    CHECK_EQ(STATUS.cwnd, 1460);
    SEND(2920);
    OUT(1100 * MS, ACK, 1, 1, 1460);
    QUIET(4100 * MS - 1);
    OUT(4100 * MS, ACK, 1, 1, 1460);
}

/* R6298-21. R5681-5. */
WIRE_TEST(after_a_lost_syn_ack_the_rto_is_three_seconds)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 1};

    start(w);
    listen.fixed_iss = true;
    listen.iss = w->iss;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460);
    OUT(0, SYN | ACK, 0, 1, 0);
    OUT(1 * S, SYN | ACK, 0, 1, 0);
    w->passive = true;
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(STATUS.rto_us, 3000000);
    CHECK_EQ(STATUS.cwnd, 1460);
    SEND(1460);
    OUT(1 * S, ACK | PSH, 1, 1, 1460);
    QUIET(4 * S - 1);
    OUT(4 * S, ACK | PSH, 1, 1, 1460);
}

/* A FIN is in the sequence space like text. */
WIRE_TEST(a_fin_is_sent_again)
{
    start(w);
    OPEN(65535);
    user_close(w);
    OUT(0, FIN | ACK, 1, 1, 0);
    OUT(200 * MS, FIN | ACK, 1, 1, 0);
    OUT(600 * MS, FIN | ACK, 1, 1, 0);
    IN(ACK, 1, 2, 0, .wnd = 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
    QUIET(100 * S);
}

WIRE_TEST(a_fin_behind_queued_text)
{
    start(w);
    OPEN(2000);
    SEND(3000);
    user_close(w);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_1);
    OUT(0, ACK, 1, 1, 1460);
    QUIET(100 * MS);
    IN(ACK, 1, 1461, 0, .wnd = 2000);
    OUT(100 * MS, ACK, 1461, 1, 1460);
    OUT(100 * MS, FIN | ACK | PSH, 2921, 1, 80); /* CLOSE pushes: Nagle has nothing to wait for */
    wire_run(w, 150 * MS);
    IN(ACK, 1, 3001, 0, .wnd = 2000); /* the text, not the FIN */
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_1);
    IN(ACK, 1, 3002, 0, .wnd = 2000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
}

/* ---- the user timeout (section 3.10.8; MUST-21) ----------------------------------------------------- */

/* MUST-21. */
WIRE_TEST(the_user_timeout_ends_a_connection)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 5000);
    QUIET(20 * S); /* nothing outstanding: it does not run */
    SEND(10);
    OUT(20 * S, ACK | PSH, 1, 1, 10);
    OUT(20200 * MS, ACK | PSH, 1, 1, 10);
    OUT(20600 * MS, ACK | PSH, 1, 1, 10);
    OUT(21400 * MS, ACK | PSH, 1, 1, 10);
    OUT(23 * S, ACK | PSH, 1, 1, 10);
    QUIET(25 * S - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    QUIET(25 * S);
    CHECK(w->events & CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    CHECK_EQ(wire_reason(w, "USER_TIMEOUT"), 1);
}

WIRE_TEST(progress_restarts_the_user_timeout)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 1000);
    SEND(1460);
    SEND(1460);
    OUT(0, ACK | PSH, 1, 1, 1460);
    OUT(0, ACK | PSH, 1461, 1, 1460);
    wire_run(w, 100 * MS);
    IN(ACK, 1, 1461, 0, .wnd = 65535);
    wire_run(w, 1100 * MS - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    wire_run(w, 1100 * MS);
    CHECK(w->events & CLOSED);
}

WIRE_TEST(the_user_timeout_of_an_open)
{
    start(w);
    open_only(w, 10000);
    OUT(0, SYN, 0, 0, 0);
    OUT(1 * S, SYN, 0, 0, 0);
    OUT(3 * S, SYN, 0, 0, 0);
    OUT(7 * S, SYN, 0, 0, 0);
    QUIET(10 * S - 1);
    QUIET(10 * S);
    CHECK(w->events & CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
}

/* MUST-21: R2 can be set for a connection, and to more than the stack's. */
WIRE_TEST(a_long_user_timeout_outlives_r2)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 2000000);
    SEND(10);
    wire_run(w, 1999 * S);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    wire_run(w, 2000 * S);
    CHECK(w->events & CLOSED);
}

/* ---- delayed acknowledgments (section 3.8.6.3) ------------------------------------------------------- */

/* MUST-40: less than half a second.  SHLD-19: at least every second full segment. SHLD-18. R5681-33. */
WIRE_TEST(an_acknowledgment_waits_forty_milliseconds)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 1460, .wnd = 65535);
    QUIET(40 * MS - 1);
    OUT(40 * MS, ACK, 1, 1461, 0);
    wire_run(w, 50 * MS);
    IN(ACK, 1461, 1, 1460, .wnd = 65535);
    wire_run(w, 60 * MS);
    IN(ACK, 2921, 1, 1460, .wnd = 65535);
    OUT(60 * MS, ACK, 1, 4381, 0); /* the second */
    QUIET(1 * S);
    RECEIVE(4380);
}

WIRE_TEST(text_takes_the_acknowledgment_along)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 100, .wnd = 65535);
    wire_run(w, 10 * MS);
    SEND(5);
    OUT(10 * MS, ACK | PSH, 1, 101, 5);
    IN(ACK, 101, 6, 0, .wnd = 65535);
    QUIET(1 * S);
}

/* RFC 5681 section 4.2: out of order, filling a gap, or nothing new: at once, each.
 * R5681-19, R5681-37. */
WIRE_TEST(disorder_is_acknowledged_at_once)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1461, 1, 1460, .wnd = 65535);
    OUT(0, ACK, 1, 1, 0);
    IN(ACK, 2921, 1, 1460, .wnd = 65535);
    OUT(0, ACK, 1, 1, 0);
    IN(ACK, 1, 1, 1460, .wnd = 65535);
    OUT(0, ACK, 1, 4381, 0);
    IN(ACK, 1, 1, 1460, .wnd = 65535);
    OUT(0, ACK, 1, 4381, 0);
    QUIET(1 * S);
}

WIRE_TEST(no_delay_when_switched_off)
{
    struct estab_config c = wire_config();

    c.delayed_ack_ms = 0;
    wire_start(w, &c);
    ACCEPT(65535);
    IN(ACK, 1, 1, 1, .wnd = 65535);
    OUT(0, ACK, 1, 2, 0);
}

/* ---- keep-alives (section 3.8.4) ------------------------------------------------------------------------ */

/* MUST-25: off by default. */
WIRE_TEST(no_keep_alive_by_default)
{
    start(w);
    OPEN(65535);
    QUIET(30 * 86400 * S);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

/* MUST-24, MUST-26, MUST-27: SND.NXT-1, no text (SHLD-12), and only after an idle time. */
WIRE_TEST(an_answered_keep_alive_goes_on_for_ever)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 10000);
    set(w, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, 5000);
    set(w, ESTAB_OPTION_KEEPALIVE_PROBES, 3);
    wire_run(w, 4 * S);
    IN(ACK, 1, 1, 100, .wnd = 65535); /* heard of */
    OUT(4040 * MS, ACK, 1, 101, 0);
    for (unsigned i = 1; i <= 20; i++) {
        OUT((4 + i * 10) * S, ACK, 0, 101, 0);
        IN(ACK, 101, 1, 0, .wnd = 65535);
    }
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 0); /* and off again */
    QUIET(100000 * S);
}

/* MUST-29: no single unanswered probe ends it, all of them do. MAY-5. */
WIRE_TEST(unanswered_keep_alives_end_a_connection)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 7200000);
    set(w, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, 75000);
    set(w, ESTAB_OPTION_KEEPALIVE_PROBES, 3);
    OUT(7200 * S, ACK, 0, 1, 0);
    OUT(7275 * S, ACK, 0, 1, 0);
    OUT(7350 * S, ACK, 0, 1, 0);
    QUIET(7425 * S - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    QUIET(7425 * S);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    CHECK_EQ(wire_reason(w, "KEEPALIVE"), 1);
}

/* MUST-26. */
WIRE_TEST(a_late_answer_starts_the_probes_anew)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 10000);
    set(w, ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, 1000);
    set(w, ESTAB_OPTION_KEEPALIVE_PROBES, 2);
    OUT(10 * S, ACK, 0, 1, 0);
    OUT(11 * S, ACK, 0, 1, 0);
    wire_run(w, 11500 * MS);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    OUT(21500 * MS, ACK, 0, 1, 0);
    OUT(22500 * MS, ACK, 0, 1, 0);
    QUIET(23500 * MS);
    EVENTS(CLOSED);
}

/* MUST-26: only when nothing is outstanding; the retransmission timer asks then. */
WIRE_TEST(no_keep_alive_while_text_is_outstanding)
{
    struct estab_config c = wire_config();

    c.keepalive_idle_ms = 1000;
    wire_start(w, &c);
    OPEN(65535);
    wire_run(w, 900 * MS);
    SEND(10);
    OUT(900 * MS, ACK | PSH, 1, 1, 10);
    OUT(1100 * MS, ACK | PSH, 1, 1, 10);
    OUT(1500 * MS, ACK | PSH, 1, 1, 10);
    OUT(2300 * MS, ACK | PSH, 1, 1, 10);
    wire_run(w, 2400 * MS);
    IN(ACK, 1, 11, 0, .wnd = 65535);
    OUT(3400 * MS, ACK, 10, 1, 0);
}

/* ---- TIME-WAIT (MUST-13) -------------------------------------------------------------------------------- */

static void to_time_wait(struct wire *w)
{
    start(w);
    OPEN(65535);
    user_close(w);
    OUT(0, FIN | ACK, 1, 1, 0);
    IN(ACK, 1, 2, 0, .wnd = 65535);
    wire_run(w, 1 * S);
    IN(FIN | ACK, 1, 2, 0, .wnd = 65535);
    OUT(1 * S, ACK, 2, 2, 0);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    EVENTS(PEER_CLOSED);
}

/* MUST-13. */
WIRE_TEST(time_wait_lasts_two_msl)
{
    to_time_wait(w);
    CHECK(STATUS.record);
    CHECK_EQ(wire_counters(w).connections, 0);
    CHECK_EQ(STATUS.timer, WIRE_START + 61 * S);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_TIME_WAIT);
    QUIET(61 * S - 1 * MS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    QUIET(61 * S);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_OK); /* MUST-12: it closed normally */
    CHECK_EQ(wire_reason(w, "TIME_WAIT_END"), 1);
}

WIRE_TEST(the_fin_again_restarts_time_wait)
{
    to_time_wait(w);
    wire_run(w, 50 * S);
    IN(FIN | ACK, 1, 2, 0, .wnd = 65535);
    OUT(50 * S, ACK, 2, 2, 0);
    CHECK_EQ(wire_reason(w, "TIME_WAIT_FIN"), 1);
    QUIET(110 * S - 1 * MS);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    QUIET(110 * S);
    EVENTS(CLOSED);
}

/* With text that the user has not taken, the TCB stays; so does the time. */
WIRE_TEST(time_wait_with_unread_text)
{
    start(w);
    OPEN(65535);
    user_close(w);
    OUT(0, FIN | ACK, 1, 1, 0);
    IN(FIN | ACK, 1, 2, 300, .wnd = 65535);
    OUT(0, ACK, 2, 302, 0);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    CHECK(!STATUS.record);
    EVENTS(READABLE | PEER_CLOSED);
    QUIET(60 * S); /* over, but the text is still the user's */
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSED);
    EVENTS(0);
    CHECK(RECEIVE(300).end);
    EVENTS(CLOSED);
    CHECK_EQ(w->error, ESTAB_OK);
}

WIRE_TEST(text_read_in_time_wait_leaves_a_record)
{
    start(w);
    OPEN(65535);
    user_close(w);
    OUT(0, FIN | ACK, 1, 1, 0);
    IN(FIN | ACK, 1, 2, 300, .wnd = 65535);
    OUT(0, ACK, 2, 302, 0);
    wire_run(w, 30 * S);
    CHECK(RECEIVE(300).end);
    CHECK(STATUS.record);
    QUIET(60 * S);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT); /* at least 2 MSL */
    QUIET(90 * S);
    CHECK(w->events & CLOSED);
}

/* ---- what STATUS says of them ------------------------------------------------------------------------------ */

WIRE_TEST(status_names_the_earliest_timer)
{
    start(w);
    open_only(w, 0);
    OUT(0, SYN, 0, 0, 0);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_RETRANSMIT);
    CHECK_EQ(STATUS.timer, WIRE_START + 1 * S);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = 1460);
    OUT(0, ACK, 1, 1, 0);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_NONE);
    IN(ACK, 1, 1, 100, .wnd = 0); /* its acknowledgment waits */
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_DELAYED_ACK);
    CHECK_EQ(STATUS.timer, WIRE_START + 40 * MS);
    OUT(40 * MS, ACK, 1, 101, 0);
    set(w, ESTAB_OPTION_KEEPALIVE_IDLE_MS, 10000);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_KEEPALIVE);
    CHECK_EQ(STATUS.timer, WIRE_START + 10 * S);
    wire_send(w, 2000, 0, HERE); /* into a closed window */
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_PERSIST);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 100);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_USER);
    set(w, ESTAB_OPTION_USER_TIMEOUT_MS, 0);
    IN(ACK, 101, 1, 0, .wnd = 10); /* open, but too little to be worth a segment */
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_OVERRIDE);
}

static struct estab_status listener_status(struct wire *w)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    assert_true(estab_list(w->stack, &cursor, &st)); /* listeners come first */
    return st;
}

/* A listener has none; a child holds a place of its backlog until it is accepted. */
WIRE_TEST(status_of_a_listener_counts_its_children)
{
    struct estab_listen listen = {
        .size = sizeof listen, .local = {WIRE_OWN, WIRE_PORT}, .backlog = 8};
    struct estab_status child = {.size = sizeof child};
    uint64_t cursor = 0;

    start(w);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    CHECK_EQ(listener_status(w).timer_kind, ESTAB_TIMER_NONE);
    CHECK_EQ(listener_status(w).pending, 0);
    CHECK_EQ(listener_status(w).backlog, 8);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460);
    CHECK_EQ(listener_status(w).pending, 1);
    while (estab_list(w->stack, &cursor, &child) && child.state == ESTAB_STATE_LISTEN)
        continue;
    CHECK_EQ(child.state, ESTAB_STATE_SYN_RECEIVED);
    CHECK_EQ(child.timer_kind, ESTAB_TIMER_RETRANSMIT);
    CHECK_EQ(child.timer, WIRE_START + 1 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_is_sent_again_for_three_minutes),
        cmocka_unit_test(the_first_rto_can_be_longer),
        cmocka_unit_test(a_syn_ack_is_sent_again_for_three_minutes),
        cmocka_unit_test(text_is_sent_again_with_backing_off),
        cmocka_unit_test(the_rfcs_values),
        cmocka_unit_test(the_rto_stays_backed_off_until_new_text_is_acknowledged),
        cmocka_unit_test(an_acknowledgment_restarts_the_timer),
        cmocka_unit_test(after_a_lost_syn_the_rto_is_three_seconds),
        cmocka_unit_test(after_a_lost_syn_ack_the_rto_is_three_seconds),
        cmocka_unit_test(a_fin_is_sent_again),
        cmocka_unit_test(a_fin_behind_queued_text),
        cmocka_unit_test(the_user_timeout_ends_a_connection),
        cmocka_unit_test(progress_restarts_the_user_timeout),
        cmocka_unit_test(the_user_timeout_of_an_open),
        cmocka_unit_test(a_long_user_timeout_outlives_r2),
        cmocka_unit_test(an_acknowledgment_waits_forty_milliseconds),
        cmocka_unit_test(text_takes_the_acknowledgment_along),
        cmocka_unit_test(disorder_is_acknowledged_at_once),
        cmocka_unit_test(no_delay_when_switched_off),
        cmocka_unit_test(no_keep_alive_by_default),
        cmocka_unit_test(an_answered_keep_alive_goes_on_for_ever),
        cmocka_unit_test(unanswered_keep_alives_end_a_connection),
        cmocka_unit_test(a_late_answer_starts_the_probes_anew),
        cmocka_unit_test(no_keep_alive_while_text_is_outstanding),
        cmocka_unit_test(time_wait_lasts_two_msl),
        cmocka_unit_test(the_fin_again_restarts_time_wait),
        cmocka_unit_test(time_wait_with_unread_text),
        cmocka_unit_test(text_read_in_time_wait_leaves_a_record),
        cmocka_unit_test(status_names_the_earliest_timer),
        cmocka_unit_test(status_of_a_listener_counts_its_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
