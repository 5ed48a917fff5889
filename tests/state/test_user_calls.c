/* SPDX-License-Identifier: MIT */
/*
 * The user's calls of RFC 9293 sections 3.10.1 to 3.10.6 in every state: what they return, what they
 * send, where they lead.  "No handle" is CLOSED: no TCB exists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"

enum call { OPEN, OPEN_ACTIVE, SEND, RECEIVE, CLOSE, ABORT, STATUS, CALLS };

static const char *const call_names[CALLS] = {
    "OPEN", "OPEN (of the TCB)", "SEND", "RECEIVE", "CLOSE", "ABORT", "STATUS"};

struct answer {
    enum estab_error error;
    enum rig_state to;      /* SAME */
    struct rig_seg out;     /* flags 0: nothing */
    enum estab_error event; /* with CLOSED */
};

struct row {
    enum rig_state state;
    unsigned ways;
    bool unread;
    struct answer answer[CALLS];
};

/* clang-format off */
#define EXIST   {.error = ESTAB_EXISTS}
#define AGAIN   {.error = ESTAB_AGAIN}
#define NONE    {.error = ESTAB_NO_CONNECTION}
#define SHUT    {.error = ESTAB_CLOSING}
#define FINE    {.error = ESTAB_OK}
#define SENDS(...) {.out = SEG(__VA_ARGS__)}
#define RESETS(...) {.to = CLOSED, .event = ESTAB_ABORTED, .out = SEG(RST | ACK, __VA_ARGS__)}
#define DELETED {.to = CLOSED, .event = ESTAB_ABORTED}

static const struct row rows[] = {
    {.state = CLOSED, .ways = WAY(ACTIVE),
     .answer = {[OPEN] = {.to = SYN_SENT, .out = SEG(SYN, 0, 0)}, [OPEN_ACTIVE] = NONE,
                [SEND] = NONE, [RECEIVE] = NONE, [CLOSE] = NONE, [ABORT] = NONE, [STATUS] = NONE}},
    {.state = LISTEN, .ways = WAY(SINGLE),
     .answer = {[OPEN] = {.to = SYN_SENT, .out = SEG(SYN, 0, 0)},
                [OPEN_ACTIVE] = {.to = SYN_SENT, .out = SEG(SYN, 0, 0)},
                [SEND] = {.error = ESTAB_REMOTE_UNSPECIFIED}, [RECEIVE] = AGAIN,
                [CLOSE] = {.to = CLOSED, .event = ESTAB_CLOSING}, [ABORT] = DELETED,
                [STATUS] = FINE}},
    {.state = SYN_SENT, .ways = WAY(ACTIVE),
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = FINE, [RECEIVE] = AGAIN,
                [CLOSE] = {.to = CLOSED, .event = ESTAB_CLOSING}, [ABORT] = DELETED,
                [STATUS] = FINE}},
    {.state = SYN_RECEIVED, .ways = WAY(SINGLE) | WAY(SIMULTANEOUS),
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = FINE, [RECEIVE] = AGAIN,
                [CLOSE] = {.to = FIN_WAIT_1, .out = SEG(FIN | ACK, 1, 1)}, [ABORT] = RESETS(1, 1),
                [STATUS] = FINE}},
    {.state = ESTABLISHED, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SENDS(PSH | ACK, 1, 1, .len = 10),
                [RECEIVE] = AGAIN, [CLOSE] = {.to = FIN_WAIT_1, .out = SEG(FIN | ACK, 1, 1)},
                [ABORT] = RESETS(1, 1), [STATUS] = FINE}},
    {.state = FIN_WAIT_1, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = AGAIN,
                [CLOSE] = SHUT, [ABORT] = RESETS(2, 1), [STATUS] = FINE}},
    {.state = FIN_WAIT_2, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = AGAIN,
                [CLOSE] = SHUT, [ABORT] = RESETS(2, 1), [STATUS] = FINE}},
    /* Where the RFC only says "connection closing", RECEIVE here says that the end was reached. */
    {.state = CLOSE_WAIT, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SENDS(PSH | ACK, 1, 2, .len = 10),
                [RECEIVE] = FINE, [CLOSE] = {.to = LAST_ACK, .out = SEG(FIN | ACK, 1, 2)},
                [ABORT] = RESETS(1, 2), [STATUS] = FINE}},
    {.state = CLOSING, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = SHUT,
                [CLOSE] = SHUT, [ABORT] = DELETED, [STATUS] = FINE}},
    {.state = LAST_ACK, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = SHUT,
                [CLOSE] = SHUT, [ABORT] = DELETED, [STATUS] = FINE}},
    {.state = TIME_WAIT, .ways = ALL_WAYS,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = SHUT,
                [CLOSE] = SHUT, [ABORT] = DELETED, [STATUS] = FINE}},
    {.state = TIME_WAIT, .ways = ALL_WAYS, .unread = true,
     .answer = {[OPEN] = EXIST, [OPEN_ACTIVE] = EXIST, [SEND] = SHUT, [RECEIVE] = FINE,
                [CLOSE] = SHUT, [ABORT] = DELETED, [STATUS] = FINE}},
};
/* clang-format on */

static struct estab_endpoint peer(void)
{
    return (struct estab_endpoint){rig_peer(), RIG_PEER_PORT};
}

static enum estab_error status_of(struct rig *r, enum rig_state state)
{
    struct estab_status st = {.size = sizeof st};
    enum estab_error error = estab_status(r->stack, r->conn, &st);

    if (error == ESTAB_OK && (enum rig_state)(st.state + 1) != state)
        rig_fail(r, "STATUS says %s", rig_state_name((enum rig_state)(st.state + 1)));
    return error;
}

static enum estab_error receive_of(struct rig *r, const struct row *row)
{
    struct estab_received got;
    uint8_t text[10];
    enum estab_error error = estab_receive(r->stack, r->conn, text, sizeof text, 0, &got, r->now);
    bool end = row->state >= CLOSE_WAIT;

    if (got.length != (row->unread ? 1u : 0u) || got.end != end)
        rig_fail(r, "RECEIVE: %u bytes%s", (unsigned)got.length, got.end ? ", end" : "");
    return error;
}

static enum estab_error call_made(struct rig *r, const struct row *row, enum call call)
{
    enum estab_error error = ESTAB_OK;

    switch (call) {
    case OPEN:
        return rig_open_active(r);
    case OPEN_ACTIVE:
        error = estab_open_active(r->stack, r->conn, peer(), r->now);
        rig_pull(r);
        return error;
    case SEND:
        return rig_send(r, 10, 0);
    case RECEIVE:
        return receive_of(r, row);
    case CLOSE:
        return rig_close(r);
    case ABORT:
        return rig_abort(r);
    default:
        return status_of(r, row->state);
    }
}

static void check_call(struct rig *r, const struct row *row, enum call call)
{
    const struct answer *a = &row->answer[call];
    enum estab_error error;

    r->where = call_names[call];
    r->keep_unread = row->unread;
    rig_become(r, r->way, row->state);
    rig_forget(r);
    error = call_made(r, row, call);
    if (error != a->error)
        rig_fail(r, "in %s: %s", rig_state_name(row->state), estab_error_text(error));
    if (a->out.flags)
        rig_out(r, &a->out);
    rig_quiet(r);
    rig_happened(r, a->event ? ESTAB_EVENT_CLOSED : 0, a->event);
    if (r->way != LISTENER || a->to != CLOSED)
        rig_is(r, a->to == SAME ? row->state : a->to);
    if (a->to == CLOSED && status_of(r, CLOSED) != ESTAB_NO_CONNECTION)
        rig_fail(r, "the handle outlives its last event");
}

static void every_call_in_every_state(void **state)
{
    static struct rig r;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned way = 0; way < RIG_WAYS; way++)
            for (unsigned call = 0; call < CALLS; call++)
                for (unsigned n = 0; n < RIG_ISNS; n++) {
                    if (!(rows[i].ways >> way & 1))
                        continue;
                    rig_start(&r, NULL, rig_isns[n][0], rig_isns[n][1]);
                    r.way = (enum rig_way)way;
                    check_call(&r, &rows[i], (enum call)call);
                    rig_end(&r);
                }
}

/* ---- 3.10.1 OPEN ----------------------------------------------------------------------------------- */

static enum estab_error open_to(struct rig *r, struct estab_addr addr, uint16_t port)
{
    struct estab_open open = {.size = sizeof open, .remote = {addr, port}};

    return estab_open(r->stack, &open, &r->conn, r->now);
}

static void active_opens_that_cannot_be(void **state)
{
    struct estab_open open = {.size = sizeof open, .remote = peer()};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    assert_int_equal(open_to(&r, rig_peer(), 0), ESTAB_REMOTE_UNSPECIFIED);
    assert_int_equal(open_to(&r, estab_ipv4(0, 0, 0, 0), 80), ESTAB_REMOTE_UNSPECIFIED);
    assert_int_equal(open_to(&r, (struct estab_addr){{0}}, 80), ESTAB_REMOTE_UNSPECIFIED);
    assert_int_equal(open_to(&r, (struct estab_addr){{0x20, 1}}, 80), ESTAB_NO_ROUTE);
    assert_int_equal(open_to(&r, (struct estab_addr){{0xff, 2, [15] = 1}}, 80), ESTAB_INVALID);
    /* MUST-46: not to a broadcast or multicast address. */
    assert_int_equal(open_to(&r, estab_ipv4(224, 0, 0, 1), 80), ESTAB_INVALID);
    assert_int_equal(open_to(&r, estab_ipv4(255, 255, 255, 255), 80), ESTAB_INVALID);
    assert_int_equal(open_to(&r, estab_ipv4(10, 11, 0, 255), 80), ESTAB_INVALID);
    assert_int_equal(open_to(&r, estab_ipv4(192, 168, 0, 1), 80), ESTAB_NO_ROUTE);
    open.local.addr = rig_peer();
    assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_INVALID);
    open.size--;
    assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_INVALID);
    assert_int_equal(r.conn.generation, 0);
    rig_end(&r);
}

static void passive_opens_that_cannot_be(void **state)
{
    struct estab_open open = {.size = sizeof open, .passive = true};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_INVALID);
    open.local = (struct estab_endpoint){rig_peer(), RIG_PORT};
    assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_INVALID);
    open.local.addr = rig_us();
    for (unsigned i = 0; i < r.config.listeners; i++)
        assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_OK);
    assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_NO_RESOURCES);
    rig_end(&r);
}

static void opens_without_resources(void **state)
{
    struct estab_config config = rig_config();
    struct rig r;
    (void)state;
    config.connections = 2;
    rig_start(&r, &config, 0, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_OK);
    assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_NO_RESOURCES);
    assert_int_equal(rig_open_passive(&r, false), ESTAB_NO_RESOURCES);
    rig_end(&r);

    config.connections = 8;
    config.chunks = 64; /* two windows of 26 chunks, not three */
    rig_start(&r, &config, 0, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_OK);
    assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_NO_RESOURCES);
    rig_end(&r);
}

static void ports_are_chosen(void **state)
{
    struct estab_status a = {.size = sizeof a}, b = {.size = sizeof b};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_OK);
    assert_int_equal(estab_status(r.stack, r.conn, &a), ESTAB_OK);
    assert_int_equal(open_to(&r, rig_peer(), 80), ESTAB_OK);
    assert_int_equal(estab_status(r.stack, r.conn, &b), ESTAB_OK);
    assert_true(a.local.port >= 32768 && b.local.port >= 32768 && a.local.port != b.local.port);
    assert_memory_equal(&a.local.addr, &(struct estab_addr[]){rig_us()}, 16);
    rig_end(&r);
}

/* A passive OPEN that names its peer takes no other. */
static void a_named_peer_is_waited_for(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 700, UINT32_MAX);
    r.way = SINGLE;
    assert_int_equal(rig_open_passive(&r, true), ESTAB_OK);
    IN(&r, SYN, 0, 0, .port = RIG_PEER_PORT + 1);
    OUT(&r, RST | ACK | ZERO_SEQ, 0, 1, .port = RIG_PEER_PORT + 1);
    IN(&r, SYN, 0, 0);
    OUT(&r, SYN | ACK, 0, 1);
    IN(&r, ACK, 1, 1);
    IS(&r, ESTABLISHED);
    rig_end(&r);
}

/* ---- OPEN and SEND in LISTEN ------------------------------------------------------------------------- */

static void listen_turns_active_by_open(void **state)
{
    struct estab_endpoint nobody = {{{0}}, 80}, group = {estab_ipv4(224, 0, 0, 1), 80};
    struct estab_endpoint all = {estab_ipv4(10, 11, 0, 255), 80}, port_0 = {rig_peer(), 0};
    struct estab_endpoint far = {estab_ipv4(192, 168, 0, 1), 80};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, UINT32_MAX, 5);
    rig_become(&r, SINGLE, LISTEN);
    assert_int_equal(estab_open_active(r.stack, r.conn, nobody, r.now), ESTAB_REMOTE_UNSPECIFIED);
    assert_int_equal(estab_open_active(r.stack, r.conn, port_0, r.now), ESTAB_REMOTE_UNSPECIFIED);
    assert_int_equal(estab_open_active(r.stack, r.conn, group, r.now), ESTAB_INVALID);
    assert_int_equal(estab_open_active(r.stack, r.conn, all, r.now), ESTAB_INVALID);
    assert_int_equal(estab_open_active(r.stack, r.conn, far, r.now), ESTAB_NO_ROUTE);
    IS(&r, LISTEN);
    assert_int_equal(estab_open_active(r.stack, r.conn, peer(), r.now), ESTAB_OK);
    rig_pull(&r);
    OUT(&r, SYN, 0, 0);
    IN(&r, SYN | ACK, 0, 1);
    OUT(&r, ACK, 1, 1);
    HAPPENED(&r, ESTAB_EVENT_OPENED, ESTAB_OK);
    /* What came from an active OPEN is refused, and does not listen again. */
    IN(&r, RST, 1, 0);
    IS(&r, CLOSED);
    rig_end(&r);
}

static void listen_turns_active_by_send(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r, NULL, UINT32_MAX - 3, UINT32_MAX);
    r.way = SINGLE;
    assert_int_equal(rig_open_passive(&r, true), ESTAB_OK);
    assert_int_equal(rig_send(&r, 10, ESTAB_URGENT), ESTAB_OK);
    OUT(&r, SYN, 0, 0);
    IS(&r, SYN_SENT);
    IN(&r, SYN | ACK, 0, 1);
    OUT(&r, PSH | URG | ACK, 1, 1, .len = 10, .up = 10);
    IN(&r, RST, 1, 0);
    IS(&r, CLOSED);
    rig_end(&r);
}

/* Another interface, 10.12.0.1/24; its frames are nobody's business here. */
static void second_interface(struct rig *r)
{
    struct estab_interface interface = {.size = sizeof interface,
                                        .link = ESTAB_LINK_IP,
                                        .prefix_length = 24,
                                        .address = estab_ipv4(10, 12, 0, 1),
                                        .mtu = 1500};

    assert_int_equal(estab_interface_add(r->stack, &interface), 1);
}

static void assert_local(const struct rig *r, struct estab_addr addr)
{
    struct estab_status st = {.size = sizeof st};

    assert_int_equal(estab_status(r->stack, r->conn, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_SYN_SENT);
    assert_memory_equal(&st.local.addr, &addr, sizeof addr);
}

/* The local socket is the one that was named; if none was, the route decides (RFC 1122 4.2.4.2).
 * MUST-43, MUST-44. */
static void listen_turns_active_from_its_own_address(void **state)
{
    struct estab_endpoint far = {estab_ipv4(10, 12, 0, 2), 80};
    struct estab_open open = {.size = sizeof open, .passive = true, .local.port = RIG_PORT};
    size_t taken;
    struct rig r;
    (void)state;
    for (int named = 0; named < 2; named++)
        for (int by_send = 0; by_send < 2; by_send++) {
            rig_start(&r, NULL, 0, 0);
            second_interface(&r);
            open.local.addr = named ? rig_us() : (struct estab_addr){{0}};
            open.remote = by_send ? far : (struct estab_endpoint){{{0}}, 0};
            assert_int_equal(estab_open(r.stack, &open, &r.conn, r.now), ESTAB_OK);
            if (by_send)
                assert_int_equal(estab_send(r.stack, r.conn, "x", 1, 0, &taken, r.now), ESTAB_OK);
            else
                assert_int_equal(estab_open_active(r.stack, r.conn, far, r.now), ESTAB_OK);
            assert_local(&r, named ? rig_us() : estab_ipv4(10, 12, 0, 1));
            rig_end(&r);
        }
}

static void a_pair_exists_once(void **state)
{
    struct estab_status st = {.size = sizeof st};
    estab_conn first;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    rig_become(&r, ACTIVE, SYN_SENT);
    first = r.conn;
    r.way = SINGLE;
    assert_int_equal(rig_open_passive(&r, true), ESTAB_OK); /* MUST-42: LISTEN beside SYN-SENT */
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_EXISTS);
    assert_int_equal(estab_open_active(r.stack, r.conn, peer(), r.now), ESTAB_EXISTS);
    assert_int_equal(estab_status(r.stack, first, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_SYN_SENT); /* MUST-41: it is not affected */
    QUIET(&r);
    rig_end(&r);

    rig_start(&r, NULL, 0, 0); /* the passive OPEN came first */
    assert_int_equal(rig_open_passive(&r, true), ESTAB_OK);
    first = r.conn;
    assert_int_equal(rig_open_active(&r), ESTAB_OK);
    OUT(&r, SYN, 0, 0);
    r.conn = first;
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_EXISTS);
    QUIET(&r);
    rig_end(&r);
}

/* ---- handles ------------------------------------------------------------------------------------------ */

static void assert_unknown(struct rig *r, estab_conn conn)
{
    struct estab_status st = {.size = sizeof st};
    struct estab_received got;
    uint8_t text[4];
    size_t taken = 1;

    assert_int_equal(estab_open_active(r->stack, conn, peer(), r->now), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_send(r->stack, conn, "x", 1, 0, &taken, r->now), ESTAB_NO_CONNECTION);
    assert_int_equal(taken, 0);
    assert_int_equal(estab_receive(r->stack, conn, text, 4, 0, &got, r->now), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_close(r->stack, conn, r->now), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_abort(r->stack, conn, r->now), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_status(r->stack, conn, &st), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_set(r->stack, conn, ESTAB_OPTION_NAGLE, 1, r->now), ESTAB_NO_CONNECTION);
}

static void stale_handles_are_errors(void **state)
{
    estab_conn old;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    rig_become(&r, ACTIVE, ESTABLISHED);
    old = r.conn;
    assert_int_equal(rig_abort(&r), ESTAB_OK);
    OUT(&r, RST | ACK, 1, 1);
    assert_unknown(&r, old);
    rig_become(&r, ACTIVE, ESTABLISHED);
    assert_int_equal(r.conn.index, old.index); /* the place is used again */
    assert_unknown(&r, old);
    IS(&r, ESTABLISHED);
    assert_unknown(&r, (estab_conn){0, 0});
    assert_unknown(&r, (estab_conn){UINT32_MAX, 1});
    assert_unknown(&r, (estab_conn){1, 1});
    assert_unknown(&r, (estab_conn){old.index, r.conn.generation + 1});
    assert_unknown(&r, (estab_conn){old.index, 0});
    IS(&r, ESTABLISHED);
    rig_end(&r);
}

/* CLOSED, but nobody has taken the last event: the calls already say so. */
static void a_handle_lives_until_its_last_event(void **state)
{
    struct estab_status st = {.size = sizeof st};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    rig_become(&r, ACTIVE, ESTABLISHED);
    rig_forget(&r);
    r.keep_events = true;
    IN(&r, RST, 1, 0);
    assert_int_equal(estab_status(r.stack, r.conn, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_CLOSED);
    assert_int_equal(rig_send(&r, 1, 0), ESTAB_NO_CONNECTION);
    assert_int_equal(rig_receive(&r, 1), 0);
    assert_int_equal(rig_close(&r), ESTAB_NO_CONNECTION);
    assert_int_equal(rig_abort(&r), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_open_active(r.stack, r.conn, peer(), r.now), ESTAB_NO_CONNECTION);
    r.keep_events = false;
    rig_pull(&r);
    HAPPENED(&r, ESTAB_EVENT_CLOSED, ESTAB_RESET);
    assert_unknown(&r, r.conn);
    rig_end(&r);
}

static void stale_listeners_are_errors(void **state)
{
    estab_listener old, fresh;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    rig_listen(&r);
    old = r.listener;
    assert_int_equal(estab_listen_end(r.stack, old, r.now), ESTAB_OK);
    rig_listen(&r);
    fresh = r.listener;
    assert_int_equal(fresh.index, old.index);
    r.listener = old;
    assert_int_equal(rig_accept(&r), ESTAB_NO_CONNECTION);
    assert_int_equal(estab_listen_end(r.stack, old, r.now), ESTAB_NO_CONNECTION);
    r.listener = (estab_listener){UINT32_MAX, 1};
    assert_int_equal(rig_accept(&r), ESTAB_NO_CONNECTION);
    r.listener = (estab_listener){0, 0};
    assert_int_equal(rig_accept(&r), ESTAB_NO_CONNECTION);
    r.listener = fresh;
    assert_int_equal(rig_accept(&r), ESTAB_AGAIN);
    rig_end(&r);
}

static void listeners_that_cannot_be(void **state)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = RIG_PORT, .backlog = 1};
    struct estab_listen bad;
    estab_listener l;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 0, 0);
    assert_int_equal(estab_listen(r.stack, &listen, &l), ESTAB_OK);
    assert_int_equal(estab_listen(r.stack, &listen, &l), ESTAB_EXISTS);
    bad = listen;
    bad.local.port = 0;
    assert_int_equal(estab_listen(r.stack, &bad, &l), ESTAB_INVALID);
    bad = listen;
    bad.backlog = 0;
    assert_int_equal(estab_listen(r.stack, &bad, &l), ESTAB_INVALID);
    bad = listen;
    bad.local.addr = rig_peer();
    assert_int_equal(estab_listen(r.stack, &bad, &l), ESTAB_INVALID);
    bad = listen;
    bad.local.addr = rig_us(); /* more exact than the first one */
    assert_int_equal(estab_listen(r.stack, &bad, &l), ESTAB_OK);
    rig_end(&r);
}

/* ---- CLOSE in SYN-RECEIVED ------------------------------------------------------------------------------ */

/* "Queue for processing after entering ESTABLISHED state" (section 3.10.4). */
static void a_close_behind_text_waits(void **state)
{
    struct rig r;
    (void)state;
    for (unsigned way = SINGLE; way <= SIMULTANEOUS; way++) {
        rig_start(&r, NULL, UINT32_MAX - 2, UINT32_MAX);
        rig_become(&r, (enum rig_way)way, SYN_RECEIVED);
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        IS(&r, SYN_RECEIVED);
        QUIET(&r);
        assert_int_equal(rig_close(&r), ESTAB_CLOSING);
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_CLOSING);
        IN(&r, ACK, 1, 1);
        OUT(&r, FIN | PSH | ACK, 1, 1, .len = 10);
        IS(&r, FIN_WAIT_1);
        HAPPENED(&r, ESTAB_EVENT_OPENED, ESTAB_OK);
        IN(&r, ACK, 1, 12);
        IS(&r, FIN_WAIT_2);
        rig_end(&r);
    }
}

/* Text that waits for a window keeps the FIN back, not the state (section 3.10.4, ESTABLISHED). */
static void a_fin_follows_the_text(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r, NULL, UINT32_MAX - 2, UINT32_MAX);
    rig_become(&r, ACTIVE, ESTABLISHED);
    IN(&r, ACK, 1, 1, .wnd = NO_WINDOW);
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
    assert_int_equal(rig_close(&r), ESTAB_OK);
    IS(&r, FIN_WAIT_1);
    QUIET(&r);
    IN(&r, ACK, 1, 1, .wnd = 10);
    OUT(&r, PSH | ACK, 1, 1, .len = 10);
    QUIET(&r); /* the window holds the text, but not the FIN */
    IN(&r, ACK, 1, 11, .wnd = 1);
    OUT(&r, FIN | ACK, 11, 1);
    IN(&r, ACK, 1, 12);
    IS(&r, FIN_WAIT_2);
    rig_end(&r);
}

/* ---- a passive OPEN that returns to LISTEN ---------------------------------------------------------------- */

static void handshake_with_another(struct rig *r)
{
    IN(r, SYN, 0, 0, .port = RIG_PEER_PORT + 1);
    OUT(r, SYN | ACK, 0, 1, .port = RIG_PEER_PORT + 1);
    IN(r, ACK, 1, 1, .port = RIG_PEER_PORT + 1);
}

/* What was meant for the first peer is not for the next one. */
static void the_next_peer_gets_nothing_of_the_last(void **state)
{
    struct estab_status st = {.size = sizeof st};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, SINGLE, SYN_RECEIVED);
    assert_int_equal(rig_send(&r, 10, ESTAB_URGENT), ESTAB_OK);
    IN(&r, RST, 1, 0);
    IS(&r, LISTEN);
    assert_int_equal(estab_status(r.stack, r.conn, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_LISTEN);
    assert_int_equal(st.remote.port, 0);
    assert_int_equal(st.send_queued, 0);
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_REMOTE_UNSPECIFIED);
    QUIET(&r);
    handshake_with_another(&r);
    QUIET(&r);
    HAPPENED(&r, ESTAB_EVENT_OPENED, ESTAB_OK);
    r.sent = 0;
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
    OUT(&r, PSH | ACK, 1, 1, .len = 10, .port = RIG_PEER_PORT + 1);
    rig_end(&r);
}

/* One TCB, one peer: while it is busy, others find nobody. */
static void a_passive_open_takes_one_peer(void **state)
{
    struct rig r;
    (void)state;
    for (unsigned s = SYN_RECEIVED; s < RIG_STATES; s++) {
        rig_start(&r, NULL, 40, UINT32_MAX);
        rig_become(&r, SINGLE, (enum rig_state)s);
        IN(&r, SYN, 0, 0, .port = RIG_PEER_PORT + 1);
        OUT(&r, RST | ACK | ZERO_SEQ, 0, 1, .port = RIG_PEER_PORT + 1);
        IS(&r, (enum rig_state)s);
        rig_end(&r);
    }
}

/* Back in LISTEN nothing of the attempt goes on: no timer, no answer owed, no backed-off RTO. */
static void an_attempt_leaves_no_trace(void **state)
{
    static const struct rig_seg resets[] = {SEG(RST, 100, 0), SEG(RST, 1, 0)};
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, SINGLE, SYN_RECEIVED);
    AT(&r, 1000);
    OUT(&r, SYN | ACK, 0, 1);
    AT(&r, 3000);
    OUT(&r, SYN | ACK, 0, 1);
    rig_in_batch(&r, resets, 2); /* the first one is to be challenged */
    IS(&r, LISTEN);
    AT(&r, 10000);
    QUIET(&r);
    IN(&r, SYN, 0, 0);
    OUT(&r, SYN | ACK, 0, 1);
    QUIET(&r);
    AT(&r, 10999);
    QUIET(&r);
    AT(&r, 11000);
    OUT(&r, SYN | ACK, 0, 1);
    rig_end(&r);
}

/* MUST-11: what a SYN-RECEIVED came from decides where a RST leads. */
static void a_passive_open_that_turned_active_is_active(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, SINGLE, LISTEN);
    assert_int_equal(estab_open_active(r.stack, r.conn, peer(), r.now), ESTAB_OK);
    rig_pull(&r);
    OUT(&r, SYN, 0, 0);
    IN(&r, SYN, 0, 0);
    OUT(&r, SYN | ACK, 0, 1);
    IS(&r, SYN_RECEIVED);
    IN(&r, SYN, 100, 0); /* nor does a SYN lead back to LISTEN */
    OUT(&r, ACK, 1, 1);
    IN(&r, RST, 1, 0);
    IS(&r, CLOSED);
    HAPPENED(&r, ESTAB_EVENT_CLOSED, ESTAB_REFUSED);
    rig_end(&r);
}

static void a_queued_close_closes_listen(void **state)
{
    struct estab_counters counters;
    struct rig r;
    (void)state;
    for (int syn = 0; syn < 2; syn++) {
        rig_start(&r, NULL, 40, UINT32_MAX);
        rig_become(&r, SINGLE, SYN_RECEIVED);
        assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
        assert_int_equal(rig_close(&r), ESTAB_OK);
        IN(&r, syn ? SYN : RST, 1, 0);
        QUIET(&r);
        IS(&r, CLOSED);
        HAPPENED(&r, ESTAB_EVENT_CLOSED, ESTAB_CLOSING);
        estab_counters(r.stack, &counters);
        assert_int_equal(counters.connections, 0);
        assert_int_equal(counters.listeners, 0);
        assert_int_equal(counters.chunks_used, 0);
        rig_end(&r);
    }
}

/* CLOSE in SYN-RECEIVED ends the passive OPEN: its place is free once the connection is. */
static void a_passive_open_leaves_nothing_behind(void **state)
{
    struct estab_counters counters;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, SINGLE, SYN_RECEIVED);
    assert_int_equal(rig_close(&r), ESTAB_OK);
    OUT(&r, FIN | ACK, 1, 1);
    IN(&r, FIN | ACK, 1, 2);
    OUT(&r, ACK, 2, 2);
    IS(&r, TIME_WAIT);
    estab_counters(r.stack, &counters);
    assert_int_equal(counters.listeners, 0);
    AT(&r, 60000);
    IS(&r, CLOSED);
    estab_counters(r.stack, &counters);
    assert_int_equal(counters.connections + counters.records + counters.listeners, 0);
    assert_int_equal(counters.chunks_promised, 0);
    rig_end(&r);
}

/* ---- a listener ends -------------------------------------------------------------------------------------- */

static void a_listener_resets_its_children(void **state)
{
    struct estab_counters counters;
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, LISTENER, SYN_RECEIVED);
    handshake_with_another(&r);
    assert_int_equal(estab_listen_end(r.stack, r.listener, r.now), ESTAB_OK);
    rig_pull(&r);
    OUT(&r, RST | ACK, 1, 1);
    OUT(&r, RST | ACK, 1, 1, .port = RIG_PEER_PORT + 1);
    QUIET(&r);
    IS(&r, CLOSED);
    estab_counters(r.stack, &counters);
    assert_int_equal(counters.connections + counters.records + counters.listeners, 0);
    rig_end(&r);
}

static void an_accepted_child_outlives_its_listener(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r, NULL, 40, UINT32_MAX);
    rig_become(&r, LISTENER, ESTABLISHED);
    assert_int_equal(estab_listen_end(r.stack, r.listener, r.now), ESTAB_OK);
    rig_pull(&r);
    QUIET(&r);
    IS(&r, ESTABLISHED);
    IN(&r, FIN | ACK, 1, 1);
    OUT(&r, ACK, 1, 2);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_in_every_state),
        cmocka_unit_test(active_opens_that_cannot_be),
        cmocka_unit_test(passive_opens_that_cannot_be),
        cmocka_unit_test(opens_without_resources),
        cmocka_unit_test(ports_are_chosen),
        cmocka_unit_test(a_named_peer_is_waited_for),
        cmocka_unit_test(listen_turns_active_by_open),
        cmocka_unit_test(listen_turns_active_by_send),
        cmocka_unit_test(listen_turns_active_from_its_own_address),
        cmocka_unit_test(a_pair_exists_once),
        cmocka_unit_test(stale_handles_are_errors),
        cmocka_unit_test(a_handle_lives_until_its_last_event),
        cmocka_unit_test(stale_listeners_are_errors),
        cmocka_unit_test(listeners_that_cannot_be),
        cmocka_unit_test(a_close_behind_text_waits),
        cmocka_unit_test(a_fin_follows_the_text),
        cmocka_unit_test(the_next_peer_gets_nothing_of_the_last),
        cmocka_unit_test(a_passive_open_takes_one_peer),
        cmocka_unit_test(an_attempt_leaves_no_trace),
        cmocka_unit_test(a_passive_open_that_turned_active_is_active),
        cmocka_unit_test(a_queued_close_closes_listen),
        cmocka_unit_test(a_passive_open_leaves_nothing_behind),
        cmocka_unit_test(a_listener_resets_its_children),
        cmocka_unit_test(an_accepted_child_outlives_its_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
