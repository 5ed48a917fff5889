/* SPDX-License-Identifier: MIT */
/*
 * craft_wire.c - what stands beside the frames on a wire: the true states of a peer that is a stack of
 * ours, and whether it listens.
 *
 * We tell the others nothing of our end, for it has no state machine: they infer it, as we do.
 */
#include "cli/craft.h"

#define REPORT_MOST (200 * ESTAB_MS) /* that a line waits for what its segment did there */

static void hear(struct craft *c, const struct story_end *end, const struct envelope *e,
                 uint64_t carrier)
{
    news_heard(&c->news, end, e, carrier, c->zero, 0);
}

/* Our segment has reached the peer, which says what it did there. */
static void hear_report(struct craft *c, const struct envelope *e)
{
    struct story_end end = {c->sent.dst, c->sent.src};

    if (e->serial != c->out)
        return;
    hear(c, &end, e, 0);
    c->report = news_reason(e->reason);
    c->reached = c->out;
}

static void heard(void *context, const struct envelope *e)
{
    struct craft *c = context;
    struct story_end end = {e->local, e->remote};

    if (e->type == SAY_REPORT)
        hear_report(c, e);
    else if (e->type == SAY_FATE && e->serial == c->out && e->fate & FATE_GONE)
        c->reached = c->out;
    else if (e->type == SAY_STATE)
        hear(c, &end, e, 0);
    else if (e->type == SAY_STATION && !(e->flags & (STATION_MONITOR | STATION_CARRIED)) &&
             !(e->flags & STATION_GONE))
        story_name(c->talk.story, e->address, e->name);
}

void craft_wire_open(struct craft *c)
{
    if (!c->talk.station)
        return;
    news_init(&c->news, c->talk.station, c->talk.story, NULL);
    station_listen(c->talk.station, heard, c);
}

static const struct station_peer *reporter(const struct craft *c, const struct estab_addr *address)
{
    const struct station_peer *p =
        c->talk.station ? station_peer_with(c->talk.station, address) : NULL;

    return p && p->flags & STATION_REPORTS ? p : NULL;
}

void craft_wire_look(struct craft *c, struct craft_pair *pair)
{
    const struct station_peer *p = reporter(c, &pair->theirs.addr);

    if (!p || c->pairs.we_listen)
        return;
    pair->listens = CRAFT_CLOSED;
    for (unsigned i = 0; i < p->ports; i++)
        if (p->port[i] == pair->theirs.port)
            pair->listens = CRAFT_LISTENS;
}

void craft_wire_note(struct craft *c)
{
    struct envelope e;

    c->report = REASONS;
    if (!c->talk.station)
        return;
    envelope_init(&e, SAY_FRAME);
    e.has = HAS_SERIAL;
    e.serial = c->out;
    station_note(c->talk.station, &e);
}

static bool is_told(const struct craft *c)
{
    return !c->untold || c->reached >= c->out;
}

void craft_wire_await(struct craft *c)
{
    if (reporter(c, &c->sent.dst.addr))
        craft_run(c, is_told, craft_now(c) + REPORT_MOST, false);
}

bool craft_wire_came(struct craft *c, const struct estab_frame *f, const struct frame_view *v,
                     uint64_t serial, enum emit_why *why)
{
    const struct envelope *e = c->talk.station ? station_came(c->talk.station, f) : NULL;
    struct story_end end = {v->src, v->dst};

    if (!e)
        return false;
    *why = news_why(e->why);
    hear(c, &end, e, serial);
    return e->has & HAS_BEFORE;
}
