/* SPDX-License-Identifier: MIT */
/*
 * test_options.c - what a user can set of a connection, and of a listener for its connections; and
 * what becomes of a connection whose user has left (RFC 9293 section 3.6.1).
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

static void set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_set(w->stack, w->conn, option, value, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

static void listener_set(struct wire *w, enum estab_option option, uint32_t value)
{
    assert_int_equal(estab_listener_set(w->stack, w->listener, option, value), ESTAB_OK);
}

static void release(struct wire *w)
{
    assert_int_equal(estab_release(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    wire_pump(w);
}

static void listen_only(struct wire *w)
{
    struct estab_listen listen = {
        .size = sizeof listen,
        .local = {WIRE_OWN, WIRE_PORT},
        .backlog = 4,
        .fixed_iss = true,
        .iss = w->iss,
    };

    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

static bool accepted(struct wire *w)
{
    return estab_accept(w->stack, w->listener, &w->conn) == ESTAB_OK;
}

static struct estab_status pair(struct wire *w)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(w->stack, &cursor, &st))
        if (st.remote.port == WIRE_RPORT)
            return st;
    return (struct estab_status){.state = ESTAB_STATE_CLOSED};
}

static enum estab_state state_of_pair(struct wire *w)
{
    return pair(w).state;
}

/* ---- cork --------------------------------------------------------------------------------------- */

WIRE_TEST(a_cork_holds_back_what_does_not_fill_a_segment)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_CORK, 1);
    SEND(2000);
    OUT(0, ACK, 1, 1, 1460);
    QUIET(100 * MS);
    SEND(1000);
    OUT(100 * MS, ACK, 1461, 1, 1460);
    set(w, ESTAB_OPTION_CORK, 0); /* no small segment is outstanding, so Nagle's algorithm lets it go */
    OUT(100 * MS, ACK | PSH, 2921, 1, 80);
    SEND(10);
    QUIET(120 * MS);
    IN(ACK, 1, 2921, 0, .wnd = 65535); /* of the full ones */
    QUIET(120 * MS);
    IN(ACK, 1, 3001, 0, .wnd = 65535);
    OUT(120 * MS, ACK | PSH, 3001, 1, 10);
}

WIRE_TEST(a_cork_is_drawn_by_its_user)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_CORK, 1);
    SEND(10);
    SEND(20);
    QUIET(150 * MS);
    set(w, ESTAB_OPTION_CORK, 0);
    OUT(150 * MS, ACK | PSH, 1, 1, 30);
}

/* Linux's limit; MUST-60: text is not held for ever. */
WIRE_TEST(a_cork_holds_for_200_ms)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_CORK, 1);
    SEND(10);
    QUIET(200 * MS - 1);
    OUT(200 * MS, ACK | PSH, 1, 1, 10);
}

WIRE_TEST(a_close_draws_the_cork)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_CORK, 1);
    SEND(10);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    OUT(0, ACK | PSH | FIN, 1, 1, 10);
}

/* Linux: no Nagle, no cork - but only for what waits now. */
WIRE_TEST(nagle_off_draws_the_cork_once)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_CORK, 1);
    SEND(80);
    QUIET(10 * MS);
    set(w, ESTAB_OPTION_NAGLE, 0);
    OUT(10 * MS, ACK | PSH, 1, 1, 80);
    IN(ACK, 1, 81, 0, .wnd = 65535);
    SEND(80);
    QUIET(210 * MS - 1);
    OUT(210 * MS, ACK | PSH, 81, 1, 80);
}

/* What comes with MORE waits for more, or an acknowledgment, or 200 ms; only then it is PUSHed. */
WIRE_TEST(more_waits_and_is_not_pushed)
{
    start(w);
    OPEN(65535, .mss = 1000);
    set(w, ESTAB_OPTION_NAGLE, 0);
    wire_send(w, 40, ESTAB_MORE, HERE);
    OUT(200 * MS, ACK | PSH, 1, 1, 40);
    IN(ACK, 1, 41, 0, .wnd = 65535);
    wire_send(w, 1050, ESTAB_MORE, HERE);
    OUT(200 * MS, ACK, 41, 1, 1000);
    QUIET(250 * MS);
    IN(ACK, 1, 1041, 0, .wnd = 65535);
    OUT(250 * MS, ACK, 1041, 1, 50);
}

/* ---- MSS and window ------------------------------------------------------------------------------ */

static void open_with(struct wire *w, enum estab_option option, uint32_t value)
{
    struct estab_setting setting = {option, value};
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss,
                              .settings = &setting,
                              .setting_count = 1};

    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START + w->now), ESTAB_OK);
}

WIRE_TEST(a_setting_that_cannot_be)
{
    struct estab_setting settings[] = {{ESTAB_OPTION_CORK, 1}, {99, 1}};
    struct estab_open open = {.size = sizeof open,
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .settings = settings,
                              .setting_count = 2};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_INVALID);
    settings[1] = (struct estab_setting){ESTAB_OPTION_MSS_CLAMP, 87};
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_INVALID);
    settings[1] = (struct estab_setting){ESTAB_OPTION_DEFER_ACCEPT_MS, 1};
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_INVALID);
}

/* The same for a single-shot passive OPEN that turns active later. */
WIRE_TEST(a_setting_of_a_passive_open)
{
    struct estab_setting setting = {ESTAB_OPTION_MSS_CLAMP, 500};
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .passive = true,
                              .fixed_iss = true,
                              .iss = w->iss,
                              .settings = &setting,
                              .setting_count = 1};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    assert_int_equal(estab_open_active(w->stack, w->conn, open.remote, WIRE_START), ESTAB_OK);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->mss, 500);
    SKIP;
}

WIRE_TEST(an_mss_clamp_bounds_both_directions)
{
    start(w);
    open_with(w, ESTAB_OPTION_MSS_CLAMP, 700);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->mss, 700);
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = 1460);
    OUT(0, ACK, 1, 1, 0);
    CHECK_EQ(STATUS.snd_mss, 700);
    SEND(701);
    OUT(0, ACK, 1, 1, 700);
}

WIRE_TEST(an_mss_clamp_above_the_links_does_nothing)
{
    start(w);
    open_with(w, ESTAB_OPTION_MSS_CLAMP, 9000);
    CHECK_EQ(OUT(0, SYN, 0, 0, 0)->mss, 1460);
    SKIP;
}

WIRE_TEST(a_listeners_clamps_are_in_its_syn_ack)
{
    struct estab_config c = wire_config();

    c.window_scale = true;
    wire_start(w, &c);
    listen_only(w);
    listener_set(w, ESTAB_OPTION_MSS_CLAMP, 1000);
    listener_set(w, ESTAB_OPTION_WINDOW_CLAMP, 5000);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1460, .wscale = (int)SCALE(3));
    const struct wire_segment *s = OUT(0, SYN | ACK, 0, 1, 0);
    CHECK_EQ(s->mss, 1000);
    CHECK_EQ(s->wnd, 5000);
    CHECK_EQ(s->wscale, 0);
    IN(ACK, 1, 1, 0, .wnd = 8191);
    CHECK(accepted(w));
    CHECK_EQ(STATUS.snd_mss, 1000);
    CHECK_EQ(STATUS.rcv_wnd, 5000);
    CHECK(STATUS.cold);
}

/* SHLD-14: the edge that was promised stays. R7323-12. */
WIRE_TEST(a_window_clamp_takes_nothing_back)
{
    start(w);
    OPEN(65535);
    uint32_t window = STATUS.rcv_wnd;

    set(w, ESTAB_OPTION_WINDOW_CLAMP, 3000);
    IN(ACK, 1, 1, 1000, .wnd = 65535);
    CHECK_EQ(STATUS.rcv_wnd, window - 1000);
    RECEIVE(1000);
    CHECK_EQ(OUT(40 * MS, ACK, 1, 1001, 0)->wnd, window - 1000);
    CHECK_EQ(STATUS.rcv_wnd, window - 1000);
    CHECK_EQ(STATUS.rcv_wnd_most, 3000);
    set(w, ESTAB_OPTION_WINDOW_CLAMP, 0);
    CHECK(!STATUS.cold); /* the block went with the last option */
}

/* ---- SYN retries ---------------------------------------------------------------------------------- */

WIRE_TEST(syn_retries_end_an_open)
{
    start(w);
    open_with(w, ESTAB_OPTION_SYN_RETRIES, 2);
    OUT(0, SYN, 0, 0, 0);
    OUT(1 * S, SYN, 0, 0, 0);
    OUT(3 * S, SYN, 0, 0, 0);
    QUIET(7 * S - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_SENT);
    QUIET(7 * S);
    EVENTS(ESTAB_EVENT_CLOSED);
    CHECK_EQ(w->error, ESTAB_TIMED_OUT);
    CHECK_EQ(wire_reason(w, "SYN_RETRIES"), 1);
}

WIRE_TEST(syn_retries_of_a_listener)
{
    start(w);
    listen_only(w);
    listener_set(w, ESTAB_OPTION_SYN_RETRIES, 1);
    IN(SYN, 0, 0, 0, .wnd = 65535);
    OUT(0, SYN | ACK, 0, 1, 0);
    OUT(1 * S, SYN | ACK, 0, 1, 0);
    QUIET(4 * S);
    CHECK_EQ(wire_counters(w).records, 0);
    CHECK_EQ(wire_reason(w, "SYN_RETRIES"), 1);
}

/* ---- congestion control ------------------------------------------------------------------------------- */

/* A row for a connection, or by a listener for its connections; what is under way keeps its window. */
WIRE_TEST(a_congestion_control_of_its_own)
{
    start(w);
    listen_only(w);
    listener_set(w, ESTAB_OPTION_CONGESTION, ESTAB_CONGESTION_NEWRENO);
    IN(SYN, 0, 0, 0, .wnd = 65535, .mss = 1000);
    OUT(0, SYN | ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK(accepted(w));
    CHECK_EQ(STATUS.congestion, ESTAB_CONGESTION_NEWRENO);
    CHECK_EQ(STATUS.cwnd, 10000);
    SEND(10000);
    w->head = w->tail;
    IN(ACK, 1, 10001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.cwnd, 20000);
    set(w, ESTAB_OPTION_CONGESTION, ESTAB_CONGESTION_CUBIC);
    CHECK_EQ(STATUS.congestion, ESTAB_CONGESTION_CUBIC);
    CHECK_EQ(STATUS.cwnd, 20000);
    CHECK_EQ(STATUS.ssthresh, UINT32_MAX);
    set(w, ESTAB_OPTION_HYSTART, ESTAB_HYSTART_PLUSPLUS);
}

WIRE_TEST(the_default_is_cubic)
{
    start(w);
    OPEN(65535);
    CHECK_EQ(STATUS.congestion, ESTAB_CONGESTION_CUBIC);
    assert_string_equal(estab_congestion_name(STATUS.congestion), "cubic");
    assert_string_equal(estab_congestion_name(ESTAB_CONGESTION_NEWRENO), "newreno");
    assert_null(estab_congestion_name(2));
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_CONGESTION, 2, WIRE_START),
                     ESTAB_INVALID);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_HYSTART, 5, WIRE_START),
                     ESTAB_INVALID);
}

/* ---- a listener that waits for text ------------------------------------------------------------------ */

WIRE_TEST(a_deferred_accept_waits_for_text)
{
    start(w);
    listen_only(w);
    listener_set(w, ESTAB_OPTION_DEFER_ACCEPT_MS, 5000);
    IN(SYN, 0, 0, 0, .wnd = 65535);
    OUT(0, SYN | ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK(!accepted(w));
    CHECK_EQ(wire_reason(w, "LISTEN_DEFERRED"), 1);
    QUIET(2 * S); /* our SYN,ACK is known to have arrived */
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    CHECK(accepted(w));
    OUT(2040 * MS, ACK, 1, 11, 0);
    RECEIVE(10);
}

/* When the wait is over, the SYN,ACK goes once more, and a bare ACK will do (Linux). */
WIRE_TEST(a_deferred_accept_ends)
{
    start(w);
    listen_only(w);
    listener_set(w, ESTAB_OPTION_DEFER_ACCEPT_MS, 3000);
    IN(SYN, 0, 0, 0, .wnd = 65535);
    OUT(0, SYN | ACK, 0, 1, 0);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    OUT(3 * S, SYN | ACK, 0, 1, 0);
    CHECK(!accepted(w));
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK(accepted(w));
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
}

WIRE_TEST(a_connection_cannot_defer)
{
    start(w);
    OPEN(65535);
    assert_int_equal(estab_set(w->stack, w->conn, ESTAB_OPTION_DEFER_ACCEPT_MS, 1, WIRE_START),
                     ESTAB_INVALID);
}

/* ---- low-water marks ------------------------------------------------------------------------------------ */

WIRE_TEST(text_is_taken_up_to_the_mark_of_unsent_text)
{
    enum estab_error error;

    start(w);
    OPEN(2920);
    set(w, ESTAB_OPTION_NOT_SENT_LOW, 4000);
    CHECK_EQ(wire_send_some(w, 10000, 0, &error), 2920 + 4000); /* what goes now does not count */
    CHECK_EQ(error, ESTAB_AGAIN);
    SKIP;
    CHECK_EQ(STATUS.not_sent, 4000);
    EVENTS(0);
    CHECK_EQ(wire_send_some(w, 10000, 0, &error), 0);
    IN(ACK, 1, 1461, 0, .wnd = 2920); /* 2540 are left: more than half of the mark */
    EVENTS(0);
    IN(ACK, 1, 2921, 0, .wnd = 2920);
    EVENTS(ESTAB_EVENT_WRITABLE);
    SKIP;
}

WIRE_TEST(readable_waits_for_the_mark)
{
    start(w);
    OPEN(65535);
    w->events = 0;
    set(w, ESTAB_OPTION_RECEIVE_LOW, 100);
    IN(ACK | PSH, 1, 1, 99, .wnd = 65535);
    EVENTS(0);
    IN(ACK | PSH, 100, 1, 1, .wnd = 65535);
    EVENTS(ESTAB_EVENT_READABLE);
    SKIP;
}

/* ---- the user leaves -------------------------------------------------------------------------------------- */

WIRE_TEST(a_released_connection_closes_alone)
{
    start(w);
    OPEN(65535);
    SEND(100);
    w->events = 0;
    release(w);
    OUT(0, ACK | PSH, 1, 1, 100);
    OUT(0, ACK | FIN, 101, 1, 0);
    IN(ACK, 1, 102, 0, .wnd = 65535);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_FIN_WAIT_2);
    IN(ACK | FIN, 1, 102, 0, .wnd = 65535);
    OUT(0, ACK, 102, 2, 0);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_TIME_WAIT);
    CHECK(pair(w).record && pair(w).orphan);
    QUIET(100 * S);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_CLOSED);
    EVENTS(0);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_NO_CONNECTION);
}

/* SHLD-3, the first half: text that nobody took. */
WIRE_TEST(unread_text_is_answered_with_a_reset_on_release)
{
    start(w);
    OPEN(65535);
    IN(ACK | PSH, 1, 1, 10, .wnd = 65535);
    SKIP;
    release(w);
    OUT(0, RST | ACK, 1, 11, 0);
    CHECK_EQ(wire_counters(w).connections, 0);
}

/* SHLD-3, the second: text that comes later. MAY-1. */
WIRE_TEST(later_text_is_answered_with_a_reset)
{
    start(w);
    OPEN(65535);
    release(w);
    OUT(0, ACK | FIN, 1, 1, 0);
    IN(ACK, 1, 2, 10, .wnd = 65535);
    OUT(0, RST, 2, 0, 0);
    CHECK_EQ(wire_counters(w).connections, 0);
    CHECK_EQ(wire_reason(w, "TEXT_AFTER_RELEASE"), 1);
}

WIRE_TEST(fin_wait_2_ends_when_its_user_has_left)
{
    start(w);
    OPEN(65535);
    release(w);
    OUT(0, ACK | FIN, 1, 1, 0);
    wire_run(w, 1 * S);
    SKIP;
    IN(ACK, 1, 2, 0, .wnd = 65535);
    QUIET(61 * S - 1);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_FIN_WAIT_2);
    QUIET(61 * S);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_CLOSED);
    CHECK_EQ(wire_reason(w, "FIN_WAIT_2_END"), 1);
}

WIRE_TEST(fin_wait_2_as_long_as_its_user_said)
{
    start(w);
    OPEN(65535);
    set(w, ESTAB_OPTION_FIN_WAIT_2_MS, 2000);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    OUT(0, ACK | FIN, 1, 1, 0);
    IN(ACK, 1, 2, 0, .wnd = 65535);
    QUIET(300 * S); /* for ever, while somebody may receive */
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
    CHECK_EQ(STATUS.timer_kind, ESTAB_TIMER_NONE);
    release(w);
    CHECK_EQ(pair(w).timer_kind, ESTAB_TIMER_FIN_WAIT_2);
    CHECK_EQ(pair(w).timer, WIRE_START + 302 * S);
    QUIET(302 * S - 1);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_FIN_WAIT_2);
    QUIET(302 * S);
    CHECK_EQ(state_of_pair(w), ESTAB_STATE_CLOSED);
}

/* A handle that waits for its event goes without it. */
WIRE_TEST(a_release_takes_the_event_along)
{
    struct estab_event event;

    start(w);
    OPEN(65535);
    IN(ACK | FIN, 1, 1, 0, .wnd = 65535);
    SKIP;
    EVENTS(ESTAB_EVENT_PEER_CLOSED);
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK(estab_event_pending(w->stack));
    assert_int_equal(estab_release(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK(!estab_event_pending(w->stack));
    CHECK(!estab_event_next(w->stack, &event));
    SKIP;
}

/* ---- what STATUS tells -------------------------------------------------------------------------------------- */

WIRE_TEST(status_counts_what_happens)
{
    start(w);
    OPEN(65535);
    CHECK_EQ(STATUS.delivered, 1); /* the SYN */
    wire_run(w, 10 * MS);
    wire_send(w, 3000, ESTAB_MORE, HERE);
    OUT(10 * MS, ACK, 1, 1, 1460);
    OUT(10 * MS, ACK | PSH, 1461, 1, 1460);
    CHECK_EQ(STATUS.in_flight, 2);
    CHECK_EQ(STATUS.not_sent, 80);
    CHECK_EQ(STATUS.text_segments_sent, 2);
    CHECK_EQ(STATUS.text_sent_at, WIRE_START + 10 * MS);
    wire_run(w, 40 * MS);
    IN(ACK, 1, 2921, 7, .wnd = 65535);
    OUT(40 * MS, ACK, 2921, 8, 80);
    CHECK_EQ(STATUS.busy_us, 30000);
    CHECK_EQ(STATUS.delivered, 3);
    CHECK_EQ(STATUS.text_segments_received, 1);
    CHECK_EQ(STATUS.text_received_at, WIRE_START + 40 * MS);
    wire_run(w, 60 * MS);
    IN(ACK, 8, 3001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.delivered, 4);
    CHECK_EQ(STATUS.bytes_sent, 3000);
    CHECK_EQ(STATUS.ack_received_at, WIRE_START + 60 * MS);
    CHECK_EQ(STATUS.busy_us, 50000);
    wire_run(w, 100 * MS);
    CHECK_EQ(STATUS.busy_us, 50000);
    CHECK_EQ(STATUS.in_flight, 0);
    SKIP;
}

/* Text waits for the peer's window; a user waits for its own buffer. */
WIRE_TEST(status_tells_what_limits)
{
    enum estab_error error;

    start(w);
    OPEN(1000);
    set(w, ESTAB_OPTION_SEND_BUFFER, 4000);
    set(w, ESTAB_OPTION_NAGLE, 0);
    CHECK_EQ(wire_send_some(w, 3000, 0, &error), 3000);
    OUT(0, ACK, 1, 1, 1000);
    wire_run(w, 100 * MS);
    IN(ACK, 1, 1001, 0, .wnd = 65535);
    SKIP;
    CHECK_EQ(STATUS.window_limited_us, 100000);
    CHECK_EQ(STATUS.buffer_limited_us, 0);
    CHECK_EQ(wire_send_some(w, 3000, 0, &error), 2000);
    CHECK_EQ(error, ESTAB_AGAIN);
    SKIP; /* all is sent, and the user waits */
    wire_run(w, 110 * MS);
    IN(ACK, 1, 3001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.buffer_limited_us, 10000);
    wire_run(w, 150 * MS);
    IN(ACK, 1, 5001, 0, .wnd = 65535);
    CHECK_EQ(STATUS.buffer_limited_us, 10000);
    CHECK_EQ(STATUS.window_limited_us, 100000);
    CHECK_EQ(STATUS.busy_us, 150000);
}

WIRE_TEST(status_tells_of_trouble)
{
    start(w);
    OPEN(65535);
    SEND(3 * 1460);
    SKIP;
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_OPEN);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_DISORDER);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_RECOVERY);
    wire_run(w, 10 * S);
    SKIP;
    CHECK_EQ(STATUS.loss, ESTAB_LOSS_TIMEOUT);
    CHECK_EQ(STATUS.backoff, STATUS.retransmits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cork_holds_back_what_does_not_fill_a_segment),
        cmocka_unit_test(a_cork_is_drawn_by_its_user),
        cmocka_unit_test(a_cork_holds_for_200_ms),
        cmocka_unit_test(a_close_draws_the_cork),
        cmocka_unit_test(nagle_off_draws_the_cork_once),
        cmocka_unit_test(more_waits_and_is_not_pushed),
        cmocka_unit_test(a_setting_that_cannot_be),
        cmocka_unit_test(a_setting_of_a_passive_open),
        cmocka_unit_test(an_mss_clamp_bounds_both_directions),
        cmocka_unit_test(an_mss_clamp_above_the_links_does_nothing),
        cmocka_unit_test(a_listeners_clamps_are_in_its_syn_ack),
        cmocka_unit_test(a_window_clamp_takes_nothing_back),
        cmocka_unit_test(syn_retries_end_an_open),
        cmocka_unit_test(syn_retries_of_a_listener),
        cmocka_unit_test(a_congestion_control_of_its_own),
        cmocka_unit_test(the_default_is_cubic),
        cmocka_unit_test(a_deferred_accept_waits_for_text),
        cmocka_unit_test(a_deferred_accept_ends),
        cmocka_unit_test(a_connection_cannot_defer),
        cmocka_unit_test(text_is_taken_up_to_the_mark_of_unsent_text),
        cmocka_unit_test(readable_waits_for_the_mark),
        cmocka_unit_test(a_released_connection_closes_alone),
        cmocka_unit_test(unread_text_is_answered_with_a_reset_on_release),
        cmocka_unit_test(later_text_is_answered_with_a_reset),
        cmocka_unit_test(fin_wait_2_ends_when_its_user_has_left),
        cmocka_unit_test(fin_wait_2_as_long_as_its_user_said),
        cmocka_unit_test(a_release_takes_the_event_along),
        cmocka_unit_test(status_counts_what_happens),
        cmocka_unit_test(status_tells_what_limits),
        cmocka_unit_test(status_tells_of_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
