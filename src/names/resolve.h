/* SPDX-License-Identifier: MIT */
/*
 * resolve.h - from a host's name to its addresses: a stub resolver (RFC 1034 section 5.3.1, RFC 1123
 * section 6.1.3) above the UDP and the TCP of a stack.
 *
 *      resolve_start --> resolve_turn, at each resolve_deadline and after each input --> a result
 *                          |  A and AAAA at the same time, each:
 *                          |     ask a server by UDP --- truncated ---> the same one by TCP
 *                          |     silent, or it fails: the next server; all of them three times at most
 *                          |     an alias without an address: its name is asked for
 *                          v
 *                     struct resolve: addresses in the order in which they should be tried
 *
 * Who wants to forge an answer has to guess the identification and our port, which both are drawn anew
 * for each question, and to speak from the server's address and port (RFC 5452); what is not an answer
 * to the question is passed over, and after RESOLVE_IGNORED_MAX of these the port is changed.
 *
 * Not kept: answers, whatever their TTL says, which is told to the user; there is no /etc/hosts, no list of
 * domains to append, no DNSSEC.  A name that reads like an address is refused, never asked for.
 *
 * Limits: RESOLVE_SERVERS_MAX servers, DNS_ALIASES_MAX aliases in all, RESOLVE_ADDRESSES_MAX addresses, and
 * RESOLVE_MESSAGE_MAX octets of an answer by TCP.
 */
#ifndef NAMES_RESOLVE_H
#define NAMES_RESOLVE_H

#include "names/dns_message.h"

#define RESOLVE_SERVERS_MAX   3
#define RESOLVE_ADDRESSES_MAX (2 * DNS_ADDRESSES_MAX)
#define RESOLVE_MESSAGE_MAX   16384
#define RESOLVE_ROUNDS        3
#define RESOLVE_IGNORED_MAX   32

#define RESOLVE_FIRST_WAIT ESTAB_SECOND       /* for an answer; twice as long in each round */
#define RESOLVE_TCP_WAIT   (5 * ESTAB_SECOND) /* from the SYN to the whole answer */
#define RESOLVE_GRACE      (ESTAB_SECOND / 2) /* for the other family, once one has addresses */

enum resolve_result {
    RESOLVE_BUSY,
    RESOLVE_FOUND,
    RESOLVE_NO_NAME,     /* NXDOMAIN */
    RESOLVE_NO_ADDRESS,  /* there is such a name, but neither A nor AAAA */
    RESOLVE_ALIASES,     /* its aliases lead nowhere, or round in a circle */
    RESOLVE_FAILED,      /* no server could say; `rcode` is the last one's */
    RESOLVE_UNREACHABLE, /* no server can be reached, as ICMP or our own routes say */
    RESOLVE_SILENT,      /* no server answered */
};

/* What happens on the way, for a user who wants to see it. */
enum resolve_news_kind {
    RESOLVE_ASKED,     /* question `name`, `type` went to `server`; by TCP, if `tcp` */
    RESOLVE_ANSWERED,  /* with `count` addresses, `aliases`, `rcode`, `ttl` */
    RESOLVE_TRUNCATED, /* it does not fit: TCP follows */
    RESOLVE_IGNORED,   /* something came that is no answer, as `fault` says */
    RESOLVE_NO_ANSWER, /* for `waited` */
    RESOLVE_GONE,      /* the server cannot be reached */
};

struct resolve_news {
    enum resolve_news_kind kind;
    const struct dns_name *name;
    struct estab_endpoint server;
    unsigned type, rcode, count, aliases;
    uint32_t ttl;
    bool tcp;
    enum dns_fault fault;
    estab_time waited;
};

struct resolve_config {
    struct estab_endpoint server[RESOLVE_SERVERS_MAX];
    unsigned servers;
    void (*news)(void *context, const struct resolve_news *); /* or NULL */
    void *context;
};

enum resolve_way { RESOLVE_BY_NOTHING, RESOLVE_BY_UDP, RESOLVE_BY_TCP };

/* One of the two questions. */
struct resolve_question {
    struct dns_question question;
    enum resolve_result result;
    enum resolve_way way;
    estab_udp udp;
    estab_conn conn;
    estab_time asked, deadline;
    unsigned server, round, aliases, ignored, rcode;
    unsigned gone; /* a bit for each server that is of no use */
    bool told;     /* by TCP: the question was sent */
    size_t have;   /* by TCP: octets of the answer, its length in front */
    uint8_t text[2 + RESOLVE_MESSAGE_MAX];
};

struct resolve {
    estab_stack *stack;
    struct resolve_config config;
    struct resolve_question question[2]; /* A, AAAA */
    estab_time grace;
    enum resolve_result result;
    unsigned rcode; /* of FAILED */
    uint32_t ttl;   /* of FOUND, the least */
    unsigned count;
    struct estab_addr address[RESOLVE_ADDRESSES_MAX];
};

/* Begins; the first questions are sent.  NONE, or why that name cannot be asked for.  At least one server,
 * each with a port. */
enum dns_fault resolve_start(struct resolve *, estab_stack *, const struct resolve_config *,
                             const char *name, size_t n, estab_time now);
/* Takes what came, and does what is due.  BUSY, or the end. */
enum resolve_result resolve_turn(struct resolve *, estab_time now);
estab_time resolve_deadline(const struct resolve *);
/* Gives sockets and connections back; also in the middle. */
void resolve_end(struct resolve *, estab_time now);

/* order.c: puts addresses into the order in which they should be tried (RFC 6724 section 6, those rules
 * that can decide here: 1 what can be reached first, 2 equal scopes, 6 the policy table, 10 as they came). */
void resolve_order(estab_stack *, struct estab_addr *address, unsigned count);

#endif
