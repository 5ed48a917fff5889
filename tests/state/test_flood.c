/* SPDX-License-Identifier: MIT */
/*
 * test_flood.c - 10^5 SYNs from random addresses in ten seconds, without cookies: what exists goes on, the
 * pools keep to their size, and an honest client gets in by trying again, as TCPs do.
 * tests/sim/test_syn_flood.c has the flood that cookies answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/wire.h"

enum { SYNS = 100000, PER_SECOND = 10000, BACKLOG = 128, RECORDS = 256 };

struct honest {
    estab_time next; /* when it tries again */
    unsigned tries;
    uint32_t iss; /* the stack's, once it has answered */
    estab_time at;
};

static void flood_from(struct wire *w, uint64_t *random)
{
    uint32_t host = (uint32_t)random_next(random);

    wire_in(w, &(struct wire_segment){
                   .flags = SYN,
                   .seq = (uint32_t)random_next(random),
                   .wnd = 65535,
                   .mss = 1460,
                   .sport = (uint16_t)(1024 + random_next(random) % 60000),
                   .dport = 80,
                   .from = estab_ipv4((uint8_t)(1 + (host >> 24) % 120), (uint8_t)(host >> 16),
                                      (uint8_t)(host >> 8), (uint8_t)host),
               });
}

/* A SYN at 0.5 s, again after 1, 2, 4 and 8 seconds; what is answered is acknowledged after 30 ms. */
static void honest_turn(struct wire *w, struct honest *h)
{
    if (h->iss) {
        if (w->now < h->at)
            return;
        IN(ACK, 501, h->iss + 1, 0, .wnd = 65535, .sport = 7777, .dport = 80);
        h->next = ESTAB_NEVER;
        h->iss = 0;
    } else if (w->now >= h->next) {
        h->next = w->now + (1u << h->tries++) * S;
        IN(SYN, 500, 0, 0, .wnd = 65535, .sport = 7777, .dport = 80);
    }
}

/* Looks through what the stack has sent; whether the honest client was answered. */
static void look(struct wire *w, struct honest *h)
{
    wire_pump(w);
    while (w->head != w->tail) {
        const struct wire_segment *s = &w->queue[w->head++ % WIRE_QUEUE];

        if (s->dport == 7777 && s->flags == (SYN | ACK) && s->ack == 501 &&
            h->next != ESTAB_NEVER) {
            h->iss = s->seq;
            h->at = w->now + 30 * MS;
        }
    }
}

static void flood(struct wire *w)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = BACKLOG};
    struct honest h = {.next = S / 2};
    uint64_t random = 1;
    estab_conn conn = {0, 0};
    uint32_t nxt = 1;

    c.records = RECORDS;
    c.syn_cookies = 0;
    wire_start(w, &c);
    assert_int_equal(estab_route_add(w->stack, estab_ipv4(0, 0, 0, 0), 0, WIRE_PEER, 0), ESTAB_OK);
    OPEN(65535);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    for (uint32_t i = 0; i < SYNS + 10 * PER_SECOND; i++) { /* and ten seconds of peace */
        struct estab_counters counters;

        wire_run(w, (estab_time)i * S / PER_SECOND);
        if (i < SYNS)
            flood_from(w, &random);
        honest_turn(w, &h);
        look(w, &h);
        if (i % 1000 == 0) { /* the connection that was there before */
            IN(ACK, nxt, 1, 1000, .wnd = 65535);
            RECEIVE(1000);
            nxt += 1000;
        }
        counters = wire_counters(w);
        CHECK(counters.records <= BACKLOG);
        CHECK(counters.connections <= 2);
        CHECK(counters.chunks_used <= 1);
        if (!conn.generation && estab_accept(w->stack, w->listener, &conn) == ESTAB_OK)
            CHECK(w->now < 17 * S);
    }
    CHECK(conn.generation);
    CHECK_EQ(wire_status(w, conn).remote.port, 7777);
    CHECK_EQ(wire_status(w, conn).state, ESTAB_STATE_ESTABLISHED);
    CHECK(wire_reason(w, "LISTEN_BACKLOG") > SYNS / 2);
    CHECK_EQ(STATUS.state, ESTAB_STATE_ESTABLISHED);
    wire_run(w, 300 * S);
    CHECK_EQ(wire_counters(w).records, 0);
    w->head = w->tail;
}

/* BAD-14. */
static void a_flood_of_syns(void **state)
{
    (void)state;
    static struct wire w = {.iss = 0xfffffff0, .irs = 0xffffff80};

    flood(&w);
    wire_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_syns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
