/* SPDX-License-Identifier: MIT */
/*
 * test_fragment_flood.c - 1,000,000 parts of datagrams that never become whole, a hundred thousand a second,
 * over IPv4 and over IPv6: memory stays at its budget, and of honest clients 100 of 100 connect through
 * it, though their SYNs themselves come in parts.
 *
 *      flood   from one source; from one IPv6 network; from invented sources
 *      honest  every 0.1 s a client sends its SYN in two parts, 5 ms apart, and again after 1, 2, 4 and 8
 *              seconds, as TCPs do; and acknowledges what answers it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/random.h"

enum { FLOOD = 1000000, EVERY_US = 10, CLIENTS = 100, PORT = 80, FRAGMENTS = 256, BETWEEN_MS = 5 };

struct client {
    estab_time next; /* its SYN; then, if `half`, the other half of it */
    unsigned tries;
    bool half, done;
};

static struct world {
    estab_stack *stack;
    void *room;
    bool six;
    uint64_t random;
    uint32_t id;
    unsigned spread; /* bytes of the source that are invented */
    estab_time now;
    struct client client[CLIENTS];
    unsigned connected;
    estab_listener listener;
} w;

static struct estab_addr address(uint32_t host)
{
    struct estab_addr six = {{0xfd, 0x11, [6] = (uint8_t)(host >> 8), (uint8_t)host, /* a network each */
                              [13] = (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host}};

    return w.six ? six : estab_ipv4(10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host);
}

static void start(bool six, unsigned spread)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 2 * CLIENTS};
    struct estab_interface i = {.size = sizeof i, .link = ESTAB_LINK_IP, .mtu = 1500};
    struct estab_config c;
    size_t size;

    w = (struct world){.six = six, .spread = spread, .random = 7112, .now = ESTAB_SECOND};
    estab_config_init(&c);
    c.connections = c.records = 2 * CLIENTS;
    c.chunks = 8192;
    c.receive_reserve = 8192;
    c.fragments = FRAGMENTS;
    memset(c.hash_key, 3, sizeof c.hash_key);
    i.address = address(1);
    i.prefix_length = six ? 32 : 8;
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

static void in(uint8_t *bytes, size_t n)
{
    struct estab_frame f = made_frame(bytes, n, true);

    estab_input(w.stack, &f, 1, w.now);
}

/* Some part of some datagram. */
static void flood_one(void)
{
    static uint8_t packet[400], bytes[400], payload[256] = {4, 5, 0, 9};
    struct estab_addr src = address(0x300000);
    uint64_t r = random_next(&w.random);
    uint32_t from = r >> 60 & 1 ? 0 : 8 * (1 + (uint32_t)(r >> 32) % 150);

    for (unsigned i = 0; i < w.spread; i++) /* the last bytes */
        src.b[15 - i] = (uint8_t)(r >> 8 * (i % 8));
    if (w.spread > 8) {
        src.b[2] = (uint8_t)(r >> 40);
        src.b[3] = (uint8_t)(r >> 48);
        src.b[5] = (uint8_t)r;
    }
    (void)made_ip(packet, src, address(1), 17, payload, sizeof payload, true);
    made_hops(packet, 64, true);
    size_t n = made_part(bytes, packet, &(struct made_part){0, 64, w.id++, true});
    if (w.six) {
        bytes[42] = (uint8_t)(from >> 8);
        bytes[43] = (uint8_t)(from | 1);
    } else {
        bytes[6] = (uint8_t)(0x20 | from >> 11);
        bytes[7] = (uint8_t)(from >> 3);
        made_hops(bytes, 64, true);
    }
    in(bytes, n);
}

/* ---- honest clients ------------------------------------------------------------------------------------------- */

static void client_segment(unsigned k, uint8_t flags, uint32_t seq, uint32_t ack, uint8_t packet[200])
{
    struct made_tcp m = {.src = {address(0x400000 + k * 0x101), (uint16_t)(1000 + k)}, .dst = {address(1), PORT},
                         .flags = flags, .seq = seq, .ack = ack, .window = 8192,
                         .options = "\2\4\5\xb4\1\1\4\2\1\1\1\1", .options_length = 12};

    (void)made_tcp(packet, &m, true);
}

static void client_turn(unsigned k)
{
    struct client *c = &w.client[k];
    uint8_t packet[200], bytes[200];
    struct made_part part = {0, 24, 0x1000 + k + c->tries * 0x100, true};

    if (c->done || c->next > w.now)
        return;
    client_segment(k, 2, 500, 0, packet);
    if (c->half)
        part = (struct made_part){24, 32, part.id, false};
    in(bytes, made_part(bytes, packet, &part));
    c->half = !c->half;
    c->next = w.now + BETWEEN_MS * ESTAB_MS;
    if (!c->half)
        c->next = w.now + (UINT64_C(1) << c->tries++) * ESTAB_SECOND;
}

/* What the stack has sent: a client that is answered acknowledges. */
static void answer(void)
{
    struct estab_frame f;

    while (estab_output(w.stack, &f, 1, w.now) == 1) {
        const uint8_t *tcp = f.head + (w.six ? 40 : 20);
        unsigned k = (unsigned)(tcp[2] << 8 | tcp[3]) - 1000;
        uint8_t packet[200];

        if (f.head[w.six ? 6 : 9] == 6 && k < CLIENTS && tcp[13] == 0x12) {
            uint32_t seq = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 | (uint32_t)tcp[6] << 8 | tcp[7];

            w.client[k].done = true;
            client_segment(k, 16, 501, seq + 1, packet);
            estab_output_done(w.stack, &f, 1);
            in(packet, (w.six ? 40u : 20u) + 32);
            continue;
        }
        estab_output_done(w.stack, &f, 1);
    }
}

static uint32_t take_connections(void)
{
    estab_conn conn;

    while (estab_accept(w.stack, w.listener, &conn) == ESTAB_OK)
        w.connected++;
    return w.connected;
}

/* The whole of it; how many tries the clients needed. */
static unsigned run(bool six, unsigned spread)
{
    struct estab_counters c = {.size = sizeof c};
    unsigned tries = 0;

    start(six, spread);
    for (uint32_t i = 0; i < FLOOD + 20 * FLOOD / 10; i++) { /* and twenty seconds of peace */
        bool look = i % 100 == 0;

        if (i >= FLOOD && !look)
            continue;
        w.now = ESTAB_SECOND + (estab_time)i * EVERY_US * ESTAB_US;
        if (i < FLOOD)
            flood_one();
        for (unsigned k = 0; look && k < CLIENTS; k++)
            client_turn(k);
        if (look) {
            estab_expire(w.stack, w.now);
            answer();
            estab_counters(w.stack, &c);
            assert_true(c.fragments <= FRAGMENTS && c.chunks_used == 0);
        }
    }
    assert_int_equal(take_connections(), CLIENTS);
    for (unsigned k = 0; k < CLIENTS; k++)
        tries += w.client[k].tries;
    assert_true(c.fragments_in > FLOOD / 2);
    w.now += 120 * ESTAB_SECOND;
    estab_expire(w.stack, w.now);
    estab_counters(w.stack, &c);
    assert_int_equal(c.fragments, 0);
    free(w.room);
    return tries;
}

/* Who floods from one place pushes out himself: honest clients are answered at their first try, but for
 * the one of 32 that shares its account. */
static void from_one_source(void **state)
{
    (void)state;
    assert_in_range(run(false, 0), CLIENTS, CLIENTS + CLIENTS / 4);
    assert_in_range(run(true, 0), CLIENTS, CLIENTS + CLIENTS / 4);
}

static void from_one_network(void **state)
{
    (void)state;
    assert_in_range(run(true, 8), CLIENTS, CLIENTS + CLIENTS / 4);
}

/* From invented sources parts last 2.5 ms, and an honest one has to try until the flood is over. */
static void from_everywhere(void **state)
{
    (void)state;
    assert_in_range(run(false, 3), CLIENTS, 5 * CLIENTS);
    assert_in_range(run(true, 9), CLIENTS, 5 * CLIENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_one_source),
        cmocka_unit_test(from_one_network),
        cmocka_unit_test(from_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
