/* SPDX-License-Identifier: MIT */
#include "estab_udp.h"
#include "support/stack_audit.h"

#include <string.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const char *fault_ = (call);                                                               \
        if (fault_)                                                                                \
            return fault_;                                                                         \
    } while (0)

#define EXPECT(condition, text)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (text);                                                                         \
    } while (0)

static bool same_conn(estab_conn a, estab_conn b)
{
    return a.index == b.index && a.generation == b.generation;
}

static bool same_endpoint(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static struct audited *find(struct stack_audit *w, estab_conn conn)
{
    for (unsigned i = w->handles; i-- > 0;)
        if (same_conn(w->handle[i].conn, conn))
            return &w->handle[i];
    return NULL;
}

static bool is_one_of(enum estab_state state, unsigned states)
{
    return states >> state & 1;
}

#define S(name) (1u << ESTAB_STATE_##name)

enum {
    UNSYNCHRONIZED = S(CLOSED) | S(LISTEN) | S(SYN_SENT),
    FIN_RECEIVED = S(CLOSE_WAIT) | S(CLOSING) | S(LAST_ACK) | S(TIME_WAIT),
    FIN_ACKED = S(FIN_WAIT_2) | S(TIME_WAIT),
};

/* ---- handles, calls, events ------------------------------------------------------------------- */

const char *audit_add(struct stack_audit *w, estab_conn conn, struct estab_endpoint remote)
{
    EXPECT(conn.generation != 0, "a handle that names nothing");
    EXPECT(!find(w, conn), "a handle was given twice");
    EXPECT(w->handles < AUDIT_HANDLES, "the audit is too small");
    w->handle[w->handles++] = (struct audited){.conn = conn, .remote = remote};
    return NULL;
}

const char *audit_init(struct stack_audit *w, estab_stack *stack, const struct estab_config *config,
                       struct estab_endpoint somebody, estab_time now)
{
    struct estab_open open = {.size = sizeof open, .remote = somebody};
    struct estab_open passive = {.size = sizeof open, .local.port = 1, .passive = true};
    struct estab_status idle = {.size = sizeof idle}, holding = idle, listening = idle, cold = idle;
    struct estab_event event;
    estab_conn conn;
    size_t taken;
    memset(w, 0, sizeof *w);
    w->stack = stack;
    w->chunk_bytes = config->chunk_bytes;
    w->spare_memory = 16 * 12 * config->sack_ranges;
    EXPECT(estab_open(stack, &open, &conn, now) == ESTAB_OK &&
               estab_status(stack, conn, &idle) == ESTAB_OK &&
               estab_set(stack, conn, ESTAB_OPTION_SYN_RETRIES, 1, now) == ESTAB_OK &&
               estab_status(stack, conn, &cold) == ESTAB_OK &&
               estab_set(stack, conn, ESTAB_OPTION_SYN_RETRIES, 0, now) == ESTAB_OK &&
               estab_send(stack, conn, "x", 1, 0, &taken, now) == ESTAB_OK &&
               estab_status(stack, conn, &holding) == ESTAB_OK &&
               estab_abort(stack, conn, now) == ESTAB_OK && estab_event_next(stack, &event) &&
               estab_open(stack, &passive, &conn, now) == ESTAB_OK &&
               estab_status(stack, conn, &listening) == ESTAB_OK &&
               estab_abort(stack, conn, now) == ESTAB_OK && estab_event_next(stack, &event),
           "a connection cannot be tried");
    w->memory = idle.memory;
    w->cold_memory = cold.memory - idle.memory;
    w->listen_memory = listening.memory - idle.memory;
    w->chunk_memory = holding.memory - idle.memory;
    return audit_empty(w, now);
}

const char *audit_send(struct stack_audit *w, estab_conn conn, size_t length, estab_time now)
{
    struct audited *h = find(w, conn);
    uint8_t text[8192];
    size_t taken = SIZE_MAX;
    EXPECT(length <= sizeof text, "the audit is too small");
    for (size_t i = 0; i < length; i++)
        text[i] = audit_byte(h ? h->sent + (uint32_t)i : 0);
    /* The low bits of the length serve as flags: PUSH, URGENT, MORE. */
    enum estab_error error =
        estab_send(w->stack, conn, text, length, length & 7, &taken, now);
    EXPECT(taken <= length, "SEND took more than there was");
    EXPECT(error != ESTAB_OK || taken == length, "SEND said ok and took less");
    EXPECT(error == ESTAB_OK || error == ESTAB_AGAIN || taken == 0, "SEND failed and took text");
    EXPECT(taken == 0 || (h && !h->ended), "SEND took text for a handle that ended");
    if (h)
        h->sent += (uint32_t)taken;
    return NULL;
}

const char *audit_receive(struct stack_audit *w, estab_conn conn, size_t size, unsigned flags,
                          estab_time now)
{
    struct audited *h = find(w, conn);
    struct estab_received got = {.length = SIZE_MAX};
    uint8_t text[8192];
    EXPECT(size <= sizeof text, "the audit is too small");
    enum estab_error error = estab_receive(w->stack, conn, text, size, flags, &got, now);
    EXPECT(got.length <= size, "RECEIVE gave more than was asked for");
    EXPECT(error == ESTAB_OK || got.length == 0, "RECEIVE failed and gave text");
    EXPECT(error != ESTAB_OK || got.length > 0 || got.end || size == 0, "RECEIVE gave nothing");
    EXPECT(got.length == 0 || (h && !h->ended && !h->heard_end), "RECEIVE gave text after the end");
    for (size_t i = 0; i < got.length; i++)
        EXPECT(text[i] == audit_byte(h->received + (uint32_t)i), "RECEIVE gave other text");
    if (!h || flags & ESTAB_PEEK)
        return NULL;
    h->received += (uint32_t)got.length;
    h->heard_end |= got.end;
    return NULL;
}

const char *audit_release(struct stack_audit *w, estab_conn conn, estab_time now)
{
    struct audited *h = find(w, conn);
    struct estab_status st = {.size = sizeof st};
    enum estab_error error = estab_release(w->stack, conn, now);
    EXPECT((error == ESTAB_OK) == (h && !h->ended), "release knows another handle");
    EXPECT(estab_status(w->stack, conn, &st) == ESTAB_NO_CONNECTION, "a released handle lives");
    if (h)
        h->ended = true;
    return NULL;
}

const char *audit_event(struct stack_audit *w, struct estab_event *event, bool *any)
{
    struct audited *h;
    *any = estab_event_next(w->stack, event);
    if (!*any)
        return NULL;
    EXPECT(event->bits != 0 || event->conn.generation != 0, "an event of nothing");
    if (event->bits & ESTAB_EVENT_ACCEPT) {
        EXPECT(event->conn.generation == 0, "ACCEPT belongs to a listener");
        EXPECT(event->listener.generation != 0, "ACCEPT of no listener");
        return NULL;
    }
    if (event->udp.generation) {
        struct estab_udp_status udp = {.size = sizeof udp};
        EXPECT(event->conn.generation == 0, "an event of a connection and of a UDP socket");
        EXPECT(estab_udp_status(w->stack, event->udp, &udp) == ESTAB_OK, "an event of no UDP socket");
        return NULL;
    }
    h = find(w, event->conn);
    EXPECT(h, "an event of an unknown connection");
    EXPECT(!h->ended, "an event of a handle that ended");
    if (event->bits & ESTAB_EVENT_CLOSED) {
        struct estab_status gone = {.size = sizeof gone};
        EXPECT(estab_status(w->stack, h->conn, &gone) == ESTAB_NO_CONNECTION,
               "a handle outlived its CLOSED event");
        h->ended = true;
    }
    return NULL;
}

/* ---- frames ----------------------------------------------------------------------------------- */

const struct estab_status *audit_find(const struct stack_audit *w, struct estab_endpoint local,
                                      struct estab_endpoint remote)
{
    for (unsigned i = 0; i < w->listed; i++) {
        const struct estab_status *s = &w->list[i];
        if (s->state != ESTAB_STATE_LISTEN && same_endpoint(&s->local, &local) &&
            same_endpoint(&s->remote, &remote))
            return s;
    }
    return NULL;
}

static const char *check_sent(const struct frame_seen *f, const struct audited *h,
                              const struct estab_status *s)
{
    uint32_t at = f->seq - s->iss - 1;
    EXPECT(!(f->flags & 2) || f->seq == s->iss, "a SYN that is not at ISS");
    if (s->orphan) /* nobody remembers what was sent */
        return NULL;
    EXPECT(f->length == 0 || h, "text of a connection that has no user");
    EXPECT(f->length == 0 || (at <= h->sent && f->length <= h->sent - at), "text that nobody sent");
    for (uint32_t i = 0; i < f->length; i++)
        EXPECT(f->text[i] == audit_byte(at + i), "other text than was sent");
    EXPECT(!(f->flags & 1) || at + f->length == (h ? h->sent : 0), "a FIN before the end of the text");
    return NULL;
}

static const char *list_all(struct stack_audit *w)
{
    uint64_t cursor = 0;
    for (w->listed = 0; w->listed < AUDIT_LISTED; w->listed++) {
        w->list[w->listed] = (struct estab_status){.size = sizeof w->list[0]};
        if (!estab_list(w->stack, &cursor, &w->list[w->listed]))
            return NULL;
    }
    return "the audit is too small";
}

const char *audit_frame(struct stack_audit *w, const struct estab_frame *f)
{
    struct frame_seen *seen = &w->frame;
    const struct estab_status *s;
    TRY(frame_check(f, seen));
    TRY(list_all(w));
    s = audit_find(w, seen->src, seen->dst);
    if (seen->protocol != 6 || seen->flags & 4)
        return NULL;
    EXPECT(s || seen->length == 0, "text of a connection that does not exist");
    if (!s || s->record || is_one_of(s->state, UNSYNCHRONIZED))
        return NULL;
    if (seen->length == 0 && seen->seq - (s->snd_una - 1) > s->snd_nxt - (s->snd_una - 1))
        return NULL; /* an answer of a record that had these sockets before */
    uint32_t offer = (uint32_t)seen->window << (seen->flags & 2 ? 0 : s->rcv_wscale);
    EXPECT((int32_t)(s->rcv_nxt + s->rcv_wnd - (seen->ack + offer)) >= 0,
           "a window that was not promised");
    return check_sent(seen, find(w, s->conn), s);
}

/* ---- what always holds ------------------------------------------------------------------------ */

static bool went_back(uint32_t before, uint32_t after)
{
    return (int32_t)(after - before) < 0;
}

static const char *check_progress(const struct estab_status *was, const struct estab_status *is)
{
    if (was->record != is->record || is_one_of(was->state, UNSYNCHRONIZED) ||
        is_one_of(is->state, UNSYNCHRONIZED) || was->iss != is->iss || was->irs != is->irs)
        return NULL;
    EXPECT(!went_back(was->snd_una, is->snd_una), "SND.UNA went back");
    EXPECT(!went_back(was->snd_nxt, is->snd_nxt), "SND.NXT went back");
    EXPECT(!went_back(was->rcv_nxt, is->rcv_nxt), "RCV.NXT went back");
    EXPECT(!went_back(was->rcv_nxt + was->rcv_wnd, is->rcv_nxt + is->rcv_wnd),
           "the window's edge went back");
    return NULL;
}

/* Of a TCB whose sequence numbers are settled; `h` may be NULL: not accepted yet. */
static const char *check_numbers(const struct estab_status *s, const struct audited *h)
{
    uint32_t sent = h ? h->sent : 0, received = h ? h->received : 0;
    uint32_t outstanding = s->snd_nxt - s->snd_una, fin = is_one_of(s->state, FIN_RECEIVED);
    if (s->orphan) /* nobody remembers what its user sent and received */
        return NULL;
    EXPECT(s->snd_una - s->iss <= sent + 2, "SND.UNA is beyond what was sent");
    EXPECT(outstanding <= sent + 2 && s->snd_nxt - s->iss <= sent + 2,
           "SND.NXT is beyond what was sent");
    EXPECT(!is_one_of(s->state, FIN_ACKED) || outstanding == 0, "the FIN is not acknowledged");
    EXPECT(s->rcv_nxt - s->irs - 1 == received + s->receive_queued + fin,
           "RCV.NXT is not what was received");
    EXPECT(s->out_of_order <= s->rcv_wnd, "more beyond the gap than the window has");
    EXPECT(s->snd_mss >= 24 && s->cwnd >= s->snd_mss, "a congestion window of less than a segment");
    EXPECT(outstanding == 0 || s->timer != ESTAB_NEVER, "nobody waits for the acknowledgment");
    return NULL;
}

static const char *check_listed(struct stack_audit *w, const struct estab_status *s, estab_time now)
{
    struct estab_status again = {.size = sizeof again};
    struct audited *h = NULL;
    EXPECT(s->state != ESTAB_STATE_CLOSED && s->state <= ESTAB_STATE_TIME_WAIT, "no state to list");
    EXPECT(estab_deadline(w->stack) <= (s->timer > now ? s->timer : now), "the deadline is late");
    if (s->conn.generation != 0) {
        h = find(w, s->conn);
        EXPECT(h, "a connection that nobody was given has a handle");
        EXPECT(!h->ended, "a handle that ended is listed");
        EXPECT(estab_status(w->stack, s->conn, &again) == ESTAB_OK &&
                   memcmp(&again, s, sizeof again) == 0,
               "the list and STATUS differ");
        TRY(check_progress(&h->last, s));
        if (s->state == ESTAB_STATE_LISTEN) { /* perhaps again: with another peer's text */
            EXPECT(same_endpoint(&s->remote, &h->remote), "LISTEN waits for another peer");
            h->received = h->sent = 0;
        }
        h->last = *s;
    }
    EXPECT(!s->record || is_one_of(s->state, S(SYN_RECEIVED) | S(TIME_WAIT)), "a record in a state of TCBs");
    return s->record || is_one_of(s->state, UNSYNCHRONIZED) ? NULL : check_numbers(s, h);
}

static const char *check_pairs(const struct stack_audit *w)
{
    for (unsigned i = 0; i < w->listed; i++)
        EXPECT(w->list[i].state == ESTAB_STATE_LISTEN ||
                   audit_find(w, w->list[i].local, w->list[i].remote) == &w->list[i],
               "two connections with the same sockets");
    return NULL;
}

struct totals {
    uint32_t tcbs, records, chunks, scoreboard;
    uint32_t cold_blocks, scoreboards, spares;
    uint64_t windows;
};

static const char *add_tcb(const struct stack_audit *w, struct totals *sum,
                           const struct estab_status *s)
{
    uint32_t chunks = s->memory - w->memory - (s->cold ? w->cold_memory : 0) - s->scoreboard;
    EXPECT(s->scoreboard == 0 || s->snd_una != s->snd_nxt || s->timer != ESTAB_NEVER,
           "a scoreboard of nothing outstanding for ever");
    uint32_t board = s->scoreboard - (s->scoreboard > w->spare_memory ? w->spare_memory : 0);
    EXPECT(board == 0 || !sum->scoreboard || board == sum->scoreboard, "scoreboards of several sizes");
    sum->scoreboard = board ? board : sum->scoreboard;
    if (s->passive && chunks % w->chunk_memory == w->listen_memory)
        chunks -= w->listen_memory;
    EXPECT(s->memory >= w->memory && chunks % w->chunk_memory == 0, "memory of no number of chunks");
    sum->tcbs++;
    sum->cold_blocks += s->cold;
    sum->scoreboards += s->scoreboard > 0;
    sum->spares += s->scoreboard > w->spare_memory;
    sum->chunks += chunks / w->chunk_memory;
    sum->windows += (uint64_t)s->rcv_wnd + s->receive_queued;
    return NULL;
}

static const char *add_up(struct stack_audit *w, struct totals *sum)
{
    for (unsigned i = 0; i < w->listed; i++) {
        const struct estab_status *s = &w->list[i];
        sum->records += s->record;
        if (!s->record && (s->state != ESTAB_STATE_LISTEN || s->conn.generation != 0))
            TRY(add_tcb(w, sum, s));
    }
    for (unsigned i = 0; i < w->handles; i++) {
        struct estab_status s = {.size = sizeof s};
        enum estab_error error = estab_status(w->stack, w->handle[i].conn, &s);
        EXPECT(error == (w->handle[i].ended ? ESTAB_NO_CONNECTION : ESTAB_OK),
               "a handle and its CLOSED event do not go together");
        /* CLOSED, its last text not yet received. */
        if (error == ESTAB_OK && s.state == ESTAB_STATE_CLOSED && s.receive_queued > 0)
            TRY(add_tcb(w, sum, &s));
    }
    return NULL;
}

/* Chunks that UDP holds, at least and at most: queues are packed, each datagram to be sent has its own. */
static const char *add_udp(const struct stack_audit *w, const struct estab_counters *c, uint32_t *least,
                           uint32_t *most)
{
    struct estab_udp_status st = {.size = sizeof st};
    uint32_t cursor = 0, sockets = 0, bytes = w->chunk_bytes;
    uint64_t queued = 0;
    *least = *most = 0;
    while (estab_udp_list(w->stack, &cursor, &st)) {
        sockets++;
        queued += st.receive_queued;
        EXPECT(!st.waiting == !st.receive_queued, "datagrams without bytes, or bytes of no datagram");
        EXPECT(st.receive_queued <= st.receive_buffer || st.waiting == 1, "more than its receive buffer");
        *least += (st.receive_queued + bytes - 1) / bytes;
        *most += st.receive_queued ? st.receive_queued / bytes + 2 : 0;
    }
    EXPECT(sockets == c->udp_sockets, "not every UDP socket can be seen");
    EXPECT(queued <= (uint64_t)c->chunks_total * bytes / 8, "more datagrams than an eighth of the pool");
    *most += c->datagrams * (UINT16_MAX / bytes + 1);
    return NULL;
}

const char *audit_check(struct stack_audit *w, bool quiet, estab_time now)
{
    uint32_t least, most;
    struct estab_counters c = {.size = sizeof c};
    struct totals sum = {0};
    TRY(list_all(w));
    for (unsigned i = 0; i < w->listed; i++)
        TRY(check_listed(w, &w->list[i], now));
    TRY(check_pairs(w));
    TRY(add_up(w, &sum));
    estab_counters(w->stack, &c);
    EXPECT(c.connections == sum.tcbs, "not every TCB can be seen");
    EXPECT(c.records == sum.records, "not every record can be seen");
    EXPECT(c.cold_blocks == sum.cold_blocks, "a cold block of nobody");
    EXPECT(c.scoreboards == sum.scoreboards && c.spares == sum.spares, "a scoreboard of nobody");
    EXPECT(c.chunks_used <= c.chunks_total && c.chunks_promised <= c.chunks_total,
           "more chunks than there are");
    TRY(add_udp(w, &c, &least, &most));
    EXPECT(sum.chunks + c.chunks_lent + least <= c.chunks_used, "chunks are held that are not in use");
    EXPECT(!quiet || sum.chunks + c.chunks_lent + most >= c.chunks_used, "chunks that belong to nobody");
    EXPECT(sum.windows <= (uint64_t)c.chunks_promised * w->chunk_bytes,
           "windows promise more than the pool does");
    for (unsigned i = 0; quiet && i < w->listed; i++)
        EXPECT(w->list[i].record || w->list[i].send_queued == 0 ||
                   is_one_of(w->list[i].state, UNSYNCHRONIZED) || w->list[i].timer != ESTAB_NEVER ||
                   estab_deadline(w->stack) != ESTAB_NEVER,
               "text waits for nothing");
    return NULL;
}

const char *audit_empty(struct stack_audit *w, estab_time now)
{
    struct estab_counters c = {.size = sizeof c};
    TRY(audit_check(w, true, now));
    for (unsigned i = 0; i < w->handles; i++)
        EXPECT(w->handle[i].ended, "a handle did not end");
    estab_counters(w->stack, &c);
    EXPECT(c.connections == 0, "a TCB is left");
    EXPECT(c.records == 0, "a record is left");
    EXPECT(c.listeners == 0, "a listener is left");
    EXPECT(c.udp_sockets == 0, "a UDP socket is left");
    EXPECT(c.datagrams == 0, "a datagram is left");
    EXPECT(c.chunks_promised == 0, "a promise is left");
    EXPECT(c.chunks_lent == 0, "a chunk is lent for ever");
    EXPECT(c.chunks_used == 0, "a chunk is left");
    return NULL;
}
