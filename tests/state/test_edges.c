/* SPDX-License-Identifier: MIT */
/*
 * The state machine as a whole.  Every row of fsm.def is taken, by public calls, frames and
 * deadlines alone: the trace of moves fills a bitmap, which must be full at the end.  Every pair of
 * state and event without a row is asked of fsm_next and refused.  Facts only ever grow along a life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/rig.h"
#include "tcp/fsm.h"

enum { EDGES_MOST = 256 };

static unsigned edge_count(void)
{
    unsigned n = 0;

    while (fsm_edge(n))
        n++;
    assert_in_range(n, 1, EDGES_MOST);
    return n;
}

/* ---- the bitmap ------------------------------------------------------------------------------------ */

static bool taken[EDGES_MOST];

static void mark(const struct rig *r, uint32_t from, uint32_t event, uint32_t to)
{
    const struct tcp_edge *e;

    for (unsigned i = 0; (e = fsm_edge(i)) != NULL; i++)
        if (e->from == from && e->event == event) {
            if (e->to != to)
                rig_fail(r, "moved from %s to %s by %s", fsm_state_name(e->from),
                         fsm_state_name((enum tcp_state)to), fsm_event_name(e->event));
            taken[i] = true;
            return;
        }
    rig_fail(r, "moved from %u by %u, which is no edge", (unsigned)from, (unsigned)event);
}

static void end(struct rig *r)
{
    struct estab_trace trace;

    while (estab_trace_next(r->stack, &trace))
        if (trace.kind == TRACE_MOVE)
            mark(r, trace.arg[0], trace.arg[1], trace.arg[2]);
    if (!rig_leaves_nothing(r))
        rig_fail(r, "something is left behind");
    rig_end(r);
}

/* A rig in which whatever has no answer ends within a minute. */
static struct rig *begin(enum rig_way way, enum rig_state state)
{
    static struct rig r;
    struct estab_config config = rig_config();

    config.r2_ms = 20000;
    config.r2_syn_ms = 20000;
    config.keepalive_idle_ms = 2000;
    config.keepalive_interval_ms = 1000;
    config.keepalive_probes = 2;
    rig_start(&r, &config, UINT32_MAX - 1, UINT32_MAX);
    r.where = rig_state_name(state);
    rig_become(&r, way, state);
    return &r;
}

/* ---- lives ------------------------------------------------------------------------------------------- */

static void call_open_and_send_in_listen(void)
{
    struct estab_endpoint peer = {rig_peer(), RIG_PEER_PORT};
    struct rig *r = begin(SINGLE, LISTEN);

    assert_int_equal(estab_open_active(r->stack, r->conn, peer, r->now), ESTAB_OK);
    end(r);
    r = begin(SINGLE, CLOSED);
    assert_int_equal(rig_open_passive(r, true), ESTAB_OK);
    assert_int_equal(rig_send(r, 1, 0), ESTAB_OK);
    end(r);
}

/* ABORT and CLOSE wherever there is a handle. */
static void call_abort_and_close(enum rig_way way, enum rig_state state)
{
    struct rig *r;

    if (way == LISTENER && state <= SYN_RECEIVED)
        return;
    r = begin(way, state);
    assert_int_equal(rig_abort(r), ESTAB_OK);
    IS(r, way == LISTENER ? LISTEN : CLOSED);
    end(r);
    r = begin(way, state);
    (void)rig_close(r);
    end(r);
}

static void frame_rst(enum rig_way way, enum rig_state state)
{
    struct rig *r = begin(way, state);

    if (state == SYN_SENT)
        IN(r, RST | ACK, 0, 1);
    else
        rig_in(r, &(struct rig_seg){.flags = RST, .seq = rig_status(r).rcv_nxt - r->irs});
    end(r);
}

static void frame_syn(enum rig_way way, enum rig_state state)
{
    struct rig *r = begin(way, state);

    IN(r, SYN, 100, 0);
    end(r);
}

/* FIN and ACK of FIN, apart and together. */
static void frames_that_close(enum rig_way way)
{
    struct rig *r = begin(way, FIN_WAIT_1);

    IN(r, FIN | ACK, 1, 2); /* one edge */
    IS(r, TIME_WAIT);
    end(r);
    r = begin(way, CLOSING);
    IN(r, ACK, 2, 2);
    IS(r, TIME_WAIT);
    end(r);
    r = begin(way, LAST_ACK);
    IN(r, ACK, 2, 2);
    end(r);
}

/* Time alone: SYN, text and FIN are not acknowledged, keep-alives not answered, 2 MSL pass. */
static void deadlines(enum rig_way way, enum rig_state state)
{
    struct rig *r = begin(way, state);

    if (state == CLOSE_WAIT)
        assert_int_equal(rig_send(r, 10, 0), ESTAB_OK);
    AT(r, 61000);
    IS(r, state == LISTEN || way == LISTENER ? LISTEN : CLOSED);
    end(r);
}

static void every_edge_is_taken(void **state)
{
    const struct tcp_edge *e;
    unsigned missing = 0;
    (void)state;
    call_open_and_send_in_listen();
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        for (unsigned s = CLOSED + 1; s < RIG_STATES; s++) {
            if (!rig_can_become((enum rig_way)way, (enum rig_state)s))
                continue;
            call_abort_and_close((enum rig_way)way, (enum rig_state)s);
            frame_rst((enum rig_way)way, (enum rig_state)s);
            frame_syn((enum rig_way)way, (enum rig_state)s);
            deadlines((enum rig_way)way, (enum rig_state)s);
        }
        frames_that_close((enum rig_way)way);
    }
    for (unsigned i = 0; (e = fsm_edge(i)) != NULL; i++)
        if (!taken[i]) {
            print_error("no test takes EDGE(%s, %s)\n", fsm_state_name(e->from),
                        fsm_event_name(e->event));
            missing++;
        }
    assert_int_equal(missing, 0);
}

/* ---- the table itself ----------------------------------------------------------------------------------- */

static void pairs_without_an_edge_are_refused(void **state)
{
    unsigned refused = 0, n = edge_count();
    (void)state;
    for (unsigned s = 0; s < TCP_STATES; s++)
        for (unsigned v = 0; v < TCP_EVENTS; v++) {
            const struct tcp_edge *got = fsm_next((enum tcp_state)s, (enum tcp_event)v);
            const struct tcp_edge *row = NULL;

            for (unsigned i = 0; i < n; i++)
                if (fsm_edge(i)->from == s && fsm_edge(i)->event == v) {
                    assert_null(row); /* one row for a pair */
                    row = fsm_edge(i);
                }
            assert_ptr_equal(got, row);
            refused += !row;
        }
    assert_int_equal(refused, TCP_STATES * TCP_EVENTS - n);
    assert_null(fsm_next((enum tcp_state)TCP_STATES, EV_CLOSE));
    assert_null(fsm_next(TCP_ESTABLISHED, (enum tcp_event)TCP_EVENTS));
}

static void every_state_is_reachable(void **state)
{
    bool reached[TCP_STATES] = {[TCP_CLOSED] = true}, grew = true;
    (void)state;
    while (grew) {
        grew = false;
        for (unsigned i = 0; fsm_edge(i); i++) {
            const struct tcp_edge *e = fsm_edge(i);

            if (reached[e->from] && !reached[e->to])
                grew = reached[e->to] = true;
        }
    }
    for (unsigned s = 0; s < TCP_STATES; s++)
        assert_true(reached[s]);
}

/* What has been sent, received or acknowledged stays so; what may no longer be done, never again. */
static void facts_are_monotone(void **state)
{
    const unsigned done = F_SYNC | F_FIN_SENT | F_FIN_ACKED | F_FIN_RCVD;
    const unsigned may = F_MAY_SEND | F_MAY_RECV;
    (void)state;
    for (unsigned i = 0; fsm_edge(i); i++) {
        const struct tcp_edge *e = fsm_edge(i);
        unsigned from = fsm_facts(e->from), to = fsm_facts(e->to);

        if (e->to == TCP_CLOSED || e->to == TCP_LISTEN)
            continue; /* a life ends, or begins anew */
        assert_int_equal(from & done & ~to, 0);
        if (e->from != TCP_CLOSED && e->from != TCP_LISTEN)
            assert_int_equal(to & may & ~from, 0);
    }
}

static void facts_agree_with_each_other(void **state)
{
    (void)state;
    for (unsigned s = 0; s < TCP_STATES; s++) {
        unsigned f = fsm_facts((enum tcp_state)s);
        bool open = s != TCP_CLOSED && s != TCP_LISTEN;

        assert_int_equal(!!(f & F_MAY_SEND) + !!(f & F_FIN_SENT), open);
        assert_int_equal(!!(f & F_MAY_RECV) + !!(f & F_FIN_RCVD), open);
        if (f & F_FIN_ACKED)
            assert_true(f & F_FIN_SENT);
        if (f & (F_FIN_SENT | F_FIN_RCVD))
            assert_true(f & F_SYNC);
    }
    assert_int_equal(fsm_facts((enum tcp_state)TCP_STATES), 0);
}

/* Figure 5: what closes in order ends in TIME-WAIT on the side that closed first. */
static void only_a_closed_connection_waits(void **state)
{
    (void)state;
    for (unsigned i = 0; fsm_edge(i); i++) {
        const struct tcp_edge *e = fsm_edge(i);

        if (e->to == TCP_TIME_WAIT)
            assert_true(fsm_facts(e->from) & F_FIN_SENT);
        if (e->from == TCP_TIME_WAIT)
            assert_int_equal(e->to, TCP_CLOSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edge_is_taken),
        cmocka_unit_test(pairs_without_an_edge_are_refused),
        cmocka_unit_test(every_state_is_reachable),
        cmocka_unit_test(facts_are_monotone),
        cmocka_unit_test(facts_agree_with_each_other),
        cmocka_unit_test(only_a_closed_connection_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
