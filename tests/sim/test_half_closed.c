/* SPDX-License-Identifier: MIT */
/*
 * test_half_closed.c - floods of connections that do not end: their peers ask, are answered, and then never
 * send a FIN, or never acknowledge the answer, or keep their window shut.  1,000 a second come to a server
 * that has 128 TCBs and leaves each connection once it has answered; of 100 honest clients that come
 * meanwhile each has its answer and its end.  Of the first kind come 50,000 a second, too, a million in all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/wire.h"

enum { FLOOD = 20000, MILLION = 1000000, SECONDS = 20, CONNECTIONS = 128, RECORDS = 128, HONEST = 100 };
enum { PORT = 80, HONEST_PORT = 10000, ANSWER = 1000, TRIP_MS = 20, IRS = 500 };

enum mischief { NO_FIN, NO_ACK, NO_WINDOW, MISCHIEFS };

struct honest {
    estab_time next;
    uint32_t iss;
    unsigned step; /* 0: SYN, 1: waits, 2: request, 3: waits, 4: acknowledges and closes, 5: closed */
};

static struct wire w_;
static struct honest clients[HONEST];
static enum mischief mischief;

static void say(struct wire *w, struct estab_addr from, unsigned port, struct wire_segment s)
{
    s.from = from;
    s.sport = (uint16_t)port;
    s.dport = PORT;
    wire_in(w, &s);
}

/* Accepts, takes the request, answers and leaves, as often as somebody comes. */
static void serve(struct wire *w)
{
    static const uint8_t answer[ANSWER];
    estab_conn conn;

    while (estab_accept(w->stack, w->listener, &conn) == ESTAB_OK) {
        struct estab_received got;
        uint8_t text[8];
        size_t taken;

        enum estab_error error =
            estab_receive(w->stack, conn, text, sizeof text, 0, &got, WIRE_START + w->now);

        assert_true(error == ESTAB_OK || error == ESTAB_AGAIN);
        assert_int_equal(estab_send(w->stack, conn, answer, sizeof answer, 0, &taken,
                                    WIRE_START + w->now),
                         ESTAB_OK);
        assert_int_equal(estab_release(w->stack, conn, WIRE_START + w->now), ESTAB_OK);
    }
    wire_pump(w);
}

/* What a stranger says in one go: it has no round trip, and knows what comes. */
static void flood_one(struct wire *w, unsigned i)
{
    struct estab_addr from = estab_ipv4(11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i);
    const struct wire_segment *s;
    uint32_t iss;

    say(w, from, 2000, (struct wire_segment){.flags = SYN, .seq = IRS, .wnd = 65535, .mss = 1460});
    s = wire_any(w, w->now);
    if (!s)
        return;
    iss = s->seq;
    say(w, from, 2000,
        (struct wire_segment){.flags = ACK | PSH, .seq = IRS + 1, .ack = iss + 1, .len = 1,
                              .wnd = mischief == NO_WINDOW ? 0 : 65535, .text = "?"});
    serve(w);
    if (mischief == NO_FIN)
        say(w, from, 2000,
            (struct wire_segment){.flags = ACK, .seq = IRS + 2, .ack = iss + 1 + ANSWER + 1,
                                  .wnd = 65535});
}

static void honest_says(struct wire *w, unsigned i)
{
    struct honest *h = &clients[i];
    unsigned port = HONEST_PORT + i, step = h->step;

    h->next = ESTAB_NEVER; /* until it is answered */
    h->step++;
    if (step == 0)
        say(w, WIRE_PEER, port, (struct wire_segment){.flags = SYN, .seq = IRS, .wnd = 65535});
    if (step == 2)
        say(w, WIRE_PEER, port,
            (struct wire_segment){.flags = ACK | PSH, .seq = IRS + 1, .ack = h->iss + 1, .len = 1,
                                  .wnd = 65535, .text = "?"});
    if (step == 4)
        say(w, WIRE_PEER, port,
            (struct wire_segment){.flags = ACK | FIN, .seq = IRS + 2,
                                  .ack = h->iss + 1 + ANSWER + 1, .wnd = 65535});
    serve(w);
}

/* What the server says to the honest comes half a trip later, and the answer after another half. */
static void look(struct wire *w)
{
    while (w->head != w->tail) {
        const struct wire_segment *s = &w->queue[w->head++ % WIRE_QUEUE];
        unsigned i = s->dport - HONEST_PORT;
        struct honest *h = &clients[i < HONEST ? i : 0];

        if (i >= HONEST)
            continue;
        CHECK(!(s->flags & RST));
        if (h->step == 1 && s->flags == (SYN | ACK))
            h->iss = s->seq;
        else if (h->step == 3 ? !(s->flags & FIN) : h->step != 5 || s->ack != IRS + 3)
            continue;
        h->step++;
        h->next = h->step < 6 ? w->now + TRIP_MS * MS : ESTAB_NEVER;
    }
}

static void begin(struct wire *w)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 64};

    *w = (struct wire){.iss = 1, .irs = 2};
    c.connections = CONNECTIONS;
    c.records = RECORDS;
    c.receive_reserve = c.receive_buffer = 4096;
    c.chunks = 2048;
    wire_start(w, &c);
    assert_int_equal(estab_route_add(w->stack, estab_ipv4(0, 0, 0, 0), 0, WIRE_PEER, 0), ESTAB_OK);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    for (unsigned i = 0; i < HONEST; i++)
        clients[i] = (struct honest){.next = 2 * S + i * (SECONDS - 3) * S / HONEST};
}

/* So many in SECONDS. */
static void flood(enum mischief kind, unsigned count)
{
    unsigned stride = count > FLOOD ? 16 : 1; /* a third of a millisecond between looks at the honest */
    struct wire *w = &w_;

    mischief = kind;
    begin(w);
    for (unsigned i = 0; i < count; i++) {
        wire_run(w, (estab_time)i * SECONDS * S / count);
        look(w);
        flood_one(w, i);
        look(w);
        if (i % stride)
            continue;
        for (unsigned k = 0; k < HONEST; k++)
            if (w->now >= clients[k].next)
                honest_says(w, k);
        look(w);
        CHECK(wire_counters(w).connections <= CONNECTIONS);
        CHECK(wire_counters(w).records <= RECORDS);
    }
    for (unsigned i = 0; i < HONEST; i++)
        if (clients[i].step != 6)
            fail_msg("mischief %u: client %u stands at step %u", kind, i, clients[i].step);
    CHECK(wire_reason(w, "ORPHAN_RECYCLED") > count / 2);
    CHECK_EQ(wire_reason(w, "LISTEN_CONNECTIONS"), 0);
    CHECK_EQ(wire_reason(w, "LISTEN_TEXT_POOL"), 0);
    w->head = w->tail;
    wire_run(w, 2000 * S); /* what is left ends by itself */
    if (kind != NO_WINDOW)
        CHECK_EQ(wire_counters(w).connections, 0);
    wire_stop(w);
}

/* BAD-18. */
static void peers_that_never_send_their_fin(void **state)
{
    (void)state;
    flood(NO_FIN, FLOOD);
}

/* BAD-18. */
static void peers_that_never_acknowledge(void **state)
{
    (void)state;
    flood(NO_ACK, FLOOD);
}

/* BAD-18. */
static void peers_that_keep_their_window_shut(void **state)
{
    (void)state;
    flood(NO_WINDOW, FLOOD);
}

static void a_million_that_never_send_their_fin(void **state)
{
    (void)state;
    flood(NO_FIN, MILLION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_that_never_send_their_fin),
        cmocka_unit_test(peers_that_never_acknowledge),
        cmocka_unit_test(peers_that_keep_their_window_shut),
        cmocka_unit_test(a_million_that_never_send_their_fin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
