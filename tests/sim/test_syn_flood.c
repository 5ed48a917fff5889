/* SPDX-License-Identifier: MIT */
/*
 * test_syn_flood.c - 10^6 SYNs from random addresses, 50,000 a second, and as many ACKs, and RSTs, alone and
 * among SYNs: no pool has more than it may, and of 100 honest clients that come meanwhile each is connected by
 * its first SYN.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/wire.h"

enum { FLOOD = 1000000, PER_SECOND = 50000, BACKLOG = 128, RECORDS = 256, HONEST = 100 };
enum { HONEST_PORT = 10000, TRIP_MS = 30 };

/* An honest client: SYN, half of it with timestamps; ACK after a round trip; text after another. */
struct honest {
    estab_time next;
    uint32_t iss, tsval; /* of the stack */
    unsigned step;       /* 0: before the SYN, 1: waits for its answer, 2: ACK, 3: text, 4: done */
};

static struct wire w_;
static struct honest clients[HONEST];

static struct estab_addr anybody(uint64_t *random)
{
    uint32_t host = (uint32_t)random_next(random);

    return estab_ipv4((uint8_t)(11 + (host >> 24) % 100), (uint8_t)(host >> 16),
                      (uint8_t)(host >> 8), (uint8_t)host);
}

static void flood_one(struct wire *w, unsigned flags, uint64_t *random)
{
    wire_in(w, &(struct wire_segment){.flags = flags,
                                      .seq = (uint32_t)random_next(random),
                                      .ack = (uint32_t)random_next(random),
                                      .wnd = 65535,
                                      .mss = flags & SYN ? 1460 : 0,
                                      .sport = (uint16_t)(1024 + random_next(random) % 8000),
                                      .dport = 80,
                                      .from = anybody(random)});
}

static void honest_says(struct wire *w, unsigned i)
{
    struct honest *h = &clients[i];
    struct wire_segment s = {.flags = h->step == 0 ? SYN : ACK,
                             .seq = h->step == 0 ? 500 : 501,
                             .ack = h->step == 0 ? 0 : h->iss + 1,
                             .wnd = 65535,
                             .sport = (uint16_t)(HONEST_PORT + i),
                             .dport = 80,
                             .ts = i % 2,
                             .tsval = 1000,
                             .tsecr = h->step == 0 ? 0 : h->tsval};

    if (h->step == 0) {
        s.mss = 1400;
        s.wscale = SCALE(7);
    }
    if (h->step == 3) {
        s.len = 4;
        s.text = "abcd";
    }
    h->step++;
    h->next = h->step == 1 || h->step == 4 ? ESTAB_NEVER : w->now + TRIP_MS * MS;
    wire_in(w, &s);
}

static void honest_turns(struct wire *w)
{
    for (unsigned i = 0; i < HONEST; i++)
        if (w->now >= clients[i].next)
            honest_says(w, i);
}

/* SYN,ACKs for honest clients arrive half a trip later: with their ACK a whole one. */
static void look(struct wire *w)
{
    while (w->head != w->tail) {
        const struct wire_segment *s = &w->queue[w->head++ % WIRE_QUEUE];
        unsigned i = s->dport - HONEST_PORT;

        if (i >= HONEST || s->flags != (SYN | ACK) || clients[i].step != 1)
            continue;
        clients[i].iss = s->seq;
        clients[i].tsval = s->tsval;
        clients[i].step = 2;
        clients[i].next = w->now + TRIP_MS * MS;
    }
}

static void check_budget(struct wire *w)
{
    struct estab_counters c = wire_counters(w);

    CHECK(c.records <= BACKLOG);
    CHECK(c.connections <= HONEST);
    CHECK(c.chunks_used <= HONEST);
}

static unsigned connected(struct wire *w)
{
    unsigned n = 0;
    estab_conn conn;

    while (estab_accept(w->stack, w->listener, &conn) == ESTAB_OK) {
        struct estab_status st = wire_status(w, conn);
        struct estab_received got;
        uint8_t text[8];
        unsigned i = st.remote.port - HONEST_PORT;

        assert_true(i < HONEST);
        CHECK_EQ(st.state, ESTAB_STATE_ESTABLISHED);
        CHECK_EQ(st.timestamps, i % 2);
        CHECK(st.snd_mss <= 1400 && st.snd_mss >= 1380 - 12);
        assert_int_equal(estab_receive(w->stack, conn, text, sizeof text, 0, &got,
                                       WIRE_START + w->now),
                         ESTAB_OK);
        CHECK_EQ(got.length, 4);
        assert_memory_equal(text, "abcd", 4);
        n++;
    }
    return n;
}

static void begin(struct wire *w)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = BACKLOG};

    *w = (struct wire){.iss = 1, .irs = 2};
    c.records = RECORDS;
    c.connections = HONEST;
    c.receive_reserve = c.receive_buffer = 4096;
    c.chunks = 4096;
    c.replies = 256;
    c.timestamps = c.window_scale = true;
    wire_start(w, &c);
    assert_int_equal(estab_route_add(w->stack, estab_ipv4(0, 0, 0, 0), 0, WIRE_PEER, 0), ESTAB_OK);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    for (unsigned i = 0; i < HONEST; i++) /* from a tenth of a second on, all through the flood */
        clients[i] = (struct honest){.next = 100 * MS + i * (FLOOD / PER_SECOND - 1) * S / HONEST};
}

/* Segments of one kind all the time, with `also` after each of them; half-way the secrets change. */
static void flood(struct wire *w, unsigned count, unsigned kind, unsigned also)
{
    uint64_t random = 4987;

    begin(w);
    for (unsigned i = 0; i < count; i++) {
        if (i == count / 2)
            CHECK_EQ(estab_keys_change(w->stack, (const uint8_t *)"another isn_key.",
                                       (const uint8_t *)"another hash_key", WIRE_START + w->now), ESTAB_OK);
        wire_run(w, (estab_time)i * (FLOOD / count) * S / PER_SECOND);
        flood_one(w, kind, &random);
        if (also)
            flood_one(w, also, &random);
        if (i % 16 == 0)
            honest_turns(w);
        look(w);
        if (i % 100 == 0)
            check_budget(w);
    }
    wire_run(w, 25 * S);
    honest_turns(w);
    for (unsigned i = 0; i < HONEST; i++)
        CHECK_EQ(clients[i].step, 4);
    CHECK_EQ(connected(w), HONEST);
    check_budget(w);
    w->head = w->tail;
}

/* BAD-14. */
static void a_million_syns(void **state)
{
    (void)state;
    struct wire *w = &w_;
    flood(w, FLOOD, SYN, 0);
    CHECK(wire_reason(w, "LISTEN_COOKIE") > FLOOD - 10 * BACKLOG);
    CHECK(wire_reason(w, "LISTEN_COOKIE_ACK") >= HONEST - 5);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 0);
    CHECK_EQ(wire_reason(w, "REPLIES_FULL"), 0);
    wire_run(w, 300 * S); /* and then it is over */
    CHECK_EQ(wire_counters(w).records, 0);
    w->head = w->tail;
    wire_stop(w);
}

/* While cookies are sent, ACKs out of the blue open nothing, and RSTs end nothing. BAD-14. */
static void as_many_acks_and_rsts(void **state)
{
    (void)state;
    struct wire *w = &w_;
    flood(w, FLOOD / 2, SYN, ACK);
    CHECK(wire_reason(w, "LISTEN_COOKIE_WRONG") > FLOOD / 2 - 2 * BACKLOG);
    wire_stop(w);
    flood(w, FLOOD / 2, SYN, RST);
    CHECK(wire_reason(w, "LISTEN_RST") > FLOOD / 2 - 2 * BACKLOG);
    wire_stop(w);
}

/* Out of the blue: each ACK is answered with a reset and costs nothing, each RST is not even answered. */
static void a_million_acks(void **state)
{
    (void)state;
    struct wire *w = &w_;
    flood(w, FLOOD, ACK, 0);
    CHECK_EQ(wire_reason(w, "LISTEN_ACK"), FLOOD);
    CHECK_EQ(wire_reason(w, "LISTEN_COOKIE"), 0);
    CHECK_EQ(wire_reason(w, "REPLIES_FULL"), 0);
    wire_stop(w);
}

static void a_million_rsts(void **state)
{
    (void)state;
    struct wire *w = &w_;
    flood(w, FLOOD, RST, 0);
    CHECK_EQ(wire_reason(w, "LISTEN_RST"), FLOOD);
    CHECK_EQ(wire_counters(w).frames_out, 2 * HONEST); /* the SYN,ACK and an ACK of the text, each of them */
    wire_stop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_syns),
        cmocka_unit_test(as_many_acks_and_rsts),
        cmocka_unit_test(a_million_acks),
        cmocka_unit_test(a_million_rsts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
