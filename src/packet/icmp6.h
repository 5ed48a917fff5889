/* SPDX-License-Identifier: MIT */
/*
 * icmp6.h - ICMPv6 (RFC 4443 section 2.1), and the messages of neighbour discovery (RFC 4861 section 4)
 * as values.
 */
#ifndef PACKET_ICMP6_H
#define PACKET_ICMP6_H

#include <stddef.h>

#include "packet/address.h"

enum icmp6_type {
    ICMP6_UNREACHABLE = 1,
    ICMP6_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAMETER = 4,
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_MLD_QUERY = 130,
    ICMP6_MLD_REPORT = 131, /* version 1 */
    ICMP6_ROUTER_SOLICITATION = 133,
    ICMP6_ROUTER_ADVERTISEMENT = 134,
    ICMP6_NEIGHBOUR_SOLICITATION = 135,
    ICMP6_NEIGHBOUR_ADVERTISEMENT = 136,
    ICMP6_REDIRECT = 137,
    ICMP6_MLD2_REPORT = 143,
};

enum { ICMP6_CODE_ADMIN = 1, ICMP6_CODE_PORT = 4 }; /* of ICMP6_UNREACHABLE */

enum { ICMP6_CODE_REASSEMBLY = 1 };                /* of ICMP6_TIME_EXCEEDED */

/* Codes of ICMP6_PARAMETER; the last is RFC 7112's. */
enum icmp6_parameter {
    ICMP6_PARAMETER_FIELD,
    ICMP6_PARAMETER_NEXT,
    ICMP6_PARAMETER_OPTION,
    ICMP6_PARAMETER_CHAIN,
};

#define ICMP6_HEADER  8
#define ICMP6_ERRORS  128 /* what is less is an error, and is never answered with one */
#define NDP_HOP_LIMIT 255 /* what came over a router has less (RFC 4861 section 7.1) */
#define NDP_OPTIONS_MAX 16 /* that are looked at in one message */

/* A neighbour solicitation or advertisement. */
struct ndp_neighbour {
    struct estab_addr target;
    bool advertisement;
    bool router, solicited, override; /* of an advertisement */
    bool has_mac;                     /* the option that tells the sender's, or the target's, station */
    uint8_t mac[6];
};

#define NDP_NEIGHBOUR_LENGTH     24
#define NDP_NEIGHBOUR_LENGTH_MAX 32 /* with the option */

/* Reads the ICMPv6 message of `n` bytes at `p`, its type included: false if it is neither, or does not
 * hold what RFC 4861 sections 7.1.1 and 7.1.2 ask of the message itself. */
bool ndp_neighbour_parse(const uint8_t *p, size_t n, struct ndp_neighbour *m);
/* Writes one, checksum 0; its length. */
size_t ndp_neighbour_write(uint8_t p[NDP_NEIGHBOUR_LENGTH_MAX], const struct ndp_neighbour *m);

/* ---- routers: sections 4.1 and 4.2 ------------------------------------------------------------------- */

enum { NDP_PREFIXES_MAX = 8 }; /* that are looked at in one message */

#define NDP_FOR_EVER UINT32_MAX /* of a lifetime */

struct ndp_prefix {
    struct estab_addr prefix;
    uint32_t valid_s, preferred_s;
    uint8_t length;
    bool on_link, autonomous;
};

/* What a router says of itself and of its link; 0: nothing of that. */
struct ndp_router {
    uint32_t reachable_ms, retrans_ms, mtu;
    uint16_t lifetime_s;
    uint8_t hop_limit;
    bool has_mac;
    uint8_t mac[6];
    unsigned prefixes;
    struct ndp_prefix prefix[NDP_PREFIXES_MAX];
};

/* Reads the advertisement of `n` bytes at `p`, its type included; false if it does not hold what section
 * 6.1.2 asks of the message itself. */
bool ndp_router_parse(const uint8_t *p, size_t n, struct ndp_router *m);

#define NDP_SOLICIT_LENGTH 16

/* Writes a question for routers, checksum 0, with the option that names our station. */
void ndp_solicit_write(uint8_t p[NDP_SOLICIT_LENGTH], const uint8_t mac[6]);

/* ---- who listens to which group: RFC 3810 section 5, RFC 2710 section 3 ---------------------------- */

struct mld_query {
    struct estab_addr group; /* unspecified: all of them */
    uint32_t response_ms;    /* the most that an answer may take */
    bool old;                /* of version 1 */
};

bool mld_query_parse(const uint8_t *p, size_t n, struct mld_query *m);

#define MLD_REPORT_MAX 28

/* Writes a report of one group, checksum 0; its length.  `kind`: RFC 3810 section 5.2.12. */
size_t mld_report_write(uint8_t p[MLD_REPORT_MAX], unsigned type, unsigned kind,
                        const struct estab_addr *group);

#endif
