/* SPDX-License-Identifier: MIT */
/*
 * input.c - a frame becomes a packet, a packet a segment; each step may refuse it, with a reason.
 *
 * Headers lie contiguous in the first piece of the frame; text may be scattered over its parts, and
 * is only walked, never gathered.
 */
#include "base/checksum.h"
#include "stack/frame.h"

void stack_drop(struct estab_stack *s, enum reason reason, unsigned interface, estab_time now)
{
    struct tcp *t = stack_tcp(s);

    note_reason(t, reason);
    NOTE(t, DROP, HANDLE_NONE, now, (uint32_t)reason, interface);
}

/* ---- the bytes of a frame --------------------------------------------------------------------------- */

struct piece {
    const uint8_t *base;
    uint32_t length;
};

/* Piece 0 is the head, if there is one. */
static struct piece frame_piece(const struct estab_frame *f, unsigned i)
{
    if (f->head_length > 0) {
        if (i == 0)
            return (struct piece){f->head, f->head_length};
        i--;
    }
    return i < f->parts ? (struct piece){f->part[i].base, f->part[i].length}
                        : (struct piece){NULL, 0};
}

uint64_t frame_sum(const struct estab_frame *f, uint32_t at, uint32_t n, uint64_t sum)
{
    uint32_t done = 0;

    for (unsigned i = 0; done < n; i++) {
        struct piece p = frame_piece(f, i);
        uint32_t take;

        ASSERT(p.base);
        if (at >= p.length) {
            at -= p.length;
            continue;
        }
        take = p.length - at < n - done ? p.length - at : n - done;
        sum = checksum_add_at(sum, p.base + at, take, done);
        done += take;
        at = 0;
    }
    return sum;
}

bool frame_copy(struct chunk_pool *pool, const struct estab_frame *f, uint32_t at, uint32_t n,
                struct text_queue *q)
{
    uint32_t done = 0;

    for (unsigned i = 0; done < n; i++) {
        struct piece p = frame_piece(f, i);
        uint32_t take;

        ASSERT(p.base);
        if (at >= p.length) {
            at -= p.length;
            continue;
        }
        take = p.length - at < n - done ? p.length - at : n - done;
        if (queue_append(pool, q, CHUNK_SEND, p.base + at, take) < take)
            return false;
        done += take;
        at = 0;
    }
    return true;
}

uint32_t frame_gather(const struct estab_frame *f, uint32_t at, uint32_t n, uint8_t *to)
{
    uint32_t done = 0;
    struct piece p;

    for (unsigned i = 0; done < n && (p = frame_piece(f, i)).base; i++) {
        uint32_t take;

        if (at >= p.length) {
            at -= p.length;
            continue;
        }
        take = p.length - at < n - done ? p.length - at : n - done;
        memcpy(to + done, p.base + at, take);
        done += take;
        at = 0;
    }
    return done;
}

/* ---- a packet ------------------------------------------------------------------------------------------ */

bool packet_intact(const struct packet *p)
{
    uint64_t sum = ip_pseudo(&p->src, &p->dst, p->protocol, p->length);

    return checksum_good(frame_sum(p->frame, p->at, p->length, sum));
}

enum reason packet_tcp(struct estab_stack *s, struct packet *p, estab_time now)
{
    struct segment seg = {.remote = p->src,
                          .local = p->local,
                          .ecn = p->diffserv & 3,
                          .interface = p->interface,
                          .mtu = stack_tcp(s)->locals[p->local].mtu,
                          .frame = p->frame};
    struct tcp_header h;
    enum reason reason;

    reason = tcp_header_parse(p->first + p->at, packet_contiguous(p), &h);
    if (reason == REASON_TCP_HEADER)
        return reason;
    if (!p->trusted && !packet_intact(p))
        return REASON_TCP_CHECKSUM;
    if (reason != REASON_NONE)
        return reason;
    memcpy(seg.mac, p->mac, 6);
    seg.rport = h.sport;
    seg.lport = h.dport;
    seg.flags = h.flags;
    seg.seq = rcv_of(h.seq);
    seg.ack = snd_of(h.ack);
    seg.wnd = h.wnd;
    seg.up = h.up;
    seg.opt = h.opt;
    seg.text = p->at + h.length;
    seg.len = p->length - h.length;
    tcp_arrive(stack_tcp(s), &seg, now);
    return REASON_NONE;
}

struct ip_reply *packet_reply(struct estab_stack *s, struct ip_reply *r, const struct packet *p,
                              uint32_t at, uint32_t n)
{
    struct tcp *t = stack_tcp(s);

    if (!r) {
        note_reason(t, REASON_REPLIES_FULL);
        return NULL;
    }
    if (frame_copy(&t->chunks, p->frame, at, n, &r->text))
        return r;
    queue_clear(&t->chunks, &r->text); /* short of chunks: the newest reply is taken back */
    s->ip.reply_count--;
    note_reason(t, REASON_REPLIES_FULL);
    return NULL;
}

enum reason packet_icmp_about(struct estab_stack *s, int local, const struct estab_addr *dst,
                              const uint8_t segment[8], bool hard,
                              const struct tcp_too_big *big, estab_time now)
{
    const uint8_t *q = segment;

    if (local < 0)
        return REASON_ICMP_NO_CONNECTION;
    return icmp_arrives(stack_tcp(s),
                        &(struct tcp_pair){.remote = *dst,
                                           .rport = (uint16_t)(q[2] << 8 | q[3]),
                                           .lport = (uint16_t)(q[0] << 8 | q[1]),
                                           .local = (uint8_t)local},
                        snd_of((uint32_t)q[4] << 24 | (uint32_t)q[5] << 16 | (uint32_t)q[6] << 8 |
                               q[7]),
                        hard, big, now);
}

/* An ICMP error quotes what it is about: the IP header and at least 8 bytes (RFC 5927 section 4). */
static enum reason packet_icmp_error(struct estab_stack *s, const struct packet *p, unsigned type,
                                     unsigned code, estab_time now)
{
    uint8_t quote[IPV4_HEADER_MAX + 8];
    uint32_t n = p->length - ICMP_HEADER;
    const uint8_t *h = p->first + p->at;
    struct tcp_too_big big;
    struct ipv4_header quoted;
    enum reason reason;

    /* One that we have sent to ourselves has its quote in other parts. */
    n = frame_gather(p->frame, p->at + ICMP_HEADER, n < sizeof quote ? n : sizeof quote, quote);
    reason = ipv4_parse(quote, n, true, &quoted);
    if (reason != REASON_NONE && reason != REASON_IP_LENGTH) /* it is cut short, as a rule */
        return REASON_ICMP_MALFORMED;
    if (quoted.header_length + 8u > n)
        return REASON_ICMP_MALFORMED;
    big = (struct tcp_too_big){(uint32_t)h[6] << 8 | h[7], quoted.total_length};
    if (quoted.protocol == PROTO_UDP)
        return packet_icmp_udp(s, &quoted.src, &quoted.dst, quote + quoted.header_length, type, code);
    if (quoted.protocol != PROTO_TCP)
        return REASON_ICMP_NO_CONNECTION;
    return packet_icmp_about(s, ip_local(&s->ip, &quoted.src), &quoted.dst,
                             quote + quoted.header_length,
                             type == ICMP_UNREACHABLE &&
                                 (code == ICMP_CODE_PROTOCOL || code == ICMP_CODE_PORT),
                             type == ICMP_UNREACHABLE && code == ICMP_CODE_FRAGMENTATION ? &big : NULL,
                             now);
}

static enum reason packet_icmp(struct estab_stack *s, const struct packet *p, estab_time now)
{
    const uint8_t *h = p->first + p->at;
    struct ip_whence whence = packet_whence(p);
    uint32_t mtu = stack_tcp(s)->locals[p->local].mtu;
    uint32_t most = ESTAB_PARTS_MAX * stack_tcp(s)->chunks.bytes;

    if (p->length < ICMP_HEADER || p->first_length - p->at < ICMP_HEADER)
        return REASON_ICMP_MALFORMED;
    if (!p->trusted && !checksum_good(frame_sum(p->frame, p->at, p->length, 0)))
        return REASON_ICMP_CHECKSUM;
    switch (h[0]) {
    case ICMP_ECHO:
        if (h[1] != 0)
            return REASON_ICMP_MALFORMED;
        /* We do not fragment, and a frame refers to so many chunks at most. */
        if (p->length + IPV4_HEADER_MIN > mtu || p->length > most)
            return REASON_ICMP_IGNORED;
        packet_reply(s,
                     icmp_echo_reply(&s->ip, &whence,
                                     (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 |
                                         (uint32_t)h[6] << 8 | h[7]),
                     p, p->at + ICMP_HEADER, p->length - ICMP_HEADER);
        return REASON_ECHO;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER:
        return packet_icmp_error(s, p, h[0], h[1], now);
    default:
        return REASON_ICMP_IGNORED;
    }
}

void packet_tell(struct estab_stack *s, const struct packet *p, unsigned type, unsigned code,
                 estab_time now)
{
    uint32_t quote = p->length < 8 ? p->length : 8;
    struct ip_whence whence = packet_whence(p);

    if (p->protocol == PROTO_ICMP && p->first[p->at] != ICMP_ECHO)
        return; /* never about an error (section 3.2.2) */
    packet_reply(s, icmp_error(&s->ip, &whence, type, code, 0, now), p, p->at - p->headers,
                 p->headers + quote);
}

/* Takes what the header says, and steps over it. */
static void packet_step(const struct estab_stack *s, struct packet *p, const struct ipv4_header *h)
{
    p->src = h->src;
    p->dst = h->dst;
    p->diffserv = h->diffserv;
    p->hop_limit = h->ttl;
    p->protocol = h->protocol;
    p->local = (uint8_t)ip_local(&s->ip, &h->dst);
    p->headers = h->header_length;
    p->at += h->header_length;
    p->length = h->total_length - h->header_length;
}

static enum reason packet_fragment4(struct estab_stack *s, struct packet *p, const struct ipv4_header *h,
                                    estab_time now)
{
    return packet_fragment(s, p,
                           &(struct fragment){.src = h->src,
                                              .dst = h->dst,
                                              .id = h->id,
                                              .protocol = h->protocol,
                                              .interface = p->interface,
                                              .ecn = h->diffserv & 3,
                                              .more = h->more,
                                              .from = h->offset,
                                              .to = h->offset + p->length},
                           now);
}

enum reason packet_ipv4(struct estab_stack *s, struct packet *p, estab_time now)
{
    uint32_t n = p->frame->length - p->at;
    uint32_t contiguous = p->first_length - p->at;
    struct ipv4_header h;
    enum reason reason;

    reason = ipv4_parse(p->first + p->at, contiguous, p->interface == IP_LOOPBACK, &h);
    if (reason == REASON_IP_LENGTH && h.total_length <= n)
        reason = REASON_NONE; /* the rest lies in other parts */
    if (reason != REASON_NONE)
        return reason;
    reason = ip_accepts(&s->ip, &h, p->interface);
    if (reason == REASON_NONE && p->group && !ip_is_broadcast(&s->ip, &h.dst, p->interface))
        reason = REASON_IP_LINK_BROADCAST;
    if (reason != REASON_NONE)
        return reason;
    packet_step(s, p, &h);
    if (h.fragment)
        return packet_fragment4(s, p, &h, now);
    switch (p->protocol) {
    case PROTO_TCP:
        return packet_tcp(s, p, now);
    case PROTO_ICMP:
        return packet_icmp(s, p, now);
    case PROTO_UDP:
        return packet_udp(s, p, now);
    default:
        packet_tell(s, p, ICMP_UNREACHABLE, ICMP_CODE_PROTOCOL, now);
        return REASON_IP_PROTOCOL;
    }
}

/* A bare packet says itself of which family it is. */
static enum reason packet_any(struct estab_stack *s, struct packet *p, estab_time now)
{
    bool six = p->first_length > p->at && p->first[p->at] >> 4 == 6;

    return six ? packet_ipv6(s, p, now) : packet_ipv4(s, p, now);
}

/* ---- a frame ---------------------------------------------------------------------------------------------- */

static enum reason frame_ethernet(struct estab_stack *s, struct packet *p, estab_time now)
{
    const struct estab_interface *i = &s->ip.interfaces[p->interface];
    struct ethernet_header h;
    bool learned = false;
    enum reason reason;

    if (!ethernet_parse(p->first, p->first_length, &h))
        return REASON_FRAME_SHORT;
    if (!(h.dst[0] & 1) && memcmp(h.dst, i->mac, 6) != 0)
        return REASON_FRAME_NOT_OURS;
    memcpy(p->mac, h.src, 6);
    p->group = h.dst[0] & 1;
    p->at = ETHERNET_HEADER;
    if (h.type == ETHERTYPE_IPV4)
        return packet_ipv4(s, p, now);
    if (h.type == ETHERTYPE_IPV6)
        return packet_ipv6(s, p, now);
    if (h.type != ETHERTYPE_ARP)
        return REASON_FRAME_ETHERTYPE;
    reason = neighbour_arp(&s->ip, p->interface, p->first + p->at, p->first_length - p->at, &learned,
                           now);
    if (learned)
        stack_unblock(s);
    return reason;
}

void stack_input(struct estab_stack *s, struct estab_frame *f, unsigned interface, estab_time now)
{
    struct piece first = frame_piece(f, 0);
    struct packet p = {.frame = f,
                       .first = first.base,
                       .first_length = first.length < f->length ? first.length : f->length,
                       .interface = (uint8_t)interface,
                       .trusted = f->checksum != ESTAB_CHECKSUM_VERIFY};
    enum reason reason;

    s->frames_in++;
    if (interface == IP_LOOPBACK)
        reason = packet_any(s, &p, now);
    else if (interface >= s->ip.interface_count || f->link != s->ip.interfaces[interface].link)
        reason = REASON_FRAME_INTERFACE;
    else if (f->link == ESTAB_LINK_ETHERNET)
        reason = frame_ethernet(s, &p, now);
    else
        reason = packet_any(s, &p, now);
    if (reason != REASON_NONE)
        stack_drop(s, reason, interface, now);
}

/* The parts of a frame cover its length, and no more of them is looked at. */
static bool frame_covered(struct estab_frame *f)
{
    uint32_t left = f->length;
    unsigned i;

    if (f->head_length > ESTAB_HEAD_MAX || f->parts > ESTAB_PARTS_MAX || f->head_length > left)
        return false;
    left -= f->head_length;
    for (i = 0; i < f->parts && left > 0; i++) {
        if (f->part[i].length > left)
            f->part[i].length = left;
        left -= f->part[i].length;
    }
    return left == 0;
}

/* Chunks that no connection has adopted go back to the pool. */
static void frame_return(struct estab_stack *s, const struct estab_frame *f)
{
    struct chunk_pool *pool = &stack_tcp(s)->chunks;

    for (unsigned i = 0; f->lent && i < f->parts; i++) {
        uint32_t c = chunk_of(pool, f->part[i].base);

        if (chunk_at(pool, c)->account == CHUNK_LENT)
            chunk_free(pool, c);
    }
}

void estab_input(estab_stack *s, struct estab_frame *in, size_t n, estab_time now)
{
    now = stack_now(s, now);
    for (size_t i = 0; i < n; i++) {
        struct estab_frame *f = &in[i];

        if (f->length > 0) {
            if (frame_covered(f))
                stack_input(s, f, f->interface, now);
            else
                stack_drop(s, REASON_FRAME_SHORT, f->interface, now);
        }
        frame_return(s, f);
    }
}

size_t estab_input_room(estab_stack *s, struct estab_frame *in, size_t n, uint32_t bytes)
{
    struct chunk_pool *pool = &stack_tcp(s)->chunks;

    for (size_t i = 0; i < n; i++) {
        struct estab_frame *f = &in[i];
        uint32_t left = bytes;

        *f = (struct estab_frame){.lent = 1};
        while (left > 0 && f->parts < ESTAB_PARTS_MAX) {
            uint32_t c = chunk_new(pool, CHUNK_LENT);

            if (c == CHUNK_NONE)
                break;
            f->part[f->parts++] = (struct estab_part){chunk_data(pool, c), pool->bytes};
            left -= left < pool->bytes ? left : pool->bytes;
        }
        if (left > 0) { /* not enough for this one */
            frame_return(s, f);
            f->parts = 0;
            return i;
        }
    }
    return n;
}
