/* SPDX-License-Identifier: MIT */
/*
 * ipv4.h - the IPv4 header (RFC 791 section 3.1), ICMP's (RFC 792), ARP's (RFC 826) and Ethernet's,
 * read into values and written from them.  Addresses are struct estab_addr, IPv4 in mapped form.
 */
#ifndef PACKET_IPV4_H
#define PACKET_IPV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/trace.h"
#include "packet/address.h"

#define ETHERNET_HEADER 14
#define ETHERTYPE_IPV4  0x0800
#define ETHERTYPE_ARP   0x0806
#define ETHERTYPE_IPV6  0x86dd

#define IPV4_HEADER_MIN 20
#define IPV4_HEADER_MAX 60

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17 };

struct ethernet_header {
    uint8_t dst[6], src[6];
    uint16_t type;
};

bool ethernet_parse(const uint8_t *p, size_t n, struct ethernet_header *h);
void ethernet_write(uint8_t p[ETHERNET_HEADER], const struct ethernet_header *h);

struct ipv4_header {
    struct estab_addr src, dst;
    uint16_t total_length; /* header and payload */
    uint16_t id;
    uint8_t header_length; /* bytes */
    uint8_t diffserv, ttl, protocol;
    bool dont_fragment, fragment; /* fragment: a part of a datagram */
    bool more;                    /* of the datagram follows behind this part */
    uint16_t offset;              /* of the part, in bytes */
    bool source_route;            /* one of the source route options is present */
};

/* Reads the header at `p`, of which `n` bytes came: NONE, IP_HEADER, IP_LENGTH or IP_CHECKSUM (not
 * looked at if `trusted`). */
enum reason ipv4_parse(const uint8_t *p, size_t n, bool trusted, struct ipv4_header *h);
/* Writes a header without options, checksum included. */
void ipv4_write(uint8_t p[IPV4_HEADER_MIN], const struct ipv4_header *h);

/* The sum of the pseudo header of RFC 9293 section 3.1, for checksum_add. */
uint64_t ipv4_pseudo(const struct estab_addr *src, const struct estab_addr *dst, uint8_t protocol,
                     uint32_t length);

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

#define ARP_LENGTH 28

struct arp_packet {
    uint16_t operation;
    uint8_t sender_mac[6], target_mac[6];
    struct estab_addr sender, target;
};

bool arp_parse(const uint8_t *p, size_t n, struct arp_packet *a);
void arp_write(uint8_t p[ARP_LENGTH], const struct arp_packet *a);

enum icmp_type {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER = 12,
};

enum { ICMP_CODE_PROTOCOL = 2, ICMP_CODE_PORT = 3, ICMP_CODE_FRAGMENTATION = 4 };
enum { ICMP_CODE_REASSEMBLY = 1 }; /* of ICMP_TIME_EXCEEDED */

#define ICMP_HEADER 8

#endif
