/* SPDX-License-Identifier: MIT */
/*
 * fragment.c - parts of datagrams that arrive (RFC 791 section 3.2, RFC 8200 section 4.5), from packets to
 * the pool and, once all are there, as one packet to where whole ones go; and those that never will be.
 * Which are believed, and which have to go, ip/reassembly.h tells.
 *
 * Of IPv6 the headers in front of the fragment header were walked with each part, and are not kept.
 */
#include "base/checksum.h"
#include "base/writer.h"
#include "packet/icmp6.h"
#include "stack/frame.h"

static const uint8_t *key_of(const struct estab_stack *s)
{
    return stack_tcp(s)->config.hash_key;
}

/* ---- a part's bytes -------------------------------------------------------------------------------- */

static void keep_bytes(const struct reassemblies *q, const struct reassembly *r, const struct packet *p,
                       const struct fragment *f)
{
    for (uint32_t at = f->from, run; at < f->to; at += run) {
        uint8_t *to = reassembly_place(q, r, at, &run);

        run = run < f->to - at ? run : f->to - at;
        (void)frame_gather(p->frame, p->at + (at - f->from), run, to);
    }
}

static bool same_bytes(const struct reassemblies *q, const struct reassembly *r, const struct packet *p,
                       const struct fragment *f)
{
    uint8_t bytes[256];

    for (uint32_t at = f->from, run; at < f->to; at += run) {
        const uint8_t *kept = reassembly_place(q, r, at, &run);

        run = run < f->to - at ? run : f->to - at;
        run = run < sizeof bytes ? run : sizeof bytes;
        (void)frame_gather(p->frame, p->at + (at - f->from), run, bytes);
        if (memcmp(bytes, kept, run) != 0)
            return false;
    }
    return true;
}

/* The first part's header, as it came, in front of the payload; IPv6's with the fragment header alone. */
static void keep_header(const struct reassemblies *q, struct reassembly *r, const struct packet *p)
{
    bool four = addr_is_ipv4(&p->src);
    uint32_t n = four ? p->headers : IPV6_HEADER, own = four ? 0 : IPV6_FRAGMENT_HEADER, run;
    uint8_t *to = reassembly_place(q, r, 0, &run) - n - own;

    (void)frame_gather(p->frame, p->at - p->headers, n, to);
    (void)frame_gather(p->frame, p->at - own, own, to + n);
    if (!four) {
        writer_store16(to + 4, (uint16_t)(own + p->length));
        to[6] = PROTO_FRAGMENT;
    }
    r->header = (uint8_t)(n + own);
}

/* ---- all of them are there ------------------------------------------------------------------------- */

/* Makes the first part's header that of the whole; its length. */
static uint32_t whole_header(uint8_t *payload, const struct reassembly *r)
{
    uint8_t *h = payload - r->header;
    bool marked = r->ecn & 1u << 3;

    if (addr_is_ipv4(&r->src)) {
        h[1] |= marked ? 3 : 0;
        writer_store16(h + 2, (uint16_t)(r->header + r->length));
        writer_store16(h + 6, 0);
        writer_store16(h + 10, 0);
        writer_store16(h + 10, checksum_done(checksum_add(0, h, r->header)));
        return r->header;
    }
    memmove(payload - IPV6_HEADER, h, IPV6_HEADER);
    h = payload - IPV6_HEADER;
    h[1] |= marked ? 0x30 : 0;
    writer_store16(h + 4, (uint16_t)r->length);
    h[6] = r->protocol;
    return IPV6_HEADER;
}

/* A packet at the beginning of a datagram's blocks. */
static struct packet packet_of(const struct reassembly *r, struct estab_frame *f)
{
    struct packet p = {.frame = f,
                       .first = f->part[0].base,
                       .first_length = f->part[0].length,
                       .interface = r->interface,
                       .trusted = r->trusted,
                       .group = r->group,
                       .reassembled = true};

    memcpy(p.mac, r->mac, 6);
    return p;
}

static enum reason deliver(struct estab_stack *s, struct reassembly *r, estab_time now)
{
    const struct reassemblies *q = stack_reassemblies(s);
    struct estab_frame f = {.interface = r->interface, .link = ESTAB_LINK_IP};
    uint32_t at = 0, header = 0, run;
    struct packet p;

    while (at < r->length) {
        uint8_t *from = reassembly_place(q, r, at, &run);

        if (at == 0)
            header = whole_header(from, r);
        run = run < r->length - at ? run : r->length - at;
        f.part[f.parts++] = at == 0 ? (struct estab_part){from - header, header + run}
                                    : (struct estab_part){from, run};
        at += run;
    }
    f.length = header + r->length;
    p = packet_of(r, &f);
    return addr_is_ipv4(&r->src) ? packet_ipv4(s, &p, now) : packet_ipv6(s, &p, now);
}

/* ---- a part ---------------------------------------------------------------------------------------- */

/* What a part says of itself alone; *fault: the octet to be told of, from the IPv6 header on. */
static enum reason shape(const struct packet *p, const struct fragment *f, uint32_t *fault)
{
    bool four = addr_is_ipv4(&f->src);
    uint32_t front = four ? p->headers : p->headers - IPV6_HEADER - IPV6_FRAGMENT_HEADER;

    if (p->reassembled)
        return REASON_FRAGMENT_NESTED;
    if (f->to == f->from)
        return REASON_FRAGMENT_EMPTY;
    if (f->more && (f->to - f->from) % 8 != 0) {
        *fault = 4; /* the payload's length */
        return REASON_FRAGMENT_LENGTH;
    }
    if (front + f->to > UINT16_MAX) {
        *fault = p->headers - IPV6_FRAGMENT_HEADER + 2; /* the offset */
        return REASON_FRAGMENT_BEYOND;
    }
    return REASON_NONE;
}

/* Makes room by the pool's rule; false if that costs the datagram itself its place. */
static bool make_room(struct estab_stack *s, struct reassembly *r, const struct fragment *f, estab_time now)
{
    struct reassemblies *q = stack_reassemblies(s);

    while (!reassembly_fits(q, r, f)) {
        struct reassembly *victim = reassembly_victim(q);

        if (victim != r)
            stack_drop(s, REASON_FRAGMENT_EVICTED, victim->interface, now);
        reassembly_free(q, key_of(s), victim);
        if (victim == r)
            return false;
    }
    return true;
}

static enum reason refuse(struct reassemblies *q, struct reassembly *r, enum reason reason)
{
    if (!r->doomed && reason != REASON_FRAGMENT_DUPLICATE)
        reassembly_doom(q, r, reason);
    return reason;
}

enum reason packet_fragment(struct estab_stack *s, struct packet *p, const struct fragment *f,
                            estab_time now)
{
    struct reassemblies *q = stack_reassemblies(s);
    uint32_t fault = 0;
    enum reason reason = shape(p, f, &fault);
    struct reassembly *r;

    if (reason != REASON_NONE) {
        if (fault && !addr_is_ipv4(&f->src))
            packet6_tell(s, p, ICMP6_PARAMETER, ICMP6_PARAMETER_FIELD, fault, now);
        return reason;
    }
    r = reassembly_find(q, key_of(s), f);
    reason = reassembly_judge(r, f);
    if (reason == REASON_FRAGMENT_DUPLICATE && !r->doomed && !same_bytes(q, r, p, f))
        reason = REASON_FRAGMENT_OVERLAP;
    if (reason != REASON_NONE)
        return refuse(q, r, reason);
    if (!make_room(s, r, f, now))
        return REASON_FRAGMENT_EVICTED;
    if (!r) {
        r = reassembly_new(q, key_of(s), f, now);
        memcpy(r->mac, p->mac, 6);
    }
    r->trusted &= p->trusted;
    r->group |= p->group;
    reassembly_add(q, r, f);
    keep_bytes(q, r, p, f);
    if (f->from == 0)
        keep_header(q, r, p);
    if (!reassembly_whole(r))
        return REASON_IP_FRAGMENT;
    q->whole++;
    reason = deliver(s, r, now);
    reassembly_free(q, key_of(s), r);
    return reason;
}

/* ---- what never will be whole ---------------------------------------------------------------------- */

/* To who sent the first part, if it came: RFC 1122 section 3.3.2, RFC 8200 section 4.5. */
static void tell_timeout(struct estab_stack *s, const struct reassembly *r, estab_time now)
{
    struct estab_frame f = {.interface = r->interface, .link = ESTAB_LINK_IP, .parts = 1};
    struct packet p;
    uint32_t run;
    uint8_t *payload;

    if (r->header == 0)
        return;
    payload = reassembly_place(stack_reassemblies(s), r, 0, &run);
    run = run < r->piece[0].to ? run : r->piece[0].to;
    f.part[0] = (struct estab_part){payload - r->header, r->header + run};
    f.length = r->header + run;
    p = packet_of(r, &f);
    p.src = r->src;
    p.dst = r->dst;
    p.protocol = r->protocol;
    p.at = p.headers = r->header;
    p.length = run;
    if (addr_is_ipv4(&r->src))
        packet_tell(s, &p, ICMP_TIME_EXCEEDED, ICMP_CODE_REASSEMBLY, now);
    else
        packet6_tell(s, &p, ICMP6_TIME_EXCEEDED, ICMP6_CODE_REASSEMBLY, 0, now);
}

void stack_fragments_expire(struct estab_stack *s, estab_time now)
{
    struct reassemblies *q = stack_reassemblies(s);
    struct reassembly *r;

    while ((r = reassembly_due(q, now)) != NULL) {
        if (!r->doomed) { /* else its sender has been ill-behaved, or is another than it seems */
            stack_drop(s, REASON_FRAGMENT_TIMEOUT, r->interface, now);
            tell_timeout(s, r, now);
        }
        reassembly_free(q, key_of(s), r);
    }
}
