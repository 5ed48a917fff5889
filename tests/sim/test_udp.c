/* SPDX-License-Identifier: MIT */
/*
 * test_udp.c - two stacks exchange datagrams in virtual time: whole, or not at all; equal seeds make equal
 * runs; a port that nobody has is told of.
 *
 * A datagram is its number and bytes that follow from it.  The server sends back what it gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "base/trace.h"
#include "sim/link_config.h"
#include "sim/sim.h"

enum { CLIENT, SERVER, PORT = 7, COUNT = 500, MOST = 1472 };

struct talk {
    estab_udp client, server;
    unsigned sent, served, answered, damaged, twice, refused;
    uint8_t seen[COUNT];
};

static size_t text_of(uint32_t number, uint8_t text[MOST])
{
    size_t n = 4 + number * 37 % (MOST - 3);

    for (size_t i = 0; i < n; i++)
        text[i] = (uint8_t)(i < 4 ? number >> 8 * i : number * 13 + i * 7 + i / 256);
    return n;
}

/* Takes all that waits; *got: what one of them was. */
static bool receive(struct sim *sim, int stack, estab_udp udp, uint8_t text[MOST],
                    struct estab_udp_received *got)
{
    return estab_udp_receive(sim_stack(sim, stack), udp, text, MOST, 0, got) == ESTAB_OK;
}

static void send_from(struct sim *sim, const struct talk *t, int stack, const struct estab_endpoint *to,
                      const uint8_t *text, size_t n)
{
    assert_int_equal(estab_udp_send(sim_stack(sim, stack), stack == CLIENT ? t->client : t->server, to,
                                    text, n, sim_now(sim)),
                     ESTAB_OK);
}

static void serve(struct sim *sim, struct talk *t)
{
    struct estab_udp_received got;
    uint8_t text[MOST];

    while (receive(sim, SERVER, t->server, text, &got)) {
        t->served++;
        send_from(sim, t, SERVER, &got.remote, text, got.length);
    }
}

static void take_answers(struct sim *sim, struct talk *t)
{
    uint8_t text[MOST], expected[MOST];
    struct estab_udp_received got;

    while (receive(sim, CLIENT, t->client, text, &got)) {
        uint32_t number = (uint32_t)text[0] | (uint32_t)text[1] << 8;

        t->answered++;
        if (number >= COUNT || got.length != text_of(number, expected) ||
            memcmp(text, expected, got.length) != 0)
            t->damaged++;
        else
            t->twice += t->seen[number]++ > 0;
    }
}

static void event(void *arg, struct sim *sim, int stack, const struct estab_event *e)
{
    struct talk *t = sim_user(sim);

    (void)arg;
    if (e->bits & ESTAB_EVENT_SOFT_ERROR)
        t->refused += e->error == ESTAB_REFUSED;
    if (stack == SERVER)
        serve(sim, t);
    else
        take_answers(sim, t);
}

static void send_one(struct sim *sim, void *arg)
{
    struct talk *t = sim_user(sim);
    uint8_t text[MOST];
    size_t n = text_of(t->sent, text);

    (void)arg;
    send_from(sim, t, CLIENT, NULL, text, n);
    if (++t->sent < COUNT)
        sim_at(sim, sim_now(sim) + 3 * ESTAB_MS, send_one, NULL);
}

static struct sim *talk_new(struct talk *t, uint64_t seed, const char *words, bool served)
{
    struct estab_udp_open open = {.size = sizeof open, .remote = {estab_ipv4(10, 0, 0, 2), PORT}};
    struct sim_observer observer = {.event = event};
    struct sim *sim = sim_new(seed);
    struct link_config link = {0};
    struct sim_end a, b;
    char why[LINK_ERROR_MAX];
    struct estab_config config;

    *t = (struct talk){0};
    assert_non_null(sim);
    assert_true(link_config_parse(&link, words, why));
    estab_config_init(&config);
    assert_int_equal(sim_stack_add(sim, "client", &config), CLIENT);
    assert_int_equal(sim_stack_add(sim, "server", &config), SERVER);
    a = sim_end_at(CLIENT, estab_ipv4(10, 0, 0, 1));
    b = sim_end_at(SERVER, estab_ipv4(10, 0, 0, 2));
    /* No stations: what is damaged in ARP, which has no checksum, would teach a wrong address. */
    a.interface.link = b.interface.link = ESTAB_LINK_IP;
    assert_int_equal(sim_join(sim, &a, &b, &link, &link), 0);
    assert_true(sim_observe(sim, &observer));
    sim_set_user(sim, t);
    assert_int_equal(estab_udp_open(sim_stack(sim, CLIENT), &open, &t->client), ESTAB_OK);
    open = (struct estab_udp_open){.size = sizeof open, .local.port = PORT};
    if (served)
        assert_int_equal(estab_udp_open(sim_stack(sim, SERVER), &open, &t->server), ESTAB_OK);
    sim_at(sim, 0, send_one, NULL);
    return sim;
}

static uint64_t talk(struct talk *t, uint64_t seed, const char *words)
{
    struct sim *sim = talk_new(t, seed, words, true);
    uint64_t digest;

    assert_int_equal(sim_run(sim, 3600 * ESTAB_SECOND), SIM_IDLE);
    for (int i = CLIENT; i <= SERVER; i++) {
        struct estab_counters c = {.size = sizeof c};

        estab_counters(sim_stack(sim, i), &c);
        assert_int_equal(c.chunks_used, 0);
        assert_int_equal(c.datagrams, 0);
    }
    digest = sim_digest(sim);
    sim_free(sim);
    return digest;
}

static void a_perfect_link_carries_all(void **state)
{
    struct talk t;

    (void)state;
    (void)talk(&t, 1, "delay 20ms");
    assert_int_equal(t.served, COUNT);
    assert_int_equal(t.answered, COUNT);
    assert_int_equal(t.damaged + t.twice, 0);
}

/* What is damaged on the way is dropped by its checksum, and never given to a user. */
static void nothing_damaged_is_received(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct talk t;

        (void)talk(&t, seed, "delay 20ms jitter 5ms loss 5% duplicate 3% reorder 5% 10ms corrupt 10%");
        assert_int_equal(t.damaged, 0);
        assert_true(t.answered > COUNT / 2 && t.answered < COUNT);
        assert_true(t.twice > 0); /* the link doubles some, and UDP does not mind */
    }
}

static void the_same_seed_is_the_same_run(void **state)
{
    struct talk t;
    uint64_t digest = talk(&t, 7, "delay 20ms loss 2%");

    (void)state;
    assert_true(digest == talk(&t, 7, "delay 20ms loss 2%"));
    assert_true(digest != talk(&t, 8, "delay 20ms loss 2%"));
}

/* RFC 1122 section 4.1.3.1 and 4.1.3.3; a hundred answers a second and no more. */
static void a_closed_port_is_told_of(void **state)
{
    struct talk t;
    struct sim *sim = talk_new(&t, 1, "delay 20ms", false);

    (void)state;
    assert_int_equal(sim_run(sim, 3600 * ESTAB_SECOND), SIM_IDLE);
    assert_int_equal(t.sent, COUNT);
    assert_true(t.refused >= 150 && t.refused <= 300); /* 500 in 1.5 seconds */
    assert_int_equal(estab_reason_count(sim_stack(sim, SERVER), REASON_UDP_NO_PORT), COUNT);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_link_carries_all),
        cmocka_unit_test(nothing_damaged_is_received),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(a_closed_port_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
