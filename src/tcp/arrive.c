/* SPDX-License-Identifier: MIT */
/*
 * arrive.c - RFC 9293 section 3.10.7, SEGMENT ARRIVES.
 *
 *      3.10.7.1  CLOSED      arrive_closed
 *      3.10.7.2  LISTEN      listen.c
 *      3.10.7.3  SYN-SENT    arrive_syn_sent
 *      3.10.7.4  otherwise   eight steps, in this order:
 *
 *          check_seq  check_rst  check_security  check_syn  check_ack  check_urg  process_text
 *          check_fin
 *
 * The first five steps judge (judge.c), on a view that a TCB or a record fills, and change nothing.
 * They give a ruling: what is to be done, and the reason for it; `dispose` does it.  The last three
 * work on a TCB whose acknowledgment has been taken.
 *
 * Events of one segment are composed before the move: a FIN that comes with the ACK of ours is one
 * edge from FIN-WAIT-1 to TIME-WAIT.
 */
#include "tcp/judge.h"
#include "tcp/tcp.h"

struct arriving {
    struct tcp *t;
    struct segment *s;
    struct tcp_view v;
    bool fin_acked; /* the ACK of our FIN came, in FIN-WAIT-1 */
    bool ended;     /* the TCB is gone */
    enum reason reason;
    struct ruling ruled; /* the last one */
    estab_time now;
};

/* ---- answers ------------------------------------------------------------------------------------------ */

static void answer_ack(struct arriving *a)
{
    struct tcb *b = a->v.tcb;

    if (!b) {
        record_ack(a->t, a->v.record, WHY_ACK_NOW, a->now);
        return;
    }
    if (b->snd.acks_owed < UINT8_MAX)
        b->snd.acks_owed++;
    conn_ready(a->t, b);
}

static uint8_t *answers_spent(struct arriving *a)
{
    return a->v.tcb ? &a->v.tcb->stray : &a->v.record->stray;
}

static void answer_challenge(struct arriving *a)
{
    if (throttle_challenge(a->t, answers_spent(a), a->now))
        answer_ack(a);
    else
        note_reason(a->t, REASON_CHALLENGE_THROTTLED);
}

/*
 * Of two peers that a stranger has set apart, each finds the other's ACKs outside its window.  Text
 * is always answered, but by a record, which has no use for it; bare ACKs, which might answer each
 * other for ever, a few times a second.
 */
static void answer_stray(struct arriving *a)
{
    bool near = rcv_eq(rcv_add(a->s->seq, 1), a->v.rcv_nxt);
    bool bare = a->v.record || segment_length(a->s) == 0;

    if (!bare || throttle_stray(answers_spent(a), near, a->now))
        answer_ack(a);
    else
        note_reason(a->t, REASON_CHALLENGE_THROTTLED);
}

/* RFC 2883: text that lies left of the window was received before. */
static void tell_duplicate(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    rcv_seq end = rcv_add(a->s->seq, a->s->len);

    if (!b || a->s->len == 0 || !rcv_lt(a->s->seq, b->rcv.nxt))
        return;
    delack_quick(a->t, b);
    sack_again(a->t, b, a->s->seq, rcv_lt(b->rcv.nxt, end) ? b->rcv.nxt : end);
}

static void answer_syn_ack(struct arriving *a)
{
    struct tcb *b = a->v.tcb;

    if (!b) {
        (void)record_syn_ack(a->t, a->v.record, a->s->mac, WHY_SYN_ACK_AGAIN, a->now);
        return;
    }
    b->flags |= TCB_SYN_QUEUED;
    conn_ready(a->t, b);
}

/* Section 3.10.7.4 step 2: in SYN-RECEIVED after an active OPEN the connection was refused. */
static void close_reset(struct arriving *a)
{
    struct tcp_head *head = a->v.head;
    enum estab_error error =
        head->state == TCP_SYN_RECEIVED ? ESTAB_REFUSED
        : head->state == TCP_TIME_WAIT  ? ESTAB_OK
                                        : ESTAB_RESET;

    if (a->v.tcb)
        conn_close(a->t, a->v.tcb, EV_RCV_RST, error, a->ruled.reason, a->now);
    else
        record_close(a->t, a->v.record, EV_RCV_RST, error, a->ruled.reason, a->now);
}

/* A passive OPEN returns to LISTEN: a record vanishes, as its listener never left that state; a
 * single-shot TCB listens again. */
static void return_to_listen(struct arriving *a)
{
    enum tcp_event event = a->s->flags & CTL_RST ? EV_RCV_RST_PASSIVE : EV_RCV_SYN;

    if (a->v.tcb)
        listen_again(a->t, a->v.tcb, event, a->ruled.reason, a->now);
    else
        record_to_listen(a->t, a->v.record, event, a->ruled.reason, a->now);
}

static void wait_anew(struct arriving *a)
{
    if (a->v.tcb)
        timer_time_wait(a->t, a->v.tcb, a->now);
    else
        record_wait(a->t, a->v.record, RECORD_TIME_WAIT, a->now);
    answer_ack(a);
}

/* Does what a ruling says; true if the segment goes on to the next step. */
static bool dispose(struct arriving *a, struct ruling r)
{
    a->ruled = r;
    switch (r.verdict) {
    case V_NEXT:
        return true;
    case V_DROP:
        break;
    case V_ACK:
        tell_duplicate(a);
        answer_stray(a);
        break;
    case V_CHALLENGE:
        answer_challenge(a);
        break;
    case V_RESET:
        reply_reset(a->t, a->s, a->now);
        break;
    case V_SYN_ACK:
        answer_syn_ack(a);
        break;
    case V_CLOSE:
        close_reset(a);
        a->ended = true;
        return false; /* counted by the close */
    case V_LISTEN:
        return_to_listen(a);
        a->ended = true;
        break;
    case V_WAIT:
        wait_anew(a);
        break;
    }
    note_reason(a->t, r.reason);
    return false;
}

/* ---- step 5: the work of the ACK ------------------------------------------------------------------------- */

static void established(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    const struct segment *s = a->s;

    tcp_move(a->t, &b->head, EV_RCV_ACK_OF_SYN, REASON_NONE, a->now);
    b->flags &= ~(uint32_t)(TCB_SYN_QUEUED | TCB_RETRANSMIT);
    b->snd.wnd = b->snd.wnd_max = s->wnd << (s->flags & CTL_SYN ? 0 : b->snd.wscale);
    b->snd.wl1 = s->seq;
    b->snd.wl2 = s->ack;
    conn_established(a->t, b, a->now);
}

/* The ACK of our SYN turns a record into a TCB. */
static bool promote(struct arriving *a)
{
    enum reason reason = REASON_LISTEN_DEFERRED;
    uint32_t again = a->v.record->retries;
    struct tcb *b = NULL;

    if (!record_defers(a->t, a->v.record, a->s))
        b = listen_promote(a->t, a->v.record, &reason, a->now);
    if (!b) {
        note_reason(a->t, reason);
        a->reason = reason;
        return false;
    }
    a->v.tcb = b;
    a->v.record = NULL;
    a->v.head = &b->head;
    measure_promoted(a->t, b, a->s, again);
    return true;
}

/* RFC 7323 section 5.5: after 24 days the peer's clock may have gone half round. */
static bool timestamp_young(const struct tcb *b, estab_time now)
{
    return s_of(now) - b->ts.recent_at_s < 24u * 24 * 3600;
}

/* RFC 7323 section 4.3 (R3): TS.Recent follows the segment that the next ACK will answer; after 24
 * days (section 5.5) it follows an older one, too. */
static void timestamp_take(struct tcb *b, const struct segment *s, bool young, estab_time now)
{
    if (!(b->head.tag & TAG_TIMESTAMPS) || !(s->opt.present & OPT_TIMESTAMPS))
        return;
    if (young && (int32_t)(s->opt.tsval - b->ts.recent) < 0)
        return;
    if (rcv_lt(b->ts.last_ack_sent, s->seq))
        return;
    b->ts.recent = s->opt.tsval;
    b->ts.recent_at_s = s_of(now);
}

static void option_ignored(struct tcp *t, struct segment *s, unsigned option, enum reason reason)
{
    s->opt.present &= (uint8_t)~option;
    note_reason(t, reason);
}

/* Options that make no sense change nothing. */
static void options_check(struct tcp *t, const struct tcb *b, struct segment *s, estab_time now)
{
    bool stamped = s->opt.present & OPT_TIMESTAMPS;

    if (stamped && !(b->head.tag & TAG_TIMESTAMPS)) {
        option_ignored(t, s, OPT_TIMESTAMPS, REASON_TIMESTAMP_NOT_AGREED);
    } else if (stamped && s->opt.tsecr != 0 && (int32_t)(s->opt.tsecr - ts_now(b, now)) > 0) {
        s->opt.tsecr = 0;
        note_reason(t, REASON_TIMESTAMP_ECHO);
    }
    if ((s->opt.present & OPT_SACK) && !(b->head.tag & TAG_SACK))
        option_ignored(t, s, OPT_SACK, REASON_SACK_NOT_AGREED);
}

/* Step 5's work.  False: the connection is over. */
static bool take_ack(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    struct tcp_telemetry *m = tcp_telemetry(a->t, b);
    bool fin_acked;

    options_check(a->t, b, a->s, a->now);
    timestamp_take(b, a->s, a->v.ts_young, a->now);
    uto_arrives(a->t, b, a->s, a->now);
    b->heard_us = us_of(a->now);
    b->keepalives_sent = 0;
    if (b->snd.wnd > 0)
        b->rtt.probes = 0; /* those of a zero window go on backing off while it lasts */
    if (m) {
        m->ack_received_at = a->now;
        if (a->s->len > 0)
            m->text_received_at = a->now;
    }
    if (b->head.state == TCP_SYN_RECEIVED)
        established(a);
    fin_acked = ack_arrives(a->t, b, a->s, a->now);
    if (!fin_acked)
        return true;
    switch ((enum tcp_state)b->head.state) {
    case TCP_FIN_WAIT_1:
        a->fin_acked = true; /* a FIN may follow in this segment */
        return true;
    case TCP_CLOSING:
        tcp_move(a->t, &b->head, EV_RCV_ACK_OF_FIN, REASON_NONE, a->now);
        timer_time_wait(a->t, b, a->now);
        return true;
    case TCP_LAST_ACK:
        conn_close(a->t, b, EV_RCV_ACK_OF_FIN, ESTAB_OK, REASON_NONE, a->now);
        return false;
    default:
        return true;
    }
}

/* ---- step 6: URG ----------------------------------------------------------------------------------------------- */

static void check_urg(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    rcv_seq up = rcv_add(a->s->seq, a->s->up);
    rcv_seq consumed = rcv_sub(b->rcv.nxt, b->rcv.text.bytes);

    if (!(a->s->flags & CTL_URG) || !tcb_is(b, F_MAY_RECV))
        return;
    /* RCV.UP <- max(RCV.UP, SEG.UP), and the user is told if it is ahead of what was consumed. */
    if (!rcv_lt(consumed, up) || ((b->flags & TCB_URGENT_RCV) && !rcv_lt(b->rcv.up, up)))
        return;
    b->rcv.up = up;
    b->flags |= TCB_URGENT_RCV;
    conn_event(a->t, b->head.handle, ESTAB_EVENT_URGENT, ESTAB_OK);
}

/* ---- step 7: the text --------------------------------------------------------------------------------------------- */

/* Nothing follows the peer's FIN, which may wait beyond a gap.  False: no text is left. */
static bool trim_after_fin(struct arriving *a)
{
    struct segment *s = a->s;
    struct tcb *b = a->v.tcb;

    if (!(b->flags & TCB_FIN_BEYOND) || rcv_leq(rcv_add(s->seq, s->len), b->rcv.fin))
        return true;
    a->reason = REASON_TEXT_AFTER_FIN;
    note_reason(a->t, a->reason);
    s->flags &= (uint8_t)~CTL_FIN;
    if (rcv_leq(b->rcv.fin, s->seq))
        return false;
    s->len = rcv_span(s->seq, b->rcv.fin);
    return true;
}

/* New text whose user has left (section 3.6.1, SHLD-3): the peer is told that it is lost. */
static void refuse_text(struct arriving *a)
{
    reply_reset(a->t, a->s, a->now);
    a->reason = REASON_TEXT_AFTER_RELEASE;
    conn_close(a->t, a->v.tcb, EV_ABORT, ESTAB_ABORTED, a->reason, a->now);
    a->ended = true;
}

static void process_text(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    uint32_t length = a->s->len;
    struct tcp_telemetry *m = tcp_telemetry(a->t, b);
    rcv_seq before = b->rcv.nxt;

    if (length == 0 && (tcb_is(b, F_MAY_RECV) || !(a->s->flags & CTL_FIN)))
        return;
    if (!tcb_is(b, F_MAY_RECV)) { /* text, or a second FIN */
        a->reason = REASON_TEXT_AFTER_FIN;
        note_reason(a->t, a->reason);
        return;
    }
    ecn_text(a->t, b, a->s, a->now);
    if (!trim_after_fin(a))
        return;
    if ((b->flags & TCB_ORPHAN) && rcv_lt(b->rcv.nxt, rcv_add(a->s->seq, a->s->len))) {
        refuse_text(a);
        return;
    }
    a->reason = text_arrives(a->t, b, a->s, a->now);
    a->t->text_in += rcv_span(before, b->rcv.nxt);
    if (m) {
        m->bytes_received += rcv_span(before, b->rcv.nxt);
        m->out_of_order_segments += a->reason == REASON_TEXT_OUT_OF_ORDER;
    }
    if (a->reason == REASON_NONE) {
        delack_text(a->t, b, a->s, length, a->now);
        return;
    }
    note_reason(a->t, a->reason);
    delack_quick(a->t, b);
    answer_ack(a); /* RFC 5681 section 4.2: out of order, or nothing new: at once */
}

/* ---- step 8: FIN ---------------------------------------------------------------------------------------------------- */

/* A FIN beyond a gap is held, like text; one that the window does not hold is cut off. */
static void hold_fin(struct arriving *a, rcv_seq at)
{
    struct tcb *b = a->v.tcb;

    if (!rcv_lt(at, b->rcv.edge)) {
        note_reason(a->t, REASON_TEXT_BEYOND_WINDOW);
        return;
    }
    if (!(b->flags & TCB_FIN_BEYOND))
        b->rcv.fin = at;
    b->flags |= TCB_FIN_BEYOND;
    if (a->s->len > 0 || rcv_eq(at, b->rcv.nxt))
        return;
    a->reason = REASON_TEXT_OUT_OF_ORDER;
    note_reason(a->t, a->reason);
    answer_ack(a);
}

/* Whether the peer's FIN is now at RCV.NXT. */
static bool fin_in_order(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    rcv_seq at = rcv_add(a->s->seq, a->s->len);

    if ((a->s->flags & CTL_FIN) && rcv_leq(b->rcv.nxt, at) && a->reason != REASON_TEXT_NO_ROOM)
        hold_fin(a, at);
    if ((b->flags & TCB_FIN_BEYOND) && rcv_lt(b->rcv.fin, b->rcv.nxt))
        b->flags &= ~(uint32_t)TCB_FIN_BEYOND; /* the peer sent text there before: it stays */
    return (b->flags & TCB_FIN_BEYOND) && rcv_eq(b->rcv.fin, b->rcv.nxt);
}

static void take_fin(struct arriving *a)
{
    struct tcb *b = a->v.tcb;

    b->rcv.nxt = rcv_add(b->rcv.nxt, 1);
    b->rcv.edge = rcv_max(b->rcv.edge, b->rcv.nxt);
    b->flags &= ~(uint32_t)TCB_FIN_BEYOND;
    b->flags |= TCB_ACK_NOW;
    conn_event(a->t, b->head.handle, ESTAB_EVENT_PEER_CLOSED, ESTAB_OK);
    tcp_move(a->t, &b->head, a->fin_acked ? EV_RCV_FIN_ACK_OF_FIN : EV_RCV_FIN, REASON_NONE,
             a->now);
    a->fin_acked = false;
    if (b->head.state == TCP_TIME_WAIT)
        timer_time_wait(a->t, b, a->now);
    conn_ready(a->t, b);
}

static void enter_fin_wait_2(struct arriving *a)
{
    struct tcb *b = a->v.tcb;

    tcp_move(a->t, &b->head, EV_RCV_ACK_OF_FIN, REASON_NONE, a->now);
    if (b->flags & TCB_ORPHAN)
        timer_fin_wait_2(a->t, b, a->now);
}

static void check_fin(struct arriving *a)
{
    struct tcb *b = a->v.tcb;

    if (tcb_is(b, F_MAY_RECV) && fin_in_order(a))
        take_fin(a);
    if (a->fin_acked)
        enter_fin_wait_2(a);
}

/* What is left once the SYN has been taken; the urgent pointer counts from the sequence number. */
static void strip_syn(struct segment *s)
{
    s->seq = rcv_add(s->seq, 1);
    s->flags &= (uint8_t)~CTL_SYN;
    if (s->up > 0)
        s->up--;
    else
        s->flags &= (uint8_t)~CTL_URG;
}

/* ---- 3.10.7.4 --------------------------------------------------------------------------------------------------------- */

/* Steps 5 to 8 of a record in TIME-WAIT: nothing is left to be acknowledged or received. */
static void time_wait_rest(struct arriving *a)
{
    if (a->s->len == 0 && !(a->s->flags & CTL_FIN))
        return;
    a->reason = REASON_TEXT_AFTER_FIN;
    note_reason(a->t, a->reason);
}

static void arrive_otherwise(struct arriving *a)
{
    struct ruling r = judge(&a->v, a->s);

    a->reason = r.reason;
    if (!dispose(a, r))
        return;
    if (a->v.record && a->v.head->state == TCP_TIME_WAIT) {
        time_wait_rest(a);
        return;
    }
    if (a->v.record && !promote(a))
        return;
    a->ended = !take_ack(a);
    if (a->ended)
        return;
    if (a->s->flags & CTL_SYN)
        strip_syn(a->s); /* of figure 7, line 6: taken before */
    if (a->v.rcv_wnd == 0 && segment_length(a->s) > 0) {
        /* Only the acknowledgment, the URG or the RST of it was wanted. */
        check_urg(a);
        a->reason = REASON_SEQ_ACK_ONLY;
        note_reason(a->t, a->reason);
        answer_ack(a);
        if (a->fin_acked)
            enter_fin_wait_2(a);
        return;
    }
    check_urg(a);
    process_text(a);
    if (!a->ended)
        check_fin(a);
}

/* ---- 3.10.7.3 SYN-SENT --------------------------------------------------------------------------------------------------- */

/* Fourth, the SYN bit: with our SYN acknowledged, ESTABLISHED; without, both sides have opened. */
static void syn_sent_syn(struct arriving *a)
{
    struct tcb *b = a->v.tcb;
    const struct segment *s = a->s;

    tcb_take_syn(a->t, b, s, a->now);
    b->heard_us = us_of(a->now);
    if (!(s->flags & CTL_ACK)) {
        tcp_move(a->t, &b->head, EV_RCV_SYN, REASON_NONE, a->now);
        b->flags |= TCB_SYN_QUEUED;
        b->flags &= ~(uint32_t)TCB_RETRANSMIT; /* what goes now did not go before */
        conn_ready(a->t, b);
        return;
    }
    tcp_move(a->t, &b->head, EV_RCV_SYN_ACK, REASON_NONE, a->now);
    b->flags &= ~(uint32_t)(TCB_SYN_QUEUED | TCB_RETRANSMIT);
    b->snd.wl1 = s->seq;
    b->snd.wl2 = s->ack;
    b->snd.wnd = b->snd.wnd_max = s->wnd;
    options_check(a->t, b, a->s, a->now);
    (void)ack_arrives(a->t, b, s, a->now);
    b->flags |= TCB_ACK_NOW;
    conn_established(a->t, b, a->now);
    /* Other controls and text: on at the sixth step. */
    strip_syn(a->s);
    check_urg(a);
    process_text(a);
    if (!a->ended)
        check_fin(a);
}

static void arrive_syn_sent(struct arriving *a)
{
    struct ruling r = judge_syn_sent(a->v.tcb, a->s);

    a->reason = r.reason;
    if (r.verdict == V_CLOSE && ecn_refused(a->t, a->v.tcb, a->now)) {
        a->reason = REASON_ECN_REFUSED;
        note_reason(a->t, a->reason);
        return;
    }
    if (dispose(a, r))
        syn_sent_syn(a);
}

/* ---- 3.10.7.1 CLOSED ------------------------------------------------------------------------------------------------------- */

static enum reason arrive_closed(struct tcp *t, const struct segment *s, estab_time now)
{
    if (s->flags & CTL_RST)
        return REASON_CLOSED_RST;
    reply_reset(t, s, now);
    return REASON_CLOSED_RESET;
}

static bool rst_ends(const struct tcp *t, const struct tcp_head *head)
{
    return head->state != TCP_TIME_WAIT || t->config.time_wait_reset;
}

/* ---- which connection -------------------------------------------------------------------------------------------------------- */

static struct tcp_view view_of_tcb(const struct tcp *t, struct tcb *b, estab_time now)
{
    return (struct tcp_view){
        .head = &b->head,
        .tcb = b,
        .una = b->snd.una,
        .nxt = b->snd.nxt,
        .snd_wnd_max = b->snd.wnd_max,
        .rcv_nxt = b->rcv.nxt,
        .irs = b->rcv.irs,
        .rcv_wnd = window_now(t, b),
        .ts_recent = b->ts.recent,
        .ts_young = timestamp_young(b, now),
        .rst_ends = rst_ends(t, &b->head),
    };
}

static struct tcp_view view_of_record(const struct tcp *t, struct tcp_record *r)
{
    bool waits = r->head.state == TCP_TIME_WAIT;

    return (struct tcp_view){
        .head = &r->head,
        .record = r,
        .una = snd_of(r->snd),
        .nxt = snd_of(waits ? r->snd : r->snd + 1),
        .snd_wnd_max = 65535,
        .rcv_nxt = rcv_of(waits ? r->rcv : r->rcv + 1),
        .irs = rcv_of(waits ? r->rcv - 1 : r->rcv),
        .rcv_wnd = record_window(t, r),
        .ts_recent = r->ts_recent,
        .ts_young = true,
        .rst_ends = rst_ends(t, &r->head),
    };
}

static void arrive_connection(struct arriving *a, uint32_t where)
{
    if (WHERE_KIND(where) == WHERE_RECORD) {
        a->v = view_of_record(a->t, tcp_record(a->t, WHERE_INDEX(where)));
        arrive_otherwise(a);
    } else {
        struct tcb *b = tcp_tcb(a->t, WHERE_INDEX(where));

        measure_arrived(a->t, b, a->s);
        a->v = view_of_tcb(a->t, b, a->now);
        if (b->head.state == TCP_SYN_SENT)
            arrive_syn_sent(a);
        else
            arrive_otherwise(a);
    }
    if (!a->ended && a->v.tcb)
        conn_retire(a->t, a->v.tcb, a->now);
}

/* A listener that may have sent the cookie which `s` brings back: nobody else has the pair, or a record that
 * waits for another number. */
static struct tcp_listener *cookie_listener(const struct tcp *t, const struct segment *s,
                                            uint32_t where, struct tcp_listener *l)
{
    const struct tcp_record *r;

    if (WHERE_KIND(where) != WHERE_RECORD)
        return where == WHERE_NONE ? l : NULL;
    r = tcp_record(t, WHERE_INDEX(where));
    if (r->head.state != TCP_SYN_RECEIVED || s->ack.v == r->snd + 1)
        return NULL;
    return tcp_listener(t, r->listener);
}

/* RFC 6191, RFC 9293 MAY-2: a SYN opens the pair anew.  False: nobody listens, or it is none of that kind. */
static bool reopens(struct arriving *a, uint32_t where)
{
    struct tcp_listener *l = time_wait_gives_way(a->t, where, a->s) ? listen_find(a->t, a->s) : NULL;

    if (!l)
        return false;
    a->reason = listen_reopen(a->t, l, where, a->s, a->now);
    note_reason(a->t, a->reason);
    return true;
}

static enum reason arrive_at(struct tcp *t, struct segment *s, uint32_t where,
                             struct tcp_listener *l, estab_time now)
{
    struct arriving a = {.t = t, .s = s, .now = now};
    struct tcp_listener *by = cookie_listener(t, s, where, l);
    uint32_t made = by ? listen_cookie(t, by, s, &a.reason, now) : WHERE_NONE;

    if (made != WHERE_NONE)
        where = made;
    if (reopens(&a, where))
        return a.reason;
    if (where != WHERE_NONE) {
        arrive_connection(&a, where);
        return a.reason;
    }
    if (a.reason == REASON_NONE)
        a.reason = l ? listen_arrives(t, l, s, now) : arrive_closed(t, s, now);
    note_reason(t, a.reason);
    return a.reason;
}

/* The same, and a note of the segment as it came, between the states before and after it. */
static void arrive_traced(struct tcp *t, struct segment *s, uint32_t where, struct tcp_listener *l,
                          estab_time now)
{
    struct tcp_pair pair = {s->remote, s->rport, s->lport, s->local};
    const struct tcp_head *head = table_head(t, where);
    uint32_t handle = head ? head->handle : HANDLE_NONE;
    uint32_t before = head ? head->state : l ? TCP_LISTEN : TCP_CLOSED;
    const struct segment came = *s;
    enum reason reason = arrive_at(t, s, where, l, now);

    head = table_head(t, table_find(t, &pair));
    if (head)
        handle = head->handle;
    NOTE(t, SEGMENT_IN, handle, now, came.flags, came.seq.v, came.ack.v, came.len, came.wnd,
         (uint32_t)reason, before, head ? head->state : l ? TCP_LISTEN : TCP_CLOSED, came.lport,
         came.rport);
}

void tcp_arrive(struct tcp *t, struct segment *s, estab_time now)
{
    struct tcp_pair pair = {s->remote, s->rport, s->lport, s->local};
    uint32_t where = (table_move(t), table_find(t, &pair));
    struct tcp_listener *l = where == WHERE_NONE ? listen_find(t, s) : NULL;

    t->segments_in++;
    if (t->config.trace_records) {
        arrive_traced(t, s, where, l, now);
    } else {
        (void)arrive_at(t, s, where, l, now);
    }
}
