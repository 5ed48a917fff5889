/* SPDX-License-Identifier: MIT */
/*
 * A stack in a small room, brought into a state, and then a program of segments, calls and times.
 *
 *      byte 0      the scene: which state, reached how
 *      byte 1      the configuration
 *      byte 2      where the sequence numbers of both sides begin
 *      then        steps, an operation and its arguments each
 *
 * Segments have right checksums and the sockets of connections that exist; their numbers lie near
 * the edges of the windows.  After every step stack_audit.h checks what must always hold.  At the end
 * (if the last byte is odd, once the peers have helped every connection to its own end) everything is
 * aborted, and every pool must be empty.
 *
 * fuzz-runs: 20000
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "support/made_frame.h"
#include "support/stack_audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { ROOM = 1 << 18, FLOWS = 4, LISTENERS = 3, HELD = 8, LENT = 3, STEPS_MAX = 300 };

/* A peer's side of a socket pair. */
struct flow {
    struct estab_endpoint local, remote;
    uint32_t iss;
    uint32_t tsecr;
};

static struct world {
    estab_stack *stack;
    uint8_t *room;
    struct stack_audit audit;
    struct flow flow[FLOWS];
    estab_listener listener[LISTENERS];
    struct estab_frame held[HELD], lent[LENT];
    unsigned held_count, lent_count;
    struct estab_config config;
    struct estab_interface interface;
    uint32_t iss;
    estab_time now;
    bool quiet; /* there is no output, and all of it is done */
} w;

static _Alignas(64) uint8_t rooms[2][ROOM];

static void fault(const char *what)
{
    fprintf(stderr, "fuzz_stack: %s\n", what);
    abort();
}

static void must(const char *what)
{
    if (what)
        fault(what);
}

static estab_conn some_conn(unsigned i)
{
    static const estab_conn none;
    return w.audit.handles ? w.audit.handle[w.audit.handles - 1 - i % w.audit.handles].conn : none;
}

/* ---- output ----------------------------------------------------------------------------------- */

static void done_all(void)
{
    estab_output_done(w.stack, w.held, w.held_count);
    w.held_count = 0;
}

/* Takes a frame; false: there was none. */
static bool take_frame(bool hold)
{
    struct estab_frame *f = &w.held[w.held_count];
    if (w.held_count == HELD)
        done_all();
    f = &w.held[w.held_count];
    if (estab_output(w.stack, f, 1, w.now) == 0)
        return false;
    must(audit_frame(&w.audit, f));
    for (unsigned i = 0; i < FLOWS; i++)
        if (w.audit.frame.has_timestamps && w.flow[i].remote.port == w.audit.frame.dst.port)
            w.flow[i].tsecr = w.audit.frame.tsval;
    if (hold)
        w.held_count++;
    else
        estab_output_done(w.stack, f, 1);
    return true;
}

static void drain(void)
{
    for (unsigned i = 0; take_frame(false); i++)
        if (i == 20000)
            fault("output without an end");
    w.quiet = w.held_count == 0;
}

static void take_events(unsigned most)
{
    struct estab_event event;
    bool any = true;
    for (unsigned i = 0; any && i < most; i++)
        must(audit_event(&w.audit, &event, &any));
}

/* ---- input ------------------------------------------------------------------------------------ */

/* How the bytes lie in the frame that is input. */
enum form { FORM_WHOLE, FORM_HEAD, FORM_PIECES, FORM_LENT, FORM_TRUSTED, FORM_DAMAGED, FORMS };

static void lay_out_lent(struct estab_frame *f, const uint8_t *bytes, uint32_t n)
{
    uint32_t at = 0;
    for (unsigned i = 0; i < f->parts; i++) {
        uint32_t take = n - at < f->part[i].length ? n - at : f->part[i].length;
        memcpy(f->part[i].base, bytes + at, take);
        f->part[i].length = take;
        at += take;
    }
}

static void lay_out(struct estab_frame *f, uint8_t *bytes, uint32_t n, enum form form)
{
    uint32_t headers = (w.interface.link == ESTAB_LINK_ETHERNET ? 14 : 0) + 20 + 60, at = 0;
    bool lent = form == FORM_LENT && estab_input_room(w.stack, f, 1, n) == 1;
    if (lent)
        lay_out_lent(f, bytes, n);
    else
        *f = made_frame(bytes, n, false);
    f->length = n;
    f->link = w.interface.link;
    if (form == FORM_TRUSTED)
        f->checksum = ESTAB_CHECKSUM_GOOD;
    if (form == FORM_DAMAGED)
        bytes[n - 1] ^= 0x55;
    if ((form != FORM_HEAD && form != FORM_PIECES) || n <= headers)
        return;
    if (form == FORM_HEAD) {
        memcpy(f->head, bytes, headers);
        f->head_length = (uint8_t)headers;
        at = headers;
        f->parts = 0;
    } else {
        f->part[0] = (struct estab_part){bytes, headers};
        f->parts = 1;
        at = headers;
    }
    while (at < n) {
        uint32_t left = n - at, take = f->parts == ESTAB_PARTS_MAX - 1 || left < 100 ? left : 100;
        f->part[f->parts++] = (struct estab_part){bytes + at, take};
        at += take;
    }
}

static void input(const uint8_t *flat, size_t n, enum form form)
{
    struct estab_frame f;
    uint8_t *bytes = malloc(n); /* no longer than the frame, so that reading beyond is seen */
    if (!bytes)
        fault("no memory");
    memcpy(bytes, flat, n);
    lay_out(&f, bytes, (uint32_t)n, form);
    estab_input(w.stack, &f, 1, w.now);
    free(bytes);
}

/* ---- a segment -------------------------------------------------------------------------------- */

struct spec {
    unsigned flags, seq_base, ack_base, options, form;
    int seq_offset, ack_offset;
    uint32_t length;
    uint16_t window, urgent;
};

/* Whether the stack knows where the peer's numbers begin. */
static bool knows_peer(const struct estab_status *s)
{
    return s && s->state != ESTAB_STATE_SYN_SENT && s->state != ESTAB_STATE_LISTEN;
}

static uint32_t seq_of(const struct flow *f, const struct estab_status *s, const struct spec *spec)
{
    uint32_t window = s && s->record ? 65535 : s ? s->rcv_wnd : 0;
    uint32_t nxt = knows_peer(s) ? s->rcv_nxt : f->iss;
    const uint32_t bases[8] = {
        nxt, nxt + window, s ? s->irs : f->iss, nxt - 1, nxt + window / 2, f->iss,
        nxt + 536, nxt + (UINT32_C(1) << 31),
    };
    return bases[spec->seq_base & 7] + (uint32_t)spec->seq_offset;
}

static uint32_t ack_of(const struct estab_status *s, const struct spec *spec)
{
    uint32_t una = s ? s->snd_una : 0, nxt = s ? s->snd_nxt : 0, iss = s ? s->iss : 0;
    const uint32_t bases[8] = {
        nxt, una, iss, iss + 1, una + (nxt - una) / 2, una - (s ? s->snd_wnd : 0),
        nxt + (UINT32_C(1) << 31), 0,
    };
    return bases[spec->ack_base & 7] + (uint32_t)spec->ack_offset;
}

static void store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* 0: what was agreed on; 1: an old timestamp; 2: none; 3: an option of illegal length. */
static uint8_t options_of(const struct flow *f, const struct estab_status *s,
                          const struct spec *spec, uint8_t *p)
{
    static const uint8_t syn[12] = {2, 4, 2, 0x18, 1, 3, 3, 7, 1, 1, 4, 2};
    bool stamped = spec->flags & SYN ? w.config.timestamps : s && s->timestamps;
    uint8_t n = 0;
    if (spec->options == 3) {
        memcpy(p, "\x08\x0b\x01\x01", 4);
        return 4;
    }
    if (spec->flags & SYN && spec->options != 2) {
        memcpy(p, syn, sizeof syn);
        n = sizeof syn;
    }
    if (stamped && spec->options != 2) {
        memcpy(p + n, "\1\1\x08\x0a", 4);
        store32(p + n + 4, (uint32_t)(w.now / ESTAB_MS) + 77 - (spec->options == 1 ? 100000 : 0));
        store32(p + n + 8, f->tsecr);
        n = (uint8_t)(n + 12);
    }
    if (s && s->sack && (spec->flags & (SYN | PSH)) == PSH) { /* a block, perhaps a true one */
        memcpy(p + n, "\1\1\5\12", 4);
        store32(p + n + 4, s->snd_una + (uint32_t)spec->ack_offset);
        store32(p + n + 8, s->snd_nxt + (uint32_t)spec->seq_offset);
        n = (uint8_t)(n + 12);
    }
    return n;
}

static void segment(struct flow *f, const struct spec *spec)
{
    static uint8_t text[8192], flat[MADE_FRAME_MAX];
    uint8_t options[40];
    must(audit_check(&w.audit, false, w.now)); /* renews its list */
    const struct estab_status *s = audit_find(&w.audit, f->local, f->remote);
    struct made_tcp m = {
        .src = f->remote, .dst = f->local, .seq = seq_of(f, s, spec), .ack = ack_of(s, spec),
        .window = spec->window, .urgent = spec->urgent, .flags = (uint8_t)spec->flags,
        .text = (const char *)text, .length = spec->length, .options = (const char *)options,
    };
    uint32_t first = m.seq + !!(spec->flags & SYN);
    uint32_t at = first - (knows_peer(s) ? s->irs : m.seq) - 1;
    for (uint32_t i = 0; i < spec->length; i++)
        text[i] = audit_byte(at + i);
    m.options_length = options_of(f, s, spec, options);
    if (spec->length == 0)
        m.text = NULL;
    input(flat, made_tcp(flat, &m, w.interface.link == ESTAB_LINK_IP), (enum form)spec->form);
}

/* As the peer would, with everything acknowledged but `behind` of it. */
static void segment_plain(unsigned flags, uint32_t length, int behind)
{
    segment(&w.flow[0], &(struct spec){.flags = flags, .length = length, .ack_offset = -behind,
                                       .window = 8192});
}

static void neighbour(struct estab_addr address, uint16_t operation)
{
    uint8_t flat[64];
    if (w.interface.link == ESTAB_LINK_ETHERNET)
        input(flat, made_arp(flat, operation, address, w.interface.address), FORM_WHOLE);
}

/* ---- calls ------------------------------------------------------------------------------------ */

static void open_one(const struct flow *f, bool passive, bool anybody)
{
    struct estab_open o = {
        .size = sizeof o, .local = f->local, .remote = f->remote, .passive = passive,
        .fixed_iss = true, .iss = w.iss,
    };
    estab_conn conn;
    if (anybody)
        o.remote = (struct estab_endpoint){.port = 0};
    if (w.audit.handles < AUDIT_HANDLES && estab_open(w.stack, &o, &conn, w.now) == ESTAB_OK)
        must(audit_add(&w.audit, conn, o.remote));
}

static void open_ourselves(void)
{
    struct flow f = {.local = {w.interface.address, 6000}, .remote = {w.interface.address, 7}};
    open_one(&f, false, false);
}

static void listen_one(unsigned i)
{
    struct estab_listen o = {
        .size = sizeof o, .local.port = w.flow[i % FLOWS].local.port, .backlog = 1 + i % 3,
        .fixed_iss = true, .iss = w.iss,
    };
    for (unsigned k = 0; k < LISTENERS; k++)
        if (w.listener[k].generation == 0 &&
            estab_listen(w.stack, &o, &w.listener[k]) != ESTAB_NO_RESOURCES)
            return;
}

static void end_one(unsigned i)
{
    estab_listener *listener = &w.listener[i % LISTENERS];
    (void)!estab_listen_end(w.stack, *listener, w.now);
    *listener = (estab_listener){.generation = 0};
}

static void accept_one(unsigned i)
{
    estab_conn conn;
    if (w.audit.handles < AUDIT_HANDLES &&
        estab_accept(w.stack, w.listener[i % LISTENERS], &conn) == ESTAB_OK)
        must(audit_add(&w.audit, conn, (struct estab_endpoint){.port = 0}));
}

static void expire(estab_time until)
{
    if (until > w.now)
        w.now = until;
    estab_expire(w.stack, w.now);
    if (estab_deadline(w.stack) <= w.now)
        fault("the deadline has passed, and nothing was done");
}

/* The future runs on in another place; the past is overwritten. */
static void move_house(void)
{
    uint8_t *to = w.room == rooms[0] ? rooms[1] : rooms[0];
    if (w.held_count > 0 || w.lent_count > 0)
        return;
    memcpy(to, w.room, ROOM);
    memset(w.room, 0xdd, ROOM);
    w.room = to;
    w.stack = w.audit.stack = (estab_stack *)to;
}

static void lend(unsigned bytes)
{
    if (w.lent_count == LENT) {
        for (unsigned i = 0; i < LENT; i++)
            w.lent[i].length = 0;
        estab_input(w.stack, w.lent, LENT, w.now);
        w.lent_count = 0;
    } else {
        w.lent_count += (unsigned)estab_input_room(w.stack, &w.lent[w.lent_count], 1, bytes);
    }
}

static void icmp(const struct flow *f, unsigned code, int offset)
{
    uint8_t quote[8 + 28] = {3, (uint8_t)(code & 15)}, flat[128];
    const struct estab_status *s = audit_find(&w.audit, f->local, f->remote);
    size_t n = made_ip(flat, f->local.addr, f->remote.addr, 6, "12345678", 8, true);
    memcpy(quote + 8, flat, n);
    quote[28] = (uint8_t)(f->local.port >> 8);
    quote[29] = (uint8_t)f->local.port;
    quote[30] = (uint8_t)(f->remote.port >> 8);
    quote[31] = (uint8_t)f->remote.port;
    store32(quote + 32, (s ? s->snd_una : 0) + (uint32_t)offset);
    if (code & 16)
        quote[0] = 8; /* or an echo request */
    uint16_t sum = made_sum(0, quote, sizeof quote);
    quote[2] = (uint8_t)(sum >> 8);
    quote[3] = (uint8_t)sum;
    input(flat, made_ip(flat, f->remote.addr, f->local.addr, 1, quote, sizeof quote,
                        w.interface.link == ESTAB_LINK_IP), FORM_WHOLE);
}

/* ---- scenes ----------------------------------------------------------------------------------- */

/*
 *      O P L x c w r   active OPEN, passive OPEN, listen, accept, CLOSE, SEND, RECEIVE
 *      s S a d f F     the peer: SYN, SYN+ACK, ACK, text, FIN; F acknowledges all but our FIN
 *      o Z             output; a connection to ourselves
 */
static const struct scene {
    const char *script;
    enum estab_state state; /* of flow 0 */
} scenes[] = {
    {"", ESTAB_STATE_CLOSED},
    {"L", ESTAB_STATE_CLOSED},
    {"P", ESTAB_STATE_CLOSED},
    {"O", ESTAB_STATE_SYN_SENT},
    {"Oo", ESTAB_STATE_SYN_SENT},
    {"Owo", ESTAB_STATE_SYN_SENT},
    {"Lso", ESTAB_STATE_SYN_RECEIVED},
    {"Pso", ESTAB_STATE_SYN_RECEIVED},
    {"Psowc", ESTAB_STATE_SYN_RECEIVED},
    {"Ooso", ESTAB_STATE_SYN_RECEIVED},
    {"OoSo", ESTAB_STATE_ESTABLISHED},
    {"Lsoaxo", ESTAB_STATE_ESTABLISHED},
    {"Lsoado", ESTAB_STATE_ESTABLISHED},
    {"OoSowodd", ESTAB_STATE_ESTABLISHED},
    {"OoSoco", ESTAB_STATE_FIN_WAIT_1},
    {"OoSowwwc", ESTAB_STATE_FIN_WAIT_1},
    {"Psoco", ESTAB_STATE_FIN_WAIT_1},
    {"OoSocoa", ESTAB_STATE_FIN_WAIT_2},
    {"OoSofo", ESTAB_STATE_CLOSE_WAIT},
    {"OoSocoFo", ESTAB_STATE_CLOSING},
    {"OoSofoco", ESTAB_STATE_LAST_ACK},
    {"OoSocoafo", ESTAB_STATE_TIME_WAIT},
    {"OoSocodafo", ESTAB_STATE_TIME_WAIT},
    {"OoSodfocoa", ESTAB_STATE_CLOSED},
    {"LZo", ESTAB_STATE_CLOSED},
};

static void act(char what)
{
    switch (what) {
    case 'O':
        open_one(&w.flow[0], false, false);
        return;
    case 'P':
        open_one(&w.flow[0], true, true);
        return;
    case 'L':
        listen_one(0);
        return;
    case 'Z':
        open_ourselves();
        return;
    case 'x':
        accept_one(0);
        return;
    case 'c':
        estab_close(w.stack, some_conn(0), w.now);
        return;
    case 'w':
        must(audit_send(&w.audit, some_conn(0), 800, w.now));
        return;
    case 'o':
        drain();
        return;
    case 's':
        segment_plain(SYN, 0, 0);
        return;
    case 'S':
        segment_plain(SYN | ACK, 0, 0);
        return;
    case 'a':
        segment_plain(ACK, 0, 0);
        return;
    case 'd':
        segment_plain(ACK, 300, 0);
        return;
    case 'f':
        segment_plain(FIN | ACK, 0, 0);
        return;
    case 'F':
        segment_plain(FIN | ACK, 0, 1);
        return;
    default:
        fault("a scene that cannot be played");
    }
}

static void play(const struct scene *scene)
{
    for (const char *p = scene->script; *p; p++) {
        act(*p);
        must(audit_check(&w.audit, false, w.now));
    }
    const struct estab_status *s = audit_find(&w.audit, w.flow[0].local, w.flow[0].remote);
    if ((s ? s->state : ESTAB_STATE_CLOSED) != scene->state)
        fault(scene->script);
}

/* ---- steps ------------------------------------------------------------------------------------ */

static void step_segment(struct reader *r, unsigned which)
{
    uint8_t flags = reader_u8(r), bases = reader_u8(r), more = reader_u8(r);
    int8_t seq_offset = (int8_t)reader_u8(r), ack_offset = (int8_t)reader_u8(r);
    uint32_t length = reader_u8(r), window = reader_u8(r);
    struct spec spec = {
        .flags = flags & 63, .seq_base = bases & 7, .ack_base = bases >> 3 & 7,
        .options = bases >> 6, .form = more % FORMS,
        .seq_offset = seq_offset, .ack_offset = ack_offset,
        .length = length < 128 ? length : (length - 127) * 24,
        .window = (uint16_t)(window < 128 ? window : (window - 127) * 500),
        .urgent = (uint16_t)(more >> 3),
    };
    if (flags & 64) /* farther from the base */
        spec.seq_offset *= 61;
    if (flags & 128)
        spec.ack_offset *= 61;
    segment(&w.flow[which % FLOWS], &spec);
}

static void step_call(struct reader *r, unsigned which)
{
    static const uint32_t values[] = {0, 1, 2, 63, 255, 512, 1000, 3000, 0x20000000};
    estab_conn conn = some_conn(which);
    uint8_t what = reader_u8(r);
    switch (what & 7) {
    case 0:
        (void)!estab_close(w.stack, conn, w.now);
        return;
    case 1:
        if (what & 8)
            must(audit_release(&w.audit, conn, w.now));
        else
            (void)!estab_close(w.stack, conn, w.now);
        return;
    case 2:
        (void)!estab_abort(w.stack, conn, w.now);
        return;
    case 3:
        (void)!estab_open_active(w.stack, conn, w.flow[what >> 3 & 3].remote, w.now);
        return;
    case 4:
        listen_one(what >> 3);
        return;
    case 5:
        accept_one(what >> 3);
        return;
    case 6:
        end_one(what >> 3);
        return;
    default:
        (void)!estab_set(w.stack, conn, (enum estab_option)(what >> 3),
                         values[reader_u8(r) % (sizeof values / sizeof values[0])], w.now);
    }
}

static void step_time(struct reader *r, unsigned which)
{
    estab_time deadline = estab_deadline(w.stack);
    uint8_t by = reader_u8(r);
    switch (which & 3) {
    case 0:
        expire(deadline == ESTAB_NEVER ? w.now + ESTAB_SECOND : deadline);
        return;
    case 1:
        expire(w.now + by * ESTAB_MS);
        return;
    case 2:
        expire(w.now + by * by * 100 * ESTAB_MS);
        return;
    default:
        estab_expire(w.stack, w.now - by); /* a step back */
    }
}

static void step(struct reader *r)
{
    uint8_t op = reader_u8(r);
    unsigned which = op >> 4;
    w.quiet = false;
    switch (op & 15) {
    case 6:
        must(audit_send(&w.audit, some_conn(which), reader_u8(r) * 8u + which, w.now));
        return;
    case 7:
        must(audit_receive(&w.audit, some_conn(which & 7), reader_u8(r) * 8u,
                           which & 8 ? ESTAB_PEEK : 0, w.now));
        return;
    case 8:
        step_call(r, which);
        return;
    case 9:
        open_one(&w.flow[which & 3], which & 4, which & 8);
        return;
    case 10:
        step_time(r, which);
        return;
    case 11:
        for (unsigned i = 0; i <= which && take_frame(true); i++)
            continue;
        return;
    case 12:
        done_all();
        drain();
        return;
    case 13:
        take_events(which + 1);
        return;
    case 14:
        if (which & 8)
            lend(which * 300u);
        else if (which & 4)
            neighbour(w.flow[which & 3].remote.addr, 1 + (which & 1));
        else if (which & 2)
            move_house();
        else
            open_ourselves();
        return;
    case 15:
        icmp(&w.flow[which & 3], reader_u8(r), (int8_t)reader_u8(r));
        return;
    default:
        step_segment(r, which);
    }
}

/* ---- one run ---------------------------------------------------------------------------------- */

static void set_up(uint8_t choice, uint8_t numbers)
{
    static const uint32_t edges[] = {0, 0xfffffff0, 0x7ffffff0, 0xfffffe00};
    struct estab_config *c = &w.config;
    memset(&w, 0, sizeof w);
    estab_config_init(c);
    c->connections = c->records = c->listeners = 3;
    c->chunks = 64;
    c->sack_ranges = 8;
    c->sack_spares = 1;
    c->chunk_bytes = 512;
    c->neighbours = 2;
    c->udp_sockets = 1;
    c->datagrams = 2;
    c->fragments = 17;
    c->replies = 4;
    c->trace_records = choice & 1 ? 8 : 0;
    c->timestamps = choice & 2;
    c->telemetry = choice & 4;
    c->receive_reserve = 512;
    c->receive_buffer = choice & 8 ? 4096 : 100000; /* that with a window scale */
    c->send_buffer = 4096;
    c->user_timeout_ms = choice & 16 ? 5000 : 0;
    c->keepalive_idle_ms = choice & 16 ? 10000 : 0;
    w.room = rooms[0];
    memset(rooms[0], 0, ROOM);
    w.now = ESTAB_SECOND;
    w.stack = estab_stack_init((struct estab_room){w.room, ROOM}, c, w.now);
    w.interface = (struct estab_interface){
        .size = sizeof w.interface, .link = choice & 32 ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
        .mac = {2, 0, 10, 9, 0, 1}, .prefix_length = 24, .address = estab_ipv4(10, 9, 0, 1),
        .mtu = 1500, .checksum_offload = choice & 64, .super_segment = (choice & 192) == 192 ? 4000 : 0,
    };
    if (!w.stack || estab_interface_add(w.stack, &w.interface) != 0)
        fault("no stack");
    w.iss = edges[numbers & 3];
    for (unsigned i = 0; i < FLOWS; i++)
        w.flow[i] = (struct flow){
            .local = {w.interface.address, (uint16_t)(i < 3 ? 7 : 5000)},
            .remote = {estab_ipv4(10, 9, 0, (uint8_t)(i < 2 ? 9 : 10)), (uint16_t)(1000 + i)},
            .iss = edges[numbers >> 2 & 3] + (numbers >> 4) * 8,
        };
    must(audit_init(&w.audit, w.stack, c, w.flow[0].remote, w.now));
    neighbour(w.flow[0].remote.addr, 1);
    drain();
}

static void return_all(void)
{
    for (unsigned i = 0; i < w.lent_count; i++)
        w.lent[i].length = 0;
    estab_input(w.stack, w.lent, w.lent_count, w.now);
    w.lent_count = 0;
    done_all();
}

static bool all_ended(void)
{
    struct estab_counters c = {.size = sizeof c};
    estab_counters(w.stack, &c);
    return c.connections + c.records == 0;
}

/* What a peer does that wants the connection to end.  A segment that once came from the far end of
 * the window has made those before it too old to change ours (SND.WL1): so one more from there. */
static void help(struct flow *f, bool fin)
{
    struct spec spec = {.flags = fin ? FIN | ACK : ACK, .length = fin ? 0 : 200, .window = 8192};
    const struct estab_status *s = audit_find(&w.audit, f->local, f->remote);
    if (!s)
        return;
    segment(f, &spec);
    must(audit_check(&w.audit, false, w.now));
    s = audit_find(&w.audit, f->local, f->remote);
    if (!s || s->record || s->snd_wl1 - s->rcv_nxt >= s->rcv_wnd)
        return;
    spec = (struct spec){.flags = ACK, .seq_offset = (int)(s->snd_wl1 - s->rcv_nxt), .window = 8192};
    segment(f, &spec);
}

/* The users close and receive, the peers acknowledge, fill every gap, and close: a turn of it. */
static void finish_turn(bool fin)
{
    estab_time deadline;
    for (unsigned i = 0; i < LISTENERS; i++)
        accept_one(i);
    for (unsigned i = 0; i < w.audit.handles; i++) {
        (void)!estab_close(w.stack, w.audit.handle[i].conn, w.now);
        must(audit_receive(&w.audit, w.audit.handle[i].conn, 8192, 0, w.now));
    }
    for (unsigned i = 0; i < FLOWS; i++) {
        neighbour(w.flow[i].remote.addr, 2);
        drain();
        help(&w.flow[i], fin);
    }
    drain();
    take_events(UINT32_MAX);
    must(audit_check(&w.audit, w.quiet, w.now));
    deadline = estab_deadline(w.stack);
    expire(deadline == ESTAB_NEVER ? w.now + ESTAB_SECOND : deadline);
}

/* With such peers every connection comes to its end. */
static void finish(void)
{
    if (w.audit.handles > AUDIT_HANDLES - 16)
        return;
    for (unsigned i = 0; !all_ended(); i++) {
        finish_turn(i >= 100);
        if (i == 1000)
            fault("a connection does not end, and its peer does all it can");
    }
}

/* Connections whose users have left end alone: nobody else can end them.  An hour is enough; a keep-alive
 * idle time of a millisecond makes for more deadlines than that, hence the steps. */
static void outlive_orphans(void)
{
    struct estab_status s = {.size = sizeof s};
    estab_time deadline, step = 400 * ESTAB_MS;
    uint64_t cursor = 0;
    drain();
    for (unsigned i = 0; estab_list(w.stack, &cursor, &s); i++) {
        if (!s.orphan)
            continue;
        deadline = estab_deadline(w.stack);
        expire(deadline > w.now + step ? deadline : w.now + step);
        drain();
        cursor = 0;
        if (i == 10000)
            fault("a connection that was left does not end");
    }
}

static void tear_down(void)
{
    return_all();
    for (unsigned i = 0; i < LISTENERS; i++)
        end_one(i);
    for (unsigned i = 0; i < w.audit.handles; i++)
        (void)!estab_abort(w.stack, w.audit.handle[i].conn, w.now);
    outlive_orphans();
    drain();
    take_events(UINT32_MAX);
    must(audit_empty(&w.audit, w.now));
    if (w.interface.link == ESTAB_LINK_IP && estab_deadline(w.stack) != ESTAB_NEVER)
        fault("a timer is left");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct reader r = reader_of(data, n);
    const struct scene *scene = &scenes[reader_u8(&r) % (sizeof scenes / sizeof scenes[0])];
    uint8_t choice = reader_u8(&r);
    set_up(choice, reader_u8(&r));
    play(scene);
    for (unsigned i = 0; i < STEPS_MAX && reader_left(&r) > 0; i++) {
        step(&r);
        must(audit_check(&w.audit, w.quiet, w.now));
    }
    if (n > 0 && data[n - 1] & 1) {
        return_all();
        finish();
    }
    tear_down();
    return 0;
}
