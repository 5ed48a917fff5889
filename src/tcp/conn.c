/* SPDX-License-Identifier: MIT */
/*
 * conn.c - a connection's life: made, moved from state to state, ended; and what its user hears.
 *
 * A TCB lives until its connection is CLOSED, or in TIME-WAIT, and the user has taken all its text.
 * Then a record goes on in TIME-WAIT; and a handle alone remains after CLOSED, until the user has
 * taken the last event.
 */
#include "packet/ipv4.h"
#include "tcp/cc.h"
#include "tcp/tcp.h"

/* ---- handles ---------------------------------------------------------------------------------- */

uint32_t handle_new(struct tcp *t, uint32_t where)
{
    uint32_t i = t->handle_free;
    struct tcp_handle *h;

    if (i != HANDLE_NONE)
        t->handle_free = tcp_handle(t, i)->next;
    else if (t->handle_fresh < t->config.connections + t->config.records)
        i = t->handle_fresh++;
    else
        return HANDLE_NONE;
    h = tcp_handle(t, i);
    *h = (struct tcp_handle){
        .where = where, .generation = h->generation + 1, .next = HANDLE_NONE};
    if (h->generation == 0)
        h->generation = 1;
    return i;
}

void handle_free(struct tcp *t, uint32_t i)
{
    struct tcp_handle *h = tcp_handle(t, i);

    *h = (struct tcp_handle){.generation = h->generation, .next = t->handle_free};
    t->handle_free = i;
}

estab_conn handle_conn(const struct tcp *t, uint32_t i)
{
    return (estab_conn){i, tcp_handle(t, i)->generation};
}

uint32_t handle_find(const struct tcp *t, estab_conn conn)
{
    const struct tcp_handle *h;

    if (conn.generation == 0 || conn.index >= t->handle_fresh)
        return HANDLE_NONE;
    h = tcp_handle(t, conn.index);
    if (h->generation != conn.generation || h->where == WHERE_NONE)
        return HANDLE_NONE;
    /* Not the user's yet, or no more. */
    return h->flags & (HANDLE_UNACCEPTED | HANDLE_RELEASED) ? HANDLE_NONE : conn.index;
}

/* ---- events ------------------------------------------------------------------------------------- */

void conn_event(struct tcp *t, uint32_t i, unsigned bits, enum estab_error error)
{
    struct tcp_handle *h;

    if (i == HANDLE_NONE)
        return;
    h = tcp_handle(t, i);
    h->events = (uint16_t)(h->events | bits);
    if (error != ESTAB_OK)
        h->error = (uint8_t)error;
    if (h->flags) /* queued already, or not the user's yet */
        return;
    h->flags = HANDLE_QUEUED;
    h->next = HANDLE_NONE;
    if (t->event_head == HANDLE_NONE)
        t->event_head = i;
    else
        tcp_handle(t, t->event_tail)->next = i;
    t->event_tail = i;
}

static bool listener_event_next(struct tcp *t, struct estab_event *event)
{
    if (t->listener_events == 0)
        return false;
    for (uint32_t i = 0; i < t->config.listeners; i++) {
        struct tcp_listener *l = tcp_listener(t, i);

        if (!l->used || !l->ready)
            continue;
        l->ready = 0;
        t->listener_events--;
        *event = (struct estab_event){.bits = ESTAB_EVENT_ACCEPT, .listener = {i, l->generation}};
        return true;
    }
    UNREACHABLE();
}

/* So that the first in the queue always has an event. */
static void event_skip_released(struct tcp *t)
{
    while (t->event_head != HANDLE_NONE) {
        uint32_t i = t->event_head;

        if (!(tcp_handle(t, i)->flags & HANDLE_RELEASED))
            return;
        t->event_head = tcp_handle(t, i)->next;
        handle_free(t, i);
    }
}

/* Nothing is behind the handle any more, and its user was told or will be by the event that waits. */
static void handle_end(struct tcp *t, uint32_t i)
{
    struct tcp_handle *h = tcp_handle(t, i);

    if (h->flags & HANDLE_QUEUED)
        h->where = WHERE_GONE;
    else
        handle_free(t, i);
}

void handle_release(struct tcp *t, uint32_t i)
{
    struct tcp_handle *h = tcp_handle(t, i);

    if (!(h->flags & HANDLE_QUEUED)) {
        handle_free(t, i);
        return;
    }
    h->flags |= HANDLE_RELEASED;
    event_skip_released(t);
}

bool conn_event_next(struct tcp *t, struct estab_event *event)
{
    uint32_t i = t->event_head;
    struct tcp_handle *h;

    if (listener_event_next(t, event))
        return true;
    if (i == HANDLE_NONE)
        return false;
    h = tcp_handle(t, i);
    t->event_head = h->next;
    *event = (struct estab_event){
        .bits = h->events, .error = (enum estab_error)h->error, .conn = handle_conn(t, i)};
    h->events = 0;
    h->error = ESTAB_OK;
    h->flags = 0;
    if (h->where == WHERE_GONE)
        handle_free(t, i);
    event_skip_released(t);
    return true;
}

/* ---- ready and blocked lists ------------------------------------------------------------------------ */

static void list_append(struct tcp *t, struct tcb *b, uint32_t *head, uint32_t *tail)
{
    uint32_t i = tcp_index(t, b);

    b->ready_next = TCB_NONE;
    b->ready_prev = *tail;
    if (*tail == TCB_NONE)
        *head = i;
    else
        tcp_tcb(t, *tail)->ready_next = i;
    *tail = i;
}

static void list_remove(struct tcp *t, struct tcb *b, uint32_t *head, uint32_t *tail)
{
    if (b->ready_prev == TCB_NONE)
        *head = b->ready_next;
    else
        tcp_tcb(t, b->ready_prev)->ready_next = b->ready_next;
    if (b->ready_next == TCB_NONE)
        *tail = b->ready_prev;
    else
        tcp_tcb(t, b->ready_next)->ready_prev = b->ready_prev;
    b->ready_next = b->ready_prev = TCB_NONE;
}

void conn_ready(struct tcp *t, struct tcb *b)
{
    if (b->flags & (TCB_READY | TCB_BLOCKED))
        return;
    b->flags |= TCB_READY;
    list_append(t, b, &t->ready_head, &t->ready_tail);
}

void conn_unready(struct tcp *t, struct tcb *b)
{
    if (b->flags & TCB_READY)
        list_remove(t, b, &t->ready_head, &t->ready_tail);
    if (b->flags & TCB_BLOCKED)
        list_remove(t, b, &t->blocked_head, &t->blocked_tail);
    b->flags &= ~(uint32_t)(TCB_READY | TCB_BLOCKED);
}

void conn_block(struct tcp *t, struct tcb *b)
{
    conn_unready(t, b);
    b->flags |= TCB_BLOCKED;
    list_append(t, b, &t->blocked_head, &t->blocked_tail);
}

void conn_unblock_all(struct tcp *t)
{
    while (t->blocked_head != TCB_NONE) {
        struct tcb *b = tcp_tcb(t, t->blocked_head);

        conn_unready(t, b);
        conn_ready(t, b);
    }
}

/* ---- TCBs ------------------------------------------------------------------------------------------- */

void tcp_born(struct tcp_head *head, enum tcp_state state)
{
    ASSERT(state == TCP_CLOSED || state == TCP_LISTEN);
    head->state = (uint8_t)state;
}

static void tcb_defaults(const struct tcp *t, struct tcb *b, estab_time now)
{
    const struct estab_config *c = &t->config;

    *b = (struct tcb){0};
    b->head.handle = HANDLE_NONE;
    tcp_born(&b->head, TCP_CLOSED);
    wheel_node_init(&b->timer);
    b->ready_next = b->ready_prev = TCB_NONE;
    b->listener = LISTENER_NONE;
    b->flags = c->nagle ? TCB_NAGLE : 0;
    queue_init(&b->snd.text);
    queue_init(&b->rcv.text);
    b->snd.at.chunk = CHUNK_NONE;
    b->rcv.beyond = CHUNK_NONE;
    tune_begin(t, b);
    b->rtt.rto_us = c->rto_initial_ms * 1000;
    b->since_us = b->heard_us = us_of(now);
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        b->at_us[i] = WHEEL_NEVER;
    b->keepalive_idle_ms = c->keepalive_idle_ms;
    b->cc_row = c->congestion & 7u;
    b->hystart = c->hystart & 15u;
    ecn_set(b, c->ecn);
    b->pace = c->pacing ? PACE_ON : 0;
}

void tcb_reserve_send(struct tcp *t, struct tcb *b)
{
    if (!(b->flags & TCB_SEND_RESERVE) && b->snd.text.head == CHUNK_NONE &&
        chunk_promise(&t->chunks, 1))
        b->flags |= TCB_SEND_RESERVE;
}

void tcb_use_reserve(struct tcp *t, struct tcb *b)
{
    if (b->flags & TCB_SEND_RESERVE)
        chunk_unpromise(&t->chunks, 1);
    b->flags &= ~(uint32_t)TCB_SEND_RESERVE;
}

bool tcb_backed(const struct tcp *t)
{
    uint32_t promise = queue_chunks_for(&t->chunks, t->config.receive_reserve) + 1;

    return chunk_unpromised(&t->chunks) >= promise + t->chunks.chunks / 8;
}

bool tcb_back(struct tcp *t, estab_time now)
{
    enum { MOST = 8 };

    for (unsigned i = 0; i < MOST && !tcb_backed(t); i++)
        if (!orphan_recycle(t, now))
            return false;
    return tcb_backed(t);
}

struct tcb *tcb_new(struct tcp *t, estab_time now)
{
    uint32_t promise = queue_chunks_for(&t->chunks, t->config.receive_reserve), i;
    struct tcb *b;

    if (t->tcb_used == t->config.connections && !orphan_recycle(t, now))
        return NULL;
    if (!tcb_back(t, now) || !chunk_promise(&t->chunks, promise))
        return NULL;
    i = t->tcb_free;
    if (i != TCB_NONE)
        t->tcb_free = tcp_tcb(t, i)->head.chain;
    else
        i = t->tcb_fresh++;
    b = tcp_tcb(t, i);
    tcb_defaults(t, b, now);
    b->rcv.promised = promise;
    tcb_reserve_send(t, b);
    if (tcp_telemetry(t, b))
        *tcp_telemetry(t, b) = (struct tcp_telemetry){0};
    if (++t->tcb_used > t->tcb_peak)
        t->tcb_peak = t->tcb_used;
    return b;
}

/* ---- what a SYN settles --------------------------------------------------------------------------- */

enum { MSS_LEAST = 64, TIMESTAMP_BYTES = 12 };

uint16_t mss_offer(const struct tcp_local *from, uint32_t mtu, uint32_t clamp)
{
    uint32_t mss = mtu - from->ip_header - TCP_HEADER_MIN;

    return (uint16_t)(clamp > 0 && clamp < mss ? clamp : mss);
}

uint16_t mss_unsaid(const struct estab_addr *peer)
{
    return addr_is_ipv4(peer) ? 536 : 1220;
}

void tcb_open(struct tcp *t, struct tcb *b, uint16_t mtu, estab_time now)
{
    struct tcp_pair pair = {b->head.remote, b->head.rport, b->head.lport, b->head.local};

    (void)now;
    b->snd.una = b->snd.nxt = b->snd.cur = b->snd.iss;
    b->snd.end = snd_add(b->snd.iss, 1 + b->snd.text.bytes);
    b->snd.up = b->snd.una;
    b->ts.offset = isn_timestamp_offset(t, &pair);
    b->rcv.mss = mss_offer(&t->locals[b->head.local], mtu, tcb_cold(t, b)->mss_clamp);
    b->rcv.wscale = window_scale_for(t, window_most(t, b));
    tcb_set_mss(t, b, mss_unsaid(&b->head.remote)); /* until the peer says */
}

/*
 * RFC 6928 section 2: ten segments; with none configured RFC 5681 section 3.1, equation 1.  Not RFC 6928: ten, too,
 * of segments so large that it would have 14600 bytes or two of them at most; Linux's habit.
 */
uint32_t tcb_initial_window(const struct tcp *t, uint32_t mss)
{
    uint32_t n = t->config.initial_window_segments;

    if (n > 0)
        return n * mss;
    return mss > 2190 ? 2 * mss : mss > 1095 ? 3 * mss : 4 * mss;
}

void tcb_set_mss(struct tcp *t, struct tcb *b, uint32_t peer_mss)
{
    uint32_t mss = peer_mss < b->rcv.mss ? peer_mss : b->rcv.mss;

    /* Not RFC 9293 3.7.1 (MUST-16): an offer under 64 is raised to 64, because an offer of 0 or 1
     * would make us send headers for nothing (CVE-2019-11479); Linux does so, too. */
    if (mss < MSS_LEAST)
        mss = MSS_LEAST;
    if (b->head.tag & TAG_TIMESTAMPS)
        mss -= TIMESTAMP_BYTES;
    mss = mtu_first(t, b, mss);
    b->snd.mss = (uint16_t)mss;
    delack_open(b);
    /* RFC 5681 section 3.1: one segment, if the SYN or SYN,ACK was lost. */
    cc_of(b)->start(&b->cc, b->rtt.retries > 0 ? mss : tcb_initial_window(t, mss));
}

void tcb_take_syn(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t offered = window_now(t, b); /* by our SYN, before we knew where it begins */

    b->rcv.irs = s->seq;
    b->rcv.nxt = rcv_add(s->seq, 1);
    b->rcv.up = b->rcv.nxt;
    b->rcv.edge = rcv_add(b->rcv.nxt, offered);
    b->snd.wnd = b->snd.wnd_max = s->wnd; /* never scaled in a SYN */
    b->snd.wl1 = s->seq;
    b->snd.wl2 = b->snd.iss;
    if (!(s->opt.present & OPT_TIMESTAMPS))
        b->head.tag &= (uint8_t)~TAG_TIMESTAMPS;
    if (!(s->opt.present & OPT_WINDOW_SCALE))
        b->head.tag &= (uint8_t)~TAG_SCALED;
    if (!(s->opt.present & OPT_SACK_PERMITTED))
        b->head.tag &= (uint8_t)~TAG_SACK;
    ecn_take_syn(t, b, s, now);
    if (b->head.tag & TAG_SCALED) {
        b->snd.wscale = window_scale_taken(t, s);
    } else {
        b->snd.wscale = 0;
        b->rcv.wscale = 0;
    }
    b->ts.recent = s->opt.tsval;
    b->ts.recent_at_s = s_of(now);
    b->ts.last_ack_sent = b->rcv.nxt;
    tcb_set_mss(t, b, s->opt.present & OPT_MSS ? s->opt.mss : mss_unsaid(&s->remote));
    uto_arrives(t, b, s, now);
}

static void tcb_drop_text(struct tcp *t, struct tcb *b)
{
    queue_clear(&t->chunks, &b->snd.text);
    queue_clear(&t->chunks, &b->rcv.text);
    text_drop_beyond(t, b);
    b->rcv.chunks = 0;
    b->snd.at.chunk = CHUNK_NONE;
}

void tcb_free(struct tcp *t, struct tcb *b)
{
    uint32_t i = tcp_index(t, b);
    struct wheel_nodes nodes = {&tcp_tcb(t, 0)->timer, sizeof(struct tcb)};

    conn_unready(t, b);
    wheel_remove(&t->wheel, nodes, i);
    tcb_drop_text(t, b);
    tcb_use_reserve(t, b);
    chunk_unpromise(&t->chunks, b->rcv.promised);
    b->ecn = 0;
    if (b->cold) {
        *cold_need(t, b) = (struct tcp_cold){0};
        cold_trim(t, b);
    }
    flight_free(t, b);
    *b = (struct tcb){0};
    wheel_node_init(&b->timer);
    b->head.handle = HANDLE_NONE;
    b->head.chain = t->tcb_free;
    t->tcb_free = i;
    t->tcb_used--;
}

/* ---- states ------------------------------------------------------------------------------------------ */

void tcp_move(struct tcp *t, struct tcp_head *head, enum tcp_event event, enum reason reason,
              estab_time now)
{
    const struct tcp_edge *edge = fsm_next((enum tcp_state)head->state, event);

    ASSERT(edge);
    NOTE(t, MOVE, head->handle, now, edge->from, edge->event, edge->to, (uint32_t)reason,
         head->lport, head->rport);
    head->state = edge->to;
}

static void accounts_check(const struct tcp *t, const struct tcb *b)
{
    ASSERT(b->rcv.chunks <= b->rcv.promised);
    ASSERT(t->chunks.received <= t->chunks.promised);
}

/* The handle outlives its connection by one event, if the user has it. */
static void handle_gone(struct tcp *t, uint32_t handle, enum estab_error error)
{
    if (handle == HANDLE_NONE)
        return;
    tcp_handle(t, handle)->where = WHERE_GONE;
    conn_event(t, handle, ESTAB_EVENT_CLOSED, error);
}

/* A CLOSED connection whose user still has text to take: it is in no table, and sends nothing.
 * Not RFC 9293 3.10.7.4 ("all segment queues should be flushed"), if the user asks for it: Linux lets
 * text that was acknowledged be read after a RST, and lets what was reset be accepted. */
static bool lingers(const struct tcb *b, enum estab_error error)
{
    if (b->head.handle == HANDLE_NONE || error == ESTAB_ABORTED)
        return false;
    if (b->head.tag & TAG_KEEP_TEXT)
        return b->rcv.text.bytes > 0 || (b->flags & TCB_UNACCEPTED);
    return error == ESTAB_OK && b->rcv.text.bytes > 0;
}

static void linger(struct tcp *t, struct tcb *b, enum estab_error error)
{
    queue_clear(&t->chunks, &b->snd.text);
    text_drop_beyond(t, b);
    b->error = (uint8_t)error;
    if (b->head.tag & TAG_KEEP_TEXT)
        conn_event(t, b->head.handle, ESTAB_EVENT_CLOSED, error);
}

void conn_established(struct tcp *t, struct tcb *b, estab_time now)
{
    measure_begins(t, b, now);
    cc_begins(t, b, now);
    listen_no_more(t, b);
    if (b->flags & TCB_UNACCEPTED)
        listen_established(t, b);
    conn_event(t, b->head.handle, ESTAB_EVENT_OPENED, ESTAB_OK);
    timer_keepalive(t, b, now);
    if (b->flags & TCB_CLOSE_QUEUED)
        user_close_now(t, b, now);
    conn_ready(t, b);
}

void conn_close(struct tcp *t, struct tcb *b, enum tcp_event event, enum estab_error error,
                enum reason reason, estab_time now)
{
    bool listening = b->head.state == TCP_LISTEN;
    uint32_t handle = b->head.handle;

    accounts_check(t, b);
    tcp_move(t, &b->head, event, reason, now);
    ASSERT(b->head.state == TCP_CLOSED);
    note_reason(t, reason);
    if (!listening)
        table_remove(t, WHERE_TCB | tcp_index(t, b));
    listen_no_more(t, b);
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        timer_stop(b, (enum timer_slot)i);
    pace_stop(t, b);
    conn_unready(t, b);
    if (lingers(b, error)) {
        linger(t, b, error);
        return;
    }
    tcb_free(t, b);
    handle_gone(t, handle, error);
}

void conn_retire(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t handle = b->head.handle;
    bool told = b->head.tag & TAG_KEEP_TEXT;

    if (b->rcv.text.bytes > 0)
        return;
    if (b->head.state == TCP_TIME_WAIT) {
        (void)record_of_time_wait(t, b, now);
    } else if (b->head.state == TCP_CLOSED) {
        tcb_free(t, b);
        if (!told)
            handle_gone(t, handle, ESTAB_OK);
        else if (handle != HANDLE_NONE)
            handle_end(t, handle);
    }
}

/* Everything that `b` owns: TCB, handle, telemetry, its share of the table, and its text. */
uint32_t tcp_memory(const struct tcp *t, const struct tcb *b)
{
    uint64_t places = (uint64_t)t->config.connections + t->config.records;
    uint64_t share = ((uint64_t)t->bucket_mask + 1) * sizeof(uint32_t);
    uint64_t n = sizeof *b + sizeof(struct tcp_handle) + (share + places - 1) / places;
    uint32_t each = t->chunks.bytes + (uint32_t)sizeof(struct chunk);

    if (t->config.telemetry)
        n += sizeof(struct tcp_telemetry);
    if (b->cold)
        n += sizeof(struct tcp_cold);
    n += scoreboard_memory(t, b);
    if (b->listener != LISTENER_NONE && tcp_listener(t, b->listener)->single == tcp_index(t, b))
        n += sizeof(struct tcp_listener);
    n += (uint64_t)b->rcv.chunks * each;
    for (uint32_t i = b->snd.text.head; i != CHUNK_NONE; i = chunk_at(&t->chunks, i)->next)
        n += each;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}
