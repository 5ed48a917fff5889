/* SPDX-License-Identifier: MIT */
/*
 * Any bytes are a frame.  A stack that listens, waits for a single peer, opens a connection and has UDP
 * sockets is given one after the other:
 *
 *      byte 0          the configuration
 *      then, for each frame
 *        byte 0        how it is given (enum how)
 *        bytes 1, 2    its length
 *        then          its bytes
 *
 * Bits of the configuration turn on IPv6, routers, and duplicate address detection.  With `mended` a
 * packet's checksums are made right first, so that what lies behind them is reached; parts of datagrams are
 * reached as `trusted`.  After each frame stack_audit.h checks what must always hold.
 *
 * fuzz-runs: 60000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "estab_udp.h"
#include "base/reader.h"
#include "support/made_frame.h"
#include "support/stack_audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROOM = 1 << 18, FRAMES_MAX = 32 };

enum how {
    TRUSTED = 1 << 0,
    UNFINISHED = 1 << 1,
    IN_PIECES = 1 << 2,
    LENT = 1 << 3,
    MENDED = 1 << 4,
    ELSEWHERE = 1 << 5, /* from an interface that does not exist, or of another link type */
    LATER = 1 << 6,     /* after the next deadline */
    SUPER = 1 << 7,     /* a super-segment; what is missing of its length is 'x' */
};

static struct world {
    estab_stack *stack;
    struct stack_audit audit;
    struct estab_interface interface;
    estab_listener listener;
    estab_udp udp[2]; /* one for anybody, whose datagrams go back; one connected, which nobody reads */
    estab_time now;
} w;

static void must(const char *what)
{
    if (what) {
        fprintf(stderr, "fuzz_frame: %s\n", what);
        abort();
    }
}

/* ---- a frame ---------------------------------------------------------------------------------- */

static void store16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static const struct estab_addr ours6 = {{0xfd, 0x11, [15] = 1}};

/* The same of IPv6: what is not for a group is for us, and neighbours are neighbours. */
static void mend6(uint8_t *ip, size_t n)
{
    size_t length = n < 40 ? 0 : n - 40, at = 40;
    struct estab_addr src, dst;
    if (n < 48)
        return;
    if (ip[24] != 0xff)
        memcpy(ip + 24, ours6.b, 16);
    store16(ip + 4, (unsigned)length);
    if (ip[6] == 0 && ip[41] == 0 && n > 56) { /* hop-by-hop options, as MLD has them */
        at += 8;
        length -= 8;
    }
    uint8_t next = at == 40 ? ip[6] : ip[40];
    size_t sum = next == 6 ? 16 : next == 17 ? 6 : 2;
    if ((next != 6 && next != 17 && next != 58) || length < sum + 2)
        return;
    if (next == 58 && ip[at] >= 133 && ip[at] <= 137)
        ip[7] = 255;
    if (next == 58 && ip[at] >= 130 && ip[at] <= 134) { /* from a link-local address */
        ip[8] = 0xfe;
        ip[9] = 0x80;
    }
    memcpy(src.b, ip + 8, 16);
    memcpy(dst.b, ip + 24, 16);
    store16(ip + at + sum, 0);
    store16(ip + at + sum, made_sum(made_pseudo(src, dst, next, length), ip + at, length));
}

/* Makes the checksums right, as far as the headers are there; addresses are made ours. */
static void mend(uint8_t *p, size_t n)
{
    uint8_t pseudo[12] = {0}, *ip = p;
    size_t header, length;
    if (w.interface.link == ESTAB_LINK_ETHERNET && n >= 14) {
        if (p[0] != 0x33)
            memcpy(p, w.interface.mac, 6);
        ip += 14;
        n -= 14;
    }
    if (n >= 40 && ip[0] >> 4 == 6) {
        mend6(ip, n);
        return;
    }
    if (n < 20 || ip[0] >> 4 != 4 || (header = (ip[0] & 15) * 4u) < 20 || header > n)
        return;
    memcpy(ip + 16, w.interface.address.b + 12, 4);
    store16(ip + 2, (unsigned)n);
    store16(ip + 10, 0);
    store16(ip + 10, made_sum(0, ip, header));
    length = n - header;
    memcpy(pseudo, ip + 12, 8);
    pseudo[9] = ip[9];
    store16(pseudo + 10, (unsigned)length);
    size_t at = ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : 2;
    if (length < at + 2)
        return;
    store16(ip + header + at, 0);
    uint32_t sum = ip[9] == 6 || ip[9] == 17 ? (uint16_t)~made_sum(0, pseudo, sizeof pseudo) : 0;
    store16(ip + header + at, made_sum(sum, ip + header, length));
}

static void lay_out(struct estab_frame *f, uint8_t *bytes, uint32_t n, uint8_t how)
{
    uint32_t at = 0, headers = 14 + 60 + 60;
    *f = made_frame(bytes, n, false);
    if (how & LENT && estab_input_room(w.stack, f, 1, n) == 1) {
        for (unsigned i = 0; i < f->parts; i++) {
            uint32_t take = n - at < f->part[i].length ? n - at : f->part[i].length;
            memcpy(f->part[i].base, bytes + at, take);
            f->part[i].length = take;
            at += take;
        }
    } else if (how & IN_PIECES && n > headers) {
        memcpy(f->head, bytes, headers);
        f->head_length = (uint8_t)headers;
        f->part[0] = (struct estab_part){bytes + headers, n - headers};
    }
    f->length = n;
    f->link = w.interface.link;
    f->checksum = how & UNFINISHED ? ESTAB_CHECKSUM_FINISH
                  : how & TRUSTED  ? ESTAB_CHECKSUM_GOOD
                                   : ESTAB_CHECKSUM_VERIFY;
    f->segment_size = how & SUPER ? 536 : 0;
    if (how & ELSEWHERE) {
        f->interface = n & 1;
        f->link = (uint8_t)(n >> 1 & 1);
    }
}

static void input(struct reader *r)
{
    uint8_t how = reader_u8(r), *bytes;
    size_t n = reader_u16(r), given = n < reader_left(r) ? n : reader_left(r);
    struct estab_frame f;
    if (!(how & SUPER))
        n = given;
    bytes = malloc(n + 1);
    if (!bytes)
        must("no memory");
    memset(bytes, 'x', n + 1);
    if (given > 0)
        memcpy(bytes, reader_take(r, given), given);
    if (how & MENDED)
        mend(bytes, n);
    if (how & LATER && estab_deadline(w.stack) != ESTAB_NEVER) {
        w.now = estab_deadline(w.stack);
        estab_expire(w.stack, w.now);
    }
    lay_out(&f, bytes, (uint32_t)n, how);
    estab_input(w.stack, &f, 1, w.now);
    free(bytes);
}

/* ---- around it -------------------------------------------------------------------------------- */

static void drain(void)
{
    struct estab_frame f;
    for (unsigned i = 0; estab_output(w.stack, &f, 1, w.now) == 1; i++) {
        must(audit_frame(&w.audit, &f));
        estab_output_done(w.stack, &f, 1);
        if (i == 10000)
            must("output without an end");
    }
}

static void take_events(void)
{
    struct estab_event event;
    estab_conn conn;
    bool any = true;
    while (any)
        must(audit_event(&w.audit, &event, &any));
    while (w.audit.handles < AUDIT_HANDLES &&
           estab_accept(w.stack, w.listener, &conn) == ESTAB_OK)
        must(audit_add(&w.audit, conn, (struct estab_endpoint){.port = 0}));
}

/* What comes to the first socket goes back to its sender. */
static void answer_datagrams(void)
{
    struct estab_udp_received got;
    uint8_t text[600];
    while (estab_udp_receive(w.stack, w.udp[0], text, sizeof text, 0, &got) == ESTAB_OK)
        (void)!estab_udp_send(w.stack, w.udp[0], &got.remote, text,
                              got.length < sizeof text ? got.length : sizeof text, w.now);
}

static void open_udp(void)
{
    struct estab_udp_open open = {.size = sizeof open, .local.port = 7};
    must(estab_udp_open(w.stack, &open, &w.udp[0]) == ESTAB_OK ? NULL : "no UDP socket");
    open.local.port = 8;
    open.remote = (struct estab_endpoint){estab_ipv4(10, 9, 0, 9), 7};
    must(estab_udp_open(w.stack, &open, &w.udp[1]) == ESTAB_OK ? NULL : "no UDP socket");
}

static void open_one(uint16_t port, bool passive)
{
    struct estab_open o = {
        .size = sizeof o, .local.port = port, .passive = passive, .fixed_iss = true, .iss = 0};
    estab_conn conn;
    if (!passive)
        o.remote = (struct estab_endpoint){estab_ipv4(10, 9, 0, 9), 7};
    must(estab_open(w.stack, &o, &conn, w.now) == ESTAB_OK ? NULL : "a connection cannot be opened");
    must(audit_add(&w.audit, conn, o.remote));
}

static void set_up(uint8_t choice)
{
    static _Alignas(64) uint8_t room[ROOM];
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = 7, .backlog = 3, .fixed_iss = true};
    struct estab_endpoint somebody = {estab_ipv4(10, 9, 0, 9), 7};
    struct estab_config c;
    memset(&w, 0, sizeof w);
    memset(room, 0, sizeof room);
    estab_config_init(&c);
    c.connections = c.records = c.listeners = 4;
    c.chunks = 64;
    c.sack_ranges = 8;
    c.sack_spares = 1;
    c.chunk_bytes = 512;
    c.neighbours = 2;
    c.udp_sockets = 2;
    c.datagrams = 4;
    c.fragments = 17;
    c.replies = 4;
    c.receive_reserve = 512;
    c.receive_buffer = c.send_buffer = 4096;
    c.timestamps = choice & 2;
    c.dad_transmits = choice & 32 ? 1 : 0;
    w.now = ESTAB_SECOND;
    w.stack = estab_stack_init((struct estab_room){room, sizeof room}, &c, w.now);
    w.interface = (struct estab_interface){
        .size = sizeof w.interface, .link = choice & 1 ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
        .mac = {2, 0, 10, 9, 0, 1}, .prefix_length = 24, .address = estab_ipv4(10, 9, 0, 1),
        .mtu = choice & 4 ? 65535 : 1500};
    must(w.stack && estab_interface_add(w.stack, &w.interface) == 0 ? NULL : "no stack");
    if (choice & 8)
        must(estab_address_add(w.stack, 0, ours6, 64, w.now) == ESTAB_OK ? NULL : "no IPv6");
    if (choice & 16)
        (void)!estab_autoconfigure(w.stack, 0, w.now);
    must(audit_init(&w.audit, w.stack, &c, somebody, w.now));
    must(estab_listen(w.stack, &listen, &w.listener) == ESTAB_OK ? NULL : "nobody listens");
    open_one(8, true);
    open_one(9, false);
    open_udp();
    drain();
}

/* What a closed socket has sent waits for its neighbour, and then no more. */
static void last_datagrams(void)
{
    struct estab_counters c = {.size = sizeof c};
    for (unsigned i = 0; i < 20; i++) {
        drain();
        estab_counters(w.stack, &c);
        if (c.datagrams == 0)
            return;
        w.now = estab_deadline(w.stack) > w.now ? estab_deadline(w.stack) : w.now;
        must(w.now != ESTAB_NEVER ? NULL : "a datagram waits for nothing");
        estab_expire(w.stack, w.now);
    }
    must("a datagram waits for ever");
}

/* Nothing waits for its other parts for longer than a minute. */
static void last_fragments(void)
{
    struct estab_counters c = {.size = sizeof c};
    w.now += 60 * ESTAB_SECOND;
    estab_expire(w.stack, w.now);
    drain();
    estab_counters(w.stack, &c);
    must(c.fragments == 0 ? NULL : "a part of a datagram waits for ever");
}

static void tear_down(void)
{
    (void)estab_listen_end(w.stack, w.listener, w.now);
    for (unsigned i = 0; i < w.audit.handles; i++)
        (void)estab_abort(w.stack, w.audit.handle[i].conn, w.now);
    for (unsigned i = 0; i < 2; i++)
        (void)estab_udp_close(w.stack, w.udp[i]);
    last_datagrams();
    last_fragments();
    take_events();
    must(audit_empty(&w.audit, w.now));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct reader r = reader_of(data, n);
    set_up(reader_u8(&r));
    for (unsigned i = 0; i < FRAMES_MAX && reader_left(&r) > 0; i++) {
        input(&r);
        drain();
        take_events();
        answer_datagrams();
        drain();
        must(audit_check(&w.audit, true, w.now));
    }
    tear_down();
    return 0;
}
