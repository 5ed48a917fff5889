/* SPDX-License-Identifier: MIT */
/*
 * slaac.c - addresses of our own that are formed of routers' prefixes (RFC 4862 section 5.5), and how long
 * they last.
 *
 *      TENTATIVE -- dad.c --> PREFERRED -- preferred lifetime --> DEPRECATED -- valid lifetime --> EXPIRED
 *                                  ^------- a router says more ------/ \---- and so it can come back ---/
 *
 * The interface identifier (RFC 7217) is a keyed hash of prefix, station and interface: always the same in
 * one network, another in each, and nobody can tell the station from it.  Where another station has the
 * address, the next one is tried, three times.
 *
 * A place in the table of addresses is never given away, for connections name it; so no more than 8
 * addresses are formed in the life of a stack, whatever routers say.
 */
#include "base/siphash.h"
#include "base/writer.h"
#include "ip/ip.h"

#define ANYCAST UINT64_C(0xfdffffffffffff80)

enum { IDENTIFIER_BITS = 64, TWO_HOURS_S = 7200 };

static estab_time until(estab_time now, uint32_t seconds)
{
    return seconds == NDP_FOR_EVER ? ESTAB_NEVER : now + seconds * ESTAB_SECOND;
}

/* Section 5.5.3 (e): who forges an advertisement can shorten what is left to two hours, and no more. */
static void prolong(struct ip_address *a, const struct ndp_prefix *x, estab_time now)
{
    estab_time two_hours = now + TWO_HOURS_S * ESTAB_SECOND, told = until(now, x->valid_s);

    if (x->valid_s > TWO_HOURS_S || told > a->valid_until)
        a->valid_until = told;
    else if (a->valid_until > two_hours)
        a->valid_until = two_hours;
    a->preferred_until = until(now, x->preferred_s);
    if (a->state == ESTAB_ADDRESS_DEPRECATED && a->preferred_until > now)
        a->state = ESTAB_ADDRESS_PREFERRED;
}

/* Section 5.5.3 (c) and (d): an address can be formed of it. */
static bool can_be_formed(const struct ndp_prefix *x)
{
    return x->valid_s > 0 && x->preferred_s <= x->valid_s && x->length == 128 - IDENTIFIER_BITS;
}

int slaac_heard(struct ip *ip, unsigned interface, const struct ndp_prefix *x, bool *unwanted,
                estab_time now)
{
    *unwanted = x->preferred_s > x->valid_s;
    for (uint32_t i = 0; i < ip->address_count && !*unwanted; i++) {
        struct ip_address *a = &ip->addresses[i];

        if (!a->by_router || a->interface != interface || a->state == ESTAB_ADDRESS_DUPLICATE ||
            !addr_in_prefix(&a->address, &x->prefix, x->length))
            continue;
        if (a->state != ESTAB_ADDRESS_EXPIRED) {
            prolong(a, x, now);
        } else if (can_be_formed(x)) {
            a->valid_until = until(now, x->valid_s);
            a->preferred_until = until(now, x->preferred_s);
            a->state = ESTAB_ADDRESS_PREFERRED;
            dad_begin(ip, i, 0, now); /* somebody may have taken it meanwhile */
        }
        return (int)i;
    }
    *unwanted |= !can_be_formed(x);
    return -1;
}

struct estab_addr slaac_form(const struct ip *ip, unsigned interface, const struct estab_addr *prefix,
                             unsigned collisions, const uint8_t key[16])
{
    struct estab_addr a = *prefix;
    uint8_t text[22] = {'7', '2', '1', '7'};
    uint64_t identifier;

    memcpy(text + 4, prefix->b, 8);
    memcpy(text + 12, ip->interfaces[interface].mac, 6);
    text[18] = (uint8_t)interface;
    text[19] = (uint8_t)collisions;
    do { /* none that RFC 5453 reserves for anycast */
        identifier = siphash24(key, text, sizeof text);
        text[20]++;
    } while (identifier >> 7 == ANYCAST >> 7 || identifier == 0);
    writer_store32(a.b + 8, (uint32_t)(identifier >> 32));
    writer_store32(a.b + 12, (uint32_t)identifier);
    return a;
}

/* ---- time ------------------------------------------------------------------------------------------ */

/* When the state of an address changes next. */
static estab_time changes(const struct ip_address *a)
{
    if (!a->by_router || ip_silent(a))
        return ESTAB_NEVER;
    return a->state == ESTAB_ADDRESS_PREFERRED && a->preferred_until < a->valid_until ? a->preferred_until
                                                                                      : a->valid_until;
}

estab_time slaac_deadline(const struct ip *ip)
{
    estab_time least = ESTAB_NEVER;

    for (uint32_t i = 0; ip->any_autoconfigures && i < ip->address_count; i++) {
        estab_time next = changes(&ip->addresses[i]);

        least = next < least ? next : least;
    }
    return least;
}

bool slaac_expire(struct ip *ip, estab_time now)
{
    bool changed = false;

    for (uint32_t i = 0; ip->any_autoconfigures && i < ip->address_count; i++) {
        struct ip_address *a = &ip->addresses[i];

        if (changes(a) > now)
            continue;
        a->state = a->valid_until <= now ? ESTAB_ADDRESS_EXPIRED : ESTAB_ADDRESS_DEPRECATED;
        changed = true;
    }
    return changed;
}
