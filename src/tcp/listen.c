/* SPDX-License-Identifier: MIT */
/*
 * listen.c - the LISTEN state (RFC 9293 section 3.10.7.2).
 *
 * A listener stays in LISTEN and spawns: each SYN makes a record in SYN-RECEIVED, each ACK of our
 * SYN a TCB in ESTABLISHED that waits in the accept queue.  A single-shot passive OPEN, RFC 9293's
 * own, is a TCB that itself moves to SYN-RECEIVED, and may return.  A SYN that finds no place is answered
 * with a cookie (cookie.c), whose ACK makes a TCB at once.
 *
 * Not RFC 9293 3.10.7.2 step 3: text or a FIN that comes with the SYN is not queued.  It is not
 * acknowledged either, so the peer sends it again, when there is a TCB to hold it.
 */
#include "packet/ipv4.h"
#include "tcp/tcp.h"

static bool listener_matches(const struct tcp_listener *l, const struct segment *s)
{
    if (l->used != LISTENER_LISTENS || l->local.port != s->lport)
        return false;
    if (l->local_id != UINT16_MAX && l->local_id != s->local)
        return false;
    if (addr_is_ipv4(&s->remote) ? l->only_ipv6 : l->only_ipv4)
        return false;
    if (l->single == TCB_NONE)
        return true;
    return (l->remote.port == 0 || l->remote.port == s->rport) &&
           (addr_is_unspecified(&l->remote.addr) || addr_equal(&l->remote.addr, &s->remote));
}

/* The more exactly it names its sockets, the better. */
static unsigned listener_rank(const struct tcp_listener *l)
{
    return (l->local_id != UINT16_MAX) * 1u + !addr_is_unspecified(&l->remote.addr) * 2u +
           (l->remote.port != 0) * 4u;
}

struct tcp_listener *listen_find(const struct tcp *t, const struct segment *s)
{
    struct tcp_listener *best = NULL;

    for (uint32_t i = 0; i < t->config.listeners; i++) {
        struct tcp_listener *l = tcp_listener(t, i);

        if (listener_matches(l, s) && (!best || listener_rank(l) > listener_rank(best)))
            best = l;
    }
    return best;
}

struct tcp_listener *listener_new(struct tcp *t)
{
    for (uint32_t i = 0; i < t->config.listeners; i++) {
        struct tcp_listener *l = tcp_listener(t, i);

        if (l->used)
            continue;
        *l = (struct tcp_listener){.used = LISTENER_LISTENS,
                                   .generation = l->generation + 1,
                                   .single = TCB_NONE,
                                   .accept_head = HANDLE_NONE,
                                   .accept_tail = HANDLE_NONE};
        return l;
    }
    return NULL;
}

void listener_free(struct tcp *t, struct tcp_listener *l)
{
    if (l->ready)
        t->listener_events--;
    *l = (struct tcp_listener){.generation = l->generation};
}

/* ---- a SYN ------------------------------------------------------------------------------------------ */

static struct tcp_pair segment_pair(const struct segment *s)
{
    return (struct tcp_pair){s->remote, s->rport, s->lport, s->local};
}

static uint8_t agreed_tags(struct tcp *t, uint32_t ecn_mode, const struct segment *s, estab_time now)
{
    uint8_t tag = TAG_PASSIVE;

    if (t->config.timestamps && (s->opt.present & OPT_TIMESTAMPS))
        tag |= TAG_TIMESTAMPS;
    if (t->config.window_scale && (s->opt.present & OPT_WINDOW_SCALE))
        tag |= TAG_SCALED;
    if (t->config.sack && (s->opt.present & OPT_SACK_PERMITTED))
        tag |= TAG_SACK;
    return tag | ecn_answers(t, ecn_mode, s, now);
}

/* Children whose SYN was acknowledged, and whom the user has not yet accepted. */
uint32_t listen_unaccepted(const struct tcp_listener *l)
{
    return l->pending - l->half_open;
}

/* The oldest child in SYN-RECEIVED whose SYN,ACK had no answer for a whole RTO makes room for one of `l`, whose
 * it is, or (`anybodys`) not.  So what a flood of SYNs has filled is free again after a second; after seven,
 * where cookies answer meanwhile, so that nobody loses a place who is only far away. */
static bool listen_recycle(struct tcp *t, const struct tcp_listener *l, bool anybodys,
                           estab_time now)
{
    unsigned least = cookie_may(t, l) ? 3 : 1;

    for (unsigned k = RECORD_TIME_WAIT - 1; k >= least; k--) {
        struct tcp_record *r;

        if (t->lists[k].head == TCB_NONE)
            continue;
        r = tcp_record(t, t->lists[k].head);
        if (!anybodys && tcp_listener(t, r->listener) != l)
            continue;
        record_close(t, r, EV_TIMEOUT_USER, ESTAB_TIMED_OUT, REASON_LISTEN_RECYCLED, now);
        return true;
    }
    return false;
}

/* TIME-WAIT gives way to the living, as Linux's tcp_max_tw_buckets lets it: the oldest first. */
static bool listen_recycle_wait(struct tcp *t, estab_time now)
{
    uint32_t oldest = t->lists[RECORD_TIME_WAIT].head;

    if (oldest == TCB_NONE)
        return false;
    record_close(t, tcp_record(t, oldest), EV_TIMEOUT_2MSL, ESTAB_OK, REASON_TIME_WAIT_RECYCLED,
                 now);
    return true;
}

/* Whether there is a place for one more child; if not, a cookie may do, but not `after` a connection of the
 * same pair: a cookie's number is not beyond those that were used. */
static enum reason listen_room(struct tcp *t, const struct tcp_listener *l, bool after,
                               estab_time now)
{
    if (!tcb_back(t, now))
        return REASON_LISTEN_TEXT_POOL;
    if (t->config.syn_cookies == SYN_COOKIES_ALWAYS && !after && cookie_may(t, l))
        return REASON_LISTEN_COOKIE;
    if (l->pending >= l->backlog && !listen_recycle(t, l, false, now))
        return cookie_may(t, l) ? REASON_LISTEN_COOKIE : REASON_LISTEN_BACKLOG;
    if (t->record_used == t->config.records && !listen_recycle_wait(t, now) &&
        !listen_recycle(t, l, true, now))
        return cookie_may(t, l) ? REASON_LISTEN_COOKIE : REASON_LISTEN_RECORDS;
    return REASON_NONE;
}

/* What is known of a child by its SYN; its ISS is yet to be chosen. */
static struct tcp_record listen_child(struct tcp *t, const struct tcp_listener *l,
                                      const struct segment *s, estab_time now)
{
    uint16_t listener = (uint16_t)(l - tcp_listener(t, 0));
    uint32_t ecn_mode = option_of_listener(t, listener, ESTAB_OPTION_ECN, t->config.ecn);
    struct tcp_record r = {.next = TCB_NONE, .prev = TCB_NONE, .listener = listener};

    r.head = (struct tcp_head){.remote = s->remote,
                               .rport = s->rport,
                               .lport = s->lport,
                               .local = s->local,
                               .interface = s->interface,
                               .tag = agreed_tags(t, ecn_mode, s, now),
                               .handle = HANDLE_NONE};
    tcp_born(&r.head, TCP_LISTEN);
    r.rcv = s->seq.v;
    r.ts_recent = s->opt.tsval;
    r.mss = s->opt.present & OPT_MSS ? s->opt.mss : mss_unsaid(&s->remote);
    if (r.head.tag & TAG_SCALED) {
        r.snd_wscale = window_scale_taken(t, s) & 15u;
        r.rcv_wscale = window_scale_for(t, record_window_most(t, listener)) & 15u;
    }
    r.diffserv = (uint8_t)option_of_listener(t, listener, ESTAB_OPTION_DIFFSERV, 0);
    return r;
}

/* `before`: SND.NXT of the connection that had the pair last, if that matters. */
static enum reason listen_spawn(struct tcp *t, struct tcp_listener *l, const struct segment *s,
                                const uint32_t *before, estab_time now)
{
    enum reason reason = listen_room(t, l, before, now);
    struct tcp_pair pair = segment_pair(s);
    struct tcp_record child, *r;

    if (reason != REASON_NONE && reason != REASON_LISTEN_COOKIE)
        return reason;
    child = listen_child(t, l, s, now);
    if (reason == REASON_LISTEN_COOKIE)
        return cookie_send(t, l, &child, s->mac, now);
    r = record_new(t);
    *r = child;
    r->snd = l->fixed_iss ? l->iss : isn_after(t, &pair, before, now);
    l->pending++;
    l->half_open++;
    table_add(t, WHERE_RECORD | tcp_record_index(t, r));
    tcp_move(t, &r->head, EV_RCV_SYN, REASON_LISTEN_SYN, now);
    record_wait(t, r, 0, now);
    (void)record_syn_ack(t, r, s->mac, WHY_SYN_ACK, now);
    return REASON_LISTEN_SYN;
}

/* A single-shot passive OPEN meets its peer. */
static enum reason listen_single(struct tcp *t, struct tcp_listener *l, const struct segment *s,
                                 const uint32_t *before, estab_time now)
{
    struct tcb *b = tcp_tcb(t, l->single);
    struct tcp_pair pair = segment_pair(s);

    b->head.remote = s->remote;
    b->head.rport = s->rport;
    b->head.local = s->local;
    b->head.interface = s->interface;
    b->head.tag = (uint8_t)(agreed_tags(t, b->ecn & ECN_MODE, s, now) |
                            (b->head.tag & (TAG_FIXED_ISS | TAG_KEEP_TEXT)));
    if (!(b->head.tag & TAG_FIXED_ISS))
        b->snd.iss = snd_of(isn_after(t, &pair, before, now));
    tcb_open(t, b, s->mtu, now);
    tcb_take_syn(t, b, s, now);
    l->used = LISTENER_AWAY;
    table_add(t, WHERE_TCB | tcp_index(t, b));
    tcp_move(t, &b->head, EV_RCV_SYN, REASON_LISTEN_SYN, now);
    b->flags |= TCB_SYN_QUEUED;
    conn_ready(t, b);
    return REASON_LISTEN_SYN;
}

static enum reason listen_syn(struct tcp *t, struct tcp_listener *l, const struct segment *s,
                              const uint32_t *before, estab_time now)
{
    return l->single == TCB_NONE ? listen_spawn(t, l, s, before, now)
                                 : listen_single(t, l, s, before, now);
}

enum reason listen_arrives(struct tcp *t, struct tcp_listener *l, const struct segment *s,
                           estab_time now)
{
    if (s->flags & CTL_RST)
        return REASON_LISTEN_RST;
    if (s->flags & CTL_ACK) {
        reply_reset(t, s, now);
        return l->cookie_epoch_and_1 > 0 ? REASON_LISTEN_COOKIE_WRONG : REASON_LISTEN_ACK;
    }
    if (!(s->flags & CTL_SYN))
        return REASON_LISTEN_NEITHER;
    return listen_syn(t, l, s, NULL, now);
}

/* A place is looked for first: that of the record in TIME-WAIT, and the backlog's. */
enum reason listen_reopen(struct tcp *t, struct tcp_listener *l, uint32_t waits,
                          const struct segment *s, estab_time now)
{
    uint32_t before;

    if (l->single == TCB_NONE && !tcb_back(t, now))
        return REASON_LISTEN_TEXT_POOL;
    if (l->single == TCB_NONE && l->pending >= l->backlog && !listen_recycle(t, l, false, now))
        return REASON_LISTEN_BACKLOG;
    before = time_wait_reopened(t, waits, now);
    return listen_syn(t, l, s, &before, now);
}

/* ---- the ACK of our SYN ------------------------------------------------------------------------------- */

/* A TCB in SYN-RECEIVED, not yet in the table; NULL if a pool is empty (reason set). */
static struct tcb *child_new(struct tcp *t, const struct tcp_record *r, enum reason *reason,
                             estab_time now)
{
    struct tcb *b = tcb_new(t, now);
    uint32_t handle;

    if (!b) {
        *reason = t->tcb_used == t->config.connections ? REASON_LISTEN_CONNECTIONS
                                                       : REASON_LISTEN_TEXT_POOL;
        return NULL;
    }
    handle = handle_new(t, WHERE_TCB | tcp_index(t, b));
    if (handle == HANDLE_NONE) {
        tcb_free(t, b);
        *reason = REASON_LISTEN_CONNECTIONS;
        return NULL;
    }
    tcp_handle(t, handle)->flags = HANDLE_UNACCEPTED;
    b->head = r->head;
    b->head.tag &= (uint8_t)~TAG_DEFERRED;
    b->head.handle = handle;
    b->listener = r->listener;
    b->flags |= TCB_UNACCEPTED;
    b->snd.iss = snd_of(r->snd);
    option_inherit(t, b, r->listener, now);
    tcb_open(t, b, t->locals[b->head.local].mtu, now);
    b->snd.nxt = b->snd.cur = snd_add(b->snd.iss, 1);
    b->rcv.irs = rcv_of(r->rcv);
    b->rcv.nxt = rcv_add(b->rcv.irs, 1);
    b->rcv.edge = b->rcv.nxt;
    b->snd.wscale = r->snd_wscale;
    b->rcv.wscale = r->rcv_wscale;
    b->snd.wl1 = b->rcv.irs;
    b->snd.wl2 = b->snd.iss;
    (void)window_offer(t, b, true); /* what record_syn_ack has offered */
    b->ts.recent = r->ts_recent;
    b->ts.recent_at_s = s_of(now);
    b->ts.last_ack_sent = b->rcv.nxt;
    b->rtt.retries = r->retries;
    tcb_set_mss(t, b, r->mss);
    return b;
}

struct tcb *listen_promote(struct tcp *t, struct tcp_record *r, enum reason *reason, estab_time now)
{
    struct tcp_listener *l = tcp_listener(t, r->listener);
    struct tcb *b;

    *reason = REASON_LISTEN_BACKLOG; /* children by cookies have come in between */
    b = listen_unaccepted(l) < l->backlog ? child_new(t, r, reason, now) : NULL;
    if (!b)
        return NULL;
    if (r->retries == 0) /* Karn */
        rtt_sample(t, b, record_rtt_us(t, r, now), now);
    table_replace(t, WHERE_RECORD | tcp_record_index(t, r), WHERE_TCB | tcp_index(t, b));
    l->half_open--;
    record_free(t, r);
    return b;
}

/* A record that waits for another number than that of a cookie which the peer has had before it: the cookie
 * was first, and is good. */
static void listen_forget(struct tcp *t, const struct segment *s, estab_time now)
{
    struct tcp_pair pair = segment_pair(s);
    uint32_t where = table_find(t, &pair);

    if (WHERE_KIND(where) == WHERE_RECORD)
        record_close(t, tcp_record(t, WHERE_INDEX(where)), EV_TIMEOUT_USER, ESTAB_TIMED_OUT,
                     REASON_LISTEN_RECYCLED, now);
}

uint32_t listen_cookie(struct tcp *t, struct tcp_listener *l, struct segment *s, enum reason *reason,
                       estab_time now)
{
    struct tcp_record r;
    struct tcb *b;

    if ((s->flags & (CTL_ACK | CTL_SYN | CTL_RST)) != CTL_ACK || !cookie_take(t, l, s, &r, now))
        return WHERE_NONE;
    *reason = REASON_LISTEN_BACKLOG;
    if (listen_unaccepted(l) >= l->backlog)
        return WHERE_NONE;
    *reason = REASON_LISTEN_DEFERRED;
    if (segment_length(s) == 0 &&
        option_of_listener(t, r.listener, ESTAB_OPTION_DEFER_ACCEPT_MS, 0) > 0)
        return WHERE_NONE;
    tcp_born(&r.head, TCP_LISTEN);
    b = child_new(t, &r, reason, now);
    if (!b)
        return WHERE_NONE;
    listen_forget(t, s, now);
    tcp_move(t, &b->head, EV_RCV_SYN, REASON_LISTEN_COOKIE_ACK, now);
    l->pending++;
    table_add(t, WHERE_TCB | tcp_index(t, b));
    note_reason(t, REASON_LISTEN_COOKIE_ACK);
    *reason = REASON_NONE;
    s->opt.tsecr = 0; /* its clock is behind ours: no round trip is measured by it */
    return WHERE_TCB | tcp_index(t, b);
}

/* The child has reached ESTABLISHED: it joins the accept queue. */
void listen_established(struct tcp *t, struct tcb *b)
{
    struct tcp_listener *l = tcp_listener(t, b->listener);
    uint32_t handle = b->head.handle;

    if (l->accept_head == HANDLE_NONE)
        l->accept_head = handle;
    else
        tcp_handle(t, l->accept_tail)->next = handle;
    l->accept_tail = handle;
    if (!l->ready) {
        l->ready = 1;
        t->listener_events++;
    }
}

void listen_again(struct tcp *t, struct tcb *b, enum tcp_event event, enum reason reason,
                  estab_time now)
{
    struct tcp_listener *l = tcp_listener(t, b->listener);

    tcp_move(t, &b->head, event, reason, now);
    table_remove(t, WHERE_TCB | tcp_index(t, b));
    b->head.remote = l->remote.addr; /* anybody again, if that is whom it waited for */
    b->head.rport = l->remote.port;
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        timer_stop(b, (enum timer_slot)i);
    conn_unready(t, b);
    b->flags &= ~(uint32_t)(TCB_SYN_QUEUED | TCB_RETRANSMIT | TCB_TIMED);
    b->snd.acks_owed = 0;
    b->rtt.backoff = b->rtt.retries = 0;
    l->used = LISTENER_LISTENS;
    /* What SEND has queued was meant for that peer; a CLOSE behind it is now one in LISTEN. */
    queue_clear(&t->chunks, &b->snd.text);
    tcb_reserve_send(t, b);
    if (b->flags & TCB_WANT_SEND) /* a SEND now turns it active, with what it was not yet given */
        conn_event(t, b->head.handle, ESTAB_EVENT_WRITABLE, ESTAB_OK);
    b->snd.una = b->snd.nxt = b->snd.iss; /* nothing is outstanding */
    b->snd.end = snd_add(b->snd.iss, 1);
    emit_seek(b, b->snd.una);
    b->flags &= ~(uint32_t)(TCB_URGENT_SND | TCB_MORE | TCB_R1_PASSED | TCB_ACK_NOW |
                            TCB_WANT_SEND);
    if (b->flags & TCB_CLOSE_QUEUED)
        conn_close(t, b, EV_CLOSE, ESTAB_CLOSING, REASON_NONE, now);
}

void listen_no_more(struct tcp *t, struct tcb *b)
{
    if (b->listener == LISTENER_NONE || tcp_listener(t, b->listener)->single != tcp_index(t, b))
        return;
    listener_free(t, tcp_listener(t, b->listener));
    b->listener = LISTENER_NONE;
}
