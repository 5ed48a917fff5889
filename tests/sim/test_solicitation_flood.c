/* SPDX-License-Identifier: MIT */
/*
 * test_solicitation_flood.c - 1,000,000 messages of neighbour discovery from invented stations, a hundred thousand a
 * second: the pool 'neighbours' keeps to its size, and of honest clients, whom the stack has to find, 100 of
 * 100 connect through it.
 *
 *      flood    questions from invented addresses; advertisements of invented addresses, and of the honest
 *               ones with another station; questions about addresses that are not ours
 *      honest   every 0.1 s one sends its SYN, again after 1, 2, 4 and 8 seconds; answers each question about
 *               its station; acknowledges what answers it; and is sent a byte, for which he has to be found
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/made_frame.h"
#include "support/random.h"

enum { FLOOD = 1000000, EVERY_US = 10, CLIENTS = 100, PORT = 80, NEIGHBOURS = 64, FRAME = 200 };

struct client {
    estab_time next;
    unsigned tries;
    bool done, served;
};

static struct world {
    estab_stack *stack;
    void *room;
    uint64_t random;
    estab_time now;
    struct client client[CLIENTS];
    estab_listener listener;
    uint64_t asked; /* how often the stack has asked for a station */
} w;

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const struct estab_addr us = {{0xfd, 0x11, [15] = 1}};

static struct estab_addr host(uint32_t n)
{
    return (struct estab_addr){{0xfd, 0x11, [12] = (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                                (uint8_t)n}};
}

static struct estab_addr group_of(struct estab_addr a)
{
    return (struct estab_addr){{0xff, 2, [11] = 1, [12] = 0xff, a.b[13], a.b[14], a.b[15]}};
}

static void start(void)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 2 * CLIENTS};
    struct estab_interface i = {.size = sizeof i, .link = ESTAB_LINK_ETHERNET, .mtu = 1500, .address = us,
                                .prefix_length = 64};
    struct estab_config c;
    size_t size;

    w = (struct world){.random = 4861, .now = ESTAB_SECOND};
    estab_config_init(&c);
    c.connections = c.records = 2 * CLIENTS;
    c.chunks = 8192;
    c.receive_reserve = 8192;
    c.neighbours = NEIGHBOURS;
    c.dad_transmits = 0;
    memcpy(i.mac, our_mac, 6);
    size = (estab_stack_size(&c) + 63) / 64 * 64;
    w.room = calloc(1, size + 64);
    assert_non_null(w.room);
    w.stack = estab_stack_init((struct estab_room){(void *)(((uintptr_t)w.room + 63) & ~(uintptr_t)63), size},
                               &c, w.now);
    assert_non_null(w.stack);
    assert_int_equal(estab_interface_add(w.stack, &i), 0);
    assert_int_equal(estab_listen(w.stack, &listen, &w.listener), ESTAB_OK);
    for (unsigned k = 0; k < CLIENTS; k++)
        w.client[k].next = w.now + k * 100 * ESTAB_MS;
}

static void in(uint8_t *bytes, size_t n, bool group)
{
    struct estab_frame f = made_frame(bytes, n, false);

    if (!group)
        memcpy(bytes, our_mac, 6);
    estab_input(w.stack, &f, 1, w.now);
}

/* A message about `target`, with the option that names a station. */
static void message(uint8_t type, struct estab_addr from, struct estab_addr to, struct estab_addr target,
                    uint8_t flags, uint32_t station)
{
    uint8_t bytes[FRAME], body[28] = {flags, [20] = (uint8_t)(type - 134), 1, 2, 0,
                                      (uint8_t)(station >> 24), (uint8_t)(station >> 16), (uint8_t)(station >> 8),
                                      (uint8_t)station};
    size_t n;

    memcpy(body + 4, target.b, 16);
    n = made_icmp6(bytes, from, to, type, 0, body, sizeof body, false);
    made_hops(bytes, 255, false);
    in(bytes, n, to.b[0] == 0xff);
}

static void flood_one(void)
{
    uint64_t r = random_next(&w.random);
    struct estab_addr somebody = host(0x40000000u | (uint32_t)(r >> 34));
    uint32_t station = (uint32_t)r;

    switch (r >> 62) {
    case 0:
    case 1:
        message(135, somebody, group_of(us), us, 0, station);
        return;
    case 2:
        message(135, somebody, group_of(us), somebody, 0, station);
        return;
    default: /* of an honest one every other time, as nobody asked him to */
        message(136, somebody, us, r & 1 ? somebody : host(2 + (uint32_t)(r >> 8) % CLIENTS), 0, station);
    }
}

/* ---- honest clients ------------------------------------------------------------------------------------------- */

static void client_segment(unsigned k, uint8_t flags, uint32_t seq, uint32_t ack)
{
    struct made_tcp m = {.src = {host(2 + k), (uint16_t)(1000 + k)}, .dst = {us, PORT}, .flags = flags,
                         .seq = seq, .ack = ack, .window = 8192};
    uint8_t bytes[FRAME];

    in(bytes, made_tcp(bytes, &m, false), false);
}

static void client_turn(unsigned k)
{
    struct client *c = &w.client[k];

    if (c->done || c->next > w.now)
        return;
    client_segment(k, 2, 500, 0);
    c->next = w.now + (UINT64_C(1) << c->tries++) * ESTAB_SECOND;
}

static void answer_one(const uint8_t *ip)
{
    const uint8_t *p = ip + 40;
    struct estab_addr about;
    unsigned k;

    memcpy(about.b, p + 8, 16);
    k = about.b[15] - 2u;
    if (ip[6] == 58 && p[0] == 135 && ip[8] != 0) {
        w.asked++;
        if (memcmp(about.b + 8, "\0\0\0\0\0\0\0", 7) == 0 && k < CLIENTS)
            message(136, about, us, about, 0x60, 2 + k);
        return;
    }
    k = (unsigned)(p[2] << 8 | p[3]) - 1000;
    if (ip[6] == 6 && k < CLIENTS && p[13] == 0x18) {
        w.client[k].served = true;
        client_segment(k, 16, 501, 1 + ((uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7]));
    }
    if (ip[6] == 6 && k < CLIENTS && p[13] == 0x12) {
        w.client[k].done = true;
        client_segment(k, 16, 501, 1 + ((uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7]));
    }
}

/* Each connection is sent a byte. */
static unsigned serve(void)
{
    unsigned accepted = 0;
    estab_conn conn;
    size_t taken;

    for (; estab_accept(w.stack, w.listener, &conn) == ESTAB_OK; accepted++)
        assert_int_equal(estab_send(w.stack, conn, "x", 1, ESTAB_PUSH, &taken, w.now), ESTAB_OK);
    return accepted;
}

/* What the stack has sent. */
static void answer(void)
{
    struct estab_frame f;

    while (estab_output(w.stack, &f, 1, w.now) == 1) {
        uint8_t ip[ESTAB_HEAD_MAX];

        memcpy(ip, f.head + 14, f.head_length - 14u);
        estab_output_done(w.stack, &f, 1);
        answer_one(ip);
    }
}

static void a_million_of_them(void **state)
{
    struct estab_counters c = {.size = sizeof c};
    unsigned connected = 0, tries = 0;
    (void)state;
    start();
    for (uint32_t i = 0; i < 2 * FLOOD; i++) { /* and ten seconds of peace */
        bool look = i % 20 == 0;

        if (i >= FLOOD && !look)
            continue;
        w.now = ESTAB_SECOND + (estab_time)i * EVERY_US * ESTAB_US;
        if (i < FLOOD)
            flood_one();
        for (unsigned k = 0; i % 100 == 0 && k < CLIENTS; k++)
            client_turn(k);
        if (!look)
            continue;
        if (estab_deadline(w.stack) <= w.now)
            estab_expire(w.stack, w.now);
        answer();
        connected += serve();
        estab_counters(w.stack, &c);
        assert_true(c.chunks_used <= CLIENTS);
    }
    assert_int_equal(connected, CLIENTS);
    for (unsigned k = 0; k < CLIENTS; k++) {
        tries += w.client[k].tries;
        assert_true(w.client[k].served);
    }
    assert_int_equal(tries, CLIENTS); /* each at the first */
    assert_int_equal(c.chunks_used, 0);
    assert_true(estab_reason_count(w.stack, REASON_NDP_UNASKED) > FLOOD / 10);
    assert_true(w.asked < FLOOD / 100); /* strangers do not make us ask */
    free(w.room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_of_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
