/* SPDX-License-Identifier: MIT */
/* test_ipv4.c - Ethernet, IPv4 and ARP headers on the wire (RFC 894, 791, 826), and addresses. */
#include "packet/ipv4.h"
#include "support/made_frame.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ipv4_header h;

/* A good header of `words` words whose options are `options`; `total` bytes are claimed. */
static size_t make(uint8_t p[60], unsigned words, const char *options, unsigned total)
{
    memset(p, 0, 60);
    p[0] = (uint8_t)(0x40 | words);
    p[1] = 0xb8;
    p[2] = (uint8_t)(total >> 8);
    p[3] = (uint8_t)total;
    p[4] = 0xab;
    p[5] = 0xcd;
    p[6] = 0x40;
    p[8] = 61;
    p[9] = PROTO_TCP;
    memcpy(p + 12, "\12\0\0\2\12\0\0\1", 8);
    if (words > 5)
        memcpy(p + 20, options, words * 4 - 20);
    uint16_t sum = made_sum(0, p, words * 4);
    p[10] = (uint8_t)(sum >> 8);
    p[11] = (uint8_t)sum;
    return words * 4;
}

/* From memory that ends after n bytes. */
static enum reason parse(const uint8_t *p, size_t n, bool trusted)
{
    uint8_t *copy = malloc(n ? n : 1);
    enum reason reason;

    assert_non_null(copy);
    memcpy(copy, p, n);
    reason = ipv4_parse(copy, n, trusted, &h);
    free(copy);
    return reason;
}

static void fields_are_read(void **state)
{
    (void)state;
    uint8_t p[60];
    size_t n = make(p, 5, "", 20);
    struct estab_addr src = estab_ipv4(10, 0, 0, 2), dst = estab_ipv4(10, 0, 0, 1);
    assert_int_equal(parse(p, n, false), REASON_NONE);
    assert_memory_equal(&h.src, &src, sizeof src);
    assert_memory_equal(&h.dst, &dst, sizeof dst);
    assert_int_equal(h.diffserv, 0xb8);
    assert_int_equal(h.total_length, 20);
    assert_int_equal(h.header_length, 20);
    assert_int_equal(h.id, 0xabcd);
    assert_int_equal(h.ttl, 61);
    assert_int_equal(h.protocol, PROTO_TCP);
    assert_true(h.dont_fragment);
    assert_false(h.fragment);
    assert_false(h.source_route);
}

/* Every version, header length, length that came and length that is claimed. */
static void lengths_are_checked(void **state)
{
    (void)state;
    uint8_t p[60];
    for (size_t n = 0; n <= 60; n += n < 19 ? 19 : 1) {
        for (unsigned first = 0; first < 256; first++) {
            unsigned words = first & 15;
            bool header = n >= 20 && first >> 4 == 4 && words >= 5 && words * 4 <= n;

            make(p, 15,
                 "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
                 40);
            p[0] = (uint8_t)first;
            enum reason want = !header || words > 10 ? REASON_IP_HEADER
                               : n < 40              ? REASON_IP_LENGTH
                                                     : REASON_NONE;
            if (parse(p, n, true) != want)
                fail_msg("%zu bytes, %#x: not %d", n, first, want);
        }
    }
}

static void a_wrong_checksum(void **state)
{
    (void)state;
    uint8_t p[60];
    size_t n = make(p, 6, "\1\1\1\1", 24);
    for (unsigned bit = 0; bit < 24 * 8; bit++) {
        if (bit / 8 < 4) /* version and lengths are looked at before */
            continue;
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(parse(p, n, false), REASON_IP_CHECKSUM);
        p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    p[10] ^= 1;
    assert_int_equal(parse(p, n, true), REASON_NONE);
}

static void fragments_are_seen(void **state)
{
    (void)state;
    uint8_t p[60];
    make(p, 5, "", 20);
    p[6] = 0x20; /* more fragments */
    assert_int_equal(parse(p, 20, true), REASON_NONE);
    assert_true(h.fragment && !h.dont_fragment);
    p[6] = 0;
    p[7] = 1; /* an offset */
    assert_int_equal(parse(p, 20, true), REASON_NONE);
    assert_true(h.fragment);
    p[6] = 0x1f;
    p[7] = 0xff;
    assert_int_equal(parse(p, 20, true), REASON_NONE);
    assert_true(h.fragment);
}

static void options_are_walked(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum reason want;
        bool route;
    } rows[] = {
        {"\1\1\1\1\1\1\1\1", REASON_NONE, false},
        {"\0\203\7\7\0\0\0\0", REASON_NONE, false}, /* after the end */
        {"\203\7\4\12\0\0\1\0", REASON_NONE, true}, /* loose source route */
        {"\1\211\7\4\12\0\0\1", REASON_NONE, true}, /* strict */
        {"\7\7\4\0\0\0\0\0", REASON_NONE, false},   /* record route: ignored */
        {"\224\4\0\0\0\0\0\0", REASON_NONE, false}, /* router alert */
        {"\203\0\0\0\0\0\0\0", REASON_IP_HEADER, false},
        {"\203\1\0\0\0\0\0\0", REASON_IP_HEADER, false},
        {"\203\11\4\12\0\0\1\0", REASON_IP_HEADER, false},
        {"\1\1\1\1\1\1\1\203", REASON_IP_HEADER, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t p[60];
        size_t n = make(p, 7, rows[i].bytes, 28);

        assert_int_equal(parse(p, n, false), rows[i].want);
        if (rows[i].want == REASON_NONE)
            assert_int_equal(h.source_route, rows[i].route);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        uint64_t random = seed;
        struct ipv4_header out = {
            .src = estab_ipv4((uint8_t)random_next(&random), 2, 3, (uint8_t)seed),
            .dst = estab_ipv4(9, 8, (uint8_t)random_next(&random), 6),
            .total_length = (uint16_t)(20 + random_next(&random) % 40),
            .id = (uint16_t)random_next(&random),
            .header_length = 20,
            .diffserv = (uint8_t)random_next(&random),
            .ttl = (uint8_t)random_next(&random),
            .protocol = (uint8_t)random_next(&random),
            .dont_fragment = seed % 2,
        };
        uint8_t p[60] = {0};

        ipv4_write(p, &out);
        assert_int_equal(made_sum(0, p, 20), 0);
        assert_int_equal(ipv4_parse(p, sizeof p, false, &h), REASON_NONE);
        assert_memory_equal(&h.src, &out.src, 16);
        assert_memory_equal(&h.dst, &out.dst, 16);
        assert_int_equal(h.total_length, out.total_length);
        assert_int_equal(h.id, out.id);
        assert_int_equal(h.diffserv, out.diffserv);
        assert_int_equal(h.ttl, out.ttl);
        assert_int_equal(h.protocol, out.protocol);
        assert_int_equal(h.dont_fragment, out.dont_fragment);
    }
}

static void ethernet(void **state)
{
    (void)state;
    struct ethernet_header out = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, 0x0800}, in;
    uint8_t p[14];
    ethernet_write(p, &out);
    assert_memory_equal(p, "\1\2\3\4\5\6\7\10\11\12\13\14\10\0", 14);
    assert_true(ethernet_parse(p, 14, &in));
    assert_memory_equal(&in, &out, sizeof in);
    for (size_t n = 0; n < 14; n++)
        assert_false(ethernet_parse(p, n, &in));
}

static void arp(void **state)
{
    (void)state;
    struct arp_packet out = {.operation = ARP_REPLY,
                             .sender_mac = {1, 2, 3, 4, 5, 6},
                             .target_mac = {7, 8, 9, 10, 11, 12},
                             .sender = estab_ipv4(10, 1, 2, 3),
                             .target = estab_ipv4(10, 3, 2, 1)};
    struct arp_packet in;
    uint8_t p[46] = {0};
    arp_write(p, &out);
    assert_memory_equal(p, "\0\1\10\0\6\4\0\2\1\2\3\4\5\6\12\1\2\3\7\10\11\12\13\14\12\3\2\1", 28);
    assert_true(arp_parse(p, 28, &in));
    assert_memory_equal(&in, &out, sizeof in);
    assert_true(arp_parse(p, 46, &in)); /* padded, as on Ethernet */
    for (size_t n = 0; n < 28; n++)
        assert_false(arp_parse(p, n, &in));
    for (int i = 0; i < 6; i++) { /* other hardware, protocol or lengths */
        p[i] ^= 1;
        assert_false(arp_parse(p, 28, &in));
        p[i] ^= 1;
    }
}

/* ---- addresses ------------------------------------------------------------------------------------ */

static void prefixes(void **state)
{
    (void)state;
    struct estab_addr a = estab_ipv4(10, 129, 3, 4), six = {{0x20, 1}};
    struct estab_addr b = estab_ipv4(10, 128, 0, 0), zero = estab_ipv4(0, 0, 0, 0);
    for (unsigned n = 0; n <= 32; n++)
        assert_int_equal(addr_in_prefix(&a, &b, n), n <= 15);
    assert_true(addr_in_prefix(&a, &zero, 0));
    assert_true(addr_in_prefix(&a, &a, 32));
    assert_false(addr_in_prefix(&a, &a, 33));
    assert_true(addr_in_prefix(&six, &six, 128));
    assert_false(addr_in_prefix(&six, &six, 129));
    assert_false(addr_in_prefix(&six, &zero, 0));
}

static void broadcasts(void **state)
{
    (void)state;
    struct estab_addr own = estab_ipv4(10, 1, 2, 5), ones = estab_ipv4(255, 255, 255, 255);
    struct estab_addr net24 = estab_ipv4(10, 1, 2, 255), net16 = estab_ipv4(10, 1, 255, 255);
    struct estab_addr other = estab_ipv4(10, 1, 3, 255);
    for (unsigned n = 0; n <= 32; n++)
        assert_true(addr_is_broadcast(&ones, &own, n));
    assert_true(addr_is_broadcast(&net24, &own, 24));
    assert_false(addr_is_broadcast(&net24, &own, 16));
    assert_true(addr_is_broadcast(&net16, &own, 16));
    assert_false(addr_is_broadcast(&other, &own, 24));
    for (unsigned n = 8; n <= 32; n++)
        assert_false(addr_is_broadcast(&own, &own, n));
    struct estab_addr pair = estab_ipv4(10, 1, 2, 3), peer = estab_ipv4(10, 1, 2, 2);
    assert_false(addr_is_broadcast(&pair, &peer, 31)); /* RFC 3021 */
    assert_true(addr_is_broadcast(&pair, &peer, 30));
}

static void kinds_of_addresses(void **state)
{
    (void)state;
    struct estab_addr none = {{0}}, four = estab_ipv4(0, 0, 0, 0), six = {{0x20, 1}};
    struct estab_addr low = estab_ipv4(223, 255, 255, 255), high = estab_ipv4(224, 0, 0, 1);
    assert_true(addr_is_unspecified(&none));
    assert_true(addr_is_unspecified(&four));
    assert_false(addr_is_unspecified(&low));
    assert_true(addr_is_ipv4(&four));
    assert_false(addr_is_ipv4(&six));
    assert_false(addr_is_multicast(&low));
    assert_true(addr_is_multicast(&high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),    cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(a_wrong_checksum),   cmocka_unit_test(fragments_are_seen),
        cmocka_unit_test(options_are_walked), cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(ethernet),           cmocka_unit_test(arp),
        cmocka_unit_test(prefixes),           cmocka_unit_test(broadcasts),
        cmocka_unit_test(kinds_of_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
