/* SPDX-License-Identifier: MIT */
/*
 * tcp_frame.h - a TCP segment in a frame, made by hand: Ethernet or bare IPv4, no options.
 *
 * Text is the byte 'x'.  Both checksums are right.
 */
#ifndef SUPPORT_TCP_FRAME_H
#define SUPPORT_TCP_FRAME_H

#include <string.h>

#include "base/checksum.h"
#include "base/writer.h"
#include "estab.h"

#define TCP_FRAME_HEADERS (14 + 20 + 20)

/* What makes one; zeros will do. */
struct tcp_frame_of {
    uint8_t flags;
    uint16_t source, destination, text;
    uint32_t seq;
    bool bare;    /* without the Ethernet header */
    bool no_sums; /* the TCP checksum is left to be finished */
};

/* `bytes` holds TCP_FRAME_HEADERS + text.  The frame refers to them. */
static inline struct estab_frame tcp_frame(uint8_t *bytes, const struct tcp_frame_of *of)
{
    struct writer w = writer_of(bytes, TCP_FRAME_HEADERS + (size_t)of->text);
    size_t ip = of->bare ? 0 : 14, tcp = ip + 20, end = tcp + 20 + of->text;
    if (!of->bare) {
        writer_bytes(&w, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
        writer_u16(&w, 0x0800);
    }
    writer_u16(&w, 0x4500);
    writer_u16(&w, (uint16_t)(end - ip));
    writer_u32(&w, 0x00004000);
    writer_u32(&w, 0x40060000);
    writer_u32(&w, 0x0a0b0001);
    writer_u32(&w, 0x0a0b0002);
    writer_u16(&w, of->source);
    writer_u16(&w, of->destination);
    writer_u32(&w, of->seq);
    writer_u32(&w, 0);
    writer_u16(&w, (uint16_t)(0x5000 | of->flags));
    writer_u16(&w, 65535);
    writer_u32(&w, 0);
    memset(bytes + tcp + 20, 'x', of->text);

    uint64_t pseudo = checksum_add(6 + 20 + (uint64_t)of->text, bytes + ip + 12, 8);
    uint16_t header = checksum_done(checksum_add(0, bytes + ip, 20));
    uint16_t sum = checksum_done(checksum_add(pseudo, bytes + tcp, end - tcp));
    if (of->no_sums)
        sum = checksum_fold(pseudo);
    bytes[ip + 10] = (uint8_t)(header >> 8);
    bytes[ip + 11] = (uint8_t)header;
    bytes[tcp + 16] = (uint8_t)(sum >> 8);
    bytes[tcp + 17] = (uint8_t)sum;
    return (struct estab_frame){
        .length = (uint32_t)end,
        .link = of->bare ? ESTAB_LINK_IP : ESTAB_LINK_ETHERNET,
        .checksum = of->no_sums ? ESTAB_CHECKSUM_FINISH : ESTAB_CHECKSUM_VERIFY,
        .checksum_start = (uint16_t)tcp,
        .checksum_offset = 16,
        .parts = 1,
        .part = {{.base = bytes, .length = (uint32_t)end}},
    };
}

/* Whether both checksums of such a frame are right. */
static inline bool tcp_frame_intact(const uint8_t *bytes, size_t n, bool bare)
{
    size_t ip = bare ? 0 : 14, tcp = ip + 20;
    uint64_t pseudo = checksum_add(6 + (n - tcp), bytes + ip + 12, 8);
    return checksum_good(checksum_add(0, bytes + ip, 20)) &&
           checksum_good(checksum_add(pseudo, bytes + tcp, n - tcp));
}

#endif
