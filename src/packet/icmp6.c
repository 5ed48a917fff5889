/* SPDX-License-Identifier: MIT */
/* icmp6.c - neighbour discovery's messages on the wire. */
#include "packet/icmp6.h"

#include "base/reader.h"
#include "base/writer.h"

enum { NDP_SOURCE_STATION = 1, NDP_TARGET_STATION = 2, NDP_PREFIX = 3, NDP_MTU = 5 };

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

/* ---- routers --------------------------------------------------------------------------------------- */

enum { PREFIX_ON_LINK = 0x80, PREFIX_AUTONOMOUS = 0x40, PREFIX_LENGTH = 32, MTU_LENGTH = 8 };

static void prefix_parse(struct reader r, struct ndp_router *m)
{
    struct ndp_prefix *x = &m->prefix[m->prefixes];
    unsigned length = reader_u8(&r), flags = reader_u8(&r);

    if (m->prefixes == NDP_PREFIXES_MAX || length > 128)
        return;
    *x = (struct ndp_prefix){.length = (uint8_t)length,
                             .on_link = flags & PREFIX_ON_LINK,
                             .autonomous = flags & PREFIX_AUTONOMOUS};
    x->valid_s = reader_u32(&r);
    x->preferred_s = reader_u32(&r);
    reader_skip(&r, 4);
    reader_bytes(&r, x->prefix.b, 16);
    for (unsigned bit = length; bit < 128; bit++) /* section 4.6.2: what follows the prefix is ignored */
        x->prefix.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
    m->prefixes++;
}

/* An option of another length than it has to have is ignored, like one that nobody knows. */
static void router_option(unsigned type, unsigned length, struct reader body, struct ndp_router *m)
{
    if (type == NDP_SOURCE_STATION && length == 8) {
        reader_bytes(&body, m->mac, 6);
        m->has_mac = true;
    } else if (type == NDP_PREFIX && length == PREFIX_LENGTH) {
        prefix_parse(body, m);
    } else if (type == NDP_MTU && length == MTU_LENGTH) {
        reader_skip(&body, 2);
        m->mtu = reader_u32(&body);
    }
}

bool ndp_router_parse(const uint8_t *p, size_t n, struct ndp_router *m)
{
    struct reader r = reader_of(p, n);
    unsigned type = reader_u8(&r), code = reader_u8(&r);

    *m = (struct ndp_router){0};
    reader_skip(&r, 2); /* checksum */
    m->hop_limit = reader_u8(&r);
    reader_skip(&r, 1); /* managed, other: DHCPv6, which we do not speak */
    m->lifetime_s = reader_u16(&r);
    m->reachable_ms = reader_u32(&r);
    m->retrans_ms = reader_u32(&r);
    if (!reader_ok(&r) || type != ICMP6_ROUTER_ADVERTISEMENT || code != 0)
        return false;
    for (unsigned count = 0; reader_left(&r) > 0 && count < NDP_OPTIONS_MAX; count++) {
        unsigned kind = reader_u8(&r), length = reader_u8(&r) * 8u;

        if (length == 0)
            return false;
        router_option(kind, length, reader_sub(&r, length - 2), m);
        if (!reader_ok(&r))
            return false;
    }
    return true;
}

void ndp_solicit_write(uint8_t p[NDP_SOLICIT_LENGTH], const uint8_t mac[6])
{
    struct writer w = writer_of(p, NDP_SOLICIT_LENGTH);

    writer_u8(&w, ICMP6_ROUTER_SOLICITATION);
    writer_u8(&w, 0);
    writer_u16(&w, 0);
    writer_u32(&w, 0);
    writer_u8(&w, NDP_SOURCE_STATION);
    writer_u8(&w, 1);
    writer_bytes(&w, mac, 6);
}

/* ---- groups ---------------------------------------------------------------------------------------- */

enum { MLD_QUERY_LENGTH = 24, MLD2_QUERY_LENGTH = 28 };

/* RFC 3810 section 5.1.3: from 32768 on a code is a floating point number. */
static uint32_t response_time(unsigned code)
{
    return code < 32768 ? code : ((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
}

bool mld_query_parse(const uint8_t *p, size_t n, struct mld_query *m)
{
    struct reader r = reader_of(p, n);
    unsigned code;

    *m = (struct mld_query){.old = n == MLD_QUERY_LENGTH};
    reader_skip(&r, 4);
    code = reader_u16(&r);
    reader_skip(&r, 2);
    reader_bytes(&r, m->group.b, 16);
    m->response_ms = m->old ? code : response_time(code);
    return reader_ok(&r) && (m->old || n >= MLD2_QUERY_LENGTH);
}

size_t mld_report_write(uint8_t p[MLD_REPORT_MAX], unsigned type, unsigned kind,
                        const struct estab_addr *group)
{
    struct writer w = writer_of(p, MLD_REPORT_MAX);
    bool old = type == ICMP6_MLD_REPORT;

    writer_u8(&w, (uint8_t)type);
    writer_u8(&w, 0);
    writer_u16(&w, 0);
    writer_u32(&w, old ? 0 : 1); /* one record */
    if (!old) {
        writer_u8(&w, (uint8_t)kind);
        writer_u8(&w, 0);
        writer_u16(&w, 0); /* of all sources but none */
    }
    writer_bytes(&w, group->b, 16);
    return writer_len(&w);
}
