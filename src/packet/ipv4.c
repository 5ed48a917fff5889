/* SPDX-License-Identifier: MIT */
/* ipv4.c - RFC 791, 792, 826 and 894 on the wire. */
#include "packet/ipv4.h"

#include "base/checksum.h"
#include "base/reader.h"
#include "base/writer.h"

bool ethernet_parse(const uint8_t *p, size_t n, struct ethernet_header *h)
{
    struct reader r = reader_of(p, n);

    reader_bytes(&r, h->dst, 6);
    reader_bytes(&r, h->src, 6);
    h->type = reader_u16(&r);
    return reader_ok(&r);
}

void ethernet_write(uint8_t p[ETHERNET_HEADER], const struct ethernet_header *h)
{
    struct writer w = writer_of(p, ETHERNET_HEADER);

    writer_bytes(&w, h->dst, 6);
    writer_bytes(&w, h->src, 6);
    writer_u16(&w, h->type);
}

static struct estab_addr read_address(struct reader *r)
{
    struct estab_addr a = estab_ipv4(0, 0, 0, 0);

    reader_bytes(r, a.b + 12, 4);
    return a;
}

enum { IPOPT_END = 0, IPOPT_NOP = 1, IPOPT_LSRR = 131, IPOPT_SSRR = 137 };

/* Looks for source routes; what else an option says is ignored (RFC 1122 section 3.2.1.8). */
static bool ipv4_options_parse(struct reader r, struct ipv4_header *h)
{
    while (reader_left(&r) > 0) {
        unsigned kind = reader_u8(&r);
        unsigned length;

        if (kind == IPOPT_END)
            break;
        if (kind == IPOPT_NOP)
            continue;
        length = reader_u8(&r);
        if (length < 2)
            return false;
        reader_skip(&r, length - 2);
        if (kind == IPOPT_LSRR || kind == IPOPT_SSRR)
            h->source_route = true;
    }
    return reader_ok(&r);
}

enum reason ipv4_parse(const uint8_t *p, size_t n, bool trusted, struct ipv4_header *h)
{
    struct reader r = reader_of(p, n);
    struct reader options;
    unsigned version, fragment;

    *h = (struct ipv4_header){0};
    version = reader_u8(&r);
    h->header_length = (uint8_t)((version & 15) * 4);
    h->diffserv = reader_u8(&r);
    h->total_length = reader_u16(&r);
    h->id = reader_u16(&r);
    fragment = reader_u16(&r);
    h->dont_fragment = fragment & 0x4000;
    h->fragment = fragment & 0x3fff; /* more fragments, or an offset */
    h->more = fragment & 0x2000;
    h->offset = (uint16_t)((fragment & 0x1fff) * 8);
    h->ttl = reader_u8(&r);
    h->protocol = reader_u8(&r);
    reader_skip(&r, 2); /* checksum */
    h->src = read_address(&r);
    h->dst = read_address(&r);
    if (!reader_ok(&r) || version >> 4 != 4 || h->header_length < IPV4_HEADER_MIN)
        return REASON_IP_HEADER;
    options = reader_sub(&r, h->header_length - IPV4_HEADER_MIN);
    if (!reader_ok(&r) || h->total_length < h->header_length)
        return REASON_IP_HEADER;
    if (h->total_length > n)
        return REASON_IP_LENGTH;
    if (!trusted && !checksum_good(checksum_add(0, p, h->header_length)))
        return REASON_IP_CHECKSUM;
    if (!ipv4_options_parse(options, h))
        return REASON_IP_HEADER;
    return REASON_NONE;
}

void ipv4_write(uint8_t p[IPV4_HEADER_MIN], const struct ipv4_header *h)
{
    struct writer w = writer_of(p, IPV4_HEADER_MIN);

    writer_u8(&w, 4 << 4 | IPV4_HEADER_MIN / 4);
    writer_u8(&w, h->diffserv);
    writer_u16(&w, h->total_length);
    writer_u16(&w, h->id);
    writer_u16(&w, (uint16_t)((h->dont_fragment ? 0x4000 : 0) | (h->more ? 0x2000 : 0) |
                              h->offset / 8));
    writer_u8(&w, h->ttl);
    writer_u8(&w, h->protocol);
    writer_u16(&w, 0);
    writer_bytes(&w, h->src.b + 12, 4);
    writer_bytes(&w, h->dst.b + 12, 4);
    writer_u16_at(&w, 10, checksum_done(checksum_add(0, p, IPV4_HEADER_MIN)));
}

uint64_t ipv4_pseudo(const struct estab_addr *src, const struct estab_addr *dst, uint8_t protocol,
                     uint32_t length)
{
    uint64_t sum = (uint64_t)protocol + length;

    sum = checksum_add(sum, src->b + 12, 4);
    return checksum_add(sum, dst->b + 12, 4);
}

bool arp_parse(const uint8_t *p, size_t n, struct arp_packet *a)
{
    struct reader r = reader_of(p, n);
    bool ours = reader_u16(&r) == 1; /* Ethernet */

    ours &= reader_u16(&r) == ETHERTYPE_IPV4;
    ours &= reader_u8(&r) == 6;
    ours &= reader_u8(&r) == 4;
    a->operation = reader_u16(&r);
    reader_bytes(&r, a->sender_mac, 6);
    a->sender = read_address(&r);
    reader_bytes(&r, a->target_mac, 6);
    a->target = read_address(&r);
    return reader_ok(&r) && ours;
}

void arp_write(uint8_t p[ARP_LENGTH], const struct arp_packet *a)
{
    struct writer w = writer_of(p, ARP_LENGTH);

    writer_u16(&w, 1);
    writer_u16(&w, ETHERTYPE_IPV4);
    writer_u8(&w, 6);
    writer_u8(&w, 4);
    writer_u16(&w, a->operation);
    writer_bytes(&w, a->sender_mac, 6);
    writer_bytes(&w, a->sender.b + 12, 4);
    writer_bytes(&w, a->target_mac, 6);
    writer_bytes(&w, a->target.b + 12, 4);
}
