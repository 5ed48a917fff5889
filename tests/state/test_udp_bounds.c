/* SPDX-License-Identifier: MIT */
/*
 * test_udp_bounds.c - every queue of UDP has its bound: what waits for neighbours, for its user, or to be
 * sent; what a closed socket leaves, and what a fork has.
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

/* ---- neighbours ---------------------------------------------------------------------------------------- */

static void ethernet(void)
{
    struct estab_config c = bench_config();

    bench = (struct udp_bench){.ethernet = true};
    bench_start(&bench, &c);
}

static void answer_arp(struct estab_addr who)
{
    uint8_t bytes[64];

    bench_in(&bench, bytes, made_arp(bytes, 2, who, BENCH_US));
}

/* What waits for one neighbour stands in no other's way, and goes in order once it is known. */
static void datagrams_wait_for_their_neighbour(void **state)
{
    struct estab_endpoint silent = {estab_ipv4(10, 0, 0, 7), 9};
    const struct bench_packet *p;
    estab_udp udp;

    (void)state;
    ethernet();
    udp = bench_socket(&bench, 53, 0);
    assert_int_equal(estab_udp_send(bench.stack, udp, &silent, "x", 1, bench.now), ESTAB_OK);
    assert_int_equal(bench_send(&bench, udp, "one", 4000), ESTAB_OK);
    assert_int_equal(bench_send(&bench, udp, "two", 4000), ESTAB_OK);
    for (unsigned i = 0; i < 2; i++) { /* one question for each neighbour */
        p = bench_out(&bench);
        assert_non_null(p);
        assert_memory_equal(p->bytes + 12, "\10\6", 2);
    }
    assert_null(bench_out(&bench));
    answer_arp(BENCH_PEER);
    assert_memory_equal(bench_out(&bench)->bytes + 14 + 28, "one", 3);
    assert_memory_equal(bench_out(&bench)->bytes + 14 + 28, "two", 3);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

static void a_silent_neighbour_is_an_error(void **state)
{
    struct estab_udp_error error = {.size = sizeof error};
    enum estab_error event = ESTAB_OK;
    estab_udp udp;

    (void)state;
    ethernet();
    udp = bench_socket(&bench, 53, 4000);
    assert_int_equal(bench_send(&bench, udp, "x", 0), ESTAB_OK);
    bench_pull(&bench);
    bench_run(&bench, bench.now + 10 * ESTAB_SECOND);
    assert_int_equal(bench_events(&bench, udp, &event), ESTAB_EVENT_SOFT_ERROR);
    assert_int_equal(event, ESTAB_UNREACHABLE);
    assert_int_equal(estab_udp_error(bench.stack, udp, &error), ESTAB_OK);
    assert_false(error.icmp);
    assert_int_equal(error.remote.port, 4000);
    assert_int_equal(bench_reason(&bench, REASON_NEIGHBOUR_UNKNOWN), 1);
    assert_int_equal(bench_chunks(&bench), 0);
    bench_end(&bench);
}

/* ---- bounds -------------------------------------------------------------------------------------------- */

static void half_of_the_datagrams_may_wait(void **state)
{
    struct estab_counters counters = {.size = sizeof counters};
    char text[2] = "0";
    estab_udp udp;

    (void)state;
    ethernet();
    udp = bench_socket(&bench, 53, 4000);
    for (unsigned i = 0; i < 9; i++) {
        text[0] = (char)('0' + i);
        assert_int_equal(bench_send(&bench, udp, text, 0), ESTAB_OK);
        bench_pull(&bench);
    }
    estab_counters(bench.stack, &counters);
    assert_int_equal(counters.datagrams, 4);
    assert_int_equal(bench_reason(&bench, REASON_UDP_WAITING), 5);
    assert_non_null(bench_out(&bench)); /* the question */
    answer_arp(BENCH_PEER);
    for (char c = '5'; c <= '8'; c++) /* the newest are kept */
        assert_int_equal(bench_out(&bench)->bytes[14 + 28], c);
    assert_null(bench_out(&bench));
    bench_end(&bench);
}

static void a_receive_buffer_is_bounded(void **state)
{
    struct estab_udp_status st = {.size = sizeof st};
    static char text[1000];
    estab_udp udp;
    unsigned i;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_RECEIVE_BUFFER, 500), ESTAB_OK);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_RECEIVE_BUFFER, 255), ESTAB_INVALID);
    for (i = 0; i < 20; i++)
        bench_datagram(&bench, 4000, 53, text, 62); /* a hundred each */
    assert_int_equal(estab_udp_status(bench.stack, udp, &st), ESTAB_OK);
    assert_int_equal(st.waiting, 5);
    assert_int_equal(st.next_length, 62);
    assert_int_equal(st.receive_queued, 500);
    assert_int_equal(st.received, 5);
    assert_int_equal(st.dropped, 15);
    assert_int_equal(bench_reason(&bench, REASON_UDP_BUFFER), 15);
    for (i = 0; i < 5; i++)
        assert_int_equal(estab_udp_receive(bench.stack, udp, text, 62, 0,
                                           &(struct estab_udp_received){0}), ESTAB_OK);
    bench_datagram(&bench, 4000, 53, text, 1000); /* a first one is taken however long */
    assert_int_equal(estab_udp_status(bench.stack, udp, &st), ESTAB_OK);
    assert_int_equal(st.next_length, 1000);
    bench_end(&bench);
}

/* A flood to sockets that nobody reads: an eighth of the text pool, and TCP has the rest. */
static void all_sockets_share_an_eighth_of_the_text_pool(void **state)
{
    struct estab_counters counters = {.size = sizeof counters};
    static const char text[400];
    estab_udp udp[4];
    unsigned kept = 0;

    (void)state;
    start();
    for (uint16_t i = 0; i < 4; i++)
        udp[i] = bench_socket(&bench, (uint16_t)(53 + i), 0);
    for (unsigned i = 0; i < 10000; i++)
        bench_datagram(&bench, 4000, (uint16_t)(53 + i % 4), text, i % 401);
    estab_counters(bench.stack, &counters);
    assert_true(counters.chunks_used <= 64 / 8 + 2 * 4); /* a first and a last piece of each queue */
    assert_true(bench_reason(&bench, REASON_UDP_TEXT_POOL) > 9000);
    for (unsigned i = 0; i < 4; i++) {
        struct estab_udp_status st = {.size = sizeof st};

        assert_int_equal(estab_udp_status(bench.stack, udp[i], &st), ESTAB_OK);
        kept += st.receive_queued;
        assert_int_equal(estab_udp_close(bench.stack, udp[i]), ESTAB_OK);
    }
    assert_true(kept <= 64 * 512 / 8 && kept > 64 * 512 / 8 - 438);
    assert_int_equal(bench_chunks(&bench), 0);
    bench_end(&bench);
}

static void a_send_buffer_is_bounded(void **state)
{
    static const char text[300];
    estab_udp udp, other;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    other = bench_socket(&bench, 54, 4000);
    assert_int_equal(estab_udp_set(bench.stack, udp, ESTAB_UDP_SEND_BUFFER, 1000), ESTAB_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(estab_udp_send(bench.stack, udp, NULL, text, 300, bench.now), ESTAB_OK);
    assert_int_equal(estab_udp_send(bench.stack, udp, NULL, text, 300, bench.now), ESTAB_AGAIN);
    for (unsigned i = 0; i < 5; i++) /* the pool has 8 */
        assert_int_equal(estab_udp_send(bench.stack, other, NULL, "x", 1, bench.now), ESTAB_OK);
    assert_int_equal(estab_udp_send(bench.stack, other, NULL, "x", 1, bench.now), ESTAB_AGAIN);
    assert_int_equal(bench_events(&bench, udp, NULL), 0);
    bench_pull(&bench);
    assert_int_equal(bench.sent, 8);
    assert_true(estab_event_pending(bench.stack));
    assert_int_equal(bench_events(&bench, udp, NULL), ESTAB_EVENT_WRITABLE);
    assert_int_equal(estab_udp_send(bench.stack, udp, NULL, text, 300, bench.now), ESTAB_OK);
    bench_pull(&bench);
    assert_int_equal(bench_events(&bench, udp, NULL), 0); /* nothing was refused since */
    bench_end(&bench);
}

static void the_pools_end_wakes_who_was_refused(void **state)
{
    estab_udp udp, other;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    other = bench_socket(&bench, 54, 4000);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(estab_udp_send(bench.stack, udp, NULL, "x", 1, bench.now), ESTAB_OK);
    assert_int_equal(estab_udp_send(bench.stack, other, NULL, "x", 1, bench.now), ESTAB_AGAIN);
    bench_pull(&bench);
    assert_int_equal(bench_events(&bench, other, NULL), ESTAB_EVENT_WRITABLE);
    bench_end(&bench);
}

/* A closed socket's datagrams still go, its events and its queue do not stay. */
static void closing_leaves_nothing(void **state)
{
    estab_udp udp, other;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    other = bench_socket(&bench, 54, 0);
    bench_datagram(&bench, 4000, 53, "never read", 10);
    bench_datagram(&bench, 4000, 54, "read", 4);
    assert_int_equal(bench_send(&bench, udp, "still sent", 0), ESTAB_OK);
    assert_int_equal(estab_udp_close(bench.stack, udp), ESTAB_OK);
    assert_int_equal(bench_send(&bench, udp, "x", 0), ESTAB_NO_CONNECTION);
    assert_int_equal(bench_events(&bench, other, NULL), ESTAB_EVENT_READABLE);
    assert_memory_equal(bench_out(&bench)->bytes + 28, "still sent", 10);
    bench_take(&bench, other, "read");
    assert_int_equal(bench_chunks(&bench), 0);
    assert_int_equal(estab_udp_close(bench.stack, other), ESTAB_OK);
    assert_false(estab_event_pending(bench.stack));
    bench_end(&bench);
}

/* A memcpy of the room is a fork: both have the datagrams, and go their own way. */
static void a_fork_has_the_datagrams(void **state)
{
    struct udp_bench copy;
    estab_udp udp;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 4000);
    bench_datagram(&bench, 4000, 53, "both", 4);
    assert_int_equal(bench_send(&bench, udp, "sent", 0), ESTAB_OK);
    copy = bench;
    copy.room = aligned_alloc(64, bench.size);
    assert_non_null(copy.room);
    memcpy(copy.room, bench.room, bench.size);
    copy.stack = estab_stack_adopt((struct estab_room){copy.room, copy.size});
    assert_non_null(copy.stack);
    bench_take(&bench, udp, "both");
    assert_memory_equal(bench_out(&bench)->bytes + 28, "sent", 4);
    bench_end(&bench);
    bench = copy;
    bench_take(&bench, udp, "both");
    assert_memory_equal(bench_out(&bench)->bytes + 28, "sent", 4);
    bench_end(&bench);
}

/* To ourselves: without a device, and the answer too. */
static void a_stack_talks_to_itself(void **state)
{
    struct estab_endpoint to = bench_us(54);
    struct estab_udp_received got;
    static char text[9000];
    estab_udp udp, other;

    (void)state;
    start();
    udp = bench_socket(&bench, 53, 0);
    other = bench_socket(&bench, 54, 0);
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, "ping", 4, bench.now), ESTAB_OK);
    assert_null(bench_out(&bench));
    got = bench_take(&bench, other, "ping");
    assert_int_equal(got.remote.port, 53);
    assert_true(bench_same(got.remote.addr, BENCH_US));
    assert_int_equal(estab_udp_send(bench.stack, udp, &to, text, 3000, bench.now), ESTAB_OK);
    assert_null(bench_out(&bench)); /* longer than the link's MTU, which it does not cross */
    assert_int_equal(estab_udp_receive(bench.stack, other, text, sizeof text, 0, &got), ESTAB_OK);
    assert_int_equal(got.length, 3000);
    to.port = 99;
    assert_int_equal(estab_udp_connect(bench.stack, udp, to), ESTAB_OK);
    assert_int_equal(estab_udp_send(bench.stack, udp, NULL, "ping", 4, bench.now), ESTAB_OK);
    assert_null(bench_out(&bench));
    assert_int_equal(bench_events(&bench, udp, NULL), ESTAB_EVENT_SOFT_ERROR);
    bench_end(&bench);
}

static void all_sockets_are_listed(void **state)
{
    struct estab_udp_status st = {.size = sizeof st};
    uint32_t cursor = 0;
    estab_udp first;

    (void)state;
    start();
    assert_false(estab_udp_list(bench.stack, &cursor, &st));
    first = bench_socket(&bench, 53, 0);
    (void)bench_socket(&bench, 54, 4000);
    assert_int_equal(estab_udp_close(bench.stack, first), ESTAB_OK);
    cursor = 0;
    assert_true(estab_udp_list(bench.stack, &cursor, &st));
    assert_int_equal(st.local.port, 54);
    assert_int_equal(st.remote.port, 4000);
    assert_true(bench_same(st.local.addr, BENCH_US)); /* by the route */
    assert_false(estab_udp_list(bench.stack, &cursor, &st));
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_wait_for_their_neighbour),
        cmocka_unit_test(a_silent_neighbour_is_an_error),
        cmocka_unit_test(half_of_the_datagrams_may_wait),
        cmocka_unit_test(a_receive_buffer_is_bounded),
        cmocka_unit_test(all_sockets_share_an_eighth_of_the_text_pool),
        cmocka_unit_test(a_send_buffer_is_bounded),
        cmocka_unit_test(the_pools_end_wakes_who_was_refused),
        cmocka_unit_test(closing_leaves_nothing),
        cmocka_unit_test(a_fork_has_the_datagrams),
        cmocka_unit_test(a_stack_talks_to_itself),
        cmocka_unit_test(all_sockets_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
