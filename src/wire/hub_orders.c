/* SPDX-License-Identifier: MIT */
/*
 * hub_orders.c - what a client says, by type: news of a station that others are to hear, and orders
 * about the wire, which need no joining.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/hub_parts.h"

static void done(struct hub *h, struct client *c)
{
    struct envelope e;

    envelope_init(&e, SAY_DONE);
    client_answer(h, c, &e);
}

/* ---- news ------------------------------------------------------------------------------------- */

/* To one station, if it wants to know, and to all monitors. */
static void forward(struct hub *h, const struct client *from, struct client *to,
                    const struct envelope *e)
{
    size_t n = envelope_write(e, h->out, sizeof h->out);
    struct packet *p = n ? packet_of(h->out, n) : NULL;

    if (p && to && to != from && to->flags & STATION_TOLD)
        (void)client_post(to, p, hub_slot(h, from));
    for (unsigned i = 0; p && i < HUB_CLIENTS; i++) {
        struct client *c = &h->client[i];
        if (c->fd >= 0 && c->number && c->flags & STATION_MONITOR)
            (void)client_post(c, p, hub_slot(h, from));
    }
    packet_done(p);
}

/* What a frame of another station did to this one. */
static void take_report(struct hub *h, struct client *c, const struct envelope *e)
{
    struct envelope out = *e;

    out.has &= HAS_SERIAL | HAS_TIME | HAS_STATION | HAS_REASON | HAS_BEFORE | HAS_MOVE |
               HAS_LOCAL | HAS_REMOTE;
    out.has |= HAS_TO;
    out.to = c->number;
    out.ports = out.counters = 0;
    forward(h, c, names_station(h, e->station), &out);
}

static void note_port(struct client *c, uint16_t port, bool listens)
{
    unsigned i = 0;

    while (i < c->ports && c->port[i] != port)
        i++;
    if (listens && i == c->ports && c->ports < ENVELOPE_PORTS)
        c->port[c->ports++] = port;
    if (!listens && i < c->ports)
        c->port[i] = c->port[--c->ports];
}

static bool nobody(const struct estab_endpoint *e)
{
    static const struct estab_addr none, any = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};

    return e->port == 0 && (memcmp(&e->addr, &none, 16) == 0 || memcmp(&e->addr, &any, 16) == 0);
}

static struct client *at_address(struct hub *h, const struct estab_addr *address)
{
    for (unsigned i = 0; i < HUB_CLIENTS; i++)
        if (names_holds(&h->client[i]) && memcmp(&h->client[i].address, address, 16) == 0)
            return &h->client[i];
    return NULL;
}

/* A station has moved, and no frame tells of it: a timeout, a call.  The state of a listener makes
 * its port known. */
static void take_state(struct hub *h, struct client *c, const struct envelope *e)
{
    struct envelope out = *e;

    out.has &= HAS_TIME | HAS_BEFORE | HAS_MOVE | HAS_LOCAL | HAS_REMOTE | HAS_REASON;
    out.has |= HAS_STATION;
    out.station = c->number;
    out.ports = out.counters = 0;
    if (nobody(&e->remote) && e->moves > 0) {
        note_port(c, e->local.port, e->move[e->moves - 1].to == ESTAB_STATE_LISTEN);
        names_tell(h, c, 0);
    }
    forward(h, c, at_address(h, &e->remote.addr), &out);
}

/* The verb has ended: what it leaves open is carried on by the process that goes on holding its
 * socket. */
static void take_carry(struct hub *h, struct client *c, const struct envelope *e)
{
    bool first = !(c->flags & STATION_CARRIED);

    if (!c->carried)
        c->carried = calloc(HUB_CARRIED, sizeof *c->carried);
    if (!c->carried) {
        c->closing = true;
        return;
    }
    c->flags |= STATION_CARRIED;
    c->ports = 0;
    c->pid = e->has & HAS_PID ? e->pid : c->pid;
    if (e->has & HAS_LOCAL && e->has & HAS_REMOTE && c->carries < HUB_CARRIED)
        c->carried[c->carries++] = (struct carried){e->local, e->remote};
    if (first)
        names_tell(h, c, 0);
}

/* ---- orders ------------------------------------------------------------------------------------ */

static void take_text(const struct envelope *e, char text[ENVELOPE_TEXT + 1])
{
    if (e->text_length)
        memcpy(text, e->text, e->text_length);
    text[e->text_length] = '\0';
}

static void take_set(struct hub *h, struct client *c, const struct envelope *e)
{
    struct link_config config = h->impairment;
    char text[ENVELOPE_TEXT + 1], error[LINK_ERROR_MAX];
    const char *wrong;

    take_text(e, text);
    if (!link_config_parse(&config, text, error)) {
        client_refuse(h, c, CODE_IMPAIRMENT, "%s", error);
        return;
    }
    wrong = link_config_check(&config);
    if (wrong) {
        client_refuse(h, c, CODE_IMPAIRMENT, "%s", wrong);
        return;
    }
    h->impairment = config;
    frames_configure(h);
    done(h, c);
}

static void take_rule(struct hub *h, struct client *c, const struct envelope *e)
{
    char text[ENVELOPE_TEXT + 1], error[LINK_ERROR_MAX];
    struct link_rule rule;

    take_text(e, text);
    if (!link_rule_parse(&rule, text, error))
        client_refuse(h, c, CODE_IMPAIRMENT, "%s", error);
    else if (link_rule_add(h->rules, &rule) < 0)
        client_refuse(h, c, CODE_FULL, "the wire has %d rules, and takes no more", LINK_RULES_MAX);
    else
        done(h, c);
}

static void take_clear(struct hub *h, struct client *c)
{
    static const struct link_config perfect;

    h->impairment = perfect;
    link_rules_clear(h->rules);
    frames_configure(h);
    done(h, c);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void put_counters(const struct hub *h, struct envelope *e)
{
    struct link_counters all;
    size_t under_way;

    frames_count(h, &all, &under_way);
    envelope_count(e, "put", all.put);
    envelope_count(e, "delivered", all.delivered);
    envelope_count(e, "under_way", under_way);
    envelope_count(e, "lost", all.lost);
    envelope_count(e, "ruled_out", all.ruled_out);
    envelope_count(e, "queue_full", all.queue_full);
    envelope_count(e, "duplicated", all.duplicated);
    envelope_count(e, "held", all.held);
    envelope_count(e, "corrupted", all.corrupted);
    envelope_count(e, "marked", all.marked);
    envelope_count(e, "malformed", h->malformed);
}

static void show_rules(struct hub *h, struct client *c)
{
    char text[LINK_TEXT_MAX];
    struct envelope e;

    for (unsigned i = 0; i < link_rules(h->rules); i++) {
        link_rule_text(link_rule_at(h->rules, i), text);
        envelope_init(&e, SAY_RULE);
        envelope_text(&e, text);
        envelope_count(&e, "seen", link_rule_seen(h->rules, i));
        envelope_count(&e, "hits", link_rule_hits(h->rules, i));
        client_answer(h, c, &e);
    }
}

static void take_show(struct hub *h, struct client *c)
{
    char text[LINK_TEXT_MAX];
    struct envelope e;

    link_config_text(&h->impairment, text);
    envelope_init(&e, SAY_WIRE);
    e.has = HAS_SEED | HAS_PREFIX | HAS_ADDRESS;
    e.seed = h->config.seed;
    e.prefix_length = h->config.prefix_length;
    e.address = estab_ipv4(h->config.network[0], h->config.network[1], h->config.network[2],
                           h->config.network[3]);
    envelope_word(&e, HAS_NAME, h->name);
    envelope_text(&e, text);
    put_counters(h, &e);
    client_answer(h, c, &e);
    show_rules(h, c);
    names_list(h, c);
    done(h, c);
}

/* ---- by type -------------------------------------------------------------------------------------- */

static void take_news(struct hub *h, struct client *c, const struct envelope *e, estab_time now)
{
    if (!c->number || c->flags & STATION_MONITOR) {
        client_refuse(h, c, CODE_ORDER, "only a station that has joined sends this");
        return;
    }
    switch (e->type) {
    case SAY_FRAME:
        if (e->has & HAS_FRAME)
            frames_take(h, c, e, now);
        else
            client_refuse(h, c, CODE_ORDER, "a FRAME without its frame");
        break;
    case SAY_REPORT:
        take_report(h, c, e);
        break;
    case SAY_STATE:
        take_state(h, c, e);
        break;
    case SAY_ROOM:
        rooms_take(h, c, now);
        break;
    default:
        take_carry(h, c, e);
        break;
    }
}

void orders_take(struct hub *h, struct client *c, const struct envelope *e, estab_time now)
{
    switch (e->type) {
    case SAY_JOIN:
        names_join(h, c, e);
        break;
    case SAY_FRAME:
    case SAY_REPORT:
    case SAY_STATE:
    case SAY_CARRY:
    case SAY_ROOM:
        take_news(h, c, e, now);
        break;
    case SAY_LIST:
        names_list(h, c);
        done(h, c);
        break;
    case SAY_SHOW:
        take_show(h, c);
        break;
    case SAY_SET:
        take_set(h, c, e);
        break;
    case SAY_CLEAR:
        take_clear(h, c);
        break;
    case SAY_RULE:
        take_rule(h, c, e);
        break;
    case SAY_DOWN:
        done(h, c);
        hub_end(h);
        break;
    default:
        client_refuse(h, c, CODE_ORDER, "a message of type %u is none that a hub takes", e->type);
        break;
    }
}
