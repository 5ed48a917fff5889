/* SPDX-License-Identifier: MIT */
/*
 * test_fragments_sent.c - a datagram that is longer than the link carries goes in parts, unless its user
 * asks that it does not: RFC 791 section 3.2, RFC 8200 section 4.5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "support/made_frame.h"
#include "support/udp_bench.h"

enum { PORT = 7, TO = 4000, MOST = 65507 };

static struct udp_bench bench;
static bool six;
static estab_udp udp;
static uint8_t text[MOST + 100], got[65536];

static const struct estab_addr us6 = {{0xfd, 0x11, [15] = 1}}, peer6 = {{0xfd, 0x11, [15] = 2}};

static void start(uint32_t mtu, uint32_t chunk_bytes)
{
    struct estab_config c = bench_config();

    c.chunk_bytes = chunk_bytes;
    c.chunks = (1 << 20) / chunk_bytes;
    bench = (struct udp_bench){.mtu = mtu};
    bench_start(&bench, &c);
    if (six)
        assert_int_equal(estab_address_add(bench.stack, 0, us6, 64, bench.now), ESTAB_OK);
    udp = bench_socket(&bench, PORT, 0);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_SEND_BUFFER, 1 << 20), ESTAB_OK);
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 + i / 251);
}

static int begin4(void **state)
{
    (void)state;
    six = false;
    start(1500, 4096);
    return 0;
}

static int begin6(void **state)
{
    (void)state;
    six = true;
    start(1500, 4096);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

static struct estab_endpoint peer(void)
{
    return (struct estab_endpoint){six ? peer6 : BENCH_PEER, TO};
}

static enum estab_error send_text(uint32_t n)
{
    struct estab_endpoint to = peer();

    return estab_udp_send(bench.stack, udp, &to, text, n, bench.now);
}

/* ---- what was sent ---------------------------------------------------------------------------------------- */

struct part {
    const uint8_t *payload;
    uint32_t length, offset, id;
    bool more, cut, whole_only;
};

static struct part read_part(const struct bench_packet *p)
{
    const uint8_t *b = p->bytes;
    uint32_t word = (uint32_t)b[6] << 8 | b[7];

    if (!six) {
        assert_int_equal(made_sum(0, b, 20), 0);
        assert_int_equal(b[2] << 8 | b[3], p->length);
        return (struct part){b + 20, (uint32_t)p->length - 20, (word & 0x1fff) * 8, (uint32_t)b[4] << 8 | b[5],
                             word & 0x2000, word & 0x3fff, word & 0x4000};
    }
    assert_int_equal((b[4] << 8 | b[5]) + 40, p->length);
    if (b[6] != 44)
        return (struct part){b + 40, (uint32_t)p->length - 40, 0, 0, false, false, true};
    assert_int_equal(b[40], 17);
    assert_int_equal(b[41], 0);
    word = (uint32_t)b[42] << 8 | b[43];
    return (struct part){b + 48, (uint32_t)p->length - 48, word & 0xfff8,
                         (uint32_t)b[44] << 24 | (uint32_t)b[45] << 16 | (uint32_t)b[46] << 8 | b[47],
                         word & 1, true, false};
}

/* Puts together what was sent, which has to be the text, in its order; how many parts. */
static unsigned expect_parts(uint32_t n, uint32_t mtu, uint32_t *id)
{
    uint32_t at = 0, parts = 0;
    bool more = true;

    for (const struct bench_packet *p; more && (p = bench_out(&bench)) != NULL; parts++) {
        struct part part = read_part(p);

        assert_true(p->length <= mtu && part.cut && !part.whole_only);
        assert_int_equal(part.offset, at);
        assert_true(!part.more || part.length % 8 == 0);
        assert_true(parts == 0 || part.id == *id);
        *id = part.id;
        memcpy(got + at, part.payload, part.length);
        at += part.length;
        more = part.more;
    }
    assert_false(more);
    assert_int_equal(at, n + 8);
    assert_int_equal(got[4] << 8 | got[5], n + 8);
    assert_memory_equal(got + 8, text, n);
    assert_int_equal(made_sum(made_pseudo(six ? us6 : BENCH_US, peer().addr, 17, n + 8), got, n + 8), 0);
    return parts;
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void parts_as_large_as_the_link_carries(void **state)
{
    struct estab_counters c = {.size = sizeof c};
    uint32_t id, last;
    (void)state;
    assert_int_equal(send_text(3000), ESTAB_OK);
    assert_int_equal(expect_parts(3000, 1500, &id), 3);
    last = id;
    assert_int_equal(send_text(3000), ESTAB_OK);
    assert_int_equal(expect_parts(3000, 1500, &id), 3);
    assert_int_not_equal(id, last);
    estab_counters(bench.stack, &c);
    assert_int_equal(c.fragments_out, 6);
    assert_int_equal(c.datagrams_out, 2);
    assert_int_equal(c.chunks_used, 0);
}

static void what_fits_is_whole(void **state)
{
    uint32_t fits = 1500 - 8 - (six ? 40 : 20), id;
    (void)state;
    assert_int_equal(send_text(fits), ESTAB_OK);
    const struct bench_packet *p = bench_out(&bench);
    assert_non_null(p);
    assert_true(read_part(p).whole_only);
    assert_int_equal(send_text(fits + 1), ESTAB_OK);
    assert_int_equal(expect_parts(fits + 1, 1500, &id), 2);
}

static void the_longest_datagram(void **state)
{
    uint32_t id;
    (void)state;
    assert_int_equal(send_text(MOST), ESTAB_OK);
    assert_int_equal(expect_parts(MOST, 1500, &id), six ? 46 : 45);
    assert_int_equal(send_text(MOST + 1), ESTAB_TOO_LONG);
}

/* A link that carries more than a frame can refer to. */
static void small_chunks_make_smaller_parts(void **state)
{
    uint32_t id;
    (void)state;
    bench_end(&bench);
    start(1999, 512);
    assert_int_equal(send_text(20000), ESTAB_OK);
    (void)expect_parts(20000, 1999, &id);
    bench_end(&bench);
    start(65535, 512);
    assert_int_equal(send_text(ESTAB_PARTS_MAX * 512 + 1), ESTAB_OK);
    assert_true(read_part(bench_out(&bench)).cut);
}

static void who_asks_for_whole_ones_is_told(void **state)
{
    uint32_t fits = 1500 - 8 - (six ? 40 : 20), id;
    (void)state;
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_DONT_FRAGMENT, 2), ESTAB_INVALID);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_DONT_FRAGMENT, 1), ESTAB_OK);
    assert_int_equal(send_text(fits), ESTAB_OK);
    assert_int_equal(send_text(fits + 1), ESTAB_TOO_LONG);
    assert_true(read_part(bench_out(&bench)).whole_only);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_DONT_FRAGMENT, 0), ESTAB_OK);
    assert_int_equal(send_text(fits + 1), ESTAB_OK);
    assert_int_equal(expect_parts(fits + 1, 1500, &id), 2);
}

/* To an address of our own it comes back, put together; over chunks so small that it goes in parts. */
static void to_ourselves(void **state)
{
    struct estab_endpoint to = {six ? us6 : BENCH_US, PORT};
    struct estab_udp_received r;
    (void)state;
    bench_end(&bench);
    start(1500, 512);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, text, 30000, bench.now), ESTAB_OK);
    bench_pull(&bench);
    assert_int_equal(estab_udp_receive(bench.stack, udp, got, sizeof got, 0, &r), ESTAB_OK);
    assert_int_equal(r.length, 30000);
    assert_memory_equal(got, text, 30000);
}

#define BOTH(name)                                                                                 \
    {#name " over IPv4", name, begin4, end, NULL}, {#name " over IPv6", name, begin6, end, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(parts_as_large_as_the_link_carries),
        BOTH(what_fits_is_whole),
        BOTH(the_longest_datagram),
        BOTH(small_chunks_make_smaller_parts),
        BOTH(who_asks_for_whole_ones_is_told),
        BOTH(to_ourselves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
