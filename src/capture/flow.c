/* SPDX-License-Identifier: MIT */
/*
 * flow.c - what an onlooker remembers of each connection.
 *
 * A side is what one end sends.  Its `next` is the highest number that it has sent, plus one, and
 * next_rel the same number counted from its SYN, in 64 bits: any number less than half the circle
 * away (RFC 9293 section 3.4) has its relative form from these two.
 */
#include "capture/flow.h"

#include <string.h>

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static int64_t relative(const struct flow_side *side, uint32_t number)
{
    return side->next_rel + (int32_t)(number - side->next);
}

/* The first number seen of a side: `number` counts as `rel`. */
static void rebase(struct flow_side *side, uint32_t number, int64_t rel)
{
    *side = (struct flow_side){.based = true, .next = number, .next_rel = rel};
}

/* Which end of the flow sent this; 2: it is of another flow. */
static unsigned direction(const struct flow *f, const struct frame_view *v)
{
    if (same(&f->end[0], &v->src) && same(&f->end[1], &v->dst))
        return 0;
    if (same(&f->end[1], &v->src) && same(&f->end[0], &v->dst))
        return 1;
    return 2;
}

static struct flow *known(struct flows *flows, const struct frame_view *v)
{
    for (unsigned i = 0; i < flows->count; i++)
        if (direction(&flows->entry[i], v) < 2)
            return &flows->entry[i];
    return NULL;
}

/* The same; made if it is new. */
static struct flow *find(struct flows *flows, const struct frame_view *v)
{
    struct flow *f = known(flows, v);

    if (f)
        return f;
    f = &flows->entry[0];
    if (flows->count < FLOWS_MAX)
        f = &flows->entry[flows->count++];
    else
        for (unsigned i = 1; i < FLOWS_MAX; i++)
            if (flows->entry[i].stamp < f->stamp)
                f = &flows->entry[i];
    *f = (struct flow){.end = {v->src, v->dst}, .number = ++flows->numbers};
    return f;
}

static bool ended(const struct flow *f)
{
    return f->reset || (f->side[0].fin && f->side[1].fin);
}

static bool several(const struct flows *flows, const struct flow *mine)
{
    for (unsigned i = 0; i < flows->count; i++) {
        const struct flow *f = &flows->entry[i];
        if (f == mine || ended(f))
            continue;
        for (unsigned k = 0; k < 2; k++)
            if (memcmp(&f->end[k].addr, &mine->end[0].addr, sizeof f->end[0].addr) == 0 &&
                memcmp(&f->end[!k].addr, &mine->end[1].addr, sizeof f->end[0].addr) == 0)
                return true;
    }
    return false;
}

/*
 * A SYN starts its side anew, unless the peer has acknowledged one with another number: that is an
 * old duplicate, and keeps its place far from the others.  On a connection that is over it starts
 * both sides: the ports are used again.
 */
static void see_syn(struct flows *flows, struct flow *f, unsigned way, const struct frame_view *v)
{
    struct flow_side *side = &f->side[way];

    if (ended(f) && !(v->tcp.flags & CTL_ACK)) {
        *f = (struct flow){.end = {f->end[0], f->end[1]}, .number = ++flows->numbers};
    } else if (side->based && (side->synced || relative(side, v->tcp.seq) == 0)) {
        return;
    }
    rebase(side, v->tcp.seq, 0);
    side->syn = true;
    side->wscaled = v->tcp.has_window_scale;
    side->wscale = v->tcp.window_scale < 14 ? v->tcp.window_scale : 14;
}

static void see_bases(struct flows *flows, struct flow *f, unsigned way, const struct frame_view *v)
{
    struct flow_side *mine = &f->side[way], *other = &f->side[!way];
    uint8_t flags = v->tcp.flags;

    if (flags & CTL_SYN)
        see_syn(flows, f, way, v);
    if (!mine->based && !(flags & CTL_RST))
        rebase(mine, v->tcp.seq, 1);
    if (!(flags & CTL_ACK))
        return;
    if (!other->based)
        rebase(other, v->tcp.ack, 1);
    else if (!(flags & CTL_RST) && other->syn && relative(other, v->tcp.ack) == 1)
        other->synced = true;
}

/*
 * Judged by what this side has sent before, and by what the other has acknowledged and offered.
 * A keep-alive repeats an acknowledged number (RFC 9293 section 3.8.4); so does Linux's probe of a
 * window of zero, where others send one new byte (section 3.8.6.1).
 */
static enum flow_mark judge(const struct flow *f, unsigned way, const struct frame_view *v)
{
    const struct flow_side *mine = &f->side[way], *other = &f->side[!way];
    uint32_t length = view_seg_len(v);
    int32_t ahead = (int32_t)(v->tcp.seq - mine->next);
    bool zero = other->acking && other->window == 0;

    if (v->tcp.flags & CTL_RST)
        return FLOW_PLAIN;
    if ((v->tcp.flags & CTL_SYN) && (v->tcp.flags & CTL_ACK) && !mine->acking)
        return FLOW_PLAIN; /* both sides have opened: the SYN again, but now with an answer */
    if (zero && length <= 1 && !(v->tcp.flags & (CTL_SYN | CTL_FIN)) &&
        (ahead == -1 || (ahead == 0 && length == 1)))
        return FLOW_PROBE;
    if (ahead == -1 && length <= 1 && other->acking && other->ack == mine->next &&
        !(v->tcp.flags & (CTL_SYN | CTL_FIN)))
        return FLOW_KEEPALIVE;
    if (length > 0 && ahead < 0 && relative(mine, v->tcp.seq) >= 0)
        return FLOW_RETRANSMISSION;
    if (length == 0 && mine->acking && v->tcp.ack == mine->ack &&
        v->tcp.window == mine->window_field && other->based &&
        relative(other, v->tcp.ack) < other->next_rel)
        return FLOW_DUPLICATE_ACK;
    return FLOW_PLAIN;
}

static uint32_t scaled(const struct flow *f, unsigned way, const struct frame_view *v)
{
    bool agreed = f->side[0].wscaled && f->side[1].wscaled;
    if (!agreed || (v->tcp.flags & CTL_SYN))
        return v->tcp.window;
    return (uint32_t)v->tcp.window << f->side[way].wscale;
}

static void remember(struct flow *f, unsigned way, const struct frame_view *v)
{
    struct flow_side *mine = &f->side[way];
    int32_t ahead = (int32_t)(v->tcp.seq + view_seg_len(v) - mine->next);

    if (v->tcp.flags & CTL_RST) {
        f->reset = true;
        return;
    }
    if (ahead > 0) {
        mine->next += (uint32_t)ahead;
        mine->next_rel += ahead;
    }
    if (v->tcp.flags & CTL_FIN)
        mine->fin = true;
    if (v->tcp.flags & CTL_ACK) {
        mine->acking = true;
        mine->ack = v->tcp.ack;
        mine->window_field = v->tcp.window;
        mine->window = scaled(f, way, v);
    }
}

/* What is damaged may name any connection: nothing is learned from it. */
static struct flow_note see_damaged(struct flows *flows, const struct frame_view *v)
{
    struct flow_note note = {
        .tcp = true, .seq = v->tcp.flags & CTL_SYN ? 0 : 1, .ack = 1, .window = v->tcp.window};
    struct flow *f = known(flows, v);
    unsigned way;

    if (!f)
        return note;
    way = direction(f, v);
    note.seq = f->side[way].based ? relative(&f->side[way], v->tcp.seq) : 0;
    note.ack = f->side[!way].based ? relative(&f->side[!way], v->tcp.ack) : 0;
    note.window = scaled(f, way, v);
    note.number = f->number;
    note.several = several(flows, f);
    return note;
}

struct flow_note flows_see(struct flows *flows, const struct frame_view *v)
{
    struct flow_note note = {.tcp = v->kind == VIEW_TCP && v->tcp.header_length > 0};
    struct flow *f;
    unsigned way;

    if (!note.tcp)
        return note;
    if (v->checksum == VIEW_SUM_BAD)
        return see_damaged(flows, v);
    f = find(flows, v);
    way = direction(f, v);
    f->stamp = ++flows->stamp;
    see_bases(flows, f, way, v);
    note.seq = f->side[way].based ? relative(&f->side[way], v->tcp.seq) : 0;
    note.ack = f->side[!way].based ? relative(&f->side[!way], v->tcp.ack) : 0;
    note.window = scaled(f, way, v);
    note.mark = judge(f, way, v);
    note.number = f->number;
    note.several = several(flows, f);
    remember(f, way, v);
    return note;
}

const char *flow_mark_text(enum flow_mark mark)
{
    static const char *const texts[FLOW_MARKS] = {
        [FLOW_PLAIN] = "",
        [FLOW_RETRANSMISSION] = "retransmission",
        [FLOW_PROBE] = "zero-window probe",
        [FLOW_KEEPALIVE] = "keep-alive",
        [FLOW_DUPLICATE_ACK] = "duplicate ACK",
    };
    return (unsigned)mark < FLOW_MARKS ? texts[mark] : "";
}
