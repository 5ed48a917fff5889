/* SPDX-License-Identifier: MIT */
/* build.c - headers from the inside out: lengths first, checksums last. */
#include "craft/build.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/checksum.h"
#include "base/writer.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/tcp_header.h"

#define WRONG 0x0101 /* turned over in a checksum that is to be bad */

struct build {
    const struct craft_segment *segment, *set;
    const struct craft_proposal *proposal;
    const uint8_t *options;
    size_t options_length;
    uint8_t flags;
    struct estab_endpoint src, dst;
    bool six;       /* over IPv6 */
    size_t headers; /* of TCP, with its options */
    size_t payload; /* of IP */
};

/* Who says something of the field: the segment, else `set`, else nobody. */
static const struct craft_segment *said(const struct build *b, enum craft_field field)
{
    if (craft_has(b->segment, field))
        return b->segment;
    return b->set && craft_has(b->set, field) ? b->set : NULL;
}

static uint32_t number(const struct build *b, enum craft_field field, uint32_t proposed)
{
    const struct craft_segment *s = said(b, field);

    if (!s)
        return proposed;
    return s->relative[field] ? proposed + s->number[field] : s->number[field];
}

static uint16_t sum(const struct build *b, enum craft_field field, uint16_t right)
{
    const struct craft_segment *s = said(b, field);

    if (s && s->bad[field])
        return right ^ WRONG;
    return (uint16_t)number(b, field, right);
}

uint8_t craft_flags(const struct craft_segment *s)
{
    uint8_t flags = s->flags;

    if (craft_has(s, CRAFT_FLAGS))
        return flags;
    if (craft_has(s, CRAFT_URG))
        flags |= CTL_URG;
    if (s->text && !(flags & CTL_SYN))
        flags |= CTL_PSH;
    if ((flags & (CTL_FIN | CTL_PSH | CTL_URG)) && !(flags & (CTL_SYN | CTL_RST)))
        flags |= CTL_ACK;
    if (craft_has(s, CRAFT_ACK))
        flags |= CTL_ACK;
    return flags;
}

static uint32_t sequence(const struct build *b)
{
    bool bare = (b->flags & CTL_RST) && !(b->flags & CTL_ACK);

    return number(b, CRAFT_SEQ, bare ? b->proposal->reset : b->proposal->seq);
}

/* The urgent pointer points behind the text, if nothing else is said. */
static uint16_t urgent(const struct build *b)
{
    return (uint16_t)number(b, CRAFT_URG, b->flags & CTL_URG ? b->segment->length : 0);
}

static void put_tcp(const struct build *b, uint8_t *p)
{
    struct writer w = writer_of(p, b->payload);
    uint32_t offset = number(b, CRAFT_OFF, (uint32_t)b->headers / 4);
    uint64_t all;

    writer_u16(&w, b->src.port);
    writer_u16(&w, b->dst.port);
    writer_u32(&w, sequence(b));
    writer_u32(&w, b->flags & CTL_ACK || craft_has(b->segment, CRAFT_ACK)
                       ? number(b, CRAFT_ACK, b->proposal->ack)
                       : 0);
    writer_u8(&w, (uint8_t)(offset << 4 | number(b, CRAFT_RES, 0)));
    writer_u8(&w, b->flags);
    writer_u16(&w, (uint16_t)number(b, CRAFT_WIN, b->proposal->window));
    writer_u16(&w, 0);
    writer_u16(&w, urgent(b));
    writer_bytes(&w, b->options, b->options_length);
    writer_fill(&w, TCPOPT_END, b->headers - TCP_HEADER_MIN - b->options_length);
    if (craft_has(b->segment, CRAFT_LEN))
        writer_fill(&w, 'x', b->segment->length);
    else
        writer_bytes(&w, b->segment->bytes, b->segment->length);
    all = ip_pseudo(&b->src.addr, &b->dst.addr, PROTO_TCP, (uint32_t)b->payload);
    writer_store16(p + 16, sum(b, CRAFT_SUM, checksum_done(checksum_add(all, p, b->payload))));
}

static void put_ip6(const struct build *b, uint8_t *p)
{
    struct ipv6_header h = {
        .src = b->src.addr,
        .dst = b->dst.addr,
        .payload_length = (uint16_t)number(b, CRAFT_IPLEN, (uint32_t)b->payload),
        .diffserv = (uint8_t)number(b, CRAFT_TOS, 0),
        .hop_limit = (uint8_t)number(b, CRAFT_TTL, b->proposal->ttl),
        .next = PROTO_TCP,
    };

    ipv6_write(p, &h);
}

static void put_ip(const struct build *b, uint8_t *p)
{
    struct ipv4_header h = {
        .src = b->src.addr,
        .dst = b->dst.addr,
        .total_length = (uint16_t)number(b, CRAFT_IPLEN, (uint32_t)(IPV4_HEADER_MIN + b->payload)),
        .id = (uint16_t)number(b, CRAFT_ID, b->proposal->id),
        .diffserv = (uint8_t)number(b, CRAFT_TOS, 0),
        .ttl = (uint8_t)number(b, CRAFT_TTL, b->proposal->ttl),
        .protocol = PROTO_TCP,
        .dont_fragment = number(b, CRAFT_DF, 1),
    };

    ipv4_write(p, &h);
    writer_store16(p + 10, sum(b, CRAFT_IPSUM, (uint16_t)(p[10] << 8 | p[11])));
}

static void put_ethernet(const struct build *b, uint8_t *p)
{
    const struct craft_segment *s = said(b, CRAFT_SMAC), *d = said(b, CRAFT_DMAC);
    struct ethernet_header h = {.type = b->six ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4};

    memcpy(h.src, s ? s->smac : b->proposal->smac, 6);
    memcpy(h.dst, d ? d->dmac : b->proposal->dmac, 6);
    ethernet_write(p, &h);
}

/* Options of the segment take the place of those that were set. */
static void choose_options(struct build *b)
{
    const struct craft_segment *s = b->segment;

    if (s->options_length == 0 && b->set)
        s = b->set;
    b->options = s->options;
    b->options_length = s->options_length;
    b->headers = TCP_HEADER_MIN + (b->options_length + 3) / 4 * 4;
}

static void choose_ends(struct build *b)
{
    const struct craft_segment *s = said(b, CRAFT_SRC), *d = said(b, CRAFT_DST);

    b->src = b->proposal->src;
    b->dst = b->proposal->dst;
    if (s)
        b->src.addr = s->src;
    if (d)
        b->dst.addr = d->dst;
    b->src.port = (uint16_t)number(b, CRAFT_SPORT, b->src.port);
    b->dst.port = (uint16_t)number(b, CRAFT_DPORT, b->dst.port);
    b->six = !addr_is_ipv4(&b->dst.addr);
}

/* What a segment over the one family or the other cannot have; NULL: nothing. */
static const char *misfit(const struct build *b)
{
    static const enum craft_field ipv4[] = {CRAFT_ID, CRAFT_DF, CRAFT_IPSUM};

    if (addr_is_ipv4(&b->src.addr) == b->six)
        return "expected src= and dst= of one family";
    for (size_t i = 0; b->six && i < sizeof ipv4 / sizeof ipv4[0]; i++)
        if (said(b, ipv4[i]))
            return "expected neither id= nor df= nor ipsum= over IPv6, whose header has none of them";
    return NULL;
}

size_t craft_build(const struct craft_segment *segment, const struct craft_segment *set,
                   const struct craft_proposal *proposal, uint8_t out[CRAFT_FRAME_MAX],
                   char error[CRAFT_ERROR_MAX])
{
    struct build b = {.segment = segment, .set = set, .proposal = proposal};
    size_t link = proposal->link == ESTAB_LINK_ETHERNET ? ETHERNET_HEADER : 0, room, header;
    const char *wrong;

    b.flags = craft_flags(segment);
    choose_options(&b);
    choose_ends(&b);
    b.payload = b.headers + segment->length;
    header = b.six ? IPV6_HEADER : IPV4_HEADER_MIN;
    room = proposal->mtu - header - b.headers;
    wrong = misfit(&b);
    if (wrong) {
        snprintf(error, CRAFT_ERROR_MAX, "%s", wrong);
        return 0;
    }
    if (segment->length > room) {
        snprintf(error, CRAFT_ERROR_MAX,
                 "expected at most %zu bytes of text, for the MTU is %" PRIu32 ", not %" PRIu32,
                 room, proposal->mtu, segment->length);
        return 0;
    }
    if (link)
        put_ethernet(&b, out);
    if (b.six)
        put_ip6(&b, out + link);
    else
        put_ip(&b, out + link);
    put_tcp(&b, out + link + header);
    return link + header + b.payload;
}
