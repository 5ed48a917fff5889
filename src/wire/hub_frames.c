/* SPDX-License-Identifier: MIT */
/*
 * hub_frames.c - a frame's way: rules, its sender's lane, and then those whom it concerns.
 *
 *      FRAME -> parcel -> rules -> lane -> deliver --> FRAME to the receivers and monitors
 *                           |        |        |
 *                           '--------+--------+------> FATE to the sender
 *
 * The links carry the frame's bytes, with the parcel's number as their cause.
 */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "packet/icmp6.h"
#include "packet/ipv4.h"
#include "packet/ipv6.h"
#include "packet/tcp_header.h"
#include "sim/random.h"
#include "wire/hub_parts.h"

#define ETHERNET       14u
#define PARCELS_MIN    256u

_Static_assert((int)FATE_LOST == LINK_LOST && (int)FATE_RULED_OUT == LINK_RULED_OUT &&
                   (int)FATE_QUEUE_FULL == LINK_QUEUE_FULL &&
                   (int)FATE_OVER_LIMIT == LINK_OVER_LIMIT && (int)FATE_REFUSED == LINK_REFUSED &&
                   (int)FATE_HELD == LINK_HELD && (int)FATE_DUPLICATED == LINK_DUPLICATED &&
                   (int)FATE_COPY == LINK_COPY && (int)FATE_CORRUPTED == LINK_CORRUPTED &&
                   (int)FATE_MARKED == LINK_MARKED,
               "the protocol's fates begin with the link's");

/* ---- parcels ---------------------------------------------------------------------------------- */

static bool more_parcels(struct hub *h)
{
    uint32_t n = h->parcels ? 2 * h->parcels : PARCELS_MIN;
    struct parcel **parcel = realloc(h->parcel, n * sizeof(*parcel));
    uint32_t *list;

    if (!parcel)
        return false;
    h->parcel = parcel;
    list = realloc(h->free_parcel, n * sizeof *list);
    if (!list)
        return false;
    h->free_parcel = list;
    while (n > h->parcels) {
        h->parcel[--n] = NULL;
        list[h->free_parcels++] = n;
    }
    h->parcels = h->parcels ? 2 * h->parcels : PARCELS_MIN;
    return true;
}

/* Its number; UINT32_MAX: no memory. */
static uint32_t new_parcel(struct hub *h, const struct client *c, const struct envelope *e)
{
    struct envelope kept = *e;
    struct parcel *p;
    uint32_t number;
    size_t n;

    kept.has &= HAS_SERIAL | HAS_TIME | HAS_REASON | HAS_WHY | HAS_BEFORE | HAS_MOVE;
    kept.has |= HAS_STATION;
    kept.station = c->number;
    kept.ports = kept.counters = 0;
    n = envelope_write(&kept, h->out, sizeof h->out);
    if (n == 0 || (h->free_parcels == 0 && !more_parcels(h)))
        return UINT32_MAX;
    p = malloc(sizeof *p + n);
    if (!p)
        return UINT32_MAX;
    *p = (struct parcel){.refs = 1, .station = c->number, .serial = e->serial, .length = n};
    memcpy(p->bytes, h->out, n);
    number = h->free_parcel[--h->free_parcels];
    h->parcel[number] = p;
    return number;
}

static void parcel_done(struct hub *h, uint32_t number)
{
    struct parcel *p = h->parcel[number];

    if (--p->refs > 0)
        return;
    free(p);
    h->parcel[number] = NULL;
    h->free_parcel[h->free_parcels++] = number;
}

/* ---- who is told ---------------------------------------------------------------------------------- */

static void tell_fate(struct hub *h, const struct parcel *p, uint32_t fate, uint32_t to,
                      estab_time now)
{
    struct client *sender = names_station(h, p->station);
    struct envelope e;
    struct packet *packet;
    size_t n;

    if (sender && fate & FATE_GONE)
        sender->counters.lost++;
    envelope_init(&e, SAY_FATE);
    e.has = HAS_SERIAL | HAS_TIME | HAS_STATION | HAS_TO | HAS_FATE;
    e.serial = p->serial;
    e.time = now;
    e.station = p->station;
    e.to = to;
    e.fate = fate;
    n = envelope_write(&e, h->out, sizeof h->out);
    packet = n ? packet_of(h->out, n) : NULL;
    if (packet && sender && sender->flags & STATION_TOLD)
        (void)client_post(sender, packet, hub_slot(h, sender)); /* not all of its own queue */
    for (unsigned i = 0; packet && i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && c->number && c->flags & STATION_MONITOR)
            (void)client_post(c, packet, NOBODY);
    }
    packet_done(packet);
}

static bool ends4(struct reader *r, struct carried *c)
{
    uint8_t version = reader_u8(r);
    uint16_t fragment;

    reader_skip(r, 5);
    fragment = reader_u16(r);
    reader_skip(r, 1);
    if (version >> 4 != 4 || (version & 15) < 5 || fragment & 0x1fff || reader_u8(r) != PROTO_TCP)
        return false;
    reader_skip(r, 2);
    c->remote.addr = c->local.addr = estab_ipv4(0, 0, 0, 0);
    reader_bytes(r, c->remote.addr.b + 12, 4);
    reader_bytes(r, c->local.addr.b + 12, 4);
    reader_skip(r, (size_t)(version & 15) * 4 - 20);
    return true;
}

/* Without extension headers, as stacks send it. */
static bool ends6(struct reader *r, struct carried *c)
{
    uint8_t version = reader_u8(r);

    reader_skip(r, 5);
    if (version >> 4 != 6 || reader_u8(r) != PROTO_TCP)
        return false;
    reader_skip(r, 1);
    reader_bytes(r, c->remote.addr.b, 16);
    reader_bytes(r, c->local.addr.b, 16);
    return true;
}

/* The ends of a TCP segment, of the first fragment; its flags. */
static bool tcp_ends(const uint8_t *bytes, size_t n, struct carried *c, uint8_t *flags)
{
    struct reader r = reader_of(bytes, n);
    uint16_t type;

    reader_skip(&r, 12);
    type = reader_u16(&r);
    if (type == ETHERTYPE_IPV4 ? !ends4(&r, c) : type != ETHERTYPE_IPV6 || !ends6(&r, c))
        return false;
    c->remote.port = reader_u16(&r);
    c->local.port = reader_u16(&r);
    reader_skip(&r, 9);
    *flags = reader_u8(&r);
    return reader_ok(&r);
}

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

/* The station that carries on the connection of this segment; NULL. */
static struct client *carrier(struct hub *h, const uint8_t *bytes, size_t n)
{
    struct carried ends;
    uint8_t flags;
    bool tcp = tcp_ends(bytes, n, &ends, &flags);

    for (unsigned i = 0; tcp && i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        for (unsigned k = 0; c->fd >= 0 && k < c->carries; k++)
            if (same(&c->carried[k].local, &ends.local) &&
                same(&c->carried[k].remote, &ends.remote))
                return c;
    }
    return NULL;
}

/*
 * The next verb of an address does not know which ports are carried on, and may choose one of them.  Its
 * SYN ends that (RFC 9293 section 3.6.1 lets a SYN end a TIME-WAIT): else the answers would go to a
 * connection that knows nothing of it.  Its own state runs on, unheard.
 */
static void carrier_gives_up(struct hub *h, const struct client *sender, const uint8_t *bytes, size_t n)
{
    struct carried ends;
    uint8_t flags;

    if (!sender || sender->flags & STATION_CARRIED || !tcp_ends(bytes, n, &ends, &flags) ||
        (flags & (CTL_SYN | CTL_ACK)) != CTL_SYN)
        return;
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        for (unsigned k = 0; c->fd >= 0 && k < c->carries; k++)
            if (same(&c->carried[k].local, &ends.remote) && same(&c->carried[k].remote, &ends.local))
                c->carried[k--] = c->carried[--c->carries];
    }
}

/* ---- to whom --------------------------------------------------------------------------------------- */

/* Who has which address is the wire's own service: nothing happens to that.  A delay of 2 s would
 * else be longer than anybody waits for an answer (RFC 1122 section 2.3.2.1). */
static bool is_arp(const uint8_t *frame)
{
    return frame[12] == ETHERTYPE_ARP >> 8 && frame[13] == (ETHERTYPE_ARP & 0xff);
}

/* IPv6's neighbour discovery is the same: never behind an extension header (RFC 6980 forbids one of them). */
static bool is_discovery(const uint8_t *frame, size_t n)
{
    const uint8_t *ip = frame + ETHERNET;

    return n > ETHERNET + IPV6_HEADER && frame[12] == ETHERTYPE_IPV6 >> 8 &&
           frame[13] == (ETHERTYPE_IPV6 & 0xff) && ip[6] == PROTO_ICMP6 &&
           ip[IPV6_HEADER] >= ICMP6_ROUTER_SOLICITATION && ip[IPV6_HEADER] <= ICMP6_REDIRECT;
}

static bool is_neighbours(const uint8_t *frame, size_t n)
{
    return is_arp(frame) || is_discovery(frame, n);
}

static bool has_mac(const struct client *c, const uint8_t *mac)
{
    return memcmp(c->mac, mac, 6) == 0 || memcmp(c->heard, mac, 6) == 0;
}

/* Whether somebody else has this station's address by now. */
static bool replaced(const struct hub *h, const struct client *old)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++) {
        const struct client *c = &h->client[i];
        if (c != old && names_holds(c) && memcmp(&c->address, &old->address, 16) == 0)
            return true;
    }
    return false;
}

/* A station that carries connections on hears ARP, for it may need it, and answers for its address
 * as long as nobody else has it. */
static bool concerns(const struct hub *h, const struct client *c, const uint8_t *bytes, size_t n)
{
    bool everybody = bytes[0] & 1;

    if (c->fd < 0 || !c->number || c->flags & STATION_MONITOR)
        return false;
    if (!everybody && !has_mac(c, bytes))
        return false;
    if (!(c->flags & STATION_CARRIED) || !replaced(h, c))
        return true;
    return !everybody && is_neighbours(bytes, n);
}

struct delivery {
    struct packet *packet;
    unsigned from; /* the sender's slot, or NOBODY */
    size_t length; /* of the frame */
    uint32_t fate, to;
    unsigned receivers;
};

static void give(struct delivery *d, struct client *c)
{
    if (!client_post(c, d->packet, d->from)) {
        d->fate |= FATE_SLOW;
        return;
    }
    c->counters.frames_in++;
    c->counters.bytes_in += d->length;
    d->receivers++;
    d->to = d->receivers == 1 ? c->number : 0;
}

/* The segment may be addressed to whoever has the address now; monitors see it as it was sent. */
static void give_carrier(struct delivery *d, struct client *c)
{
    struct packet *seen = d->packet;

    d->packet = packet_of(seen->bytes, seen->length);
    if (d->packet) {
        memcpy(d->packet->bytes + d->packet->length - d->length, c->mac, 6);
        give(d, c);
    } else {
        d->fate |= FATE_OVER_LIMIT;
    }
    packet_done(d->packet);
    d->packet = seen;
}

static struct packet *frame_packet(struct hub *h, const struct parcel *p, uint32_t fate,
                                   const uint8_t *bytes, size_t length)
{
    struct envelope e;
    size_t n = p->length;

    envelope_init(&e, SAY_FRAME);
    e.has = HAS_FATE | HAS_FRAME;
    e.fate = fate;
    e.frame = bytes;
    e.frame_length = (uint32_t)length;
    memcpy(h->out, p->bytes, n);
    return envelope_append(h->out, sizeof h->out, &n, &e) ? packet_of(h->out, n) : NULL;
}

static void deliver(struct hub *h, const struct parcel *p, uint32_t fate, const uint8_t *bytes,
                    size_t length, estab_time now)
{
    struct client *sender = names_station(h, p->station), *carries = carrier(h, bytes, length);
    struct delivery d = {.packet = frame_packet(h, p, fate, bytes, length),
                         .from = sender ? hub_slot(h, sender) : NOBODY,
                         .length = length,
                         .fate = fate};

    carrier_gives_up(h, sender, bytes, length);
    for (unsigned i = 0; d.packet && i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && c->number && c->flags & STATION_MONITOR)
            (void)client_post(c, d.packet, d.from);
        else if (!carries && c != sender && concerns(h, c, bytes, length))
            give(&d, c);
    }
    if (d.packet && carries)
        give_carrier(&d, carries);
    if (d.receivers > 0 || bytes[0] & 1)
        d.fate &= ~(uint32_t)FATE_SLOW; /* somebody has it */
    else if (!(d.fate & (FATE_SLOW | FATE_OVER_LIMIT)))
        d.fate |= d.packet ? FATE_NOBODY : FATE_OVER_LIMIT;
    packet_done(d.packet);
    tell_fate(h, p, d.fate, d.to, now);
}

/* ---- through the links -------------------------------------------------------------------------------- */

static struct lane *lane_of(struct hub *h, uint32_t station)
{
    for (unsigned i = 0; i < HUB_LANES; i++)
        if (h->lane[i].link && h->lane[i].number == station)
            return &h->lane[i];
    return NULL;
}

/* True: it is on its way, or its copies are. */
static bool put(struct hub *h, struct link *link, const struct estab_frame *f, estab_time now)
{
    struct parcel *p = h->parcel[f->cause];
    struct link_passage passage = link_put(link, f, now);

    if (passage.fate & LINK_GONE) {
        tell_fate(h, p, p->fate | passage.fate, 0, now);
        parcel_done(h, f->cause);
        return false;
    }
    p->fate |= passage.fate;
    if (passage.fate & LINK_DUPLICATED)
        p->refs++;
    return true;
}

static void put_lane(struct hub *h, const struct estab_frame *f, estab_time now)
{
    struct parcel *p = h->parcel[f->cause];
    struct lane *lane = lane_of(h, p->station);

    if (!lane) { /* its sender has left while a rule held it back */
        parcel_done(h, f->cause);
        return;
    }
    (void)put(h, lane->link, f, now);
}

static void leave_rules(struct hub *h, estab_time now)
{
    struct estab_frame f;

    while (link_get(h->rules, &f, NULL, now)) {
        put_lane(h, &f, now);
        link_release(h->rules);
    }
}

static void add_counters(struct link_counters *all, const struct link *link)
{
    struct link_counters one = link_counters(link);

    all->put += one.put;
    all->delivered += one.delivered;
    all->lost += one.lost;
    all->queue_full += one.queue_full;
    all->duplicated += one.duplicated;
    all->held += one.held;
    all->corrupted += one.corrupted;
    all->marked += one.marked;
}

void frames_count(const struct hub *h, struct link_counters *all, size_t *under_way)
{
    *all = h->past;
    *under_way = link_under_way(h->rules);
    for (unsigned i = 0; i < HUB_LANES; i++) {
        if (!h->lane[i].link)
            continue;
        add_counters(all, h->lane[i].link);
        *under_way += link_under_way(h->lane[i].link);
    }
    all->ruled_out = link_counters(h->rules).ruled_out;
}

static void leave_lane(struct hub *h, struct lane *lane, estab_time now)
{
    struct link_passage passage;
    struct estab_frame f;

    while (link_get(lane->link, &f, &passage, now)) {
        struct parcel *p = h->parcel[f.cause];
        uint32_t copy = passage.fate & LINK_COPY ? (uint32_t)FATE_COPY : 0;
        deliver(h, p, p->fate | copy, f.part[0].base, f.length, now);
        parcel_done(h, f.cause);
        link_release(lane->link);
    }
    if (lane->number == 0 && link_under_way(lane->link) == 0) {
        add_counters(&h->past, lane->link);
        link_free(lane->link);
        lane->link = NULL;
    }
}

void frames_move(struct hub *h, estab_time now)
{
    leave_rules(h, now);
    for (unsigned i = 0; i < HUB_LANES; i++)
        if (h->lane[i].link)
            leave_lane(h, &h->lane[i], now);
}

estab_time frames_next(const struct hub *h)
{
    estab_time next = link_next(h->rules);

    for (unsigned i = 0; i < HUB_LANES; i++) {
        estab_time at = h->lane[i].link ? link_next(h->lane[i].link) : ESTAB_NEVER;
        next = at < next ? at : next;
    }
    return next;
}

static uint32_t too_much(const struct hub *h, const struct lane *lane, const struct envelope *e)
{
    if (e->frame_length < ETHERNET || e->frame_length > HUB_MTU_MAX + ETHERNET)
        return FATE_REFUSED;
    if (!lane || link_under_way(lane->link) >= HUB_FLIGHT || link_under_way(h->rules) >= HUB_FLIGHT)
        return FATE_OVER_LIMIT;
    return 0;
}

void frames_take(struct hub *h, struct client *c, const struct envelope *e, estab_time now)
{
    struct lane *lane = lane_of(h, c->number);
    uint32_t wrong = too_much(h, lane, e), number = wrong ? UINT32_MAX : new_parcel(h, c, e);
    struct estab_frame f = {.length = e->frame_length,
                            .link = ESTAB_LINK_ETHERNET,
                            .cause = number,
                            .parts = 1,
                            .part = {{(uint8_t *)(uintptr_t)e->frame, e->frame_length}}};

    c->counters.frames_out++;
    c->counters.bytes_out += e->frame_length;
    if (number == UINT32_MAX) {
        struct parcel lost = {.station = c->number, .serial = e->serial};
        c->counters.over_limit++;
        tell_fate(h, &lost, wrong ? wrong : (uint32_t)FATE_OVER_LIMIT, 0, now);
        return;
    }
    if (!(e->frame[6] & 1))
        memcpy(c->heard, e->frame + 6, 6);
    if (is_neighbours(e->frame, e->frame_length)) {
        deliver(h, h->parcel[number], 0, e->frame, e->frame_length, now);
        parcel_done(h, number);
        return;
    }
    if (link_rules(h->rules) == 0 && link_under_way(h->rules) == 0)
        put_lane(h, &f, now);
    else if (put(h, h->rules, &f, now))
        leave_rules(h, now);
    leave_lane(h, lane, now);
}

/* ---- lanes ----------------------------------------------------------------------------------------------- */

bool frames_open(struct hub *h, struct client *c)
{
    struct random seeds = random_stream(h->config.seed + c->number, "lane");

    for (unsigned i = 0; i < HUB_LANES; i++) {
        if (h->lane[i].link)
            continue;
        h->lane[i].link = link_new(&h->impairment, random_u64(&seeds));
        h->lane[i].number = c->number;
        return h->lane[i].link != NULL;
    }
    return false;
}

/* What is under way arrives all the same. */
void frames_leave(struct hub *h, const struct client *c)
{
    struct lane *lane = c->number ? lane_of(h, c->number) : NULL;

    if (lane)
        lane->number = 0;
}

void frames_configure(struct hub *h)
{
    for (unsigned i = 0; i < HUB_LANES; i++)
        if (h->lane[i].link)
            link_configure(h->lane[i].link, &h->impairment);
}

void frames_free(struct hub *h)
{
    for (unsigned i = 0; i < HUB_LANES; i++)
        link_free(h->lane[i].link);
    for (uint32_t i = 0; i < h->parcels; i++)
        free(h->parcel[i]);
    free(h->parcel);
    free(h->free_parcel);
}
