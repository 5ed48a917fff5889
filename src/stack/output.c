/* SPDX-License-Identifier: MIT */
/*
 * output.c - what is sent becomes frames: ARP, neighbour discovery and ICMP first, then answers that no
 * connection owns, datagrams (datagram.c), then the connections that are ready, in turn.
 *
 * Headers are written into the frame, text is referred to where it lies in the text pool, pinned
 * until estab_output_done.  A segment to an address of our own goes straight back to input.
 */
#include "base/checksum.h"
#include "base/siphash.h"
#include "base/writer.h"
#include "stack/frame.h"

/* In one call of estab_output, so that two of our own connections cannot keep it for ever. */
enum { LOOPBACK_MOST = 4096 };

/* ---- headers -------------------------------------------------------------------------------------- */

/* An identification that does not count what is sent (RFC 6864: DF is set, so any will do). */
static uint16_t next_id(struct estab_stack *s)
{
    uint8_t count[4];

    writer_store32(count, s->ip.id++);
    return (uint16_t)siphash13(stack_tcp(s)->config.hash_key, count, sizeof count);
}

void frame_link(const struct estab_stack *s, struct estab_frame *f, unsigned interface,
                const uint8_t mac[6], unsigned type)
{
    struct ethernet_header h = {.type = (uint16_t)type};

    f->interface = (uint8_t)interface;
    f->link = ESTAB_LINK_IP;
    if (interface == IP_LOOPBACK || s->ip.interfaces[interface].link == ESTAB_LINK_IP)
        return;
    f->link = ESTAB_LINK_ETHERNET;
    memcpy(h.dst, mac, 6);
    memcpy(h.src, s->ip.interfaces[interface].mac, 6);
    ethernet_write(f->head, &h);
    f->head_length = ETHERNET_HEADER;
}

static void frame_ipv6(struct estab_frame *f, const struct ip_out *o, uint8_t hop_limit)
{
    uint32_t more = o->part ? IPV6_FRAGMENT_HEADER : 0;

    ipv6_write(f->head + f->head_length, &(struct ipv6_header){
                                             .src = o->src,
                                             .dst = o->dst,
                                             .flow = o->flow,
                                             .payload_length = (uint16_t)(o->length + more),
                                             .diffserv = o->diffserv,
                                             .next = o->part ? PROTO_FRAGMENT : o->protocol,
                                             .hop_limit = hop_limit,
                                         });
    f->head_length += IPV6_HEADER;
    if (o->part)
        ipv6_fragment_write(f->head + f->head_length, o->protocol, o->part);
    f->head_length = (uint8_t)(f->head_length + more);
}

void frame_ip(struct estab_stack *s, struct estab_frame *f, const struct ip_out *o)
{
    uint8_t hop_limit = o->hop_limit ? o->hop_limit : stack_tcp(s)->config.ttl;
    struct ipv4_header h = {.src = o->src,
                            .dst = o->dst,
                            .total_length = (uint16_t)(IPV4_HEADER_MIN + o->length),
                            .diffserv = o->diffserv,
                            .ttl = hop_limit,
                            .protocol = o->protocol,
                            .dont_fragment = !o->part};

    if (!addr_is_ipv4(&o->src)) {
        if (!o->hop_limit && f->interface != IP_LOOPBACK && s->ip.links[f->interface].hop_limit > hop_limit)
            hop_limit = s->ip.links[f->interface].hop_limit; /* as the routers of the link would have it */
        frame_ipv6(f, o, hop_limit);
        return;
    }
    h.id = o->part ? (uint16_t)o->part->id : next_id(s);
    if (o->part) {
        h.offset = o->part->offset;
        h.more = o->part->more;
    }
    ipv4_write(f->head + f->head_length, &h);
    f->head_length += IPV4_HEADER_MIN;
}

unsigned ethertype_of(const struct estab_addr *a)
{
    return addr_is_ipv4(a) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

void frame_text(struct tcp *t, struct estab_frame *f, struct queue_cursor at, uint32_t n)
{
    struct chunk_pool *pool = &t->chunks;

    while (n > 0) {
        const struct chunk *c = chunk_at(pool, at.chunk);
        uint32_t take = c->length - at.offset < n ? c->length - at.offset : n;

        if (take > 0) {
            bool pinned = chunk_pin(pool, at.chunk);

            ASSERT(pinned && f->parts < ESTAB_PARTS_MAX);
            f->part[f->parts++] = (struct estab_part){
                chunk_data(pool, at.chunk) + c->offset + at.offset, take};
        }
        n -= take;
        at = (struct queue_cursor){c->next, 0};
    }
}

uint64_t text_sum(const struct estab_frame *f, uint32_t header, uint64_t sum)
{
    uint32_t offset = header;

    for (unsigned i = 0; i < f->parts; i++) {
        sum = checksum_add_at(sum, f->part[i].base, f->part[i].length, offset);
        offset += f->part[i].length;
    }
    return sum;
}

static uint32_t frame_length(const struct estab_frame *f)
{
    uint32_t n = f->head_length;

    for (unsigned i = 0; i < f->parts; i++)
        n += f->part[i].length;
    return n;
}

/* ---- ARP and ICMP ------------------------------------------------------------------------------------ */

static void build_arp(const struct estab_stack *s, struct estab_frame *f, const struct ip_reply *r)
{
    struct arp_packet a = {.operation = r->operation, .sender = r->src, .target = r->dst};

    frame_link(s, f, r->interface, r->mac, ETHERTYPE_ARP);
    memcpy(a.sender_mac, s->ip.interfaces[r->interface].mac, 6);
    if (r->operation == ARP_REPLY)
        memcpy(a.target_mac, r->mac, 6);
    arp_write(f->head + f->head_length, &a);
    f->head_length += ARP_LENGTH;
}

static void build_icmp(struct estab_stack *s, struct estab_frame *f, struct ip_reply *r)
{
    struct tcp *t = stack_tcp(s);
    uint64_t sum = 0;
    uint8_t *icmp;

    frame_link(s, f, r->interface, r->mac, ethertype_of(&r->src));
    frame_ip(s, f,
             &(struct ip_out){.src = r->src,
                              .dst = r->dst,
                              .protocol = r->protocol,
                              .length = ICMP_HEADER + r->text.bytes});
    icmp = f->head + f->head_length;
    icmp[0] = r->type;
    icmp[1] = r->code;
    writer_store16(icmp + 2, 0);
    writer_store32(icmp + 4, r->rest);
    f->head_length += ICMP_HEADER;
    frame_text(t, f, (struct queue_cursor){r->text.head, 0}, r->text.bytes);
    if (r->protocol == PROTO_ICMP6)
        sum = ip_pseudo(&r->src, &r->dst, PROTO_ICMP6, ICMP_HEADER + r->text.bytes);
    writer_store16(icmp + 2,
                   checksum_done(text_sum(f, ICMP_HEADER, checksum_add(sum, icmp, ICMP_HEADER))));
    queue_clear(&t->chunks, &r->text); /* pinned: gone when the frame is done */
}

/* RFC 4861 sections 4.3 and 4.4.  What looks for a duplicate comes from no address, and names no station. */
static void build_neighbour(struct estab_stack *s, struct estab_frame *f, const struct ip_reply *r)
{
    struct ndp_neighbour m = {.target = r->target,
                              .advertisement = r->type == ICMP6_NEIGHBOUR_ADVERTISEMENT,
                              .solicited = r->solicited,
                              .has_mac = !addr_is_unspecified(&r->src)};
    struct estab_addr none = {{0}};
    uint8_t *icmp;
    size_t n;

    m.override = m.advertisement;
    memcpy(m.mac, s->ip.interfaces[r->interface].mac, 6);
    frame_link(s, f, r->interface, r->mac, ETHERTYPE_IPV6);
    icmp = f->head + f->head_length + IPV6_HEADER;
    n = ndp_neighbour_write(icmp, &m);
    frame_ipv6(f,
               &(struct ip_out){.src = m.has_mac ? r->src : none,
                                .dst = r->dst,
                                .protocol = PROTO_ICMP6,
                                .length = (uint32_t)n},
               NDP_HOP_LIMIT);
    writer_store16(icmp + 2, checksum_done(checksum_add(ip_pseudo(&r->src, &r->dst, PROTO_ICMP6,
                                                                 (uint32_t)n),
                                                        icmp, n)));
    f->head_length = (uint8_t)(f->head_length + n);
}

/* Section 4.1: a question for routers. */
static void build_solicit(struct estab_stack *s, struct estab_frame *f, const struct ip_reply *r)
{
    uint8_t *icmp;

    frame_link(s, f, r->interface, r->mac, ETHERTYPE_IPV6);
    frame_ipv6(f,
               &(struct ip_out){
                   .src = r->src, .dst = r->dst, .protocol = PROTO_ICMP6, .length = NDP_SOLICIT_LENGTH},
               NDP_HOP_LIMIT);
    icmp = f->head + f->head_length;
    ndp_solicit_write(icmp, s->ip.interfaces[r->interface].mac);
    writer_store16(icmp + 2,
                   checksum_done(checksum_add(
                       ip_pseudo(&r->src, &r->dst, PROTO_ICMP6, NDP_SOLICIT_LENGTH), icmp, NDP_SOLICIT_LENGTH)));
    f->head_length = (uint8_t)(f->head_length + NDP_SOLICIT_LENGTH);
}

/* RFC 3810 section 5.2: behind a header that makes routers look at it. */
static void build_report(const struct estab_stack *s, struct estab_frame *f, const struct ip_reply *r)
{
    static const uint8_t alert[8] = {PROTO_ICMP6, 0, 5, 2, 0, 0, 1, 0}; /* RFC 2711, and padding */
    uint8_t report[MLD_REPORT_MAX];
    uint32_t n = (uint32_t)mld_report_write(report, r->type, r->code, &r->target);

    writer_store16(report + 2, checksum_done(checksum_add(
                                   ip_pseudo(&r->src, &r->dst, PROTO_ICMP6, n), report, n)));
    frame_link(s, f, r->interface, r->mac, ETHERTYPE_IPV6);
    frame_ipv6(f,
               &(struct ip_out){.src = r->src,
                                .dst = r->dst,
                                .protocol = PROTO_HOP_BY_HOP,
                                .length = (uint32_t)sizeof alert + n},
               1);
    memcpy(f->head + f->head_length, alert, sizeof alert);
    memcpy(f->head + f->head_length + sizeof alert, report, n);
    f->head_length = (uint8_t)(f->head_length + sizeof alert + n);
}

static bool is_neighbour(const struct ip_reply *r)
{
    return r->protocol == PROTO_ICMP6 && (r->type == ICMP6_NEIGHBOUR_SOLICITATION ||
                                          r->type == ICMP6_NEIGHBOUR_ADVERTISEMENT);
}

static bool next_ip_reply(struct estab_stack *s, struct estab_frame *f)
{
    struct ip *ip = &s->ip;
    struct ip_reply *r = &ip->replies[ip->reply_head];

    if (ip->reply_count == 0)
        return false;
    if (is_neighbour(r))
        build_neighbour(s, f, r);
    else if (r->protocol == PROTO_ICMP6 && r->type == ICMP6_ROUTER_SOLICITATION)
        build_solicit(s, f, r);
    else if (r->protocol == PROTO_ICMP6 && (r->type == ICMP6_MLD_REPORT || r->type == ICMP6_MLD2_REPORT))
        build_report(s, f, r);
    else if (r->protocol)
        build_icmp(s, f, r);
    else
        build_arp(s, f, r);
    ip->reply_head = (ip->reply_head + 1) % IP_REPLIES;
    ip->reply_count--;
    return true;
}

/* ---- segments ------------------------------------------------------------------------------------------- */

bool frame_offloads(const struct estab_stack *s, const struct estab_frame *f)
{
    return f->interface == IP_LOOPBACK || s->ip.interfaces[f->interface].checksum_offload;
}

static void build_checksum(const struct estab_stack *s, struct estab_frame *f,
                           const struct tcp_out *out, uint8_t *tcp, uint32_t header)
{
    const struct estab_addr *src = &stack_tcp(s)->locals[out->local].address;
    uint64_t sum = ip_pseudo(src, &out->remote, PROTO_TCP, header + out->length);

    if (frame_offloads(s, f)) {
        f->checksum = ESTAB_CHECKSUM_FINISH;
        f->checksum_start = (uint16_t)(tcp - f->head);
        f->checksum_offset = 16;
        writer_store16(tcp + 16, checksum_fold(sum));
        return;
    }
    sum = checksum_add(sum, tcp, header);
    writer_store16(tcp + 16, checksum_done(text_sum(f, header, sum)));
}

/* RFC 6437 section 3: the same for all of a connection, and not to be guessed. */
static uint32_t flow_label(const struct tcp *t, const struct tcp_out *out)
{
    if (addr_is_ipv4(&out->remote))
        return 0;
    return isn_flow_label(t, &(struct tcp_pair){out->remote, out->header.dport, out->header.sport,
                                                out->local});
}

static void build_segment(struct estab_stack *s, struct estab_frame *f, struct tcp_out *out,
                          unsigned interface, const uint8_t mac[6])
{
    struct tcp *t = stack_tcp(s);
    size_t header = tcp_header_length(&out->header);
    uint8_t tcp[TCP_HEADER_MAX];
    uint8_t *at;

    frame_link(s, f, interface, mac, ethertype_of(&out->remote));
    frame_ip(s, f,
             &(struct ip_out){.src = t->locals[out->local].address,
                              .dst = out->remote,
                              .protocol = PROTO_TCP,
                              .flow = flow_label(t, out),
                              .diffserv = (uint8_t)(out->diffserv << 2 | out->ecn),
                              .length = (uint32_t)header + out->length});
    at = f->head + f->head_length;
    tcp_header_write(tcp, &out->header);
    memcpy(at, tcp, header);
    f->head_length = (uint8_t)(f->head_length + header);
    f->segment_size = out->segment_size;
    f->cause = t->config.trace_records ? t->trace_head - 1 : 0;
    frame_text(t, f, (struct queue_cursor){out->chunk, out->offset}, out->length);
    build_checksum(s, f, out, at, (uint32_t)header);
}

static bool next_tcp_reply(struct estab_stack *s, struct estab_frame *f, estab_time now)
{
    struct tcp *t = stack_tcp(s);

    while (t->reply_count > 0) {
        struct tcp_reply *r = tcp_reply(t, t->reply_head);
        struct tcp_out *out = &r->out;
        struct ip_path path = ip_path_to(&s->ip, &out->remote, out->local);
        uint8_t mac[6] = {0};
        bool known;

        t->reply_head = (t->reply_head + 1) % t->config.replies;
        t->reply_count--;
        if (!path.found) {
            stack_drop(s, REASON_NO_ROUTE, 0, now);
            continue;
        }
        /* Strangers do not make us ask: that would push others out. */
        known = neighbour_known(&s->ip, &path, mac);
        if (!known && !out->has_mac) {
            stack_drop(s, REASON_NEIGHBOUR_UNKNOWN, path.interface, now);
            continue;
        }
        t->segments_out++;
        NOTE(t, SEGMENT_OUT, HANDLE_NONE, now, out->header.flags, out->header.seq, out->header.ack,
             0, out->header.wnd, r->why, TCP_CLOSED, out->header.sport, out->header.dport);
        build_segment(s, f, out, path.interface, known ? mac : out->mac);
        return true;
    }
    return false;
}

/* A segment that cannot be sent: the connection's timers go on as if it had been lost. */
static void segment_lost(struct estab_stack *s, struct tcb *b, enum reason reason, unsigned interface,
                         estab_time now)
{
    struct tcp *t = stack_tcp(s);

    stack_drop(s, reason, interface, now);
    b->error = ESTAB_UNREACHABLE;
    conn_event(t, b->head.handle, ESTAB_EVENT_SOFT_ERROR, ESTAB_UNREACHABLE);
}

enum neighbour_answer own_address(const struct estab_stack *s, unsigned local)
{
    const struct ip_address *a = &s->ip.addresses[local];

    if (ip_speaks(a))
        return ANSWER_KNOWN;
    return ip_silent(a) ? ANSWER_NOBODY : ANSWER_WAIT;
}

enum reason why_lost(const struct ip_path *path, enum neighbour_answer own,
                     enum neighbour_answer answer)
{
    if (own == ANSWER_NOBODY)
        return REASON_ADDRESS_DUPLICATE;
    if (!path->found)
        return REASON_NO_ROUTE;
    return answer == ANSWER_FULL ? REASON_NEIGHBOUR_TABLE_FULL : REASON_NEIGHBOUR_UNKNOWN;
}

static bool next_segment(struct estab_stack *s, struct estab_frame *f, estab_time now)
{
    struct tcp *t = stack_tcp(s);

    while (t->ready_head != TCB_NONE) {
        struct tcb *b = tcp_tcb(t, t->ready_head);
        struct ip_path path = ip_path_to(&s->ip, &b->head.remote, b->head.local);
        enum neighbour_answer answer = ANSWER_NOBODY, own = own_address(s, b->head.local);
        uint8_t mac[6] = {0};
        struct tcp_out out;
        enum emit_why why;

        if (path.found && (b->flags & TCB_ADVISE))
            neighbour_doubt(&s->ip, &path, now);
        b->flags &= ~(uint32_t)TCB_ADVISE;
        if (own == ANSWER_WAIT)
            answer = own;
        else if (path.found && own == ANSWER_KNOWN)
            answer = neighbour_find(&s->ip, &path, mac, now);
        if (answer == ANSWER_WAIT) {
            conn_block(t, b);
            continue;
        }
        conn_unready(t, b);
        if (!tcp_emit(t, b, &out, &why, now))
            continue;
        conn_ready(t, b); /* behind the others */
        if (answer == ANSWER_KNOWN) {
            build_segment(s, f, &out, path.interface, mac);
            return true;
        }
        segment_lost(s, b, why_lost(&path, own, answer), path.interface, now);
    }
    return false;
}

/* ---- frames ------------------------------------------------------------------------------------------------ */

static bool next_frame(struct estab_stack *s, struct estab_frame *f, estab_time now)
{
    memset(f, 0, offsetof(struct estab_frame, part));
    if (!next_ip_reply(s, f) && !next_tcp_reply(s, f, now) && !next_datagram(s, f, now) &&
        !next_segment(s, f, now) && !next_ip_reply(s, f)) /* somebody may have asked for a neighbour */
        return false;
    f->length = frame_length(f);
    s->frames_out++;
    return true;
}

size_t estab_output(estab_stack *s, struct estab_frame *out, size_t n, estab_time now)
{
    unsigned looped = 0;
    size_t done = 0;

    now = stack_now(s, now);
    while (done < n && next_frame(s, &out[done], now)) {
        struct estab_frame *f = &out[done];

        if (f->interface != IP_LOOPBACK) {
            done++;
            continue;
        }
        if (++looped > LOOPBACK_MOST)
            stack_drop(s, REASON_LOOPBACK_LIMIT, IP_LOOPBACK, now);
        else
            stack_input(s, f, IP_LOOPBACK, now);
        estab_output_done(s, f, 1);
        if (looped > LOOPBACK_MOST)
            break;
    }
    return done;
}

void estab_output_done(estab_stack *s, const struct estab_frame *out, size_t n)
{
    struct chunk_pool *pool = &stack_tcp(s)->chunks;

    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < out[i].parts; k++)
            chunk_unpin(pool, chunk_of(pool, out[i].part[k].base));
}
