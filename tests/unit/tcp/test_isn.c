/* SPDX-License-Identifier: MIT */
/*
 * test_isn.c - initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1: MUST-8, MUST-9, SHLD-1),
 * timestamp offsets, ports and identifications: the clock in them, and over 10^5 of each the statistics that
 * have broken others (support/look_random.h), which first have to find what was broken.
 */
#include "support/look_random.h"
#include "support/made_frame.h"
#include "support/random.h"
#include "support/wire.h"
#include "tcp/tcp.h"

#include "stack/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY LOOK_MANY

static struct wire w;

static struct tcp *start(const char *key)
{
    struct estab_config c = wire_config();

    memset(&w, 0, sizeof w);
    memcpy(c.isn_key, key, 16);
    wire_start(&w, &c);
    return stack_tcp(w.stack);
}

static struct tcp_pair pair_of(unsigned host, unsigned rport, unsigned lport)
{
    return (struct tcp_pair){.remote = estab_ipv4(10, (uint8_t)(host >> 16), (uint8_t)(host >> 8),
                                                  (uint8_t)host),
                             .rport = (uint16_t)rport,
                             .lport = (uint16_t)lport};
}

/* M: one step in four microseconds, for one socket pair. MUST-8. R6528-2. */
static void the_clock_counts_four_microseconds(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    struct tcp_pair pair = pair_of(2, 80, 4000);
    uint32_t zero = isn_new(t, &pair, 0);
    for (estab_time us = 0; us < 1000; us++)
        assert_int_equal(isn_new(t, &pair, us * US) - zero, us / 4);
    assert_int_equal(isn_new(t, &pair, 3600 * S) - zero, 900000000);
    /* "cycles approximately every 4.55 hours": 2^32 steps of 4 us */
    assert_int_equal(isn_new(t, &pair, (UINT64_C(1) << 34) * US), zero);
    wire_stop(&w);
}

/* MUST-9, SHLD-1. R6528-1, R6528-3. */
static void each_part_of_the_pair_and_the_key_count(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    struct tcp_pair pair = pair_of(2, 80, 4000), other[3] = {pair, pair, pair};
    uint32_t isn = isn_new(t, &pair, 0);
    other[0].remote.b[15]++;
    other[1].rport++;
    other[2].lport++;
    for (int i = 0; i < 3; i++) {
        uint32_t distance = isn_new(t, &other[i], 0) - isn;

        assert_true(distance > 1000000 && distance < UINT32_MAX - 1000000);
        assert_int_not_equal(isn_timestamp_offset(t, &other[i]), isn_timestamp_offset(t, &pair));
    }
    assert_int_not_equal(isn_timestamp_offset(t, &pair), isn); /* other purposes, other values */
    wire_stop(&w);
    t = start("0123456789abcdeg");
    assert_int_not_equal(isn_new(t, &pair, 0), isn);
    wire_stop(&w);
}

static void looks_random(const uint32_t *v, unsigned bits, const char *what)
{
    const char *wrong = look_random(v, bits);

    if (wrong)
        fail_msg("%s: %s", what, wrong);
}

static uint32_t numbers[MANY];

/* R6528-1. BAD-5. */
static void other_ports_other_numbers(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(1 + (i >> 14), 80, 49152 + (i & 16383));
        numbers[i] = isn_new(t, &pair, i * 10 * US);
    }
    looks_random(numbers, 32, "ports in a row");
    wire_stop(&w);
}

/* SHLD-1. R6528-1, R6528-3. BAD-5. */
static void other_hosts_other_numbers(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(i, 80, 443);
        numbers[i] = isn_new(t, &pair, 0);
    }
    looks_random(numbers, 32, "hosts in a row");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(i, 80, 443);
        numbers[i] = isn_timestamp_offset(t, &pair);
    }
    looks_random(numbers, 32, "timestamp offsets");
    wire_stop(&w);
}

/* What protocols above take for their identifications: 16 bits of each, and 32. */
static void what_is_drawn(void **state)
{
    (void)state;
    (void)start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++)
        numbers[i] = (uint16_t)estab_unpredictable(w.stack);
    looks_random(numbers, 16, "identifications of DNS");
    for (unsigned i = 0; i < MANY; i++)
        numbers[i] = (uint32_t)(estab_unpredictable(w.stack) >> 32);
    looks_random(numbers, 32, "the upper half");
    wire_stop(&w);
}

/* The same pair, again and again: in order, so that old segments are told from new (section 3.4.1). R6528-2.
 * BAD-5. */
static void one_pair_in_order(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    struct tcp_pair pair = pair_of(2, 80, 4000);
    uint32_t last = isn_new(t, &pair, 0);
    for (unsigned i = 1; i < MANY; i++) {
        uint32_t isn = isn_new(t, &pair, i * MS);
        assert_int_equal(isn - last, 250);
        last = isn;
    }
    wire_stop(&w);
}

/* RFC 6056: from 32768 on, all of them, in an order that a stranger cannot guess; none twice. */
static void ports_are_used_up_one_by_one(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct tcp *t = start("0123456789abcdef");
    struct tcp_pair pair = pair_of(2, 80, 0);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 32768; i++) {
        uint16_t port = isn_port(t, &pair);
        assert_true(port >= 32768);
        assert_false(seen[port]);
        seen[port] = 1;
    }
    wire_stop(&w);
}

/* To one server, and to as many as there are; each by itself, as its own stranger sees them. BAD-5. */
static void ports_in_a_row(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(2, 80, 0);
        numbers[i] = isn_port(t, &pair) & 32767u;
    }
    looks_random(numbers, 15, "ports to one server");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(i, 443, 0);
        numbers[i] = isn_port(t, &pair) & 32767u;
    }
    looks_random(numbers, 15, "ports to many servers");
    for (unsigned i = 0; i < MANY; i++) { /* its own, and another's in between */
        struct tcp_pair pair = pair_of(2, 80, 0), other = pair_of(3, 80, 0);
        numbers[i] = (uint32_t)(isn_port(t, &pair) - isn_port(t, &other)) & 32767u;
    }
    looks_random(numbers, 15, "from one server's port to another's");
    wire_stop(&w);
}

/* A segment of the peer, and the header of what answers it. */
static const uint8_t *answer_to(const struct made_tcp *m, estab_time now)
{
    static uint8_t header[40];
    struct estab_frame frame[1];
    uint8_t bytes[64];
    struct estab_frame f = made_frame(bytes, made_tcp(bytes, m, true), true);

    estab_input(w.stack, &f, 1, now);
    if (estab_output(w.stack, frame, 1, now) == 0)
        return NULL;
    memcpy(header, frame[0].head, sizeof header);
    estab_output_done(w.stack, frame, 1);
    return header;
}

/* With a way to everybody. */
static void start_wide(void)
{
    (void)start("0123456789abcdef");
    assert_int_equal(estab_route_add(w.stack, estab_ipv4(0, 0, 0, 0), 0, (struct estab_addr){{0}}, 0), ESTAB_OK);
}

static void identifications_to(bool many, const char *what)
{
    start_wide();
    for (unsigned i = 0; i < MANY; i++) {
        struct made_tcp m = {.src = {many ? pair_of(65536 + i, 0, 0).remote : WIRE_PEER, 5000},
                             .dst = {WIRE_OWN, 99},
                             .flags = 2,
                             .text = ""};
        const uint8_t *header = answer_to(&m, WIRE_START); /* a SYN to nobody is answered */

        assert_non_null(header);
        numbers[i] = (uint32_t)header[4] << 8 | header[5];
    }
    looks_random(numbers, 16, what);
    wire_stop(&w);
}

/* Of packets, as they leave. BAD-5. */
static void identifications(void **state)
{
    (void)state;
    identifications_to(false, "identifications to one host");
    identifications_to(true, "identifications to many hosts");
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of SYN,ACKs, as they leave: the peer's RST then makes room for the next. */
static void syn_acks_to(bool many, estab_time apart)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = WIRE_PORT, .backlog = 4};

    start_wide();
    assert_int_equal(estab_listen(w.stack, &listen, &w.listener), ESTAB_OK);
    for (unsigned i = 0; i < MANY; i++) {
        struct made_tcp m = {.src = {many ? pair_of(65536 + i, 0, 0).remote : WIRE_PEER, 5000},
                             .dst = {WIRE_OWN, WIRE_PORT},
                             .seq = 1000,
                             .flags = SYN,
                             .text = ""};
        const uint8_t *header = answer_to(&m, WIRE_START + i * apart);

        assert_non_null(header);
        assert_int_equal(header[33], SYN | ACK);
        numbers[i] = be32(header + 24);
        m.flags = RST;
        m.seq = 1001;
        assert_null(answer_to(&m, WIRE_START + i * apart));
    }
    wire_stop(&w);
}

/* To many hosts they look random, and to one they go on by the clock: a step in 4 microseconds. BAD-5, R6528-1,
 * R6528-2. */
static void numbers_as_they_leave(void **state)
{
    (void)state;
    syn_acks_to(true, 0);
    looks_random(numbers, 32, "SYN,ACKs to many hosts");
    syn_acks_to(false, 1 * MS);
    for (unsigned i = 1; i < MANY; i++)
        assert_int_equal(numbers[i] - numbers[i - 1], 250);
}

/* What cookies have for ISNs (cookie.c): of many peers, and of one that asks again and again. R6528-3. BAD-5. */
static void cookies(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    struct tcp_listener *l = listener_new(t);
    l->backlog = 1;
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_record r = {.head = {.remote = pair_of(i, 0, 0).remote, .lport = 80}, .mss = 1460};
        assert_int_equal(cookie_send(t, l, &r, NULL, WIRE_START + i * US), REASON_LISTEN_COOKIE);
        t->reply_count = 0;
        numbers[i] = r.snd;
    }
    looks_random(numbers, 32, "cookies of many peers");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_record r = {.head = {.rport = 5000, .lport = 80}, .mss = 1460, .rcv = i};
        assert_int_equal(cookie_send(t, l, &r, NULL, WIRE_START), REASON_LISTEN_COOKIE);
        t->reply_count = 0;
        numbers[i] = r.snd;
    }
    looks_random(numbers, 32, "cookies of one peer");
    listener_free(t, l);
    wire_stop(&w);
}

/* ---- the tests are tests: what others have had is found ------------------------------------------------ */

enum broken { COUNTER, CLOCK, SMALL_STEPS, LCG, LOW_BITS, ONE_KEY, BIASED, ALTERNATING, BROKEN };

static uint32_t broken_next(enum broken kind, unsigned bits, uint32_t i, uint32_t before, uint64_t *random)
{
    switch (kind) {
    case COUNTER:
        return before + 64000; /* 4.2BSD */
    case CLOCK:
        return i * 250 + (uint32_t)(random_next(random) % 100); /* milliseconds of a busy host */
    case SMALL_STEPS:
        return before + (uint32_t)(random_next(random) & ((1u << bits / 2) - 1)); /* random positive increments */
    case LCG:
        return before * 1103515245 + 12345;
    case LOW_BITS:
        return (uint32_t)random_next(random) << 4; /* a seed of too few bits */
    case ONE_KEY:
        return (uint32_t)random_next(random) % 5000 * 0x9e3779b9; /* few values */
    case BIASED:
        return (uint32_t)(random_next(random) | (random_next(random) & random_next(random) & 256));
    default:
        return (uint32_t)random_next(random) >> 1 | (i & 1) << 31; /* halves, in turn */
    }
}

/* BAD-5. */
static void what_others_had_is_found(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned kind = 0; kind < BROKEN; kind++) {
        uint32_t v = 7;
        for (unsigned i = 0; i < MANY; i++)
            numbers[i] = v = broken_next((enum broken)kind, 32, i, v, &random);
        if (!look_random(numbers, 32))
            fail_msg("kind %u looks random", kind);
        for (unsigned bits = 15; bits <= 16; bits++) { /* as ports and identifications */
            v = 7;
            for (unsigned i = 0; i < MANY; i++) {
                v = broken_next((enum broken)kind, bits, i, v, &random);
                numbers[i] = (kind == ALTERNATING ? v >> (32 - bits) : v) & ((1u << bits) - 1);
            }
            if (!look_random(numbers, bits))
                fail_msg("kind %u looks random in %u bits", kind, bits);
        }
    }
    for (unsigned i = 0; i < MANY; i++)
        numbers[i] = (uint32_t)random_next(&random);
    looks_random(numbers, 32, "splitmix64");
}

static void a_port_in_use_is_passed_over(void **state)
{
    (void)state;
    struct estab_open open = {.size = sizeof open, .remote = {WIRE_PEER, 80}};
    struct estab_status st[16];
    (void)start("0123456789abcdef");
    for (int i = 0; i < 16; i++) {
        assert_int_equal(estab_open(w.stack, &open, &w.conn, WIRE_START), ESTAB_OK);
        st[i] = wire_status(&w, w.conn);
        assert_true(st[i].local.port >= 32768);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(st[k].local.port, st[i].local.port);
    }
    wire_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_counts_four_microseconds),
        cmocka_unit_test(each_part_of_the_pair_and_the_key_count),
        cmocka_unit_test(other_ports_other_numbers),
        cmocka_unit_test(other_hosts_other_numbers),
        cmocka_unit_test(what_is_drawn),
        cmocka_unit_test(one_pair_in_order),
        cmocka_unit_test(ports_are_used_up_one_by_one),
        cmocka_unit_test(ports_in_a_row),
        cmocka_unit_test(identifications),
        cmocka_unit_test(numbers_as_they_leave),
        cmocka_unit_test(cookies),
        cmocka_unit_test(what_others_had_is_found),
        cmocka_unit_test(a_port_in_use_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
