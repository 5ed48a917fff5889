/* SPDX-License-Identifier: MIT */
/*
 * dhcp_message.h - the messages of DHCP (RFC 2131 section 2) and those of their options (RFC 2132) that a
 * client of ours has a use for, read and written.
 *
 *      fixed fields, 236 octets | cookie | options ... [| file | sname, where option 52 says so]
 *
 * An option that occurs several times is one, in parts (RFC 3396), wherever they are.  Options that are
 * not known here are passed over; those that are have the length that they must have, or the whole message
 * is refused.
 */
#ifndef NAMES_DHCP_MESSAGE_H
#define NAMES_DHCP_MESSAGE_H

#include "estab.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_FIXED       236 /* octets before the cookie */
#define DHCP_LEAST       300 /* octets that a message has: relays of BOOTP's days want them */
#define DHCP_SERVERS_MAX 3   /* routers and servers of DNS that are kept */

enum dhcp_fault {
#define DHCP_FAULT(name, source, sentence) DHCP_##name,
#include "names/dhcp_fault.def"
};

struct dhcp_fault_info {
    const char *name, *source, *sentence;
};

struct dhcp_fault_info dhcp_fault_info(enum dhcp_fault);

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER,
    DHCP_REQUEST,
    DHCP_DECLINE,
    DHCP_ACK,
    DHCP_NAK,
    DHCP_RELEASE,
    DHCP_INFORM,
};

/* Addresses are IPv4's, in mapped form; an unspecified one is not in the message. */
struct dhcp_message {
    bool reply; /* of a server */
    uint8_t type; /* enum dhcp_type */
    bool broadcast; /* answers have to go to all stations, for we cannot hear others yet */
    uint32_t xid;
    uint16_t seconds;
    uint8_t mac[6];
    struct estab_addr client, yours; /* ciaddr, yiaddr */
    struct estab_addr requested, server;
    uint8_t prefix_length; /* of the subnet mask; 0: none */
    unsigned routers, dns;
    struct estab_addr router[DHCP_SERVERS_MAX], dns_server[DHCP_SERVERS_MAX];
    uint32_t lease, renew, rebind; /* seconds; 0: not told */
};

/* Of `yours`: the mask that the message tells, or else its class's (RFC 950 section 2.1). */
uint8_t dhcp_prefix_length(const struct dhcp_message *m);
enum dhcp_fault dhcp_read(const uint8_t *p, size_t n, struct dhcp_message *out);
/* Writes a message; its length, DHCP_LEAST at least. */
#define DHCP_WRITE_MAX 400
size_t dhcp_write(uint8_t out[DHCP_WRITE_MAX], const struct dhcp_message *m);

#endif
