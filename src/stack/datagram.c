/* SPDX-License-Identifier: MIT */
/*
 * datagram.c - UDP between packets and sockets: a packet becomes a datagram in a socket's queue, and a
 * datagram that waits to be sent becomes a frame, or several, as fragments (RFC 791 section 3.2, RFC 8200
 * section 4.5), if it is longer than the link carries.
 */
#include "estab_udp.h"
#include "base/checksum.h"
#include "base/writer.h"
#include "packet/icmp6.h"
#include "stack/frame.h"

/* ---- in ------------------------------------------------------------------------------------------- */

static bool checksum_holds(const struct packet *p, const struct udp_header *h)
{
    uint64_t sum;

    if (p->trusted)
        return true;
    if (h->checksum == 0) /* the sender made none, which RFC 8200 section 8.1 forbids */
        return addr_is_ipv4(&p->src);
    sum = ip_pseudo(&p->src, &p->dst, PROTO_UDP, h->length);
    return checksum_good(frame_sum(p->frame, p->at, h->length, sum));
}

/* Appends a datagram to a socket's queue. */
static enum reason deliver(struct estab_stack *s, const struct packet *p, struct udp_socket *socket,
                           const struct udp_record *r)
{
    struct chunk_pool *pool = &stack_tcp(s)->chunks;
    enum reason reason = udp_admit(stack_udp(s), pool, socket, r);

    if (reason != REASON_NONE)
        return reason;
    if (!frame_copy(pool, p->frame, p->at + UDP_HEADER, r->length, &socket->in))
        UNREACHABLE(); /* udp_admit has looked for the chunks */
    udp_admitted(stack_udp(s), socket, r);
    return REASON_NONE;
}

/* A copy for each socket; nobody is told that there is none (RFC 1122 section 3.2.2). */
static enum reason deliver_broadcast(struct estab_stack *s, const struct packet *p,
                                     const struct udp_record *r, uint16_t port)
{
    const struct estab_endpoint local = {p->dst, port};
    enum reason reason = REASON_UDP_BROADCAST, one;
    struct udp_socket *socket = NULL;
    bool any = false;

    while ((socket = udp_lookup_broadcast(stack_udp(s), socket, &local, &r->remote, p->interface))) {
        one = deliver(s, p, socket, r);
        any = any || one == REASON_NONE;
        reason = any ? REASON_NONE : one;
    }
    return reason;
}

enum reason packet_udp(struct estab_stack *s, const struct packet *p, estab_time now)
{
    struct udp *u = stack_udp(s);
    struct udp_record r = {.local = p->dst, .ttl = p->hop_limit, .traffic = p->diffserv};
    struct udp_header h;
    struct udp_socket *socket;
    enum reason reason;

    reason = udp_header_parse(p->first + p->at, p->first_length - p->at, p->length, &h);
    if (reason == REASON_NONE && !checksum_holds(p, &h))
        reason = REASON_UDP_CHECKSUM;
    if (reason != REASON_NONE)
        return reason;
    r.remote = (struct estab_endpoint){p->src, h.sport};
    r.length = (uint16_t)(h.length - UDP_HEADER);
    if (ip_is_broadcast(&s->ip, &p->dst, p->interface))
        return deliver_broadcast(s, p, &r, h.dport);
    socket = udp_lookup(u, &(struct estab_endpoint){p->dst, h.dport}, &r.remote);
    if (!socket) {
        if (addr_is_ipv4(&p->src))
            packet_tell(s, p, ICMP_UNREACHABLE, ICMP_CODE_PORT, now);
        else
            packet6_no_port(s, p, now);
        return REASON_UDP_NO_PORT;
    }
    return deliver(s, p, socket, &r);
}

enum reason packet_icmp_udp(struct estab_stack *s, const struct estab_addr *src,
                            const struct estab_addr *dst, const uint8_t *udp, unsigned type, unsigned code)
{
    struct estab_endpoint local = {*src, (uint16_t)(udp[0] << 8 | udp[1])};
    bool no_port = addr_is_ipv4(src) ? type == ICMP_UNREACHABLE && code == ICMP_CODE_PORT
                                     : type == ICMP6_UNREACHABLE && code == ICMP6_CODE_PORT;
    struct estab_udp_error error = {
        .size = sizeof error,
        .error = no_port ? ESTAB_REFUSED : ESTAB_UNREACHABLE,
        .remote = {*dst, (uint16_t)(udp[2] << 8 | udp[3])},
        .local = *src,
        .icmp = true,
        .type = (uint8_t)type,
        .code = (uint8_t)code,
    };
    struct udp_socket *socket = udp_lookup(stack_udp(s), &local, &error.remote);

    if (!socket)
        return REASON_ICMP_NO_CONNECTION;
    udp_icmp(stack_udp(s), socket, &error);
    return REASON_ICMP_UDP;
}

/* ---- out ------------------------------------------------------------------------------------------ */

static void build_checksum(const struct estab_stack *s, struct estab_frame *f, const struct udp_out *o,
                           uint8_t *udp)
{
    uint64_t sum =
        ip_pseudo(&o->src.addr, &o->dst.addr, PROTO_UDP, UDP_HEADER + o->text.bytes);

    if (frame_offloads(s, f)) {
        f->checksum = ESTAB_CHECKSUM_FINISH;
        f->checksum_start = (uint16_t)(udp - f->head);
        f->checksum_offset = UDP_CHECKSUM_OFFSET;
        writer_store16(udp + UDP_CHECKSUM_OFFSET, checksum_fold(sum));
        return;
    }
    sum = checksum_add(sum, udp, UDP_HEADER);
    writer_store16(udp + UDP_CHECKSUM_OFFSET,
                   udp_checksum(checksum_done(text_sum(f, UDP_HEADER, sum))));
}

static struct ip_out out_of(const struct udp_out *o, uint32_t length)
{
    return (struct ip_out){.src = o->src.addr,
                           .dst = o->dst.addr,
                           .protocol = PROTO_UDP,
                           .hop_limit = o->ttl,
                           .diffserv = (uint8_t)(o->diffserv << 2),
                           .length = length};
}

static uint8_t *build_header(struct estab_frame *f, const struct udp_out *o)
{
    uint8_t *udp = f->head + f->head_length;

    udp_header_write(udp, &(struct udp_header){o->src.port, o->dst.port,
                                               (uint16_t)(UDP_HEADER + o->text.bytes), 0});
    f->head_length += UDP_HEADER;
    return udp;
}

static void build_datagram(struct estab_stack *s, struct estab_frame *f, const struct udp_out *o,
                           unsigned interface, const uint8_t mac[6])
{
    struct ip_out ip = out_of(o, UDP_HEADER + o->text.bytes);
    uint8_t *udp;

    frame_link(s, f, interface, mac, ethertype_of(&o->dst.addr));
    frame_ip(s, f, &ip);
    udp = build_header(f, o);
    frame_text(stack_tcp(s), f, (struct queue_cursor){o->text.head, 0}, o->text.bytes);
    build_checksum(s, f, o, udp);
}

/* ---- out, in parts --------------------------------------------------------------------------------- */

/* The checksum of all of it, as only the first part has one. */
static uint16_t whole_checksum(const struct chunk_pool *pool, const struct udp_out *o, const uint8_t *udp)
{
    uint64_t sum = ip_pseudo(&o->src.addr, &o->dst.addr, PROTO_UDP, UDP_HEADER + o->text.bytes);
    uint32_t done = UDP_HEADER;

    sum = checksum_add(sum, udp, UDP_HEADER);
    for (uint32_t i = o->text.head; i != CHUNK_NONE; i = chunk_at(pool, i)->next) {
        const struct chunk *c = chunk_at(pool, i);

        sum = checksum_add_at(sum, chunk_data(pool, i) + c->offset, c->length, done);
        done += c->length;
    }
    return udp_checksum(checksum_done(sum));
}

/* How much one packet to there can carry behind its IP header; a frame refers to so many chunks at most. */
static uint32_t carries(const struct estab_stack *s, const struct udp_out *o, unsigned interface,
                        bool part)
{
    uint32_t mtu = interface == IP_LOOPBACK ? UINT16_MAX : ip_mtu(&s->ip, interface, !addr_is_ipv4(&o->dst.addr));
    uint32_t most = (ESTAB_PARTS_MAX - 2) * stack_tcp(s)->chunks.bytes;
    uint32_t n = mtu - (addr_is_ipv4(&o->dst.addr) ? IPV4_HEADER_MIN : IPV6_HEADER);

    if (part && !addr_is_ipv4(&o->dst.addr))
        n -= IPV6_FRAGMENT_HEADER;
    n = n < most ? n : most;
    return part ? n & ~7u : n;
}

/* The next part of a datagram, of which o->gone bytes have gone; whether it was the last. */
static bool build_part(struct estab_stack *s, struct estab_frame *f, struct udp_out *o,
                       unsigned interface, const uint8_t mac[6])
{
    struct tcp *t = stack_tcp(s);
    uint32_t left = UDP_HEADER + o->text.bytes - o->gone, n = carries(s, o, interface, true), text;
    struct ipv6_fragment part = {.offset = (uint16_t)o->gone, .more = left > n};
    struct ip_out ip;

    n = left < n ? left : n;
    if (o->gone == 0)
        o->id = ip_fragment_id(&s->ip, t->config.isn_key, addr_is_ipv4(&o->dst.addr) ? 16 : 32);
    part.id = o->id;
    ip = out_of(o, n);
    ip.part = &part;
    frame_link(s, f, interface, mac, ethertype_of(&o->dst.addr));
    frame_ip(s, f, &ip);
    text = o->gone ? o->gone - UDP_HEADER : 0;
    if (o->gone == 0) {
        uint8_t *udp = build_header(f, o);

        writer_store16(udp + UDP_CHECKSUM_OFFSET, whole_checksum(&t->chunks, o, udp));
    }
    frame_text(t, f, queue_seek(&t->chunks, &o->text, text), n - (o->gone ? 0 : UDP_HEADER));
    o->gone += n;
    s->fragments_out++;
    return !part.more;
}

/* Builds a frame of the first datagram that is to be sent; that is over with its last part. */
static void build_next(struct estab_stack *s, struct estab_frame *f, struct udp_out *o,
                       unsigned interface, const uint8_t mac[6])
{
    bool last = true;

    if (o->gone == 0 && UDP_HEADER + o->text.bytes <= carries(s, o, interface, false))
        build_datagram(s, f, o, interface, mac);
    else
        last = build_part(s, f, o, interface, mac);
    if (last)
        udp_sent(stack_udp(s), &stack_tcp(s)->chunks); /* its chunks are pinned */
}

/* Which station a datagram goes to, a broadcast to each; *own: whether our address may speak. */
static enum neighbour_answer way_of(struct estab_stack *s, const struct udp_out *o, struct ip_path *path,
                                    enum neighbour_answer *own, uint8_t mac[6], estab_time now)
{
    int local = ip_local(&s->ip, &o->src.addr);

    *own = ANSWER_KNOWN;
    if (o->broadcast) {
        *path = (struct ip_path){
            .next_hop = o->dst.addr, .interface = (uint8_t)(o->broadcast - 1), .found = true};
        memset(mac, 0xff, 6);
        return ANSWER_KNOWN;
    }
    *path = ip_path_to(&s->ip, &o->dst.addr, local);
    *own = local < 0 ? ANSWER_NOBODY : own_address(s, (unsigned)local);
    if (*own == ANSWER_WAIT)
        return ANSWER_WAIT;
    return path->found && *own == ANSWER_KNOWN ? neighbour_find(&s->ip, path, mac, now) : ANSWER_NOBODY;
}

bool next_datagram(struct estab_stack *s, struct estab_frame *f, estab_time now)
{
    struct udp *u = stack_udp(s);
    struct chunk_pool *pool = &stack_tcp(s)->chunks;
    struct udp_out *o;

    while ((o = udp_next(u)) != NULL) {
        enum neighbour_answer own, answer;
        struct ip_path path;
        uint8_t mac[6] = {0};

        answer = way_of(s, o, &path, &own, mac, now);
        if (answer == ANSWER_WAIT) {
            if (udp_block(u, pool))
                stack_drop(s, REASON_UDP_WAITING, path.interface, now);
            continue;
        }
        if (answer == ANSWER_KNOWN) {
            build_next(s, f, o, path.interface, mac);
            return true;
        }
        stack_drop(s, why_lost(&path, own, answer), path.interface, now);
        udp_lost(u, pool, path.found ? ESTAB_UNREACHABLE : ESTAB_NO_ROUTE);
    }
    return false;
}
