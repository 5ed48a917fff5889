/* SPDX-License-Identifier: MIT */
/*
 * test_loopback.c - a stack that talks to its own address: both ends in one room, and nothing on the
 * link.  With one port on both sides a connection even opens to itself (RFC 9293 section 3.5,
 * figure 7: simultaneous open).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/wire.h"

#define MEGABYTE 1000000

struct end {
    estab_conn conn;
    unsigned events;
    size_t sent, received, wrong;
    bool end_seen, closed;
    enum estab_error error;
};

struct pair {
    struct wire w;
    struct end client, server;
    estab_listener listener;
};

static void start(struct pair *p, bool timestamps)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = 7, .backlog = 4};
    struct estab_open open = {.size = sizeof open, .remote = {WIRE_OWN, 7}};

    memset(p, 0, sizeof *p);
    c.timestamps = c.window_scale = timestamps;
    wire_start(&p->w, &c);
    assert_int_equal(estab_listen(p->w.stack, &listen, &p->listener), ESTAB_OK);
    assert_int_equal(estab_open(p->w.stack, &open, &p->client.conn, WIRE_START), ESTAB_OK);
}

static bool is(const struct end *e, const struct estab_event *event)
{
    return e->conn.generation == event->conn.generation && e->conn.index == event->conn.index &&
           e->conn.generation;
}

/* One turn of the caller's loop; nothing may leave on the link. */
static void turn(struct pair *p)
{
    struct estab_event event;
    struct estab_frame f;

    assert_int_equal(estab_output(p->w.stack, &f, 1, WIRE_START + p->w.now), 0);
    while (estab_event_next(p->w.stack, &event)) {
        struct end *e = is(&p->client, &event) ? &p->client : &p->server;

        if (event.listener.generation) {
            assert_int_equal(estab_accept(p->w.stack, event.listener, &p->server.conn), ESTAB_OK);
            continue;
        }
        e->events |= event.bits;
        if (event.bits & ESTAB_EVENT_CLOSED) {
            e->closed = true;
            e->error = event.error;
        }
    }
}

static bool sleep_until_due(struct pair *p)
{
    estab_time at = estab_deadline(p->w.stack);

    if (at == ESTAB_NEVER)
        return false;
    if (at > WIRE_START + p->w.now)
        p->w.now = at - WIRE_START;
    estab_expire(p->w.stack, at);
    return true;
}

static void send_some(struct pair *p, struct end *e)
{
    uint8_t text[5000];
    size_t n = 0, taken;

    for (; n < sizeof text && e->sent + n < MEGABYTE; n++)
        text[n] = text_at(e->sent + n);
    if (n == 0)
        return;
    (void)!estab_send(p->w.stack, e->conn, text, n, 0, &taken, WIRE_START + p->w.now);
    e->sent += taken;
}

static size_t receive_some(struct pair *p, struct end *e, uint8_t *text, size_t size)
{
    struct estab_received got = {0};

    (void)!estab_receive(p->w.stack, e->conn, text, size, 0, &got, WIRE_START + p->w.now);
    for (size_t i = 0; i < got.length; i++)
        e->wrong += text[i] != text_at(e->received + i);
    e->received += got.length;
    e->end_seen |= got.end;
    return got.length;
}

/* The server sends back what it has received, as it takes it. */
static void echo(struct pair *p)
{
    struct end *e = &p->server;
    uint8_t text[3000];
    struct estab_status st = wire_status(&p->w, e->conn);
    size_t room = 262144 - st.send_queued, taken;
    size_t n = receive_some(p, e, text, room < sizeof text ? room : sizeof text);

    assert_int_equal(estab_send(p->w.stack, e->conn, text, n, 0, &taken, WIRE_START + p->w.now),
                     ESTAB_OK);
    assert_int_equal(taken, n);
    e->sent += n;
}

static void a_megabyte_is_echoed(void **state)
{
    (void)state;
    for (int timestamps = 0; timestamps < 2; timestamps++) {
        struct pair *p = malloc(sizeof *p);
        uint8_t text[4000];

        assert_non_null(p);
        start(p, timestamps);
        turn(p);
        assert_true(p->server.conn.generation && p->client.events & ESTAB_EVENT_OPENED);
        while (p->client.received < MEGABYTE) {
            size_t before = p->client.received + p->server.received;

            send_some(p, &p->client);
            turn(p);
            echo(p);
            turn(p);
            receive_some(p, &p->client, text, sizeof text);
            if (p->client.received + p->server.received == before)
                assert_true(sleep_until_due(p));
        }
        assert_int_equal(p->client.wrong + p->server.wrong, 0);
        assert_int_equal(wire_counters(&p->w).retransmitted, 0);
        assert_true(p->w.now < 10 * S);
        assert_int_equal(estab_close(p->w.stack, p->client.conn, WIRE_START + p->w.now), ESTAB_OK);
        turn(p);
        assert_int_equal(receive_some(p, &p->server, text, sizeof text), 0);
        assert_true(p->server.end_seen);
        assert_int_equal(estab_close(p->w.stack, p->server.conn, WIRE_START + p->w.now), ESTAB_OK);
        turn(p);
        assert_true(p->server.closed && p->server.error == ESTAB_OK);
        assert_int_equal(wire_status(&p->w, p->client.conn).state, ESTAB_STATE_TIME_WAIT);
        p->w.now += 61 * S;
        estab_expire(p->w.stack, WIRE_START + p->w.now);
        turn(p);
        assert_true(p->client.closed && p->client.error == ESTAB_OK);
        p->w.listener = p->listener;
        wire_stop(&p->w);
        free(p);
    }
}

static void a_closed_port_of_our_own_resets(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof *p);
    struct estab_open open = {.size = sizeof open, .remote = {WIRE_OWN, 8}};

    assert_non_null(p);
    start(p, true);
    assert_int_equal(estab_abort(p->w.stack, p->client.conn, WIRE_START), ESTAB_OK);
    turn(p);
    p->client = (struct end){0};
    assert_int_equal(estab_open(p->w.stack, &open, &p->client.conn, WIRE_START), ESTAB_OK);
    turn(p);
    assert_true(p->client.closed);
    assert_int_equal(p->client.error, ESTAB_RESET); /* the word of section 3.10.7.3 */
    p->w.listener = p->listener;
    wire_stop(&p->w);
    free(p);
}

/* ---- one connection, both ends ------------------------------------------------------------------------ */

static void open_to_itself(struct pair *p)
{
    struct estab_config c = wire_config();
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, 9},
        .remote = {WIRE_OWN, 9},
        .fixed_iss = true,
        .iss = 0xfffffff0,
    };

    memset(p, 0, sizeof *p);
    wire_start(&p->w, &c);
    assert_int_equal(estab_open(p->w.stack, &open, &p->client.conn, WIRE_START), ESTAB_OK);
    turn(p);
}

static void a_connection_to_itself(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof *p);
    struct estab_received got = {0};
    uint8_t text[100];
    size_t taken;

    assert_non_null(p);
    open_to_itself(p);
    assert_int_equal(wire_status(&p->w, p->client.conn).state, ESTAB_STATE_ESTABLISHED);
    assert_true(p->client.events & ESTAB_EVENT_OPENED);
    assert_int_equal(estab_send(p->w.stack, p->client.conn, "hello", 5, 0, &taken, WIRE_START),
                     ESTAB_OK);
    turn(p);
    assert_int_equal(estab_receive(p->w.stack, p->client.conn, text, sizeof text, 0, &got,
                                   WIRE_START),
                     ESTAB_OK);
    assert_int_equal(got.length, 5);
    assert_memory_equal(text, "hello", 5);
    /* Its FIN crosses itself: FIN-WAIT-1, CLOSING, TIME-WAIT. */
    assert_int_equal(estab_close(p->w.stack, p->client.conn, WIRE_START), ESTAB_OK);
    turn(p);
    assert_int_equal(wire_status(&p->w, p->client.conn).state, ESTAB_STATE_TIME_WAIT);
    for (int i = 0; i < 10 && !p->client.closed; i++) {
        assert_true(sleep_until_due(p));
        turn(p);
    }
    assert_true(p->client.closed);
    assert_int_equal(p->client.error, ESTAB_OK);
    wire_stop(&p->w);
    free(p);
}

static void a_megabyte_to_itself(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof *p);
    uint8_t text[4000];

    assert_non_null(p);
    open_to_itself(p);
    while (p->client.received < MEGABYTE) {
        size_t before = p->client.received;

        send_some(p, &p->client);
        turn(p);
        receive_some(p, &p->client, text, sizeof text);
        turn(p);
        if (p->client.received == before)
            assert_true(sleep_until_due(p));
    }
    assert_int_equal(p->client.wrong, 0);
    assert_true(p->w.now < 10 * S);
    assert_int_equal(estab_abort(p->w.stack, p->client.conn, WIRE_START + p->w.now), ESTAB_OK);
    turn(p);
    assert_true(p->client.closed);
    assert_int_equal(p->client.error, ESTAB_ABORTED);
    p->client.conn = (estab_conn){0, 0};
    wire_stop(&p->w);
    free(p);
}

/* An address of ours never takes what comes from outside with it as its source. MUST-63. */
static void a_forged_source_of_our_own_is_refused(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof *p);

    assert_non_null(p);
    start(p, false);
    wire_in(&p->w, &(struct wire_segment){.flags = SYN, .sport = 1, .dport = 7, .from = WIRE_OWN});
    assert_int_equal(wire_reason(&p->w, "IP_SOURCE"), 1);
    assert_int_equal(estab_abort(p->w.stack, p->client.conn, WIRE_START), ESTAB_OK);
    p->w.listener = p->listener;
    wire_stop(&p->w);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_megabyte_is_echoed),
        cmocka_unit_test(a_closed_port_of_our_own_resets),
        cmocka_unit_test(a_connection_to_itself),
        cmocka_unit_test(a_megabyte_to_itself),
        cmocka_unit_test(a_forged_source_of_our_own_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
