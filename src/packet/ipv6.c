/* SPDX-License-Identifier: MIT */
/* ipv6.c - RFC 8200 on the wire. */
#include "packet/ipv6.h"

#include "base/checksum.h"
#include "base/reader.h"
#include "base/writer.h"
#include "packet/icmp6.h"

enum reason ipv6_parse(const uint8_t *p, size_t n, struct ipv6_header *h)
{
    struct reader r = reader_of(p, n);
    uint32_t first = reader_u32(&r);

    *h = (struct ipv6_header){.diffserv = (uint8_t)(first >> 20), .flow = first & 0xfffff};
    h->payload_length = reader_u16(&r);
    h->next = reader_u8(&r);
    h->hop_limit = reader_u8(&r);
    reader_bytes(&r, h->src.b, 16);
    reader_bytes(&r, h->dst.b, 16);
    if (!reader_ok(&r) || first >> 28 != 6)
        return REASON_IP6_HEADER;
    if (addr_is_ipv4(&h->src) || addr_is_ipv4(&h->dst))
        return REASON_IP6_MAPPED;
    return h->payload_length > n - IPV6_HEADER ? REASON_IP6_LENGTH : REASON_NONE;
}

void ipv6_write(uint8_t p[IPV6_HEADER], const struct ipv6_header *h)
{
    struct writer w = writer_of(p, IPV6_HEADER);

    writer_u32(&w, UINT32_C(6) << 28 | (uint32_t)h->diffserv << 20 | h->flow);
    writer_u16(&w, h->payload_length);
    writer_u8(&w, h->next);
    writer_u8(&w, h->hop_limit);
    writer_bytes(&w, h->src.b, 16);
    writer_bytes(&w, h->dst.b, 16);
}

void ipv6_fragment_write(uint8_t p[IPV6_FRAGMENT_HEADER], uint8_t next, const struct ipv6_fragment *f)
{
    struct writer w = writer_of(p, IPV6_FRAGMENT_HEADER);

    writer_u8(&w, next);
    writer_u8(&w, 0);
    writer_u16(&w, (uint16_t)(f->offset | f->more));
    writer_u32(&w, f->id);
}

uint64_t ip_pseudo(const struct estab_addr *src, const struct estab_addr *dst, uint8_t protocol,
                   uint32_t length)
{
    unsigned first = addr_is_ipv4(src) ? 12 : 0;
    uint64_t sum = (uint64_t)protocol + length;

    sum = checksum_add(sum, src->b + first, 16 - first);
    return checksum_add(sum, dst->b + first, 16 - first);
}

/* ---- the chain ------------------------------------------------------------------------------------- */

enum { OPTION_PAD1 = 0, OPTION_JUMBO = 0xc2 };

/* Section 4.2: the two top bits of an option that nobody here knows say what becomes of the packet. */
enum { UNKNOWN_SKIP = 0, UNKNOWN_DROP = 1, UNKNOWN_TELL = 2, UNKNOWN_TELL_NO_GROUP = 3 };

static enum reason at_fault(struct ipv6_chain *c, enum icmp6_parameter code, uint32_t pointer,
                            enum reason reason)
{
    c->tell = true;
    c->code = (uint8_t)code;
    c->pointer = pointer;
    return reason;
}

/* The options of a hop-by-hop or destination header, which begin at `at`. */
static enum reason walk_options(const uint8_t *p, uint32_t at, uint32_t end, bool group,
                                struct ipv6_chain *c)
{
    while (at < end) {
        unsigned type = p[at], action = type >> 6;

        if (type == OPTION_PAD1) {
            at++;
            continue;
        }
        if (end - at < 2 || end - at - 2 < p[at + 1])
            return at_fault(c, ICMP6_PARAMETER_FIELD, IPV6_HEADER + at, REASON_IP6_EXTENSION);
        if (type == OPTION_JUMBO) /* RFC 2675: packets of more than 65535 bytes do not come here */
            return at_fault(c, ICMP6_PARAMETER_FIELD, IPV6_HEADER + at, REASON_IP6_OPTION);
        if (action == UNKNOWN_DROP || (action == UNKNOWN_TELL_NO_GROUP && group))
            return REASON_IP6_OPTION;
        if (action != UNKNOWN_SKIP)
            return at_fault(c, ICMP6_PARAMETER_OPTION, IPV6_HEADER + at, REASON_IP6_OPTION);
        at += 2u + p[at + 1];
    }
    return REASON_NONE;
}

/* The header of the kind c->protocol at `at`, which is `length` bytes long. */
static enum reason walk_one(const uint8_t *p, uint32_t at, uint32_t length, bool group,
                            struct ipv6_chain *c)
{
    const uint8_t *h = p + at;
    unsigned kind = c->protocol;

    c->protocol = h[0];
    if (kind == PROTO_ROUTING)
        /* Section 4.4 and RFC 5095: we know no type, so nobody goes on from here. */
        return h[3] == 0 ? REASON_NONE
                         : at_fault(c, ICMP6_PARAMETER_FIELD, IPV6_HEADER + at + 2, REASON_IP6_ROUTING);
    if (kind != PROTO_FRAGMENT)
        return walk_options(p, at + 2, at + length, group, c);
    c->part = (struct ipv6_fragment){
        .offset = (uint16_t)((h[2] << 8 | h[3]) & 0xfff8),
        .more = h[3] & 1,
        .id = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7],
    };
    c->cut = true;
    c->fragment = c->part.offset > 0 || c->part.more; /* else it is whole (RFC 6946) */
    return REASON_NONE;
}

static bool is_extension(unsigned kind, uint32_t at)
{
    if (kind == PROTO_HOP_BY_HOP) /* behind another header it is unknown: section 4 */
        return at == 0;
    return kind == PROTO_ROUTING || kind == PROTO_FRAGMENT || kind == PROTO_DESTINATION;
}

enum reason ipv6_walk(const uint8_t *p, size_t n, uint8_t first, bool group, struct ipv6_chain *c)
{
    uint32_t named = 6; /* where the kind of the next header stands, from the IPv6 header on */
    enum reason reason;

    *c = (struct ipv6_chain){.protocol = first};
    for (unsigned count = 0; is_extension(c->protocol, c->length) && !c->fragment; count++) {
        uint32_t at = c->length, length;

        if (count == IPV6_EXTENSIONS_MAX)
            return REASON_IP6_EXTENSIONS;
        if (n - at < 8)
            return REASON_IP6_EXTENSION;
        length = c->protocol == PROTO_FRAGMENT ? 8 : 8 + 8u * p[at + 1];
        if (n - at < length)
            return REASON_IP6_EXTENSION;
        reason = walk_one(p, at, length, group, c);
        if (reason != REASON_NONE)
            return reason;
        named = IPV6_HEADER + at;
        c->length += length;
    }
    if (c->protocol == PROTO_NONE && !c->fragment)
        return REASON_IP6_NO_NEXT;
    c->pointer = named;
    c->code = ICMP6_PARAMETER_NEXT; /* for who does not know c->protocol */
    return REASON_NONE;
}
