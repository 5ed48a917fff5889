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
    bool by_router;      /* slaac.c: formed of a router's prefix */
    uint8_t collisions;  /* addresses that were tried before this one */
    bool replaced;       /* DUPLICATE, and another one was formed instead */
    uint8_t reports, report_kind; /* mld.c: how many are to be sent, from report_at on */
    uint8_t spare[7];
    estab_time report_at;
    estab_time preferred_until, valid_until; /* by_router */
};

/* Whom an answer goes to: the sender of a packet, and the address of ours that it was for. */
struct ip_whence {
    struct estab_addr us, them;
    uint8_t interface;
    uint8_t mac[6];
};

/* router.c: what routers said.  A free place has until 0. */
struct ip_router {
    struct estab_addr address;
    estab_time until;
    uint8_t interface, spare[7];
};

struct ip_prefix {
    struct estab_addr prefix;
    estab_time until;
    uint8_t length, interface, spare[6];
};

enum { IP_ROUTERS_MAX = 8, IP_PREFIXES_MAX = 16, IP_ROUTER_ADDRESSES_MAX = 8 };

/* What is not the interface's own but its link's (RFC 4861 section 6.3.2); 0: nobody has said. */
struct ip_link {
    estab_time solicit_at;
    estab_time old_querier_until; /* mld.c: it speaks MLDv1 */
    uint32_t reachable_ms, retrans_ms;
    uint16_t mtu;
    uint8_t hop_limit, solicited; /* times */
    bool autoconfigures;          /* routers are heard */
    uint8_t spare[3];
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
    struct ip_link links[ESTAB_INTERFACES_MAX];
    struct ip_router routers[IP_ROUTERS_MAX];
    struct ip_prefix prefixes[IP_PREFIXES_MAX];
    bool any_autoconfigures;
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
/* The place of an address that was taken from the interface, ours again; -1: it has none. */
int ip_address_again(struct ip *ip, unsigned interface, const struct estab_addr *address,
                     unsigned prefix_length);
/* The number of an address of ours; -1: it is none.  A link-local one has to be this interface's. */
int ip_local(const struct ip *ip, const struct estab_addr *address);
int ip_local_on(const struct ip *ip, const struct estab_addr *address, unsigned interface);
/* Whether an address may be spoken from. */
static inline bool ip_speaks(const struct ip_address *a)
{
    return a->state == ESTAB_ADDRESS_PREFERRED || a->state == ESTAB_ADDRESS_DEPRECATED;
}
/* Whether it never will be again. */
static inline bool ip_silent(const struct ip_address *a)
{
    return a->state == ESTAB_ADDRESS_DUPLICATE || a->state == ESTAB_ADDRESS_EXPIRED ||
           a->state == ESTAB_ADDRESS_REMOVED;
}
/* How long a packet may be there. */
static inline uint32_t ip_mtu(const struct ip *ip, unsigned interface, bool six)
{
    return six && ip->links[interface].mtu ? ip->links[interface].mtu : ip->interfaces[interface].mtu;
}
/* Which of our addresses to use towards `dst` on the way there (RFC 6724 section 5); -1: none. */
int ip_source(const struct ip *ip, const struct ip_path *path, const struct estab_addr *dst);
/* Whether a group of RFC 4291 section 2.8 that an interface listens to. */
bool ip_in_group(const struct ip *ip, const struct estab_addr *group, unsigned interface);

/* ---- dad.c ------------------------------------------------------------------------------------ */

/* Begins to look whether others have an address; the first question goes after `wait`. */
void dad_begin(struct ip *ip, unsigned local, estab_time wait, estab_time now);
/* An IPv4 address is ours: it is the interface's, and told to its stations. */
void dad_take(struct ip *ip, const struct ip_address *a);
/* Somebody has it. */
void dad_conflict(struct ip *ip, unsigned local);
estab_time dad_deadline(const struct ip *ip);
/* Whether an address has become ours, for which somebody may wait. */
bool dad_expire(struct ip *ip, estab_time now);

/* ---- router.c: RFC 4861 section 6.3 ------------------------------------------------------------- */

/* Routers of this link are asked for, the first time after `wait`, and heard from now on. */
void router_begin(struct ip *ip, unsigned interface, estab_time wait, estab_time now);
/* What an advertisement says of its sender and of the link, but for its prefixes.  *news: somebody may have
 * waited for it.  NONE, or NDP_FULL: all else was taken. */
enum reason router_heard(struct ip *ip, const struct ip_whence *w, const struct ndp_router *m, bool *news,
                         estab_time now);
/* An on-link prefix.  False: there is no place for it. */
bool router_prefix(struct ip *ip, unsigned interface, const struct ndp_prefix *x, estab_time now);
/* A neighbour says that it is no router. */
void router_gone(struct ip *ip, const struct estab_addr *address, unsigned interface);
/* The on-link prefix of an address, and the router for it (NULL: none); the most reachable one. */
const struct ip_prefix *router_on_link(const struct ip *ip, const struct estab_addr *dst);
const struct ip_router *router_choose(const struct ip *ip);
estab_time router_deadline(const struct ip *ip);
/* Whether something changed for which somebody may wait. */
bool router_expire(struct ip *ip, estab_time now);

/* ---- mld.c: RFC 3810 -------------------------------------------------------------------------------- */

/* Tells of the group of a new address, after `wait`. */
void mld_begin(struct ip *ip, unsigned local, estab_time wait, estab_time now);
/* Somebody asks who listens. */
void mld_query(struct ip *ip, unsigned interface, const struct mld_query *m, estab_time now);
estab_time mld_deadline(const struct ip *ip);
void mld_expire(struct ip *ip, estab_time now);

/* ---- slaac.c: RFC 4862 section 5.5, RFC 7217 -------------------------------------------------------- */

/* Our address of a prefix; -1: there is none yet, and one is wanted, or *unwanted. */
int slaac_heard(struct ip *ip, unsigned interface, const struct ndp_prefix *x, bool *unwanted,
                estab_time now);
struct estab_addr slaac_form(const struct ip *ip, unsigned interface, const struct estab_addr *prefix,
                             unsigned collisions, const uint8_t key[16]);
estab_time slaac_deadline(const struct ip *ip);
bool slaac_expire(struct ip *ip, estab_time now);

/* ---- route.c --------------------------------------------------------------------------------- */

/* `from`: the number of our address, which names the link of a link-local destination; -1: any. */
struct ip_path ip_path_to(const struct ip *ip, const struct estab_addr *dst, int from);
/* Whether this is a broadcast address of IPv4 that packets of an interface may have. */
bool ip_is_broadcast(const struct ip *ip, const struct estab_addr *a, unsigned interface);
/* The interface by which a packet to a broadcast address goes: the one wanted (1 + its number; 0: any) or the
 * first, if it is one of its addresses; -1: none. */
int ip_broadcast_by(const struct ip *ip, const struct estab_addr *a, unsigned wanted);
bool ip_route_add(struct ip *ip, const struct ip_route *route);
/* Forgets the route to a prefix of an interface, and all whose next hop is in it. */
void ip_route_forget(struct ip *ip, const struct estab_addr *address, unsigned prefix_length,
                     unsigned interface);
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
/* A station tells of itself without being asked; whether somebody may have waited for it. */
bool ndp_learn(const struct ip *ip, const struct ip_whence *w, const uint8_t mac[6], estab_time now);
/* RetransTimer. */
static inline estab_time ndp_ask_every(const struct ip *ip, unsigned interface)
{
    uint32_t ms = ip->links[interface].retrans_ms;

    return ms ? ms * ESTAB_MS : ESTAB_SECOND;
}
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
