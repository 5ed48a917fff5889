/* SPDX-License-Identifier: MIT */
/* order.c - which of several addresses to try first (RFC 6724 section 6). */
#include "estab_udp.h"
#include "names/resolve.h"
#include "packet/address.h"

enum scope { SCOPE_LINK, SCOPE_WIDE };

struct candidate {
    struct estab_addr address;
    bool reachable; /* there is a way, and an address of ours to come from */
    bool apart;     /* that one is of another scope */
    unsigned precedence;
};

/* Section 3.1, 3.2: loopback and 169.254.0.0/16 are of the link, too. */
static enum scope scope_of(const struct estab_addr *a)
{
    bool auto_configured = addr_is_ipv4(a) && a->b[12] == 169 && a->b[13] == 254;

    return addr_is_link_local(a) || addr_is_loopback(a) || auto_configured ? SCOPE_LINK : SCOPE_WIDE;
}

/* Section 2.1: the default policy table. */
static unsigned precedence_of(const struct estab_addr *a)
{
    static const struct {
        struct estab_addr prefix;
        uint8_t length, precedence;
    } rows[] = {
        {{{[15] = 1}}, 128, 50},                       /* ::1 */
        {{{[10] = 0xff, [11] = 0xff}}, 96, 35},        /* IPv4 */
        {{{0x20, 0x02}}, 16, 30},                      /* 6to4 */
        {{{0x20, 0x01}}, 32, 5},                       /* Teredo */
        {{{0xfc}}, 7, 3},                              /* unique local */
        {{{0xfe, 0xc0}}, 10, 1},                       /* site-local */
        {{{0x3f, 0xfe}}, 16, 1},                       /* 6bone */
    };

    if (addr_is_ipv4(a))
        return 35;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (addr_in_prefix(a, &rows[i].prefix, rows[i].length))
            return rows[i].precedence;
    return 40;
}

/* A connected UDP socket sends nothing, and knows from where it would. */
static bool source_to(estab_stack *s, const struct estab_addr *to, struct estab_addr *from)
{
    struct estab_udp_open open = {.size = sizeof open, .remote = {*to, DNS_PORT}};
    struct estab_udp_status status = {.size = sizeof status};
    bool known;
    estab_udp udp;

    if (estab_udp_open(s, &open, &udp) != ESTAB_OK)
        return false;
    known = estab_udp_status(s, udp, &status) == ESTAB_OK;
    (void)estab_udp_close(s, udp);
    *from = status.local.addr;
    return known;
}

static struct candidate candidate_of(estab_stack *s, const struct estab_addr *a)
{
    struct candidate c = {.address = *a, .precedence = precedence_of(a)};
    struct estab_addr from;

    c.reachable = source_to(s, a, &from);
    c.apart = c.reachable && scope_of(&from) != scope_of(a);
    return c;
}

static bool before(const struct candidate *a, const struct candidate *b)
{
    if (a->reachable != b->reachable)
        return a->reachable; /* rule 1 */
    if (a->apart != b->apart)
        return b->apart; /* rule 2 */
    return a->precedence > b->precedence; /* rule 6; else as they came, rule 10 */
}

void resolve_order(estab_stack *s, struct estab_addr *address, unsigned count)
{
    struct candidate sorted[RESOLVE_ADDRESSES_MAX];

    if (count > RESOLVE_ADDRESSES_MAX)
        count = RESOLVE_ADDRESSES_MAX;
    for (unsigned i = 0; i < count; i++) {
        struct candidate c = candidate_of(s, &address[i]);
        unsigned k = i;

        for (; k > 0 && before(&c, &sorted[k - 1]); k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = c;
    }
    for (unsigned i = 0; i < count; i++)
        address[i] = sorted[i].address;
}
