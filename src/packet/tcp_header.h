/* SPDX-License-Identifier: MIT */
/*
 * tcp_header.h - the TCP header on the wire (RFC 9293 section 3.1) and as values.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-------------------------------+-------------------------------+
 *    |          source port          |       destination port        |
 *    +-------------------------------+-------------------------------+
 *    |                        sequence number                        |
 *    +---------------------------------------------------------------+
 *    |                     acknowledgment number                     |
 *    +-------+-------+---------------+-------------------------------+
 *    | offset|  rsv  |     flags     |            window             |
 *    +-------+-------+---------------+-------------------------------+
 *    |           checksum            |        urgent pointer         |
 *    +-------------------------------+-------------------------------+
 *    |                 options, padded to 32 bits                    |
 *    +---------------------------------------------------------------+
 *
 * Numbers here are plain, as the wire has them; tcp/segment.h puts them into their spaces.
 */
#ifndef PACKET_TCP_HEADER_H
#define PACKET_TCP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"

enum tcp_ctl {
    CTL_FIN = 0x01,
    CTL_SYN = 0x02,
    CTL_RST = 0x04,
    CTL_PSH = 0x08,
    CTL_ACK = 0x10,
    CTL_URG = 0x20,
    CTL_ECE = 0x40,
    CTL_CWR = 0x80,
};

#define TCP_HEADER_MIN 20
#define TCP_HEADER_MAX 60

enum tcp_option_kind {
    TCPOPT_END = 0,
    TCPOPT_NOP = 1,
    TCPOPT_MSS = 2,            /* RFC 9293 section 3.7.1 */
    TCPOPT_WINDOW_SCALE = 3,   /* RFC 7323 section 2 */
    TCPOPT_SACK_PERMITTED = 4, /* RFC 2018 section 2 */
    TCPOPT_SACK = 5,           /* RFC 2018 section 3 */
    TCPOPT_TIMESTAMPS = 8,     /* RFC 7323 section 3 */
    TCPOPT_USER_TIMEOUT = 28,  /* RFC 5482 section 3.2 */
};

/* Bits of tcp_options.present. */
enum {
    OPT_MSS = 1 << 0,
    OPT_WINDOW_SCALE = 1 << 1,
    OPT_SACK_PERMITTED = 1 << 2,
    OPT_TIMESTAMPS = 1 << 3,
    OPT_SACK = 1 << 4,
    OPT_USER_TIMEOUT = 1 << 5,
};

/* Most blocks of a SACK option; with timestamps there is room for three. */
#define SACK_BLOCKS_MAX 4

struct tcp_sack_block {
    uint32_t left, right; /* the first number of it, and the first after it */
};

struct tcp_options {
    uint32_t tsval, tsecr;
    uint16_t mss;
    uint8_t wscale;
    uint8_t present;
    uint8_t sacks; /* with OPT_SACK: blocks */
    uint16_t user_timeout; /* the unit in the uppermost bit, as on the wire */
    struct tcp_sack_block sack[SACK_BLOCKS_MAX];
};

struct tcp_header {
    uint32_t seq, ack;
    uint16_t sport, dport;
    uint16_t wnd, up;
    uint8_t flags;
    uint8_t length; /* of the header with its options, in bytes */
    uint16_t checksum;
    struct tcp_options opt;
};

/* Reads the header at `p`, of which `n` bytes belong to the segment.  NONE, TCP_HEADER, TCP_PORT or
 * TCP_OPTIONS.  Unknown options are skipped (MUST-6); one of illegal length ends the parse (MUST-7). */
enum reason tcp_header_parse(const uint8_t *p, size_t n, struct tcp_header *h);

/* Writes the header, its checksum field zero, with the options in Linux's order:
 * mss, sackOK, timestamps, nop, wscale on a SYN; nop, nop, timestamps, nop, nop, sack elsewhere; a user
 * timeout, which Linux has not, at the end.  Sets h->length and returns it. */
size_t tcp_header_write(uint8_t p[TCP_HEADER_MAX], struct tcp_header *h);

/* The length that tcp_header_write would return. */
size_t tcp_header_length(const struct tcp_header *h);

#endif
