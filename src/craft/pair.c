/* SPDX-License-Identifier: MIT */
/* pair.c - first the judgement, then what the segment changes. */
#include "craft/pair.h"

#include <string.h>

#define LINUX_MSL (30 * ESTAB_SECOND)
#define ISS_STEP  64000 /* from a SYN of ours to the next one's proposal */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

struct craft_pair *craft_pair_find(struct craft_pairs *t, const struct estab_endpoint *ours,
                                   const struct estab_endpoint *theirs, uint32_t iss)
{
    struct craft_pair *oldest = &t->pair[0], *p;

    for (unsigned i = 0; i < t->count; i++) {
        p = &t->pair[i];
        if (same(&p->ours, ours) && same(&p->theirs, theirs)) {
            p->stamp = ++t->stamp;
            return p;
        }
        if (p->stamp < oldest->stamp)
            oldest = p;
    }
    p = t->count < CRAFT_PAIRS ? &t->pair[t->count++] : oldest;
    *p = (struct craft_pair){.ours = *ours, .theirs = *theirs, .iss = iss, .stamp = ++t->stamp};
    p->listens = t->we_listen ? CRAFT_CLOSED : CRAFT_UNSURE; /* a client's port */
    infer_init(&p->us.infer, *theirs, *ours, t->we_listen ? TCP_LISTEN : TCP_CLOSED, LINUX_MSL);
    infer_init(&p->them.infer, *ours, *theirs, TCP_CLOSED, LINUX_MSL);
    return p;
}

/* ---- judging ------------------------------------------------------------------------------------------ */

static struct judge_end judge_of(const struct craft_end *to, const struct craft_end *from,
                                 bool listens)
{
    struct judge_end end = {.infer = &to->infer,
                            .listens = listens,
                            .offered = to->offered,
                            .edge = rcv_of(to->edge),
                            .timestamps = to->stamps && from->stamps,
                            .ts_recent = to->ts_recent};

    if (!to->offered) { /* only in its SYN, which acknowledges nothing */
        end.offered = true;
        end.edge = rcv_add(to->infer.irs, 1u + to->syn_window);
    }
    return end;
}

static bool nothing_open(const struct infer *i)
{
    return i->state == TCP_CLOSED || i->state == TCP_LISTEN;
}

static void judge_it(const struct craft_pairs *t, const struct craft_pair *p,
                     const struct frame_view *v, bool from_us, enum reason packet,
                     struct craft_verdict *out)
{
    const struct craft_end *from = from_us ? &p->us : &p->them, *to = from_us ? &p->them : &p->us;
    bool listens = from_us ? p->listens != CRAFT_CLOSED : t->we_listen;
    struct judge_end end = judge_of(to, from, listens);

    out->told = true;
    if (packet != REASON_NONE) {
        out->judgement.reason = packet;
        out->judgement.end = (struct end_state){.known = false};
        return;
    }
    out->judgement = judge_segment(&end, v);
    out->unsure = from_us && p->listens == CRAFT_UNSURE && nothing_open(&to->infer);
    if (!out->unsure)
        return;
    end.listens = false;
    out->if_closed = judge_segment(&end, v);
}

/* ---- what it changes -------------------------------------------------------------------------------------- */

static void offer(struct craft_end *from, const struct craft_end *to, const struct frame_view *v)
{
    bool scaled = from->scales && to->scales && !(v->tcp.flags & CTL_SYN);

    if (v->tcp.flags & CTL_RST)
        return;
    if (v->tcp.flags & CTL_SYN) {
        from->scales = v->tcp.has_window_scale;
        from->wscale = v->tcp.window_scale < 14 ? v->tcp.window_scale : 14;
        from->stamps = v->tcp.has_timestamps;
        from->syn_window = v->tcp.window;
        from->offered = false;
    }
    if (!(v->tcp.flags & CTL_ACK))
        return;
    from->offered = true;
    from->edge = v->tcp.ack + ((uint32_t)v->tcp.window << (scaled ? from->wscale : 0));
}

/* Whether somebody listens there is known from the answer to a SYN. */
static void learn(struct craft_pair *p, const struct frame_view *v, bool from_us)
{
    uint8_t flags = v->tcp.flags;
    bool syn_sent = p->us.infer.state == TCP_SYN_SENT;

    if (flags & CTL_SYN)
        p->opened = true;
    if (from_us && (flags & CTL_SYN))
        p->iss = v->tcp.seq + ISS_STEP;
    if (from_us || !syn_sent || v->tcp.ack != p->us.infer.snd_nxt.v || !(flags & CTL_ACK))
        return;
    if (flags & CTL_SYN)
        p->listens = CRAFT_LISTENS;
    else if (flags & CTL_RST)
        p->listens = CRAFT_CLOSED;
}

/* RFC 7323 section 4.3, for one who sees only the packets. */
static void take(struct craft_end *to, const struct frame_view *v, const struct judgement *j)
{
    if (v->tcp.has_timestamps && (j->taken || v->tcp.flags & CTL_SYN))
        to->ts_recent = v->tcp.tsval;
}

static bool counts(const struct craft_verdict *d)
{
    const struct judgement *j = &d->judgement;

    return d->unsure || j->taken || j->end.moves > 0;
}

struct craft_verdict craft_pair_see(struct craft_pairs *t, struct craft_pair *p,
                                    const struct frame_view *view, bool from_us, enum reason packet,
                                    estab_time now)
{
    struct frame_view seen = *view, *v = &seen;
    struct craft_end *from = from_us ? &p->us : &p->them, *to = from_us ? &p->them : &p->us;
    struct craft_verdict out = {.pair = p, .judgement.reason = packet};

    judge_it(t, p, v, from_us, packet, &out);
    out.from = end_in((enum tcp_state)from->infer.state);
    out.to = end_in((enum tcp_state)to->infer.state);
    out.from.known = from->infer.known;
    out.to.known = to->infer.known;
    out.from.inferred = out.to.inferred = true;
    if (packet != REASON_NONE)
        return out;
    seen.malformed = NULL; /* odd, as SYN with FIN is; but it is processed */
    learn(p, v, from_us);
    if (!from_us) {
        p->reset = out.judgement.flags == CTL_RST;
        p->reset_seq = out.judgement.seq;
    } else if (v->tcp.flags & CTL_RST) {
        p->reset = false;
    }
    offer(from, to, v);
    out.from = infer_feed(&from->infer, v, true, now);
    if (counts(&out)) {
        take(to, v, &out.judgement);
        out.to = infer_feed(&to->infer, v, false, now);
    }
    if (out.judgement.reason == REASON_SYN_TO_LISTEN) { /* it need not answer */
        out.to = out.judgement.end;
        to->infer.state = TCP_LISTEN;
    }
    return out;
}

/* ---- proposals ---------------------------------------------------------------------------------------------- */

uint32_t craft_pair_seq(const struct craft_pair *p, bool for_syn)
{
    const struct infer *i = &p->us.infer;
    bool syn_under_way = i->state == TCP_SYN_SENT || i->state == TCP_SYN_RECEIVED;

    if (i->state == TCP_CLOSED || i->state == TCP_LISTEN)
        return p->opened && i->iss.v != i->snd_nxt.v && !for_syn ? i->snd_nxt.v : p->iss;
    if (for_syn)
        return syn_under_way ? i->iss.v : p->iss;
    return i->snd_nxt.v;
}

uint32_t craft_pair_ack(const struct craft_pair *p)
{
    const struct infer *i = &p->us.infer;

    if (i->state == TCP_LISTEN || i->state == TCP_CLOSED)
        return i->syn_came ? i->syn_seq.v + 1 : i->rcv_nxt.v;
    if (i->state == TCP_SYN_SENT && i->syn_came)
        return i->syn_seq.v + 1;
    return i->rcv_nxt.v;
}
