/* SPDX-License-Identifier: MIT */
/* udp_header.c - RFC 768 on the wire. */
#include "packet/udp_header.h"

#include "base/reader.h"
#include "base/writer.h"

enum reason udp_header_parse(const uint8_t *p, size_t n, uint32_t payload, struct udp_header *h)
{
    struct reader r = reader_of(p, n < payload ? n : payload);

    h->sport = reader_u16(&r);
    h->dport = reader_u16(&r);
    h->length = reader_u16(&r);
    h->checksum = reader_u16(&r);
    if (!reader_ok(&r))
        return REASON_UDP_HEADER;
    return h->length < UDP_HEADER || h->length > payload ? REASON_UDP_LENGTH : REASON_NONE;
}

void udp_header_write(uint8_t p[UDP_HEADER], const struct udp_header *h)
{
    struct writer w = writer_of(p, UDP_HEADER);

    writer_u16(&w, h->sport);
    writer_u16(&w, h->dport);
    writer_u16(&w, h->length);
    writer_u16(&w, h->checksum);
}
