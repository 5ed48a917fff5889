/* SPDX-License-Identifier: MIT */
#include "capture/view.h"
#include "support/made_frame.h"
#include "support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[MADE_FRAME_MAX];

static struct made_tcp syn(void)
{
    return (struct made_tcp){
        .src = {estab_ipv4(10, 11, 0, 101), 40000},
        .dst = {estab_ipv4(10, 11, 0, 1), 3333},
        .seq = 0x01020304,
        .ack = 0x05060708,
        .window = 65535,
        .id = 0x1234,
        .flags = CTL_SYN | CTL_ACK,
    };
}

static void made(struct frame_view *v, const struct made_tcp *m, bool bare)
{
    size_t n = made_tcp(bytes, m, bare);
    view_bytes(v, bytes, n, bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET);
}

#define MALFORMED(v, sentence) assert_string_equal((v)->malformed ? (v)->malformed : "", sentence)

/* ---- what is right ---- */

static void every_field_of_tcp(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct frame_view v;

    m.text = "hello, world: this is a longer text than the preview holds";
    m.flags |= CTL_URG;
    m.urgent = 5;
    made(&v, &m, false);
    MALFORMED(&v, "");
    assert_int_equal(v.kind, VIEW_TCP);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    assert_true(v.ethernet);
    assert_int_equal(v.ethertype, 0x0800);
    assert_memory_equal(v.src_mac, "\x02\x00\x0a\x0b\x00\x65", 6);
    assert_memory_equal(v.dst_mac, "\x02\x00\x0a\x0b\x00\x01", 6);
    assert_memory_equal(&v.src, &m.src, sizeof v.src.addr);
    assert_memory_equal(&v.dst, &m.dst, sizeof v.dst.addr);
    assert_int_equal(v.src.port, 40000);
    assert_int_equal(v.dst.port, 3333);
    assert_int_equal(v.ip_offset, 14);
    assert_int_equal(v.ip_header_length, 20);
    assert_int_equal(v.ip_length, 40 + 58);
    assert_int_equal(v.ip_id, 0x1234);
    assert_true(v.dont_fragment);
    assert_int_equal(v.ttl, 64);
    assert_int_equal(v.tcp.seq, 0x01020304);
    assert_int_equal(v.tcp.ack, 0x05060708);
    assert_int_equal(v.tcp.window, 65535);
    assert_int_equal(v.tcp.urgent, 5);
    assert_int_equal(v.tcp.flags, CTL_SYN | CTL_ACK | CTL_URG);
    assert_int_equal(v.tcp.header_length, 20);
    assert_int_equal(v.payload_offset, 54);
    assert_int_equal(v.payload_length, 58);
    assert_int_equal(view_seg_len(&v), 59);
    assert_int_equal(v.preview_length, VIEW_PREVIEW_MAX);
    assert_memory_equal(v.preview, m.text, VIEW_PREVIEW_MAX);
    assert_int_equal(v.segments, 1);
}

static void every_option(void **state)
{
    (void)state;
    static const char options[] = "\x02\x04\x05\xb4" /* mss 1460 */
                                  "\x04\x02"         /* sackOK */
                                  "\x08\x0a\x00\x01\x02\x03\xff\xfe\xfd\xfc"
                                  "\x01"         /* nop */
                                  "\x03\x03\x07" /* ws 7 */
                                  "\x05\x0a\x00\x00\x00\x01\x00\x00\x00\x02"
                                  "\xfd\x04\xab\xcd" /* unknown */
                                  "\x00\x02";        /* eol; what follows is none */
    struct made_tcp m = syn();
    struct frame_view v;

    m.options = options;
    m.options_length = 36;
    made(&v, &m, true);
    MALFORMED(&v, "");
    assert_int_equal(v.tcp.options, 8);
    assert_true(v.tcp.has_mss && v.tcp.has_sack_permitted && v.tcp.has_timestamps &&
                v.tcp.has_window_scale);
    assert_int_equal(v.tcp.mss, 1460);
    assert_int_equal(v.tcp.tsval, 0x00010203);
    assert_int_equal(v.tcp.tsecr, 0xfffefdfc);
    assert_int_equal(v.tcp.window_scale, 7);
    assert_int_equal(v.tcp.sacks, 1);
    assert_int_equal(v.tcp.sack[0].left, 1);
    assert_int_equal(v.tcp.sack[0].right, 2);
    assert_int_equal(v.tcp.option[6].kind, 0xfd);
    assert_int_equal(v.tcp.option[6].length, 4);
    assert_int_equal(v.tcp.option[6].offset, 20 + 20 + 30);
    assert_int_equal(v.tcp.option[7].kind, TCPOPT_END);
    assert_string_equal(view_option_name(2), "mss");
    assert_null(view_option_name(0xfd));
    assert_null(view_option_name(6));
}

static void text_in_parts(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct estab_frame frame = {.link = ESTAB_LINK_IP, .parts = 3};
    struct frame_view v;
    size_t n;

    m.text = "one|two|three";
    n = made_tcp(bytes, &m, true);
    frame.length = (uint32_t)n;
    frame.head_length = 40;
    memcpy(frame.head, bytes, 40);
    frame.part[0] = (struct estab_part){bytes + 40, 3}; /* an odd length */
    frame.part[1] = (struct estab_part){bytes + 43, 0};
    frame.part[2] = (struct estab_part){bytes + 43, 100}; /* more than the frame has */
    view_frame(&v, &frame);
    MALFORMED(&v, "");
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    assert_int_equal(v.payload_length, 13);
    assert_memory_equal(v.preview, "one|two|three", 13);
    bytes[41] ^= 1;
    view_frame(&v, &frame);
    assert_int_equal(v.checksum, VIEW_SUM_BAD);
    frame.checksum = ESTAB_CHECKSUM_FINISH;
    view_frame(&v, &frame);
    assert_int_equal(v.checksum, VIEW_SUM_UNFINISHED);
    frame.checksum = ESTAB_CHECKSUM_GOOD;
    view_frame(&v, &frame);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    frame.segment_size = 5;
    view_frame(&v, &frame);
    assert_int_equal(v.segments, 3);
}

static void ethernet_padding_is_no_text(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct frame_view v;
    size_t n = made_tcp(bytes, &m, false);

    memset(bytes + n, 0xaa, 6);
    view_bytes(&v, bytes, 60, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "");
    assert_int_equal(v.payload_length, 0);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    assert_int_equal(v.length, 60);
}

static void arp(void **state)
{
    (void)state;
    struct frame_view v;
    size_t n = made_arp(bytes, 1, estab_ipv4(10, 11, 0, 101), estab_ipv4(10, 11, 0, 1));

    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "");
    assert_int_equal(v.kind, VIEW_ARP);
    assert_int_equal(v.arp.operation, 1);
    assert_int_equal(v.src.addr.b[15], 101);
    assert_int_equal(v.dst.addr.b[15], 1);
    assert_memory_equal(v.arp.sender_mac, "\x02\x00\x0a\x0b\x00\x65", 6);
    bytes[21] = 3; /* operation */
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "an ARP packet that is neither a request nor a reply");
    bytes[18] = 8; /* length of a hardware address */
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "an ARP packet that is not about IPv4 on Ethernet");
    view_bytes(&v, bytes, n - 1, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "too short for an ARP packet");
}

static void icmp(void **state)
{
    (void)state;
    uint8_t echo[] = {8, 0, 0, 0, 0x12, 0x34, 0, 7, 'x', 'y'}, error[36] = {3, 4, [6] = 5, 0xdc};
    struct frame_view v;
    uint16_t sum = made_sum(0, echo, sizeof echo);
    struct estab_addr a = estab_ipv4(10, 11, 0, 1), b = estab_ipv4(10, 11, 0, 101);
    struct made_tcp m = syn();
    size_t n;

    echo[2] = (uint8_t)(sum >> 8);
    echo[3] = (uint8_t)sum;
    n = made_ip(bytes, a, b, 1, echo, sizeof echo, false);
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "");
    assert_int_equal(v.kind, VIEW_ICMP);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    assert_int_equal(v.icmp.id, 0x1234);
    assert_int_equal(v.icmp.sequence, 7);
    assert_int_equal(v.payload_length, 2);
    bytes[n - 1] ^= 1;
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    assert_int_equal(v.checksum, VIEW_SUM_BAD);

    made_tcp(bytes, &m, true);
    memcpy(error + 8, bytes, 28);
    n = made_ip(bytes, a, b, 1, error, sizeof error, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "");
    assert_true(v.icmp.quotes);
    assert_int_equal(v.icmp.mtu, 1500);
    assert_int_equal(v.icmp.src.port, 40000);
    assert_int_equal(v.icmp.dst.port, 3333);
    assert_int_equal(v.icmp.seq, 0x01020304);
    n = made_ip(bytes, a, b, 1, error, 35, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "an ICMP error that quotes too little");
    assert_false(v.icmp.quotes);
    error[8] = 0x60;
    n = made_ip(bytes, a, b, 1, error, 36, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "an ICMP error that quotes no IPv4 packet");
    n = made_ip(bytes, a, b, 1, error, 7, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "too short for an ICMP header");
}

static void other_protocols(void **state)
{
    (void)state;
    static const uint8_t udp[] = {0, 53, 0x30, 0x39, 0, 10, 0, 0, 'o', 'k'};
    struct frame_view v;
    size_t n = made_ip(bytes, estab_ipv4(1, 2, 3, 4), estab_ipv4(5, 6, 7, 8), 17, udp, 10, false);

    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "");
    assert_int_equal(v.kind, VIEW_UDP);
    assert_int_equal(v.src.port, 53);
    assert_int_equal(v.payload_length, 2);
    assert_int_equal(v.checksum, VIEW_SUM_NONE);
    bytes[14 + 9] = 47;
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    assert_int_equal(v.kind, VIEW_IP);
    bytes[12] = 0x88;
    bytes[13] = 0xcc;
    view_bytes(&v, bytes, n, ESTAB_LINK_ETHERNET);
    assert_int_equal(v.kind, VIEW_LINK);
    assert_int_equal(v.payload_length, n - 14);
    MALFORMED(&v, "");
}

/* RFC 768: the length is the datagram's own; less than the packet's leaves bytes that are not its. */
static void udp_lengths(void **state)
{
    struct estab_endpoint a = {estab_ipv4(1, 2, 3, 4), 53}, b = {estab_ipv4(5, 6, 7, 8), 54};
    uint8_t inner[64];
    struct frame_view v;
    size_t n;

    (void)state;
    n = made_udp(bytes, a, b, "hello", 5, MADE_GOOD, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "");
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    bytes[n - 1] ^= 1;
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_int_equal(v.checksum, VIEW_SUM_BAD);
    bytes[n - 1] ^= 1;
    memcpy(inner, bytes + 20, n - 20);
    memcpy(inner + n - 20, "padding", 7);
    n = made_ip(bytes, a.addr, b.addr, 17, inner, n - 20 + 7, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "");
    assert_int_equal(v.payload_length, 5);
    assert_int_equal(v.checksum, VIEW_SUM_GOOD);
    bytes[25] = 21; /* one more than there is */
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "the UDP length is more than the packet has");
    bytes[25] = 7;
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "the UDP length is less than a header");
    n = made_ip(bytes, a.addr, b.addr, 17, inner, 7, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "too short for a UDP header");
}

static void fragments(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct frame_view v;
    size_t n = made_tcp(bytes, &m, true);

    bytes[6] = 0x20; /* the first one, more follow */
    bytes[10] = bytes[11] = 0;
    uint16_t sum = made_sum(0, bytes, 20);
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "");
    assert_int_equal(v.kind, VIEW_TCP);
    assert_int_equal(v.checksum, VIEW_SUM_NONE);
    bytes[7] = 1; /* a later one */
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    assert_int_equal(v.kind, VIEW_IP);
    assert_int_equal(v.fragment_offset, 8);
}

/* ---- what is wrong ---- */

static void broken_links_and_packets(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct frame_view v;
    size_t n;

    view_bytes(&v, bytes, 13, ESTAB_LINK_ETHERNET);
    MALFORMED(&v, "too short for an Ethernet header");
    assert_int_equal(v.kind, VIEW_UNKNOWN);
    view_bytes(&v, NULL, 0, ESTAB_LINK_IP);
    MALFORMED(&v, "too short for an IPv4 header");
    made(&v, &m, true);
    bytes[0] = 0x55;
    view_bytes(&v, bytes, 40, ESTAB_LINK_IP);
    MALFORMED(&v, "the IP version is neither 4 nor 6");
    bytes[0] = 0x44;
    view_bytes(&v, bytes, 40, ESTAB_LINK_IP);
    MALFORMED(&v, "the IPv4 header length or the total length is impossible");
    bytes[0] = 0x45;
    bytes[3] = 19;
    view_bytes(&v, bytes, 40, ESTAB_LINK_IP);
    MALFORMED(&v, "the IPv4 header length or the total length is impossible");

    m.text = "0123456789";
    n = made_tcp(bytes, &m, true);
    view_bytes(&v, bytes, n - 1, ESTAB_LINK_IP);
    MALFORMED(&v, "the IPv4 packet is longer in its header than on the link");
    assert_int_equal(v.kind, VIEW_TCP); /* and what there is can be seen */
    assert_int_equal(v.payload_length, 9);
    assert_int_equal(v.checksum, VIEW_SUM_NONE);
    bytes[8]--;
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "the IPv4 header checksum is wrong");
    assert_int_equal(v.payload_length, 10);
}

static void broken_segments(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    struct frame_view v;
    size_t n;

    n = made_ip(bytes, m.src.addr, m.dst.addr, 6, "\x9c\x40\x0d\x05 0123456789abcdef", 19, true);
    view_bytes(&v, bytes, n, ESTAB_LINK_IP);
    MALFORMED(&v, "too short for a TCP header");
    assert_int_equal(v.src.port, 40000);
    assert_int_equal(v.tcp.header_length, 0);

    made(&v, &m, true);
    bytes[32] = 0x40;
    view_bytes(&v, bytes, 40, ESTAB_LINK_IP);
    MALFORMED(&v, "the TCP data offset is less than 5");
    assert_int_equal(v.checksum, VIEW_SUM_BAD);
    bytes[32] = 0x60;
    view_bytes(&v, bytes, 40, ESTAB_LINK_IP);
    MALFORMED(&v, "the TCP data offset points beyond the end");

    m.src.port = 0;
    made(&v, &m, true);
    MALFORMED(&v, "a TCP port is 0");
    m.src.port = 1;
    m.flags = CTL_SYN | CTL_FIN;
    made(&v, &m, true);
    MALFORMED(&v, "SYN and FIN are both set");
    m.flags = CTL_SYN | CTL_RST;
    made(&v, &m, true);
    MALFORMED(&v, "SYN and RST are both set");
}

static void options_of_illegal_length(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        bool bad;
    } rows[] = {
        {"\x01\x01\x01\x02", true},                               /* no length byte */
        {"\x02\x00\x05\xb4", true},                               /* shorter than itself */
        {"\x02\x01\x05\xb4", true},  {"\x02\x03\x05\xb4", true},  /* not what the kind asks for */
        {"\x02\x05\x05\xb4", true},                               /* beyond the header */
        {"\xfe\x04\x05\xb4", false},                              /* unknown, but legal (MUST-6) */
        {"\x05\x02\x01\x01", true},                               /* SACK without a block */
        {"\x03\x03\x0e\x00", false}, {"\x00\xff\xff\xff", false}, /* nothing counts after the end */
    };
    struct made_tcp m = syn();
    struct frame_view v;

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m.options = rows[i].options;
        m.options_length = 4;
        made(&v, &m, true);
        MALFORMED(&v, rows[i].bad ? "a TCP option has an illegal length" : "");
        assert_true(v.tcp.options > 0);
        assert_int_equal(v.tcp.option[v.tcp.options - 1].bad, rows[i].bad);
    }
}

static void flags_have_names(void **state)
{
    (void)state;
    char out[VIEW_FLAGS_MAX];

    view_flags_text(out, CTL_SYN | CTL_ACK);
    assert_string_equal(out, "SYN,ACK");
    view_flags_text(out, CTL_FIN | CTL_ACK | CTL_PSH);
    assert_string_equal(out, "FIN,PSH,ACK");
    view_flags_text(out, 0xff);
    assert_string_equal(out, "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR");
    assert_int_equal(view_flags_text(out, 0), 4);
    assert_string_equal(out, "none");
}

/* Every prefix of a frame, and frames with random bytes changed, in a buffer of their own size. */
static void any_bytes_will_do(void **state)
{
    (void)state;
    struct made_tcp m = syn();
    uint64_t random = 1;
    struct frame_view v;

    m.options = "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07";
    m.options_length = 12;
    m.text = "text";
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = made_tcp(bytes, &m, round & 1), length = (size_t)random_next(&random) % (n + 1);
        for (unsigned i = 0; i < (round >> 1) % 4; i++)
            bytes[random_next(&random) % n] = (uint8_t)random_next(&random);
        uint8_t *copy = malloc(length);
        if (length)
            memcpy(copy, bytes, length);
        view_bytes(&v, copy, length, round & 1 ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET);
        assert_true(v.payload_length == 0 || v.payload_offset + v.payload_length <= length);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_tcp),
        cmocka_unit_test(every_option),
        cmocka_unit_test(text_in_parts),
        cmocka_unit_test(ethernet_padding_is_no_text),
        cmocka_unit_test(arp),
        cmocka_unit_test(icmp),
        cmocka_unit_test(other_protocols),
        cmocka_unit_test(udp_lengths),
        cmocka_unit_test(fragments),
        cmocka_unit_test(broken_links_and_packets),
        cmocka_unit_test(broken_segments),
        cmocka_unit_test(options_of_illegal_length),
        cmocka_unit_test(flags_have_names),
        cmocka_unit_test(any_bytes_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
