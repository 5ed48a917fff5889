/* SPDX-License-Identifier: MIT */
/*
 * record.c - connections that need no TCB: a listener's child in SYN-RECEIVED, and TIME-WAIT.
 *
 * Neither has text, a window to manage or a round-trip time to learn, so 64 bytes hold all that
 * RFC 9293 asks of them.  They have no node in the wheel either: each waits in a list of those that
 * wait equally long, so a list is in order of its deadlines.
 *
 *      list k < RECORD_TIME_WAIT   SYN,ACK sent k + 1 times; waits RTO * 2^k
 *      RECORD_TIME_WAIT            waits 2 MSL
 */
#include "tcp/tcp.h"

struct tcp_record *record_new(struct tcp *t)
{
    uint32_t i = t->record_free;
    struct tcp_record *r;

    if (i != TCB_NONE)
        t->record_free = tcp_record(t, i)->next;
    else if (t->record_fresh < t->config.records)
        i = t->record_fresh++;
    else
        return NULL;
    r = tcp_record(t, i);
    *r = (struct tcp_record){.next = TCB_NONE, .prev = TCB_NONE, .listener = LISTENER_NONE};
    r->head.handle = HANDLE_NONE;
    t->record_used++;
    return r;
}

static void record_leave(struct tcp *t, struct tcp_record *r)
{
    struct record_list *l = &t->lists[r->retries];

    if (r->prev != TCB_NONE)
        tcp_record(t, r->prev)->next = r->next;
    else if (l->head == tcp_record_index(t, r))
        l->head = r->next;
    else
        return; /* on no list */
    if (r->next != TCB_NONE)
        tcp_record(t, r->next)->prev = r->prev;
    else
        l->tail = r->prev;
    r->next = r->prev = TCB_NONE;
}

static uint64_t list_wait_ms(const struct tcp *t, unsigned list)
{
    uint64_t rto = t->config.rto_initial_ms;

    if (list == RECORD_TIME_WAIT)
        return 2 * (uint64_t)t->config.msl_ms;
    rto <<= list;
    if (rto > t->config.rto_max_ms)
        rto = t->config.rto_max_ms;
    /* The last wait reaches R2 by itself, however short the others were (MUST-23). */
    return list == RECORD_TIME_WAIT - 1 && rto < t->config.r2_syn_ms ? t->config.r2_syn_ms : rto;
}

/* Times are whole milliseconds, rounded up: never early. */
static uint32_t ms_up(estab_time now)
{
    return (uint32_t)((now + ESTAB_MS - 1) / ESTAB_MS);
}

void record_wait(struct tcp *t, struct tcp_record *r, unsigned list, estab_time now)
{
    uint32_t i = tcp_record_index(t, r);
    struct record_list *l;

    record_leave(t, r);
    r->retries = (uint8_t)list;
    r->deadline_ms = ms_up(now) + (uint32_t)list_wait_ms(t, list);
    l = &t->lists[list];
    r->prev = l->tail;
    if (l->tail == TCB_NONE)
        l->head = i;
    else
        tcp_record(t, l->tail)->next = i;
    l->tail = i;
}

void record_free(struct tcp *t, struct tcp_record *r)
{
    uint32_t i = tcp_record_index(t, r);

    record_leave(t, r);
    *r = (struct tcp_record){.next = t->record_free};
    t->record_free = i;
    t->record_used--;
}

/* The listener has one child fewer to wait for. */
static void record_orphan(struct tcp *t, const struct tcp_record *r)
{
    if (r->listener == LISTENER_NONE)
        return;
    tcp_listener(t, r->listener)->pending--;
    tcp_listener(t, r->listener)->half_open--;
}

void record_close(struct tcp *t, struct tcp_record *r, enum tcp_event event, enum estab_error error,
                  enum reason reason, estab_time now)
{
    uint32_t handle = r->head.handle;

    tcp_move(t, &r->head, event, reason, now);
    note_reason(t, reason);
    record_orphan(t, r);
    table_remove(t, WHERE_RECORD | tcp_record_index(t, r));
    record_free(t, r);
    if (handle == HANDLE_NONE)
        return;
    tcp_handle(t, handle)->where = WHERE_GONE;
    conn_event(t, handle, ESTAB_EVENT_CLOSED, error);
}

void record_to_listen(struct tcp *t, struct tcp_record *r, enum tcp_event event, enum reason reason,
                      estab_time now)
{
    tcp_move(t, &r->head, event, reason, now);
    record_orphan(t, r);
    table_remove(t, WHERE_RECORD | tcp_record_index(t, r));
    record_free(t, r);
}

/* ---- deadlines ------------------------------------------------------------------------------------- */

estab_time record_deadline(const struct tcp *t, estab_time now)
{
    uint32_t now_ms = ms_of(now);
    int32_t least = INT32_MAX;

    for (unsigned k = 0; k < RECORD_LISTS; k++) {
        uint32_t head = t->lists[k].head;
        int32_t left;

        if (head == TCB_NONE)
            continue;
        left = (int32_t)(tcp_record(t, head)->deadline_ms - now_ms);
        least = left < least ? left : least;
    }
    if (least == INT32_MAX)
        return ESTAB_NEVER;
    return least <= 0 ? now : (now / ESTAB_MS + (uint32_t)least) * ESTAB_MS;
}

/* Since the first SYN,ACK, up to the end of the wait that list `lists - 1` is. */
static uint64_t waited_ms(const struct tcp *t, unsigned lists)
{
    uint64_t waited = 0;

    for (unsigned k = 0; k < lists; k++)
        waited += list_wait_ms(t, k);
    return waited;
}

static uint32_t defer_ms(const struct tcp *t, const struct tcp_record *r)
{
    return option_of_listener(t, r->listener, ESTAB_OPTION_DEFER_ACCEPT_MS, 0);
}

/*
 * Not RFC 9293 3.10.7.4 step 5: an acknowledgment of our SYN without text makes no connection while
 * the listener's user wants to hear of text first.  When it has waited long enough the SYN,ACK goes
 * once more, and its answer is taken, as Linux does.
 */
bool record_defers(const struct tcp *t, struct tcp_record *r, const struct segment *s)
{
    if (segment_length(s) > 0 || waited_ms(t, r->retries) >= defer_ms(t, r))
        return false;
    r->head.tag |= TAG_DEFERRED;
    return true;
}

/* TIME-WAIT is a record, or a TCB while its user has not taken all text. */
static rcv_seq time_wait_nxt(const struct tcp *t, uint32_t where)
{
    return WHERE_KIND(where) == WHERE_TCB ? tcp_tcb(t, WHERE_INDEX(where))->rcv.nxt
                                          : rcv_of(tcp_record(t, WHERE_INDEX(where))->rcv);
}

static uint32_t time_wait_stamp(const struct tcp *t, uint32_t where)
{
    return WHERE_KIND(where) == WHERE_TCB ? tcp_tcb(t, WHERE_INDEX(where))->ts.recent
                                          : tcp_record(t, WHERE_INDEX(where))->ts_recent;
}

bool time_wait_gives_way(const struct tcp *t, uint32_t where, const struct segment *s)
{
    const struct tcp_head *head = table_head(t, where);
    bool stamped = t->config.timestamps && (s->opt.present & OPT_TIMESTAMPS), beyond;
    int32_t later;

    if (!head || head->state != TCP_TIME_WAIT || (s->flags & (CTL_SYN | CTL_ACK | CTL_RST)) != CTL_SYN)
        return false;
    beyond = rcv_leq(time_wait_nxt(t, where), s->seq);
    if (!stamped)
        return beyond;
    later = (int32_t)(s->opt.tsval - time_wait_stamp(t, where));
    return !(head->tag & TAG_TIMESTAMPS) || later > 0 || (later == 0 && beyond);
}

uint32_t time_wait_reopened(struct tcp *t, uint32_t where, estab_time now)
{
    struct tcp_record *r = tcp_record(t, WHERE_INDEX(where));
    struct tcb *b = tcp_tcb(t, WHERE_INDEX(where));
    uint32_t nxt;

    if (WHERE_KIND(where) == WHERE_TCB) {
        nxt = b->snd.nxt.v;
        conn_close(t, b, EV_TIMEOUT_2MSL, ESTAB_OK, REASON_TIME_WAIT_REOPENED, now);
    } else {
        nxt = r->snd;
        record_close(t, r, EV_TIMEOUT_2MSL, ESTAB_OK, REASON_TIME_WAIT_REOPENED, now);
    }
    return nxt;
}

static bool past_syn_retries(const struct tcp *t, const struct tcp_record *r)
{
    uint32_t most = option_of_listener(t, r->listener, ESTAB_OPTION_SYN_RETRIES, 0);

    return most > 0 && r->retries >= most;
}

static void record_due(struct tcp *t, struct tcp_record *r, estab_time now)
{
    unsigned list = r->retries;
    uint64_t waited;

    if (list == RECORD_TIME_WAIT) {
        NOTE(t, TIMER_FIRED, r->head.handle, now, TIMER_TIME_WAIT, 0);
        record_close(t, r, EV_TIMEOUT_2MSL, ESTAB_OK, REASON_TIME_WAIT_END, now);
        return;
    }
    waited = waited_ms(t, list + 1);
    NOTE(t, TIMER_FIRED, r->head.handle, now, TIMER_RETRANSMIT, list + 1);
    if (past_syn_retries(t, r)) {
        record_close(t, r, EV_TIMEOUT_USER, ESTAB_TIMED_OUT, REASON_SYN_RETRIES, now);
        return;
    }
    if (waited >= t->config.r2_syn_ms || list + 1 == RECORD_TIME_WAIT) {
        record_close(t, r, EV_TIMEOUT_USER, ESTAB_TIMED_OUT, REASON_R2, now);
        return;
    }
    record_wait(t, r, list + 1, now);
    if ((r->head.tag & TAG_DEFERRED) && waited < defer_ms(t, r))
        return; /* the peer has our SYN,ACK */
    t->retransmitted++;
    (void)record_syn_ack(t, r, NULL, WHY_RETRANSMIT_TIMEOUT, now);
}

void record_expire(struct tcp *t, estab_time now)
{
    uint32_t now_ms = ms_of(now);

    for (unsigned k = RECORD_LISTS; k-- > 0;) {
        /* From the longest wait down, so that no record is seen twice. */
        while (t->lists[k].head != TCB_NONE) {
            struct tcp_record *r = tcp_record(t, t->lists[k].head);

            if ((int32_t)(r->deadline_ms - now_ms) > 0)
                break;
            record_due(t, r, now);
        }
    }
}

/* ---- what a record says ------------------------------------------------------------------------------ */

static struct tcp_pair record_pair(const struct tcp_record *r)
{
    return (struct tcp_pair){r->head.remote, r->head.rport, r->head.lport, r->head.local};
}

static struct tcp_out *record_reply(struct tcp *t, const struct tcp_record *r, enum emit_why why,
                                    estab_time now)
{
    struct tcp_out *out = reply_new(t, why);
    struct tcp_pair pair = record_pair(r);
    struct tcp_header *h;

    if (!out)
        return NULL;
    out->remote = r->head.remote;
    out->local = r->head.local;
    out->diffserv = r->diffserv;
    h = &out->header;
    h->sport = r->head.lport;
    h->dport = r->head.rport;
    if (r->head.tag & TAG_TIMESTAMPS) {
        h->opt.present = OPT_TIMESTAMPS;
        h->opt.tsval = ms_of(now) + isn_timestamp_offset(t, &pair);
        h->opt.tsecr = r->ts_recent;
    }
    return out;
}

uint32_t record_rtt_us(const struct tcp *t, const struct tcp_record *r, estab_time now)
{
    uint32_t sent_ms = r->deadline_ms - (uint32_t)list_wait_ms(t, r->retries);
    int32_t rtt_ms = (int32_t)(ms_of(now) - sent_ms);

    return rtt_ms > 1 ? (uint32_t)rtt_ms * 1000 : 1000; /* whole milliseconds, and one at least */
}

uint32_t record_window_most(const struct tcp *t, uint16_t listener)
{
    uint32_t buffer = option_of_listener(t, listener, ESTAB_OPTION_RECEIVE_BUFFER,
                                         t->config.receive_buffer);
    uint32_t clamp = option_of_listener(t, listener, ESTAB_OPTION_WINDOW_CLAMP, 0);

    return clamp > 0 && clamp < buffer ? clamp : buffer;
}

/* The window that a child begins with, before it has a TCB; a SYN's is never scaled. */
static uint16_t first_window(const struct tcp *t, uint16_t listener)
{
    uint32_t most = record_window_most(t, listener);
    uint32_t promised =
        queue_bytes_in(&t->chunks, queue_chunks_for(&t->chunks, t->config.receive_reserve));
    uint32_t slack = 1u << window_scale_for(t, most);
    uint32_t window = promised > slack ? promised - slack : 0;

    if (window > most)
        window = most;
    return (uint16_t)(window < 65535 ? window : 65535);
}

uint32_t record_window(const struct tcp *t, const struct tcp_record *r)
{
    return r->head.state == TCP_TIME_WAIT ? (uint32_t)r->mss << r->rcv_wscale
                                          : first_window(t, r->listener);
}

struct tcp_out *record_syn_ack(struct tcp *t, const struct tcp_record *r, const uint8_t *mac,
                               enum emit_why why, estab_time now)
{
    struct tcp_out *out = record_reply(t, r, why, now);
    struct tcp_header *h;

    if (!out)
        return NULL;
    if (mac) {
        out->has_mac = true;
        for (unsigned i = 0; i < 6; i++)
            out->mac[i] = mac[i];
    }
    h = &out->header;
    h->seq = r->snd;
    h->ack = r->rcv + 1;
    h->flags = CTL_SYN | CTL_ACK | (r->head.tag & TAG_ECN ? CTL_ECE : 0);
    h->wnd = first_window(t, r->listener);
    h->opt.present |= OPT_MSS;
    if (r->head.tag & TAG_SACK)
        h->opt.present |= OPT_SACK_PERMITTED;
    h->opt.mss = mss_offer(&t->locals[r->head.local], t->locals[r->head.local].mtu,
                           option_of_listener(t, r->listener, ESTAB_OPTION_MSS_CLAMP, 0));
    if (r->head.tag & TAG_SCALED) {
        h->opt.present |= OPT_WINDOW_SCALE;
        h->opt.wscale = r->rcv_wscale;
    }
    uto_offer_listener(t, r->listener, h);
    return out;
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> of a record: step 1's answer, and a challenge. */
void record_ack(struct tcp *t, const struct tcp_record *r, enum emit_why why, estab_time now)
{
    bool waits = r->head.state == TCP_TIME_WAIT;
    struct tcp_out *out = record_reply(t, r, why, now);
    uint32_t unit = 1u << r->rcv_wscale;

    if (!out)
        return;
    out->header.seq = waits ? r->snd : r->snd + 1;
    out->header.ack = waits ? r->rcv : r->rcv + 1;
    out->header.flags = CTL_ACK;
    out->header.wnd = (uint16_t)((record_window(t, r) + unit - 1) >> r->rcv_wscale); /* as in window_offer */
}

static void record_reset(struct tcp *t, const struct tcp_record *r, estab_time now)
{
    struct tcp_out *out = record_reply(t, r, WHY_RESET, now);

    if (!out)
        return;
    out->header.seq = r->snd + 1;
    out->header.ack = r->rcv + 1;
    out->header.flags = CTL_RST | CTL_ACK;
}

void record_end_children(struct tcp *t, uint16_t listener, estab_time now)
{
    for (unsigned k = 0; k < RECORD_TIME_WAIT; k++) {
        uint32_t next, i;

        for (i = t->lists[k].head; i != TCB_NONE; i = next) {
            struct tcp_record *r = tcp_record(t, i);

            next = r->next;
            if (r->listener != listener)
                continue;
            record_reset(t, r, now);
            record_close(t, r, EV_ABORT, ESTAB_ABORTED, REASON_USER_ABORT, now);
        }
    }
}

bool record_of_time_wait(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t window = window_now(t, b);
    struct tcp_record *r = record_new(t);

    if (!r)
        return false;
    r->head = b->head;
    r->snd = b->snd.nxt.v;
    r->rcv = b->rcv.nxt.v;
    r->ts_recent = b->ts.recent;
    r->snd_wscale = b->snd.wscale & 15u;
    r->rcv_wscale = b->rcv.wscale & 15u;
    r->diffserv = b->diffserv;
    window = (window + (1u << r->rcv_wscale) - 1) >> r->rcv_wscale; /* as in window_offer */
    r->mss = (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX);
    table_replace(t, WHERE_TCB | tcp_index(t, b), WHERE_RECORD | tcp_record_index(t, r));
    if (r->head.handle != HANDLE_NONE)
        tcp_handle(t, r->head.handle)->where = WHERE_RECORD | tcp_record_index(t, r);
    record_wait(t, r, RECORD_TIME_WAIT, now);
    if (b->flags & TCB_ACK_NOW)
        record_ack(t, r, WHY_ACK_NOW, now);
    b->head.handle = HANDLE_NONE;
    tcb_free(t, b);
    return true;
}
