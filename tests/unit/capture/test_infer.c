/* SPDX-License-Identifier: MIT */
/*
 * The peer's states from the packets alone.  Each table is a conversation: '>' is a frame of ours, '<'
 * one of the peer's, '.' the clock.  Numbers are relative to each side's ISN, and both ISNs wrap.
 */
#include "capture/infer.h"
#include "capture/text.h"
#include "support/made_frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OURS  UINT32_C(0xfffffffe)
#define PEERS UINT32_C(0xffffffff)

enum {
    F = CTL_FIN,
    S = CTL_SYN,
    R = CTL_RST,
    A = CTL_ACK,
};

struct step {
    char way;
    uint8_t flags;
    int32_t seq, ack;
    uint32_t length;
    const char *says; /* "LISTEN -> SYN-RECEIVED (rcv SYN)" */
    estab_time at;    /* seconds */
};

static struct estab_endpoint us(void)
{
    return (struct estab_endpoint){estab_ipv4(10, 11, 0, 101), 40000};
}

static struct estab_endpoint peer(void)
{
    return (struct estab_endpoint){estab_ipv4(10, 11, 0, 1), 3333};
}

static void see(struct frame_view *v, const struct step *s)
{
    static uint8_t bytes[4096];
    bool ours = s->way == '>';
    struct made_tcp m = {
        .src = ours ? us() : peer(),
        .dst = ours ? peer() : us(),
        .seq = (ours ? OURS : PEERS) + (uint32_t)s->seq,
        .ack = (ours ? PEERS : OURS) + (uint32_t)s->ack,
        .window = 1000,
        .flags = s->flags,
        .length = s->length,
    };

    view_bytes(v, bytes, made_tcp(bytes, &m, true), ESTAB_LINK_IP);
    assert_null(v->malformed);
    assert_int_equal(v->checksum, VIEW_SUM_GOOD);
}

static void say(struct text *t, const struct end_state *end)
{
    if (!end->known)
        text_add(t, "?");
    else
        text_add(t, fsm_state_name((enum tcp_state)end->before));
    for (unsigned i = 0; i < end->moves; i++)
        text_format(t, " -> %s (%s)", fsm_state_name((enum tcp_state)end->move[i].to),
                    fsm_event_name((enum tcp_event)end->move[i].event));
}

/* Every move is an edge, and begins where the one before ended. */
static void check_edges(const struct end_state *end)
{
    enum tcp_state state = (enum tcp_state)end->before;

    assert_true(end->inferred);
    for (unsigned i = 0; i < end->moves; i++) {
        const struct tcp_edge *edge = fsm_next(state, (enum tcp_event)end->move[i].event);
        assert_non_null(edge);
        assert_int_equal(edge->to, end->move[i].to);
        state = (enum tcp_state)end->move[i].to;
    }
}

static void play(enum tcp_state start, const struct step *steps, size_t n)
{
    struct infer infer;

    infer_init(&infer, us(), peer(), start, 30 * ESTAB_SECOND);
    for (size_t i = 0; i < n; i++) {
        char said[256];
        struct text t = text_of(said, sizeof said, false);
        estab_time now = steps[i].at * ESTAB_SECOND;
        struct end_state end;
        struct frame_view v;

        if (steps[i].way == '.') {
            end = infer_expire(&infer, now);
        } else {
            see(&v, &steps[i]);
            end = infer_feed(&infer, &v, steps[i].way == '<', now);
        }
        check_edges(&end);
        say(&t, &end);
        if (strcmp(said, steps[i].says) != 0)
            print_error("step %zu:\n", i + 1);
        assert_string_equal(said, steps[i].says);
    }
}

#define PLAY(start, ...)                                                                           \
    do {                                                                                           \
        (void)state;                                                                               \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        play(TCP_##start, steps, sizeof steps / sizeof steps[0]);                                  \
    } while (0)

static void server_closes_after_us(void **state)
{
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', A, 1, 1, 100, "ESTABLISHED", 0},
         {'<', A, 1, 101, 50, "ESTABLISHED", 0},
         {'>', F | A, 101, 51, 0, "ESTABLISHED", 0},
         {'<', A, 51, 102, 0, "ESTABLISHED -> CLOSE-WAIT (rcv FIN)", 0},
         {'<', A, 51, 102, 20, "CLOSE-WAIT", 0},
         {'>', A, 102, 71, 0, "CLOSE-WAIT", 0},
         {'<', F | A, 71, 102, 0, "CLOSE-WAIT -> LAST-ACK (CLOSE)", 0},
         {'>', A, 102, 72, 0, "LAST-ACK -> CLOSED (rcv ACK of FIN)", 0},
         {'.', 0, 0, 0, 0, "CLOSED", 1000});
}

static void client_closes_first(void **state)
{
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', A, 1, 1, 0, "SYN-SENT -> ESTABLISHED (rcv SYN,ACK)", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', A, 1, 2, 0, "FIN-WAIT-1 -> FIN-WAIT-2 (rcv ACK of FIN)", 0},
         {'>', A, 1, 2, 9, "FIN-WAIT-2", 0},
         {'<', A, 2, 10, 0, "FIN-WAIT-2", 0},
         {'>', F | A, 10, 2, 0, "FIN-WAIT-2", 1},
         {'<', A, 2, 11, 0, "FIN-WAIT-2 -> TIME-WAIT (rcv FIN)", 1},
         {'.', 0, 0, 0, 0, "TIME-WAIT", 60},
         {'.', 0, 0, 0, 0, "TIME-WAIT -> CLOSED (timeout 2MSL)", 61});
}

/* Linux's client acknowledges our SYN,ACK together with its first text, or with its FIN. */
static void answers_that_tell_several_things(void **state)
{
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', F | A, 1, 1, 10,
          "SYN-SENT -> ESTABLISHED (rcv SYN,ACK) -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', F | A, 1, 12, 0, "FIN-WAIT-1", 0},
         {'<', A, 12, 2, 0, "FIN-WAIT-1 -> TIME-WAIT (rcv FIN,ACK of FIN)", 0});
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', F | A, 1, 1, 5, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'<', F | A, 1, 7, 0,
          "ESTABLISHED -> CLOSE-WAIT (rcv FIN) -> LAST-ACK (CLOSE)", 0},
         {'>', A, 7, 2, 0, "LAST-ACK -> CLOSED (rcv ACK of FIN)", 0});
}

/* RFC 9293 section 3.5, figure 7. */
static void simultaneous_open(void **state)
{
    PLAY(CLOSED,
         {'>', S, 0, 0, 0, "CLOSED", 0},
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'<', S | A, 0, 1, 0, "SYN-SENT -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', A, 1, 1, 3, "ESTABLISHED", 0});
    /* Our answer went out before its answer came. */
    PLAY(CLOSED,
         {'>', S, 0, 0, 0, "CLOSED", 0},
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', S | A, 0, 1, 0,
          "SYN-SENT -> SYN-RECEIVED (rcv SYN) -> ESTABLISHED (rcv ACK of SYN)", 0});
}

/* Section 3.6, figure 13. */
static void simultaneous_close(void **state)
{
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', F | A, 1, 1, 0, "ESTABLISHED", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'<', A, 2, 2, 0, "FIN-WAIT-1 -> CLOSING (rcv FIN)", 0},
         {'>', A, 2, 2, 0, "CLOSING -> TIME-WAIT (rcv ACK of FIN)", 0},
         {'.', 0, 0, 0, 0, "TIME-WAIT -> CLOSED (timeout 2MSL)", 60});
    /* Our ACK went out before its answer to our FIN came. */
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', F | A, 1, 1, 0, "ESTABLISHED", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', A, 2, 2, 0, "FIN-WAIT-1", 0},
         {'<', A, 2, 2, 0,
          "FIN-WAIT-1 -> CLOSING (rcv FIN) -> TIME-WAIT (rcv ACK of FIN)", 0});
}

/* The SYN,ACK of the peer, our FIN and its FIN are all sent twice. */
static void retransmissions_change_nothing(void **state)
{
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', S, 0, 0, 0, "SYN-RECEIVED", 1},
         {'<', S | A, 0, 1, 0, "SYN-RECEIVED", 1},
         {'>', A, 1, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 1},
         {'<', S | A, 0, 1, 0, "ESTABLISHED", 1},
         {'>', F | A, 1, 1, 0, "ESTABLISHED", 1},
         {'>', F | A, 1, 1, 0, "ESTABLISHED", 2},
         {'<', A, 1, 2, 0, "ESTABLISHED -> CLOSE-WAIT (rcv FIN)", 2},
         {'<', A, 1, 2, 0, "CLOSE-WAIT", 2},
         {'<', F | A, 1, 2, 0, "CLOSE-WAIT -> LAST-ACK (CLOSE)", 2},
         {'<', F | A, 1, 2, 0, "LAST-ACK", 3},
         {'>', A, 2, 2, 0, "LAST-ACK -> CLOSED (rcv ACK of FIN)", 3},
         {'>', A, 2, 2, 0, "CLOSED", 3});
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'<', S, 0, 0, 0, "SYN-SENT", 1},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 1},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 2},
         {'<', A, 1, 1, 0, "SYN-SENT -> ESTABLISHED (rcv SYN,ACK)", 2},
         {'>', S | A, 0, 1, 0, "ESTABLISHED", 2},
         {'<', A, 1, 1, 0, "ESTABLISHED", 2});
}

/* Our text at 1 is lost and so not fed; the FIN behind it comes out of order. */
static void fin_behind_a_gap(void **state)
{
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', A, 1, 1, 0, "SYN-SENT -> ESTABLISHED (rcv SYN,ACK)", 0},
         {'>', F | A, 101, 1, 0, "ESTABLISHED", 0},
         {'<', A, 1, 1, 0, "ESTABLISHED", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', A, 102, 2, 0, "FIN-WAIT-1 -> FIN-WAIT-2 (rcv ACK of FIN)", 0},
         {'>', A, 1, 2, 100, "FIN-WAIT-2", 1},
         {'<', A, 2, 102, 0, "FIN-WAIT-2 -> TIME-WAIT (rcv FIN)", 1});
    /* The gap is filled by the segment that acknowledges the FIN for the first time. */
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', A, 1, 1, 0, "SYN-SENT -> ESTABLISHED (rcv SYN,ACK)", 0},
         {'>', A, 51, 1, 50, "ESTABLISHED", 0},
         {'>', F | A, 101, 1, 0, "ESTABLISHED", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', A, 1, 2, 50, "FIN-WAIT-1", 1},
         {'<', A, 2, 102, 0, "FIN-WAIT-1 -> TIME-WAIT (rcv FIN,ACK of FIN)", 1});
}

static void time_wait_starts_anew(void **state)
{
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', F | A, 1, 1, 0,
          "SYN-SENT -> ESTABLISHED (rcv SYN,ACK) -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', A, 1, 2, 0, "FIN-WAIT-1 -> FIN-WAIT-2 (rcv ACK of FIN)", 0},
         {'>', F | A, 1, 2, 0, "FIN-WAIT-2", 0},
         {'<', A, 2, 2, 0, "FIN-WAIT-2 -> TIME-WAIT (rcv FIN)", 0},
         {'>', F | A, 1, 2, 0, "TIME-WAIT", 10},
         {'<', A, 2, 2, 0, "TIME-WAIT", 10},
         {'.', 0, 0, 0, 0, "TIME-WAIT", 69},
         {'.', 0, 0, 0, 0, "TIME-WAIT -> CLOSED (timeout 2MSL)", 70});
}

static void resets_of_ours(void **state)
{
    PLAY(LISTEN, /* a listener's connection goes back to LISTEN */
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', R, 1, 0, 0, "SYN-RECEIVED -> LISTEN (rcv RST (opened passively))", 0});
    PLAY(CLOSED, /* refused; a RST that acknowledges something else does not count */
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', R | A, 0, 7, 0, "SYN-SENT", 0},
         {'>', R | A, 0, 1, 0, "SYN-SENT -> CLOSED (rcv RST)", 0});
    PLAY(LISTEN, /* in the window but not at RCV.NXT: challenged (RFC 5961) */
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 10, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', R, 12, 0, 0, "ESTABLISHED", 0},
         {'>', R, 11, 0, 0, "ESTABLISHED -> CLOSED (rcv RST)", 0},
         {'>', S, 500, 0, 0, "LISTEN", 1},
         {'<', S | A, 700, 501, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 1});
    PLAY(CLOSED,
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', S | A, 0, 1, 0, "SYN-SENT", 0},
         {'<', F | A, 1, 1, 0,
          "SYN-SENT -> ESTABLISHED (rcv SYN,ACK) -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', R, 1, 0, 0, "FIN-WAIT-1 -> CLOSED (rcv RST)", 0});
}

static void resets_of_the_peer(void **state)
{
    PLAY(LISTEN, /* nobody listened after all */
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', R | A, 5, 1, 0, "CLOSED", 0});
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 10, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'<', R, 77, 0, 0, "ESTABLISHED", 0}, /* of something else */
         {'<', R | A, 1, 1, 0, "ESTABLISHED -> CLOSED (ABORT)", 0});
    PLAY(LISTEN, /* the user closed with our text unread: Linux resets */
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 10, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'>', F | A, 11, 1, 0, "ESTABLISHED", 0},
         {'<', R | A, 1, 12, 0,
          "ESTABLISHED -> CLOSE-WAIT (rcv FIN) -> CLOSED (ABORT)", 0});
    PLAY(CLOSED, /* half-open recovery: it answers our old ACK, and stays where it is */
         {'<', S, 0, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 0},
         {'>', A, 300, -4000, 0, "SYN-SENT", 0},
         {'<', R, -4000, 0, 0, "SYN-SENT", 0},
         {'<', S, 0, 0, 0, "SYN-SENT", 1});
}

/* A port that is used again in TIME-WAIT, and one whose owner lost its memory. */
static void new_incarnations(void **state)
{
    PLAY(LISTEN,
         {'>', S, 0, 0, 0, "LISTEN", 0},
         {'<', S | A, 0, 1, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 0},
         {'>', A, 1, 1, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 0},
         {'<', F | A, 1, 1, 0, "ESTABLISHED -> FIN-WAIT-1 (CLOSE)", 0},
         {'>', F | A, 1, 2, 0, "FIN-WAIT-1", 0},
         {'<', A, 2, 2, 0, "FIN-WAIT-1 -> TIME-WAIT (rcv FIN,ACK of FIN)", 0},
         {'>', S, 90000, 0, 0, "TIME-WAIT", 5},
         {'<', S | A, 90000, 90001, 0, "LISTEN -> SYN-RECEIVED (rcv SYN)", 5},
         {'.', 0, 0, 0, 0, "SYN-RECEIVED", 100},
         {'>', A, 90001, 90001, 0, "SYN-RECEIVED -> ESTABLISHED (rcv ACK of SYN)", 100},
         {'<', S, 500000, 0, 0, "CLOSED -> SYN-SENT (active OPEN)", 200});
}

static void nothing_is_known_without_a_syn(void **state)
{
    PLAY(CLOSED,
         {'>', A, 1, 1, 10, "?", 0},
         {'<', A, 1, 11, 0, "?", 0},
         {'<', F | A, 1, 11, 0, "?", 0},
         {'>', S, 5000, 0, 0, "CLOSED", 0});
}

static void what_is_broken_says_nothing(void **state)
{
    (void)state;
    struct step syn = {'>', S, 0, 0, 0, NULL, 0}, answer = {'<', S | A, 0, 1, 0, NULL, 0};
    struct infer infer;
    struct frame_view v;

    infer_init(&infer, us(), peer(), TCP_LISTEN, ESTAB_SECOND);
    see(&v, &syn);
    infer_feed(&infer, &v, false, 0);
    see(&v, &answer);
    v.checksum = VIEW_SUM_BAD;
    assert_int_equal(infer_feed(&infer, &v, true, 0).moves, 0);
    v.checksum = VIEW_SUM_GOOD;
    v.malformed = "broken";
    assert_int_equal(infer_feed(&infer, &v, true, 0).moves, 0);
    v.malformed = NULL;
    assert_int_equal(infer_feed(&infer, &v, true, 0).moves, 1);
}

static void a_table_of_connections(void **state)
{
    static struct infer_table table;
    static const struct step syn = {'<', S, 0, 0, 0, NULL, 0};
    struct end_state end;
    struct frame_view v;
    struct infer *first, *other;

    (void)state;
    infer_table_init(&table, TCP_LISTEN, 30 * ESTAB_SECOND);
    see(&v, &syn);
    first = infer_find(&table, &v, true);
    assert_int_equal(infer_feed(first, &v, true, 0).before, TCP_CLOSED);
    v.src.port = 1;
    other = infer_find(&table, &v, true);
    assert_ptr_not_equal(first, other);
    v.src.port = 3333;
    assert_ptr_equal(infer_find(&table, &v, true), first);
    assert_int_equal(infer_table_deadline(&table), ESTAB_NEVER);
    assert_null(infer_table_expire(&table, &end, ESTAB_NEVER));
    first->state = TCP_TIME_WAIT;
    first->due = 7;
    assert_int_equal(infer_table_deadline(&table), 7);
    assert_ptr_equal(infer_table_expire(&table, &end, 7), first);
    assert_int_equal(end_after(&end), TCP_CLOSED);
    assert_null(infer_table_expire(&table, &end, 8));

    /* Full: the one that was used longest ago makes room. */
    for (unsigned port = 2; table.count < INFER_TABLE_MAX; port++) {
        v.src.port = (uint16_t)(port + 10000);
        assert_non_null(infer_find(&table, &v, true));
    }
    v.src.port = 3333;
    infer_find(&table, &v, true);
    v.src.port = 9;
    assert_ptr_equal(infer_find(&table, &v, true), other);
    v.kind = VIEW_UDP;
    assert_null(infer_find(&table, &v, true));
}

static void oldest_move_is_forgotten(void **state)
{
    (void)state;
    struct end_state end = end_in(TCP_CLOSED);
    for (unsigned i = 1; i <= END_MOVES + 1; i++)
        end_move(&end, EV_CLOSE, (enum tcp_state)i);
    assert_int_equal(end.moves, END_MOVES);
    assert_int_equal(end.before, 1);
    assert_int_equal(end_after(&end), END_MOVES + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_closes_after_us),
        cmocka_unit_test(client_closes_first),
        cmocka_unit_test(answers_that_tell_several_things),
        cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(simultaneous_close),
        cmocka_unit_test(retransmissions_change_nothing),
        cmocka_unit_test(fin_behind_a_gap),
        cmocka_unit_test(time_wait_starts_anew),
        cmocka_unit_test(resets_of_ours),
        cmocka_unit_test(resets_of_the_peer),
        cmocka_unit_test(new_incarnations),
        cmocka_unit_test(nothing_is_known_without_a_syn),
        cmocka_unit_test(what_is_broken_says_nothing),
        cmocka_unit_test(a_table_of_connections),
        cmocka_unit_test(oldest_move_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
