/* SPDX-License-Identifier: MIT */
/* test_view6.c - IPv6 read for people: segments behind extension headers, ICMPv6, what is broken. */
#include "capture/segment.h"
#include "capture/view.h"
#include "support/made_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[MADE_FRAME_MAX];
static struct frame_view v;

static struct estab_addr host(uint8_t number)
{
    return (struct estab_addr){{0xfd, 0x11, [15] = number}};
}

static struct made_tcp syn(void)
{
    return (struct made_tcp){.src = {host(101), 40000}, .dst = {host(1), 3333}, .seq = 7,
                             .window = 65535, .flags = CTL_SYN, .tos = 0xb8};
}

static void sound(void)
{
    assert_string_equal(v.malformed ? v.malformed : "", "");
}

static void segments_are_read(void **state)
{
    struct made_tcp m = syn();
    (void)state;
    for (unsigned bare = 0; bare < 2; bare++) {
        size_t n = made_tcp(bytes, &m, bare);

        view_bytes(&v, bytes, n, bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET);
        sound();
        assert_true(v.six);
        assert_int_equal(v.kind, VIEW_TCP);
        assert_int_equal(v.checksum, VIEW_SUM_GOOD);
        assert_memory_equal(&v.src.addr, &m.src.addr, 16);
        assert_memory_equal(&v.dst.addr, &m.dst.addr, 16);
        assert_int_equal(v.src.port, 40000);
        assert_int_equal(v.ip_header_length, 40);
        assert_int_equal(v.ip_length, 60);
        assert_int_equal(v.tos, 0xb8);
        assert_int_equal(v.ttl, 64);
        assert_int_equal(v.tcp.seq, 7);
        bytes[n - 1] ^= 1;
        view_bytes(&v, bytes, n, bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET);
        assert_int_equal(v.checksum, VIEW_SUM_BAD);
    }
}

static void extension_headers_are_stepped_over(void **state)
{
    struct made_tcp m = syn();
    uint8_t plain[100], all[116] = "\74\0\1\4\0\0\0\0\6\0\1\4\0\0\0\0";
    size_t n = made_tcp(plain, &m, true) - 40;
    (void)state;
    memcpy(all + 16, plain + 40, n);
    n = made_ip(bytes, m.src.addr, m.dst.addr, 0, all, 16 + n, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    sound();
    assert_int_equal(v.kind, VIEW_TCP);
    assert_int_equal(v.ip_header_length, 56);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    assert_int_equal(v.dst.port, 3333);
    bytes[41] = 99;
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_string_equal(v.malformed, "an IPv6 extension header is cut short, or there are too many");
}

static void fragments_are_told(void **state)
{
    (void)state;
    size_t n = made_ip(bytes, host(1), host(2), 44, "\6\0\1\1\0\0\0\7text", 12, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    sound();
    assert_int_equal(v.kind, VIEW_IP);
    assert_int_equal(v.fragment_offset, 256);
    assert_true(v.more_fragments);
    assert_int_equal(v.payload_length, 4);
    assert_int_equal(v.checksum, VIEW_SUM_NONE);
}

static void questions_for_neighbours(void **state)
{
    uint8_t body[28] = {[4] = 0xfd, 0x11, [19] = 9, [20] = 1, 1, 2, 3, 4, 5, 6, 7};
    struct estab_addr target = host(9);
    size_t n;
    (void)state;
    n = made_icmp6(bytes, host(1), host(2), 135, 0, body, sizeof body, false);
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    sound();
    assert_int_equal(v.kind, VIEW_ICMP);
    assert_true(v.icmp.six && v.icmp.has_mac);
    assert_memory_equal(&v.icmp.target, &target, 16);
    assert_memory_equal(v.icmp.mac, body + 22, 6);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    n = made_icmp6(bytes, host(1), host(2), 136, 0, body, 10, false);
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    assert_string_equal(v.malformed, "a message of neighbour discovery that does not parse");
}

static void errors_quote_segments(void **state)
{
    struct made_tcp m = syn();
    uint8_t body[64] = {0, 0, 5, 0};
    size_t n;
    (void)state;
    (void)made_tcp(body + 4, &m, true);
    n = made_icmp6(bytes, host(1), host(101), 2, 0, body, sizeof body, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    sound();
    assert_int_equal(v.icmp.mtu, 1280);
    assert_true(v.icmp.quotes);
    assert_int_equal(v.icmp.src.port, 40000);
    assert_int_equal(v.icmp.dst.port, 3333);
    assert_int_equal(v.icmp.seq, 7);
    n = made_icmp6(bytes, host(1), host(101), 2, 0, body, 40, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_string_equal(v.malformed, "an ICMP error that quotes too little");
}

/* Every length of every packet is read, within its bytes. */
static void what_is_cut_short(void **state)
{
    struct made_tcp m = syn();
    size_t n = made_tcp(bytes, &m, false);
    (void)state;
    for (size_t cut = 14; cut < n; cut++) {
        uint8_t exact[100];

        memcpy(exact, bytes, cut);
        view_bytes(&v, exact, cut, ESTAB_LINK_ETHERNET);
        assert_string_equal(v.malformed, cut < 54 ? "too short for an IPv6 header"
                                                  : "the IPv6 packet is longer in its header than on the link");
        assert_int_equal(v.checksum, VIEW_SUM_NONE);
    }
}

static void mapped_addresses_are_a_disguise(void **state)
{
    struct estab_addr four = estab_ipv4(10, 0, 0, 1);
    struct made_tcp m = syn();
    size_t n = made_tcp(bytes, &m, true);
    (void)state;
    memcpy(bytes + 8, four.b, 16);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_int_equal(v.kind, VIEW_IP);
    assert_string_equal(v.malformed, "an IPv6 address that stands for an IPv4 one");
}

static void super_segments_are_cut(void **state)
{
    struct made_tcp m = syn();
    uint8_t out[2000];
    size_t n;
    (void)state;
    m.flags = CTL_ACK | CTL_PSH;
    m.length = 2500;
    n = made_tcp(bytes, &m, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_int_equal(segment_count(&v, 1440), 2);
    for (unsigned i = 0; i < 2; i++) {
        struct frame_view piece;
        size_t length = segment_cut(&v, bytes, 1440, i, out);

        view_bytes(&piece, out, length, ESTAB_LINK_IP);
        assert_null(piece.malformed);
        assert_int_equal(piece.checksum, VIEW_SUM_GOOD);
        assert_int_equal(piece.payload_length, i ? 1060 : 1440);
        assert_int_equal(piece.tcp.seq, 7 + 1440 * i);
        assert_int_equal(piece.tcp.flags, i ? CTL_ACK | CTL_PSH : CTL_ACK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_read),
        cmocka_unit_test(extension_headers_are_stepped_over),
        cmocka_unit_test(fragments_are_told),
        cmocka_unit_test(questions_for_neighbours),
        cmocka_unit_test(errors_quote_segments),
        cmocka_unit_test(what_is_cut_short),
        cmocka_unit_test(mapped_addresses_are_a_disguise),
        cmocka_unit_test(super_segments_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
