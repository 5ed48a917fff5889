/* SPDX-License-Identifier: MIT */
/* test_ipv6.c - RFC 8200: the header, the chain behind it, addresses and what follows from them. */
#include "packet/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "packet/icmp6.h"

static const struct estab_addr one = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static const struct estab_addr two = {{0x20, 0x01, 0x0d, 0xb8, [7] = 1, [15] = 2}};

/* ---- the header ------------------------------------------------------------------------------------ */

static const uint8_t wire[IPV6_HEADER] = {
    0x6a, 0xb1, 0x23, 0x45, 0,    0, 6, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,    0,    1,    0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,
};

static void a_header_is_read_and_written(void **state)
{
    uint8_t again[IPV6_HEADER];
    struct ipv6_header h;
    (void)state;
    assert_int_equal(ipv6_parse(wire, sizeof wire, &h), REASON_NONE);
    assert_int_equal(h.diffserv, 0xab);
    assert_int_equal(h.flow, 0x12345);
    assert_int_equal(h.payload_length, 0);
    assert_int_equal(h.next, 6);
    assert_int_equal(h.hop_limit, 64);
    assert_memory_equal(&h.src, &one, 16);
    assert_memory_equal(&h.dst, &two, 16);
    ipv6_write(again, &h);
    assert_memory_equal(again, wire, sizeof wire);
}

static void a_header_that_cannot_be_is_refused(void **state)
{
    uint8_t bad[IPV6_HEADER];
    struct ipv6_header h;
    (void)state;
    for (size_t n = 0; n < IPV6_HEADER; n++)
        assert_int_equal(ipv6_parse(wire, n, &h), REASON_IP6_HEADER);
    memcpy(bad, wire, sizeof bad);
    for (unsigned version = 0; version < 16; version++) {
        bad[0] = (uint8_t)(version << 4);
        assert_int_equal(ipv6_parse(bad, sizeof bad, &h),
                         version == 6 ? REASON_NONE : REASON_IP6_HEADER);
    }
    memcpy(bad, wire, sizeof bad);
    bad[5] = 1;
    assert_int_equal(ipv6_parse(bad, sizeof bad, &h), REASON_IP6_LENGTH);
    assert_int_equal(h.payload_length, 1); /* it may lie elsewhere */
}

/* An IPv4 address in its mapped form means IPv4 to us: from the wire it would be a disguise. */
static void mapped_addresses_are_refused(void **state)
{
    struct estab_addr four = estab_ipv4(10, 0, 0, 1);
    struct ipv6_header h;
    (void)state;
    for (unsigned at = 8; at <= 24; at += 16) {
        uint8_t bad[IPV6_HEADER];

        memcpy(bad, wire, sizeof bad);
        memcpy(bad + at, four.b, 16);
        assert_int_equal(ipv6_parse(bad, sizeof bad, &h), REASON_IP6_MAPPED);
    }
}

/* ---- the chain --------------------------------------------------------------------------------------- */

#define WALK(first, text) ipv6_walk((const uint8_t *)(text), sizeof(text) - 1, (first), false, &c)

static struct ipv6_chain c;

static void expect_told(enum icmp6_parameter code, uint32_t pointer)
{
    assert_true(c.tell);
    assert_int_equal(c.code, code);
    assert_int_equal(c.pointer, pointer);
}

static void without_extensions_there_is_nothing_to_walk(void **state)
{
    (void)state;
    assert_int_equal(WALK(6, ""), REASON_NONE);
    assert_int_equal(c.protocol, 6);
    assert_int_equal(c.length, 0);
    assert_false(c.tell || c.fragment || c.cut);
    /* Who does not know what it carries points here. */
    assert_int_equal(c.pointer, 6);
    assert_int_equal(c.code, ICMP6_PARAMETER_NEXT);
}

static void all_kinds_are_walked(void **state)
{
    (void)state;
    /* Hop-by-hop (PadN, an unknown option that may be passed over), routing without segments left,
     * an atomic fragment, destination (16 bytes: Pad1 and PadN), TCP. */
    assert_int_equal(WALK(0, "\53\0\1\1\0\36\1\0"
                             "\54\0\0\0\0\0\0\0"
                             "\74\0\0\0\1\2\3\4"
                             "\6\1\0\1\13\0\0\0\0\0\0\0\0\0\0\0"
                             "TCP"),
                     REASON_NONE);
    assert_int_equal(c.protocol, 6);
    assert_int_equal(c.length, 40);
    assert_true(c.cut);
    assert_false(c.fragment);
    assert_int_equal(c.part.id, 0x01020304);
    assert_int_equal(c.pointer, 40 + 24);
}

static void a_fragment_ends_the_chain(void **state)
{
    (void)state;
    assert_int_equal(WALK(44, "\74\0\1\x69\0\0\0\7"), REASON_NONE);
    assert_true(c.fragment && c.cut && c.part.more);
    assert_int_equal(c.part.offset, 0x168);
    assert_int_equal(c.part.id, 7);
    assert_int_equal(c.protocol, 60);
    assert_int_equal(c.length, 8);
    assert_int_equal(WALK(44, "\73\0\0\1\0\0\0\7"), REASON_NONE); /* what follows is not looked at */
    assert_true(c.fragment);
}

/* bad-inputs, row 7: chains, loops, lengths of zero. */
static void what_is_cut_short_is_refused(void **state)
{
    static const uint8_t kinds[] = {0, 43, 44, 60};
    uint8_t header[16] = {6, 1, 1, 12};
    (void)state;
    for (unsigned k = 0; k < sizeof kinds; k++)
        for (size_t n = 0; n < (kinds[k] == 44 ? 8 : 16); n++)
            assert_int_equal(ipv6_walk(header, n, kinds[k], false, &c), REASON_IP6_EXTENSION);
    assert_int_equal(WALK(60, "\6\0\1\5\0\0\0\0"), REASON_IP6_EXTENSION);
    expect_told(ICMP6_PARAMETER_FIELD, 42);
    assert_int_equal(WALK(60, "\6\0\0\0\0\0\0\36"), REASON_IP6_EXTENSION); /* no length octet */
    expect_told(ICMP6_PARAMETER_FIELD, 47);
    assert_int_equal(WALK(60, "\6\377\1\4\0\0\0\0"), REASON_IP6_EXTENSION);
}

static void a_chain_is_bounded(void **state)
{
    uint8_t chain[8 * (IPV6_EXTENSIONS_MAX + 1)] = {0};
    (void)state;
    for (unsigned i = 0; i <= IPV6_EXTENSIONS_MAX; i++) {
        chain[8 * i] = PROTO_DESTINATION;
        chain[8 * i + 2] = 1;
        chain[8 * i + 3] = 4;
    }
    assert_int_equal(ipv6_walk(chain, sizeof chain, PROTO_DESTINATION, false, &c),
                     REASON_IP6_EXTENSIONS);
    chain[8 * (IPV6_EXTENSIONS_MAX - 1)] = 6;
    assert_int_equal(ipv6_walk(chain, sizeof chain, PROTO_DESTINATION, false, &c), REASON_NONE);
    assert_int_equal(c.length, 8 * IPV6_EXTENSIONS_MAX);
}

/* RFC 8200 section 4.2: the two top bits of an option's type. */
static void options_say_what_becomes_of_the_packet(void **state)
{
    uint8_t header[8] = {6, 0, 0, 4};
    (void)state;
    for (unsigned type = 2; type < 256; type++)
        for (unsigned group = 0; group < 2; group++) {
            header[2] = (uint8_t)type;
            enum reason reason = ipv6_walk(header, 8, PROTO_DESTINATION, group, &c);

            assert_int_equal(reason, type < 64 ? REASON_NONE : REASON_IP6_OPTION);
            if (type == 0xc2)
                expect_told(ICMP6_PARAMETER_FIELD, 42);
            else if (type >= 128 && !(type >= 192 && group))
                expect_told(ICMP6_PARAMETER_OPTION, 42);
            else
                assert_false(c.tell);
        }
}

static void nobody_is_routed_on(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t header[8] = {6, 0, (uint8_t)type, 1};

        assert_int_equal(ipv6_walk(header, 8, PROTO_ROUTING, false, &c), REASON_IP6_ROUTING);
        expect_told(ICMP6_PARAMETER_FIELD, 42);
    }
}

static void hop_by_hop_stands_first_or_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(WALK(60, "\0\0\1\4\0\0\0\0\6\0\1\4\0\0\0\0"), REASON_NONE);
    assert_int_equal(c.protocol, PROTO_HOP_BY_HOP);
    assert_int_equal(c.pointer, 40);
    assert_int_equal(WALK(0, "\0\0\1\4\0\0\0\0\6\0\1\4\0\0\0\0"), REASON_NONE);
    assert_int_equal(c.protocol, PROTO_HOP_BY_HOP);
    assert_int_equal(WALK(60, "\73\0\1\4\0\0\0\0"), REASON_IP6_NO_NEXT);
    assert_int_equal(WALK(59, ""), REASON_IP6_NO_NEXT);
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

static void kinds_of_addresses(void **state)
{
    struct estab_addr link = {{0xfe, 0x80, [15] = 1}}, site = {{0xfe, 0xc0, [15] = 1}};
    struct estab_addr group = {{0xff, 2, [15] = 1}}, own = {{[15] = 1}};
    struct estab_addr four = estab_ipv4(254, 128, 0, 1), any = {{0}};
    (void)state;
    assert_true(addr_is_link_local(&link));
    assert_false(addr_is_link_local(&site) || addr_is_link_local(&four) || addr_is_link_local(&one));
    assert_true(addr_is_multicast(&group));
    assert_false(addr_is_multicast(&one) || addr_is_multicast(&link));
    assert_true(addr_is_loopback(&own));
    assert_false(addr_is_loopback(&any) || addr_is_loopback(&one));
    assert_true(addr_is_unspecified(&any));
    assert_false(addr_is_unspecified(&own));
    assert_false(addr_is_broadcast(&group, &one, 8));
}

static void prefixes_are_of_a_family(void **state)
{
    struct estab_addr any = {{0}}, zero = estab_ipv4(0, 0, 0, 0), four = estab_ipv4(10, 0, 0, 1);
    (void)state;
    assert_int_equal(addr_common_bits(&one, &two), 63);
    assert_int_equal(addr_common_bits(&one, &one), 128);
    assert_int_equal(addr_common_bits(&four, &four), 32);
    assert_int_equal(addr_common_bits(&four, &one), 0);
    for (unsigned n = 0; n <= 128; n++)
        assert_int_equal(addr_in_prefix(&one, &two, n), n <= 63);
    assert_true(addr_in_prefix(&one, &any, 0) && addr_in_prefix(&four, &zero, 0));
    assert_false(addr_in_prefix(&four, &any, 0) || addr_in_prefix(&one, &zero, 0));
}

/* RFC 4291 section 2.7.1, RFC 2464 sections 4 and 7: their own examples. */
static void what_follows_from_an_address(void **state)
{
    struct estab_addr a = {{0x40, 0x37, [13] = 0x0e, [14] = 0x8c, [15] = 0x6c}};
    struct estab_addr asked = {{0xff, 2, [11] = 1, [12] = 0xff, 0x0e, 0x8c, 0x6c}};
    struct estab_addr station = {{0xfe, 0x80, [8] = 0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde}};
    struct estab_addr got = addr_solicited_node(&a);
    uint8_t mac[6];
    (void)state;
    assert_memory_equal(&got, &asked, 16);
    addr_group_mac(&asked, mac);
    assert_memory_equal(mac, "\x33\x33\xff\x0e\x8c\x6c", 6);
    got = addr_of_station((const uint8_t *)"\x34\x56\x78\x9a\xbc\xde");
    assert_memory_equal(&got, &station, 16);
}

static void the_pseudo_header_of_either_family(void **state)
{
    /* RFC 8200 section 8.1: both addresses, the length, the next header. */
    uint8_t six[40] = {[34] = 0x12, [35] = 0x34, [39] = 58}, four[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 20};
    struct estab_addr a = estab_ipv4(10, 0, 0, 1), b = estab_ipv4(10, 0, 0, 2);
    (void)state;
    memcpy(six, one.b, 16);
    memcpy(six + 16, two.b, 16);
    assert_int_equal(checksum_fold(ip_pseudo(&one, &two, 58, 0x1234)),
                     checksum_fold(checksum_add(0, six, sizeof six)));
    assert_int_equal(checksum_fold(ip_pseudo(&a, &b, 6, 20)),
                     checksum_fold(checksum_add(0, four, sizeof four)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_and_written),
        cmocka_unit_test(a_header_that_cannot_be_is_refused),
        cmocka_unit_test(mapped_addresses_are_refused),
        cmocka_unit_test(without_extensions_there_is_nothing_to_walk),
        cmocka_unit_test(all_kinds_are_walked),
        cmocka_unit_test(a_fragment_ends_the_chain),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(a_chain_is_bounded),
        cmocka_unit_test(options_say_what_becomes_of_the_packet),
        cmocka_unit_test(nobody_is_routed_on),
        cmocka_unit_test(hop_by_hop_stands_first_or_is_unknown),
        cmocka_unit_test(kinds_of_addresses),
        cmocka_unit_test(prefixes_are_of_a_family),
        cmocka_unit_test(what_follows_from_an_address),
        cmocka_unit_test(the_pseudo_header_of_either_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
