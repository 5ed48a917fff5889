/* SPDX-License-Identifier: MIT */
/* test_route.c - which way a packet goes, and which packets are ours (RFC 1122 sections 3.3.1,
 * 3.2.1.3). */
#include "ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip ip;

#define A(a, b, c, d) estab_ipv4(a, b, c, d)

static bool add(struct estab_addr prefix, unsigned length, struct estab_addr gateway, unsigned i)
{
    return ip_route_add(&ip, &(struct ip_route){.prefix = prefix,
                                                .gateway = gateway,
                                                .prefix_length = (uint8_t)length,
                                                .interface = (uint8_t)i});
}

/* 10.0.0.1/24 and 192.168.7.1/30. */
static void init(void)
{
    memset(&ip, 0, sizeof ip);
    ip.interface_count = 2;
    ip.interfaces[0].address = A(10, 0, 0, 1);
    ip.interfaces[0].prefix_length = 24;
    ip.interfaces[1].address = A(192, 168, 7, 1);
    ip.interfaces[1].prefix_length = 30;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(ip_address_new(&ip, i, &ip.interfaces[i].address,
                                        ip.interfaces[i].prefix_length),
                         i);
    assert_true(add(A(10, 0, 0, 1), 24, A(0, 0, 0, 0), 0));
    assert_true(add(A(192, 168, 7, 1), 30, A(0, 0, 0, 0), 1));
}

static void expect(struct estab_addr dst, struct estab_addr hop, unsigned interface)
{
    struct ip_path path = ip_path_to(&ip, &dst, -1);

    assert_true(path.found);
    assert_int_equal(path.interface, interface);
    assert_memory_equal(&path.next_hop, &hop, sizeof hop);
}

static void neighbours_are_their_own_next_hop(void **state)
{
    (void)state;
    init();
    expect(A(10, 0, 0, 9), A(10, 0, 0, 9), 0);
    expect(A(192, 168, 7, 2), A(192, 168, 7, 2), 1);
    struct estab_addr far = A(8, 8, 8, 8);
    assert_false(ip_path_to(&ip, &far, -1).found);
}

static void our_own_addresses_loop_back(void **state)
{
    (void)state;
    init();
    assert_true(add(A(0, 0, 0, 0), 0, A(10, 0, 0, 254), 0));
    expect(A(10, 0, 0, 1), A(10, 0, 0, 1), IP_LOOPBACK);
    expect(A(192, 168, 7, 1), A(192, 168, 7, 1), IP_LOOPBACK);
}

static void the_longest_prefix_wins_then_the_first(void **state)
{
    (void)state;
    init();
    assert_true(add(A(0, 0, 0, 0), 0, A(10, 0, 0, 254), 0));
    assert_true(add(A(172, 16, 0, 0), 12, A(192, 168, 7, 2), 1));
    assert_true(add(A(172, 16, 5, 0), 24, A(10, 0, 0, 253), 0));
    assert_true(add(A(172, 16, 5, 0), 24, A(10, 0, 0, 252), 0));
    expect(A(8, 8, 8, 8), A(10, 0, 0, 254), 0);
    expect(A(172, 31, 1, 1), A(192, 168, 7, 2), 1);
    expect(A(172, 32, 1, 1), A(10, 0, 0, 254), 0);
    expect(A(172, 16, 5, 77), A(10, 0, 0, 253), 0);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    init();
    for (unsigned i = 2; i < ESTAB_ROUTES_MAX; i++)
        assert_true(add(A(172, 16, (uint8_t)i, 0), 24, A(0, 0, 0, 0), 0));
    assert_false(add(A(172, 17, 0, 0), 24, A(0, 0, 0, 0), 0));
    expect(A(172, 16, 2, 9), A(172, 16, 2, 9), 0);
}

static enum reason accepts(struct estab_addr src, struct estab_addr dst, unsigned interface)
{
    struct ipv4_header h = {.src = src, .dst = dst, .protocol = PROTO_TCP};

    return ip_accepts(&ip, &h, interface);
}

/* MUST-63. */
static void impossible_sources_are_refused(void **state)
{
    (void)state;
    init();
    static const uint8_t bad[][4] = {{0, 0, 0, 0},    {224, 0, 0, 1},  {255, 255, 255, 255},
                                     {10, 0, 0, 255}, {127, 0, 0, 1},  {240, 1, 1, 1},
                                     {10, 0, 0, 1},   {192, 168, 7, 1}};
    for (size_t i = 0; i < sizeof bad / 4; i++)
        assert_int_equal(accepts(A(bad[i][0], bad[i][1], bad[i][2], bad[i][3]), A(10, 0, 0, 1), 0),
                         REASON_IP_SOURCE);
    assert_int_equal(accepts(A(10, 0, 0, 2), A(10, 0, 0, 1), 0), REASON_NONE);
    assert_int_equal(accepts(A(8, 8, 8, 8), A(10, 0, 0, 1), 0), REASON_NONE);
    assert_int_equal(accepts(A(10, 0, 0, 1), A(10, 0, 0, 1), IP_LOOPBACK), REASON_NONE);
}

/* MUST-57, MUST-63. */
static void only_what_is_ours_is_taken(void **state)
{
    (void)state;
    init();
    assert_int_equal(accepts(A(10, 0, 0, 2), A(10, 0, 0, 3), 0), REASON_IP_NOT_OURS);
    assert_int_equal(accepts(A(10, 0, 0, 2), A(10, 0, 0, 255), 0), REASON_IP_BROADCAST);
    assert_int_equal(accepts(A(10, 0, 0, 2), A(255, 255, 255, 255), 0), REASON_IP_BROADCAST);
    assert_int_equal(accepts(A(10, 0, 0, 2), A(224, 0, 0, 1), 0), REASON_IP_BROADCAST);
    /* The weak host model: an address of another interface is ours, too. */
    assert_int_equal(accepts(A(10, 0, 0, 2), A(192, 168, 7, 1), 0), REASON_NONE);
    struct ipv4_header h = {.src = A(10, 0, 0, 2), .dst = A(10, 0, 0, 1), .source_route = true};
    assert_int_equal(ip_accepts(&ip, &h, 0), REASON_IP_SOURCE_ROUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_their_own_next_hop),
        cmocka_unit_test(our_own_addresses_loop_back),
        cmocka_unit_test(the_longest_prefix_wins_then_the_first),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(impossible_sources_are_refused),
        cmocka_unit_test(only_what_is_ours_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
