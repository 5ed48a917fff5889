/* SPDX-License-Identifier: MIT */
/*
 * dhcp.c - the client's states.
 *
 * As with the resolver, a turn looks at its socket itself, and needs no events.
 */
#include "estab_udp.h"
#include "names/dhcp.h"

#include <string.h>

#include "packet/address.h"

static const struct estab_addr nobody = {{[10] = 0xff, [11] = 0xff}};
static const struct estab_addr everybody = {
    {[10] = 0xff, [11] = 0xff, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xff}};

/* ---- telling ------------------------------------------------------------------------------------------ */

static void tell(const struct dhcp *d, const struct dhcp_news *news)
{
    if (d->config.news)
        d->config.news(d->config.context, news);
}

static void tell_lease(const struct dhcp *d, enum dhcp_news_kind kind)
{
    tell(d, &(struct dhcp_news){.kind = kind,
                                .address = d->lease.yours,
                                .server = d->lease.server,
                                .lease = d->lease.lease});
}

/* ---- sending ------------------------------------------------------------------------------------------ */

static struct dhcp_message message_of(const struct dhcp *d, enum dhcp_type type, estab_time now)
{
    uint64_t seconds = (now - d->begun) / ESTAB_SECOND;
    struct dhcp_message m = {
        .type = (uint8_t)type,
        .xid = d->xid,
        .seconds = (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX),
        .client = nobody,
        .yours = nobody,
        .requested = nobody,
        .server = nobody,
    };

    memcpy(m.mac, d->config.mac, 6);
    return m;
}

/* What cannot be sent is as if it had been lost: it is sent again, or given up. */
static void send(const struct dhcp *d, const struct dhcp_message *m, const struct estab_addr *to,
                 estab_time now)
{
    const struct estab_endpoint end = {*to, DHCP_SERVER_PORT};
    uint8_t text[DHCP_WRITE_MAX];
    size_t n = dhcp_write(text, m);

    (void)!estab_udp_send(d->stack, d->udp, &end, text, n, now);
    tell(d, &(struct dhcp_news){.kind = DHCP_SENT,
                                .type = m->type,
                                .address = m->type == DHCP_DISCOVER ? nobody : d->lease.yours,
                                .server = addr_equal(to, &everybody) ? nobody : *to});
}

/* Section 4.1: 4 s, then twice as long each time, and up to a second more or less. */
static void back_off(struct dhcp *d, estab_time now)
{
    uint64_t jitter = estab_unpredictable(d->stack) % (2 * ESTAB_SECOND);

    d->deadline = now + (DHCP_FIRST_WAIT << d->tries) - ESTAB_SECOND + jitter;
    d->tries++;
}

static void send_discover(struct dhcp *d, estab_time now)
{
    struct dhcp_message m = message_of(d, DHCP_DISCOVER, now);

    m.broadcast = true;
    send(d, &m, &everybody, now);
    back_off(d, now);
}

/* Table 4 of section 4.3.6: of the offer; of what is ours already, to its server or to all. */
static void send_request(struct dhcp *d, estab_time now)
{
    struct dhcp_message m = message_of(d, DHCP_REQUEST, now);

    if (d->state == DHCP_REQUESTING) {
        m.broadcast = true;
        m.requested = d->lease.yours;
        m.server = d->lease.server;
        send(d, &m, &everybody, now);
        back_off(d, now);
        return;
    }
    m.client = d->lease.yours;
    send(d, &m, d->state == DHCP_RENEWING ? &d->lease.server : &everybody, now);
}

/* ---- from the beginning ---------------------------------------------------------------------------------- */

static void select_anew(struct dhcp *d, estab_time now)
{
    d->xid = (uint32_t)estab_unpredictable(d->stack);
    d->begun = now;
    d->tries = 0;
    d->state = DHCP_SELECTING;
    send_discover(d, now);
}

static void give_up(struct dhcp *d)
{
    d->state = DHCP_ENDED;
    d->deadline = ESTAB_NEVER;
}

static void restart(struct dhcp *d, estab_time now)
{
    if (d->has) {
        tell_lease(d, DHCP_LOST);
        (void)estab_address_remove(d->stack, d->config.interface, d->lease.yours, now);
        d->has = false;
        d->restarts = 0;
    }
    if (d->restarts++ == DHCP_RESTARTS)
        give_up(d);
    else
        select_anew(d, now);
}

/* Section 4.4.1: somebody has the address that was given to us. */
static void decline(struct dhcp *d, estab_time now)
{
    struct dhcp_message m = message_of(d, DHCP_DECLINE, now);

    tell_lease(d, DHCP_TAKEN);
    (void)estab_address_remove(d->stack, d->config.interface, d->lease.yours, now);
    m.requested = d->lease.yours;
    m.server = d->lease.server;
    send(d, &m, &everybody, now);
    d->state = DHCP_DECLINED;
    d->deadline = now + DHCP_DECLINE_WAIT;
}

/* ---- a lease ------------------------------------------------------------------------------------------- */

/* Section 4.4.5: T1 and T2 are half of the lease and seven eighths of it, unless the server has better ones. */
static void set_times(struct dhcp *d, estab_time now)
{
    const struct dhcp_message *m = &d->lease;
    uint64_t lease = m->lease, renew = m->renew, rebind = m->rebind;

    if (m->lease == UINT32_MAX) {
        d->renew_at = d->rebind_at = d->end_at = ESTAB_NEVER;
        return;
    }
    if (rebind == 0 || rebind >= lease)
        rebind = lease * 7 / 8;
    if (renew == 0 || renew >= rebind)
        renew = lease / 2 < rebind ? lease / 2 : rebind;
    d->renew_at = now + renew * ESTAB_SECOND;
    d->rebind_at = now + rebind * ESTAB_SECOND;
    d->end_at = now + lease * ESTAB_SECOND;
}

static void bind(struct dhcp *d)
{
    d->state = DHCP_BOUND;
    d->deadline = d->renew_at;
    d->tries = d->restarts = 0;
    tell_lease(d, DHCP_HAS);
}

/* Its router leads everywhere; one that is not on our link leads nowhere. */
static void take_router(struct dhcp *d)
{
    const struct dhcp_message *m = &d->lease;

    if (m->routers > 0 && addr_in_prefix(&m->router[0], &m->yours, dhcp_prefix_length(m)) &&
        !addr_equal(&m->router[0], &m->yours))
        (void)!estab_route_add(d->stack, nobody, 0, m->router[0], (uint8_t)d->config.interface);
}

static enum estab_address_state state_of(const struct dhcp *d)
{
    struct estab_address a = {.size = sizeof a};
    uint32_t cursor = 0;

    while (estab_address_next(d->stack, &cursor, &a))
        if (a.interface == d->config.interface && a.state != ESTAB_ADDRESS_REMOVED &&
            addr_equal(&a.address, &d->lease.yours))
            return a.state;
    return ESTAB_ADDRESS_REMOVED;
}

/* Looks how far the stack is with asking the link for the address. */
static void check(struct dhcp *d, estab_time now)
{
    switch (state_of(d)) {
    case ESTAB_ADDRESS_TENTATIVE:
        break;
    case ESTAB_ADDRESS_PREFERRED:
        d->has = true;
        take_router(d);
        bind(d);
        break;
    default:
        decline(d, now);
        break;
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static bool is_host(const struct estab_addr *a)
{
    return !addr_is_unspecified(a) && !addr_is_multicast(a) && !addr_is_loopback(a) && a->b[12] != 0;
}

static bool is_offer(const struct dhcp_message *m)
{
    return m->type == DHCP_OFFER && is_host(&m->yours) && is_host(&m->server) && m->lease > 0;
}

/* Whether an ACK gives what was asked for. */
static bool is_ack(const struct dhcp *d, const struct dhcp_message *m)
{
    return m->type == DHCP_ACK && addr_equal(&m->yours, &d->lease.yours) && m->lease > 0;
}

static bool is_from_its_server(const struct dhcp *d, const struct dhcp_message *m)
{
    return addr_equal(&m->server, &d->lease.server) || d->state == DHCP_REBINDING;
}

static void take_ack(struct dhcp *d, const struct dhcp_message *m, estab_time now)
{
    bool first = d->state == DHCP_REQUESTING;
    enum estab_error error;

    d->lease = *m;
    set_times(d, now);
    if (!first) {
        bind(d);
        return;
    }
    error = estab_address_add(d->stack, d->config.interface, m->yours, dhcp_prefix_length(m), now);
    if (error != ESTAB_OK) {
        give_up(d);
        return;
    }
    d->state = DHCP_CHECKING;
    d->deadline = ESTAB_NEVER;
    check(d, now);
}

/* Whether a reply to us was of use in this state. */
static bool take(struct dhcp *d, const struct dhcp_message *m, estab_time now)
{
    bool asking = d->state == DHCP_REQUESTING || d->state == DHCP_RENEWING || d->state == DHCP_REBINDING;

    if (!m->reply || m->xid != d->xid || memcmp(m->mac, d->config.mac, 6) != 0)
        return false;
    if (d->state == DHCP_SELECTING && is_offer(m)) {
        tell(d, &(struct dhcp_news){
                    .kind = DHCP_GOT, .type = m->type, .address = m->yours, .server = m->server});
        d->lease = *m;
        d->state = DHCP_REQUESTING;
        d->tries = 0;
        send_request(d, now);
        return true;
    }
    if (!asking || !is_from_its_server(d, m) || !(m->type == DHCP_NAK || is_ack(d, m)))
        return false;
    tell(d, &(struct dhcp_news){
                .kind = DHCP_GOT, .type = m->type, .address = d->lease.yours, .server = m->server});
    if (m->type == DHCP_NAK)
        restart(d, now);
    else
        take_ack(d, m, now);
    return true;
}

static void receive(struct dhcp *d, estab_time now)
{
    struct estab_udp_received got;
    uint8_t text[1500];

    while (estab_udp_receive(d->stack, d->udp, text, sizeof text, 0, &got) == ESTAB_OK) {
        size_t n = got.length < sizeof text ? got.length : sizeof text;
        struct dhcp_message m;
        enum dhcp_fault fault = dhcp_read(text, n, &m);

        if (fault == DHCP_NONE && got.remote.port == DHCP_SERVER_PORT && take(d, &m, now))
            continue;
        tell(d, &(struct dhcp_news){.kind = DHCP_IGNORED, .fault = fault, .server = got.remote.addr});
    }
}

/* ---- what is due --------------------------------------------------------------------------------------- */

/* Half of what is left, a minute at least; and the limit itself. */
static estab_time half_way(estab_time now, estab_time limit)
{
    estab_time wait = (limit - now) / 2;

    if (wait < DHCP_RENEW_LEAST)
        wait = DHCP_RENEW_LEAST;
    return now + wait < limit ? now + wait : limit;
}

static void renew(struct dhcp *d, estab_time now)
{
    if (now >= d->end_at) {
        restart(d, now);
        return;
    }
    if (d->state == DHCP_BOUND) {
        d->xid = (uint32_t)estab_unpredictable(d->stack);
        d->begun = now;
        d->state = DHCP_RENEWING;
    }
    if (now >= d->rebind_at)
        d->state = DHCP_REBINDING;
    send_request(d, now);
    d->deadline = half_way(now, d->state == DHCP_RENEWING ? d->rebind_at : d->end_at);
}

static void expire(struct dhcp *d, estab_time now)
{
    switch (d->state) {
    case DHCP_DECLINED:
        restart(d, now);
        break;
    case DHCP_SELECTING:
        if (d->tries == DHCP_TRIES)
            give_up(d);
        else
            send_discover(d, now);
        break;
    case DHCP_REQUESTING:
        if (d->tries == DHCP_TRIES)
            restart(d, now);
        else
            send_request(d, now);
        break;
    case DHCP_BOUND:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
        renew(d, now);
        break;
    case DHCP_CHECKING:
    case DHCP_ENDED:
        break;
    }
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

enum estab_error dhcp_start(struct dhcp *d, estab_stack *stack, const struct dhcp_config *config,
                            estab_time now)
{
    struct estab_udp_open open = {.size = sizeof open, .local = {nobody, DHCP_CLIENT_PORT}};
    enum estab_error error = estab_udp_open(stack, &open, &d->udp);

    if (error != ESTAB_OK)
        return error;
    *d = (struct dhcp){.stack = stack, .config = *config, .udp = d->udp};
    error = estab_udp_set(stack, d->udp, ESTAB_UDP_BROADCAST, 1);
    if (error == ESTAB_OK)
        error = estab_udp_set(stack, d->udp, ESTAB_UDP_INTERFACE, (uint32_t)config->interface + 1);
    if (error != ESTAB_OK) {
        dhcp_end(d);
        return error;
    }
    select_anew(d, now);
    return ESTAB_OK;
}

enum dhcp_state dhcp_turn(struct dhcp *d, estab_time now)
{
    if (d->state == DHCP_ENDED)
        return d->state;
    receive(d, now);
    if (d->state == DHCP_CHECKING)
        check(d, now);
    if (d->deadline <= now)
        expire(d, now);
    return d->state;
}

estab_time dhcp_deadline(const struct dhcp *d)
{
    return d->deadline;
}

void dhcp_release(struct dhcp *d, estab_time now)
{
    struct dhcp_message m;

    if (!dhcp_has_address(d))
        return;
    d->xid = (uint32_t)estab_unpredictable(d->stack);
    m = message_of(d, DHCP_RELEASE, now);
    m.client = d->lease.yours;
    m.server = d->lease.server;
    send(d, &m, &d->lease.server, now);
    give_up(d);
}

void dhcp_end(struct dhcp *d)
{
    (void)estab_udp_close(d->stack, d->udp);
    give_up(d);
}
