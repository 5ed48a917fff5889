/* SPDX-License-Identifier: MIT */
/* udp_header.h - the header of a datagram (RFC 768), read into a value and written from it. */
#ifndef PACKET_UDP_HEADER_H
#define PACKET_UDP_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"

#define UDP_HEADER          8
#define UDP_CHECKSUM_OFFSET 6

struct udp_header {
    uint16_t sport; /* 0: nobody wants an answer */
    uint16_t dport;
    uint16_t length; /* header and text */
    uint16_t checksum; /* 0: there is none */
};

/* Reads the header at `p`, of which `n` bytes came, of a packet whose IP header counts `payload` bytes:
 * NONE, UDP_HEADER, or UDP_LENGTH.  What lies beyond the datagram's own length is not its. */
enum reason udp_header_parse(const uint8_t *p, size_t n, uint32_t payload, struct udp_header *h);
void udp_header_write(uint8_t p[UDP_HEADER], const struct udp_header *h);

/* What goes into the field: 0 says that there is no checksum, so that a sum of 0 is sent as its other
 * form. */
static inline uint16_t udp_checksum(uint16_t sum)
{
    return sum ? sum : UINT16_MAX;
}

#endif
