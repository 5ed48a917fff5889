/* SPDX-License-Identifier: MIT */
/*
 * ip.h - the Internet layer: our addresses, routes, neighbours, and ICMP.
 *
 * TCP below emits segments and knows nothing of links.  This layer says by which interface and to
 * which station a packet goes (route.c), learns stations' addresses (neighbour.c, RFC 826), and
 * answers what the layer itself must answer (icmp.c, RFC 792 and RFC 1122 section 3.2.2).  Our own
 * addresses are in one table (address.c); what TCP calls `local` is a place in it.
 */
#ifndef IP_IP_H
#define IP_IP_H

#include "base/queue.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"

/* The way of a packet to one of our own addresses. */
#define IP_LOOPBACK UINT8_MAX

struct ip_path {
    struct estab_addr next_hop;
    uint8_t interface; /* IP_LOOPBACK */
    bool found;
};

/* An address of ours, and how far duplicate address detection is with it (dad.c). */
struct ip_address {
    struct estab_addr address;
    uint64_t deadline; /* TENTATIVE: the next question, or the end */
    uint8_t prefix_length, interface;
    uint8_t state; /* enum estab_address_state */
    uint8_t asked; /* times */
    uint8_t spare[4];
};

/* Whom an answer goes to: the sender of a packet, and the address of ours that it was for. */
struct ip_whence {
    struct estab_addr us, them;
    uint8_t interface;
    uint8_t mac[6];
};

struct ip_route {
    struct estab_addr prefix, gateway;
    uint8_t prefix_length, interface, used, spare;
};

/* RFC 4861 section 7.3.2 calls ASKED "incomplete" and KNOWN "reachable"; the last three are IPv6's. */
enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_ASKED,
    NEIGHBOUR_KNOWN,
    NEIGHBOUR_SILENT,
    NEIGHBOUR_STALE, /* known, but not whether it still is there */
    NEIGHBOUR_DELAY, /* it was sent something since */
    NEIGHBOUR_PROBE, /* it is being asked whether it is */
};

struct neighbour {
    struct estab_addr address;
    uint64_t deadline; /* ASKED, PROBE: ask again; KNOWN, STALE: it lasts so long; SILENT: may be asked
                        * again; DELAY: ask */
    uint8_t mac[6];
    uint8_t interface, state, tries;
    uint8_t spare[7];
};

/* An ARP or ICMP packet to be sent. */
struct ip_reply {
    struct estab_addr src, dst;
    struct estab_addr target; /* of neighbour discovery */
    struct text_queue text; /* ICMP: behind its header */
    uint8_t protocol;       /* PROTO_ICMP, PROTO_ICMP6, or 0 for ARP */
    uint8_t interface;
    uint8_t type, code;     /* ICMP */
    uint16_t operation;     /* ARP */
    uint8_t mac[6];         /* of the station */
    uint32_t rest;          /* ICMP: its second word */
    bool solicited;         /* of an advertisement */
};

enum { IP_REPLIES = 64, NEIGHBOUR_TRIES = 3 };

struct ip {
    struct estab_interface interfaces[ESTAB_INTERFACES_MAX];
    uint32_t interface_count;
    struct ip_address addresses[ESTAB_ADDRESSES_MAX];
    uint32_t address_count;
    struct ip_route routes[ESTAB_ROUTES_MAX];
    uint32_t route_count;
    uint64_t neighbours_at; /* from struct ip */
    uint32_t neighbour_count;
    uint32_t reply_head, reply_count;
    uint32_t id; /* of the next datagram, before it is hidden */
    uint32_t fragment_id; /* of the next one that goes in parts, before it is hidden */
    uint32_t icmp_second, icmp_sent;
    uint32_t reachable_ms;  /* how long an IPv6 neighbour stays KNOWN */
    uint32_t dad_transmits; /* questions before an IPv6 address is ours; 0: it is at once */
    struct ip_reply replies[IP_REPLIES];
};

static inline struct neighbour *ip_neighbour(const struct ip *ip, uint32_t i)
{
    return (struct neighbour *)((uintptr_t)ip + (uintptr_t)ip->neighbours_at) + i;
}

/* ---- address.c ------------------------------------------------------------------------------- */

/* A new address of an interface; its number, or -1: the table is full. */
int ip_address_new(struct ip *ip, unsigned interface, const struct estab_addr *address,
                   unsigned prefix_length);
/* The number of an address of ours; -1: it is none.  A link-local one has to be this interface's. */
int ip_local(const struct ip *ip, const struct estab_addr *address);
int ip_local_on(const struct ip *ip, const struct estab_addr *address, unsigned interface);
/* Which of our addresses to use towards `dst` on the way there (RFC 6724 section 5); -1: none. */
int ip_source(const struct ip *ip, const struct ip_path *path, const struct estab_addr *dst);
/* Whether a group of RFC 4291 section 2.8 that an interface listens to. */
bool ip_in_group(const struct ip *ip, const struct estab_addr *group, unsigned interface);

/* ---- dad.c ------------------------------------------------------------------------------------ */

/* Begins to look whether others have an address; the first question goes after `wait`. */
void dad_begin(struct ip *ip, unsigned local, estab_time wait, estab_time now);
/* Somebody has it. */
void dad_conflict(struct ip *ip, unsigned local);
estab_time dad_deadline(const struct ip *ip);
/* Whether an address has become ours, for which somebody may wait. */
bool dad_expire(struct ip *ip, estab_time now);

/* ---- route.c --------------------------------------------------------------------------------- */

/* `from`: the number of our address, which names the link of a link-local destination; -1: any. */
struct ip_path ip_path_to(const struct ip *ip, const struct estab_addr *dst, int from);
bool ip_route_add(struct ip *ip, const struct ip_route *route);
/* Why a packet between these may not be taken; REASON_NONE if it may. */
enum reason ip_accepts(const struct ip *ip, const struct ipv4_header *h, unsigned interface);
/* The same of IPv6, by `protocol` at the end of the chain of headers. */
enum reason ip6_accepts(const struct ip *ip, const struct ipv6_header *h, unsigned protocol,
                        unsigned interface);

/* ---- number.c --------------------------------------------------------------------------------- */

/* Of `bits` (16 or 32): what the parts of a datagram have in common. */
uint32_t ip_fragment_id(struct ip *ip, const uint8_t key[16], unsigned bits);

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

/* A place for a new entry, which is free or may be forgotten; NULL: every one is an open question. */
struct neighbour *neighbour_vacate(const struct ip *ip);
struct neighbour *neighbour_lookup(const struct ip *ip, const struct estab_addr *address,
                                   unsigned interface);

/* ---- ndp.c: RFC 4861 --------------------------------------------------------------------------- */

/* Asks for the station of an entry, all of its group or, if it is known, itself. */
void ndp_ask(struct ip *ip, const struct neighbour *n);
/* Tells the link, unasked, that an address of ours is here now. */
void ndp_announce(struct ip *ip, unsigned local);
/* Something goes to a known neighbour: if it is stale, it will be asked whether it is there. */
void ndp_used(struct neighbour *n, estab_time now);
/* The deadline of an entry has come.  Whether it changed, and somebody may wait for that. */
bool ndp_due(struct ip *ip, struct neighbour *n, estab_time now);
/* A solicitation or advertisement that its own rules allow.  NONE, or why it was dropped; *learned:
 * somebody may have waited for it. */
enum reason ndp_arrives(struct ip *ip, const struct ip_whence *w, const struct ndp_neighbour *m,
                        bool *learned, estab_time now);

/* ---- icmp.c -------------------------------------------------------------------------------------- */

struct ip_reply *ip_reply_new(struct ip *ip); /* NULL: full */
/* The answer to an ICMP echo request of either family, whose data the caller appends. */
struct ip_reply *icmp_echo_reply(struct ip *ip, const struct ip_whence *w, uint32_t rest);
/* An error, to the sender of a packet, of which the caller appends the beginning.  NULL: enough of them
 * in this second, or the queue is full. */
struct ip_reply *icmp_error(struct ip *ip, const struct ip_whence *w, unsigned type, unsigned code,
                            uint32_t rest, estab_time now);

#endif
