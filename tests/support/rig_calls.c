/* SPDX-License-Identifier: MIT */
/* rig_calls.c - see rig.h: the user's side of the rig, and the ways into each state. */
#include "support/rig.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* ---- calls ------------------------------------------------------------------------------------------ */

static struct estab_endpoint local(void)
{
    return (struct estab_endpoint){rig_us(), RIG_PORT};
}

static struct estab_endpoint remote(void)
{
    return (struct estab_endpoint){rig_peer(), RIG_PEER_PORT};
}

enum estab_error rig_open_active(struct rig *r)
{
    struct estab_open open = {.size = sizeof open,
                              .local = local(),
                              .remote = remote(),
                              .fixed_iss = true,
                              .iss = r->iss};
    enum estab_error error = estab_open(r->stack, &open, &r->conn, r->now);

    rig_pull(r);
    return error;
}

enum estab_error rig_open_passive(struct rig *r, bool named)
{
    struct estab_open open = {
        .size = sizeof open, .local = local(), .passive = true, .fixed_iss = true, .iss = r->iss};
    enum estab_error error;

    if (named)
        open.remote = remote();
    error = estab_open(r->stack, &open, &r->conn, r->now);
    rig_pull(r);
    return error;
}

static void listen_with(struct rig *r, bool fixed_iss)
{
    struct estab_listen listen = {.size = sizeof listen,
                                  .local = local(),
                                  .backlog = 4,
                                  .fixed_iss = fixed_iss,
                                  .iss = fixed_iss ? r->iss : 0};
    enum estab_error error = estab_listen(r->stack, &listen, &r->listener);

    if (error != ESTAB_OK)
        rig_fail(r, "LISTEN: %s", estab_error_text(error));
}

void rig_listen(struct rig *r)
{
    listen_with(r, true);
}

void rig_listen_anew(struct rig *r)
{
    listen_with(r, false);
}

void rig_nobody_listens(struct rig *r)
{
    if (r->listener.generation)
        (void)estab_listen_end(r->stack, r->listener, r->now);
    r->listener = (estab_listener){0, 0};
}

enum estab_error rig_accept(struct rig *r)
{
    enum estab_error error = estab_accept(r->stack, r->listener, &r->conn);

    rig_pull(r);
    return error;
}

enum estab_error rig_send(struct rig *r, size_t length, unsigned flags)
{
    static uint8_t text[RIG_FRAME_MAX];
    enum estab_error error;
    size_t taken = 0;

    for (size_t i = 0; i < length; i++)
        text[i] = rig_text(1 + r->sent + (uint32_t)i);
    error = estab_send(r->stack, r->conn, text, length, flags, &taken, r->now);
    r->sent += (uint32_t)taken;
    rig_pull(r);
    return error;
}

size_t rig_receive(struct rig *r, size_t size)
{
    static uint8_t text[RIG_FRAME_MAX];
    struct estab_received got = {0};
    enum estab_error error = estab_receive(r->stack, r->conn, text, size, 0, &got, r->now);

    if (error != ESTAB_OK && got.length > 0)
        rig_fail(r, "RECEIVE: text with %s", estab_error_text(error));
    for (size_t i = 0; i < got.length; i++)
        if (text[i] != rig_text(1 + r->received + (uint32_t)i))
            rig_fail(r, "RECEIVE: wrong text at %u", (unsigned)(r->received + i));
    r->received += (uint32_t)got.length;
    rig_pull(r);
    return got.length;
}

enum estab_error rig_close(struct rig *r)
{
    enum estab_error error = estab_close(r->stack, r->conn, r->now);

    rig_pull(r);
    return error;
}

enum estab_error rig_abort(struct rig *r)
{
    enum estab_error error = estab_abort(r->stack, r->conn, r->now);

    rig_pull(r);
    return error;
}

/* ---- what is seen ------------------------------------------------------------------------------------- */

struct estab_status rig_status(const struct rig *r)
{
    struct estab_status found = {.size = sizeof found, .state = ESTAB_STATE_CLOSED};
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(r->stack, &cursor, &st)) {
        if (st.local.port != RIG_PORT)
            continue;
        if (st.state != ESTAB_STATE_LISTEN && st.remote.port == RIG_PEER_PORT)
            return st;
        if (st.state == ESTAB_STATE_LISTEN)
            found = st;
    }
    return found;
}

enum rig_state rig_state(const struct rig *r)
{
    return (enum rig_state)(rig_status(r).state + 1);
}

const char *rig_state_name(enum rig_state state)
{
    return state == SAME ? "-" : estab_state_name((enum estab_state)(state - 1));
}

const char *rig_way_name(enum rig_way way)
{
    static const char *const names[RIG_WAYS] = {
        [ACTIVE] = "active OPEN",
        [LISTENER] = "listener",
        [SINGLE] = "passive OPEN",
        [SIMULTANEOUS] = "simultaneous OPEN",
    };

    return names[way];
}

void rig_is(const struct rig *r, enum rig_state state)
{
    enum rig_state now = rig_state(r);

    if (now != state)
        rig_fail(r, "expected %s, is %s", rig_state_name(state), rig_state_name(now));
}

void rig_forget(struct rig *r)
{
    r->events = 0;
    r->error = ESTAB_OK;
    r->out_count = r->out_taken = 0;
}

void rig_happened(struct rig *r, unsigned bits, enum estab_error error)
{
    unsigned events = r->events;
    enum estab_error was = r->error;

    r->events = 0;
    r->error = ESTAB_OK;
    if (events != bits || was != error)
        rig_fail(r, "expected events %#x (%s), got %#x (%s)", bits, estab_error_text(error), events,
                 estab_error_text(was));
}

void rig_counted(const struct rig *r, enum reason reason, uint64_t n)
{
    uint64_t count = estab_reason_count(r->stack, reason);

    if (count != n)
        rig_fail(r, "%s counted %u times, not %u", estab_reason(reason).name, (unsigned)count,
                 (unsigned)n);
}

bool rig_leaves_nothing(struct rig *r)
{
    struct estab_counters c = {.size = sizeof c};

    if (r->conn.generation)
        (void)estab_abort(r->stack, r->conn, r->now);
    if (r->listener.generation)
        (void)estab_listen_end(r->stack, r->listener, r->now);
    rig_pull(r);
    estab_counters(r->stack, &c);
    return c.connections == 0 && c.records == 0 && c.listeners == 0 && c.chunks_used == 0 &&
           c.chunks_promised == 0 && c.chunks_lent == 0;
}

/* ---- into a state ------------------------------------------------------------------------------------- */

bool rig_can_become(enum rig_way way, enum rig_state state)
{
    switch (state) {
    case LISTEN:
        return way == LISTENER || way == SINGLE;
    case SYN_SENT:
        return way == ACTIVE || way == SIMULTANEOUS;
    case SYN_RECEIVED:
        return way != ACTIVE;
    default:
        return true;
    }
}

static void ok(const struct rig *r, const char *call, enum estab_error error)
{
    if (error != ESTAB_OK)
        rig_fail(r, "%s: %s", call, estab_error_text(error));
}

/* The window of a SYN, where the configuration promises it as a whole. */
static int first_window(const struct rig *r)
{
    uint32_t window = r->config.receive_buffer;

    if (window != r->config.receive_reserve)
        return 0;
    return window < 65535 ? (int)window : 65535;
}

static void to_syn_sent(struct rig *r)
{
    ok(r, "OPEN", rig_open_active(r));
    OUT(r, SYN, 0, 0, .wnd = first_window(r));
}

static void to_listen(struct rig *r)
{
    if (r->way == LISTENER)
        rig_listen(r);
    else
        ok(r, "OPEN", rig_open_passive(r, false));
}

static void to_syn_received(struct rig *r)
{
    if (r->way == SIMULTANEOUS)
        to_syn_sent(r);
    else
        to_listen(r);
    IN(r, SYN, 0, 0);
    OUT(r, SYN | ACK, 0, 1, .wnd = first_window(r));
}

static void to_established(struct rig *r)
{
    if (r->way == ACTIVE) {
        to_syn_sent(r);
        IN(r, SYN | ACK, 0, 1);
        OUT(r, ACK, 1, 1);
        return;
    }
    to_syn_received(r);
    if (r->way == SIMULTANEOUS)
        IN(r, SYN | ACK, 0, 1);
    else
        IN(r, ACK, 1, 1);
    if (r->way == LISTENER)
        ok(r, "accept", rig_accept(r));
}

static void to_fin_wait_1(struct rig *r)
{
    to_established(r);
    ok(r, "CLOSE", rig_close(r));
    OUT(r, FIN | ACK, 1, 1);
}

static void to_fin_wait_2(struct rig *r)
{
    to_fin_wait_1(r);
    IN(r, ACK, 1, 2);
}

static void to_close_wait(struct rig *r)
{
    to_established(r);
    IN(r, FIN | ACK, 1, 1);
    OUT(r, ACK, 1, 2);
}

static void to_closing(struct rig *r)
{
    to_fin_wait_1(r);
    IN(r, FIN | ACK, 1, 1);
    OUT(r, ACK, 2, 2);
}

static void to_last_ack(struct rig *r)
{
    to_close_wait(r);
    ok(r, "CLOSE", rig_close(r));
    OUT(r, FIN | ACK, 1, 2);
}

static void to_time_wait(struct rig *r)
{
    to_established(r);
    IN(r, PSH | ACK, 1, 1, .len = 1);
    if (!r->keep_unread && rig_receive(r, 100) != 1)
        rig_fail(r, "no text to RECEIVE");
    ok(r, "CLOSE", rig_close(r));
    OUT(r, FIN | ACK, 1, 2);
    IN(r, ACK, 2, 2);
    IN(r, FIN | ACK, 2, 2);
    OUT(r, ACK, 2, 3);
}

void rig_become(struct rig *r, enum rig_way way, enum rig_state state)
{
    static void (*const to[RIG_STATES])(struct rig *) = {
        [LISTEN] = to_listen,
        [SYN_SENT] = to_syn_sent,
        [SYN_RECEIVED] = to_syn_received,
        [ESTABLISHED] = to_established,
        [FIN_WAIT_1] = to_fin_wait_1,
        [FIN_WAIT_2] = to_fin_wait_2,
        [CLOSE_WAIT] = to_close_wait,
        [CLOSING] = to_closing,
        [LAST_ACK] = to_last_ack,
        [TIME_WAIT] = to_time_wait,
    };

    r->way = way;
    r->line = __LINE__;
    if (to[state])
        to[state](r);
    QUIET(r);
    rig_is(r, state);
    if (rig_status(r).record !=
        ((state == SYN_RECEIVED && way == LISTENER) || (state == TIME_WAIT && !r->keep_unread)))
        rig_fail(r, "a record where a TCB was expected, or the reverse");
}
