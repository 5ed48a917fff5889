/* SPDX-License-Identifier: MIT */
#include "support/made_frame.h"

#include <string.h>

static void store16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void store32(uint8_t *p, uint32_t v)
{
    store16(p, v >> 16);
    store16(p + 2, v & 0xffff);
}

uint16_t made_sum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static bool is_six(struct estab_addr a)
{
    return memcmp(a.b, "\0\0\0\0\0\0\0\0\0\0\377\377", 12) != 0;
}

uint32_t made_pseudo(struct estab_addr src, struct estab_addr dst, uint8_t protocol, size_t n)
{
    uint32_t sum = protocol + (uint32_t)n;

    for (unsigned i = is_six(src) ? 0 : 12; i < 16; i += 2)
        sum += ((uint32_t)src.b[i] << 8 | src.b[i + 1]) + ((uint32_t)dst.b[i] << 8 | dst.b[i + 1]);
    return (sum & 0xffff) + (sum >> 16);
}

static size_t made_link(uint8_t *out, struct estab_addr src, struct estab_addr dst, unsigned type,
                        bool bare)
{
    bool group = is_six(dst) && dst.b[0] == 0xff;

    if (bare)
        return 0;
    memcpy(out, (uint8_t[]){2, 0, dst.b[12], dst.b[13], dst.b[14], dst.b[15]}, 6);
    if (group)
        out[0] = out[1] = 0x33;
    memcpy(out + 6, (uint8_t[]){2, 0, src.b[12], src.b[13], src.b[14], src.b[15]}, 6);
    store16(out + 12, type);
    return 14;
}

static size_t made_header6(uint8_t *out, struct estab_addr src, struct estab_addr dst,
                           uint8_t protocol, size_t n, bool bare)
{
    size_t link = made_link(out, src, dst, 0x86dd, bare);
    uint8_t *ip = out + link;

    memset(ip, 0, 8);
    ip[0] = 0x60;
    store16(ip + 4, (unsigned)n);
    ip[6] = protocol;
    ip[7] = 64;
    memcpy(ip + 8, src.b, 16);
    memcpy(ip + 24, dst.b, 16);
    return link + 40;
}

static size_t made_header(uint8_t *out, struct estab_addr src, struct estab_addr dst,
                          uint8_t protocol, size_t n, unsigned id, bool bare)
{
    if (is_six(src))
        return made_header6(out, src, dst, protocol, n, bare);
    size_t link = made_link(out, src, dst, 0x0800, bare);
    uint8_t *ip = out + link;

    memset(ip, 0, 20);
    ip[0] = 0x45;
    store16(ip + 2, (unsigned)(20 + n));
    store16(ip + 4, id);
    store16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, src.b + 12, 4);
    memcpy(ip + 16, dst.b + 12, 4);
    store16(ip + 10, made_sum(0, ip, 20));
    return link + 20;
}

size_t made_ip(uint8_t *out, struct estab_addr src, struct estab_addr dst, uint8_t protocol,
               const void *bytes, size_t n, bool bare)
{
    size_t headers = made_header(out, src, dst, protocol, n, 0, bare);

    memcpy(out + headers, bytes, n);
    return headers + n;
}

size_t made_udp(uint8_t *out, struct estab_endpoint src, struct estab_endpoint dst, const void *text,
                size_t n, int checksum, bool bare)
{
    size_t headers = made_header(out, src.addr, dst.addr, 17, 8 + n, 0, bare);
    uint8_t *udp = out + headers;
    uint32_t sum;

    store16(udp, src.port);
    store16(udp + 2, dst.port);
    store16(udp + 4, (unsigned)(8 + n));
    store16(udp + 6, 0);
    if (n > 0)
        memcpy(udp + 8, text, n);
    sum = made_sum(made_pseudo(src.addr, dst.addr, 17, 8 + n), udp, 8 + n);
    store16(udp + 6, checksum == MADE_GOOD ? (sum ? sum : 0xffff) : (unsigned)checksum);
    return headers + 8 + n;
}

size_t made_tcp(uint8_t *out, const struct made_tcp *m, bool bare)
{
    size_t n = m->text && m->length == 0 ? strlen(m->text) : m->length;
    size_t length = 20u + m->options_length + n, headers;
    uint8_t *tcp;

    headers = made_header(out, m->src.addr, m->dst.addr, 6, length, m->id, bare);
    if (m->tos && is_six(m->src.addr)) {
        store16(out + headers - 40, 0x6000u | (unsigned)m->tos << 4);
    } else if (m->tos) {
        uint8_t *ip = out + headers - 20;

        ip[1] = m->tos;
        store16(ip + 10, 0);
        store16(ip + 10, made_sum(0, ip, 20));
    }
    tcp = out + headers;
    memset(tcp, 0, 20);
    store16(tcp, m->src.port);
    store16(tcp + 2, m->dst.port);
    store32(tcp + 4, m->seq);
    store32(tcp + 8, m->ack);
    tcp[12] = (uint8_t)((20 + m->options_length) / 4 << 4);
    tcp[13] = m->flags;
    store16(tcp + 14, m->window);
    store16(tcp + 18, m->urgent);
    if (m->options_length)
        memcpy(tcp + 20, m->options, m->options_length);
    if (m->text)
        memcpy(tcp + 20 + m->options_length, m->text, n);
    else
        memset(tcp + 20 + m->options_length, 'x', n);
    store16(tcp + 16, made_sum(made_pseudo(m->src.addr, m->dst.addr, 6, length), tcp, length));
    return headers + length;
}

size_t made_icmp6(uint8_t *out, struct estab_addr src, struct estab_addr dst, uint8_t type, uint8_t code,
                  const void *bytes, size_t n, bool bare)
{
    size_t headers = made_header(out, src, dst, 58, 4 + n, 0, bare);
    uint8_t *icmp = out + headers;

    icmp[0] = type;
    icmp[1] = code;
    store16(icmp + 2, 0);
    memcpy(icmp + 4, bytes, n);
    store16(icmp + 2, made_sum(made_pseudo(src, dst, 58, 4 + n), icmp, 4 + n));
    return headers + 4 + n;
}

static size_t made_part6(uint8_t *out, const uint8_t *packet, const struct made_part *m)
{
    memcpy(out, packet, 40);
    store16(out + 4, 8 + m->to - m->from);
    out[6] = 44;
    out[40] = packet[6];
    out[41] = 0;
    store16(out + 42, (unsigned)(m->from | m->more));
    store32(out + 44, m->id);
    memcpy(out + 48, packet + 40 + m->from, m->to - m->from);
    return 48 + m->to - m->from;
}

size_t made_part(uint8_t *out, const uint8_t *packet, const struct made_part *m)
{
    if (packet[0] >> 4 == 6)
        return made_part6(out, packet, m);
    memcpy(out, packet, 20);
    store16(out + 2, 20 + m->to - m->from);
    store16(out + 4, m->id & 0xffff);
    store16(out + 6, m->from / 8 | (unsigned)m->more << 13);
    store16(out + 10, 0);
    store16(out + 10, made_sum(0, out, 20));
    memcpy(out + 20, packet + 20 + m->from, m->to - m->from);
    return 20 + m->to - m->from;
}

void made_hops(uint8_t *out, uint8_t hops, bool bare)
{
    uint8_t *ip = out + (bare ? 0 : 14);

    if (ip[0] >> 4 == 6) {
        ip[7] = hops;
        return;
    }
    ip[8] = hops;
    store16(ip + 10, 0);
    store16(ip + 10, made_sum(0, ip, 20));
}

size_t made_arp(uint8_t *out, uint16_t operation, struct estab_addr sender,
                struct estab_addr target)
{
    size_t link = made_link(out, sender, target, 0x0806, false);
    uint8_t *arp = out + link;

    memset(arp, 0, 28);
    store16(arp, 1);
    store16(arp + 2, 0x0800);
    arp[4] = 6;
    arp[5] = 4;
    store16(arp + 6, operation);
    memcpy(arp + 8, out + 6, 6);
    memcpy(arp + 14, sender.b + 12, 4);
    if (operation != 1)
        memcpy(arp + 18, out, 6);
    memcpy(arp + 24, target.b + 12, 4);
    return link + 28;
}

struct estab_frame made_frame(uint8_t *bytes, size_t n, bool bare)
{
    struct estab_frame frame = {
        .length = (uint32_t)n,
        .link = bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
        .parts = 1,
        .part = {{bytes, (uint32_t)n}},
    };
    return frame;
}
