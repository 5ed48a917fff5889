/* SPDX-License-Identifier: MIT */
/*
 * infer.c - the two rules of infer.h, one function for each kind of segment in each direction.
 *
 * Numbers are judged as RFC 9293 section 3.4 compares them.  A segment of ours advances rcv_nxt when
 * it touches it; what lies beyond a gap is an island until the gap is filled.  If there are too many
 * islands, the peer's acknowledgments tell what was forgotten.
 */
#include "capture/infer.h"

/* ---- moves --------------------------------------------------------------------------------------- */

/* Follows the edge, if there is one: what has no edge changes no state. */
static void take(struct infer *i, struct end_state *end, enum tcp_event event)
{
    const struct tcp_edge *edge = fsm_next((enum tcp_state)i->state, event);

    if (!edge)
        return;
    end_move(end, event, (enum tcp_state)edge->to);
    i->state = edge->to;
}

static bool in(const struct infer *i, enum tcp_state state)
{
    return i->state == state;
}

static bool is(const struct infer *i, unsigned facts)
{
    return tcp_state_is((enum tcp_state)i->state, facts);
}

/* A new incarnation, in `state`: nothing of the old one holds any more. */
static void begin(struct infer *i, struct end_state *end, enum tcp_state state)
{
    i->state = (uint8_t)state;
    i->known = true;
    i->passive = i->fin_sent = i->fin_came = i->syn_ack_came = false;
    i->held = HELD_NOTHING;
    i->islands = 0;
    i->due = ESTAB_NEVER;
    *end = end_in(state);
}

static void start_time_wait(struct infer *i, estab_time now)
{
    i->due = now + i->two_msl;
}

/* ---- what the peer receives ------------------------------------------------------------------------ */

static void our_syn(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    if (in(i, TCP_CLOSED) || in(i, TCP_LISTEN))
        begin(i, end, (enum tcp_state)i->start);
    i->known = i->syn_came = true;
    i->syn_seq = rcv_of(v->tcp.seq);
}

static void our_syn_ack(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    if (!in(i, TCP_SYN_SENT) && !in(i, TCP_SYN_RECEIVED))
        return;
    if (!snd_eq(snd_of(v->tcp.ack), i->snd_nxt))
        return; /* of a SYN that was never sent: it answers with a RST */
    i->snd_una = i->snd_nxt;
    if (in(i, TCP_SYN_RECEIVED)) {
        take(i, end, EV_RCV_ACK_OF_SYN);
        return;
    }
    i->syn_ack_came = true;
    i->irs = rcv_of(v->tcp.seq);
    i->rcv_nxt = i->rcv_max = rcv_add(i->irs, 1);
}

/* RFC 9293 section 3.10.7.3 step 2 and 3.10.7.4 step 2, with RFC 5961's exact match. */
static void our_rst(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    rcv_seq seq = rcv_of(v->tcp.seq);

    if (in(i, TCP_SYN_SENT)) {
        if ((v->tcp.flags & CTL_ACK) && snd_eq(snd_of(v->tcp.ack), i->snd_nxt))
            take(i, end, EV_RCV_RST);
        return;
    }
    if (!rcv_eq(seq, i->rcv_nxt) && !rcv_eq(seq, i->rcv_max))
        return;
    take(i, end, in(i, TCP_SYN_RECEIVED) && i->passive ? EV_RCV_RST_PASSIVE : EV_RCV_RST);
    i->due = ESTAB_NEVER;
}

static bool fin_in_sequence(const struct infer *i)
{
    return i->fin_came && rcv_lt(i->our_fin_seq, i->rcv_nxt);
}

/* Advances rcv_nxt, over islands as well. */
static void fill(struct infer *i, rcv_seq next)
{
    i->rcv_nxt = rcv_max(i->rcv_nxt, next);
    for (unsigned k = 0; k < i->islands;) {
        if (!rcv_leq(i->island[k].left, i->rcv_nxt)) {
            k++;
            continue;
        }
        i->rcv_nxt = rcv_max(i->rcv_nxt, i->island[k].right);
        i->island[k] = i->island[--i->islands];
        k = 0; /* what was passed over may touch now */
    }
}

static void land(struct infer *i, rcv_seq seq, rcv_seq next)
{
    for (unsigned k = 0; k < i->islands; k++) {
        if (rcv_leq(i->island[k].left, seq) && rcv_leq(seq, i->island[k].right)) {
            i->island[k].right = rcv_max(i->island[k].right, next);
            return;
        }
    }
    if (i->islands < INFER_ISLANDS_MAX)
        i->island[i->islands++] = (struct infer_island){seq, next};
}

static void our_text(struct infer *i, const struct frame_view *v, estab_time now)
{
    rcv_seq seq = rcv_of(v->tcp.seq), next = rcv_add(seq, view_seg_len(v));

    if (v->tcp.flags & CTL_FIN) {
        i->fin_came = true;
        i->our_fin_seq = rcv_add(seq, v->payload_length);
        if (in(i, TCP_TIME_WAIT)) /* section 3.10.7.4 step 8: the wait starts anew */
            start_time_wait(i, now);
    }
    i->rcv_max = rcv_max(i->rcv_max, next);
    if (rcv_leq(seq, i->rcv_nxt))
        fill(i, next);
    else if (!rcv_eq(seq, next))
        land(i, seq, next);
}

/*
 * Our ACK of the peer's FIN moves it at once, unless our own FIN is in sequence and unanswered: then
 * the peer was in CLOSING when the ACK came, or both were one event, and the answer will prove it.
 */
static void our_ack_of_fin(struct infer *i, bool fin_before, struct end_state *end, estab_time now)
{
    if (in(i, TCP_FIN_WAIT_1) && fin_in_sequence(i)) {
        if (i->held == HELD_NOTHING)
            i->held = fin_before ? HELD_AFTER_FIN : HELD_WITH_FIN;
        return;
    }
    take(i, end, EV_RCV_ACK_OF_FIN);
    if (in(i, TCP_TIME_WAIT) && i->due == ESTAB_NEVER)
        start_time_wait(i, now);
}

static void our_ack(struct infer *i, const struct frame_view *v, struct end_state *end,
                    estab_time now)
{
    snd_seq ack = snd_of(v->tcp.ack);
    bool fin_before = fin_in_sequence(i);

    if (!in(i, TCP_SYN_RECEIVED) && !is(i, F_SYNC))
        return; /* CLOSED, LISTEN and SYN-SENT answer it with a RST */
    if (!snd_leq(i->snd_una, ack) || !snd_leq(ack, i->snd_nxt))
        ack = i->snd_una; /* old, or of something never sent: nothing new */
    our_text(i, v, now);
    if (in(i, TCP_SYN_RECEIVED) && snd_lt(i->iss, ack))
        take(i, end, EV_RCV_ACK_OF_SYN);
    i->snd_una = ack;
    if (i->fin_sent && snd_eq(ack, snd_add(i->fin_seq, 1)))
        our_ack_of_fin(i, fin_before, end, now);
}

/* ---- what the peer sends ----------------------------------------------------------------------------- */

static void peer_syn(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    bool running = in(i, TCP_SYN_SENT) || in(i, TCP_SYN_RECEIVED) || is(i, F_SYNC);

    if (running && !in(i, TCP_TIME_WAIT)) {
        if (snd_eq(snd_of(v->tcp.seq), i->iss))
            return; /* once more */
        i->syn_came = false;
    }
    begin(i, end, TCP_CLOSED);
    i->iss = i->snd_una = snd_of(v->tcp.seq);
    i->snd_nxt = snd_add(i->iss, 1);
    take(i, end, EV_ACTIVE_OPEN);
}

/* The answer to our SYN.  If that crossed with its own, our SYN+ACK may already have come. */
static void peer_syn_ack(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    bool crossed = in(i, TCP_SYN_SENT) && snd_eq(snd_of(v->tcp.seq), i->iss);

    bool again = (in(i, TCP_SYN_RECEIVED) || is(i, F_SYNC)) && snd_eq(snd_of(v->tcp.seq), i->iss);

    if (again || !i->syn_came || !rcv_eq(rcv_of(v->tcp.ack), rcv_add(i->syn_seq, 1)))
        return;
    i->syn_came = false;
    if (!crossed) {
        begin(i, end, TCP_LISTEN);
        i->passive = true;
        i->iss = i->snd_una = snd_of(v->tcp.seq);
        i->snd_nxt = snd_add(i->iss, 1);
    }
    i->irs = i->syn_seq;
    i->rcv_nxt = i->rcv_max = rcv_add(i->irs, 1);
    take(i, end, EV_RCV_SYN);
    if (i->syn_ack_came)
        take(i, end, EV_RCV_ACK_OF_SYN);
}

/* An acknowledgment is the proof that what it answers has arrived. */
static void peer_ack(struct infer *i, const struct frame_view *v, struct end_state *end,
                     estab_time now)
{
    rcv_seq ack = rcv_of(v->tcp.ack);

    if (in(i, TCP_SYN_SENT) && i->syn_ack_came && rcv_lt(i->irs, ack))
        take(i, end, EV_RCV_SYN_ACK);
    if (!is(i, F_SYNC))
        return;
    if (rcv_leq(ack, i->rcv_max))
        fill(i, ack);
    if (!i->fin_came || is(i, F_FIN_RCVD) || !rcv_lt(i->our_fin_seq, ack))
        return;
    if (i->held == HELD_WITH_FIN) {
        take(i, end, EV_RCV_FIN_ACK_OF_FIN);
    } else {
        take(i, end, EV_RCV_FIN);
        if (i->held == HELD_AFTER_FIN)
            take(i, end, EV_RCV_ACK_OF_FIN);
    }
    i->held = HELD_NOTHING;
    if (in(i, TCP_TIME_WAIT))
        start_time_wait(i, now);
}

static void peer_text(struct infer *i, const struct frame_view *v, struct end_state *end)
{
    snd_seq seq = snd_of(v->tcp.seq);

    if (!in(i, TCP_SYN_RECEIVED) && !is(i, F_SYNC))
        return;
    i->snd_nxt = snd_max(i->snd_nxt, snd_add(seq, view_seg_len(v)));
    if (!(v->tcp.flags & CTL_FIN) || i->fin_sent)
        return;
    i->fin_sent = true;
    i->fin_seq = snd_add(seq, v->payload_length);
    take(i, end, EV_CLOSE);
}

/*
 * A RST with a number of this connection ends it.  One with another number answers a segment of
 * another (section 3.5.2) and changes nothing.  To a SYN it says that nobody listens.
 */
static void peer_rst(struct infer *i, const struct frame_view *v, struct end_state *end,
                     estab_time now)
{
    snd_seq seq = snd_of(v->tcp.seq);

    if (in(i, TCP_LISTEN) || in(i, TCP_CLOSED)) {
        begin(i, end, TCP_CLOSED);
        i->syn_came = false;
        return;
    }
    if (!snd_leq(i->snd_una, seq) || !snd_leq(seq, i->snd_nxt))
        return;
    if (in(i, TCP_SYN_SENT)) {
        if (i->syn_ack_came && snd_eq(seq, i->snd_nxt))
            take(i, end, EV_CLOSE); /* to a good SYN+ACK: its user had gone */
        return;
    }
    if (v->tcp.flags & CTL_ACK)
        peer_ack(i, v, end, now);
    take(i, end, EV_ABORT);
    i->due = ESTAB_NEVER;
}

/* ---- one connection ------------------------------------------------------------------------------------ */

void infer_init(struct infer *i, struct estab_endpoint local, struct estab_endpoint peer,
                enum tcp_state start, estab_time msl_ns)
{
    *i = (struct infer){
        .local = local,
        .peer = peer,
        .state = (uint8_t)start,
        .start = (uint8_t)start,
        .known = start == TCP_LISTEN,
        .two_msl = 2 * msl_ns,
        .due = ESTAB_NEVER,
    };
}

static void feed_ours(struct infer *i, const struct frame_view *v, struct end_state *end,
                      estab_time now)
{
    uint8_t flags = v->tcp.flags;

    if (flags & CTL_RST)
        our_rst(i, v, end);
    else if ((flags & CTL_SYN) && !(flags & CTL_ACK))
        our_syn(i, v, end);
    else if (flags & CTL_SYN)
        our_syn_ack(i, v, end);
    else if (flags & CTL_ACK)
        our_ack(i, v, end, now);
}

static void feed_peer(struct infer *i, const struct frame_view *v, struct end_state *end,
                      estab_time now)
{
    uint8_t flags = v->tcp.flags;

    if (flags & CTL_RST) {
        peer_rst(i, v, end, now);
    } else if (flags & CTL_SYN) {
        if (flags & CTL_ACK)
            peer_syn_ack(i, v, end);
        else
            peer_syn(i, v, end);
    } else if (flags & CTL_ACK) {
        peer_ack(i, v, end, now);
        peer_text(i, v, end);
    }
}

struct end_state infer_feed(struct infer *i, const struct frame_view *v, bool from_peer,
                            estab_time now)
{
    struct end_state end = end_in((enum tcp_state)i->state);

    if (v->kind == VIEW_TCP && !v->malformed && v->checksum != VIEW_SUM_BAD) {
        if (from_peer)
            feed_peer(i, v, &end, now);
        else
            feed_ours(i, v, &end, now);
    }
    end.known = i->known;
    end.inferred = true;
    return end;
}

estab_time infer_deadline(const struct infer *i)
{
    return i->due;
}

struct end_state infer_expire(struct infer *i, estab_time now)
{
    struct end_state end = end_in((enum tcp_state)i->state);

    if (i->due != ESTAB_NEVER && now >= i->due) {
        i->due = ESTAB_NEVER;
        take(i, &end, EV_TIMEOUT_2MSL);
    }
    end.known = i->known;
    end.inferred = true;
    return end;
}

/* ---- many connections ------------------------------------------------------------------------------------ */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

void infer_table_init(struct infer_table *table, enum tcp_state start, estab_time msl_ns)
{
    table->stamp = 0;
    table->count = 0;
    table->start = start;
    table->msl_ns = msl_ns;
}

struct infer *infer_find(struct infer_table *table, const struct frame_view *v, bool from_peer)
{
    const struct estab_endpoint *local = from_peer ? &v->dst : &v->src;
    const struct estab_endpoint *peer = from_peer ? &v->src : &v->dst;
    struct infer *oldest = table->entry, *i;

    if (v->kind != VIEW_TCP || v->malformed)
        return NULL;
    for (unsigned k = 0; k < table->count; k++) {
        i = &table->entry[k];
        if (same(&i->local, local) && same(&i->peer, peer)) {
            i->stamp = ++table->stamp;
            return i;
        }
        if (i->stamp < oldest->stamp)
            oldest = i;
    }
    i = table->count < INFER_TABLE_MAX ? &table->entry[table->count++] : oldest;
    infer_init(i, *local, *peer, from_peer ? TCP_CLOSED : table->start, table->msl_ns);
    i->stamp = ++table->stamp;
    return i;
}

struct infer *infer_table_expire(struct infer_table *table, struct end_state *end, estab_time now)
{
    for (unsigned k = 0; k < table->count; k++) {
        if (table->entry[k].due == ESTAB_NEVER || table->entry[k].due > now)
            continue;
        *end = infer_expire(&table->entry[k], now);
        return &table->entry[k];
    }
    return NULL;
}

estab_time infer_table_deadline(const struct infer_table *table)
{
    estab_time first = ESTAB_NEVER;

    for (unsigned k = 0; k < table->count; k++)
        if (table->entry[k].due < first)
            first = table->entry[k].due;
    return first;
}
