/* SPDX-License-Identifier: MIT */
/* rig.c - see rig.h.  Frames are made and read here without any code of src/. */
#include "support/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "support/made_frame.h"

#define PROTOCOL_ARP   0
#define PROTOCOL_ICMP  1
#define PROTOCOL_TCP   6
#define PROTOCOL_ICMP6 58
#define PROTOCOL_HOPS  0xff /* a report of MLD, behind a hop-by-hop header */

static bool over_ipv6;

void rig_over_ipv6(bool six)
{
    over_ipv6 = six;
}

static struct estab_addr host(uint8_t number)
{
    struct estab_addr six = {{0xfd, 0x11, [15] = number}};

    return over_ipv6 ? six : estab_ipv4(10, 11, 0, number);
}

struct estab_addr rig_us(void)
{
    return host(1);
}

struct estab_addr rig_peer(void)
{
    return host(2);
}

/* Not periodic in any power of two, so that text at the wrong place is found. */
uint8_t rig_text(uint32_t seq)
{
    return (uint8_t)(seq * 31 + seq / 251);
}

/* ---- messages ---------------------------------------------------------------------------------- */

static void flags_text(unsigned flags, char *text, size_t size)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK",
                                        "URG", "ECE", "CWR", "0"};
    size_t n = 0;

    text[0] = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (flags >> i & 1)
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? "," : "", names[i]);
}

const char *rig_seg_text(const struct rig_seg *s, char *text, size_t size)
{
    char flags[64];

    flags_text(s->flags, flags, sizeof flags);
    snprintf(text, size, "<SEQ=%d><ACK=%d><CTL=%s> len %u wnd %d up %u at %u ms", (int)s->seq,
             (int)s->ack, flags, (unsigned)s->len, s->wnd, s->up, (unsigned)s->at_ms);
    return text;
}

void rig_fail(const struct rig *r, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fail_msg("%s, %s, ISS %u, IRS %u, line %d: %s", r->where ? r->where : "", rig_way_name(r->way),
             (unsigned)r->iss, (unsigned)r->irs, r->line, text);
    abort();
}

/* ---- start and end -------------------------------------------------------------------------------- */

struct estab_config rig_config(void)
{
    struct estab_config c;

    estab_config_init(&c);
    c.connections = 8;
    c.records = 8;
    c.listeners = 4;
    c.chunks = 512;
    c.chunk_bytes = 512;
    c.neighbours = 4;
    c.udp_sockets = 4;
    c.datagrams = 8;
    c.fragments = 17;
    c.replies = 16;
    c.sack_spares = 1;
    c.trace_records = 256;
    c.timestamps = false;
    c.window_scale = false;
    c.time_wait_reset = true;
    c.quick_acks = 0;
    c.receive_reserve = RIG_WINDOW;
    c.receive_buffer = RIG_WINDOW;
    c.send_buffer = 8192;
    memset(c.isn_key, 0x5a, sizeof c.isn_key);
    memset(c.hash_key, 0xa5, sizeof c.hash_key);
    return c;
}

static void *room_new(size_t size)
{
    void *room = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(room);
    memset(room, 0, size);
    return room;
}

static void start(struct rig *r, const struct estab_config *config, bool ethernet)
{
    struct estab_interface interface = {.size = sizeof interface,
                                        .link = ethernet ? ESTAB_LINK_ETHERNET : ESTAB_LINK_IP,
                                        .prefix_length = over_ipv6 ? 64 : 24,
                                        .address = rig_us(),
                                        .mtu = over_ipv6 ? 1520 : 1500}; /* for the same MSS */
    struct estab_room room;

    memcpy(interface.mac, (uint8_t[]){2, 0}, 2);
    memcpy(interface.mac + 2, rig_us().b + 12, 4);
    r->config = config ? *config : rig_config();
    r->tsval = 1000;
    r->ethernet = ethernet;
    r->start = r->now = r->base = 1000 * ESTAB_SECOND;
    room.size = r->room_size = estab_stack_size(&r->config);
    if (r->room_size == 0)
        rig_fail(r, "%s", estab_config_check(&r->config));
    room.base = room_new(room.size);
    r->stack = estab_stack_init(room, &r->config, r->now);
    if (!r->stack || estab_interface_add(r->stack, &interface) != 0)
        rig_fail(r, "no stack");
}

void rig_start(struct rig *r, const struct estab_config *config, uint32_t iss, uint32_t irs)
{
    memset(r, 0, sizeof *r);
    r->iss = iss;
    r->irs = irs;
    start(r, config, false);
}

void rig_start_on_ethernet(struct rig *r, const struct estab_config *config, uint32_t iss,
                           uint32_t irs)
{
    memset(r, 0, sizeof *r);
    r->iss = iss;
    r->irs = irs;
    start(r, config, true);
}

void rig_end(struct rig *r)
{
    free(r->stack);
    r->stack = NULL;
}

void rig_fork(struct rig *copy, const struct rig *r)
{
    void *room = room_new(r->room_size);

    memcpy(room, r->stack, r->room_size);
    *copy = *r;
    copy->stack = room;
    for (unsigned i = 0; i < r->held_count; i++)
        for (unsigned k = 0; k < r->held[i].parts; k++)
            copy->held[i].part[k].base =
                (uint8_t *)room + (r->held[i].part[k].base - (uint8_t *)r->stack);
}

/* ---- frames in -------------------------------------------------------------------------------------- */

static size_t put_options(const struct rig_seg *s, char *to)
{
    uint8_t *p = (uint8_t *)to;
    size_t n = 0;

    if (s->raw) {
        memcpy(p, s->raw, s->raw_length);
        return s->raw_length;
    }
    if (s->opt & MSS) {
        memcpy(p + n, (uint8_t[]){2, 4, (uint8_t)(s->mss >> 8), (uint8_t)s->mss}, 4);
        n += 4;
    }
    if (s->opt & SCALE) {
        memcpy(p + n, (uint8_t[]){1, 3, 3, s->scale}, 4);
        n += 4;
    }
    if (s->opt & STAMP) {
        memcpy(p + n, (uint8_t[]){1, 1, 8, 10}, 4);
        for (int i = 0; i < 4; i++) {
            p[n + 4 + (size_t)i] = (uint8_t)(s->tsval >> (24 - 8 * i));
            p[n + 8 + (size_t)i] = (uint8_t)(s->tsecr >> (24 - 8 * i));
        }
        n += 12;
    }
    return n;
}

/* The options that the peer adds by itself. */
static struct rig_seg with_options(const struct rig *r, const struct rig_seg *s)
{
    struct rig_seg with = *s;

    if (s->raw || (s->opt & NO_OPTIONS))
        return with;
    if (r->config.window_scale && (s->flags & SYN) && !(s->opt & SCALE)) {
        with.opt |= SCALE;
        with.scale = RIG_PEER_SCALE;
    }
    if (r->config.timestamps && !(s->opt & STAMP)) {
        with.opt |= STAMP;
        with.tsval = r->tsval;
    }
    return with;
}

size_t rig_frame(const struct rig *r, const struct rig_seg *seg, uint8_t bytes[RIG_FRAME_MAX])
{
    static char text[RIG_FRAME_MAX];
    struct rig_seg with = with_options(r, seg);
    const struct rig_seg *s = &with;
    char options[40];
    uint32_t first = s->seq + (s->flags & SYN ? 1 : 0);
    struct made_tcp m = {
        .src = {rig_peer(), s->port ? s->port : RIG_PEER_PORT},
        .dst = {rig_us(), RIG_PORT},
        .seq = r->irs + s->seq,
        .ack = s->flags & ACK ? r->iss + s->ack : 0,
        .window = (uint16_t)(s->wnd == NO_WINDOW ? 0
                             : s->wnd            ? s->wnd
                                                 : RIG_PEER_WINDOW),
        .urgent = s->up,
        .flags = (uint8_t)s->flags,
        .tos = s->ecn,
        .options = options,
        .text = s->len ? text : NULL,
        .length = s->len,
    };

    m.options_length = (uint8_t)put_options(s, options);
    for (uint32_t i = 0; i < s->len; i++)
        text[i] = (char)rig_text(first + i);
    return made_tcp(bytes, &m, !r->ethernet);
}

static void store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void rig_resum(uint8_t *bytes, size_t n)
{
    size_t header = (size_t)(bytes[0] & 15) * 4;
    uint32_t sum = PROTOCOL_TCP + (uint32_t)(n - header);

    if (header > n)
        return;
    store16(bytes + 10, 0);
    store16(bytes + 10, made_sum(0, bytes, header));
    if (bytes[9] != PROTOCOL_TCP || n < header + 18)
        return;
    for (unsigned i = 12; i < 20; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    store16(bytes + header + 16, 0);
    store16(bytes + header + 16, made_sum(sum, bytes + header, n - header));
}

void rig_in_bytes(struct rig *r, uint8_t *bytes, size_t n)
{
    struct estab_frame frame = made_frame(bytes, n, !r->ethernet);
    size_t headers = (r->ethernet ? 14u : 0u) + (over_ipv6 ? 80 : 60);

    if (r->split && n > headers) { /* the text in two parts, the second of one byte */
        frame.parts = 2;
        frame.part[0].length = (uint32_t)n - 1;
        frame.part[1] = (struct estab_part){bytes + n - 1, 1};
    }
    estab_input(r->stack, &frame, 1, r->now);
    rig_pull(r);
}

void rig_in(struct rig *r, const struct rig_seg *s)
{
    static uint8_t bytes[RIG_FRAME_MAX];

    rig_in_bytes(r, bytes, rig_frame(r, s, bytes));
}

void rig_in_batch(struct rig *r, const struct rig_seg *segments, size_t n)
{
    static uint8_t bytes[RIG_BATCH_MAX][256];
    static uint8_t frame[RIG_FRAME_MAX];
    struct estab_frame frames[RIG_BATCH_MAX];

    assert_true(n <= RIG_BATCH_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t length = rig_frame(r, &segments[i], frame);

        assert_true(length <= sizeof bytes[i]);
        memcpy(bytes[i], frame, length);
        frames[i] = made_frame(bytes[i], length, !r->ethernet);
    }
    estab_input(r->stack, frames, n, r->now);
    rig_pull(r);
}

/* ---- frames out --------------------------------------------------------------------------------------- */

static uint32_t load(const uint8_t *p, unsigned n)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v << 8 | *p++;
    return v;
}

static size_t gather(const struct rig *r, const struct estab_frame *f, uint8_t *bytes)
{
    size_t n = f->head_length;

    memcpy(bytes, f->head, n);
    for (unsigned i = 0; i < f->parts; i++) {
        memcpy(bytes + n, f->part[i].base, f->part[i].length);
        n += f->part[i].length;
    }
    if (n != f->length)
        rig_fail(r, "a frame of %u bytes says %u", (unsigned)n, (unsigned)f->length);
    return n;
}

static void read_options(const struct rig *r, const uint8_t *p, size_t n, struct rig_seg *s)
{
    for (size_t i = 0; i < n && p[i] != 0;) {
        if (p[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= n || p[i + 1] < 2 || i + p[i + 1] > n)
            rig_fail(r, "sent an option that does not parse");
        if (p[i] == 2) {
            s->opt |= MSS;
            s->mss = (uint16_t)load(p + i + 2, 2);
        } else if (p[i] == 3) {
            s->opt |= SCALE;
            s->scale = p[i + 2];
        } else if (p[i] == 8) {
            s->opt |= STAMP;
            s->tsval = load(p + i + 2, 4);
            s->tsecr = load(p + i + 6, 4);
        }
        i += p[i + 1];
    }
}

static void read_tcp(struct rig *r, const uint8_t *tcp, size_t n, struct rig_sent *out)
{
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    struct rig_seg *s = &out->seg;
    uint32_t first;

    if (n < 20 || header < 20 || header > n)
        rig_fail(r, "sent a TCP header that does not parse");
    if (made_sum(made_pseudo(out->src, out->dst, PROTOCOL_TCP, n), tcp, n) != 0)
        rig_fail(r, "sent a wrong TCP checksum");
    out->port = (uint16_t)load(tcp, 2);
    s->port = (uint16_t)load(tcp + 2, 2);
    s->flags = tcp[13];
    out->seq = load(tcp + 4, 4);
    out->ack = load(tcp + 8, 4);
    s->seq = out->seq - r->iss;
    s->ack = s->flags & ACK ? out->ack - r->irs : 0;
    s->wnd = (int)load(tcp + 14, 2);
    s->up = (uint16_t)load(tcp + 18, 2);
    s->len = (uint32_t)(n - header);
    read_options(r, tcp + 20, header - 20, s);
    first = s->seq + (s->flags & SYN ? 1 : 0);
    out->text_good = true;
    for (uint32_t i = 0; i < s->len; i++)
        out->text_good &= tcp[header + i] == rig_text(first + i);
}

static void read_ip6(struct rig *r, const uint8_t *ip, size_t n, struct rig_sent *out)
{
    if (n < 40 || ip[0] >> 4 != 6 || load(ip + 4, 2) != n - 40 || ip[7] == 0)
        rig_fail(r, "sent an IPv6 header that does not parse");
    memcpy(out->src.b, ip + 8, 16);
    memcpy(out->dst.b, ip + 24, 16);
    out->protocol = ip[6];
    if (ip[6] == PROTOCOL_TCP) {
        read_tcp(r, ip + 40, n - 40, out);
        return;
    }
    if (ip[6] == 0) {
        if (n != 40 + 8 + 28 || memcmp(ip + 40, "\72\0\5\2\0\0\1\0", 8) != 0 || ip[48] != 143 || ip[7] != 1 ||
            made_sum(made_pseudo(out->src, out->dst, PROTOCOL_ICMP6, 28), ip + 48, 28) != 0)
            rig_fail(r, "sent a report of MLD that does not parse");
        out->protocol = PROTOCOL_HOPS;
        return;
    }
    if (ip[6] != PROTOCOL_ICMP6 || n < 48 ||
        made_sum(made_pseudo(out->src, out->dst, PROTOCOL_ICMP6, n - 40), ip + 40, n - 40) != 0)
        rig_fail(r, "sent an ICMPv6 message that does not parse");
    out->type = ip[40];
    out->code = ip[41];
    out->hops = ip[7];
    memcpy(out->body, ip + 44, n - 44 < sizeof out->body ? n - 44 : sizeof out->body);
}

static void read_ip(struct rig *r, const uint8_t *ip, size_t n, struct rig_sent *out)
{
    if (n < 20 || ip[0] != 0x45 || load(ip + 2, 2) != n || made_sum(0, ip, 20) != 0)
        rig_fail(r, "sent an IPv4 header that does not parse");
    if (memcmp(ip + 12, rig_us().b + 12, 4) != 0)
        rig_fail(r, "sent from an address that is not ours");
    out->src = estab_ipv4(ip[12], ip[13], ip[14], ip[15]);
    out->dst = estab_ipv4(ip[16], ip[17], ip[18], ip[19]);
    out->protocol = ip[9];
    if (ip[9] == PROTOCOL_TCP) {
        read_tcp(r, ip + 20, n - 20, out);
        return;
    }
    if (ip[9] != PROTOCOL_ICMP || n < 28 || made_sum(0, ip + 20, n - 20) != 0)
        rig_fail(r, "sent an ICMP message that does not parse");
    out->type = ip[20];
    out->code = ip[21];
}

/* The peer answers who asks for its address. */
static void answer_arp(struct rig *r, const uint8_t *arp)
{
    uint8_t bytes[64];
    struct estab_addr who = estab_ipv4(arp[24], arp[25], arp[26], arp[27]);

    if (r->deaf || load(arp + 6, 2) != 1 || memcmp(arp + 24, rig_us().b + 12, 4) == 0)
        return;
    struct estab_frame frame = made_frame(bytes, made_arp(bytes, 2, who, rig_us()), false);
    estab_input(r->stack, &frame, 1, r->now);
}

/* The same of IPv6; who looks for a duplicate is not answered.  True: it was such a question. */
static bool answer_solicitation(struct rig *r, const struct rig_sent *out)
{
    static const struct estab_addr nobody;
    uint8_t bytes[128], body[28] = {0x60}; /* solicited, override */
    struct estab_addr who;

    if (r->deaf || out->type != 135 || memcmp(&out->src, &nobody, 16) == 0)
        return false;
    memcpy(who.b, out->body + 4, 16);
    memcpy(body + 4, who.b, 16);
    memcpy(body + 20, (uint8_t[]){2, 1, 2, 0, who.b[12], who.b[13], who.b[14], who.b[15]}, 8);
    size_t n = made_icmp6(bytes, who, out->src, 136, 0, body, sizeof body, false);
    made_hops(bytes, 255, false);
    struct estab_frame frame = made_frame(bytes, n, false);
    estab_input(r->stack, &frame, 1, r->now);
    return true;
}

static void took(struct rig *r, const struct estab_frame *f)
{
    static uint8_t bytes[RIG_FRAME_MAX];
    struct rig_sent out = {.at = r->now};
    size_t n = gather(r, f, bytes);

    if (r->ethernet && load(bytes + 12, 2) == 0x0806) {
        answer_arp(r, bytes + 14);
        return;
    }
    if (bytes[r->ethernet ? 14 : 0] >> 4 == 6)
        read_ip6(r, bytes + (r->ethernet ? 14 : 0), n - (r->ethernet ? 14 : 0), &out);
    else
        read_ip(r, bytes + (r->ethernet ? 14 : 0), n - (r->ethernet ? 14 : 0), &out);
    if (r->ethernet)
        memcpy(out.mac, bytes, 6);
    if (out.protocol == PROTOCOL_HOPS || (out.protocol == PROTOCOL_ICMP6 && answer_solicitation(r, &out)))
        return;
    if (r->out_count == RIG_SENT_MAX)
        rig_fail(r, "more than %d frames", RIG_SENT_MAX);
    r->out[r->out_count++] = out;
}

static void take_events(struct rig *r)
{
    struct estab_event event;

    while (!r->keep_events && estab_event_next(r->stack, &event)) {
        r->events |= event.bits;
        if (event.error != ESTAB_OK)
            r->error = event.error;
    }
}

void rig_pull(struct rig *r)
{
    struct estab_frame frame;

    while (estab_output(r->stack, &frame, 1, r->now) == 1) {
        took(r, &frame);
        if (r->hold && r->held_count < RIG_HELD_MAX)
            r->held[r->held_count++] = frame;
        else
            estab_output_done(r->stack, &frame, 1);
    }
    take_events(r);
}

void rig_done(struct rig *r)
{
    estab_output_done(r->stack, r->held, r->held_count);
    r->held_count = 0;
}

/* ---- what is expected ----------------------------------------------------------------------------------- */

bool rig_seg_is(const struct rig *r, const struct rig_sent *got, const struct rig_seg *e,
                estab_time at)
{
    const struct rig_seg *g = &got->seg;
    uint32_t seq = e->flags & ZERO_SEQ ? 0 - r->iss : e->seq;

    if (got->protocol != PROTOCOL_TCP || got->port != RIG_PORT || !got->text_good || got->at != at)
        return false;
    if (g->flags != (e->flags & 0xff) || g->seq != seq || g->len != e->len || g->up != e->up)
        return false;
    if ((e->flags & ACK) && g->ack != e->ack)
        return false;
    if (e->wnd && g->wnd != (e->wnd == NO_WINDOW ? 0 : e->wnd))
        return false;
    if ((g->opt & e->opt) != e->opt || g->port != (e->port ? e->port : RIG_PEER_PORT))
        return false;
    return (!(e->opt & MSS) || g->mss == e->mss) && (!(e->opt & SCALE) || g->scale == e->scale) &&
           (!(e->opt & STAMP) || g->tsecr == e->tsecr);
}

const struct rig_sent *rig_out_any(struct rig *r)
{
    return r->out_taken < r->out_count ? &r->out[r->out_taken++] : NULL;
}

static void describe(const struct rig *r, const struct rig_sent *got, char *text, size_t size)
{
    struct rig_seg s = got->seg;

    s.at_ms = (uint32_t)((got->at - r->base) / ESTAB_MS);
    if (got->protocol == PROTOCOL_TCP)
        rig_seg_text(&s, text, size);
    else
        snprintf(text, size, "ICMP type %u", got->type);
}

void rig_out(struct rig *r, const struct rig_seg *e)
{
    estab_time at = e->at_ms ? r->base + e->at_ms * ESTAB_MS : r->now;
    const struct rig_sent *got = rig_out_any(r);
    char expected[160], sent[160] = "nothing";

    if (got && rig_seg_is(r, got, e, at))
        return;
    if (got)
        describe(r, got, sent, sizeof sent);
    rig_fail(r, "expected %s; sent %s%s", rig_seg_text(e, expected, sizeof expected), sent,
             got && !got->text_good ? " (wrong text)" : "");
}

void rig_quiet(struct rig *r)
{
    const struct rig_sent *got = rig_out_any(r);
    char sent[160];

    if (!got)
        return;
    describe(r, got, sent, sizeof sent);
    rig_fail(r, "expected nothing; sent %s", sent);
}

/* ---- time ------------------------------------------------------------------------------------------------- */

uint64_t rig_next_ms(const struct rig *r)
{
    estab_time at = estab_deadline(r->stack);

    return at == ESTAB_NEVER ? UINT64_MAX : at <= r->base ? 0 : (at - r->base) / ESTAB_MS;
}

void rig_at(struct rig *r, uint64_t ms)
{
    estab_time to = r->base + ms * ESTAB_MS, at;

    for (unsigned i = 0; (at = estab_deadline(r->stack)) <= to; i++) {
        if (i == 100000)
            rig_fail(r, "deadlines without end");
        r->now = at > r->now ? at : r->now;
        estab_expire(r->stack, r->now);
        rig_pull(r);
    }
    r->now = to;
    rig_pull(r);
}
