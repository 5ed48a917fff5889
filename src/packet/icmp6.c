/* SPDX-License-Identifier: MIT */
/* icmp6.c - neighbour discovery's messages on the wire. */
#include "packet/icmp6.h"

#include "base/reader.h"
#include "base/writer.h"

enum { NDP_SOURCE_STATION = 1, NDP_TARGET_STATION = 2 };

enum { FLAG_ROUTER = 0x80, FLAG_SOLICITED = 0x40, FLAG_OVERRIDE = 0x20 };

/* RFC 4861 section 4.6: an option without a length makes the message invalid. */
static bool options_parse(struct reader *r, struct ndp_neighbour *m)
{
    unsigned wanted = m->advertisement ? NDP_TARGET_STATION : NDP_SOURCE_STATION;

    for (unsigned count = 0; reader_left(r) > 0 && count < NDP_OPTIONS_MAX; count++) {
        unsigned type = reader_u8(r), length = reader_u8(r) * 8u;
        struct reader body;

        if (length == 0)
            return false;
        body = reader_sub(r, length - 2);
        if (type != wanted || length != 8)
            continue;
        reader_bytes(&body, m->mac, 6);
        m->has_mac = true;
    }
    return reader_ok(r);
}

bool ndp_neighbour_parse(const uint8_t *p, size_t n, struct ndp_neighbour *m)
{
    struct reader r = reader_of(p, n);
    unsigned type = reader_u8(&r), code = reader_u8(&r), flags;

    *m = (struct ndp_neighbour){.advertisement = type == ICMP6_NEIGHBOUR_ADVERTISEMENT};
    if (type != ICMP6_NEIGHBOUR_SOLICITATION && !m->advertisement)
        return false;
    reader_skip(&r, 2); /* checksum */
    flags = reader_u8(&r);
    reader_skip(&r, 3);
    reader_bytes(&r, m->target.b, 16);
    if (!reader_ok(&r) || code != 0 || addr_is_multicast(&m->target) || addr_is_ipv4(&m->target))
        return false;
    if (m->advertisement) {
        m->router = flags & FLAG_ROUTER;
        m->solicited = flags & FLAG_SOLICITED;
        m->override = flags & FLAG_OVERRIDE;
    }
    return options_parse(&r, m);
}

size_t ndp_neighbour_write(uint8_t p[NDP_NEIGHBOUR_LENGTH_MAX], const struct ndp_neighbour *m)
{
    struct writer w = writer_of(p, NDP_NEIGHBOUR_LENGTH_MAX);

    writer_u8(&w, m->advertisement ? ICMP6_NEIGHBOUR_ADVERTISEMENT : ICMP6_NEIGHBOUR_SOLICITATION);
    writer_u8(&w, 0);
    writer_u16(&w, 0);
    writer_u32(&w, (uint32_t)((m->router ? FLAG_ROUTER : 0) | (m->solicited ? FLAG_SOLICITED : 0) |
                              (m->override ? FLAG_OVERRIDE : 0))
                       << 24);
    writer_bytes(&w, m->target.b, 16);
    if (m->has_mac) {
        writer_u8(&w, m->advertisement ? NDP_TARGET_STATION : NDP_SOURCE_STATION);
        writer_u8(&w, 1);
        writer_bytes(&w, m->mac, 6);
    }
    return writer_len(&w);
}
