/* SPDX-License-Identifier: MIT */
/*
 * frame_check.h - what a stack put out, read byte by byte by a parser that shares no code with src/.
 */
#ifndef SUPPORT_FRAME_CHECK_H
#define SUPPORT_FRAME_CHECK_H

#include <estab.h>

#define FRAME_CHECK_ROOM 70000

struct frame_seen {
    uint8_t flat[FRAME_CHECK_ROOM]; /* the frame in one piece, its checksum finished */
    uint8_t protocol;               /* of IP: 6, 17, 1, 58; 0 for ARP, and reports of MLD */
    struct estab_endpoint src, dst; /* ports of TCP */
    uint32_t seq, ack;
    uint16_t window, urgent;
    uint8_t flags;
    bool has_mss, has_wscale, has_timestamps;
    uint32_t tsval;
    const uint8_t *text;
    uint32_t length; /* of the text */
};

/* NULL, or what is wrong with the frame: lengths, header checksums, the TCP, UDP or ICMP checksum, TCP's
 * finished first if the device is to do so, options, flags that exclude each other. */
const char *frame_check(const struct estab_frame *, struct frame_seen *);

#endif
