/* SPDX-License-Identifier: MIT */
/* news.c - moves into envelopes, and out of them. */
#include "cli/news.h"

#include <string.h>

#define PATIENCE ESTAB_SECOND /* for the frame of a call */

void news_init(struct news *n, struct station *station, struct story *story, struct watch *watch)
{
    memset(n, 0, sizeof *n);
    n->station = station;
    n->story = story;
    n->watch = watch;
}

/* ---- words ------------------------------------------------------------------------------------- */

enum reason news_reason(const char *name)
{
    for (unsigned i = 0; i < estab_reasons(); i++)
        if (strcmp(estab_reason(i).name, name) == 0)
            return (enum reason)i;
    return REASONS;
}

enum emit_why news_why(const char *text)
{
    for (unsigned i = 0; i < WHYS; i++)
        if (strcmp(trace_why_text(i), text) == 0)
            return (enum emit_why)i;
    return WHYS;
}

static const struct tcp_edge *edge_of(const struct envelope_move *m)
{
    const struct tcp_edge *edge, *any = NULL;

    for (unsigned i = 0; (edge = fsm_edge(i)); i++) {
        if (edge->from != m->from || edge->to != m->to)
            continue;
        if (strcmp(fsm_event_name((enum tcp_event)edge->event), m->event) == 0)
            return edge;
        any = any ? any : edge;
    }
    return any; /* of somebody who names events in another way */
}

/* ---- out ----------------------------------------------------------------------------------------- */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static bool same_end(const struct story_end *a, const struct story_end *b)
{
    return same(&a->local, &b->local) && same(&a->remote, &b->remote);
}

static bool was_received(const struct news_move *m)
{
    return strcmp(fsm_event_class((enum tcp_event)m->edge->event), "rcv") == 0;
}

static void put_move(struct envelope *e, const struct news_move *m)
{
    struct envelope_move *out;

    if (e->moves == ENVELOPE_MOVES)
        return;
    out = &e->move[e->moves++];
    out->from = m->edge->from;
    out->to = m->edge->to;
    out->time = m->when;
    strncpy(out->event, fsm_event_name((enum tcp_event)m->edge->event), sizeof out->event - 1);
    if (m->reason < REASONS)
        strncpy(out->reason, estab_reason(m->reason).name, sizeof out->reason - 1);
    e->has |= HAS_MOVE;
}

/* Takes the moves of this end, all or those that a received frame has caused, and its state before
 * them. */
static void take_moves(struct news *n, const struct story_end *end, bool received,
                       struct envelope *e)
{
    unsigned kept = 0;

    e->has |= HAS_BEFORE;
    for (unsigned i = 0; i < n->moves; i++) {
        if (!same_end(&n->move[i].end, end) || (received && !was_received(&n->move[i])))
            n->move[kept++] = n->move[i];
        else
            put_move(e, &n->move[i]);
    }
    n->moves = kept;
    e->before =
        e->moves ? e->move[0].from : (uint32_t)watch_state(n->watch, &end->local, &end->remote);
}

static void say_state(struct news *n, const struct news_move *m)
{
    struct envelope e;

    envelope_init(&e, SAY_STATE);
    e.has = HAS_LOCAL | HAS_REMOTE | HAS_BEFORE | HAS_TIME;
    e.local = m->end.local;
    e.remote = m->end.remote;
    e.before = m->edge->from;
    e.time = m->when;
    put_move(&e, m);
    (void)station_say(n->station, &e);
}

void news_moved(void *context, const struct story_end *end, const struct tcp_edge *edge,
                enum reason reason, estab_time when)
{
    struct news *n = context;

    if (n->moves == NEWS_MOVES) { /* the oldest one will not get its frame */
        say_state(n, &n->move[0]);
        memmove(n->move, n->move + 1, --n->moves * sizeof *n->move);
    }
    n->move[n->moves++] = (struct news_move){*end, edge, (uint16_t)reason, when};
}

void news_leaving(struct news *n, const struct frame_view *v, uint64_t serial, enum emit_why why)
{
    struct story_end end = {v->src, v->dst};
    struct envelope e;

    envelope_init(&e, SAY_FRAME);
    e.has = HAS_SERIAL;
    e.serial = serial;
    if (why < WHYS)
        envelope_word(&e, HAS_WHY, trace_why_text(why));
    if (v->kind == VIEW_TCP)
        take_moves(n, &end, false, &e);
    station_note(n->station, &e);
}

void news_arrived(struct news *n, const struct frame_view *v, const struct envelope *came)
{
    struct story_end end = {v->dst, v->src};
    struct envelope e;

    if (!came || v->kind != VIEW_TCP)
        return;
    envelope_init(&e, SAY_REPORT);
    e.has = HAS_SERIAL | HAS_STATION | HAS_TIME | HAS_LOCAL | HAS_REMOTE;
    e.local = end.local;
    e.remote = end.remote;
    e.serial = came->serial;
    e.station = came->station;
    e.time = estab_now();
    if (n->watch->reason < REASONS)
        envelope_word(&e, HAS_REASON, estab_reason(n->watch->reason).name);
    take_moves(n, &end, true, &e);
    (void)station_say(n->station, &e);
}

/* ---- listeners --------------------------------------------------------------------------------------- */

static void say_listener(struct news *n, uint16_t port, bool listens)
{
    const struct tcp_edge *opens = fsm_next(TCP_CLOSED, EV_PASSIVE_OPEN);
    struct envelope e;

    envelope_init(&e, SAY_STATE);
    e.has = HAS_LOCAL | HAS_BEFORE | HAS_MOVE;
    e.local.port = port;
    e.before = listens ? ESTAB_STATE_CLOSED : ESTAB_STATE_LISTEN;
    e.moves = 1;
    e.move[0].from = (uint8_t)e.before;
    e.move[0].to = listens ? ESTAB_STATE_LISTEN : ESTAB_STATE_CLOSED;
    e.move[0].time = estab_now();
    strncpy(e.move[0].event,
            listens && opens ? fsm_event_name((enum tcp_event)opens->event) : "CLOSE",
            sizeof e.move[0].event - 1);
    (void)station_say(n->station, &e);
}

static bool has_port(const uint16_t *ports, unsigned n, uint16_t port)
{
    for (unsigned i = 0; i < n; i++)
        if (ports[i] == port)
            return true;
    return false;
}

static void tell_listeners(struct news *n)
{
    struct estab_status st = {.size = sizeof st};
    uint16_t now[ENVELOPE_PORTS];
    uint64_t cursor = 0;
    unsigned count = 0;

    while (estab_list(n->watch->stack, &cursor, &st))
        if (st.state == ESTAB_STATE_LISTEN && count < ENVELOPE_PORTS)
            now[count++] = st.local.port;
    for (unsigned i = 0; i < count; i++)
        if (!has_port(n->port, n->ports, now[i]))
            say_listener(n, now[i], true);
    for (unsigned i = 0; i < n->ports; i++)
        if (!has_port(now, count, n->port[i]))
            say_listener(n, n->port[i], false);
    memcpy(n->port, now, sizeof now);
    n->ports = count;
}

void news_settle(struct news *n, estab_time now)
{
    struct estab_counters counters = {.size = sizeof counters};
    unsigned kept = 0;

    for (unsigned i = 0; i < n->moves; i++) {
        struct news_move m = n->move[i];
        if (strstr(m.edge->emits, "snd") && now < m.when + PATIENCE)
            n->move[kept++] = m;
        else
            say_state(n, &m);
    }
    n->moves = kept;
    estab_counters(n->watch->stack, &counters);
    if (counters.listeners != n->listeners)
        tell_listeners(n);
    n->listeners = counters.listeners;
}

/* ---- in ------------------------------------------------------------------------------------------------ */

void news_heard(struct news *n, const struct story_end *end, const struct envelope *e,
                uint64_t carrier, estab_time origin, estab_time begin)
{
    if (!(e->has & HAS_BEFORE))
        return;
    story_know(n->story, end, (enum tcp_state)e->before, false);
    story_trust(n->story, end, false);
    for (unsigned i = 0; i < e->moves; i++) {
        const struct tcp_edge *edge = edge_of(&e->move[i]);
        estab_time when = e->move[i].time > origin ? e->move[i].time - origin : 0;
        if (edge)
            story_move(n->story, end, edge, news_reason(e->move[i].reason), carrier, when + begin);
    }
}
