/* SPDX-License-Identifier: MIT */
#include "estab_udp.h"
#include "support/udp_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"

struct estab_config bench_config(void)
{
    struct estab_config c;

    estab_config_init(&c);
    c.connections = c.records = 8;
    c.listeners = 4;
    c.chunks = 64;
    c.chunk_bytes = 512;
    c.receive_reserve = 2048;
    c.receive_buffer = 4096;
    c.neighbours = 4;
    c.udp_sockets = 4;
    c.datagrams = 8;
    c.fragments = 17;
    memset(c.isn_key, 7, sizeof c.isn_key);
    memset(c.hash_key, 9, sizeof c.hash_key);
    return c;
}

void bench_start(struct udp_bench *b, const struct estab_config *config)
{
    struct estab_interface i = {.size = sizeof i,
                                .link = b->ethernet ? ESTAB_LINK_ETHERNET : ESTAB_LINK_IP,
                                .mac = {2, 0, 10, 0, 0, 1},
                                .prefix_length = 24,
                                .address = BENCH_US,
                                .mtu = b->mtu ? b->mtu : 1500,
                                .checksum_offload = b->offload};

    if (b->unnumbered) {
        i.address = estab_ipv4(0, 0, 0, 0);
        i.prefix_length = 0;
    }
    assert_null(estab_config_check(config));
    b->now = ESTAB_SECOND;
    b->sent = b->taken = 0;
    b->size = (estab_stack_size(config) + 63) / 64 * 64;
    b->room = aligned_alloc(64, b->size);
    assert_non_null(b->room);
    memset(b->room, 0, b->size);
    b->stack = estab_stack_init((struct estab_room){b->room, b->size}, config, b->now);
    assert_non_null(b->stack);
    assert_int_equal(estab_interface_add(b->stack, &i), 0);
}

void bench_end(struct udp_bench *b)
{
    free(b->room);
    b->stack = NULL;
}

static void keep(struct udp_bench *b, const struct estab_frame *f)
{
    struct bench_packet *p = &b->out[b->sent++ % BENCH_PACKETS];
    size_t n = f->head_length;

    p->length = f->length;
    memcpy(p->bytes, f->head, n);
    for (unsigned i = 0; i < f->parts; i++) {
        size_t take = n + f->part[i].length <= BENCH_BYTES ? f->part[i].length : BENCH_BYTES - n;

        memcpy(p->bytes + n, f->part[i].base, take);
        n += take;
    }
}

void bench_pull(struct udp_bench *b)
{
    struct estab_frame f;

    while (estab_output(b->stack, &f, 1, b->now) == 1) {
        keep(b, &f);
        estab_output_done(b->stack, &f, 1);
    }
}

void bench_in(struct udp_bench *b, uint8_t *bytes, size_t n)
{
    struct estab_frame f = made_frame(bytes, n, !b->ethernet);

    estab_input(b->stack, &f, 1, b->now);
    bench_pull(b);
}

const struct bench_packet *bench_out(struct udp_bench *b)
{
    bench_pull(b);
    assert_true(b->sent - b->taken <= BENCH_PACKETS);
    return b->taken < b->sent ? &b->out[b->taken++ % BENCH_PACKETS] : NULL;
}

void bench_run(struct udp_bench *b, estab_time until)
{
    for (;;) {
        estab_time next = estab_deadline(b->stack);

        if (next > until)
            break;
        b->now = next > b->now ? next : b->now;
        estab_expire(b->stack, b->now);
        bench_pull(b);
    }
    b->now = until;
}

estab_udp bench_socket(struct udp_bench *b, uint16_t port, uint16_t remote)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = port};
    estab_udp udp;

    if (remote)
        open.remote = (struct estab_endpoint){BENCH_PEER, remote};
    assert_int_equal(estab_udp_open(b->stack, &open, &udp), ESTAB_OK);
    return udp;
}

void bench_datagram(struct udp_bench *b, uint16_t from, uint16_t to, const void *text, size_t n)
{
    static uint8_t bytes[MADE_FRAME_MAX];

    bench_in(b, bytes,
             made_udp(bytes, (struct estab_endpoint){BENCH_PEER, from},
                      (struct estab_endpoint){BENCH_US, to}, text, n, MADE_GOOD, !b->ethernet));
}

void bench_icmp(struct udp_bench *b, unsigned type, unsigned code, struct estab_endpoint src,
                struct estab_endpoint dst)
{
    uint8_t bytes[128], message[8 + 28] = {(uint8_t)type, (uint8_t)code};
    uint16_t sum;

    (void)made_udp(message + 8, src, dst, "", 0, MADE_GOOD, true);
    sum = made_sum(0, message, sizeof message);
    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
    bench_in(b, bytes,
             made_ip(bytes, BENCH_PEER, BENCH_US, 1, message, sizeof message, !b->ethernet));
}

struct estab_endpoint bench_us(uint16_t port)
{
    return (struct estab_endpoint){BENCH_US, port};
}

struct estab_endpoint bench_peer(uint16_t port)
{
    return (struct estab_endpoint){BENCH_PEER, port};
}

enum estab_error bench_send(struct udp_bench *b, estab_udp udp, const char *text, uint16_t port)
{
    struct estab_endpoint to = bench_peer(port);

    return estab_udp_send(b->stack, udp, port ? &to : NULL, text, strlen(text), b->now);
}

struct estab_udp_received bench_take(struct udp_bench *b, estab_udp udp, const char *text)
{
    struct estab_udp_received got;
    char buffer[2048];

    assert_int_equal(estab_udp_receive(b->stack, udp, buffer, sizeof buffer, 0, &got), ESTAB_OK);
    assert_int_equal(got.length, strlen(text));
    assert_memory_equal(buffer, text, got.length);
    return got;
}

void bench_nothing(struct udp_bench *b, estab_udp udp)
{
    struct estab_udp_received got;
    char byte;

    assert_int_equal(estab_udp_receive(b->stack, udp, &byte, 1, 0, &got), ESTAB_AGAIN);
}

bool bench_same(struct estab_addr a, struct estab_addr b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

uint32_t bench_chunks(const struct udp_bench *b)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(b->stack, &c);
    return c.chunks_used;
}

uint64_t bench_reason(const struct udp_bench *b, enum reason reason)
{
    return estab_reason_count(b->stack, reason);
}

unsigned bench_events(struct udp_bench *b, estab_udp udp, enum estab_error *error)
{
    struct estab_event event;
    unsigned bits = 0;

    while (estab_event_next(b->stack, &event)) {
        if (event.udp.index != udp.index || event.udp.generation != udp.generation)
            continue;
        assert_int_equal(event.conn.generation, 0);
        assert_int_equal(event.listener.generation, 0);
        bits |= event.bits;
        if (error && event.error)
            *error = event.error;
    }
    assert_false(estab_event_pending(b->stack));
    return bits;
}
