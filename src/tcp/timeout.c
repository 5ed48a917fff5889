/* SPDX-License-Identifier: MIT */
/*
 * timeout.c - RFC 9293 section 3.10.8, and the timers that lead there.
 *
 * A connection has four deadlines (enum timer_slot), a fifth in its cold block (pace.c), and one node in the
 * wheel, set for the earliest of them.  Arming is lazy: a deadline that moves to a later time leaves the node where it is, and
 * the node, when it comes out, is set again for what is due next.
 *
 *      SLOT_SEND   text, SYN or FIN outstanding           retransmission, RFC 6298; or before it
 *                                                         the probe of the tail, or the end of the
 *                                                         reordering window, RFC 8985
 *                  none, after a recovery                 what DSACK may tell of it is forgotten
 *                  none, and the window is zero           zero-window probe, section 3.8.6.1
 *                  none, and the window is too small      silly-window override, section 3.8.6.2.1
 *      SLOT_ACK    text received, not acknowledged        delayed ACK, section 3.8.6.3
 *      SLOT_LONG   TIME-WAIT                              2MSL
 *                  FIN-WAIT-2, its user gone              our own end of it
 *                  else, if asked for                     keep-alive, section 3.8.4
 *      SLOT_USER   text outstanding or waiting            user timeout, section 3.10.8
 */
#include "tcp/tcp.h"

enum { OVERRIDE_US = 200000 }; /* between 0.1 and 1 second: section 3.8.6.2.1 */

static struct wheel_nodes tcb_nodes(const struct tcp *t)
{
    return (struct wheel_nodes){&tcp_tcb(t, 0)->timer, sizeof(struct tcb)};
}

void timer_wake(struct tcp *t, struct tcb *b, uint64_t at_us)
{
    if (at_us < b->timer.at_us)
        wheel_set(&t->wheel, tcb_nodes(t), tcp_index(t, b), at_us);
}

void timer_arm(struct tcp *t, struct tcb *b, enum timer_slot slot, uint64_t at_us)
{
    b->at_us[slot] = at_us;
    timer_wake(t, b, at_us);
}

void timer_stop(struct tcb *b, enum timer_slot slot)
{
    b->at_us[slot] = WHEEL_NEVER;
}

static bool timer_is_armed(const struct tcb *b, enum timer_slot slot)
{
    return b->at_us[slot] != WHEEL_NEVER;
}

/* ---- what SLOT_SEND is for ------------------------------------------------------------------------ */

static bool send_waits(const struct tcb *b)
{
    if (!tcb_is(b, F_SYNC))
        return false;
    return snd_lt(b->snd.cur, b->snd.end) ||
           ((b->flags & TCB_FIN_QUEUED) && snd_leq(b->snd.nxt, b->snd.end));
}

static uint64_t persist_us(const struct tcp *t, const struct tcb *b)
{
    uint64_t least = (uint64_t)t->config.persist_min_ms * 1000;
    uint64_t most = (uint64_t)t->config.persist_max_ms * 1000;
    uint64_t at = b->rtt.rto_us > least ? b->rtt.rto_us : least;

    at <<= b->rtt.probes < 20 ? b->rtt.probes : 20;
    return at < most ? at : most;
}

/* When the retransmission timer is due that was not armed while another one was: an RTO after progress,
 * or after the first was sent again. */
static uint64_t retransmit_at(const struct tcp *t, const struct tcb *b, estab_time now)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    uint64_t now_us = us_of(now), from = b->since_us;

    if (k->count > 0) {
        uint64_t sent = now_us - (uint32_t)((uint32_t)now_us - ranges_of(k)[0].sent_us);

        from = sent > from ? sent : from;
    }
    return from + rtt_timeout_us(t, b);
}

enum { RENEGED_US = 10000 };

/*
 * How long what was SACKed, and should have been acknowledged, is waited for.  Not RFC 2018 section 8, which
 * knows of the retransmission timer alone: half of SRTT, 10 ms at least, as Linux; the acknowledgment may be
 * one of several in which a receiver that is short of time takes out of a queue what it has.
 */
static uint64_t reneged_us(const struct tcp *t, const struct tcb *b)
{
    uint64_t wait = b->rtt.srtt_us8 / 16, most = rtt_timeout_us(t, b);

    wait = wait > RENEGED_US ? wait : RENEGED_US;
    return wait < most ? wait : most;
}

/* RFC 8985 section 8: one timer, for the reordering window, the probe of the tail, or the timeout. */
static void loss_timer(struct tcp *t, struct tcb *b, bool restart, estab_time now)
{
    bool armed = timer_is_armed(b, SLOT_SEND);
    uint64_t at, retransmit = us_of(now) + rtt_timeout_us(t, b);

    if (rack_waits(t, b, &at, now)) {
        b->timer_kind = TIMER_REORDER;
        timer_arm(t, b, SLOT_SEND, at);
        return;
    }
    if (armed && (b->timer_kind == TIMER_REORDER || b->timer_kind == TIMER_TAIL_PROBE) && !restart)
        retransmit = retransmit_at(t, b, now);
    if (tcb_board(t, b)->reneged && restart)
        retransmit = us_of(now) + reneged_us(t, b);
    if (tlp_waits(t, b, &at, now)) { /* in the place of the timeout, if that comes first */
        b->timer_kind = TIMER_TAIL_PROBE;
        timer_arm(t, b, SLOT_SEND, at < retransmit ? at : retransmit);
        return;
    }
    if (armed && b->timer_kind == TIMER_RETRANSMIT && !restart)
        return;
    b->timer_kind = TIMER_RETRANSMIT;
    timer_arm(t, b, SLOT_SEND, retransmit);
}

void timer_send_update(struct tcp *t, struct tcb *b, bool restart, estab_time now)
{
    enum timer_id kind;
    uint64_t wait;

    if (tcb_outstanding(b) > 0) {
        loss_timer(t, b, restart, now);
        return;
    }
    if (!send_waits(b) || (b->pace & PACE_WAITS)) {
        if (!b->board) {
            timer_stop(b, SLOT_SEND);
            return;
        }
        kind = TIMER_FORGET; /* the peer may yet tell that something was lost, or nothing */
        wait = rtt_timeout_us(t, b);
    } else if (b->snd.wnd == 0) {
        kind = TIMER_PERSIST;
        wait = persist_us(t, b);
    } else {
        kind = TIMER_OVERRIDE;
        wait = OVERRIDE_US;
    }
    if (timer_is_armed(b, SLOT_SEND) && b->timer_kind == kind && !restart)
        return;
    b->timer_kind = (uint8_t)kind;
    timer_arm(t, b, SLOT_SEND, us_of(now) + wait);
}

void timer_keepalive(struct tcp *t, struct tcb *b, estab_time now)
{
    (void)now;
    if (b->keepalive_idle_ms == 0)
        timer_stop(b, SLOT_LONG);
    else
        timer_arm(t, b, SLOT_LONG, b->heard_us + (uint64_t)b->keepalive_idle_ms * 1000);
}

void timer_time_wait(struct tcp *t, struct tcb *b, estab_time now)
{
    timer_stop(b, SLOT_SEND);
    timer_stop(b, SLOT_USER);
    timer_arm(t, b, SLOT_LONG, us_of(now) + 2 * (uint64_t)t->config.msl_ms * 1000);
}

void timer_fin_wait_2(struct tcp *t, struct tcb *b, estab_time now)
{
    uint64_t wait_ms = tcb_cold(t, b)->fin_wait_2_ms;

    if (wait_ms == 0)
        wait_ms = t->config.fin_wait_2_ms;
    if (wait_ms == 0)
        timer_stop(b, SLOT_LONG);
    else
        timer_arm(t, b, SLOT_LONG, us_of(now) + wait_ms * 1000);
}

void timer_user(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t after_ms = option_user_timeout_ms(t, b);

    (void)now;
    if (after_ms == 0 || (tcb_outstanding(b) == 0 && !send_waits(b)))
        timer_stop(b, SLOT_USER);
    else
        timer_arm(t, b, SLOT_USER, b->since_us + (uint64_t)after_ms * 1000);
}

/* ---- what each does ---------------------------------------------------------------------------------- */

/* Section 3.8.3: R2 ends the connection.  A zero window that its owner still acknowledges does not
 * (MUST-37, SHLD-17). */
static bool past_r2(const struct tcp *t, const struct tcb *b, uint64_t now_us)
{
    uint64_t r2 = (uint64_t)(tcb_syn_acked(b) ? t->config.r2_ms : t->config.r2_syn_ms) * 1000;
    uint64_t since = b->since_us;

    if (tcb_cold(t, b)->syn_retries && !tcb_syn_acked(b)) /* the user counts */
        return false;
    if (option_user_timeout_ms(t, b)) /* MUST-21: the user's own R2, kept by SLOT_USER */
        return false;
    if (b->snd.wnd == 0 && tcb_syn_acked(b) && b->heard_us > since)
        since = b->heard_us;
    return now_us - since >= r2;
}

static void give_up(struct tcp *t, struct tcb *b, enum reason reason, estab_time now)
{
    conn_close(t, b, EV_TIMEOUT_USER, ESTAB_TIMED_OUT, reason, now);
}

/* The user's own R2 of a SYN, as a count. */
static bool past_syn_retries(const struct tcp *t, const struct tcb *b)
{
    uint8_t most = tcb_cold(t, b)->syn_retries;

    return most > 0 && !tcb_syn_acked(b) && b->rtt.retries >= most;
}

static void measure_timeout(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    m->timeouts++;
    if (b->rtt.retries > 0)
        return;
    m->timeout_recoveries++;
    m->timeout_since_ms = ms_of(now);
}

static void fire_retransmit(struct tcp *t, struct tcb *b, estab_time now)
{
    if (past_syn_retries(t, b)) {
        give_up(t, b, REASON_SYN_RETRIES, now);
        return;
    }
    if (past_r2(t, b, us_of(now))) {
        give_up(t, b, REASON_R2, now);
        return;
    }
    measure_timeout(t, b, now);
    if (b->rtt.retries < UINT8_MAX)
        b->rtt.retries++;
    if (b->rtt.backoff < UINT8_MAX)
        b->rtt.backoff++;
    if (b->rtt.retries >= t->config.r1_retries && !(b->flags & TCB_R1_PASSED)) {
        b->flags |= TCB_R1_PASSED | TCB_ADVISE; /* MUST-20: the user is told, and so is the IP layer */
        b->error = ESTAB_TIMED_OUT;
        conn_event(t, b->head.handle, ESTAB_EVENT_SOFT_ERROR, ESTAB_TIMED_OUT);
    }
    if (tcb_syn_acked(b)) {
        mtu_timed_out(t, b, now);
        recovery_timeout(t, b, now);
    } else {
        b->flags |= TCB_SYN_QUEUED | TCB_RETRANSMIT;
        b->flags &= ~(uint32_t)TCB_TIMED;
        t->retransmitted++;
    }
    timer_send_update(t, b, true, now);
    conn_ready(t, b);
}

static void fire_persist(struct tcp *t, struct tcb *b, estab_time now)
{
    if (past_r2(t, b, us_of(now))) {
        give_up(t, b, REASON_R2, now);
        return;
    }
    if (b->rtt.probes < UINT8_MAX)
        b->rtt.probes++;
    b->flags |= TCB_PROBE;
    timer_send_update(t, b, true, now);
    conn_ready(t, b);
}

static void fire_send(struct tcp *t, struct tcb *b, estab_time now)
{
    NOTE(t, TIMER_FIRED, b->head.handle, now, b->timer_kind, b->rtt.retries);
    switch ((enum timer_id)b->timer_kind) {
    case TIMER_RETRANSMIT:
        fire_retransmit(t, b, now);
        return;
    case TIMER_PERSIST:
        fire_persist(t, b, now);
        return;
    case TIMER_OVERRIDE:
        b->flags |= TCB_OVERRIDE;
        b->flags &= ~(uint32_t)TCB_MORE; /* it did not follow */
        conn_ready(t, b);
        return;
    case TIMER_REORDER:
        recovery_waited(t, b, now);
        timer_send_update(t, b, false, now);
        return;
    case TIMER_TAIL_PROBE:
        tlp_fired(t, b, now);
        timer_send_update(t, b, false, now);
        conn_ready(t, b);
        return;
    case TIMER_FORGET:
        if (tcb_outstanding(b) == 0)
            flight_free(t, b);
        return;
    default:
        UNREACHABLE();
    }
}

static void fire_ack(struct tcp *t, struct tcb *b, estab_time now)
{
    NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_DELAYED_ACK, 0);
    delack_fired(t, b);
    b->flags |= TCB_ACK_NOW | TCB_ACK_LATE;
    conn_ready(t, b);
}

static void fire_keepalive(struct tcp *t, struct tcb *b, estab_time now)
{
    uint64_t idle = (uint64_t)b->keepalive_idle_ms * 1000;

    if (us_of(now) - b->heard_us < idle || tcb_outstanding(b) > 0 || !tcb_is(b, F_SYNC)) {
        uint64_t at = b->heard_us + idle;

        /* Heard of meanwhile, or the retransmission timer asks the same question. */
        timer_arm(t, b, SLOT_LONG, at > us_of(now) ? at : us_of(now) + idle);
        return;
    }
    NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_KEEPALIVE, b->keepalives_sent);
    if (b->keepalives_sent >= option_keepalive_probes(t, b)) {
        give_up(t, b, REASON_KEEPALIVE, now);
        return;
    }
    b->keepalives_sent++;
    b->flags |= TCB_KEEPALIVE;
    timer_arm(t, b, SLOT_LONG, us_of(now) + (uint64_t)option_keepalive_interval_ms(t, b) * 1000);
    conn_ready(t, b);
}

static void fire_long(struct tcp *t, struct tcb *b, estab_time now)
{
    if (b->head.state == TCP_TIME_WAIT) {
        NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_TIME_WAIT, 0);
        conn_close(t, b, EV_TIMEOUT_2MSL, ESTAB_OK, REASON_TIME_WAIT_END, now);
    } else if (b->head.state == TCP_FIN_WAIT_2 && (b->flags & TCB_ORPHAN)) {
        NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_FIN_WAIT_2, 0);
        give_up(t, b, REASON_FIN_WAIT_2_END, now);
    } else {
        fire_keepalive(t, b, now);
    }
}

static void fire_user(struct tcp *t, struct tcb *b, estab_time now)
{
    NOTE(t, TIMER_FIRED, b->head.handle, now, TIMER_USER, 0);
    give_up(t, b, REASON_USER_TIMEOUT, now);
}

/* Whether the TCB is still there: the wheel's node and the state go together. */
static bool fire_due(struct tcp *t, struct tcb *b, estab_time now)
{
    static void (*const fire[TIMER_SLOTS])(struct tcp *, struct tcb *, estab_time) = {
        [SLOT_SEND] = fire_send,
        [SLOT_ACK] = fire_ack,
        [SLOT_LONG] = fire_long,
        [SLOT_USER] = fire_user,
    };

    for (unsigned slot = 0; slot < TIMER_SLOTS; slot++) {
        if (b->at_us[slot] > us_of(now))
            continue;
        timer_stop(b, (enum timer_slot)slot);
        fire[slot](t, b, now);
        if (b->head.state == TCP_CLOSED)
            return false;
    }
    if (pace_deadline_us(t, b) <= us_of(now))
        pace_fired(t, b, now);
    return true;
}

void tcp_expire(struct tcp *t, estab_time now)
{
    uint32_t i;

    while ((i = wheel_pop(&t->wheel, tcb_nodes(t), us_of(now))) != WHEEL_NONE) {
        struct tcb *b = tcp_tcb(t, i);
        uint64_t next;

        if (!fire_due(t, b, now))
            continue;
        next = pace_deadline_us(t, b);
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            next = b->at_us[slot] < next ? b->at_us[slot] : next;
        if (next < b->timer.at_us)
            wheel_set(&t->wheel, tcb_nodes(t), i, next);
    }
    record_expire(t, now);
    table_move(t);
}

estab_time tcp_deadline(const struct tcp *t)
{
    uint64_t us = wheel_next(&t->wheel, tcb_nodes(t));
    estab_time at = us >= ESTAB_NEVER / ESTAB_US ? ESTAB_NEVER : us * ESTAB_US;
    estab_time record = record_deadline(t, t->last);

    return at < record ? at : record;
}
