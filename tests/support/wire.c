/* SPDX-License-Identifier: MIT */
/* wire.c - see wire.h.  The parsing here is a second one, on purpose. */
#include "support/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"

/* ---- failures --------------------------------------------------------------------------------- */

static void print_segment(const struct wire_segment *s)
{
    char flags[8] = "......";

    for (int i = 0; i < 6; i++)
        if (s->flags & 1u << i)
            flags[i] = "FSRPAU"[i];
    print_error("  %12.6f ms  %s %5u>%-5u seq %u ack %u len %u wnd %u up %u\n", (double)s->at / 1e6,
                flags, s->sport, s->dport, s->seq, s->ack, s->len, s->wnd, s->up);
}

void wire_fail(struct wire *w, const char *file, int line, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s:%d: at %.6f ms, ISS %#x, IRS %#x: %s\n", file, line, (double)w->now / 1e6,
                w->iss, w->irs, text);
    print_error("the last segments of the stack, %u of them not yet looked at:\n",
                w->tail - w->head);
    for (unsigned i = w->tail > 12 ? w->tail - 12 : 0; i < w->tail; i++)
        print_segment(&w->queue[i % WIRE_QUEUE]);
    _fail(file, line);
    abort();
}

/* ---- the stack ----------------------------------------------------------------------------------- */

struct estab_config wire_config(void)
{
    struct estab_config c;

    estab_config_init(&c);
    c.connections = 16;
    c.records = 16;
    c.listeners = 4;
    c.chunks = 1024;
    c.neighbours = 4;
    c.udp_sockets = 4;
    c.datagrams = 8;
    c.fragments = 17;
    c.replies = 16;
    c.sack_spares = 1;
    c.timestamps = false;
    c.window_scale = false;
    c.quick_acks = 0;
    memcpy(c.isn_key, "0123456789abcdef", 16);
    memcpy(c.hash_key, "fedcba9876543210", 16);
    return c;
}

void wire_start(struct wire *w, const struct estab_config *config)
{
    struct estab_interface interface = {
        .size = sizeof interface,
        .link = ESTAB_LINK_IP,
        .prefix_length = 24,
        .address = WIRE_OWN,
        .mtu = w->mtu ? w->mtu : 1500,
        .super_segment = w->super,
        .checksum_offload = w->offload || w->super,
    };

    w->config = *config;
    w->size = (estab_stack_size(config) + 63) / 64 * 64;
    assert_true(w->size > 0);
    w->room = aligned_alloc(64, w->size);
    assert_non_null(w->room);
    memset(w->room, 0, w->size);
    w->stack = estab_stack_init((struct estab_room){w->room, w->size}, config, WIRE_START);
    assert_non_null(w->stack);
    assert_int_equal(estab_interface_add(w->stack, &interface), 0);
}

void wire_stop(struct wire *w)
{
    struct estab_status st = {.size = sizeof st};
    struct estab_counters c;
    uint64_t cursor = 0;

    if (!w->stack)
        return;
    while (estab_list(w->stack, &cursor, &st))
        if (st.conn.generation)
            (void)estab_abort(w->stack, st.conn, WIRE_START + w->now);
    if (w->conn.generation)
        (void)estab_abort(w->stack, w->conn, WIRE_START + w->now);
    if (w->listener.generation)
        (void)estab_listen_end(w->stack, w->listener, WIRE_START + w->now);
    wire_pump(w);
    c = wire_counters(w);
    if (c.connections || c.records || c.listeners || c.chunks_used || c.chunks_promised)
        wire_fail(w, HERE, "left: %u connections, %u records, %u listeners, %u chunks, %u promised",
                  c.connections, c.records, c.listeners, c.chunks_used, c.chunks_promised);
    free(w->room);
    w->room = NULL;
    w->stack = NULL;
}

void wire_each(wire_test *test)
{
    static const uint32_t pairs[][2] = {
        {0xfffffff0, 0xffffff80}, /* wrap soon */
        {0x7fffff00, 0x7ffffff0}, /* pass 2^31 */
        {0xffff4000, 0x00000000}, /* wraps in mid transfer */
        {0x12345678, 0xffffffff},
    };

    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct wire *w = calloc(1, sizeof *w);

        assert_non_null(w);
        w->iss = pairs[i][0];
        w->irs = pairs[i][1];
        test(w);
        wire_stop(w);
        free(w);
    }
}

struct estab_status wire_status(const struct wire *w, estab_conn conn)
{
    struct estab_status st = {.size = sizeof st};

    assert_int_equal(estab_status(w->stack, conn, &st), ESTAB_OK);
    return st;
}

struct estab_counters wire_counters(const struct wire *w)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(w->stack, &c);
    return c;
}

uint64_t wire_reason(const struct wire *w, const char *name)
{
    for (unsigned i = 0; i < estab_reasons(); i++)
        if (strcmp(estab_reason(i).name, name) == 0)
            return estab_reason_count(w->stack, i);
    fail_msg("no reason is called %s", name);
    return 0;
}

/* ---- what the stack sends -------------------------------------------------------------------------- */

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static size_t flatten(const struct estab_frame *f, uint8_t *to)
{
    size_t n = f->head_length;

    memcpy(to, f->head, n);
    for (unsigned i = 0; i < f->parts; i++) {
        memcpy(to + n, f->part[i].base, f->part[i].length);
        n += f->part[i].length;
    }
    assert_int_equal(n, f->length);
    return n;
}

static void take_sack(struct wire *w, struct wire_segment *s, const uint8_t *p)
{
    s->sacks = (p[1] - 2u) / 8;
    if (s->sacks < 1 || s->sacks > 4 || p[1] != 2 + 8 * s->sacks)
        wire_fail(w, HERE, "a SACK option of %u bytes", p[1]);
    for (unsigned i = 0; i < s->sacks; i++) {
        s->sack[i].left = get32(p + 2 + 8 * i) - w->irs;
        s->sack[i].right = get32(p + 6 + 8 * i) - w->irs;
    }
}

static void take_options(struct wire *w, struct wire_segment *s, const uint8_t *p, size_t n)
{
    s->mss = s->wscale = -1;
    for (size_t i = 0; i < n;) {
        if (p[i] == 1) {
            i++;
            continue;
        }
        if (p[i] == 0 || i + 1 >= n || p[i + 1] < 2 || i + p[i + 1] > n)
            wire_fail(w, HERE, "options that do not parse");
        if (p[i] == 2)
            s->mss = (int)get16(p + i + 2);
        if (p[i] == 3)
            s->wscale = p[i + 2];
        if (p[i] == 8) {
            s->ts = true;
            s->tsval = get32(p + i + 2);
            s->tsecr = get32(p + i + 6);
        }
        s->sack_ok |= p[i] == 4;
        if (p[i] == 5)
            take_sack(w, s, p + i);
        i += p[i + 1];
    }
}

static bool is_ours(const struct wire *w, const struct wire_segment *s)
{
    (void)w;
    return s->sport == WIRE_PORT && s->dport == WIRE_RPORT;
}

/* Relative numbers for the connection of the test, and what must hold of each of its segments. */
static void take_ours(struct wire *w, struct wire_segment *s, const uint8_t *text)
{
    s->seq -= w->iss;
    if (s->flags & ACK)
        s->ack -= w->irs;
    for (uint32_t i = 0; i < s->len; i++)
        if (text[i] != text_at(s->seq - 1 + i))
            wire_fail(w, HERE, "wrong text at byte %u of seq %u", i, s->seq);
    if ((s->flags & (ACK | RST)) == ACK && !w->fin_sent) {
        int shift = s->flags & SYN ? 0 : w->scale_out;
        uint32_t edge = s->ack + (s->wnd << shift);

        if (w->acked && (int32_t)(s->ack - w->last_ack) < 0)
            wire_fail(w, HERE, "ACK goes back from %u to %u", w->last_ack, s->ack);
        if (w->acked && (int32_t)(edge - w->edge) < 0)
            wire_fail(w, HERE, "the window's edge goes back from %u to %u", w->edge, edge);
        w->acked = true;
        w->last_ack = s->ack;
        w->edge = edge;
    }
}

/* As a device does: the field holds the sum of the pseudo header. */
static void finish(struct wire *w, const struct estab_frame *f, uint8_t *bytes, size_t n)
{
    uint16_t sum = made_sum(0, bytes + f->checksum_start, n - f->checksum_start);
    uint8_t *field = bytes + f->checksum_start + f->checksum_offset;

    if (!(w->offload || w->super) || f->checksum_start != 20 || f->checksum_offset != 16)
        wire_fail(w, HERE, "a checksum to be finished at %u", f->checksum_start);
    field[0] = (uint8_t)(sum >> 8);
    field[1] = (uint8_t)sum;
}

static void take_frame(struct wire *w, const struct estab_frame *f)
{
    static uint8_t bytes[WIRE_TEXT + 200];
    size_t n = flatten(f, bytes);
    struct wire_segment s = {.at = w->now, .segment_size = f->segment_size};
    const uint8_t *tcp = bytes + 20;
    uint32_t header, sum;

    w->frames++;
    if (n < 20 || bytes[0] != 0x45 || get16(bytes + 2) != n || made_sum(0, bytes, 20) != 0)
        wire_fail(w, HERE, "not a good IPv4 packet");
    if (bytes[9] != 6) {
        w->others++;
        w->other_length = n;
        memcpy(w->other, bytes, n < sizeof w->other ? n : sizeof w->other);
        return;
    }
    header = (uint32_t)(tcp[12] >> 4) * 4;
    if (n < 40 || header < 20 || 20 + header > n)
        wire_fail(w, HERE, "not a good TCP header");
    sum = 6 + (uint32_t)n - 20;
    for (int i = 12; i < 20; i += 2)
        sum += get16(bytes + i);
    if (f->checksum == ESTAB_CHECKSUM_FINISH)
        finish(w, f, bytes, n);
    if (made_sum(sum, tcp, n - 20) != 0)
        wire_fail(w, HERE, "a wrong TCP checksum");
    s.sport = (uint16_t)get16(tcp);
    s.dport = (uint16_t)get16(tcp + 2);
    s.seq = get32(tcp + 4);
    s.ack = get32(tcp + 8);
    s.flags = tcp[13];
    s.wnd = get16(tcp + 14);
    s.up = get16(tcp + 18);
    s.diffserv = bytes[1] >> 2;
    s.ecn = bytes[1] & 3;
    s.ttl = bytes[8];
    s.len = (uint32_t)n - 20 - header;
    take_options(w, &s, tcp + 20, header - 20);
    if (is_ours(w, &s))
        take_ours(w, &s, tcp + header);
    if (w->tail - w->head == WIRE_QUEUE)
        wire_fail(w, HERE, "too many segments that nobody looks at");
    w->queue[w->tail++ % WIRE_QUEUE] = s;
}

void wire_pump(struct wire *w)
{
    struct estab_event event;

    for (unsigned i = 0; i < WIRE_QUEUE; i++) {
        struct estab_frame f;

        if (estab_output(w->stack, &f, 1, WIRE_START + w->now) == 0)
            break;
        take_frame(w, &f);
        estab_output_done(w->stack, &f, 1);
    }
    while (estab_event_next(w->stack, &event)) {
        if (event.listener.generation && !w->conn.generation && w->passive &&
            estab_accept(w->stack, event.listener, &w->conn) != ESTAB_OK)
            wire_fail(w, HERE, "nothing to accept");
        if (event.conn.index != w->conn.index || event.conn.generation != w->conn.generation)
            continue;
        w->events |= event.bits;
        if (event.bits & ESTAB_EVENT_CLOSED)
            w->error = event.error;
        else if (event.error)
            w->soft = event.error;
    }
}

void wire_run(struct wire *w, estab_time until)
{
    unsigned same = 0;

    wire_pump(w);
    for (;;) {
        estab_time at = estab_deadline(w->stack);
        estab_time start = w->now;

        if (at == ESTAB_NEVER || at > WIRE_START + until)
            break;
        if (at > WIRE_START + w->now)
            w->now = at - WIRE_START;
        estab_expire(w->stack, WIRE_START + w->now);
        wire_pump(w);
        same = w->now == start ? same + 1 : 0;
        if (same > 100)
            wire_fail(w, HERE, "the deadline does not move");
    }
    w->now = until > w->now ? until : w->now;
}

/* ---- what the test looks at ------------------------------------------------------------------------- */

const struct wire_segment *wire_any(struct wire *w, estab_time until)
{
    wire_pump(w);
    while (w->head == w->tail) {
        estab_time at = estab_deadline(w->stack);

        if (at == ESTAB_NEVER || at > WIRE_START + until) {
            wire_run(w, until);
            break;
        }
        wire_run(w, at > WIRE_START + w->now ? at - WIRE_START : w->now);
    }
    if (w->head == w->tail)
        return NULL;
    return &w->queue[w->head++ % WIRE_QUEUE];
}

const struct wire_segment *wire_out(struct wire *w, estab_time at, unsigned flags, uint32_t seq,
                                    uint32_t ack, uint32_t len, const char *file, int line)
{
    const struct wire_segment *s = wire_any(w, at);

    if (!s)
        wire_fail(w, file, line, "nothing came");
    if (s->flags != flags || s->seq != seq || s->ack != ack || s->len != len)
        wire_fail(w, file, line, "flags %#x seq %u ack %u len %u came, not %#x %u %u %u", s->flags,
                  s->seq, s->ack, s->len, flags, seq, ack, len);
    if (s->at != at)
        wire_fail(w, file, line, "it came at %.6f ms, not at %.6f", (double)s->at / 1e6,
                  (double)at / 1e6);
    return s;
}

void wire_quiet(struct wire *w, estab_time until, const char *file, int line)
{
    const struct wire_segment *s = wire_any(w, until);

    if (s)
        wire_fail(w, file, line, "something came at %.6f ms: flags %#x seq %u ack %u len %u",
                  (double)s->at / 1e6, s->flags, s->seq, s->ack, s->len);
}

/* ---- what the peer sends ------------------------------------------------------------------------------ */

static void put32(char *to, uint32_t v)
{
    memcpy(to, (char[]){(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v}, 4);
}

static uint8_t put_options(const struct wire *w, char *to, const struct wire_segment *s)
{
    uint8_t n = 0;

    if (s->mss > 0 || s->mss == MSS_ZERO) {
        int mss = s->mss > 0 ? s->mss : 0;

        memcpy(to, (char[]){2, 4, (char)(mss >> 8), (char)mss}, 4);
        n = 4;
    }
    if (s->wscale > 0) {
        memcpy(to + n, (char[]){1, 3, 3, (char)s->wscale}, 4);
        n += 4;
    }
    if (s->ts) {
        uint32_t v = s->tsval, e = s->tsecr;

        memcpy(to + n,
               (char[]){1, 1, 8, 10, (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v,
                        (char)(e >> 24), (char)(e >> 16), (char)(e >> 8), (char)e},
               12);
        n += 12;
    }
    if (s->sack_ok) {
        memcpy(to + n, "\1\1\4\2", 4);
        n += 4;
    }
    if (s->sacks > 0) {
        memcpy(to + n, (char[]){1, 1, 5, (char)(2 + 8 * s->sacks)}, 4);
        n += 4;
    }
    for (unsigned i = 0; i < s->sacks; i++) {
        put32(to + n, s->sack[i].left + w->iss);
        put32(to + n + 4, s->sack[i].right + w->iss);
        n += 8;
    }
    return n;
}

/* Into chunks that the stack lends, as a device would; false: it has none to lend. */
static bool input_lent(struct wire *w, const uint8_t *bytes, size_t n)
{
    struct estab_frame f;
    size_t done = 0;

    if (estab_input_room(w->stack, &f, 1, (uint32_t)n) != 1)
        return false;
    for (unsigned i = 0; i < f.parts; i++) {
        size_t take = n - done < f.part[i].length ? n - done : f.part[i].length;

        memcpy(f.part[i].base, bytes + done, take);
        done += take;
    }
    f.length = (uint32_t)n;
    f.link = ESTAB_LINK_IP;
    estab_input(w->stack, &f, 1, WIRE_START + w->now);
    return true;
}

void wire_packet(struct wire *w, uint8_t *bytes, size_t n)
{
    struct estab_frame f = made_frame(bytes, n, true);

    estab_input(w->stack, &f, 1, WIRE_START + w->now);
    wire_pump(w);
}

void wire_in(struct wire *w, const struct wire_segment *s)
{
    static uint8_t bytes[WIRE_TEXT + 200];
    static char text[WIRE_TEXT];
    char options[40];
    bool ours = !s->sport || (s->sport == WIRE_RPORT && (!s->dport || s->dport == WIRE_PORT));
    bool from = s->from.b[10] != 0;
    struct made_tcp m = {
        .src = {from ? s->from : WIRE_PEER, s->sport ? s->sport : WIRE_RPORT},
        .dst = {WIRE_OWN, s->dport ? s->dport : WIRE_PORT},
        .seq = s->seq + (ours && !from ? w->irs : 0),
        .ack = s->flags & ACK ? s->ack + (ours && !from ? w->iss : 0) : 0,
        .window = (uint16_t)s->wnd,
        .urgent = (uint16_t)s->up,
        .flags = (uint8_t)s->flags,
        .tos = (uint8_t)(s->diffserv << 2 | s->ecn),
        .options = options,
        .text = s->text ? s->text : text,
        .length = s->len,
    };
    size_t n;

    wire_pump(w); /* the stack has answered what came before */
    for (uint32_t i = 0; !s->text && i < s->len; i++)
        text[i] = (char)text_at(s->seq - !(s->flags & SYN) + i);
    if (s->len == 0)
        m.text = "";
    w->fin_sent |= ours && (s->flags & FIN);
    m.options_length = put_options(w, options, s);
    n = made_tcp(bytes, &m, true);
    if (!s->lent || !input_lent(w, bytes, n)) {
        struct estab_frame f = made_frame(bytes, n, true);

        estab_input(w->stack, &f, 1, WIRE_START + w->now);
    }
    wire_pump(w);
}

/* ---- handshakes ------------------------------------------------------------------------------------------ */

void wire_open(struct wire *w, const struct wire_segment *o, const char *file, int line)
{
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
    };
    struct wire_segment s = *o;
    const struct wire_segment *syn;

    s.mss = s.mss ? s.mss : 1460;
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START + w->now), ESTAB_OK);
    syn = wire_out(w, w->now, SYN, 0, 0, 0, file, line);
    s.flags = SYN | ACK;
    s.seq = 0;
    s.ack = 1;
    if (s.ts)
        s.tsecr = syn->tsval;
    w->scale_out = s.wscale > 0 && syn->wscale >= 0 ? syn->wscale : 0;
    wire_run(w, w->now + w->answers_after);
    wire_in(w, &s);
    wire_out(w, w->now, ACK, 1, 1, 0, file, line);
    if (w->events != ESTAB_EVENT_OPENED)
        wire_fail(w, file, line, "events %#x instead of OPENED", w->events);
    w->events = 0;
}

void wire_accept(struct wire *w, const struct wire_segment *o, const char *file, int line)
{
    struct estab_listen listen = {
        .size = sizeof listen,
        .local = {WIRE_OWN, WIRE_PORT},
        .backlog = 8,
        .fixed_iss = true,
        .iss = w->iss,
    };
    struct wire_segment s = *o;
    const struct wire_segment *answer;

    s.mss = s.mss ? s.mss : 1460;
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
    s.flags = SYN;
    s.seq = 0;
    wire_in(w, &s);
    answer = wire_out(w, w->now, SYN | ACK, 0, 1, 0, file, line);
    w->scale_out = s.wscale > 0 && answer->wscale >= 0 ? answer->wscale : 0;
    s.flags = ACK;
    s.seq = s.ack = 1;
    if (s.ts)
        s.tsecr = answer->tsval;
    s.mss = s.wscale = 0;
    s.sack_ok = false;
    w->passive = true;
    wire_in(w, &s);
    if (!w->conn.generation)
        wire_fail(w, file, line, "nothing was accepted");
    w->events = 0;
}

/* ---- the user ----------------------------------------------------------------------------------------------- */

size_t wire_send_some(struct wire *w, size_t n, unsigned flags, enum estab_error *error)
{
    static uint8_t text[1 << 20];
    size_t taken = 0;

    assert_true(n <= sizeof text);
    for (size_t i = 0; i < n; i++)
        text[i] = text_at(w->sent + i);
    *error = estab_send(w->stack, w->conn, text, n, flags, &taken, WIRE_START + w->now);
    w->sent += taken;
    return taken;
}

void wire_send(struct wire *w, size_t n, unsigned flags, const char *file, int line)
{
    enum estab_error error;
    size_t taken = wire_send_some(w, n, flags, &error);

    wire_pump(w);
    if (error != ESTAB_OK || taken != n)
        wire_fail(w, file, line, "SEND took %zu of %zu: %s", taken, n, estab_error_text(error));
}

struct estab_received wire_receive(struct wire *w, size_t n, const char *file, int line)
{
    struct estab_received got = {0};
    size_t done = 0;

    do {
        uint8_t text[4096];
        size_t want = n - done < sizeof text ? n - done : sizeof text;
        enum estab_error error =
            estab_receive(w->stack, w->conn, text, want, 0, &got, WIRE_START + w->now);

        if (error != ESTAB_OK)
            wire_fail(w, file, line, "RECEIVE of %zu of %zu: %s", done, n, estab_error_text(error));
        for (size_t i = 0; i < got.length; i++)
            if (text[i] != text_at(w->received + i))
                wire_fail(w, file, line, "wrong text received at %zu", w->received + i);
        done += got.length;
        w->received += got.length;
        if (got.end)
            break;
    } while (done < n);
    if (done != n)
        wire_fail(w, file, line, "RECEIVE gave %zu of %zu", done, n);
    return got;
}
