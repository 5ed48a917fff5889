/* SPDX-License-Identifier: MIT */
/*
 * made_frame.h - frames for tests, made without any code of src/: Ethernet and bare IP, with right
 * checksums.
 */
#ifndef SUPPORT_MADE_FRAME_H
#define SUPPORT_MADE_FRAME_H

#include <estab.h>

#define MADE_FRAME_MAX (66000u)

struct made_tcp {
    struct estab_endpoint src, dst;
    uint32_t seq, ack;
    uint16_t window, urgent, id;
    uint8_t flags;
    uint8_t tos;
    uint8_t options_length;
    const char *options; /* bytes */
    const char *text;    /* or NULL: `length` bytes 'x' */
    uint32_t length;
};

/* Writes an Ethernet frame, or with `bare` an IP packet; its length. */
size_t made_tcp(uint8_t *out, const struct made_tcp *, bool bare);
/* A packet of the addresses' family and any protocol around `n` bytes. */
size_t made_ip(uint8_t *out, struct estab_addr src, struct estab_addr dst, uint8_t protocol,
               const void *bytes, size_t n, bool bare);
/* A UDP datagram from one end to the other; `checksum`: the field as it is, or MADE_GOOD. */
#define MADE_GOOD (-1)
size_t made_udp(uint8_t *out, struct estab_endpoint src, struct estab_endpoint dst, const void *text,
                size_t n, int checksum, bool bare);
/* An ICMPv6 message: type, code, a checksum that is right, and `n` bytes behind it. */
size_t made_icmp6(uint8_t *out, struct estab_addr src, struct estab_addr dst, uint8_t type, uint8_t code,
                  const void *bytes, size_t n, bool bare);
/* A part of a bare IP packet without options or extension headers: bytes [from, to) of its payload. */
struct made_part {
    uint32_t from, to, id;
    bool more; /* parts follow */
};
size_t made_part(uint8_t *out, const uint8_t *packet, const struct made_part *m);
/* The hop limit of an IPv6 packet that was made, or its time to live. */
void made_hops(uint8_t *out, uint8_t hops, bool bare);
/* What the pseudo header adds to a checksum. */
uint32_t made_pseudo(struct estab_addr src, struct estab_addr dst, uint8_t protocol, size_t n);
size_t made_arp(uint8_t *out, uint16_t operation, struct estab_addr sender,
                struct estab_addr target);
/* The Internet checksum, byte by byte. */
uint16_t made_sum(uint32_t sum, const uint8_t *p, size_t n);
/* A frame in one part. */
struct estab_frame made_frame(uint8_t *bytes, size_t n, bool bare);

#endif
