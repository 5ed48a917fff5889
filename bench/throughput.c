/* SPDX-License-Identifier: MIT */
/*
 * throughput.c - a stack on a TUN device, one of whose ports takes all text and one gives it.
 *
 *      throughput tun:NAME A.B.C.D/N [defaults]
 *
 *      kernel ==== device ==== stack ---- estab_receive ---> ring     port 5001, the sink
 *                                    <--- estab_send ------- ring     port 5002, the source
 *
 * The text is copied once between the stack and an application's ring of 256 KB, which fits the
 * second-level cache, and is not looked at.  Runs until it is killed.
 *
 * Without the word, not the defaults: windows and send buffer of 4 MB, as Linux has them, so that the peer is seldom
 * woken for less than it can take; chunks of 16 KB, so that a super-segment is five pieces to the
 * system call that moves it and not seventeen.
 */
#include <estab_host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SINK = 5001, SOURCE = 5002 };
enum { RING = 256 << 10, PIECE = 64 << 10 };
enum { CONNECTIONS = 64, WINDOW = 4 << 20, CHUNK = 16 << 10, POOL = 256 << 20 };

struct endpoint {
    estab_stack *stack;
    estab_loop *loop;
    estab_listener source;
    bool sends[2 * CONNECTIONS]; /* by the handle's index */
    uint8_t *ring;
    size_t at;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "throughput: %s: %s\n", what, why);
    exit(1);
}

static uint8_t *ring_next(struct endpoint *e)
{
    uint8_t *p = e->ring + e->at;

    e->at = (e->at + PIECE) % RING;
    return p;
}

static void receive_all(struct endpoint *e, estab_conn c, estab_time now)
{
    struct estab_received got = {0};

    while (estab_receive(e->stack, c, ring_next(e), PIECE, 0, &got, now) == ESTAB_OK)
        if (got.end) {
            estab_close(e->stack, c, now);
            return;
        }
}

static void send_all(struct endpoint *e, estab_conn c, estab_time now)
{
    size_t taken;

    while (estab_send(e->stack, c, ring_next(e), PIECE, 0, &taken, now) == ESTAB_OK)
        ;
}

static void accept_all(struct endpoint *e, estab_listener l, estab_time now)
{
    estab_conn c;

    while (estab_accept(e->stack, l, &c) == ESTAB_OK) {
        e->sends[c.index] = l.index == e->source.index;
        if (e->sends[c.index])
            send_all(e, c, now);
        else
            receive_all(e, c, now);
    }
}

static void on_event(struct endpoint *e, const struct estab_event *event, estab_time now)
{
    if (event->bits & ESTAB_EVENT_ACCEPT)
        accept_all(e, event->listener, now);
    else if (event->bits & ESTAB_EVENT_CLOSED)
        return;
    else if (!e->sends[event->conn.index])
        receive_all(e, event->conn, now);
    else if (event->bits & ESTAB_EVENT_WRITABLE)
        send_all(e, event->conn, now);
}

static estab_stack *stack_new(bool defaults)
{
    struct estab_config config;
    struct estab_room room;
    estab_stack *stack;

    estab_config_init(&config);
    config.connections = config.records = CONNECTIONS;
    if (!defaults) {
        config.receive_buffer = config.send_buffer = WINDOW;
        config.chunk_bytes = CHUNK;
        config.chunks = POOL / CHUNK;
    }
    estab_random(config.isn_key, sizeof config.isn_key);
    estab_random(config.hash_key, sizeof config.hash_key);
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room.base == MAP_FAILED)
        fail("room", "no memory");
    stack = estab_stack_init(room, &config, estab_now());
    if (!stack)
        fail("stack", "not made");
    return stack;
}

static estab_listener listen_on(estab_stack *stack, uint16_t port)
{
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = port, .backlog = CONNECTIONS};
    estab_listener l;

    if (estab_listen(stack, &listen, &l) != ESTAB_OK)
        fail("listen", "refused");
    return l;
}

static void join(struct endpoint *e, const char *spec, const char *address)
{
    struct estab_host_error error;
    struct estab_interface interface;
    estab_device *device = estab_device_open(spec, 0, &interface, &error);
    unsigned a, b, c, d, bits;
    int number;

    if (!device)
        fail(spec, error.text);
    if (sscanf(address, "%3u.%3u.%3u.%3u/%2u", &a, &b, &c, &d, &bits) != 5)
        fail(address, "expected A.B.C.D/N");
    interface.address = estab_ipv4((uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d);
    interface.prefix_length = (uint8_t)bits;
    number = estab_interface_add(e->stack, &interface);
    if (number < 0 || estab_loop_join(e->loop, number, device) != ESTAB_OK)
        fail(spec, "cannot be joined");
}

int main(int argc, char **argv)
{
    bool defaults = argc == 4 && strcmp(argv[3], "defaults") == 0;
    struct endpoint e = {.stack = stack_new(defaults)};

    if (argc != 3 && !defaults)
        fail("usage", "throughput tun:NAME A.B.C.D/N [defaults]");
    e.loop = estab_loop_new(e.stack);
    e.ring = aligned_alloc(4096, RING);
    if (!e.loop || !e.ring)
        fail("loop", "no memory");
    memset(e.ring, 1, RING);
    join(&e, argv[1], argv[2]);
    (void)listen_on(e.stack, SINK);
    e.source = listen_on(e.stack, SOURCE);
    for (;;) {
        struct estab_event event;

        estab_loop_once(e.loop, ESTAB_NEVER);
        while (estab_event_next(e.stack, &event))
            on_event(&e, &event, estab_now());
    }
}
