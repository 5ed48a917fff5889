/* SPDX-License-Identifier: MIT */
/*
 * datagram.c - UDP between packets and sockets: a packet becomes a datagram in a socket's queue, and a
 * datagram that waits to be sent becomes a frame.
 */
#include "base/checksum.h"
#include "base/writer.h"
#include "stack/frame.h"

/* ---- in ------------------------------------------------------------------------------------------- */

static bool checksum_holds(const struct packet *p, const struct udp_header *h)
{
    uint64_t sum;

    if (p->trusted || h->checksum == 0) /* 0: the sender made none */
        return true;
    sum = ipv4_pseudo(&p->ip.src, &p->ip.dst, PROTO_UDP, h->length);
    return checksum_good(frame_sum(p->frame, p->at, h->length, sum));
}

enum reason packet_udp(struct estab_stack *s, const struct packet *p, estab_time now)
{
    struct udp *u = stack_udp(s);
    struct chunk_pool *pool = &stack_tcp(s)->chunks;
    struct udp_record r = {.local = p->ip.dst, .ttl = p->ip.ttl, .traffic = p->ip.diffserv};
    struct udp_header h;
    struct udp_socket *socket;
    enum reason reason;

    reason = udp_header_parse(p->first + p->at, p->first_length - p->at, p->length, &h);
    if (reason == REASON_NONE && !checksum_holds(p, &h))
        reason = REASON_UDP_CHECKSUM;
    if (reason != REASON_NONE)
        return reason;
    r.remote = (struct estab_endpoint){p->ip.src, h.sport};
    r.length = (uint16_t)(h.length - UDP_HEADER);
    socket = udp_lookup(u, &(struct estab_endpoint){p->ip.dst, h.dport}, &r.remote);
    if (!socket) {
        packet_unreachable(s, p, ICMP_CODE_PORT, now);
        return REASON_UDP_NO_PORT;
    }
    reason = udp_admit(u, pool, socket, &r);
    if (reason != REASON_NONE)
        return reason;
    if (!frame_copy(pool, p->frame, p->at + UDP_HEADER, r.length, &socket->in))
        UNREACHABLE(); /* udp_admit has looked for the chunks */
    udp_admitted(u, socket, &r);
    return REASON_NONE;
}

enum reason packet_icmp_udp(struct estab_stack *s, const struct ipv4_header *quoted, const uint8_t *udp,
                            unsigned type, unsigned code)
{
    struct estab_endpoint local = {quoted->src, (uint16_t)(udp[0] << 8 | udp[1])};
    struct estab_udp_error error = {
        .size = sizeof error,
        .error = type == ICMP_UNREACHABLE && code == ICMP_CODE_PORT ? ESTAB_REFUSED
                                                                    : ESTAB_UNREACHABLE,
        .remote = {quoted->dst, (uint16_t)(udp[2] << 8 | udp[3])},
        .local = quoted->src,
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
        ipv4_pseudo(&o->src.addr, &o->dst.addr, PROTO_UDP, UDP_HEADER + o->text.bytes);

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

static void build_datagram(struct estab_stack *s, struct estab_frame *f, const struct udp_out *o,
                           unsigned interface, const uint8_t mac[6])
{
    uint16_t length = (uint16_t)(UDP_HEADER + o->text.bytes);
    uint8_t *udp;

    frame_link(s, f, interface, mac, ETHERTYPE_IPV4);
    frame_ipv4(s, f,
               &(struct ipv4_header){.src = o->src.addr,
                                     .dst = o->dst.addr,
                                     .protocol = PROTO_UDP,
                                     .ttl = o->ttl,
                                     .diffserv = (uint8_t)(o->diffserv << 2),
                                     .total_length = (uint16_t)(IPV4_HEADER_MIN + length)});
    udp = f->head + f->head_length;
    udp_header_write(udp, &(struct udp_header){o->src.port, o->dst.port, length, 0});
    f->head_length += UDP_HEADER;
    frame_text(stack_tcp(s), f, (struct queue_cursor){o->text.head, 0}, o->text.bytes);
    build_checksum(s, f, o, udp);
}

bool next_datagram(struct estab_stack *s, struct estab_frame *f, estab_time now)
{
    struct udp *u = stack_udp(s);
    struct chunk_pool *pool = &stack_tcp(s)->chunks;
    const struct udp_out *o;

    while ((o = udp_next(u)) != NULL) {
        struct ip_path path = ip_path_to(&s->ip, &o->dst.addr);
        enum neighbour_answer answer = ANSWER_NOBODY;
        uint8_t mac[6] = {0};

        if (path.found)
            answer = neighbour_find(&s->ip, &path, mac, now);
        if (answer == ANSWER_WAIT) {
            if (udp_block(u, pool))
                stack_drop(s, REASON_UDP_WAITING, path.interface, now);
            continue;
        }
        if (answer == ANSWER_KNOWN) {
            build_datagram(s, f, o, path.interface, mac);
            udp_sent(u, pool); /* its chunks are pinned */
            return true;
        }
        stack_drop(s, why_lost(&path, answer), path.interface, now);
        udp_lost(u, pool, path.found ? ESTAB_UNREACHABLE : ESTAB_NO_ROUTE);
    }
    return false;
}
