/* SPDX-License-Identifier: MIT */
/* watch.c - rows of trace.def, one function each. */
#include "cli/watch.h"

/* Where trace.def keeps the fields that are read here. */
enum { IN_REASON = 5, OUT_WHY = 5, DROP_REASON = 0 };
enum { MOVE_FROM, MOVE_EVENT, MOVE_TO, MOVE_REASON, MOVE_LPORT, MOVE_RPORT };

void watch_init(struct watch *w, struct story *story, estab_stack *stack, struct estab_addr address)
{
    *w = (struct watch){.story = story, .stack = stack, .address = address, .reason = REASONS};
}

static void read_move(struct watch *w, const struct estab_trace *t,
                      const struct estab_endpoint *remote)
{
    const struct tcp_edge *edge =
        fsm_next((enum tcp_state)t->arg[MOVE_FROM], (enum tcp_event)t->arg[MOVE_EVENT]);
    struct story_end end = {
        .local = {w->address, (uint16_t)t->arg[MOVE_LPORT]},
        .remote = {.port = (uint16_t)t->arg[MOVE_RPORT]},
    };

    if (remote && remote->port == end.remote.port)
        end.remote = *remote;
    else
        (void)story_remote(w->story, &end.local, end.remote.port, &end.remote);
    if (!edge)
        return;
    story_move(w->story, &end, edge, (enum reason)t->arg[MOVE_REASON], 0,
               t->time - w->zero + w->begin);
    if (w->moved)
        w->moved(w->context, &end, edge, (enum reason)t->arg[MOVE_REASON], t->time);
}

static struct estab_status *known_of(struct watch *w, estab_conn conn)
{
    for (unsigned i = 0; i < WATCH_KNOWN; i++)
        if (w->known[i].conn.index == conn.index && w->known[i].conn.generation == conn.generation)
            return &w->known[i].status;
    return NULL;
}

/* STATUS as it is; of a connection that has ended, as it was when it last moved or decided.  NULL: not known. */
static const struct estab_status *status_of(struct watch *w, estab_conn conn)
{
    struct estab_status now = {.size = sizeof now}, *known = known_of(w, conn);

    if (estab_status(w->stack, conn, &now) != ESTAB_OK || now.local.port == 0) {
        if (known)
            known->state = ESTAB_STATE_CLOSED;
        return known;
    }
    if (!known) {
        unsigned i = w->known_next++ % WATCH_KNOWN;

        w->known[i].conn = conn;
        known = &w->known[i].status;
    }
    *known = now;
    return known;
}

static void read_decision(struct watch *w, const struct estab_trace *t)
{
    const struct estab_status *st = status_of(w, t->conn);

    if (st)
        story_decision(w->story, st, t, t->time - w->zero + w->begin);
}

void watch_read(struct watch *w, const struct estab_endpoint *remote)
{
    struct estab_trace t;

    w->reason = REASONS;
    while (estab_trace_next(w->stack, &t)) {
        switch ((enum trace_kind)t.kind) {
        case TRACE_MOVE:
            read_move(w, &t, remote);
            (void)status_of(w, t.conn);
            break;
        case TRACE_SEGMENT_IN:
            w->reason = (enum reason)t.arg[IN_REASON];
            break;
        case TRACE_DROP:
            w->reason = (enum reason)t.arg[DROP_REASON];
            break;
        case TRACE_SEGMENT_OUT:
            w->sent[t.serial % WATCH_SENT].serial = t.serial;
            w->sent[t.serial % WATCH_SENT].why = (uint16_t)t.arg[OUT_WHY];
            break;
        default:
            if (trace_is_decision(t.kind))
                read_decision(w, &t);
            break;
        }
    }
}

enum emit_why watch_why(const struct watch *w, const struct estab_frame *f)
{
    if (f->cause == 0 || w->sent[f->cause % WATCH_SENT].serial != f->cause)
        return WHYS;
    return (enum emit_why)w->sent[f->cause % WATCH_SENT].why;
}

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

enum tcp_state watch_state(const struct watch *w, const struct estab_endpoint *local,
                           const struct estab_endpoint *remote)
{
    struct estab_status st = {.size = sizeof st};
    enum tcp_state found = TCP_CLOSED;
    uint64_t cursor = 0;

    while (estab_list(w->stack, &cursor, &st)) {
        if (st.state == ESTAB_STATE_LISTEN && st.local.port == local->port)
            found = TCP_LISTEN;
        if (same(&st.local, local) && same(&st.remote, remote))
            return (enum tcp_state)st.state;
    }
    return found;
}

void watch_know(struct watch *w, const struct frame_view *v, bool sender)
{
    struct story_end end = {sender ? v->src : v->dst, sender ? v->dst : v->src};

    if (v->kind == VIEW_TCP)
        story_know(w->story, &end, watch_state(w, &end.local, &end.remote), false);
}
