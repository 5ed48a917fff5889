/* SPDX-License-Identifier: MIT */
/*
 * Which connection a segment is for: "a pair of sockets names a connection" (RFC 9293 section 3.3.1),
 * and of several that listen the one that names its sockets most exactly takes the SYN.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/rig.h"

static struct rig r;

static struct estab_addr second_address(void)
{
    return estab_ipv4(10, 12, 0, 1);
}

static void begin(void)
{
    struct estab_interface interface = {.size = sizeof interface,
                                        .link = ESTAB_LINK_IP,
                                        .prefix_length = 24,
                                        .address = second_address(),
                                        .mtu = 1500};

    rig_start(&r, NULL, UINT32_MAX, 7);
    assert_int_equal(estab_interface_add(r.stack, &interface), 1);
}

/* A SYN to one of our addresses; what is answered is nobody's business here. */
static void syn(struct estab_addr from, uint16_t port, struct estab_addr to)
{
    struct made_tcp m = {
        .src = {from, port}, .dst = {to, RIG_PORT}, .seq = 7, .window = 5000, .flags = SYN};
    static uint8_t bytes[RIG_FRAME_MAX];
    struct estab_frame frame = made_frame(bytes, made_tcp(bytes, &m, true), true);

    estab_input(r.stack, &frame, 1, r.now);
}

/* How many there are in SYN-RECEIVED. */
static unsigned received(void)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;
    unsigned n = 0;

    while (estab_list(r.stack, &cursor, &st))
        n += st.state == ESTAB_STATE_SYN_RECEIVED;
    return n;
}

static enum estab_state state_of(estab_conn conn)
{
    struct estab_status st = {.size = sizeof st};

    assert_int_equal(estab_status(r.stack, conn, &st), ESTAB_OK);
    return st.state;
}

static estab_conn open_passive(struct estab_addr local, struct estab_addr remote, uint16_t port)
{
    struct estab_open open = {
        .size = sizeof open, .passive = true, .local = {local, RIG_PORT}, .remote = {remote, port}};
    estab_conn conn;

    assert_int_equal(estab_open(r.stack, &open, &conn, r.now), ESTAB_OK);
    return conn;
}

static const struct estab_addr any;

static void each_part_of_the_pair_counts(void **state)
{
    (void)state;
    begin();
    rig_listen(&r); /* at 10.11.0.1 */
    syn(rig_peer(), 50000, rig_us());
    assert_int_equal(received(), 1);
    syn(rig_peer(), 50000, rig_us()); /* the same again */
    assert_int_equal(received(), 1);
    syn(rig_peer(), 50001, rig_us());
    assert_int_equal(received(), 2);
    syn(estab_ipv4(10, 11, 0, 3), 50000, rig_us());
    assert_int_equal(received(), 3);
    syn(rig_peer(), 50000, second_address()); /* nobody listens there */
    assert_int_equal(received(), 3);
    COUNTED(&r, REASON_CLOSED_RESET, 1);
    rig_end(&r);
}

/* MUST-45. */
static void our_address_is_a_part_of_the_pair(void **state)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = RIG_PORT, .backlog = 4};
    (void)state;
    for (uint16_t port = 50000; port < 50100; port++) { /* some of them share a bucket */
        begin();
        assert_int_equal(estab_listen(r.stack, &listen, &r.listener), ESTAB_OK);
        syn(rig_peer(), port, rig_us());
        syn(rig_peer(), port, second_address());
        assert_int_equal(received(), 2);
        rig_end(&r);
    }
}

/* The same SYN meets ever more exact passive OPENs, in whatever order they were made.
 * MUST-41. */
static void the_most_exact_passive_open_is_taken(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        estab_conn conns[4];

        begin();
        for (int i = 0; i < 4; i++) {
            int k = order ? 3 - i : i;

            conns[k] = open_passive(k >= 1 ? rig_us() : any, k >= 2 ? rig_peer() : any,
                                    k >= 3 ? 50000 : 0);
        }
        for (int k = 3; k >= 0; k--) {
            syn(rig_peer(), (uint16_t)(k == 3 ? 50000 : 50001 + k), rig_us());
            assert_int_equal(state_of(conns[k]), ESTAB_STATE_SYN_RECEIVED);
            if (k > 0)
                assert_int_equal(state_of(conns[k - 1]), ESTAB_STATE_LISTEN);
        }
        rig_end(&r);
    }
}

/* MUST-42: a passive OPEN beside a connection with the same local port. */
static void listening_goes_on_beside_connections(void **state)
{
    (void)state;
    begin();
    rig_listen(&r);
    for (uint16_t i = 0; i < 6; i++) { /* more than the backlog, as each is accepted */
        uint16_t port = (uint16_t)(50000 + i);

        IN(&r, SYN, 0, 0, .port = port);
        OUT(&r, SYN | ACK, 0, 1, .port = port);
        IN(&r, ACK, 1, 1, .port = port);
        QUIET(&r);
        assert_int_equal(rig_accept(&r), ESTAB_OK);
        assert_int_equal(state_of(r.conn), ESTAB_STATE_ESTABLISHED);
    }
    assert_int_equal(rig_accept(&r), ESTAB_AGAIN);
    rig_end(&r);
}

/* A SYN,ACK offers a window: without chunks to back one there is no answer, and none is reset. */
static void no_window_no_answer(void **state)
{
    struct estab_config config = rig_config();
    (void)state;
    config.chunks = 64; /* two windows of 26, and an eighth for senders */
    rig_start(&r, &config, 1, UINT32_MAX);
    rig_listen(&r);
    for (uint16_t i = 0; i < 3; i++) {
        uint16_t port = (uint16_t)(50000 + i);

        IN(&r, SYN, 0, 0, .port = port);
        if (i < 2)
            OUT(&r, SYN | ACK, 0, 1, .port = port);
        QUIET(&r);
        if (i < 2)
            IN(&r, ACK, 1, 1, .port = port);
    }
    COUNTED(&r, REASON_LISTEN_TEXT_POOL, 1);
    assert_int_equal(rig_accept(&r), ESTAB_OK);
    assert_int_equal(state_of(r.conn), ESTAB_STATE_ESTABLISHED);
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK); /* senders have their eighth */
    assert_int_equal(r.sent, 10);
    rig_end(&r);
}

/* Children come out of the queue in the order in which they became ESTABLISHED. */
static void children_are_accepted_in_order(void **state)
{
    struct estab_status st = {.size = sizeof st};
    (void)state;
    begin();
    rig_listen(&r);
    for (uint16_t i = 0; i < 4; i++)
        IN(&r, SYN, 0, 0, .port = (uint16_t)(50000 + i));
    for (uint16_t i = 4; i-- > 0;)
        IN(&r, ACK, 1, 1, .port = (uint16_t)(50000 + i));
    for (uint16_t i = 4; i-- > 0;) {
        assert_int_equal(rig_accept(&r), ESTAB_OK);
        assert_int_equal(estab_status(r.stack, r.conn, &st), ESTAB_OK);
        assert_int_equal(st.remote.port, 50000 + i);
    }
    rig_end(&r);
}

/* What happened to a child before it was accepted is told afterwards; a reset one is still handed
 * over, and its end is its only news. */
static void a_childs_events_wait_for_it(void **state)
{
    (void)state;
    begin();
    rig_listen(&r);
    IN(&r, SYN, 0, 0);
    IN(&r, FIN | PSH | ACK, 1, 1, .len = 10);
    HAPPENED(&r, ESTAB_EVENT_ACCEPT, ESTAB_OK);
    assert_int_equal(rig_accept(&r), ESTAB_OK);
    HAPPENED(&r, ESTAB_EVENT_OPENED | ESTAB_EVENT_READABLE | ESTAB_EVENT_PEER_CLOSED, ESTAB_OK);
    assert_int_equal(rig_receive(&r, 20), 10);
    assert_int_equal(rig_abort(&r), ESTAB_OK);
    rig_forget(&r);
    IN(&r, SYN, 0, 0);
    IN(&r, ACK, 1, 1);
    IN(&r, RST, 1, 0);
    HAPPENED(&r, ESTAB_EVENT_ACCEPT, ESTAB_OK);
    assert_int_equal(rig_accept(&r), ESTAB_OK);
    HAPPENED(&r, ESTAB_EVENT_OPENED | ESTAB_EVENT_CLOSED, ESTAB_RESET);
    assert_int_equal(rig_close(&r), ESTAB_NO_CONNECTION);
    r.conn = (estab_conn){0, 0};
    assert_true(rig_leaves_nothing(&r));
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_of_the_pair_counts),
        cmocka_unit_test(our_address_is_a_part_of_the_pair),
        cmocka_unit_test(the_most_exact_passive_open_is_taken),
        cmocka_unit_test(listening_goes_on_beside_connections),
        cmocka_unit_test(no_window_no_answer),
        cmocka_unit_test(children_are_accepted_in_order),
        cmocka_unit_test(a_childs_events_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
