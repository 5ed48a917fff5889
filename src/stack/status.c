/* SPDX-License-Identifier: MIT */
/* status.c - STATUS (RFC 9293 section 3.10.6), the list of everything, counters and names. */
#include "stack/stack.h"
#include "tcp/cc.h"

static const uint32_t status_size = sizeof(struct estab_status);

/* ---- one connection ------------------------------------------------------------------------------- */

static void status_head(const struct tcp *t, const struct tcp_head *head, struct estab_status *st)
{
    *st = (struct estab_status){
        .size = status_size,
        .state = (enum estab_state)head->state,
        .local = {t->locals[head->local].address, head->lport},
        .remote = {head->remote, head->rport},
        .passive = head->tag & TAG_PASSIVE,
        .timestamps = head->tag & TAG_TIMESTAMPS,
        .scaled = head->tag & TAG_SCALED,
        .sack = head->tag & TAG_SACK,
        .ecn = head->tag & TAG_ECN,
        .timer = ESTAB_NEVER,
    };
    if (head->handle != HANDLE_NONE && !(tcp_handle(t, head->handle)->flags & HANDLE_UNACCEPTED))
        st->conn = handle_conn(t, head->handle);
}

static void status_listener(const struct tcp *t, uint16_t i, struct estab_status *st)
{
    if (i != LISTENER_NONE)
        st->listener = (estab_listener){i, tcp_listener(t, i)->generation};
}

static void status_variables(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    st->snd_una = b->snd.una.v;
    st->snd_nxt = b->snd.nxt.v;
    st->snd_wnd = b->snd.wnd;
    st->snd_up = b->snd.up.v;
    st->snd_wl1 = b->snd.wl1.v;
    st->snd_wl2 = b->snd.wl2.v;
    st->iss = b->snd.iss.v;
    st->rcv_nxt = b->rcv.nxt.v;
    st->rcv_wnd = window_now(t, b);
    st->rcv_up = b->rcv.up.v;
    st->irs = b->rcv.irs.v;
    st->snd_mss = b->snd.mss;
    st->rcv_mss = b->rcv.mss;
    st->snd_wscale = b->snd.wscale;
    st->rcv_wscale = b->rcv.wscale;
}

/* NewReno's TCB_RECOVER stays after a recovery, too, but then SND.UNA has reached `recover`. */
static bool after_timeout(const struct tcb *b)
{
    return (b->flags & TCB_RECOVER) && snd_lt(b->snd.una, b->rtt.recover);
}

static enum estab_loss loss_of(const struct tcp *t, const struct tcb *b)
{
    if (ecn_shrinks(b))
        return ESTAB_LOSS_CWR;
    if (b->flags & TCB_RECOVERY)
        return ESTAB_LOSS_RECOVERY;
    if (b->rtt.retries > 0 || (tcb_syn_acked(b) && after_timeout(b)))
        return ESTAB_LOSS_TIMEOUT;
    return b->rtt.dupacks > 0 || tcb_board(t, b)->sacked > 0 ? ESTAB_LOSS_DISORDER : ESTAB_LOSS_OPEN;
}

/* What of the sender is not the RFC's own variables. */
static void status_sender(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    st->srtt_us = b->rtt.srtt_us8 / 8;
    st->rttvar_us = b->rtt.rttvar_us4 / 4;
    st->rto_us = (uint32_t)rtt_timeout_us(t, b);
    st->cwnd = b->cc.cwnd;
    st->ssthresh = b->cc.ssthresh;
    st->congestion = (enum estab_congestion)b->cc_row;
    st->retransmits = b->rtt.retries;
    st->loss = loss_of(t, b);
    st->reordering = rack_reordering(b);
    st->backoff = b->rtt.backoff;
    st->probes = b->rtt.probes > b->keepalives_sent ? b->rtt.probes : b->keepalives_sent;
    st->not_sent = tcb_not_sent(b);
    st->pacing = b->pace & PACE_ON;
    st->pacing_rate = pace_rate(t, b);
    st->user_timeout_ms = option_user_timeout_ms(t, b);
    st->peer_timeout_s = tcb_cold(t, b)->peer_uto_s;
    st->path_mtu = mtu_path(t, b);
    st->pacing_rate_most = tcb_cold(t, b)->pace_most;
    if (b->snd.mss > 0) /* not yet known in LISTEN */
        st->in_flight = (tcb_outstanding(b) + b->snd.mss - 1) / b->snd.mss;
    scoreboard_status(t, b, st);
}

static void status_telemetry(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    const struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    st->bytes_sent = m->bytes_sent;
    st->bytes_received = m->bytes_received;
    st->bytes_retransmitted = m->bytes_retransmitted;
    st->segments_sent = m->segments_sent;
    st->segments_received = m->segments_received;
    st->segments_retransmitted = m->segments_retransmitted;
    st->text_segments_sent = m->text_segments_sent;
    st->text_segments_received = m->text_segments_received;
    st->delivered = m->delivered;
    if (!st->sack && (st->loss == ESTAB_LOSS_DISORDER || st->loss == ESTAB_LOSS_RECOVERY))
        st->sacked = m->ahead;
    st->delivered_ce = m->delivered_ce;
    st->delivery_rate = m->rate.delivery_rate;
    st->delivery_rate_limited = m->rate.limited_rate;
    st->timeouts = m->timeouts;
    st->timeout_recoveries = m->timeout_recoveries;
    st->timeout_ms = m->timeout_ms + (b->rtt.retries > 0 ? ms_of(t->last) - m->timeout_since_ms : 0);
    st->ce_segments = m->ce_segments;
    st->min_rtt_us = m->min_rtt_us;
    st->sack_blocks = m->sack_blocks;
    st->dsack_blocks = m->dsack_blocks;
    st->dsack_segments = m->dsack_segments;
    st->receiver_rtt_us = m->receiver.rtt_us8 / 8;
    st->receiver_space = m->receiver.space;
    st->reorderings = m->reorderings;
    st->out_of_order_segments = m->out_of_order_segments;
    st->busy_us = m->busy_us;
    if (m->busy_since_us > 0)
        st->busy_us += us_of(t->last) - m->busy_since_us;
    st->window_limited_us = m->limited_us[LIMIT_WINDOW];
    st->buffer_limited_us = m->limited_us[LIMIT_BUFFER];
    if (m->limit == LIMIT_WINDOW)
        st->window_limited_us += us_of(t->last) - m->limited_since_us;
    if (m->limit == LIMIT_BUFFER)
        st->buffer_limited_us += us_of(t->last) - m->limited_since_us;
    st->text_sent_at = m->text_sent_at;
    st->text_received_at = m->text_received_at;
    st->ack_received_at = m->ack_received_at;
}

static enum estab_timer long_timer_of(const struct tcb *b)
{
    if (b->head.state == TCP_TIME_WAIT)
        return ESTAB_TIMER_TIME_WAIT;
    if (b->head.state == TCP_FIN_WAIT_2 && (b->flags & TCB_ORPHAN))
        return ESTAB_TIMER_FIN_WAIT_2;
    return ESTAB_TIMER_KEEPALIVE;
}

/* The public names of timers are the trace's, behind one for none. */
static enum estab_timer timer_of(const struct tcb *b, unsigned slot)
{
    switch (slot) {
    case SLOT_SEND:
        return (enum estab_timer)(b->timer_kind + 1);
    case SLOT_ACK:
        return ESTAB_TIMER_DELAYED_ACK;
    case SLOT_LONG:
        return long_timer_of(b);
    default:
        return ESTAB_TIMER_USER;
    }
}

static void status_timer(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    for (unsigned i = 0; i < TIMER_SLOTS; i++)
        if (b->at_us[i] != WHEEL_NEVER && b->at_us[i] * ESTAB_US < st->timer) {
            st->timer = b->at_us[i] * ESTAB_US;
            st->timer_kind = timer_of(b, i);
        }
    if (pace_deadline_us(t, b) != WHEEL_NEVER && pace_deadline_us(t, b) * ESTAB_US < st->timer) {
        st->timer = pace_deadline_us(t, b) * ESTAB_US;
        st->timer_kind = ESTAB_TIMER_PACING;
    }
}

static void status_tcb(const struct tcp *t, const struct tcb *b, struct estab_status *st)
{
    status_head(t, &b->head, st);
    status_listener(t, b->listener, st);
    status_variables(t, b, st);
    status_sender(t, b, st);
    status_telemetry(t, b, st);
    st->send_queued = b->snd.text.bytes;
    st->receive_queued = b->rcv.text.bytes;
    st->out_of_order = b->rcv.beyond_bytes;
    st->cold = b->cold != 0;
    st->scoreboard = scoreboard_memory(t, b);
    st->ecn_seen = b->ecn & ECN_SEEN;
    st->orphan = b->flags & TCB_ORPHAN;
    st->ato_us = b->ack.ato_ms > 0 ? delack_wait_ms(t, b) * 1000 : 0;
    st->offered_mss = (uint16_t)measure_offered_mss(b);
    st->seen_mss = b->ack.mss;
    st->rcv_wnd_most = window_capacity(t, b);
    st->send_buffer = b->snd.buffer;
    st->receive_buffer = b->rcv.buffer;
    st->memory = tcp_memory(t, b);
    st->soft_error = (enum estab_error)b->error;
    status_timer(t, b, st);
}

static void status_record(const struct tcp *t, const struct tcp_record *r, struct estab_status *st)
{
    bool waits = r->head.state == TCP_TIME_WAIT;
    int32_t left = (int32_t)(r->deadline_ms - ms_of(t->last));

    status_head(t, &r->head, st);
    status_listener(t, r->listener, st);
    st->record = true;
    st->snd_nxt = waits ? r->snd : r->snd + 1;
    st->snd_una = r->snd;
    st->rcv_nxt = waits ? r->rcv : r->rcv + 1;
    if (!waits) {
        st->iss = r->snd;
        st->irs = r->rcv;
        st->snd_mss = r->mss;
        st->retransmits = r->retries;
    }
    st->snd_wscale = r->snd_wscale;
    st->rcv_wscale = r->rcv_wscale;
    st->orphan = r->head.state == TCP_TIME_WAIT && r->head.handle == HANDLE_NONE;
    st->memory = sizeof *r + (r->head.handle != HANDLE_NONE ? (uint32_t)sizeof(struct tcp_handle) : 0);
    st->timer = (t->last / ESTAB_MS + (uint64_t)(left > 0 ? left : 0)) * ESTAB_MS;
    st->timer_kind = waits ? ESTAB_TIMER_TIME_WAIT : ESTAB_TIMER_RETRANSMIT;
}

/* CLOSED, with an event still to be taken. */
static void status_gone(const struct tcp *t, uint32_t handle, struct estab_status *st)
{
    *st = (struct estab_status){.size = status_size,
                                .state = ESTAB_STATE_CLOSED,
                                .conn = handle_conn(t, handle),
                                .timer = ESTAB_NEVER,
                                .memory = sizeof(struct tcp_handle)};
}

enum estab_error estab_status(const estab_stack *s, estab_conn conn, struct estab_status *st)
{
    const struct tcp *t = stack_tcp(s);
    uint32_t handle = handle_find(t, conn);
    uint32_t where;

    if (st->size != sizeof *st)
        return ESTAB_INVALID;
    if (handle == HANDLE_NONE)
        return ESTAB_NO_CONNECTION;
    where = tcp_handle(t, handle)->where;
    if (WHERE_KIND(where) == WHERE_TCB)
        status_tcb(t, tcp_tcb(t, WHERE_INDEX(where)), st);
    else if (WHERE_KIND(where) == WHERE_RECORD)
        status_record(t, tcp_record(t, WHERE_INDEX(where)), st);
    else
        status_gone(t, handle, st);
    return ESTAB_OK;
}

/* ---- all of them -------------------------------------------------------------------------------------- */

static void status_of_listener(const struct tcp *t, uint32_t i, struct estab_status *st)
{
    const struct tcp_listener *l = tcp_listener(t, i);

    *st = (struct estab_status){.size = status_size,
                                .state = ESTAB_STATE_LISTEN,
                                .listener = {i, l->generation},
                                .local = l->local,
                                .remote = l->remote,
                                .passive = true,
                                .timer = ESTAB_NEVER,
                                .pending = l->pending,
                                .backlog = l->backlog,
                                .memory = sizeof *l};
    if (l->single != TCB_NONE)
        status_tcb(t, tcp_tcb(t, l->single), st);
}

/* The cursor counts listeners, then records, then TCBs. */
bool estab_list(const estab_stack *s, uint64_t *cursor, struct estab_status *st)
{
    const struct tcp *t = stack_tcp(s);
    uint64_t records = t->config.listeners, tcbs = records + t->record_fresh;

    if (st->size != sizeof *st)
        return false;
    for (; *cursor < records; ++*cursor)
        if (tcp_listener(t, (uint32_t)*cursor)->used == LISTENER_LISTENS) {
            status_of_listener(t, (uint32_t)(*cursor)++, st);
            return true;
        }
    for (; *cursor < tcbs; ++*cursor) {
        const struct tcp_record *r = tcp_record(t, (uint32_t)(*cursor - records));

        if (r->head.state != TCP_CLOSED) {
            status_record(t, r, st);
            ++*cursor;
            return true;
        }
    }
    for (; *cursor < tcbs + t->tcb_fresh; ++*cursor) {
        const struct tcb *b = tcp_tcb(t, (uint32_t)(*cursor - tcbs));

        if (b->head.state != TCP_CLOSED && b->head.state != TCP_LISTEN) {
            status_tcb(t, b, st);
            ++*cursor;
            return true;
        }
    }
    return false;
}

/* ---- counters and names ----------------------------------------------------------------------------------- */

static uint32_t listeners_used(const struct tcp *t)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < t->config.listeners; i++)
        used += tcp_listener(t, i)->used != LISTENER_FREE;
    return used;
}

static uint32_t neighbours_used(const struct ip *ip)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < ip->neighbour_count; i++)
        used += ip_neighbour(ip, i)->state != NEIGHBOUR_FREE;
    return used;
}

/* There is a cold block and a scoreboard for each TCB. */
static void count_pools(const struct estab_stack *s, struct estab_counters *c)
{
    const struct tcp *t = stack_tcp(s);
    const struct udp *u = stack_udp(s);

    c->connections_total = c->cold_blocks_total = c->scoreboards_total = t->config.connections;
    c->records_total = t->config.records;
    c->listeners = listeners_used(t);
    c->listeners_total = t->config.listeners;
    c->cold_blocks = t->cold_used;
    c->scoreboards = t->board_used;
    c->spares = t->spare_used;
    c->spares_total = t->config.sack_spares;
    c->udp_sockets_total = u->socket_most;
    c->datagrams_total = u->out_most;
    c->neighbours = neighbours_used(&s->ip);
    c->neighbours_total = s->ip.neighbour_count;
    c->replies = t->reply_count;
    c->replies_total = t->config.replies;
}

void estab_counters(const estab_stack *s, struct estab_counters *c)
{
    const struct tcp *t = stack_tcp(s);

    *c = (struct estab_counters){
        .size = sizeof *c,
        .frames_in = s->frames_in,
        .frames_out = s->frames_out,
        .segments_in = t->segments_in,
        .segments_out = t->segments_out,
        .text_in = t->text_in,
        .text_out = t->text_out,
        .retransmitted = t->retransmitted,
        .time_steps_back = t->steps_back,
        .connections = t->tcb_used,
        .connections_peak = t->tcb_peak,
        .records = t->record_used,
        .chunks_used = t->chunks.sending + t->chunks.received + t->chunks.lent,
        .chunks_promised = t->chunks.promised,
        .chunks_lent = t->chunks.lent,
        .chunks_total = t->chunks.chunks,
        .trace_lost = t->trace_lost,
        .datagrams_in = stack_udp(s)->datagrams_in,
        .datagrams_out = stack_udp(s)->datagrams_out,
        .udp_sockets = stack_udp(s)->socket_used,
        .datagrams = stack_udp(s)->out_used,
        .mtu_black_holes = t->mtu_black_holes,
        .mtu_probes = t->mtu_probes,
        .mtu_probes_passed = t->mtu_probes_passed,
        .mtu_probes_lost = t->mtu_probes_lost,
        .fragments_in = stack_reassemblies(s)->pieces_in,
        .fragments_out = s->fragments_out,
        .reassembled = stack_reassemblies(s)->whole,
        .fragments = stack_reassemblies(s)->blocks_used,
        .fragments_total = stack_reassemblies(s)->most,
    };
    count_pools(s, c);
}

unsigned estab_reasons(void)
{
    return REASONS;
}

struct estab_reason_info estab_reason(unsigned reason)
{
    static const struct estab_reason_info rows[REASONS] = {
#define REASON(name, source, sentence) [REASON_##name] = {#name, source, sentence},
#include "base/reason.def"
#undef REASON
    };

    return reason < REASONS ? rows[reason] : (struct estab_reason_info){"?", "", "?"};
}

uint64_t estab_reason_count(const estab_stack *s, unsigned reason)
{
    return reason < REASONS ? stack_tcp(s)->reasons[reason] : 0;
}

const char *estab_state_name(enum estab_state state)
{
    return fsm_state_name((enum tcp_state)state);
}

const char *estab_congestion_name(unsigned congestion)
{
    return congestion < CC_ROWS ? cc_all[congestion]->name : NULL;
}

const char *estab_timer_name(enum estab_timer timer)
{
    static const char *const names[] = {
#define X(name, text) [ESTAB_TIMER_##name] = text,
        ESTAB_TIMERS(X)
#undef X
    };

    return (unsigned)timer < sizeof names / sizeof *names ? names[timer] : "?";
}

const char *estab_fsm_event_name(unsigned event)
{
    return fsm_event_name((enum tcp_event)event);
}

#define STATE(name, spelling, facts)                                                               \
    _Static_assert((int)ESTAB_STATE_##name == (int)TCP_##name, "estab.h and fsm.def agree");
#include "tcp/fsm.def"

#define TIMER(name, text)                                                                          \
    _Static_assert((int)ESTAB_TIMER_##name == (int)TIMER_##name + 1, "estab.h and trace.def agree");
#include "base/trace.def"
