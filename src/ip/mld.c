/* SPDX-License-Identifier: MIT */
/*
 * mld.c - which groups of a link we listen to, told to its routers and switches (RFC 3810; in RFC 2710's
 * words where a querier speaks these).  Each IPv6 address has the group to which questions about it go; who
 * snoops passes such questions on only to where that group was told of (RFC 4861 section 7.2.1).
 *
 *      an address is new   --> a report at once, and another a second later
 *      a query             --> a report, within the time that the query allows
 *
 * Each report is of one group, as an interface has few of them.  The group of all nodes is never told.
 */
#include "ip/ip.h"

enum { REPORTS = 2 };                           /* Robustness Variable */
#define REPORT_EVERY  ESTAB_SECOND              /* Unsolicited Report Interval */
#define OLD_QUERIER   (260 * ESTAB_SECOND)      /* Older Version Querier Present Timeout */
#define RESPONSE_MOST_MS 30000

enum { MODE_IS_EXCLUDE = 2, CHANGE_TO_EXCLUDE = 4 };

void mld_begin(struct ip *ip, unsigned local, estab_time wait, estab_time now)
{
    struct ip_address *a = &ip->addresses[local];

    if (ip->interfaces[a->interface].link != ESTAB_LINK_ETHERNET)
        return;
    a->reports = REPORTS;
    a->report_kind = CHANGE_TO_EXCLUDE;
    a->report_at = now + wait;
}

/* From the link-local address, or, while it is tentative, from nobody: RFC 3590. */
static struct estab_addr source(const struct ip *ip, unsigned interface)
{
    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (a->interface == interface && addr_is_link_local(&a->address) && ip_speaks(a))
            return a->address;
    }
    return (struct estab_addr){{0}};
}

static void report(struct ip *ip, struct ip_address *a, estab_time now)
{
    static const struct estab_addr routers = {{0xff, 0x02, [15] = 0x16}};
    bool old = ip->links[a->interface].old_querier_until > now;
    struct ip_reply *r;

    a->report_at = now + REPORT_EVERY;
    if (ip_silent(a))
        a->reports = 0;
    r = a->reports > 0 ? ip_reply_new(ip) : NULL;
    if (!r)
        return; /* again in a second */
    a->reports--;
    r->protocol = PROTO_ICMP6;
    r->type = old ? ICMP6_MLD_REPORT : ICMP6_MLD2_REPORT;
    r->code = a->report_kind;
    r->interface = a->interface;
    r->src = source(ip, a->interface);
    r->target = addr_solicited_node(&a->address);
    r->dst = old ? r->target : routers;
    addr_group_mac(&r->dst, r->mac);
}

void mld_query(struct ip *ip, unsigned interface, const struct mld_query *m, estab_time now)
{
    uint32_t most = m->response_ms < RESPONSE_MOST_MS ? m->response_ms : RESPONSE_MOST_MS;

    if (m->old)
        ip->links[interface].old_querier_until = now + OLD_QUERIER;
    for (uint32_t i = 0; i < ip->address_count; i++) {
        struct ip_address *a = &ip->addresses[i];
        struct estab_addr group = addr_solicited_node(&a->address);
        estab_time at = now + (ip->reachable_ms + i * 977u) % (most + 1) * ESTAB_MS; /* not all at once */

        if (a->interface != interface || addr_is_ipv4(&a->address) || ip_silent(a) ||
            (!addr_is_unspecified(&m->group) && !addr_equal(&m->group, &group)))
            continue;
        if (a->reports > 0 && a->report_at <= at)
            continue; /* one is on its way */
        a->report_at = at;
        a->reports = a->reports ? a->reports : 1;
        if (a->reports == 1)
            a->report_kind = MODE_IS_EXCLUDE;
    }
}

estab_time mld_deadline(const struct ip *ip)
{
    estab_time least = ESTAB_NEVER;

    for (uint32_t i = 0; i < ip->address_count; i++)
        if (ip->addresses[i].reports > 0 && ip->addresses[i].report_at < least)
            least = ip->addresses[i].report_at;
    return least;
}

void mld_expire(struct ip *ip, estab_time now)
{
    for (uint32_t i = 0; i < ip->address_count; i++)
        if (ip->addresses[i].reports > 0 && ip->addresses[i].report_at <= now)
            report(ip, &ip->addresses[i], now);
}
