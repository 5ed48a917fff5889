/* SPDX-License-Identifier: MIT */
/* onlooker.c - two inferences for each connection. */
#include "cli/onlooker.h"

#define LINUX_MSL (30 * ESTAB_SECOND)

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

/* Its pair, and which end has sent it. */
static struct onlooker_pair *find(struct onlooker *o, const struct frame_view *v, unsigned *from)
{
    struct onlooker_pair *oldest = &o->pair[0], *p;

    for (unsigned i = 0; i < o->count; i++) {
        p = &o->pair[i];
        for (unsigned k = 0; k < 2; k++) {
            if (!same(&p->end[k].peer, &v->src) || !same(&p->end[k].local, &v->dst))
                continue;
            p->stamp = ++o->stamp;
            *from = k;
            return p;
        }
        if (p->stamp < oldest->stamp)
            oldest = p;
    }
    p = o->count < ONLOOKER_PAIRS ? &o->pair[o->count++] : oldest;
    p->stamp = ++o->stamp;
    infer_init(&p->end[0], v->dst, v->src, TCP_CLOSED, LINUX_MSL);
    infer_init(&p->end[1], v->src, v->dst, TCP_CLOSED, LINUX_MSL);
    *from = 0;
    return p;
}

static void tell(struct onlooker *o, const struct infer *i, const struct end_state *moved,
                 uint64_t carrier, estab_time now)
{
    struct story_end end = {i->peer, i->local};
    enum tcp_state state = (enum tcp_state)moved->before;

    if (!moved->known)
        return;
    story_know(o->story, &end, state, true);
    for (unsigned k = 0; k < moved->moves; k++) {
        enum tcp_event event = (enum tcp_event)moved->move[k].event;
        const struct tcp_edge *edge = fsm_next(state, event);
        if (edge)
            story_move(o->story, &end, edge, REASONS, carrier, now);
        state = (enum tcp_state)moved->move[k].to;
    }
    story_trust(o->story, &end, true);
}

void onlooker_see(struct onlooker *o, const struct frame_view *v, uint64_t serial, bool sender,
                  bool receiver, estab_time now)
{
    struct onlooker_pair *p;
    struct end_state from, to;
    unsigned k;

    if (v->kind != VIEW_TCP || v->malformed || v->tcp.header_length == 0)
        return;
    p = find(o, v, &k);
    from = infer_feed(&p->end[k], v, true, now);
    to = infer_feed(&p->end[!k], v, false, now);
    if (sender)
        tell(o, &p->end[k], &from, serial, now);
    if (receiver)
        tell(o, &p->end[!k], &to, 0, now);
}

void onlooker_expire(struct onlooker *o, estab_time now)
{
    for (unsigned i = 0; i < 2 * o->count; i++) {
        struct infer *end = &o->pair[i / 2].end[i % 2];
        estab_time due = infer_deadline(end);
        struct end_state moved;

        if (due > now)
            continue;
        moved = infer_expire(end, now);
        tell(o, end, &moved, 0, due);
    }
}
