/* SPDX-License-Identifier: MIT */
/* kernel_news.c - what the packets suggest, told once the kernel confirms it. */
#include "cli/kernel_news.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/infer.h"
#include "capture/view.h"
#include "control/diag.h"
#include "tcp/fsm.h"

#define MSL    (30 * ESTAB_SECOND) /* Linux's TIME-WAIT is 60 s */
#define SETTLE ESTAB_SECOND

/* How far others have been told of an end of the kernel's. */
struct told {
    struct estab_endpoint local, remote; /* as the kernel sees them */
    bool known;
    uint8_t state; /* enum tcp_state */
    unsigned moves;
    struct envelope_move move[ENVELOPE_MOVES]; /* suggested, and not yet confirmed */
};

struct kernel_news {
    struct station *station;
    int diag;
    uint64_t serial;
    estab_time settled;
    struct infer_table peers; /* whose peers are the kernel's ends */
    struct told told[INFER_TABLE_MAX];
};

bool kernel_news_possible(void)
{
    int diag = diag_open();
    bool possible = diag >= 0 && diag_list(diag, NULL, 0) >= 0;

    if (diag >= 0)
        close(diag);
    return possible;
}

struct kernel_news *kernel_news_new(struct station *station, int diag)
{
    struct kernel_news *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    n->station = station;
    n->diag = diag;
    infer_table_init(&n->peers, TCP_CLOSED, MSL);
    return n;
}

void kernel_news_free(struct kernel_news *n)
{
    free(n);
}

/* ---- what the kernel says ------------------------------------------------------------------------ */

/* A socket that is gone is CLOSED; so is one of which only the listener is left. */
static enum tcp_state ask(const struct kernel_news *n, const struct estab_endpoint *local,
                          const struct estab_endpoint *remote)
{
    struct diag_socket s;

    return diag_find(n->diag, local, remote, &s) ? (enum tcp_state)s.state : TCP_CLOSED;
}

/* Whether an edge leads there, or two. */
static bool leads(enum tcp_state from, enum tcp_state to, unsigned edges)
{
    const struct tcp_edge *edge;

    for (unsigned i = 0; (edge = fsm_edge(i)); i++)
        if (edge->from == from &&
            (edge->to == to || (edges > 1 && leads((enum tcp_state)edge->to, to, edges - 1))))
            return true;
    return false;
}

/*
 * Whether the kernel has come to `state`.  It may be further already, by a call or by a frame that we
 * have not seen leave; a connection never returns to a state.  That it is over proves nothing but that.
 */
static bool has_come(const struct kernel_news *n, const struct told *t, enum tcp_state state)
{
    enum tcp_state now = ask(n, &t->local, &t->remote);

    if (now == TCP_LISTEN)
        now = TCP_CLOSED;
    if (now == state)
        return true;
    return now != TCP_CLOSED && state != TCP_CLOSED && leads(state, now, 2);
}

/* ---- what the packets suggest -------------------------------------------------------------------- */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static struct told *told_of(struct kernel_news *n, const struct infer *i)
{
    struct told *t = &n->told[i - n->peers.entry];

    if (!same(&t->local, &i->peer) || !same(&t->remote, &i->local))
        *t = (struct told){.local = i->peer, .remote = i->local};
    return t;
}

/* One that was suggested before comes to nothing new. */
static void suggest_move(struct told *t, uint8_t from, const struct end_move *move, estab_time now)
{
    struct envelope_move *m;

    if (move->to == (t->moves ? t->move[t->moves - 1].to : t->state))
        return;
    if (t->moves == ENVELOPE_MOVES) { /* never confirmed: the oldest one is given up */
        t->state = t->move[0].to;
        memmove(t->move, t->move + 1, --t->moves * sizeof *t->move);
    }
    m = &t->move[t->moves++];
    *m = (struct envelope_move){.from = from, .to = move->to, .time = now};
    strncpy(m->event, fsm_event_name((enum tcp_event)move->event), sizeof m->event - 1);
}

static void suggest(struct told *t, const struct end_state *moved, estab_time now)
{
    uint8_t from = moved->before;

    if (!moved->known)
        return;
    if (!t->known) {
        t->known = true;
        t->state = from;
    }
    for (unsigned k = 0; k < moved->moves; k++) {
        suggest_move(t, from, &moved->move[k], now);
        from = moved->move[k].to;
    }
}

/* What reached the kernel moves it when it answers; where it says that it has moved, that is known
 * before.  So an answer is made up, and believed if the kernel confirms where it leads.  That to a SYN is
 * not kept, for nobody knows its number. */
static void prove(struct kernel_news *n, struct infer *i, struct told *t, estab_time now)
{
    struct frame_view answer = {.kind = VIEW_TCP, .src = i->peer, .dst = i->local};
    struct infer after = *i;
    bool opening = i->state == TCP_LISTEN && i->syn_came;
    struct end_state moved;

    answer.tcp.flags = opening ? CTL_SYN | CTL_ACK : CTL_ACK;
    answer.tcp.seq = i->snd_nxt.v;
    answer.tcp.ack = opening ? i->syn_seq.v + 1 : i->rcv_max.v;
    moved = infer_feed(&after, &answer, true, now);
    if (moved.moves == 0 || !has_come(n, t, end_after(&moved)))
        return;
    if (!opening)
        *i = after;
    suggest(t, &moved, now);
}

/* The connection of a frame, with what the frame suggests; NULL: it is of none. */
static struct told *feed(struct kernel_news *n, const struct frame_view *v, bool from_kernel,
                         estab_time now)
{
    const struct estab_endpoint *local = from_kernel ? &v->src : &v->dst;
    const struct estab_endpoint *remote = from_kernel ? &v->dst : &v->src;
    struct infer *i;
    struct end_state moved;
    struct told *t;

    if (v->kind != VIEW_TCP)
        return NULL;
    if (!from_kernel && (v->tcp.flags & (CTL_SYN | CTL_ACK)) == CTL_SYN)
        n->peers.start = ask(n, local, remote) == TCP_CLOSED ? TCP_CLOSED : TCP_LISTEN;
    i = infer_find(&n->peers, v, from_kernel);
    if (!i)
        return NULL;
    t = told_of(n, i);
    moved = infer_feed(i, v, from_kernel, now);
    suggest(t, &moved, now);
    if (!from_kernel)
        prove(n, i, t, now);
    return t;
}

/* ---- telling ------------------------------------------------------------------------------------- */

/* Puts the state before, and what is confirmed by now. */
static void put(const struct kernel_news *n, struct told *t, struct envelope *e)
{
    if (!t || !t->known)
        return;
    e->has |= HAS_BEFORE;
    e->before = t->state;
    if (t->moves == 0 || !has_come(n, t, (enum tcp_state)t->move[t->moves - 1].to))
        return;
    e->has |= HAS_MOVE;
    e->moves = t->moves;
    memcpy(e->move, t->move, t->moves * sizeof *t->move);
    t->state = t->move[t->moves - 1].to;
    t->moves = 0;
}

void kernel_news_leaving(struct kernel_news *n, const struct estab_frame *f)
{
    struct frame_view v;
    struct envelope e;

    view_frame(&v, f);
    envelope_init(&e, SAY_FRAME);
    e.has = HAS_SERIAL;
    e.serial = ++n->serial;
    put(n, feed(n, &v, true, estab_now()), &e);
    station_note(n->station, &e);
}

void kernel_news_reached(struct kernel_news *n, const struct estab_frame *f,
                         const struct envelope *came)
{
    struct frame_view v;
    struct envelope e;
    struct told *t;

    view_frame(&v, f);
    t = feed(n, &v, false, estab_now());
    if (!t || !came)
        return;
    envelope_init(&e, SAY_REPORT);
    e.has = HAS_SERIAL | HAS_STATION | HAS_TIME | HAS_LOCAL | HAS_REMOTE;
    e.local = t->local;
    e.remote = t->remote;
    e.serial = came->serial;
    e.station = came->station;
    e.time = estab_now();
    put(n, t, &e);
    (void)station_say(n->station, &e);
}

static void say_state(struct kernel_news *n, struct told *t, estab_time now)
{
    struct envelope e;

    envelope_init(&e, SAY_STATE);
    e.has = HAS_LOCAL | HAS_REMOTE | HAS_TIME;
    e.local = t->local;
    e.remote = t->remote;
    e.time = now;
    put(n, t, &e);
    if (e.has & HAS_MOVE)
        (void)station_say(n->station, &e);
}

void kernel_news_settle(struct kernel_news *n, estab_time now)
{
    struct end_state moved;
    struct infer *i;

    if (now < n->settled + SETTLE)
        return;
    n->settled = now;
    while ((i = infer_table_expire(&n->peers, &moved, now)))
        suggest(told_of(n, i), &moved, now);
    for (unsigned k = 0; k < n->peers.count; k++)
        if (n->told[k].moves > 0)
            say_state(n, &n->told[k], now);
}
