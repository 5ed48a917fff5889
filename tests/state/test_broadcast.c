/* SPDX-License-Identifier: MIT */
/*
 * test_broadcast.c - datagrams to all of a link (RFC 919, RFC 1122 section 3.3.6), and an interface whose
 * IPv4 address comes later, looked for with ARP first (RFC 5227).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "estab_udp.h"
#include "support/made_frame.h"
#include "support/udp_bench.h"

#define EVERYBODY estab_ipv4(255, 255, 255, 255)
#define OUR_LINK  estab_ipv4(10, 0, 0, 255)
#define NOBODY    estab_ipv4(0, 0, 0, 0)

static struct udp_bench bench;
static const uint8_t all_stations[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void start(bool unnumbered)
{
    struct estab_config c = bench_config();

    bench = (struct udp_bench){.ethernet = true, .unnumbered = unnumbered};
    bench_start(&bench, &c);
}

static void set(estab_udp udp, enum estab_udp_option option, uint32_t value)
{
    assert_int_equal(estab_udp_set(bench.stack, udp, option, value), ESTAB_OK);
}

static enum estab_error send_to(estab_udp udp, struct estab_addr to)
{
    const struct estab_endpoint end = {to, 67};

    return estab_udp_send(bench.stack, udp, &end, "hello", 5, bench.now);
}

/* The next frame is a broadcast of UDP between these addresses. */
static void sent(struct estab_addr from, struct estab_addr to)
{
    const struct bench_packet *p = bench_out(&bench);

    assert_non_null(p);
    assert_memory_equal(p->bytes, all_stations, 6);
    assert_memory_equal(p->bytes + 12, "\x08\x00\x45", 3);
    assert_memory_equal(p->bytes + 26, from.b + 12, 4);
    assert_memory_equal(p->bytes + 30, to.b + 12, 4);
    assert_memory_equal(p->bytes + 42, "hello", 5);
}

/* A datagram comes in a frame for all stations. */
static void arrives(struct estab_addr from, struct estab_addr to, uint16_t port)
{
    uint8_t bytes[128];
    size_t n = made_udp(bytes, (struct estab_endpoint){from, 68}, (struct estab_endpoint){to, port},
                        "hello", 5, MADE_GOOD, false);

    memset(bytes, 0xff, 6);
    bench_in(&bench, bytes, n);
}

/* ---- sending -------------------------------------------------------------------------------------------- */

static void only_who_may_sends_broadcasts(void **state)
{
    estab_udp udp;

    (void)state;
    start(false);
    udp = bench_socket(&bench, 68, 0);
    assert_int_equal(send_to(udp, EVERYBODY), ESTAB_INVALID);
    assert_int_equal(send_to(udp, OUR_LINK), ESTAB_INVALID);
    set(udp, ESTAB_UDP_BROADCAST, 1);
    assert_int_equal(send_to(udp, EVERYBODY), ESTAB_OK);
    sent(BENCH_US, EVERYBODY); /* at once: nobody is asked for its station */
    assert_int_equal(send_to(udp, OUR_LINK), ESTAB_OK);
    sent(BENCH_US, OUR_LINK);
    assert_null(bench_out(&bench));
    assert_int_equal(send_to(udp, estab_ipv4(224, 0, 0, 1)), ESTAB_INVALID);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_INTERFACE, 2), ESTAB_INVALID);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_BROADCAST, 2), ESTAB_INVALID);
    set(udp, ESTAB_UDP_BROADCAST, 0);
    assert_int_equal(send_to(udp, EVERYBODY), ESTAB_INVALID);
    bench_end(&bench);
}

/* RFC 1122 section 3.2.1.3, case a: who has no address yet. */
static void without_an_address_broadcasts_come_from_none(void **state)
{
    const struct estab_endpoint peer = {BENCH_PEER, 67};
    estab_udp udp;

    (void)state;
    start(true);
    udp = bench_socket(&bench, 68, 0);
    set(udp, ESTAB_UDP_BROADCAST, 1);
    set(udp, ESTAB_UDP_INTERFACE, 1);
    assert_int_equal(send_to(udp, EVERYBODY), ESTAB_OK);
    sent(NOBODY, EVERYBODY);
    assert_int_equal(estab_udp_send(bench.stack, udp, &peer, "x", 1, bench.now), ESTAB_NO_ROUTE);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

/* ---- receiving -------------------------------------------------------------------------------------------- */

static void broadcasts_reach_each_socket_of_the_port(void **state)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = 67, .share = true};
    estab_udp any, too, named, peers;

    (void)state;
    start(false);
    assert_int_equal(estab_udp_open(bench.stack, &open, &any), ESTAB_OK);
    assert_int_equal(estab_udp_open(bench.stack, &open, &too), ESTAB_OK);
    open.local.addr = BENCH_US;
    assert_int_equal(estab_udp_open(bench.stack, &open, &named), ESTAB_OK);
    open.local.addr = (struct estab_addr){{0}};
    open.remote = (struct estab_endpoint){BENCH_PEER, 999};
    assert_int_equal(estab_udp_open(bench.stack, &open, &peers), ESTAB_OK);
    arrives(BENCH_PEER, EVERYBODY, 67);
    assert_true(bench_same(bench_take(&bench, any, "hello").local, EVERYBODY));
    bench_take(&bench, too, "hello");
    arrives(BENCH_PEER, OUR_LINK, 67);
    assert_true(bench_same(bench_take(&bench, any, "hello").local, OUR_LINK));
    bench_take(&bench, too, "hello");
    bench_nothing(&bench, named); /* it is bound to an address that is not this one */
    bench_nothing(&bench, peers);
    set(too, ESTAB_UDP_INTERFACE, 1);
    arrives(NOBODY, EVERYBODY, 67); /* from who has no address yet */
    bench_take(&bench, any, "hello");
    bench_take(&bench, too, "hello");
    assert_int_equal(bench_chunks(&bench), 0);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

/* REASON_UDP_BROADCAST: about a broadcast nobody is told; what is for one host alone does not come so. */
static void what_is_refused_is_not_answered(void **state)
{
    estab_udp udp;

    (void)state;
    start(false);
    udp = bench_socket(&bench, 67, 0);
    arrives(BENCH_PEER, EVERYBODY, 99);
    arrives(BENCH_PEER, OUR_LINK, 99);
    assert_int_equal(bench_reason(&bench, REASON_UDP_BROADCAST), 2);
    arrives(BENCH_PEER, BENCH_US, 67);
    assert_int_equal(bench_reason(&bench, REASON_IP_LINK_BROADCAST), 1);
    arrives(NOBODY, BENCH_US, 67);
    assert_int_equal(bench_reason(&bench, REASON_IP_SOURCE), 1);
    arrives(OUR_LINK, EVERYBODY, 67);
    assert_int_equal(bench_reason(&bench, REASON_IP_SOURCE), 2);
    arrives(BENCH_PEER, estab_ipv4(10, 0, 1, 255), 67); /* of another link */
    assert_int_equal(bench_reason(&bench, REASON_IP_NOT_OURS), 1);
    bench_nothing(&bench, udp);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

static void a_full_buffer_of_one_is_not_anothers(void **state)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = 67, .share = true};
    estab_udp slow, quick;

    (void)state;
    start(false);
    assert_int_equal(estab_udp_open(bench.stack, &open, &quick), ESTAB_OK);
    assert_int_equal(estab_udp_open(bench.stack, &open, &slow), ESTAB_OK);
    set(slow, ESTAB_UDP_RECEIVE_BUFFER, 256);
    for (unsigned i = 0; i < 20; i++) {
        arrives(BENCH_PEER, EVERYBODY, 67);
        bench_take(&bench, quick, "hello");
    }
    assert_int_equal(bench_reason(&bench, REASON_UDP_BUFFER), 0); /* somebody has had each of them */
    bench_end(&bench);
}

/* ---- an address that comes later ---------------------------------------------------------------------------- */

static enum estab_address_state state_of(struct estab_addr address)
{
    struct estab_address a = {.size = sizeof a};
    uint32_t cursor = 0;

    while (estab_address_next(bench.stack, &cursor, &a))
        if (bench_same(a.address, address))
            return a.state;
    return ESTAB_ADDRESS_REMOVED;
}

static void add(void)
{
    assert_int_equal(estab_address_add(bench.stack, 0, BENCH_US, 24, bench.now), ESTAB_OK);
}

/* The next frame is an ARP request from `sender` for our address. */
static void asked(struct estab_addr sender)
{
    const struct bench_packet *p = bench_out(&bench);
    struct estab_addr us = BENCH_US;

    assert_non_null(p);
    assert_memory_equal(p->bytes, all_stations, 6);
    assert_memory_equal(p->bytes + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
    assert_memory_equal(p->bytes + 28, sender.b + 12, 4);
    assert_memory_equal(p->bytes + 38, us.b + 12, 4);
}

static void an_address_is_ours_after_a_second(void **state)
{
    uint8_t bytes[64];

    (void)state;
    start(true);
    add();
    assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_TENTATIVE);
    bench_run(&bench, bench.now);
    asked(NOBODY);
    bench_in(&bench, bytes, made_arp(bytes, 1, BENCH_PEER, BENCH_US)); /* a question is not answered yet */
    assert_null(bench_out(&bench));
    bench_run(&bench, bench.now + ESTAB_SECOND - 1);
    assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_TENTATIVE);
    bench_run(&bench, bench.now + 1);
    assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_PREFERRED);
    asked(BENCH_US); /* the announcement */
    bench_in(&bench, bytes, made_arp(bytes, 1, BENCH_PEER, BENCH_US));
    assert_non_null(bench_out(&bench)); /* now it is */
    assert_int_equal(estab_address_add(bench.stack, 0, estab_ipv4(10, 0, 0, 9), 24, bench.now), ESTAB_EXISTS);
    bench_end(&bench);
}

/* REASON_ARP_DUPLICATE: an answer, a question that tells of it, or another's probe. */
static void an_address_of_another_is_not_ours(void **state)
{
    struct {
        uint16_t operation;
        struct estab_addr sender, target;
    } rows[] = {{2, BENCH_US, NOBODY}, {1, BENCH_US, BENCH_PEER}, {1, NOBODY, BENCH_US}};
    uint8_t bytes[64];
    size_t n;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        start(true);
        add();
        bench_run(&bench, bench.now + ESTAB_SECOND / 2);
        asked(NOBODY);
        n = made_arp(bytes, rows[i].operation, rows[i].sender, rows[i].target);
        memset(bytes, 0xff, 6);
        bytes[11] = bytes[27] = 99; /* another station */
        bench_in(&bench, bytes, n);
        assert_int_equal(bench_reason(&bench, REASON_ARP_DUPLICATE), 1);
        assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_DUPLICATE);
        bench_run(&bench, bench.now + 10 * ESTAB_SECOND);
        assert_null(bench_out(&bench));
        assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_DUPLICATE);
        bench_end(&bench);
    }
}

static void an_address_goes_and_comes_again(void **state)
{
    const struct estab_endpoint far = {estab_ipv4(192, 0, 2, 1), 9};
    estab_udp udp;

    (void)state;
    start(true);
    for (unsigned i = 0; i < 2 * ESTAB_ADDRESSES_MAX; i++) {
        add();
        bench_run(&bench, bench.now + 2 * ESTAB_SECOND);
        assert_int_equal(state_of(BENCH_US), ESTAB_ADDRESS_PREFERRED);
        assert_int_equal(estab_route_add(bench.stack, NOBODY, 0, BENCH_PEER, 0), ESTAB_OK);
        udp = bench_socket(&bench, 68, 0);
        assert_int_equal(estab_udp_send(bench.stack, udp, &far, "x", 1, bench.now), ESTAB_OK);
        assert_int_equal(estab_address_remove(bench.stack, 0, BENCH_US, bench.now), ESTAB_OK);
        bench_pull(&bench); /* what waited is lost, not sent */
        bench_run(&bench, bench.now + 5 * ESTAB_SECOND);
        assert_int_equal(estab_udp_send(bench.stack, udp, &far, "x", 1, bench.now), ESTAB_NO_ROUTE);
        assert_int_equal(estab_udp_close(bench.stack, udp), ESTAB_OK);
        assert_false(estab_address_is_local(bench.stack, BENCH_US));
        assert_int_equal(bench_chunks(&bench), 0);
        bench.taken = bench.sent;
    }
    assert_int_equal(estab_address_remove(bench.stack, 0, BENCH_US, bench.now), ESTAB_INVALID);
    assert_int_equal(estab_address_remove(bench.stack, 1, BENCH_US, bench.now), ESTAB_INVALID);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_may_sends_broadcasts),
        cmocka_unit_test(without_an_address_broadcasts_come_from_none),
        cmocka_unit_test(broadcasts_reach_each_socket_of_the_port),
        cmocka_unit_test(what_is_refused_is_not_answered),
        cmocka_unit_test(a_full_buffer_of_one_is_not_anothers),
        cmocka_unit_test(an_address_is_ours_after_a_second),
        cmocka_unit_test(an_address_of_another_is_not_ours),
        cmocka_unit_test(an_address_goes_and_comes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
