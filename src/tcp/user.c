/* SPDX-License-Identifier: MIT */
/*
 * user.c - the user's calls: RFC 9293 sections 3.10.1 OPEN, 3.10.2 SEND, 3.10.3 RECEIVE,
 * 3.10.4 CLOSE and 3.10.5 ABORT (STATUS, 3.10.6, only looks: stack/status.c).
 *
 * Each call is a switch over what the states have in common; the errors are the RFC's own.
 * Calls never wait: where the RFC would queue a RECEIVE, the answer is AGAIN and an event follows.
 */
#include "packet/ipv4.h"
#include "tcp/cc.h"
#include "tcp/tcp.h"

/* ---- 3.10.1 OPEN ----------------------------------------------------------------------------------- */

/* `before`: SND.NXT of the connection that had the pair last, if that matters. */
static void open_syn(struct tcp *t, struct tcb *b, const uint32_t *before, estab_time now)
{
    struct tcp_pair pair = {b->head.remote, b->head.rport, b->head.lport, b->head.local};

    if (!(b->head.tag & TAG_FIXED_ISS))
        b->snd.iss = snd_of(isn_after(t, &pair, before, now));
    b->head.tag &= (uint8_t)~TAG_PASSIVE;
    b->head.tag |= (uint8_t)((t->config.timestamps ? TAG_TIMESTAMPS : 0) |
                             (t->config.window_scale ? TAG_SCALED : 0) |
                             (t->config.sack ? TAG_SACK : 0) | ecn_asks(b));
    tcb_open(t, b, t->locals[b->head.local].mtu, now);
    b->flags |= TCB_SYN_QUEUED;
    b->since_us = us_of(now);
}

static struct tcb *open_new(struct tcp *t, const struct estab_open *o, estab_time now)
{
    struct tcb *b = tcb_new(t, now);

    if (!b)
        return NULL;
    b->head.handle = handle_new(t, WHERE_TCB | tcp_index(t, b));
    if (b->head.handle == HANDLE_NONE) {
        tcb_free(t, b);
        return NULL;
    }
    if (o->fixed_iss) {
        b->head.tag |= TAG_FIXED_ISS;
        b->snd.iss = snd_of(o->iss);
    }
    if (o->user_timeout_ms)
        option_set(t, b, ESTAB_OPTION_USER_TIMEOUT_MS, o->user_timeout_ms, now);
    for (uint32_t i = 0; i < o->setting_count; i++)
        option_set(t, b, (enum estab_option)o->settings[i].option, o->settings[i].value, now);
    return b;
}

/*
 * Not RFC 9293 3.10.1 ("error: connection already exists"), if the user asks for it: as Linux does, a
 * pair is opened again that rests in TIME-WAIT.  Both sides sent timestamps, so that old segments are
 * known by theirs, which is RFC 6191's reason for taking a SYN there; and our sequence numbers go on
 * beyond the last window.
 */
static bool opens_again(const struct tcp *t, const struct estab_open *o, uint32_t where)
{
    const struct tcp_head *head = table_head(t, where);

    return o->reopen && head && head->state == TCP_TIME_WAIT && (head->tag & TAG_TIMESTAMPS);
}

enum estab_error user_open_active(struct tcp *t, const struct estab_open *o, uint8_t local,
                                  estab_conn *out, estab_time now)
{
    struct tcp_pair pair = {o->remote.addr, o->remote.port, o->local.port, local};
    uint32_t where, before = 0;
    struct tcb *b;
    bool waits;

    if (addr_is_unspecified(&o->remote.addr) || o->remote.port == 0)
        return ESTAB_REMOTE_UNSPECIFIED;
    if (pair.lport == 0)
        pair.lport = isn_port(t, &pair);
    if (pair.lport == 0)
        return ESTAB_NO_RESOURCES;
    where = table_find(t, &pair);
    waits = opens_again(t, o, where);
    if (where != WHERE_NONE && !waits)
        return ESTAB_EXISTS;
    b = open_new(t, o, now);
    if (!b)
        return ESTAB_NO_RESOURCES;
    if (waits)
        before = time_wait_reopened(t, where, now);
    b->head.remote = pair.remote;
    b->head.rport = pair.rport;
    b->head.lport = pair.lport;
    b->head.local = pair.local;
    open_syn(t, b, waits ? &before : NULL, now);
    table_add(t, WHERE_TCB | tcp_index(t, b));
    tcp_move(t, &b->head, EV_ACTIVE_OPEN, REASON_NONE, now);
    conn_ready(t, b);
    *out = handle_conn(t, b->head.handle);
    return ESTAB_OK;
}

enum estab_error user_open_passive(struct tcp *t, const struct estab_open *o, uint16_t local_id,
                                   estab_conn *out, estab_time now)
{
    /* MUST-42: also beside a connection of the same sockets that is in SYN-SENT or SYN-RECEIVED. */
    struct tcp_listener *l = listener_new(t);
    struct tcb *b = l ? open_new(t, o, now) : NULL;

    if (!l)
        return ESTAB_NO_RESOURCES;
    if (!b) {
        listener_free(t, l);
        return ESTAB_NO_RESOURCES;
    }
    l->single = tcp_index(t, b);
    l->local_id = local_id;
    l->only_ipv4 = local_id == UINT16_MAX && addr_is_ipv4(&o->local.addr);
    l->local = o->local;
    l->remote = o->remote;
    b->listener = (uint16_t)(l - tcp_listener(t, 0));
    b->head.lport = o->local.port;
    b->head.local = local_id == UINT16_MAX ? 0 : (uint8_t)local_id;
    b->head.remote = o->remote.addr;
    b->head.rport = o->remote.port;
    b->head.tag |= TAG_PASSIVE;
    tcp_move(t, &b->head, EV_PASSIVE_OPEN, REASON_NONE, now);
    *out = handle_conn(t, b->head.handle);
    return ESTAB_OK;
}

/* LISTEN STATE: "if the remote socket is specified, then change the connection from passive to
 * active" (RFC 9293 section 3.10.1); SEND does the same (3.10.2). */
static enum estab_error turn_active(struct tcp *t, struct tcb *b, const struct estab_endpoint *remote,
                                    uint8_t local, enum tcp_event event, estab_time now)
{
    struct tcp_pair pair = {remote->addr, remote->port, b->head.lport, local};

    if (b->head.state != TCP_LISTEN)
        return ESTAB_EXISTS;
    if (addr_is_unspecified(&remote->addr) || remote->port == 0)
        return ESTAB_REMOTE_UNSPECIFIED;
    if (table_find(t, &pair) != WHERE_NONE)
        return ESTAB_EXISTS;
    listener_free(t, tcp_listener(t, b->listener));
    b->listener = LISTENER_NONE;
    b->head.remote = remote->addr;
    b->head.rport = remote->port;
    b->head.local = local;
    open_syn(t, b, NULL, now);
    table_add(t, WHERE_TCB | tcp_index(t, b));
    tcp_move(t, &b->head, event, REASON_NONE, now);
    conn_ready(t, b);
    return ESTAB_OK;
}

enum estab_error user_turn_active(struct tcp *t, struct tcb *b, const struct estab_endpoint *remote,
                                  uint8_t local, estab_time now)
{
    return turn_active(t, b, remote, local, EV_ACTIVE_OPEN, now);
}

/* ---- 3.10.2 SEND ------------------------------------------------------------------------------------ */

/* What fits the user's buffer, and leaves less unsent than the mark once the windows are used; whole
 * segments at least, so that a low mark does not make small ones. */
static uint32_t send_room(const struct tcp *t, const struct tcb *b)
{
    uint32_t room = b->snd.buffer > b->snd.text.bytes ? b->snd.buffer - b->snd.text.bytes : 0;
    uint32_t low = tcb_cold(t, b)->not_sent_low, waits = tcb_not_sent(b), most;

    if (low == 0)
        return room;
    if (waits >= low)
        return 0;
    most = low - waits > b->snd.mss ? low - waits : b->snd.mss;
    if (emit_usable(t, b) > waits)
        most += emit_usable(t, b) - waits;
    return room < most ? room : most;
}

/* A third of the buffer is free: Linux's habit. */
static bool send_has_room(const struct tcb *b)
{
    uint32_t queued = b->snd.text.bytes;

    return queued <= b->snd.buffer && b->snd.buffer - queued >= queued / 2;
}

void user_writable(struct tcp *t, struct tcb *b)
{
    uint32_t low = tcb_cold(t, b)->not_sent_low;

    if (!(b->flags & TCB_WANT_SEND) || !send_has_room(b) ||
        (low > 0 && tcb_not_sent(b) > (low - 1) / 2))
        return;
    b->flags &= ~(uint32_t)TCB_WANT_SEND;
    conn_event(t, b->head.handle, ESTAB_EVENT_WRITABLE, ESTAB_OK);
}

static enum estab_error send_queue(struct tcp *t, struct tcb *b, const uint8_t *text, size_t length,
                                   unsigned flags, size_t *taken, estab_time now)
{
    uint32_t room = send_room(t, b);
    uint32_t n = length < room ? (uint32_t)length : room;
    bool idle = tcb_outstanding(b) == 0 && snd_eq(b->snd.cur, b->snd.end);
    bool empty = b->snd.text.bytes == 0;
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint32_t done;

    if (n > 0)
        tcb_use_reserve(t, b);
    done = queue_append(&t->chunks, &b->snd.text, CHUNK_SEND, text, n);
    *taken = done;
    b->snd.end = snd_add(b->snd.end, done);
    if (m && empty && done > 0)
        m->busy_since_us = us_of(now);
    if (done > 0 && (flags & ESTAB_URGENT)) {
        b->snd.up = b->snd.end;
        b->flags |= TCB_URGENT_SND;
    }
    if ((flags & ESTAB_MORE) && !(flags & ESTAB_PUSH))
        b->flags |= TCB_MORE;
    else
        b->flags &= ~(uint32_t)TCB_MORE;
    if (idle && done > 0) {
        cc_idle(t, b, now);
        b->since_us = us_of(now);
    }
    timer_user(t, b, now);
    conn_ready(t, b);
    if (done == length && !(flags & ESTAB_HELD))
        return ESTAB_OK;
    if (done == 0 && done < n && b->snd.text.bytes == 0)
        return ESTAB_NO_RESOURCES; /* nothing of ours is acknowledged later, so no event will come */
    b->flags |= TCB_WANT_SEND;
    return ESTAB_AGAIN;
}

enum estab_error user_send(struct tcp *t, struct tcb *b, const uint8_t *text, size_t length,
                           unsigned flags, size_t *taken, estab_time now)
{
    *taken = 0;
    if (b->head.state == TCP_CLOSED)
        return ESTAB_NO_CONNECTION;
    if (b->head.state == TCP_LISTEN) {
        struct estab_endpoint remote = {b->head.remote, b->head.rport};
        enum estab_error e = turn_active(t, b, &remote, b->head.local, EV_SEND, now);

        if (e != ESTAB_OK)
            return e;
    }
    if (!tcb_is(b, F_MAY_SEND) || (b->flags & TCB_CLOSE_QUEUED))
        return ESTAB_CLOSING;
    return send_queue(t, b, text, length, flags, taken, now);
}

/* ---- 3.10.3 RECEIVE ---------------------------------------------------------------------------------- */

/* No text is on hand: what the state says of it. */
static enum estab_error receive_nothing(const struct tcb *b, struct estab_received *got)
{
    switch ((enum tcp_state)b->head.state) {
    case TCP_CLOSED:
        return ESTAB_NO_CONNECTION;
    case TCP_CLOSE_WAIT:
        got->end = true;
        return ESTAB_OK;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        /* Not only the RFC's error: the end of the text is an answer too. */
        got->end = true;
        return ESTAB_CLOSING;
    default:
        return ESTAB_AGAIN;
    }
}

static void receive_took(struct tcp *t, struct tcb *b, uint32_t n)
{
    uint32_t before = t->chunks.received;
    rcv_seq read;

    queue_drop(&t->chunks, &b->rcv.text, n);
    b->rcv.chunks -= before - t->chunks.received;
    window_give_back(t, b);
    read = rcv_sub(b->rcv.nxt, b->rcv.text.bytes);
    if ((b->flags & TCB_URGENT_RCV) && rcv_leq(b->rcv.up, read))
        b->flags &= ~(uint32_t)TCB_URGENT_RCV;
    delack_read(t, b);
    if (tcb_is(b, F_SYNC | F_MAY_RECV) && window_worth_telling(t, b)) {
        b->flags |= TCB_WINDOW_UPDATE;
        conn_ready(t, b);
    }
}

enum estab_error user_receive(struct tcp *t, struct tcb *b, uint8_t *buffer, size_t size,
                              unsigned flags, struct estab_received *got, estab_time now)
{
    uint32_t n = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;

    *got = (struct estab_received){0};
    if (b->rcv.text.bytes == 0)
        return receive_nothing(b, got);
    n = queue_peek(&t->chunks, &b->rcv.text, buffer, n);
    got->length = n;
    got->urgent = b->flags & TCB_URGENT_RCV;
    got->push = n == b->rcv.text.bytes && (b->flags & TCB_PUSHED);
    if (flags & ESTAB_PEEK)
        return ESTAB_OK;
    receive_took(t, b, n);
    measure_taken(t, b, now);
    got->urgent = b->flags & TCB_URGENT_RCV;
    got->end = b->rcv.text.bytes == 0 &&
               (tcb_is(b, F_FIN_RCVD) || (b->head.state == TCP_CLOSED && b->error == ESTAB_OK));
    conn_retire(t, b, now);
    return ESTAB_OK;
}

/* ---- 3.10.4 CLOSE -------------------------------------------------------------------------------------- */

void user_close_now(struct tcp *t, struct tcb *b, estab_time now)
{
    b->flags &= ~(uint32_t)(TCB_CLOSE_QUEUED | TCB_MORE | TCB_WANT_SEND);
    b->flags |= TCB_FIN_QUEUED;
    listen_no_more(t, b);
    tcp_move(t, &b->head, EV_CLOSE, REASON_NONE, now);
    if (tcb_outstanding(b) == 0)
        b->since_us = us_of(now);
    timer_user(t, b, now);
    conn_ready(t, b);
}

enum estab_error user_close(struct tcp *t, struct tcb *b, estab_time now)
{
    switch ((enum tcp_state)b->head.state) {
    case TCP_CLOSED:
        return ESTAB_NO_CONNECTION;
    case TCP_LISTEN:
    case TCP_SYN_SENT:
        conn_close(t, b, EV_CLOSE, ESTAB_CLOSING, REASON_NONE, now);
        return ESTAB_OK;
    case TCP_SYN_RECEIVED:
        if (b->flags & TCB_CLOSE_QUEUED)
            return ESTAB_CLOSING;
        if (b->snd.text.bytes > 0)
            b->flags |= TCB_CLOSE_QUEUED; /* "queue for processing after entering ESTABLISHED" */
        else
            user_close_now(t, b, now);
        return ESTAB_OK;
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
        user_close_now(t, b, now);
        return ESTAB_OK;
    default:
        return ESTAB_CLOSING;
    }
}

/* ---- 3.10.5 ABORT --------------------------------------------------------------------------------------- */

static void abort_reset(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_out *out = reply_new(t, WHY_RESET);
    struct tcp_header *h;

    if (!out)
        return;
    out->remote = b->head.remote;
    out->local = b->head.local;
    out->diffserv = b->diffserv;
    h = &out->header;
    h->sport = b->head.lport;
    h->dport = b->head.rport;
    h->seq = b->snd.nxt.v; /* <SEQ=SND.NXT><CTL=RST>; the ACK makes it acceptable everywhere */
    h->ack = b->rcv.nxt.v;
    h->flags = CTL_RST | CTL_ACK;
    if (b->head.tag & TAG_TIMESTAMPS) { /* RFC 7323 section 3.2: SHOULD */
        h->opt.present = OPT_TIMESTAMPS;
        h->opt.tsval = ts_now(b, now);
        h->opt.tsecr = b->ts.recent;
    }
}

enum estab_error user_abort(struct tcp *t, struct tcb *b, estab_time now)
{
    switch ((enum tcp_state)b->head.state) {
    case TCP_CLOSED: /* only its last text was waiting to be received */
        queue_clear(&t->chunks, &b->rcv.text);
        b->rcv.chunks = 0;
        conn_retire(t, b, now);
        return ESTAB_OK;
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
        abort_reset(t, b, now);
        break;
    default:
        break;
    }
    conn_close(t, b, EV_ABORT, ESTAB_ABORTED, REASON_USER_ABORT, now);
    return ESTAB_OK;
}

/* ---- the user leaves ------------------------------------------------------------------------------------- */

/*
 * Section 3.6.1: "If such a host issues a CLOSE call while received data is still pending in the TCP
 * connection, or if new data is received after CLOSE is called, its TCP implementation SHOULD send a
 * RST to show that data was lost."  The latter is arrive.c's.
 */
void user_release(struct tcp *t, struct tcb *b, estab_time now)
{
    bool unread = b->rcv.text.bytes > 0;

    b->head.handle = HANDLE_NONE;
    b->flags |= TCB_ORPHAN;
    switch ((enum tcp_state)b->head.state) {
    case TCP_TIME_WAIT: /* both sides have closed: there is nothing to be told */
        queue_clear(&t->chunks, &b->rcv.text);
        b->rcv.chunks = 0;
        conn_retire(t, b, now);
        return;
    case TCP_CLOSED:
        break;
    case TCP_FIN_WAIT_2:
        if (unread)
            break;
        timer_fin_wait_2(t, b, now);
        return;
    default:
        if (unread)
            break;
        (void)user_close(t, b, now);
        return;
    }
    (void)user_abort(t, b, now);
}
