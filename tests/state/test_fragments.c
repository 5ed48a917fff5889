/* SPDX-License-Identifier: MIT */
/*
 * test_fragments.c - datagrams that arrive in parts, over IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200
 * section 4.5): what is put together, what is dropped and why, and what its sender is told.
 *
 *      GIVE(0, 1480, true)     bytes [0, 1480) of the UDP packet arrive, and more of it will
 *
 * Each test runs over both families.  The flood is in tests/sim/test_fragment_flood.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "support/made_frame.h"
#include "support/random.h"
#include "support/udp_bench.h"

enum { PORT = 7, FROM = 4000, SECONDS = 60 };

static struct udp_bench bench;
static bool six;
static estab_udp udp;
static uint8_t packet[MADE_FRAME_MAX]; /* the whole */
static uint32_t length;                /* of its payload: the UDP packet */
static uint32_t id;

static struct estab_addr us(void)
{
    return six ? (struct estab_addr){{0xfd, 0x11, [15] = 1}} : BENCH_US;
}

static struct estab_addr peer(uint8_t number)
{
    return six ? (struct estab_addr){{0xfd, 0x11, [15] = number}} : estab_ipv4(10, 0, 0, number);
}

static uint8_t text_at(uint32_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static uint32_t header(void)
{
    return six ? 40 : 20;
}

static void start(bool over_ipv6)
{
    struct estab_config c = bench_config();

    six = over_ipv6;
    c.chunks = 512;
    c.chunk_bytes = 4096;
    bench = (struct udp_bench){0};
    bench_start(&bench, &c);
    if (six)
        assert_int_equal(estab_address_add(bench.stack, 0, us(), 64, bench.now), ESTAB_OK);
    udp = bench_socket(&bench, PORT, 0);
    id = 1;
}

static int begin4(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int begin6(void **state)
{
    (void)state;
    start(true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

/* ---- a datagram, and its parts ------------------------------------------------------------------------ */

/* From now on parts are of this datagram. */
static void whole_from(struct estab_addr src, uint32_t n)
{
    static uint8_t text[65536];

    for (uint32_t i = 0; i < n; i++)
        text[i] = text_at(i);
    length = 8 + n;
    id++;
    (void)made_udp(packet, (struct estab_endpoint){src, FROM}, (struct estab_endpoint){us(), PORT}, text, n,
                   MADE_GOOD, true);
}

static void whole(uint32_t n)
{
    whole_from(peer(2), n);
}

static void give(uint32_t from, uint32_t to, bool more)
{
    static uint8_t bytes[MADE_FRAME_MAX];

    bench_in(&bench, bytes, made_part(bytes, packet, &(struct made_part){from, to, id, more}));
}

#define GIVE give

static void expect(uint32_t n)
{
    static uint8_t text[65536];
    struct estab_udp_received got;

    assert_int_equal(estab_udp_receive(bench.stack, udp, text, sizeof text, 0, &got), ESTAB_OK);
    assert_int_equal(got.length, n);
    for (uint32_t i = 0; i < n; i++)
        if (text[i] != text_at(i))
            fail_msg("byte %u is wrong", (unsigned)i);
}

static uint32_t blocks(void)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(bench.stack, &c);
    return c.fragments;
}

#define COUNTED(reason, n) assert_int_equal(bench_reason(&bench, REASON_##reason), n)

/* Nothing came of it, and nothing is kept. */
static void expect_nothing(void)
{
    bench_nothing(&bench, udp);
    assert_null(bench_out(&bench));
}

/* ---- what is put together ------------------------------------------------------------------------------ */

static void parts_in_their_order(void **state)
{
    struct estab_counters c = {.size = sizeof c};
    (void)state;
    whole(2000);
    GIVE(0, 1480, true);
    assert_int_equal(blocks(), 1);
    bench_nothing(&bench, udp);
    GIVE(1480, 2008, false);
    expect(2000);
    estab_counters(bench.stack, &c);
    assert_int_equal(c.fragments_in, 2);
    assert_int_equal(c.reassembled, 1);
    assert_int_equal(c.fragments, 0);
    assert_int_equal(c.fragments_total, 17);
    COUNTED(IP_FRAGMENT, 1);
}

static void the_last_before_the_first(void **state)
{
    (void)state;
    whole(3000);
    GIVE(2960, 3008, false);
    GIVE(1480, 2960, true);
    GIVE(0, 1480, true);
    expect(3000);
    assert_int_equal(blocks(), 0);
}

static void shuffle(uint32_t *order, uint32_t n, uint64_t *random)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = (uint32_t)(random_next(random) % i), other = order[i - 1];

        order[i - 1] = order[k];
        order[k] = other;
    }
}

/* Of every length and cut, in any order, the largest among them. BAD-6. */
static void any_cut_in_any_order(void **state)
{
    static const uint32_t lengths[] = {9, 100, 1472, 4000, 4096 * 3, 30000, 65507};
    uint64_t random = 791;
    (void)state;
    for (unsigned k = 0; k < sizeof lengths / sizeof lengths[0]; k++)
        for (unsigned turn = 0; turn < 10; turn++) {
            uint32_t order[128], n, piece;

            whole(lengths[k]);
            piece = 8 * (1 + (uint32_t)(random_next(&random) % 500));
            while ((length + piece - 1) / piece > 128)
                piece *= 2;
            n = (length + piece - 1) / piece;
            for (uint32_t i = 0; i < n; i++)
                order[i] = i;
            shuffle(order, n, &random);
            for (uint32_t i = 0; i < n; i++) {
                uint32_t from = order[i] * piece, to = from + piece < length ? from + piece : length;

                if (n == 1)
                    bench_in(&bench, packet, header() + length);
                else
                    GIVE(from, to, to < length);
            }
            expect(lengths[k]);
            assert_int_equal(blocks(), 0);
        }
}

/* RFC 8200 section 4.5: who, to whom, which number; RFC 791: which protocol, too. */
static void parts_of_others_do_not_mix(void **state)
{
    uint32_t first;
    (void)state;
    whole(2000);
    first = id;
    GIVE(0, 1480, true);
    whole(2000); /* another number */
    GIVE(1480, 2008, false);
    whole_from(peer(3), 2000);
    id = first;
    GIVE(1480, 2008, false);
    bench_nothing(&bench, udp);
    whole(2000);
    id = first;
    GIVE(1480, 2008, false);
    expect(2000);
    assert_int_equal(blocks(), 2);
}

static void a_segment_in_parts_opens_a_connection(void **state)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = 80, .backlog = 4};
    struct made_tcp syn = {.src = {peer(2), 999}, .dst = {us(), 80}, .flags = 2, .window = 8192,
                           .options = "\2\4\5\xb4", .options_length = 4, .text = "and text", .length = 8};
    const struct bench_packet *out;
    estab_listener listener;
    (void)state;
    assert_int_equal(estab_listen(bench.stack, &listen, &listener), ESTAB_OK);
    (void)made_tcp(packet, &syn, true);
    GIVE(24, 32, false);
    GIVE(0, 24, true);
    out = bench_out(&bench);
    assert_non_null(out);
    assert_int_equal(out->bytes[header() + 13], 0x12); /* SYN, ACK */
}

/* ---- what overlaps: RFC 5722 ------------------------------------------------------------------------------ */

/* BAD-6. */
static void overlaps_end_the_datagram(void **state)
{
    static const uint32_t rows[][2] = {
        {792, 1600}, {800, 1600}, {0, 808}, {800, 808}, {1592, 1600}, {0, 2400}, {1592, 2408},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t before = bench_reason(&bench, REASON_FRAGMENT_OVERLAP);

        whole(3000);
        if (rows[i][0] == 800 && rows[i][1] == 1600)
            continue; /* the same place: below */
        GIVE(800, 1600, true);
        GIVE(rows[i][0], rows[i][1], true);
        COUNTED(FRAGMENT_OVERLAP, before + 1);
        assert_int_equal(blocks(), 0);
        GIVE(0, 800, true); /* all that may still come */
        GIVE(800, 1600, true);
        GIVE(1600, 3008, false);
        COUNTED(FRAGMENT_OVERLAP, before + 4);
        expect_nothing();
    }
    bench_run(&bench, bench.now + (SECONDS + 1) * ESTAB_SECOND);
    expect_nothing(); /* silently */
    COUNTED(FRAGMENT_TIMEOUT, 0);
    assert_int_equal(estab_deadline(bench.stack), ESTAB_NEVER);
}

static void what_comes_twice_does_no_harm(void **state)
{
    (void)state;
    whole(3000);
    GIVE(0, 1480, true);
    GIVE(0, 1480, true);
    GIVE(2960, 3008, false);
    GIVE(2960, 3008, false);
    COUNTED(FRAGMENT_DUPLICATE, 2);
    GIVE(1480, 2960, true);
    expect(3000);
}

static void twice_with_other_bytes_is_an_overlap(void **state)
{
    (void)state;
    whole(3000);
    GIVE(0, 1480, true);
    packet[header() + 1479] ^= 1;
    GIVE(0, 1480, true);
    COUNTED(FRAGMENT_OVERLAP, 1);
    GIVE(1480, 3008, false);
    expect_nothing();
    assert_int_equal(blocks(), 0);
}

/* ---- lengths and ends -------------------------------------------------------------------------------------- */

/* ICMPv6 names the octet that is at fault; ICMP says nothing. */
static void expect_told(uint8_t code, uint8_t pointer)
{
    const struct bench_packet *out = bench_out(&bench);

    if (!six) {
        assert_null(out);
        return;
    }
    assert_non_null(out);
    assert_int_equal(out->bytes[6], 58);
    assert_int_equal(out->bytes[40], 4);
    assert_int_equal(out->bytes[41], code);
    assert_int_equal(out->bytes[47], pointer);
    assert_int_equal(out->bytes[48 + 6], 44); /* quoted as it came */
}

/* BAD-6. */
static void lengths_that_cannot_be(void **state)
{
    (void)state;
    whole(3000);
    GIVE(0, 1481, true);
    COUNTED(FRAGMENT_LENGTH, 1);
    expect_told(0, 4);
    GIVE(8, 8, true);
    GIVE(8, 8, false);
    COUNTED(FRAGMENT_EMPTY, 2);
    whole(65500); /* a ping of death, with any bytes at its end */
    GIVE(65504, 65508, false); /* fits */
    memset(packet + header() + 65508, 0, 100);
    GIVE(65528, 65537, false);
    COUNTED(FRAGMENT_BEYOND, 1);
    expect_told(0, 42);
    expect_nothing();
}

static void one_datagram_has_one_end(void **state)
{
    static const struct {
        uint32_t from[2], to[2];
        bool more[2];
    } rows[] = {
        {{800, 1600}, {1600, 2400}, {false, true}},   /* beyond the end */
        {{800, 1600}, {1600, 2400}, {false, false}},  /* two ends */
        {{1600, 800}, {2400, 1600}, {true, false}},   /* the end lies before what has come */
        {{800, 800}, {1600, 1600}, {true, false}},    /* the same, now the last */
        {{800, 800}, {1600, 1600}, {false, true}},    /* and the other way round */
        {{800, 8}, {1608, 801}, {false, false}},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        whole(3000);
        GIVE(rows[i].from[0], rows[i].to[0], rows[i].more[0]);
        GIVE(rows[i].from[1], rows[i].to[1], rows[i].more[1]);
        COUNTED(FRAGMENT_END, i + 1);
        assert_int_equal(blocks(), 0);
    }
    expect_nothing();
}

/* BAD-6. */
static void too_many_parts(void **state)
{
    (void)state;
    whole(2000);
    for (uint32_t i = 0; i < 129; i++) {
        COUNTED(FRAGMENT_MANY, 0);
        GIVE(i * 16, i * 16 + 8, true);
    }
    COUNTED(FRAGMENT_MANY, 1);
    assert_int_equal(blocks(), 0);
}

/* ---- time -------------------------------------------------------------------------------------------------- */

static void expect_time_exceeded(void)
{
    const struct bench_packet *out = bench_out(&bench);
    uint32_t at = header();

    assert_non_null(out);
    assert_int_equal(out->bytes[at], six ? 3 : 11);
    assert_int_equal(out->bytes[at + 1], 1);
    /* Of the first part its header, as it came, and the ports at least. */
    assert_int_equal(out->bytes[at + 8 + (six ? 7 : 8)], 64);
    assert_int_equal(out->bytes[at + 8 + (six ? 43 : 6)], six ? 1 : 0x20);
    assert_int_equal(out->bytes[at + 8 + (six ? 48 : 20) + 3], PORT);
    assert_null(bench_out(&bench));
}

static void a_hole_lasts_a_minute(void **state)
{
    estab_time begun = bench.now;
    (void)state;
    whole(3000);
    GIVE(0, 1480, true);
    bench_run(&bench, begun + 30 * ESTAB_SECOND);
    GIVE(2960, 3008, false);
    assert_int_equal(estab_deadline(bench.stack), begun + SECONDS * ESTAB_SECOND); /* from the first on */
    bench_run(&bench, begun + SECONDS * ESTAB_SECOND - 1);
    assert_int_equal(blocks(), 1);
    assert_null(bench_out(&bench));
    bench_run(&bench, begun + SECONDS * ESTAB_SECOND);
    COUNTED(FRAGMENT_TIMEOUT, 1);
    expect_time_exceeded();
    assert_int_equal(blocks(), 0);
    GIVE(1480, 2960, true); /* too late */
    bench_nothing(&bench, udp);
}

static void without_the_first_part_nobody_is_told(void **state)
{
    (void)state;
    whole(3000);
    GIVE(1480, 2960, true);
    bench_run(&bench, bench.now + SECONDS * ESTAB_SECOND);
    COUNTED(FRAGMENT_TIMEOUT, 1);
    expect_nothing();
}

/* ---- marks of congestion: RFC 3168 section 5.3 --------------------------------------------------------------- */

static void give_marked(uint32_t from, uint32_t to, bool more, uint8_t ecn)
{
    uint8_t bytes[3000];
    size_t n = made_part(bytes, packet, &(struct made_part){from, to, id, more});

    bytes[1] = (uint8_t)(six ? ecn << 4 : ecn);
    made_hops(bytes, 64, true); /* and its checksum */
    bench_in(&bench, bytes, n);
}

static void marks_survive_or_end_the_datagram(void **state)
{
    struct estab_udp_received got;
    char text[2000];
    (void)state;
    whole(2000);
    give_marked(0, 1480, true, 2);
    give_marked(1480, 2008, false, 3);
    assert_int_equal(estab_udp_receive(bench.stack, udp, text, sizeof text, 0, &got), ESTAB_OK);
    assert_int_equal(got.ecn, 3);
    whole(2000);
    give_marked(0, 1480, true, 0);
    give_marked(1480, 2008, false, 3);
    COUNTED(FRAGMENT_ECN, 1);
    expect_nothing();
}

/* ---- IPv6 alone ---------------------------------------------------------------------------------------------- */

/* RFC 6946: it is whole, whatever else has its number. */
static void an_atomic_fragment_stands_alone(void **state)
{
    (void)state;
    whole(2000);
    GIVE(0, 1480, true);
    whole(100);
    id--;
    GIVE(0, 108, false);
    expect(100);
    whole(2000);
    id--;
    GIVE(1480, 2008, false);
    expect(2000);
}

/* RFC 7112: who looks at the first part must find what the packet is. BAD-6. */
static void the_first_part_has_all_headers(void **state)
{
    static uint8_t bytes[200], payload[64] = {17, 0, 1, 4};
    (void)state;
    memcpy(payload + 8, (uint8_t[]){0, 9, 0, PORT, 0, 56}, 6);
    for (uint32_t to = 8; to <= 16; to += 8) {
        (void)made_ip(packet, peer(2), us(), 60, payload, sizeof payload, true);
        id++;
        GIVE(0, to, true);
        if (to == 8)
            expect_told(3, 0);
    }
    COUNTED(FRAGMENT_HEADERS, 1);
    payload[1] = 7; /* options of 64 bytes that are not there */
    bench_in(&bench, bytes, made_ip(bytes, peer(2), us(), 60, payload, 16, true));
    (void)made_ip(packet, peer(2), us(), 60, payload, sizeof payload, true);
    id++;
    GIVE(0, 16, true);
    COUNTED(FRAGMENT_HEADERS, 2);
    (void)made_ip(packet, peer(2), us(), 6, payload, sizeof payload, true);
    id++;
    GIVE(0, 16, true); /* of TCP's 20 */
    COUNTED(FRAGMENT_HEADERS, 3);
}

/* BAD-7. */
static void fragments_of_fragments(void **state)
{
    static const uint8_t inner[32] = {17, 0, 0, 1, 0, 0, 0, 9};
    uint8_t payload[48] = {60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4};
    (void)state;
    (void)made_ip(packet, peer(2), us(), 44, inner, sizeof inner, true);
    GIVE(0, 16, true);
    COUNTED(FRAGMENT_NESTED, 1);
    /* The first part says that options follow, the second one what follows these. */
    (void)made_ip(packet, peer(2), us(), 60, payload, sizeof payload, true);
    memcpy(packet + 40 + 16, inner, sizeof inner);
    id++;
    GIVE(16, 48, false);
    GIVE(0, 16, true);
    assert_true(bench_reason(&bench, REASON_FRAGMENT_NESTED) + bench_reason(&bench, REASON_FRAGMENT_HEADERS) ==
                2);
    expect_told(3, 0);
    expect_nothing();
}

#define BOTH(name)                                                                                 \
    {#name " over IPv4", name, begin4, end, NULL}, {#name " over IPv6", name, begin6, end, NULL}
#define SIX(name) {#name, name, begin6, end, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(parts_in_their_order),
        BOTH(the_last_before_the_first),
        BOTH(any_cut_in_any_order),
        BOTH(parts_of_others_do_not_mix),
        BOTH(a_segment_in_parts_opens_a_connection),
        BOTH(overlaps_end_the_datagram),
        BOTH(what_comes_twice_does_no_harm),
        BOTH(twice_with_other_bytes_is_an_overlap),
        BOTH(lengths_that_cannot_be),
        BOTH(one_datagram_has_one_end),
        BOTH(too_many_parts),
        BOTH(a_hole_lasts_a_minute),
        BOTH(without_the_first_part_nobody_is_told),
        BOTH(marks_survive_or_end_the_datagram),
        SIX(an_atomic_fragment_stands_alone),
        SIX(the_first_part_has_all_headers),
        SIX(fragments_of_fragments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
