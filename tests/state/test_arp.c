/* SPDX-License-Identifier: MIT */
/*
 * test_arp.c - a stack on Ethernet: it asks for a station before it sends (RFC 826), asks again,
 * gives up for a while, goes by a gateway, and a connection that waited goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/wire.h"

#define OWN     estab_ipv4(10, 0, 0, 1)
#define PEER    estab_ipv4(10, 0, 0, 2)
#define GATEWAY estab_ipv4(10, 0, 0, 254)
#define FAR     estab_ipv4(192, 0, 2, 7)

static estab_stack *stack;
static void *room;
static estab_time now;
static uint8_t frame[2000];
static size_t frame_length;

/* MACs are those of made_frame.c: 02:00 and the address. */
static void start(uint32_t neighbours)
{
    struct estab_interface interface = {
        .size = sizeof interface,
        .link = ESTAB_LINK_ETHERNET,
        .mac = {2, 0, 10, 0, 0, 1},
        .prefix_length = 24,
        .address = OWN,
        .mtu = 1500,
    };
    struct estab_config c = wire_config();
    size_t size;

    c.neighbours = neighbours;
    size = (estab_stack_size(&c) + 63) / 64 * 64;
    free(room);
    room = aligned_alloc(64, size);
    assert_non_null(room);
    memset(room, 0, size);
    now = 0;
    stack = estab_stack_init((struct estab_room){room, size}, &c, 0);
    assert_non_null(stack);
    assert_int_equal(estab_interface_add(stack, &interface), 0);
    assert_int_equal(estab_route_add(stack, estab_ipv4(0, 0, 0, 0), 0, GATEWAY, 0), ESTAB_OK);
}

static bool output(void)
{
    struct estab_frame f;

    if (estab_output(stack, &f, 1, now) == 0)
        return false;
    memcpy(frame, f.head, f.head_length);
    frame_length = f.head_length;
    for (unsigned i = 0; i < f.parts; i++) {
        memcpy(frame + frame_length, f.part[i].base, f.part[i].length);
        frame_length += f.part[i].length;
    }
    estab_output_done(stack, &f, 1);
    return true;
}

/* The next frame leaves at `at` exactly; -1: none until then. */
static int next_frame(estab_time at)
{
    while (!output()) {
        estab_time due = estab_deadline(stack);

        if (due > at) {
            now = at;
            return -1;
        }
        now = due > now ? due : now;
        estab_expire(stack, now);
    }
    return 0;
}

#define NOTHING_UNTIL(t) assert_int_equal(next_frame(t), -1)

static void expect_question(estab_time at, struct estab_addr about)
{
    assert_int_equal(next_frame(at), 0);
    assert_true(now == at);
    assert_int_equal(frame_length, 42);
    assert_memory_equal(frame, "\377\377\377\377\377\377\2\0\12\0\0\1\10\6", 14);
    assert_memory_equal(frame + 14, "\0\1\10\0\6\4\0\1\2\0\12\0\0\1\12\0\0\1\0\0\0\0\0\0", 24);
    assert_memory_equal(frame + 38, about.b + 12, 4);
}

/* A segment to `dst`, in a frame to the station `hop`. */
static void expect_segment(estab_time at, struct estab_addr hop, struct estab_addr dst,
                           unsigned flags)
{
    assert_int_equal(next_frame(at), 0);
    assert_true(now == at);
    assert_memory_equal(frame, "\2\0", 2);
    assert_memory_equal(frame + 2, hop.b + 12, 4);
    assert_memory_equal(frame + 6, "\2\0\12\0\0\1\10\0", 8);
    assert_int_equal(frame[14 + 9], 6);
    assert_memory_equal(frame + 30, dst.b + 12, 4);
    assert_int_equal(frame[14 + 20 + 13], flags);
}

static void input(size_t n, uint8_t *bytes)
{
    struct estab_frame f = made_frame(bytes, n, false);

    estab_input(stack, &f, 1, now);
}

static void says(unsigned operation, struct estab_addr who)
{
    uint8_t bytes[60];

    input(made_arp(bytes, (uint16_t)operation, who, OWN), bytes);
}

static estab_conn open_to(struct estab_addr dst)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {OWN, 4000},
        .remote = {dst, 80},
        .fixed_iss = true,
        .iss = 100,
    };
    estab_conn conn;

    assert_int_equal(estab_open(stack, &open, &conn, now), ESTAB_OK);
    return conn;
}

static unsigned events_of(estab_conn conn, enum estab_error *error)
{
    struct estab_event event;
    unsigned bits = 0;

    *error = ESTAB_OK;
    while (estab_event_next(stack, &event))
        if (event.conn.index == conn.index) {
            bits |= event.bits;
            *error = event.error;
        }
    return bits;
}

static uint64_t reason(const char *name)
{
    struct wire w = {.stack = stack};

    return wire_reason(&w, name);
}

/* ---- asked, and answered --------------------------------------------------------------------------- */

static void a_connection_waits_for_the_answer(void **state)
{
    (void)state;
    enum estab_error error;

    start(4);
    estab_conn conn = open_to(PEER);
    expect_question(0, PEER);
    NOTHING_UNTIL(300 * MS);
    says(2, PEER);
    expect_segment(300 * MS, PEER, PEER, SYN);
    expect_segment(1300 * MS, PEER, PEER, SYN); /* the RTO runs from when it was sent */
    assert_int_equal(events_of(conn, &error), 0);
}

static void a_question_is_put_three_times(void **state)
{
    (void)state;
    enum estab_error error;

    start(4);
    estab_conn conn = open_to(PEER);
    expect_question(0, PEER);
    expect_question(1 * S, PEER);
    expect_question(2 * S, PEER);
    NOTHING_UNTIL(3 * S - 1);
    assert_int_equal(events_of(conn, &error), 0);
    NOTHING_UNTIL(3 * S); /* silence: the SYN counts as lost */
    assert_int_equal(events_of(conn, &error), ESTAB_EVENT_SOFT_ERROR);
    assert_int_equal(error, ESTAB_UNREACHABLE);
    assert_true(reason("NEIGHBOUR_UNKNOWN") > 0);
    /* The SYN's own timer, after 1 and 2 seconds more; at 6 s the station may be asked again. */
    expect_question(6 * S, PEER);
    NOTHING_UNTIL(6500 * MS);
    says(2, PEER);
    expect_segment(6500 * MS, PEER, PEER, SYN);
}

/* A station that asks for us is known from then on. */
static void a_question_teaches(void **state)
{
    (void)state;
    start(4);
    says(1, PEER);
    assert_int_equal(next_frame(0), 0);
    assert_memory_equal(frame, "\2\0\12\0\0\2\2\0\12\0\0\1\10\6\0\1\10\0\6\4\0\2\2\0\12\0\0\1", 28);
    assert_memory_equal(frame + 28, "\12\0\0\1\2\0\12\0\0\2\12\0\0\2", 14);
    (void)open_to(PEER);
    expect_segment(0, PEER, PEER, SYN);
}

/* MUST-20: at R1, the third retransmission, the next hop is asked for anew: it may have gone. */
static void r1_doubts_the_next_hop(void **state)
{
    (void)state;
    start(4);
    says(1, PEER);
    assert_int_equal(next_frame(0), 0);
    (void)open_to(PEER);
    expect_segment(0, PEER, PEER, SYN);
    expect_segment(1 * S, PEER, PEER, SYN);
    expect_segment(3 * S, PEER, PEER, SYN);
    expect_question(7 * S, PEER);
    NOTHING_UNTIL(7200 * MS);
    says(2, PEER);
    expect_segment(7200 * MS, PEER, PEER, SYN);
    expect_segment(15 * S, PEER, PEER, SYN);
}

/* After twenty minutes it is asked anew. */
static void what_is_known_ages(void **state)
{
    (void)state;
    start(4);
    says(1, PEER);
    assert_int_equal(next_frame(0), 0);
    NOTHING_UNTIL(1200 * S - 1);
    estab_conn conn = open_to(PEER);
    expect_segment(1200 * S - 1, PEER, PEER, SYN);
    assert_int_equal(estab_abort(stack, conn, now), ESTAB_OK);
    NOTHING_UNTIL(1200 * S);
    (void)open_to(PEER);
    expect_question(1200 * S, PEER);
}

static void a_gateway_is_asked_for_what_is_far(void **state)
{
    (void)state;
    start(4);
    (void)open_to(FAR);
    expect_question(0, GATEWAY);
    says(2, PEER); /* not the one that was asked for */
    NOTHING_UNTIL(10 * MS);
    says(2, GATEWAY);
    expect_segment(10 * MS, GATEWAY, FAR, SYN);
}

static void no_route_is_an_error_of_open(void **state)
{
    (void)state;
    struct estab_interface interface = {
        .size = sizeof interface, .prefix_length = 24, .address = OWN, .mtu = 1500};
    struct estab_open open = {.size = sizeof open, .remote = {FAR, 80}};
    struct estab_config c = wire_config();
    estab_conn conn;

    start(4);
    stack = estab_stack_init((struct estab_room){room, estab_stack_size(&c)}, &c, 0);
    assert_int_equal(estab_interface_add(stack, &interface), 0);
    assert_int_equal(estab_open(stack, &open, &conn, 0), ESTAB_NO_ROUTE);
}

/* Many connections to one silent station: one question, and all go on when it speaks. */
static void all_that_wait_go_on(void **state)
{
    (void)state;
    struct estab_open open = {.size = sizeof open, .remote = {PEER, 80}};
    estab_conn conn;

    start(4);
    for (int i = 0; i < 10; i++)
        assert_int_equal(estab_open(stack, &open, &conn, 0), ESTAB_OK);
    expect_question(0, PEER);
    NOTHING_UNTIL(200 * MS);
    says(2, PEER);
    for (int i = 0; i < 10; i++)
        expect_segment(200 * MS, PEER, PEER, SYN);
    NOTHING_UNTIL(300 * MS);
}

/* ---- answers that no connection owns ------------------------------------------------------------------- */

static size_t stray(uint8_t *bytes, struct estab_addr from)
{
    struct made_tcp m = {.src = {from, 999}, .dst = {OWN, 7}, .seq = 5, .flags = SYN, .text = ""};

    return made_tcp(bytes, &m, false);
}

/* To the station that asked; nobody is asked for it. */
static void a_reset_goes_where_the_segment_came_from(void **state)
{
    (void)state;
    uint8_t bytes[100];

    start(4);
    input(stray(bytes, PEER), bytes);
    expect_segment(0, PEER, PEER, RST | ACK);
    NOTHING_UNTIL(10 * S);
}

/* Strangers with a new address each push no station out that is in use. */
static void strangers_push_nobody_out(void **state)
{
    (void)state;
    uint8_t bytes[100];

    start(4);
    says(1, PEER);
    assert_int_equal(next_frame(0), 0);
    for (unsigned i = 20; i < 120; i++) {
        struct estab_addr who = estab_ipv4(10, 0, 0, (uint8_t)i);

        input(stray(bytes, who), bytes);
        expect_segment(0, who, who, RST | ACK);
    }
    (void)open_to(PEER);
    expect_segment(0, PEER, PEER, SYN);
}

/* ---- the pool runs out ---------------------------------------------------------------------------------- */

static void a_full_table_is_named(void **state)
{
    (void)state;
    enum estab_error error;
    struct estab_open open = {.size = sizeof open};
    estab_conn conn;

    start(2);
    for (unsigned i = 0; i < 2; i++) {
        open.remote = (struct estab_endpoint){estab_ipv4(10, 0, 0, (uint8_t)(50 + i)), 80};
        assert_int_equal(estab_open(stack, &open, &conn, 0), ESTAB_OK);
        expect_question(0, open.remote.addr);
    }
    conn = open_to(PEER);
    NOTHING_UNTIL(0);
    assert_int_equal(events_of(conn, &error), ESTAB_EVENT_SOFT_ERROR);
    assert_int_equal(reason("NEIGHBOUR_TABLE_FULL"), 1);
    says(2, estab_ipv4(10, 0, 0, 50)); /* the others are unharmed */
    expect_segment(0, estab_ipv4(10, 0, 0, 50), estab_ipv4(10, 0, 0, 50), SYN);
    says(2, estab_ipv4(10, 0, 0, 51));
    expect_segment(0, estab_ipv4(10, 0, 0, 51), estab_ipv4(10, 0, 0, 51), SYN);
    assert_int_equal(estab_abort(stack, conn, now), ESTAB_OK);
    (void)open_to(PEER);
    expect_question(0, PEER); /* in the place of a known one */
}

/* ---- frames that are not for us --------------------------------------------------------------------------- */

static void frames_for_others_are_dropped(void **state)
{
    (void)state;
    uint8_t bytes[100];
    size_t n = stray(bytes, PEER);

    start(4);
    bytes[5] ^= 1;
    input(n, bytes);
    assert_int_equal(reason("FRAME_NOT_OURS"), 1);
    bytes[5] ^= 1;
    bytes[13] = 0x55;
    input(n, bytes);
    assert_int_equal(reason("FRAME_ETHERTYPE"), 1);
    for (size_t i = 1; i < 14; i++)
        input(i, bytes);
    assert_int_equal(reason("FRAME_SHORT"), 13);
    NOTHING_UNTIL(1 * S);
}

/* RFC 1122 section 3.3.6: unicast IP in a broadcast frame is discarded. */
static void unicast_in_a_broadcast_is_dropped(void **state)
{
    (void)state;
    uint8_t bytes[100];
    size_t n = stray(bytes, PEER);

    start(4);
    memset(bytes, 0xff, 6);
    input(n, bytes);
    NOTHING_UNTIL(1 * S);
    assert_int_equal(reason("IP_LINK_BROADCAST"), 1);
}

/* BAD-15. */
static void short_arp_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[60];
    size_t n = made_arp(bytes, 1, PEER, OWN);

    start(4);
    for (size_t i = 14; i < n; i++)
        input(i, bytes);
    assert_int_equal(reason("ARP_MALFORMED"), 28);
    NOTHING_UNTIL(1 * S);
}

static int done(void **state)
{
    (void)state;
    free(room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_waits_for_the_answer),
        cmocka_unit_test(a_question_is_put_three_times),
        cmocka_unit_test(a_question_teaches),
        cmocka_unit_test(r1_doubts_the_next_hop),
        cmocka_unit_test(what_is_known_ages),
        cmocka_unit_test(a_gateway_is_asked_for_what_is_far),
        cmocka_unit_test(no_route_is_an_error_of_open),
        cmocka_unit_test(all_that_wait_go_on),
        cmocka_unit_test(a_reset_goes_where_the_segment_came_from),
        cmocka_unit_test(strangers_push_nobody_out),
        cmocka_unit_test(a_full_table_is_named),
        cmocka_unit_test(frames_for_others_are_dropped),
        cmocka_unit_test(unicast_in_a_broadcast_is_dropped),
        cmocka_unit_test(short_arp_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
