/* SPDX-License-Identifier: MIT */
/*
 * test_udp.c - UDP sockets of one stack: what arrives and what is refused, whose it is, what is sent,
 * what ICMP says of it (RFC 768, RFC 1122 section 4.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "support/made_frame.h"
#include "support/udp_bench.h"

static struct udp_bench bench;

static void start(void)
{
    struct estab_config c = bench_config();

    bench = (struct udp_bench){0};
    bench_start(&bench, &c);
}

/* ---- arriving ------------------------------------------------------------------------------------------ */

static void datagrams_arrive_whole_and_in_order(void **state)
{
    struct estab_udp_received got;
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    bench_nothing(&bench, udp);
    bench_datagram(&bench, 4000, 53, "one", 3);
    assert_int_equal(bench_events(&bench, udp, NULL), ESTAB_EVENT_READABLE);
    bench_datagram(&bench, 0, 53, "", 0); /* no text, and no answer is wanted */
    bench_datagram(&bench, 4001, 53, "three", 5);
    got = bench_take(&bench, udp, "one");
    assert_int_equal(got.remote.port, 4000);
    assert_true(bench_same(got.remote.addr, BENCH_PEER));
    assert_true(bench_same(got.local, BENCH_US));
    assert_int_equal(got.ttl, 64);
    assert_int_equal(bench_take(&bench, udp, "").remote.port, 0);
    assert_int_equal(bench_take(&bench, udp, "three").remote.port, 4001);
    bench_nothing(&bench, udp);
    assert_int_equal(bench_chunks(&bench), 0);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

static void what_a_buffer_has_no_room_for_is_gone(void **state)
{
    struct estab_udp_received got;
    char buffer[4] = "....";
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    bench_datagram(&bench, 4000, 53, "abcdef", 6);
    bench_datagram(&bench, 4000, 53, "gh", 2);
    assert_int_equal(estab_udp_receive(bench.stack, udp, buffer, 3, ESTAB_PEEK, &got), ESTAB_OK);
    assert_int_equal(got.length, 6);
    assert_memory_equal(buffer, "abc.", 4);
    assert_int_equal(estab_udp_receive(bench.stack, udp, NULL, 0, 0, &got), ESTAB_OK);
    assert_int_equal(got.length, 6);
    bench_take(&bench, udp, "gh");
    bench_end(&bench);
}

/* A datagram of every length up to two chunks' worth, its bytes over chunks' borders. */
static void text_of_any_length_comes_through(void **state)
{
    char text[1100], buffer[1100];
    struct estab_udp_received got;
    estab_udp udp;

    (void)state;
    start();
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + i / 256);
    udp = bench_socket(&bench, 53, 0);
    bench_datagram(&bench, 4000, 53, "first", 5); /* so that none begins at a border */
    for (size_t n = 0; n <= sizeof text; n++) {
        bench_datagram(&bench, 4000, 53, text, n);
        assert_int_equal(estab_udp_receive(bench.stack, udp, buffer, sizeof buffer, 0, &got),
                         ESTAB_OK);
        if (n == 0)
            continue; /* that was "first" */
        assert_int_equal(got.length, n - 1);
        assert_memory_equal(buffer, text, n - 1);
    }
    bench_end(&bench);
}

static void checksums_are_verified(void **state)
{
    uint8_t bytes[128];
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    for (unsigned bit = 0; bit < 8 * 13; bit++) { /* header and text, a bit at a time */
        size_t n = made_udp(bytes, bench_peer(4000), bench_us(53), "hello", 5, MADE_GOOD, true);

        bytes[20 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        bench_in(&bench, bytes, n);
    }
    bench_nothing(&bench, udp);
    assert_int_equal(bench_reason(&bench, REASON_UDP_CHECKSUM) +
                         bench_reason(&bench, REASON_UDP_LENGTH),
                     8 * 13);
    assert_null(bench_out(&bench)); /* what is damaged has no port either */
    bench_in(&bench, bytes, made_udp(bytes, bench_peer(4000), bench_us(53), "none", 4, 0, true));
    bench_take(&bench, udp, "none");
    bench_in(&bench, bytes, made_udp(bytes, bench_peer(4000), bench_us(53), "bad", 3, 0xffff, true));
    bench_nothing(&bench, udp);
    bench_end(&bench);
}

/* The pseudo header counts: a datagram that was for somebody else is damaged. */
static void a_checksum_is_of_both_addresses(void **state)
{
    struct estab_endpoint other = {estab_ipv4(10, 0, 0, 9), 53};
    uint8_t bytes[128];
    estab_udp udp;
    size_t n;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    n = made_udp(bytes, bench_peer(4000), other, "hello", 5, MADE_GOOD, true);
    bytes[19] = 1;                       /* 10.0.0.9 becomes 10.0.0.1, */
    bytes[11] = (uint8_t)(bytes[11] + 8); /* in the header's sum too */
    bench_in(&bench, bytes, n);
    bench_nothing(&bench, udp);
    assert_int_equal(bench_reason(&bench, REASON_UDP_CHECKSUM), 1);
    bench_end(&bench);
}

static void lengths_that_lie_are_refused(void **state)
{
    uint8_t bytes[128], payload[20] = {0x0f, 0xa0, 0, 53};
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    for (size_t n = 0; n < 8; n++)
        bench_in(&bench, bytes, made_ip(bytes, BENCH_PEER, BENCH_US, 17, payload, n, true));
    assert_int_equal(bench_reason(&bench, REASON_UDP_HEADER), 8);
    for (unsigned length = 0; length < 300; length++) {
        payload[4] = (uint8_t)(length >> 8);
        payload[5] = (uint8_t)length;
        bench_in(&bench, bytes, made_ip(bytes, BENCH_PEER, BENCH_US, 17, payload, 20, true));
    }
    /* 8 to 20 hold, and have no checksum; what lies behind a short one's text is not its. */
    assert_int_equal(bench_reason(&bench, REASON_UDP_LENGTH), 300 - 13);
    for (size_t length = 8; length <= 20; length++) {
        struct estab_udp_received got;
        uint8_t buffer[32];

        assert_int_equal(estab_udp_receive(bench.stack, udp, buffer, sizeof buffer, 0, &got),
                         ESTAB_OK);
        assert_int_equal(got.length, length - 8);
    }
    bench_nothing(&bench, udp);
    bench_end(&bench);
}

/* A frame's text may lie in several pieces; the header may not. */
static void a_header_in_pieces_is_short(void **state)
{
    uint8_t bytes[128];
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    for (uint32_t cut = 20; cut < 35; cut++) {
        size_t n = made_udp(bytes, bench_peer(4000), bench_us(53), "scattered", 9, MADE_GOOD, true);
        struct estab_frame f = made_frame(bytes, n, true);

        f.parts = 2;
        f.part[1] = (struct estab_part){bytes + cut, (uint32_t)n - cut};
        f.part[0].length = cut;
        estab_input(bench.stack, &f, 1, bench.now);
        if (cut >= 28)
            bench_take(&bench, udp, "scattered");
        bench_nothing(&bench, udp);
    }
    assert_int_equal(bench_reason(&bench, REASON_UDP_HEADER), 8);
    bench_end(&bench);
}

/* ---- whose it is --------------------------------------------------------------------------------------- */

static void nobody_answers_with_port_unreachable(void **state)
{
    const struct bench_packet *p;
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000); /* connected to another port than the sender's */
    bench_datagram(&bench, 4001, 53, "hello", 5);
    bench_datagram(&bench, 4000, 54, "hello", 5);
    bench_nothing(&bench, udp);
    for (unsigned i = 0; i < 2; i++) {
        p = bench_out(&bench);
        assert_non_null(p);
        assert_int_equal(p->length, 20 + 8 + 28);
        assert_int_equal(p->bytes[9], 1);
        assert_memory_equal(p->bytes + 20, "\3\3", 2);
        assert_int_equal(p->bytes[28 + 20 + 3], i == 0 ? 53 : 54);
    }
    assert_null(bench_out(&bench));
    assert_int_equal(bench_reason(&bench, REASON_UDP_NO_PORT), 2);
    bench_end(&bench);
}

static void the_socket_that_names_most_receives(void **state)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = 53, .share = true};
    estab_udp any, bound, connected;

    (void)state;
    start();
    open.local.addr = BENCH_US;
    open.remote = bench_peer(4000);
    assert_int_equal(estab_udp_open(bench.stack, &open, &connected), ESTAB_OK);
    open.remote = (struct estab_endpoint){0};
    assert_int_equal(estab_udp_open(bench.stack, &open, &bound), ESTAB_OK);
    open.local.addr = (struct estab_addr){{0}};
    assert_int_equal(estab_udp_open(bench.stack, &open, &any), ESTAB_OK);
    bench_datagram(&bench, 4000, 53, "connected", 9);
    bench_datagram(&bench, 4001, 53, "bound", 5);
    bench_take(&bench, connected, "connected");
    bench_take(&bench, bound, "bound");
    assert_int_equal(estab_udp_close(bench.stack, bound), ESTAB_OK);
    bench_datagram(&bench, 4001, 53, "any", 3);
    bench_take(&bench, any, "any");
    assert_int_equal(estab_udp_connect(bench.stack, connected, (struct estab_endpoint){0}), ESTAB_OK);
    bench_datagram(&bench, 4001, 53, "bound now", 9);
    bench_take(&bench, connected, "bound now");
    bench_nothing(&bench, any);
    bench_end(&bench);
}

static void a_port_is_one_sockets_alone(void **state)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = 53};
    estab_udp udp, other;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    assert_int_equal(estab_udp_open(bench.stack, &open, &other), ESTAB_EXISTS);
    open.share = true; /* which both must want */
    assert_int_equal(estab_udp_open(bench.stack, &open, &other), ESTAB_EXISTS);
    open.local.addr = BENCH_US;
    assert_int_equal(estab_udp_open(bench.stack, &open, &other), ESTAB_EXISTS);
    open.local.addr = BENCH_PEER;
    assert_int_equal(estab_udp_open(bench.stack, &open, &other), ESTAB_INVALID);
    assert_int_equal(other.generation, 0);
    assert_int_equal(estab_udp_close(bench.stack, udp), ESTAB_OK);
    assert_int_equal(estab_udp_close(bench.stack, udp), ESTAB_NO_CONNECTION);
    open.local.addr = BENCH_US;
    assert_int_equal(estab_udp_open(bench.stack, &open, &other), ESTAB_OK);
    assert_int_equal(other.index, udp.index);
    assert_int_not_equal(other.generation, udp.generation); /* the old handle names nothing */
    bench_end(&bench);
}

/* 0.0.0.0 is IPv4's alone, and ipv6_only leaves it the port. */
static void a_family_has_ports_of_its_own(void **state)
{
    const struct estab_addr ours = {{0xfd, [15] = 1}};
    const struct estab_endpoint to_us = {ours, 53};
    struct estab_udp_open open = {.size = sizeof open, .local = {estab_ipv4(0, 0, 0, 0), 53}};
    estab_udp four, six, both;

    (void)state;
    start();
    assert_int_equal(estab_address_add(bench.stack, 0, ours, 64, bench.now), ESTAB_OK);
    assert_int_equal(estab_udp_open(bench.stack, &open, &four), ESTAB_OK);
    open.ipv6_only = true;
    assert_int_equal(estab_udp_open(bench.stack, &open, &six), ESTAB_INVALID); /* of neither */
    open.local.addr = (struct estab_addr){{0}};
    assert_int_equal(estab_udp_open(bench.stack, &open, &six), ESTAB_OK);
    assert_int_equal(estab_udp_open(bench.stack, &open, &both), ESTAB_EXISTS);
    open.ipv6_only = false;
    assert_int_equal(estab_udp_open(bench.stack, &open, &both), ESTAB_EXISTS);
    open.local.addr = ours;
    assert_int_equal(estab_udp_open(bench.stack, &open, &both), ESTAB_EXISTS);
    bench_datagram(&bench, 4000, 53, "four", 4);
    bench_take(&bench, four, "four");
    bench_nothing(&bench, six);
    assert_int_equal(estab_udp_send(bench.stack, six, &to_us, "six", 3, bench.now), ESTAB_OK);
    bench_pull(&bench);
    bench_take(&bench, six, "six");
    bench_nothing(&bench, four);
    assert_int_equal(estab_udp_send(bench.stack, four, &to_us, "x", 1, bench.now), ESTAB_INVALID);
    assert_int_equal(estab_udp_connect(bench.stack, four, to_us), ESTAB_INVALID);
    assert_int_equal(bench_send(&bench, six, "x", 4000), ESTAB_INVALID);
    assert_int_equal(estab_udp_close(bench.stack, six), ESTAB_OK);
    assert_int_equal(estab_udp_open(bench.stack, &open, &both), ESTAB_OK); /* ours:53, IPv6 */
    assert_int_equal(estab_udp_connect(bench.stack, four, bench_peer(4000)), ESTAB_OK);
    assert_int_equal(estab_udp_connect(bench.stack, four, (struct estab_endpoint){0}), ESTAB_OK);
    bench_datagram(&bench, 4001, 53, "again", 5);
    bench_take(&bench, four, "again");
    bench_end(&bench);
}

static void chosen_ports_differ(void **state)
{
    struct estab_config c = bench_config();
    struct estab_udp_open open = {.size = sizeof open};
    enum { SOCKETS = 200 };
    uint16_t port[SOCKETS], steps[SOCKETS];
    unsigned equal = 0, lower = 0;

    (void)state;
    c.udp_sockets = SOCKETS;
    bench = (struct udp_bench){0};
    bench_start(&bench, &c);
    for (unsigned i = 0; i < SOCKETS; i++) {
        struct estab_udp_status st = {.size = sizeof st};
        estab_udp udp;

        assert_int_equal(estab_udp_open(bench.stack, &open, &udp), ESTAB_OK);
        assert_int_equal(estab_udp_status(bench.stack, udp, &st), ESTAB_OK);
        port[i] = st.local.port;
        assert_true(port[i] >= 32768);
        lower += port[i] < 49152; /* the whole range is used, as RFC 6056 section 3.2 asks, but for what servers have */
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(port[i], port[k]);
        steps[i] = (uint16_t)(port[i] - port[i ? i - 1 : 0]);
        equal += i > 1 && steps[i] == steps[i - 1];
    }
    assert_in_range(lower, SOCKETS / 4, SOCKETS * 3 / 4);
    assert_true(equal < 5); /* the next one does not follow from the last ones */
    assert_int_equal(estab_udp_open(bench.stack, &open, &(estab_udp){0}), ESTAB_NO_RESOURCES);
    bench_end(&bench);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void what_is_sent_has_its_checksum(void **state)
{
    static const char *const texts[] = {"", "a", "ab", "hello, world"};
    uint8_t made[128];
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_TTL, 3), ESTAB_OK);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_DIFFSERV, 46), ESTAB_OK);
    for (unsigned i = 0; i < 4; i++) {
        size_t n = made_udp(made, bench_us(53), bench_peer(4000), texts[i], strlen(texts[i]), MADE_GOOD, true);
        const struct bench_packet *p;

        assert_int_equal(bench_send(&bench, udp, texts[i], 4000), ESTAB_OK);
        p = bench_out(&bench);
        assert_non_null(p);
        assert_int_equal(p->length, n);
        assert_memory_equal(p->bytes + 20, made + 20, n - 20);
        assert_int_equal(made_sum(0, p->bytes, 20), 0);
        assert_int_equal(p->bytes[1], 46 << 2);
        assert_int_equal(p->bytes[8], 3);
        assert_int_equal(p->bytes[9], 17);
    }
    assert_int_equal(bench_chunks(&bench), 0);
    bench_end(&bench);
}

/* A text is found whose sum is 0: it is sent as ones. */
static void a_sum_of_zero_is_never_sent(void **state)
{
    unsigned zeros = 0;
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    for (unsigned v = 0; v <= UINT16_MAX; v++) {
        uint8_t text[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        const struct bench_packet *p;

        assert_int_equal(estab_udp_send(bench.stack, udp, NULL, text, 2, bench.now), ESTAB_OK);
        p = bench_out(&bench);
        assert_non_null(p);
        assert_false(p->bytes[26] == 0 && p->bytes[27] == 0);
        zeros += p->bytes[26] == 0xff && p->bytes[27] == 0xff;
    }
    assert_int_equal(zeros, 1);
    bench_end(&bench);
}

static void a_device_finishes_the_checksum(void **state)
{
    struct estab_config c = bench_config();
    struct estab_frame f;
    uint8_t made[128];
    uint16_t sum;
    estab_udp udp;

    (void)state;
    bench = (struct udp_bench){.offload = true};
    bench_start(&bench, &c);
    udp = bench_socket(&bench, 53, 4000);
    assert_int_equal(bench_send(&bench, udp, "hello", 0), ESTAB_OK);
    assert_int_equal(estab_output(bench.stack, &f, 1, bench.now), 1);
    assert_int_equal(f.checksum, ESTAB_CHECKSUM_FINISH);
    assert_int_equal(f.checksum_start, 20);
    assert_int_equal(f.checksum_offset, 6);
    (void)made_udp(made, bench_us(53), bench_peer(4000), "hello", 5, MADE_GOOD, true);
    sum = made_sum((uint16_t)~made_sum(0, f.head + 20, 8), (const uint8_t *)"hello", 5);
    assert_int_equal(sum, made[26] << 8 | made[27]);
    estab_output_done(bench.stack, &f, 1);
    bench_end(&bench);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static char text[70000];
    struct estab_endpoint to = bench_peer(4000);
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    assert_int_equal(bench_send(&bench, udp, "x", 0), ESTAB_REMOTE_UNSPECIFIED);
    to.port = 0;
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, "x", 1, bench.now),
                     ESTAB_REMOTE_UNSPECIFIED);
    to = (struct estab_endpoint){estab_ipv4(10, 0, 0, 255), 9};
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, "x", 1, bench.now), ESTAB_INVALID);
    to.addr = estab_ipv4(11, 0, 0, 1);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, "x", 1, bench.now), ESTAB_NO_ROUTE);
    to = bench_peer(4000);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, text, 1472, bench.now), ESTAB_OK);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, text, 65508, bench.now), ESTAB_TOO_LONG);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, text, SIZE_MAX, bench.now), ESTAB_TOO_LONG);
    assert_int_equal(bench_out(&bench)->length, 1500);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

/* ---- ICMP ---------------------------------------------------------------------------------------------- */

static void icmp_reaches_its_socket(void **state)
{
    struct estab_udp_error error = {.size = sizeof error};
    enum estab_error event = ESTAB_OK;
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    bench_icmp(&bench, 3, 3, bench_us(53), bench_peer(4001)); /* not whom it is connected to */
    bench_icmp(&bench, 3, 3, bench_us(54), bench_peer(4000));
    assert_int_equal(bench_events(&bench, udp, &event), 0);
    assert_int_equal(bench_reason(&bench, REASON_ICMP_NO_CONNECTION), 2);
    bench_icmp(&bench, 3, 3, bench_us(53), bench_peer(4000));
    assert_int_equal(bench_events(&bench, udp, &event), ESTAB_EVENT_SOFT_ERROR);
    assert_int_equal(event, ESTAB_REFUSED);
    assert_int_equal(bench_reason(&bench, REASON_ICMP_UDP), 1);
    assert_int_equal(estab_udp_error(bench.stack, udp, &error), ESTAB_OK);
    assert_int_equal(error.error, ESTAB_REFUSED);
    assert_true(error.icmp && error.type == 3 && error.code == 3);
    assert_int_equal(error.remote.port, 4000);
    assert_int_equal(estab_udp_error(bench.stack, udp, &error), ESTAB_OK);
    assert_int_equal(error.error, ESTAB_OK); /* told once */
    /* RFC 1122 section 4.1.3.3: who is not connected hears of them too, and of whom they tell. */
    assert_int_equal(estab_udp_connect(bench.stack, udp, (struct estab_endpoint){0}), ESTAB_OK);
    bench_icmp(&bench, 11, 0, bench_us(53), bench_peer(4007));
    assert_int_equal(estab_udp_error(bench.stack, udp, &error), ESTAB_OK);
    assert_int_equal(error.error, ESTAB_UNREACHABLE);
    assert_int_equal(error.remote.port, 4007);
    assert_int_equal(error.type, 11);
    assert_int_equal(bench_send(&bench, udp, "still there", 4000), ESTAB_OK);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_arrive_whole_and_in_order),
        cmocka_unit_test(what_a_buffer_has_no_room_for_is_gone),
        cmocka_unit_test(text_of_any_length_comes_through),
        cmocka_unit_test(checksums_are_verified),
        cmocka_unit_test(a_checksum_is_of_both_addresses),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(a_header_in_pieces_is_short),
        cmocka_unit_test(nobody_answers_with_port_unreachable),
        cmocka_unit_test(the_socket_that_names_most_receives),
        cmocka_unit_test(a_port_is_one_sockets_alone),
        cmocka_unit_test(a_family_has_ports_of_its_own),
        cmocka_unit_test(chosen_ports_differ),
        cmocka_unit_test(what_is_sent_has_its_checksum),
        cmocka_unit_test(a_sum_of_zero_is_never_sent),
        cmocka_unit_test(a_device_finishes_the_checksum),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(icmp_reaches_its_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
