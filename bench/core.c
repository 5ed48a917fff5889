/* SPDX-License-Identifier: MIT */
/*
 * core.c - what the engine alone costs: two stacks in one process, joined by nothing but calls.
 *
 *      core segments SECONDS    text in 1448-byte segments, checksums made and verified in software
 *      core frames SECONDS      text in super-segments of up to 64 KB, checksums left to the device
 *      core connections SECONDS open, 64 bytes there, 64 bytes back, close; 100 at a time
 *
 * One core does all the work of both ends.  Time is virtual: it goes on by ten microseconds a turn, whatever
 * a turn carries, so every path seems to need the largest buffers there are.  They are held to 1 MB, which
 * the caches hold too: with 4 to 6 MB it is memory that is measured, 0.7 to 0.8 of these rates.
 * Prints a rate, and the nanoseconds that one segment, or one connection, takes at both ends.
 */
#include <estab_host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { CLIENT, SERVER };
enum { PORT = 5001, RING = 256 << 10, PIECE = 64 << 10, BATCH = 64 };
enum { PARALLEL = 100, REQUEST = 64, WINDOW = 1 << 20 };

struct core {
    estab_stack *stack[2];
    estab_listener listener;
    estab_time now; /* virtual */
    struct estab_frame frame[BATCH];
    uint64_t carried; /* frames with text */
    uint8_t *ring;
    size_t at;
    estab_conn sender;
    uint64_t received;
    uint64_t closed; /* by the client's last event */
};

/* What this process has worked, so that others on a busy machine do not count. */
static uint64_t worked_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * ESTAB_SECOND + (uint64_t)t.tv_nsec;
}

typedef void core_event(struct core *, int side, const struct estab_event *);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "core: %s\n", what);
    exit(1);
}

static estab_stack *stack_new(int side, bool offload)
{
    struct estab_interface interface = {
        .size = sizeof interface,
        .link = ESTAB_LINK_IP,
        .prefix_length = 24,
        .address = estab_ipv4(10, 9, 0, (uint8_t)(side + 1)),
        .mtu = 1500,
        .super_segment = offload ? 65160 : 0,
        .checksum_offload = offload,
    };
    struct estab_config config;
    struct estab_room room;
    estab_stack *stack;

    estab_config_init(&config);
    config.msl_ms = 1;
    config.receive_buffer = config.send_buffer = WINDOW;
    config.telemetry = false;
    config.receive_reserve = 4096;
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(room.base != MAP_FAILED, "no memory");
    stack = estab_stack_init(room, &config, 0);
    check(stack != NULL, "no stack");
    check(estab_interface_add(stack, &interface) == 0, "no interface");
    return stack;
}

static void start(struct core *c, bool offload)
{
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = PARALLEL};

    c->stack[CLIENT] = stack_new(CLIENT, offload);
    c->stack[SERVER] = stack_new(SERVER, offload);
    c->ring = aligned_alloc(4096, RING);
    check(c->ring != NULL, "no memory");
    memset(c->ring, 1, RING);
    check(estab_listen(c->stack[SERVER], &listen, &c->listener) == ESTAB_OK, "no listener");
}

static estab_conn open_one(struct core *c)
{
    struct estab_open open = {
        .size = sizeof open,
        .remote = {estab_ipv4(10, 9, 0, SERVER + 1), PORT},
    };
    estab_conn conn;

    check(estab_open(c->stack[CLIENT], &open, &conn, c->now) == ESTAB_OK, "no connection");
    return conn;
}

static void carry(struct core *c, int from)
{
    size_t n;

    do {
        n = estab_output(c->stack[from], c->frame, BATCH, c->now);
        for (size_t i = 0; i < n; i++)
            c->carried += c->frame[i].parts > 0;
        estab_input(c->stack[!from], c->frame, n, c->now);
        estab_output_done(c->stack[from], c->frame, n);
    } while (n == BATCH);
}

static void turn(struct core *c, core_event *on_event)
{
    c->now += 10 * ESTAB_US;
    for (int side = CLIENT; side <= SERVER; side++) {
        struct estab_event event;

        if (estab_deadline(c->stack[side]) <= c->now)
            estab_expire(c->stack[side], c->now);
        while (estab_event_next(c->stack[side], &event))
            on_event(c, side, &event);
        carry(c, side);
    }
}

/* The clock is a system call: it is read once in 64 turns. */
static void turn_until(struct core *c, uint64_t end, core_event *on_event)
{
    do {
        for (unsigned i = 0; i < 64; i++)
            turn(c, on_event);
    } while (worked_ns() < end);
}

static uint8_t *ring_next(struct core *c)
{
    uint8_t *p = c->ring + c->at;

    c->at = (c->at + PIECE) % RING;
    return p;
}

/* ---- bulk ----------------------------------------------------------------------------------------- */

static void bulk_send(struct core *c)
{
    size_t taken;

    while (estab_send(c->stack[CLIENT], c->sender, ring_next(c), PIECE, 0, &taken, c->now) ==
           ESTAB_OK)
        ;
}

static void bulk_receive(struct core *c, estab_conn conn)
{
    struct estab_received got;

    while (estab_receive(c->stack[SERVER], conn, ring_next(c), PIECE, 0, &got, c->now) == ESTAB_OK)
        c->received += got.length;
}

static void bulk_event(struct core *c, int side, const struct estab_event *event)
{
    estab_conn conn;

    if (event->bits & ESTAB_EVENT_ACCEPT)
        check(estab_accept(c->stack[SERVER], c->listener, &conn) == ESTAB_OK, "no accept");
    else if (side == SERVER)
        bulk_receive(c, event->conn);
    else if (event->bits & (ESTAB_EVENT_OPENED | ESTAB_EVENT_WRITABLE))
        bulk_send(c);
}

static void bulk(struct core *c, double seconds)
{
    uint64_t from, end;
    uint64_t bytes, frames;
    double took;

    c->sender = open_one(c);
    end = worked_ns() + (uint64_t)(seconds * 0.2e9);
    turn_until(c, end, bulk_event);
    from = worked_ns();
    end = from + (uint64_t)(seconds * 1e9);
    bytes = c->received;
    frames = c->carried;
    turn_until(c, end, bulk_event);
    took = (double)(worked_ns() - from);
    printf("%.3f Gbit/s\n", (double)(c->received - bytes) * 8 / took);
    printf("%.1f ns\n", took / (double)(c->carried - frames));
}

/* ---- connections ---------------------------------------------------------------------------------- */

static void answer(struct core *c, int side, estab_conn conn)
{
    uint8_t text[REQUEST];
    struct estab_received got;
    size_t taken;
    enum estab_error e = estab_receive(c->stack[side], conn, text, sizeof text, 0, &got, c->now);

    if (e != ESTAB_OK)
        return;
    if (side == SERVER && got.length > 0)
        check(estab_send(c->stack[side], conn, text, got.length, 0, &taken, c->now) == ESTAB_OK,
              "no answer");
    else
        estab_close(c->stack[side], conn, c->now);
}

static void connections_event(struct core *c, int side, const struct estab_event *event)
{
    uint8_t text[REQUEST] = {0};
    estab_conn conn;
    size_t taken;

    if (event->bits & ESTAB_EVENT_ACCEPT) {
        while (estab_accept(c->stack[SERVER], c->listener, &conn) == ESTAB_OK)
            answer(c, SERVER, conn);
    } else if (event->bits & ESTAB_EVENT_CLOSED) {
        c->closed += side == CLIENT;
        if (side == CLIENT)
            open_one(c);
    } else if (event->bits & ESTAB_EVENT_OPENED && side == CLIENT) {
        check(estab_send(c->stack[CLIENT], event->conn, text, REQUEST, 0, &taken, c->now) ==
                  ESTAB_OK,
              "no request");
    } else if (event->bits & (ESTAB_EVENT_READABLE | ESTAB_EVENT_PEER_CLOSED)) {
        answer(c, side, event->conn);
    }
}

static void connections(struct core *c, double seconds)
{
    uint64_t from = worked_ns(), end = from + (uint64_t)(seconds * 1e9);
    double took;

    for (unsigned i = 0; i < PARALLEL; i++)
        open_one(c);
    turn_until(c, end, connections_event);
    took = (double)(worked_ns() - from);
    printf("%.0f connections/s\n", (double)c->closed * 1e9 / took);
    printf("%.0f ns\n", took / (double)c->closed);
}

int main(int argc, char **argv)
{
    static struct core c;
    double seconds = argc == 3 ? atof(argv[2]) : 0;

    if (seconds <= 0) {
        fputs("usage: core segments|frames|connections SECONDS\n", stderr);
        return 2;
    }
    start(&c, strcmp(argv[1], "frames") == 0);
    if (strcmp(argv[1], "connections") == 0)
        connections(&c, seconds);
    else
        bulk(&c, seconds);
    return 0;
}
