/* SPDX-License-Identifier: MIT */
/*
 * test_isn.c - initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1: MUST-8, MUST-9, SHLD-1),
 * timestamp offsets and ports: the clock in them, and simple statistics over 10^5.
 */
#include "support/wire.h"
#include "tcp/tcp.h"

#include "stack/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 100000

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

/* M: one step in four microseconds, for one socket pair. MUST-8. */
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

/* MUST-9, SHLD-1. */
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

static int order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/*
 * 10^5 numbers as random ones have it: each bit half the time (5 sigma of n/2 are 790), bytes evenly
 * (chi-squared of 255 degrees of freedom is under 350 in all but 1 of 10^4 cases), about one pair
 * alike (n^2 / 2^33 = 1.2), no step between neighbours more than once or twice.
 */
static void look_random(uint32_t *v, const char *what)
{
    static uint32_t steps[MANY];
    unsigned bits[32] = {0}, alike = 0, steps_alike = 0;

    for (int byte = 0; byte < 4; byte++) {
        unsigned count[256] = {0};
        double chi = 0, mean = MANY / 256.0;

        for (int i = 0; i < MANY; i++)
            count[v[i] >> 8 * byte & 255]++;
        for (int i = 0; i < 256; i++)
            chi += (count[i] - mean) * (count[i] - mean) / mean;
        if (chi > 350 || chi < 170)
            fail_msg("%s: byte %d has a chi-squared of %f", what, byte, chi);
    }
    for (int i = 0; i < MANY; i++) {
        for (int k = 0; k < 32; k++)
            bits[k] += v[i] >> k & 1;
        steps[i] = v[i] - v[i ? i - 1 : MANY - 1];
    }
    for (int k = 0; k < 32; k++)
        if (bits[k] < MANY / 2 - 790 || bits[k] > MANY / 2 + 790)
            fail_msg("%s: bit %d is set %u times", what, k, bits[k]);
    qsort(v, MANY, sizeof *v, order);
    qsort(steps, MANY, sizeof *steps, order);
    for (int i = 1; i < MANY; i++) {
        alike += v[i] == v[i - 1];
        steps_alike += steps[i] == steps[i - 1];
    }
    if (alike > 10 || steps_alike > 10)
        fail_msg("%s: %u alike, %u steps alike", what, alike, steps_alike);
}

static uint32_t numbers[MANY];

static void other_ports_other_numbers(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(1 + (i >> 14), 80, 49152 + (i & 16383));
        numbers[i] = isn_new(t, &pair, i * 10 * US);
    }
    look_random(numbers, "ports in a row");
    wire_stop(&w);
}

/* SHLD-1. */
static void other_hosts_other_numbers(void **state)
{
    (void)state;
    struct tcp *t = start("0123456789abcdef");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(i, 80, 443);
        numbers[i] = isn_new(t, &pair, 0);
    }
    look_random(numbers, "hosts in a row");
    for (unsigned i = 0; i < MANY; i++) {
        struct tcp_pair pair = pair_of(i, 80, 443);
        numbers[i] = isn_timestamp_offset(t, &pair);
    }
    look_random(numbers, "timestamp offsets");
    wire_stop(&w);
}

/* The same pair, again and again: in order, so that old segments are told from new (section 3.4.1). */
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

/* RFC 6056: from 49152 on, all of them, starting where a stranger cannot guess; none twice. */
static void ports_are_used_up_one_by_one(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct tcp *t = start("0123456789abcdef");
    struct tcp_pair pair = pair_of(2, 80, 0), other = pair_of(3, 80, 0);
    uint32_t first = isn_port(t, &pair), near = 0;
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 16384; i++) {
        uint16_t port = isn_port(t, &pair);
        assert_true(port >= 49152);
        assert_false(seen[port]);
        seen[port] = 1;
    }
    for (unsigned i = 0; i < 100; i++) {
        other.rport = (uint16_t)(80 + i);
        near += isn_port(t, &other) - first + 100 < 200;
    }
    assert_true(near < 20);
    wire_stop(&w);
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
        assert_true(st[i].local.port >= 49152);
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
        cmocka_unit_test(one_pair_in_order),
        cmocka_unit_test(ports_are_used_up_one_by_one),
        cmocka_unit_test(a_port_in_use_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
