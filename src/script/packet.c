/* SPDX-License-Identifier: MIT */
/* packet.c - the script's packets built, the stack's packets read. */
#include "script/packet.h"

#include <string.h>

#include "base/checksum.h"
#include "packet/icmp6.h"
#include "packet/ipv6.h"
#include "packet/udp_header.h"

/* ---- numbers ----------------------------------------------------------------------------------------- */

/* What is added to a number of this side's in the script to make it live. */
static uint32_t local_offset(const struct script_socket *s, bool syn)
{
    return syn ? s->live_iss - s->script_iss : s->live_iss;
}

static uint32_t remote_offset(const struct script_socket *s, bool syn)
{
    return syn ? 0 : s->irs;
}

bool option_next(struct option_walk *w, const uint8_t **option)
{
    if (!w->left)
        return false;
    *option = w->p;
    w->kind = w->p[0];
    w->length = 1;
    if (w->kind != TCPOPT_NOP && w->kind != TCPOPT_END) {
        if (w->left < 2 || w->p[1] < 2 || w->p[1] > w->left)
            return false;
        w->length = w->p[1];
    }
    w->p += w->length;
    w->left -= w->length;
    return true;
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void shift_sack(uint8_t *options, size_t n, uint32_t offset)
{
    struct option_walk w = {.p = options, .left = n};
    const uint8_t *o;

    while (option_next(&w, &o)) {
        if (w.kind != 5)
            continue;
        for (size_t at = 2; at + 4 <= w.length; at += 4) {
            uint8_t *edge = options + (o - options) + at;

            writer_store32(edge, load32(edge) + offset);
        }
    }
}

/* The timestamps option among them, or NULL. */
static uint8_t *find_ts(uint8_t *options, size_t n)
{
    struct option_walk w = {.p = options, .left = n};
    const uint8_t *o;

    while (option_next(&w, &o)) {
        if (w.kind == TCPOPT_TIMESTAMPS && w.length == 10)
            return options + (o - options);
    }
    return NULL;
}

/* The live timestamp that the script's stands for. */
static bool map_echo(const struct script_socket *s, const struct script_settings *settings,
                     uint32_t script, uint32_t *live)
{
    for (unsigned i = s->ts_count; i-- > 0;) {
        unsigned at = (s->ts_next + i + TS_MAP_MAX - s->ts_count) % TS_MAP_MAX;

        if (s->ts[at].script == script) {
            *live = s->ts[at].live;
            return true;
        }
    }
    *live = script - s->ts_script + s->ts_live;
    return settings->ecr_scaled && s->ts_based;
}

/* ---- building ---------------------------------------------------------------------------------------------- */

static void put_ip(struct writer *w, const struct packet_spec *spec, struct script_socket *s,
                   const struct script_settings *settings, uint8_t protocol, size_t payload)
{
    packet_ip_write(w, settings,
                    &(struct packet_ip){
                        .src = settings->remote,
                        .dst = settings->local,
                        .length = (uint32_t)payload,
                        .id = (uint16_t)s->ip_id++,
                        .traffic = spec->tos_check == TOS_ANY ? 0 : spec->tos,
                        .ttl = spec->ttl ? spec->ttl : 255,
                        .protocol = protocol,
                        .flow = spec->flow,
                    });
}

/* The sum of what a transport's checksum covers, `n` bytes of it at `p`. */
static uint16_t sum_of(const struct script_settings *settings, uint8_t protocol, const uint8_t *p, size_t n)
{
    uint64_t sum = ip_pseudo(&settings->remote, &settings->local, protocol, (uint32_t)n);

    return checksum_done(checksum_add(sum, p, n));
}

static void put_text(struct writer *w, uint32_t from, size_t n)
{
    uint8_t *place = writer_take(w, n);

    for (size_t i = 0; place && i < n; i++)
        place[i] = script_text_at(from + (uint32_t)i);
}

static void put_tcp(struct writer *w, const struct packet_spec *spec, const struct script_socket *s,
                    const struct script_settings *settings, const uint8_t *options)
{
    bool syn = spec->flags & CTL_SYN;
    uint32_t ack = spec->ack + local_offset(s, syn);

    writer_u16(w, spec->sport ? spec->sport : s->remote_port);
    writer_u16(w, spec->dport ? spec->dport : s->local_port ? s->local_port : settings->bind_port);
    writer_u32(w, spec->seq + remote_offset(s, syn));
    writer_u32(w, spec->flags & CTL_ACK ? ack : spec->ack);
    writer_u8(w, (uint8_t)((TCP_HEADER_MIN + spec->option_length) / 4 << 4 |
                           (spec->flags & PACKET_AE ? 1 : 0)));
    writer_u8(w, (uint8_t)spec->flags);
    writer_u16(w, spec->window);
    writer_u16(w, 0);
    writer_u16(w, spec->urgent);
    writer_bytes(w, options, spec->option_length);
    put_text(w, syn ? 0 : spec->seq - 1, spec->length);
}

static size_t build_tcp(const struct packet_spec *spec, struct script_socket *s,
                        const struct script_settings *settings, struct writer *w,
                        struct script_fault *why)
{
    uint8_t options[PACKET_OPTIONS_MAX], *ts, *segment;
    bool syn = spec->flags & CTL_SYN, ack = spec->flags & CTL_ACK;
    size_t n = TCP_HEADER_MIN + (size_t)spec->option_length + spec->length;
    uint32_t live;

    memcpy(options, spec->option, sizeof options);
    shift_sack(options, spec->option_length, local_offset(s, syn));
    ts = find_ts(options, spec->option_length);
    if (ts && ack) {
        if (!map_echo(s, settings, load32(ts + 6), &live)) {
            script_fail(why, spec->at, "expected `ecr` to echo a timestamp that was sent, found %u",
                        load32(ts + 6));
            return 0;
        }
        writer_store32(ts + 6, live);
    }
    put_ip(w, spec, s, settings, PROTO_TCP, n);
    put_tcp(w, spec, s, settings, options);
    if (!writer_ok(w)) {
        script_fail(why, spec->at, "expected a packet of at most 65535 bytes");
        return 0;
    }
    segment = w->base + packet_ip_length(settings);
    writer_store16(segment + 16, sum_of(settings, PROTO_TCP, segment, n));
    return writer_len(w);
}

static size_t build_udp(const struct packet_spec *spec, struct script_socket *s,
                        const struct script_settings *settings, struct writer *w,
                        struct script_fault *why)
{
    size_t n = UDP_HEADER + (size_t)spec->length;
    uint8_t *udp;

    put_ip(w, spec, s, settings, PROTO_UDP, n);
    udp = writer_take(w, UDP_HEADER);
    put_text(w, 0, spec->length);
    if (!writer_ok(w)) {
        script_fail(why, spec->at, "expected a packet of at most 65535 bytes");
        return 0;
    }
    udp_header_write(udp, &(struct udp_header){
                              .sport = spec->sport ? spec->sport : s->remote_port,
                              .dport = spec->dport ? spec->dport : s->local_port,
                              .length = (uint16_t)n});
    writer_store16(udp + UDP_CHECKSUM_OFFSET, udp_checksum(sum_of(settings, PROTO_UDP, udp, n)));
    return writer_len(w);
}

/* What an ICMP message quotes of its packet behind the IP header: RFC 792 asks for the first 64 bits,
 * RFC 1812 for as much as fits; TCP's fixed header, then, or UDP's. */
static size_t echoed_length(const struct packet_spec *spec)
{
    return spec->echoed == PACKET_UDP ? UDP_HEADER : TCP_HEADER_MIN;
}

static void put_echoed_transport(struct writer *w, const struct packet_spec *spec,
                                 const struct script_socket *s)
{
    writer_u16(w, s->local_port);
    writer_u16(w, s->remote_port);
    if (spec->echoed == PACKET_UDP) {
        writer_u16(w, (uint16_t)(UDP_HEADER + spec->length));
        writer_u16(w, 0);
        return;
    }
    writer_u32(w, spec->seq + local_offset(s, false));
    writer_u32(w, 0);
    writer_u8(w, TCP_HEADER_MIN / 4 << 4);
    writer_u8(w, CTL_ACK);
    writer_u16(w, 0);
    writer_u32(w, 0);
}

static void put_echoed(struct writer *w, const struct packet_spec *spec,
                       const struct script_socket *s, const struct script_settings *settings)
{
    packet_ip_write(w, settings,
                    &(struct packet_ip){
                        .src = settings->local,
                        .dst = settings->remote,
                        .length = (uint32_t)echoed_length(spec) + spec->length,
                        .ttl = 64,
                        .protocol = spec->echoed == PACKET_UDP ? PROTO_UDP : PROTO_TCP,
                        .dont_fragment = true,
                    });
    put_echoed_transport(w, spec, s);
}

static size_t build_icmp(const struct packet_spec *spec, struct script_socket *s,
                         const struct script_settings *settings, struct writer *w)
{
    bool six = packet_ip_is6(settings);
    const struct packet_icmp *icmp = &spec->icmp[six];
    size_t n = ICMP_HEADER + packet_ip_length(settings) + echoed_length(spec);
    uint8_t *message;

    put_ip(w, spec, s, settings, six ? PROTO_ICMP6 : PROTO_ICMP, n);
    writer_u8(w, icmp->type);
    writer_u8(w, icmp->code);
    writer_u16(w, 0);
    if (spec->mtu >= 0 && six) { /* RFC 4443 section 3.2: all of the four bytes */
        writer_u32(w, (uint32_t)spec->mtu);
    } else {
        writer_u16(w, spec->icmp_id);
        writer_u16(w, spec->mtu < 0 ? 0 : (uint16_t)spec->mtu);
    }
    put_echoed(w, spec, s, settings);
    message = w->base + packet_ip_length(settings);
    writer_store16(message + 2, six ? sum_of(settings, PROTO_ICMP6, message, n)
                                    : checksum_done(checksum_add(0, message, n)));
    return writer_len(w);
}

size_t packet_build(const struct packet_spec *spec, struct script_socket *s,
                    const struct script_settings *settings, uint8_t out[PACKET_BYTES_MAX],
                    struct script_fault *why)
{
    struct writer w = writer_of(out, PACKET_BYTES_MAX);

    if (spec->kind == PACKET_ICMP)
        return build_icmp(spec, s, settings, &w);
    return spec->kind == PACKET_UDP ? build_udp(spec, s, settings, &w, why)
                                    : build_tcp(spec, s, settings, &w, why);
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static bool read_headers(const struct live_packet *p, struct packet_ip *ip, struct tcp_header *tcp)
{
    return packet_ip_read(p, ip) && ip->protocol == PROTO_TCP &&
           tcp_header_parse(p->bytes + ip->header, ip->length, tcp) == REASON_NONE;
}

static bool read_udp(const struct live_packet *p, struct packet_ip *ip, struct udp_header *udp)
{
    return packet_ip_read(p, ip) && ip->protocol == PROTO_UDP &&
           udp_header_parse(p->bytes + ip->header, p->length - ip->header, ip->length, udp) == REASON_NONE;
}

/* The first datagram of a socket tells its port. */
static bool datagram_is_of(const struct live_packet *p, struct script_socket *s)
{
    struct packet_ip ip;
    struct udp_header udp;

    if (!read_udp(p, &ip, &udp) || udp.dport != s->remote_port)
        return false;
    if (!s->local_port)
        s->local_port = udp.sport;
    return udp.sport == s->local_port;
}

bool packet_is_of(const struct live_packet *p, struct script_socket *s,
                  const struct script_settings *settings)
{
    struct packet_ip ip;
    struct tcp_header tcp;
    bool syn;

    if (s->datagram)
        return datagram_is_of(p, s);
    if (!read_headers(p, &ip, &tcp) || !addr_equal(&ip.src, &settings->local) ||
        !addr_equal(&ip.dst, &settings->remote) || tcp.dport != s->remote_port)
        return false;
    syn = tcp.flags & CTL_SYN;
    if (syn && s->phase == SOCKET_SYN_SENT && !s->iss_known)
        s->local_port = tcp.sport;
    if (tcp.sport != s->local_port)
        return false;
    if (syn && !s->iss_known && (s->phase == SOCKET_SYN_SENT || s->phase == SOCKET_SYN_RECEIVED)) {
        s->live_iss = tcp.seq;
        s->iss_known = true;
    }
    return true;
}

bool packet_describe(const struct live_packet *p, const struct script_socket *s,
                     struct packet_spec *spec)
{
    struct packet_ip ip;
    struct tcp_header tcp;
    struct udp_header udp;
    uint8_t *ts;
    bool syn;

    if (read_udp(p, &ip, &udp)) {
        *spec = (struct packet_spec){.kind = PACKET_UDP, .out = true, .tos_check = TOS_BYTE,
                                     .tos = ip.traffic, .ttl = ip.ttl, .flow = ip.flow};
        spec->length = udp.length - (uint32_t)UDP_HEADER;
        return true;
    }
    *spec = (struct packet_spec){.kind = PACKET_TCP, .out = true, .tos_check = TOS_BYTE};
    if (!read_headers(p, &ip, &tcp))
        return false;
    syn = tcp.flags & CTL_SYN;
    spec->tos = ip.traffic;
    spec->ttl = ip.ttl;
    spec->flow = ip.flow;
    spec->flags = (uint16_t)(tcp.flags | (p->bytes[ip.header + 12] & 1 ? PACKET_AE : 0));
    spec->seq = tcp.seq - local_offset(s, syn);
    spec->has_ack = tcp.flags & CTL_ACK;
    spec->ack = spec->has_ack ? tcp.ack - remote_offset(s, syn) : tcp.ack;
    spec->window = tcp.wnd;
    spec->urgent = tcp.up;
    spec->length = ip.length - tcp.length;
    spec->option_length = (uint8_t)(tcp.length - TCP_HEADER_MIN);
    memcpy(spec->option, p->bytes + ip.header + TCP_HEADER_MIN, spec->option_length);
    shift_sack(spec->option, spec->option_length, 0 - remote_offset(s, syn));
    ts = find_ts(spec->option, spec->option_length);
    if (ts && s->ts_based)
        writer_store32(ts + 2, load32(ts + 2) - s->ts_live + s->ts_script);
    return true;
}

void packet_learn_ts(const struct packet_spec *expected, const struct live_packet *p,
                     struct script_socket *s)
{
    struct packet_spec copy = *expected;
    struct packet_ip ip;
    struct tcp_header tcp;
    uint8_t *ts = find_ts(copy.option, copy.option_length);
    unsigned newest;

    if (!ts || !read_headers(p, &ip, &tcp) || !(tcp.opt.present & OPT_TIMESTAMPS))
        return;
    newest = (s->ts_next + TS_MAP_MAX - 1) % TS_MAP_MAX;
    if (s->ts_count && s->ts[newest].script == load32(ts + 2) &&
        s->ts[newest].live == tcp.opt.tsval)
        return;
    s->ts[s->ts_next].script = load32(ts + 2);
    s->ts[s->ts_next].live = tcp.opt.tsval;
    s->ts_next = (s->ts_next + 1) % TS_MAP_MAX;
    s->ts_count += s->ts_count < TS_MAP_MAX;
    if (s->ts_based)
        return;
    s->ts_based = true;
    s->ts_script = load32(ts + 2);
    s->ts_live = tcp.opt.tsval;
}
