/* SPDX-License-Identifier: MIT */
#include "support/tiny.h"

#include <poll.h>
#include <string.h>

#include "base/checksum.h"

#define MSS    1460
#define SHIFT  1 /* a window of 128 KB fits into any socket's queue: nothing is lost */
#define FRAMES 16
#define ROOM   65600

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static unsigned link_bytes(const struct tiny *t)
{
    return t->interface.link == ESTAB_LINK_ETHERNET ? 14 : 0;
}

static const uint8_t *ours(const struct tiny *t)
{
    return t->interface.address.b + 12;
}

static void send_frame(struct tiny *t, struct estab_frame *f)
{
    f->link = t->interface.link;
    f->length = f->head_length;
    for (unsigned i = 0; i < f->parts; i++)
        f->length += f->part[i].length;
    struct pollfd p = {.fd = estab_device_fd(t->device), .events = POLLOUT};
    while (estab_device_send(t->device, f, 1) == 0)
        (void)poll(&p, 1, 100);
}

/* ---- ARP ---------------------------------------------------------------------------------------- */

static void send_arp(struct tiny *t, unsigned operation, const uint8_t *to)
{
    static const uint8_t everyone[6] = {255, 255, 255, 255, 255, 255};
    struct estab_frame f = {.head_length = 42};
    memcpy(f.head, to ? to : everyone, 6);
    memcpy(f.head + 6, t->interface.mac, 6);
    put16(f.head + 12, 0x0806);
    put32(f.head + 14, 0x00010800);
    put16(f.head + 18, 0x0604);
    put16(f.head + 20, operation);
    memcpy(f.head + 22, t->interface.mac, 6);
    memcpy(f.head + 28, ours(t), 4);
    if (to)
        memcpy(f.head + 32, to, 6);
    memcpy(f.head + 38, t->peer.b + 12, 4);
    send_frame(t, &f);
}

static void take_arp(struct tiny *t, const uint8_t *p)
{
    memcpy(t->peer_mac, p + 22, 6);
    if (get16(p + 20) == 1 && memcmp(p + 38, ours(t), 4) == 0)
        send_arp(t, 2, p + 22);
}

/* ---- TCP ---------------------------------------------------------------------------------------- */

static uint64_t pseudo_sum(const uint8_t *ip, uint32_t length)
{
    return checksum_add(6 + (uint64_t)length, ip + 12, 8);
}

static unsigned put_headers(struct tiny *t, uint8_t *p, uint8_t flags, uint32_t length)
{
    static const uint8_t options[8] = {2, 4, MSS >> 8, MSS & 255, 3, 3, SHIFT, 0};
    unsigned tcp = flags & TINY_SYN ? 28 : 20;
    if (link_bytes(t)) {
        memcpy(p, t->peer_mac, 6);
        memcpy(p + 6, t->interface.mac, 6);
        put16(p + 12, 0x0800);
        p += 14;
    }
    memset(p, 0, 20 + tcp);
    p[0] = 0x45;
    put16(p + 2, 20 + tcp + length);
    p[8] = 64;
    p[9] = 6;
    memcpy(p + 12, ours(t), 4);
    memcpy(p + 16, t->peer.b + 12, 4);
    put16(p + 10, checksum_done(checksum_add(0, p, 20)));
    put16(p + 20, t->port);
    put16(p + 22, t->peer_port);
    put32(p + 24, t->snd_nxt);
    put32(p + 28, t->rcv_nxt);
    p[32] = (uint8_t)(tcp << 2);
    p[33] = flags;
    put16(p + 34, 65535);
    if (flags & TINY_SYN)
        memcpy(p + 40, options, sizeof options);
    return tcp;
}

void tiny_send(struct tiny *t, uint8_t flags, const uint8_t *text, uint32_t length)
{
    struct estab_frame f = {0};
    unsigned tcp = put_headers(t, f.head, flags, length), at = link_bytes(t) + 20;
    uint8_t *ip = f.head + link_bytes(t);
    uint64_t sum = pseudo_sum(ip, tcp + length);
    f.head_length = (uint8_t)(at + tcp);
    /* Two parts with an odd border, so that gathering has something to do; no text is shorter. */
    if (length > 101) {
        f.parts = 2;
        f.part[0] = (struct estab_part){(uint8_t *)(uintptr_t)text, 101};
        f.part[1] = (struct estab_part){(uint8_t *)(uintptr_t)text + 101, length - 101};
    }
    if (t->interface.checksum_offload) {
        f.checksum = ESTAB_CHECKSUM_FINISH;
        f.checksum_start = (uint16_t)at;
        f.checksum_offset = 16;
        put16(ip + 36, checksum_fold(sum));
    } else {
        sum = checksum_add_at(checksum_add(sum, ip + 20, tcp), text, length, tcp);
        put16(ip + 36, checksum_done(sum));
    }
    f.segment_size = length > MSS ? MSS : 0;
    send_frame(t, &f);
    t->snd_nxt += length + ((flags & (TINY_SYN | TINY_FIN)) != 0);
}

void tiny_connect(struct tiny *t)
{
    static const uint8_t unknown[6];
    if (link_bytes(t)) {
        send_arp(t, 1, NULL);
        (void)TINY_UNTIL(t, memcmp(t->peer_mac, unknown, 6) != 0);
    }
    t->snd_una = t->snd_nxt;
    tiny_send(t, TINY_SYN, NULL, 0);
}

static void take_text(struct tiny *t, const uint8_t *text, uint32_t length)
{
    for (uint32_t i = 0; i < length && t->received + i < t->room; i++)
        t->text[t->received + i] = text[i];
    t->received += length;
    t->rcv_nxt += length;
}

static void take_segment(struct tiny *t, const uint8_t *ip, uint32_t length)
{
    const uint8_t *tcp = ip + (ip[0] & 15) * 4u;
    uint32_t header = (tcp[12] >> 4) * 4u;
    uint32_t text = length - (uint32_t)(tcp - ip) - header;
    uint8_t flags = tcp[13];
    if (flags & TINY_SYN) {
        t->peer_port = get16(tcp);
        t->rcv_nxt = get32(tcp + 4) + 1;
        if (!(flags & TINY_ACK)) {
            t->snd_una = t->snd_nxt;
            tiny_send(t, TINY_SYN | TINY_ACK, NULL, 0);
            return;
        }
    } else if (get32(tcp + 4) != t->rcv_nxt) {
        return;
    }
    t->opened = true;
    t->snd_una = get32(tcp + 8);
    take_text(t, tcp + header, text);
    t->peer_closed = t->peer_closed || flags & TINY_FIN;
    t->rcv_nxt += flags & TINY_FIN;
    if (text || flags & (TINY_FIN | TINY_SYN))
        tiny_send(t, TINY_ACK, NULL, 0);
}

/* ---- frames --------------------------------------------------------------------------------------- */

static void take_packet(struct tiny *t, const struct estab_frame *f, const uint8_t *ip)
{
    uint32_t length = get16(ip + 2), header = (ip[0] & 15) * 4u;
    if (ip[0] >> 4 != 4 || ip[9] != 6 || memcmp(ip + 16, ours(t), 4) != 0 ||
        f->length < link_bytes(t) + length) {
        t->strange++;
        return;
    }
    if (f->length > t->longest) {
        t->longest = f->length;
        t->segment_size = f->segment_size;
    }
    uint64_t sum = checksum_add(pseudo_sum(ip, length - header), ip + header, length - header);
    if (f->checksum_start)
        t->unfinished++;
    else if (!checksum_good(sum))
        t->damaged++;
    take_segment(t, ip, length);
}

static void take(struct tiny *t, const struct estab_frame *f, const uint8_t *p)
{
    if (!f->length)
        return;
    if (link_bytes(t) && get16(p + 12) == 0x0806)
        take_arp(t, p);
    else if (!link_bytes(t) || get16(p + 12) == 0x0800)
        take_packet(t, f, p + link_bytes(t));
    else
        t->strange++;
}

/* Rooms of three parts, two of which are odd, so that scattering has something to do. */
void tiny_turn(struct tiny *t, unsigned ms)
{
    static uint8_t rooms[FRAMES][ROOM], whole[ROOM];
    static struct estab_frame in[FRAMES];
    struct pollfd p = {.fd = estab_device_fd(t->device), .events = POLLIN};
    (void)poll(&p, 1, (int)ms);
    for (unsigned i = 0; i < FRAMES; i++) {
        in[i] = (struct estab_frame){.parts = 3};
        in[i].part[0] = (struct estab_part){rooms[i], 77};
        in[i].part[1] = (struct estab_part){rooms[i] + 77, 1001};
        in[i].part[2] = (struct estab_part){rooms[i] + 1078, ROOM - 1078};
    }
    size_t n = estab_device_receive(t->device, in, FRAMES);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = 0;
        for (unsigned k = 0; k < in[i].parts; k++) {
            memcpy(whole + at, in[i].part[k].base, in[i].part[k].length);
            at += in[i].part[k].length;
        }
        take(t, &in[i], whole);
    }
}
