/* SPDX-License-Identifier: MIT */
/*
 * idle.c - what an idle connection costs, read off this process's resident memory.
 *
 *      idle [CONNECTIONS]       1000000 unless told otherwise
 *
 * One stack holds them all in ESTABLISHED.  Their peers are frames made here: a SYN each, and the
 * ACK of the SYN,ACK that the stack answers with.  The user has accepted each and taken all events.
 *
 * Counted is whatever becomes resident between the first SYN and the last event: TCBs, handles,
 * the connection table, records on the way, what the stack touches of its text pool.  Telemetry is
 * off.  The text pool has its promise for every connection, which is address space, not memory.
 */
#include <estab_host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PORT = 3333, BATCH = 64 };
enum { IP = 20, TCP = 20, OPTIONS = 20 };
enum { SYN = 2, ACK = 16 };

struct idle {
    estab_stack *stack;
    estab_listener listener;
    estab_time now; /* virtual */
    uint32_t made;
    struct estab_frame in[BATCH], out[BATCH];
    uint8_t bytes[BATCH][IP + TCP + OPTIONS];
};

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "idle: %s\n", what);
    exit(1);
}

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long all = 0, pages = 0;

    check(f && fscanf(f, "%lu %lu", &all, &pages) == 2, "/proc/self/statm cannot be read");
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- the peers ------------------------------------------------------------------------------------ */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t ip_checksum(const uint8_t *ip)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < IP; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Peer `n` is one of 50000 ports at one of many addresses in 11.0.0.0/8. */
static void make_segment(struct idle *d, unsigned i, uint32_t n, unsigned flags, uint32_t ack)
{
    /* MSS 1460, SACK permitted, timestamps, window scale 7; later timestamps alone */
    static const uint8_t syn[OPTIONS] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
                                         0, 1, 0, 0,   0, 0, 1, 3,  3, 7};
    static const uint8_t later[12] = {1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1};
    uint32_t options = flags & SYN ? sizeof syn : sizeof later, length = IP + TCP + options;
    uint8_t *ip = d->bytes[i], *tcp = ip + IP;

    memset(ip, 0, sizeof d->bytes[i]);
    ip[0] = 0x45;
    put16(ip + 2, length);
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, UINT32_C(0x0b000001) + n / 50000);
    put32(ip + 16, UINT32_C(0x0a090002));
    put16(ip + 10, ip_checksum(ip));
    put16(tcp, 10000 + n % 50000);
    put16(tcp + 2, PORT);
    put32(tcp + 4, flags & SYN ? 1000 : 1001);
    put32(tcp + 8, ack);
    tcp[12] = (uint8_t)((TCP + options) << 2);
    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 64240);
    memcpy(tcp + TCP, flags & SYN ? syn : later, options);
    d->in[i] = (struct estab_frame){.length = length,
                                    .link = ESTAB_LINK_IP,
                                    .checksum = ESTAB_CHECKSUM_GOOD,
                                    .parts = 1,
                                    .part = {{ip, length}}};
}

/* ---- the stack's side ----------------------------------------------------------------------------- */

static void take_events(struct idle *d)
{
    struct estab_event event;
    estab_conn conn;

    while (estab_accept(d->stack, d->listener, &conn) == ESTAB_OK)
        ;
    while (estab_event_next(d->stack, &event))
        ;
}

/* Up to a batch of handshakes. */
static void open_some(struct idle *d, uint32_t n)
{
    size_t answers;

    d->now += ESTAB_MS;
    for (unsigned i = 0; i < n; i++)
        make_segment(d, i, d->made + i, SYN, 0);
    estab_input(d->stack, d->in, n, d->now);
    answers = estab_output(d->stack, d->out, BATCH, d->now);
    check(answers == n, "a SYN was not answered");
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *tcp = d->out[i].head + IP;
        uint32_t port = (uint32_t)tcp[2] << 8 | tcp[3];

        check(port == 10000 + (d->made + i) % 50000, "answers came in another order");
        make_segment(d, i, d->made + i, ACK, get32(tcp + 4) + 1);
    }
    estab_output_done(d->stack, d->out, answers);
    estab_input(d->stack, d->in, n, d->now);
    check(estab_output(d->stack, d->out, BATCH, d->now) == 0, "an ACK was answered");
    take_events(d);
    if (estab_deadline(d->stack) <= d->now)
        estab_expire(d->stack, d->now);
    d->made += n;
}

static void stack_new(struct idle *d, uint32_t connections)
{
    struct estab_interface interface = {
        .size = sizeof interface,
        .link = ESTAB_LINK_IP,
        .prefix_length = 24,
        .address = estab_ipv4(10, 9, 0, 2),
        .mtu = 1500,
    };
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = BATCH};
    struct estab_config config;
    struct estab_room room;

    estab_config_init(&config);
    config.connections = connections;
    config.records = 1024;
    config.receive_reserve = config.chunk_bytes = 512;
    /* The promise of 512 bytes is 6 chunks in the worst case, and one to send from; an eighth of all
     * is kept from new promises. */
    config.chunks = 8 * connections + 64;
    config.telemetry = false;
    room.size = estab_stack_size(&config);
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(room.base != MAP_FAILED, "no address space");
    madvise(room.base, room.size, MADV_NOHUGEPAGE); /* else 2 MB count where a byte was touched */
    d->stack = estab_stack_init(room, &config, 0);
    check(d->stack && estab_interface_add(d->stack, &interface) == 0, "no stack");
    check(estab_route_add(d->stack, estab_ipv4(0, 0, 0, 0), 0, estab_ipv4(0, 0, 0, 0), 0) ==
              ESTAB_OK,
          "no route");
    check(estab_listen(d->stack, &listen, &d->listener) == ESTAB_OK, "no listener");
}

static uint32_t established(const struct idle *d)
{
    struct estab_status status = {.size = sizeof status};
    uint64_t cursor = 0;
    uint32_t n = 0;

    while (estab_list(d->stack, &cursor, &status))
        n += status.state == ESTAB_STATE_ESTABLISHED && !status.record;
    return n;
}

int main(int argc, char **argv)
{
    uint32_t connections = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    static struct idle d;
    size_t before, after;
    estab_time from, took;

    check(connections > 0, "how many?");
    stack_new(&d, connections);
    memset(d.in, 1, sizeof d.in);
    memset(d.out, 1, sizeof d.out);
    memset(d.bytes, 1, sizeof d.bytes);
    before = resident();
    from = estab_now();
    while (d.made < connections)
        open_some(&d, connections - d.made < BATCH ? connections - d.made : BATCH);
    took = estab_now() - from;
    after = resident();
    check(established(&d) == connections, "some are not ESTABLISHED");
    printf("%.1f bytes\n", (double)(after - before) / connections);
    printf("%.0f ns\n", (double)took / connections);
    return 0;
}
