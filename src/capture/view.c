/* SPDX-License-Identifier: MIT */
/*
 * view.c - Ethernet, ARP (RFC 826), IPv4 (RFC 791), IPv6 (RFC 8200), ICMP (RFC 792, 4443, 4861), UDP (RFC
 * 768) and TCP (RFC 9293 section 3.1), read for people.
 *
 * A frame is first gathered: all headers together are at most VIEW_HEAD bytes, which are copied to
 * one place; text stays where it is and is only summed up.
 */
#include "capture/view.h"

#include "base/checksum.h"
#include "base/reader.h"
#include "packet/icmp6.h"
#include "packet/ipv6.h"

#include <stdio.h>

/* 14 Ethernet + 60 IPv4 + 8 ICMP + 60 IPv4 + 8 of the quoted segment = 150; extension headers of IPv6 are
 * read as far as they are here. */
#define VIEW_HEAD 256

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_IPV6 = 0x86dd };
enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

struct pieces {
    struct {
        const uint8_t *p;
        size_t n;
    } at[ESTAB_PARTS_MAX + 1];
    unsigned count;
    size_t length;
    uint8_t head[VIEW_HEAD];
    size_t head_length;
};

/* ---- bytes --------------------------------------------------------------------------------------- */

static void pieces_add(struct pieces *s, const void *p, size_t n, size_t limit)
{
    if (n > limit - s->length)
        n = limit - s->length;
    if (n == 0)
        return;
    s->at[s->count].p = p;
    s->at[s->count++].n = n;
    s->length += n;
}

/* Copies up to `n` bytes from `offset` on; how many there were. */
static size_t pieces_copy(const struct pieces *s, size_t offset, void *out, size_t n)
{
    uint8_t *to = out;
    size_t done = 0;

    for (unsigned i = 0; i < s->count && done < n; i++) {
        size_t here = s->at[i].n;
        if (offset >= here) {
            offset -= here;
            continue;
        }
        size_t take = here - offset < n - done ? here - offset : n - done;
        memcpy(to + done, s->at[i].p + offset, take);
        done += take;
        offset = 0;
    }
    return done;
}

static uint64_t pieces_sum(const struct pieces *s, uint64_t sum, size_t offset, size_t n)
{
    size_t done = 0;

    for (unsigned i = 0; i < s->count && done < n; i++) {
        size_t here = s->at[i].n;
        if (offset >= here) {
            offset -= here;
            continue;
        }
        size_t take = here - offset < n - done ? here - offset : n - done;
        sum = checksum_add_at(sum, s->at[i].p + offset, take, done);
        done += take;
        offset = 0;
    }
    return sum;
}

/* A reader of the headers from `offset` on, of at most `n` bytes. */
static struct reader head_reader(const struct pieces *s, size_t offset, size_t n)
{
    size_t left = offset < s->head_length ? s->head_length - offset : 0;
    return reader_of(s->head + (left ? offset : 0), left < n ? left : n);
}

/* Only the first complaint counts: the others follow from it. */
static void complain(struct frame_view *v, const char *sentence)
{
    if (!v->malformed)
        v->malformed = sentence;
}

static void payload(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    v->payload_offset = (uint32_t)offset;
    v->payload_length = end > offset ? (uint32_t)(end - offset) : 0;
    size_t n = v->payload_length < VIEW_PREVIEW_MAX ? v->payload_length : VIEW_PREVIEW_MAX;
    v->preview_length = (uint8_t)pieces_copy(s, offset, v->preview, n);
}

/* ---- TCP ----------------------------------------------------------------------------------------- */

/* The length an option must have; 0 if several are allowed. */
static unsigned option_length(uint8_t kind)
{
    switch (kind) {
    case TCPOPT_MSS:
        return 4;
    case TCPOPT_WINDOW_SCALE:
        return 3;
    case TCPOPT_SACK_PERMITTED:
        return 2;
    case TCPOPT_TIMESTAMPS:
        return 10;
    default:
        return 0;
    }
}

static void read_sacks(struct view_tcp *t, struct reader body)
{
    while (reader_left(&body) >= 8 && t->sacks < VIEW_SACKS_MAX) {
        t->sack[t->sacks].left = reader_u32(&body);
        t->sack[t->sacks++].right = reader_u32(&body);
    }
}

static void read_option_body(struct view_tcp *t, uint8_t kind, struct reader body)
{
    switch (kind) {
    case TCPOPT_MSS:
        t->has_mss = true;
        t->mss = reader_u16(&body);
        break;
    case TCPOPT_WINDOW_SCALE:
        t->has_window_scale = true;
        t->window_scale = reader_u8(&body);
        break;
    case TCPOPT_SACK_PERMITTED:
        t->has_sack_permitted = true;
        break;
    case TCPOPT_TIMESTAMPS:
        t->has_timestamps = true;
        t->tsval = reader_u32(&body);
        t->tsecr = reader_u32(&body);
        break;
    case VIEW_OPTION_SACK:
        read_sacks(t, body);
        break;
    default:
        break;
    }
}

/* RFC 9293 section 3.2: END and NOP are one byte, all others have a length that covers both. */
static void read_options(struct frame_view *v, struct reader *r, size_t offset)
{
    struct view_tcp *t = &v->tcp;

    while (reader_left(r) > 0 && t->options < VIEW_OPTIONS_MAX) {
        struct view_option *o = &t->option[t->options++];
        size_t left = reader_left(r);
        unsigned expected;

        *o = (struct view_option){reader_u8(r), 1, false, (uint16_t)offset};
        offset++;
        if (o->kind == TCPOPT_END)
            return;
        if (o->kind == TCPOPT_NOP)
            continue;
        o->length = reader_u8(r);
        expected = option_length(o->kind);
        if (left < 2 || o->length < 2 || o->length > left || (expected && o->length != expected) ||
            (o->kind == VIEW_OPTION_SACK && (o->length < 10 || (o->length - 2) % 8 != 0))) {
            o->bad = true;
            complain(v, "a TCP option has an illegal length");
            return;
        }
        read_option_body(t, o->kind, reader_sub(r, o->length - 2u));
        offset += o->length - 1u;
    }
}

static void check_tcp(struct frame_view *v)
{
    uint8_t flags = v->tcp.flags;

    if (v->src.port == 0 || v->dst.port == 0)
        complain(v, "a TCP port is 0");
    if ((flags & CTL_SYN) && (flags & CTL_FIN))
        complain(v, "SYN and FIN are both set");
    if ((flags & CTL_SYN) && (flags & CTL_RST))
        complain(v, "SYN and RST are both set");
}

static void read_tcp(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    struct reader r = head_reader(s, offset, end - offset);
    struct view_tcp *t = &v->tcp;
    unsigned header;

    v->kind = VIEW_TCP;
    v->src.port = reader_u16(&r);
    v->dst.port = reader_u16(&r);
    t->seq = reader_u32(&r);
    t->ack = reader_u32(&r);
    header = (unsigned)(reader_u8(&r) >> 4) * 4;
    t->flags = reader_u8(&r);
    t->window = reader_u16(&r);
    t->checksum = reader_u16(&r);
    t->urgent = reader_u16(&r);
    if (!reader_ok(&r)) {
        complain(v, "too short for a TCP header");
        payload(v, s, end, end);
        return;
    }
    t->header_length = (uint8_t)header;
    if (header < TCP_HEADER_MIN) {
        complain(v, "the TCP data offset is less than 5");
        payload(v, s, offset + TCP_HEADER_MIN, end);
        return;
    }
    if (header > end - offset) {
        complain(v, "the TCP data offset points beyond the end");
        payload(v, s, end, end);
        return;
    }
    r = head_reader(s, offset + TCP_HEADER_MIN, header - TCP_HEADER_MIN);
    read_options(v, &r, offset + TCP_HEADER_MIN);
    payload(v, s, offset + header, end);
    check_tcp(v);
}

/* ---- UDP, ICMP ------------------------------------------------------------------------------------- */

/* Where the datagram ends: what follows its own length is not its.  A fragment has more elsewhere, and
 * what was captured may be cut. */
static size_t read_udp(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    struct reader r = head_reader(s, offset, end - offset);
    size_t whole = v->ip_length - (offset - v->ip_offset), length;

    v->kind = VIEW_UDP;
    v->src.port = reader_u16(&r);
    v->dst.port = reader_u16(&r);
    length = reader_u16(&r);
    reader_skip(&r, 2);
    if (!reader_ok(&r))
        complain(v, "too short for a UDP header");
    else if (length < 8)
        complain(v, "the UDP length is less than a header");
    else if (length > whole && !v->more_fragments)
        complain(v, "the UDP length is more than the packet has");
    else if (length < end - offset)
        end = offset + length;
    payload(v, s, offset + 8 < end ? offset + 8 : end, end);
    return end;
}

static struct estab_addr read_ipv4(struct reader *r)
{
    uint8_t b[4];
    reader_bytes(r, b, 4);
    return estab_ipv4(b[0], b[1], b[2], b[3]);
}

static struct estab_addr read_ipv6(struct reader *r)
{
    struct estab_addr a;
    reader_bytes(r, a.b, 16);
    return a;
}

/* What RFC 792 has every error quote beyond the IP header. */
static void read_quoted_ports(struct frame_view *v, struct reader *r)
{
    struct view_icmp *i = &v->icmp;

    i->src.port = reader_u16(r);
    i->dst.port = reader_u16(r);
    i->seq = reader_u32(r);
    if (!reader_ok(r))
        complain(v, "an ICMP error that quotes too little");
    i->quotes = reader_ok(r);
}

/* RFC 4443 section 3: the packet, from its second byte on, without extension headers. */
static void read_quoted6(struct frame_view *v, struct reader *r)
{
    struct view_icmp *i = &v->icmp;

    reader_skip(r, 5);
    i->protocol = reader_u8(r);
    reader_skip(r, 1);
    i->src.addr = read_ipv6(r);
    i->dst.addr = read_ipv6(r);
    read_quoted_ports(v, r);
}

/* An error quotes the IPv4 header and at least 8 bytes of what it is about (RFC 792). */
static void read_quoted(struct frame_view *v, struct reader *r)
{
    struct view_icmp *i = &v->icmp;
    uint8_t first = reader_u8(r);
    unsigned header = (first & 15u) * 4;

    if (first >> 4 == 6 && i->six) {
        read_quoted6(v, r);
        return;
    }
    if (first >> 4 != 4 || header < 20) {
        complain(v, "an ICMP error that quotes no IPv4 packet");
        return;
    }
    reader_skip(r, 8);
    i->protocol = reader_u8(r);
    reader_skip(r, 2);
    i->src.addr = read_ipv4(r);
    i->dst.addr = read_ipv4(r);
    reader_skip(r, header - 20);
    read_quoted_ports(v, r);
}

static void read_icmp(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    struct reader r = head_reader(s, offset, end - offset);
    struct view_icmp *i = &v->icmp;

    v->kind = VIEW_ICMP;
    i->type = reader_u8(&r);
    i->code = reader_u8(&r);
    reader_skip(&r, 2);
    i->id = reader_u16(&r);
    i->sequence = reader_u16(&r);
    if (!reader_ok(&r)) {
        complain(v, "too short for an ICMP header");
        return;
    }
    payload(v, s, offset + 8, end);
    if (i->type == 3 || i->type == 11 || i->type == 12 || i->type == 4 || i->type == 5) {
        i->mtu = i->type == 3 && i->code == 4 ? i->sequence : 0;
        i->id = i->sequence = 0;
        read_quoted(v, &r);
    }
}

static void read_neighbour(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    size_t left = s->head_length - offset < end - offset ? s->head_length - offset : end - offset;
    struct ndp_neighbour m;

    if (!ndp_neighbour_parse(s->head + offset, left, &m)) {
        complain(v, "a message of neighbour discovery that does not parse");
        return;
    }
    v->icmp.target = m.target;
    v->icmp.flags = (uint8_t)(m.router << 7 | m.solicited << 6 | m.override << 5);
    v->icmp.has_mac = m.has_mac;
    memcpy(v->icmp.mac, m.mac, 6);
}

static void read_icmp6(struct frame_view *v, const struct pieces *s, size_t offset, size_t end)
{
    struct reader r = head_reader(s, offset, end - offset);
    struct view_icmp *i = &v->icmp;

    v->kind = VIEW_ICMP;
    i->six = true;
    i->type = reader_u8(&r);
    i->code = reader_u8(&r);
    reader_skip(&r, 2);
    i->mtu = reader_u32(&r);
    if (!reader_ok(&r)) {
        complain(v, "too short for an ICMPv6 header");
        return;
    }
    payload(v, s, offset + ICMP6_HEADER, end);
    if (i->type < ICMP6_ERRORS) {
        i->mtu = i->type == ICMP6_TOO_BIG ? i->mtu : 0;
        read_quoted(v, &r);
        return;
    }
    if (i->type == ICMP6_ECHO || i->type == ICMP6_ECHO_REPLY) {
        i->id = (uint16_t)(i->mtu >> 16);
        i->sequence = (uint16_t)i->mtu;
    }
    i->mtu = 0;
    if (i->type == ICMP6_NEIGHBOUR_SOLICITATION || i->type == ICMP6_NEIGHBOUR_ADVERTISEMENT)
        read_neighbour(v, s, offset, end);
}

/* ---- checksums --------------------------------------------------------------------------------------- */

static uint64_t pseudo_header(const struct frame_view *v, size_t length)
{
    return ip_pseudo(&v->src.addr, &v->dst.addr, v->protocol, (uint32_t)length);
}

static void check_sum(struct frame_view *v, const struct pieces *s, enum estab_checksum state,
                      size_t offset, size_t end)
{
    uint64_t sum = v->kind == VIEW_ICMP && !v->six ? 0 : pseudo_header(v, end - offset);
    uint8_t field[2] = {0};

    if (v->kind == VIEW_UDP && !v->six && pieces_copy(s, offset + 6, field, 2) == 2 && !field[0] && !field[1])
        return; /* RFC 768: 0 is "none" */
    if (state == ESTAB_CHECKSUM_FINISH)
        v->checksum = VIEW_SUM_UNFINISHED;
    else if (state == ESTAB_CHECKSUM_GOOD)
        v->checksum = VIEW_SUM_GOOD;
    else
        v->checksum =
            checksum_good(pieces_sum(s, sum, offset, end - offset)) ? VIEW_SUM_GOOD : VIEW_SUM_BAD;
}

/* ---- packets ------------------------------------------------------------------------------------------ */

static void read_transport(struct frame_view *v, const struct pieces *s, enum estab_checksum state,
                           size_t offset, size_t end)
{
    bool whole = !v->more_fragments && v->ip_length == end - v->ip_offset;
    size_t minimum;

    if (v->fragment_offset > 0) {
        payload(v, s, offset, end);
        return;
    }
    switch (v->protocol) {
    case PROTOCOL_TCP:
        minimum = TCP_HEADER_MIN;
        read_tcp(v, s, offset, end);
        break;
    case PROTOCOL_UDP:
        minimum = 8;
        end = read_udp(v, s, offset, end);
        break;
    case PROTOCOL_ICMP:
    case PROTO_ICMP6:
        if ((v->protocol == PROTO_ICMP6) != v->six) {
            payload(v, s, offset, end);
            return;
        }
        minimum = 8;
        if (v->six)
            read_icmp6(v, s, offset, end);
        else
            read_icmp(v, s, offset, end);
        break;
    default:
        payload(v, s, offset, end);
        return;
    }
    /* What is cut off, or a part of a whole, has no checksum of its own. */
    if (whole && end - offset >= minimum)
        check_sum(v, s, state, offset, end);
}

static void read_ip(struct frame_view *v, const struct pieces *s, enum estab_checksum state,
                    size_t offset)
{
    struct reader r = head_reader(s, offset, 60);
    uint8_t first = reader_u8(&r);
    uint16_t header = (uint16_t)((first & 15u) * 4), total, fragment;
    size_t end;

    v->kind = VIEW_IP;
    v->ip_offset = (uint16_t)offset;
    v->tos = reader_u8(&r);
    total = reader_u16(&r);
    v->ip_id = reader_u16(&r);
    fragment = reader_u16(&r);
    v->dont_fragment = fragment & 0x4000;
    v->more_fragments = fragment & 0x2000;
    v->fragment_offset = (uint16_t)((fragment & 0x1fffu) * 8);
    v->ttl = reader_u8(&r);
    v->protocol = reader_u8(&r);
    reader_skip(&r, 2);
    v->src.addr = read_ipv4(&r);
    v->dst.addr = read_ipv4(&r);
    if (!reader_ok(&r)) {
        complain(v, "too short for an IPv4 header");
        return;
    }
    if (first >> 4 != 4) {
        complain(v, "the IP version is neither 4 nor 6");
        return;
    }
    v->ip_header_length = header;
    if (header < 20 || header > s->length - offset || total < header) {
        complain(v, "the IPv4 header length or the total length is impossible");
        v->ip_header_length = 0;
        return;
    }
    end = offset + total;
    if (end > s->length) {
        complain(v, "the IPv4 packet is longer in its header than on the link");
        end = s->length;
    }
    v->ip_length = (uint32_t)(end - offset);
    if (!checksum_good(pieces_sum(s, 0, offset, header)))
        complain(v, "the IPv4 header checksum is wrong");
    if (v->malformed) /* a cut packet has no transport checksum, and a bad header proves nothing */
        state = ESTAB_CHECKSUM_VERIFY;
    read_transport(v, s, state, offset + header, end);
    if (total > v->ip_length)
        v->checksum = VIEW_SUM_NONE;
}

/* What lies behind the header, as far as it is in the head of the frame; its bytes. */
static uint32_t read_chain(struct frame_view *v, const struct pieces *s, uint8_t next, size_t at,
                           size_t end)
{
    size_t left = at < s->head_length ? s->head_length - at : 0;
    struct ipv6_chain chain;
    enum reason reason;

    reason = ipv6_walk(s->head + (left ? at : 0), left < end - at ? left : end - at, next, false, &chain);
    v->protocol = chain.protocol;
    v->fragment_offset = chain.part.offset;
    v->more_fragments = chain.part.more;
    v->ip_id = (uint16_t)chain.part.id;
    if (reason == REASON_IP6_EXTENSION || reason == REASON_IP6_EXTENSIONS)
        complain(v, "an IPv6 extension header is cut short, or there are too many");
    return chain.length;
}

static void read_ip6(struct frame_view *v, const struct pieces *s, enum estab_checksum state,
                     size_t offset)
{
    struct ipv6_header h;
    size_t end = offset + IPV6_HEADER;
    enum reason reason = ipv6_parse(s->head + offset, s->head_length - offset, &h);

    v->kind = VIEW_IP;
    v->six = true;
    v->ip_offset = (uint16_t)offset;
    if (reason == REASON_IP6_HEADER) {
        complain(v, "too short for an IPv6 header");
        return;
    }
    v->tos = h.diffserv;
    v->ttl = h.hop_limit;
    v->src.addr = h.src;
    v->dst.addr = h.dst;
    if (reason == REASON_IP6_MAPPED)
        complain(v, "an IPv6 address that stands for an IPv4 one");
    end += h.payload_length;
    if (end > s->length) {
        complain(v, "the IPv6 packet is longer in its header than on the link");
        end = s->length;
    }
    v->ip_length = (uint32_t)(end - offset);
    v->ip_header_length = (uint16_t)(IPV6_HEADER + read_chain(v, s, h.next, offset + IPV6_HEADER, end));
    if (v->malformed) /* as above */
        state = ESTAB_CHECKSUM_VERIFY;
    if (!addr_is_ipv4(&h.src) && !addr_is_ipv4(&h.dst))
        read_transport(v, s, state, offset + v->ip_header_length, end);
    if (IPV6_HEADER + (uint32_t)h.payload_length > v->ip_length)
        v->checksum = VIEW_SUM_NONE;
}

/* ---- the link ------------------------------------------------------------------------------------------ */

static void read_arp(struct frame_view *v, const struct pieces *s, size_t offset)
{
    struct reader r = head_reader(s, offset, 28);
    uint16_t hardware, protocol;
    uint8_t hardware_length, protocol_length;

    v->kind = VIEW_ARP;
    hardware = reader_u16(&r);
    protocol = reader_u16(&r);
    hardware_length = reader_u8(&r);
    protocol_length = reader_u8(&r);
    v->arp.operation = reader_u16(&r);
    reader_bytes(&r, v->arp.sender_mac, 6);
    v->src.addr = read_ipv4(&r);
    reader_bytes(&r, v->arp.target_mac, 6);
    v->dst.addr = read_ipv4(&r);
    if (!reader_ok(&r))
        complain(v, "too short for an ARP packet");
    else if (hardware != 1 || protocol != ETHERTYPE_IPV4 || hardware_length != 6 ||
             protocol_length != 4)
        complain(v, "an ARP packet that is not about IPv4 on Ethernet");
    else if (v->arp.operation != 1 && v->arp.operation != 2)
        complain(v, "an ARP packet that is neither a request nor a reply");
}

static void read_ethernet(struct frame_view *v, const struct pieces *s, enum estab_checksum state)
{
    struct reader r = head_reader(s, 0, 14);

    v->ethernet = true;
    reader_bytes(&r, v->dst_mac, 6);
    reader_bytes(&r, v->src_mac, 6);
    v->ethertype = reader_u16(&r);
    if (!reader_ok(&r)) {
        complain(v, "too short for an Ethernet header");
        return;
    }
    v->kind = VIEW_LINK;
    if (v->ethertype == ETHERTYPE_IPV4)
        read_ip(v, s, state, 14);
    else if (v->ethertype == ETHERTYPE_IPV6)
        read_ip6(v, s, state, 14);
    else if (v->ethertype == ETHERTYPE_ARP)
        read_arp(v, s, 14);
    else
        payload(v, s, 14, s->length);
}

static void read_frame(struct frame_view *v, struct pieces *s, unsigned link,
                       enum estab_checksum state)
{
    memset(v, 0, sizeof *v);
    v->segments = 1;
    v->length = (uint32_t)s->length;
    s->head_length = pieces_copy(s, 0, s->head, sizeof s->head);
    if (link == ESTAB_LINK_ETHERNET)
        read_ethernet(v, s, state);
    else if (s->head_length > 0 && s->head[0] >> 4 == 6)
        read_ip6(v, s, state, 0);
    else
        read_ip(v, s, state, 0);
}

/* ---- public ---------------------------------------------------------------------------------------------- */

void view_frame(struct frame_view *v, const struct estab_frame *frame)
{
    struct pieces s = {.count = 0};
    unsigned parts = frame->parts < ESTAB_PARTS_MAX ? frame->parts : ESTAB_PARTS_MAX;
    size_t head = frame->head_length < ESTAB_HEAD_MAX ? frame->head_length : ESTAB_HEAD_MAX;

    pieces_add(&s, frame->head, head, frame->length);
    for (unsigned i = 0; i < parts; i++)
        pieces_add(&s, frame->part[i].base, frame->part[i].length, frame->length);
    read_frame(v, &s, frame->link, (enum estab_checksum)frame->checksum);
    if (v->kind == VIEW_TCP && frame->segment_size && v->payload_length > frame->segment_size) {
        uint32_t n = (v->payload_length + frame->segment_size - 1) / frame->segment_size;
        v->segment_size = frame->segment_size;
        v->segments = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
    }
}

void view_bytes(struct frame_view *v, const void *bytes, size_t n, enum estab_link link)
{
    struct pieces s = {.count = 0};

    pieces_add(&s, bytes, n, UINT32_MAX);
    read_frame(v, &s, link, ESTAB_CHECKSUM_VERIFY);
}

size_t view_flags_text(char out[VIEW_FLAGS_MAX], uint8_t flags)
{
    static const struct {
        uint8_t bit;
        char name[4];
    } names[] = {{CTL_SYN, "SYN"}, {CTL_FIN, "FIN"}, {CTL_RST, "RST"}, {CTL_PSH, "PSH"},
                 {CTL_ACK, "ACK"}, {CTL_URG, "URG"}, {CTL_ECE, "ECE"}, {CTL_CWR, "CWR"}};
    size_t n = 0;

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!(flags & names[i].bit))
            continue;
        if (n > 0)
            out[n++] = ',';
        memcpy(out + n, names[i].name, 3);
        n += 3;
    }
    if (n == 0) {
        memcpy(out, "none", 4);
        n = 4;
    }
    out[n] = '\0';
    return n;
}

const char *view_option_name(uint8_t kind)
{
    static const char *const names[] = {
        [TCPOPT_END] = "eol",
        [TCPOPT_NOP] = "nop",
        [TCPOPT_MSS] = "mss",
        [TCPOPT_WINDOW_SCALE] = "ws",
        [TCPOPT_SACK_PERMITTED] = "sackOK",
        [VIEW_OPTION_SACK] = "sack",
        [TCPOPT_TIMESTAMPS] = "ts",
        [19] = "md5",
        [28] = "uto",
        [29] = "ao",
        [30] = "mptcp",
        [34] = "tfo",
    };
    return kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}
