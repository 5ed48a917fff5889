/* SPDX-License-Identifier: MIT */
/*
 * ip.h - the Internet layer: our addresses, routes, neighbours, and ICMP.
 *
 * TCP below emits segments and knows nothing of links.  This layer says by which interface and to
 * which station a packet goes (route.c), learns stations' addresses (neighbour.c, RFC 826), and
 * answers what the layer itself must answer (icmp.c, RFC 792 and RFC 1122 section 3.2.2).
 */
#ifndef IP_IP_H
#define IP_IP_H

#include "base/queue.h"
#include "packet/ipv4.h"

/* The way of a packet to one of our own addresses. */
#define IP_LOOPBACK UINT8_MAX

struct ip_route {
    struct estab_addr prefix, gateway;
    uint8_t prefix_length, interface, used, spare;
};

enum neighbour_state { NEIGHBOUR_FREE, NEIGHBOUR_ASKED, NEIGHBOUR_KNOWN, NEIGHBOUR_SILENT };

struct neighbour {
    struct estab_addr address;
    uint64_t deadline; /* ASKED: ask again; KNOWN: forget; SILENT: may be asked again */
    uint8_t mac[6];
    uint8_t interface, state, tries;
    uint8_t spare[7];
};

/* An ARP or ICMP packet to be sent. */
struct ip_reply {
    struct estab_addr src, dst;
    struct text_queue text; /* ICMP: behind its header */
    uint8_t protocol;       /* PROTO_ICMP, or 0 for ARP */
    uint8_t interface;
    uint8_t type, code;     /* ICMP */
    uint16_t operation;     /* ARP */
    uint8_t mac[6];         /* of the station */
    uint32_t rest;          /* ICMP: its second word */
};

enum { IP_REPLIES = 64, NEIGHBOUR_TRIES = 3 };

struct ip {
    struct estab_interface interfaces[ESTAB_INTERFACES_MAX];
    uint32_t interface_count;
    struct ip_route routes[ESTAB_ROUTES_MAX];
    uint32_t route_count;
    uint64_t neighbours_at; /* from struct ip */
    uint32_t neighbour_count;
    uint32_t reply_head, reply_count;
    uint32_t id; /* of the next datagram, before it is hidden */
    uint32_t icmp_second, icmp_sent;
    struct ip_reply replies[IP_REPLIES];
};

static inline struct neighbour *ip_neighbour(const struct ip *ip, uint32_t i)
{
    return (struct neighbour *)((uintptr_t)ip + (uintptr_t)ip->neighbours_at) + i;
}

/* ---- route.c --------------------------------------------------------------------------------- */

struct ip_path {
    struct estab_addr next_hop;
    uint8_t interface; /* IP_LOOPBACK */
    bool found;
};

/* The interface that has this address; -1: none of ours. */
int ip_local(const struct ip *ip, const struct estab_addr *address);
struct ip_path ip_path_to(const struct ip *ip, const struct estab_addr *dst);
bool ip_route_add(struct ip *ip, const struct ip_route *route);
/* Why a packet between these may not be taken; REASON_NONE if it may. */
enum reason ip_accepts(const struct ip *ip, const struct ipv4_header *h, unsigned interface);

/* ---- neighbour.c ------------------------------------------------------------------------------ */

/* FULL: every entry is an open question. */
enum neighbour_answer { ANSWER_KNOWN, ANSWER_WAIT, ANSWER_NOBODY, ANSWER_FULL };

/* The station for a next hop, asked for if need be. */
enum neighbour_answer neighbour_find(struct ip *ip, const struct ip_path *path, uint8_t mac[6],
                                     estab_time now);
/* Tells the link that our address is here now. */
void neighbour_announce(struct ip *ip, unsigned interface);
/* Negative advice (RFC 9293 section 3.8.3, MUST-20): a known next hop is asked for anew. */
void neighbour_doubt(struct ip *ip, const struct ip_path *path, estab_time now);
/* The station for a next hop, if it is known; nobody is asked. */
bool neighbour_known(const struct ip *ip, const struct ip_path *path, uint8_t mac[6]);
/* An ARP packet.  NONE, or why it was dropped; *learned: somebody may have waited for it. */
enum reason neighbour_arp(struct ip *ip, unsigned interface, const uint8_t *p, size_t n,
                          bool *learned, estab_time now);
estab_time neighbour_deadline(const struct ip *ip);
/* Whether an entry changed for which somebody may wait. */
bool neighbour_expire(struct ip *ip, estab_time now);

/* ---- icmp.c -------------------------------------------------------------------------------------- */

struct ip_reply *ip_reply_new(struct ip *ip); /* NULL: full */
/* Room for the answer to an ICMP echo request of `n` bytes of data; the caller appends them. */
struct ip_reply *icmp_echo_reply(struct ip *ip, const struct ipv4_header *h, unsigned interface,
                                 const uint8_t mac[6], uint32_t rest);
/* Unreachable, to the sender of a packet whose first bytes (IP header, 8 more) are at p. */
struct ip_reply *icmp_unreachable(struct ip *ip, const struct ipv4_header *h, unsigned interface,
                                  const uint8_t mac[6], unsigned code, estab_time now);

#endif
