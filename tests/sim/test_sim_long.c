/* SPDX-License-Identifier: MIT */
/*
 * test_sim_long.c - a connection outlives its sequence space: text of more than 4 GB passes, so that
 * SND.UNA is once more than half the space ahead of ISS, and once back at it.
 *
 * Two stacks hand each other super-segments without a link between them, which takes a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "estab.h"

enum { CLIENT, SERVER };
enum { PORT = 3333, BATCH = 32, PIECE = 64 << 10 };

static const uint64_t all_bytes = UINT64_C(4600000000);

struct ends {
    void *room[2];
    estab_stack *stack[2];
    estab_listener listener;
    estab_conn conn[2];
    bool accepted;
    estab_time now;
    uint64_t received;
    struct estab_frame frame[BATCH];
    uint8_t piece[PIECE];
};

static void start(struct ends *e, int side)
{
    struct estab_interface interface = {
        .size = sizeof interface,
        .link = ESTAB_LINK_IP,
        .prefix_length = 24,
        .address = estab_ipv4(10, 11, 0, (uint8_t)(side + 1)),
        .mtu = 1500,
        .super_segment = 65160,
        .checksum_offload = true,
    };
    struct estab_config config;
    size_t size;

    estab_config_init(&config);
    config.connections = config.records = 4;
    config.chunks = 1024;
    size = (estab_stack_size(&config) + 63) & ~(size_t)63;
    e->room[side] = aligned_alloc(64, size);
    assert_non_null(e->room[side]);
    memset(e->room[side], 0, size);
    e->stack[side] = estab_stack_init((struct estab_room){e->room[side], size}, &config, 0);
    assert_non_null(e->stack[side]);
    assert_int_equal(estab_interface_add(e->stack[side], &interface), 0);
}

static void open_both(struct ends *e)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 1};
    struct estab_open open = {.size = sizeof open,
                              .remote = {estab_ipv4(10, 11, 0, SERVER + 1), PORT}};

    start(e, CLIENT);
    start(e, SERVER);
    assert_int_equal(estab_listen(e->stack[SERVER], &listen, &e->listener), ESTAB_OK);
    assert_int_equal(estab_open(e->stack[CLIENT], &open, &e->conn[CLIENT], e->now), ESTAB_OK);
}

static void carry(struct ends *e, int from)
{
    size_t n;

    while ((n = estab_output(e->stack[from], e->frame, BATCH, e->now)) > 0) {
        estab_input(e->stack[!from], e->frame, n, e->now);
        estab_output_done(e->stack[from], e->frame, n);
    }
}

static void turn(struct ends *e)
{
    struct estab_received got;
    size_t taken;

    e->now += 10 * ESTAB_US;
    while (estab_send(e->stack[CLIENT], e->conn[CLIENT], e->piece, PIECE, 0, &taken, e->now) ==
           ESTAB_OK)
        ;
    carry(e, CLIENT);
    if (!e->accepted)
        e->accepted = estab_accept(e->stack[SERVER], e->listener, &e->conn[SERVER]) == ESTAB_OK;
    while (estab_receive(e->stack[SERVER], e->conn[SERVER], e->piece, PIECE, 0, &got, e->now) ==
           ESTAB_OK)
        e->received += got.length;
    carry(e, SERVER);
    for (int side = CLIENT; side <= SERVER; side++)
        if (estab_deadline(e->stack[side]) <= e->now)
            estab_expire(e->stack[side], e->now);
}

/* BAD-10. */
static void more_than_the_sequence_space_passes(void **state)
{
    static struct ends e;
    struct estab_counters counters = {.size = sizeof counters};
    struct estab_status status = {.size = sizeof status};

    (void)state;
    open_both(&e);
    while (e.received < all_bytes) {
        uint64_t before = e.received;

        for (unsigned i = 0; i < 10 && e.received == before; i++)
            turn(&e);
        if (e.received == before)
            fail_msg("it stands still after %llu bytes", (unsigned long long)before);
    }
    estab_counters(e.stack[CLIENT], &counters);
    assert_int_equal(counters.retransmitted, 0);
    assert_int_equal(estab_status(e.stack[CLIENT], e.conn[CLIENT], &status), ESTAB_OK);
    assert_int_equal(status.state, ESTAB_STATE_ESTABLISHED);
    assert_int_equal(status.snd_una, (uint32_t)(status.iss + 1 + e.received));
    free(e.room[CLIENT]);
    free(e.room[SERVER]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_than_the_sequence_space_passes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
