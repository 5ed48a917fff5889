/* SPDX-License-Identifier: MIT */
/*
 * dhcp.h - a client of DHCP (RFC 2131 section 4.4) above the UDP of a stack: an address for an interface that
 * was added without one, its mask, a router and servers of DNS, and all of it anew before it expires.
 *
 *      SELECTING --OFFER--> REQUESTING --ACK--> CHECKING --nobody has it--> BOUND
 *        ^  ^ \silent: 4, 8, 16, 32 s, ENDED      | somebody has it:          | T1
 *        |  '--10 s--- DECLINE <-----------------'                           v
 *        '------- NAK, or the lease has ended <---- REBINDING <--T2--- RENEWING
 *
 * The first offer is taken.  Messages are sent again after 4 s, twice as long each time, give or take a
 * second; identifications are drawn.  Not RFC 2131 4.4.1: the first message does not wait for one to ten
 * seconds, since a user does; 4.4.2: no address is asked for that was ours in an earlier life.
 *
 * What is not a reply to us (another identification, another station, a state that waits for nothing) is
 * passed over and told.  Who is on the link can forge answers: nothing in DHCP is there against that.
 */
#ifndef NAMES_DHCP_H
#define NAMES_DHCP_H

#include "names/dhcp_message.h"

#define DHCP_TRIES        4 /* of a message; then from the beginning, or the end */
#define DHCP_RESTARTS     4 /* after a NAK, a DECLINE or silence, before there was an address */
#define DHCP_FIRST_WAIT   (4 * ESTAB_SECOND)
#define DHCP_DECLINE_WAIT (10 * ESTAB_SECOND) /* RFC 2131 section 3.1, step 5 */
#define DHCP_RENEW_LEAST  (60 * ESTAB_SECOND) /* between two messages of a renewal (section 4.4.5) */

enum dhcp_state {
    DHCP_DECLINED, /* waits, then begins anew */
    DHCP_SELECTING,
    DHCP_REQUESTING,
    DHCP_CHECKING,
    DHCP_BOUND,
    DHCP_RENEWING,
    DHCP_REBINDING,
    DHCP_ENDED, /* there was no answer, or no address that could be had */
};

enum dhcp_news_kind {
    DHCP_SENT,    /* `type`, to `server` if it is not for all */
    DHCP_GOT,     /* `type` from `server`, about `address` */
    DHCP_IGNORED, /* something else came; `fault`, or NONE: it was not for us, or not now */
    DHCP_TAKEN,   /* another station has `address` */
    DHCP_HAS,     /* `address` is ours, for `lease` seconds */
    DHCP_LOST,    /* the lease of `address` has ended, or was taken back */
};

struct dhcp_news {
    enum dhcp_news_kind kind;
    unsigned type;
    enum dhcp_fault fault;
    struct estab_addr address, server;
    uint32_t lease;
};

struct dhcp_config {
    int interface; /* of Ethernet, added without an address */
    uint8_t mac[6]; /* its station's */
    void (*news)(void *context, const struct dhcp_news *); /* or NULL */
    void *context;
};

struct dhcp {
    estab_stack *stack;
    struct dhcp_config config;
    enum dhcp_state state;
    estab_udp udp;
    uint32_t xid;
    unsigned tries, restarts;
    estab_time begun, deadline;         /* deadline: of the next thing to do */
    estab_time renew_at, rebind_at, end_at;
    struct dhcp_message lease; /* the offer, then what was acknowledged */
    bool has; /* its address is the interface's */
};

/* Begins: the first message is sent.  NO_RESOURCES, EXISTS (the port is taken), INVALID (the interface). */
ESTAB_MUST_CHECK enum estab_error dhcp_start(struct dhcp *, estab_stack *, const struct dhcp_config *,
                                             estab_time now);
/* Takes what came, and does what is due. */
enum dhcp_state dhcp_turn(struct dhcp *, estab_time now);
estab_time dhcp_deadline(const struct dhcp *);
/* Tells the server that the address is free again; it goes out with the next output (section 4.4.6). */
void dhcp_release(struct dhcp *, estab_time now);
/* Gives the socket back; the address stays as it is. */
void dhcp_end(struct dhcp *);

static inline bool dhcp_has_address(const struct dhcp *d)
{
    return d->state == DHCP_BOUND || d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;
}

#endif
