/* SPDX-License-Identifier: MIT */
/*
 * test_keys.c - new secrets in the middle of a life: every connection is found, every cookie that is about is
 * good as long as it would have been, and no number goes back where that matters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/wire.h"

enum { PORT = 80, FIRST = 10000, MANY = 400 };

static struct wire w_;

static void begin(struct wire *w, uint8_t cookies)
{
    struct estab_config c = wire_config();
    struct estab_listen listen = {.size = sizeof listen, .local.port = PORT, .backlog = 2 * MANY};

    *w = (struct wire){.iss = 1, .irs = 2};
    c.connections = c.records = MANY + 8;
    c.receive_reserve = c.receive_buffer = 4096;
    c.chunks = 8192;
    c.replies = 256;
    c.syn_cookies = cookies;
    c.timestamps = true;
    wire_start(w, &c);
    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

static enum estab_error change(struct wire *w, char with)
{
    uint8_t keys[2][16];

    memset(keys[0], with, 16);
    memset(keys[1], with + 1, 16);
    return estab_keys_change(w->stack, keys[0], keys[1], WIRE_START + w->now);
}

static void in(struct wire *w, unsigned i, unsigned flags, uint32_t seq, uint32_t ack, uint32_t len)
{
    wire_in(w, &(struct wire_segment){.flags = flags, .seq = seq, .ack = ack, .len = len, .wnd = 65535,
                                      .mss = flags & SYN ? 1400 : 0, .text = "abcdefgh",
                                      .sport = (uint16_t)(FIRST + i), .dport = PORT});
}

/* The last that the stack has sent to this peer. */
static const struct wire_segment *answer(struct wire *w, unsigned i)
{
    const struct wire_segment *last = NULL;

    wire_pump(w);
    for (; w->head != w->tail; w->head++)
        if (w->queue[w->head % WIRE_QUEUE].dport == FIRST + i)
            last = &w->queue[w->head % WIRE_QUEUE];
    if (!last)
        wire_fail(w, HERE, "no answer for peer %u", i);
    return last;
}

/* The peer's SYN; the number of the answer. */
static uint32_t asks(struct wire *w, unsigned i, uint32_t seq)
{
    const struct wire_segment *s;

    in(w, i, SYN, seq, 0, 0);
    s = answer(w, i);
    CHECK_EQ(s->flags, SYN | ACK);
    return s->seq;
}

static estab_conn accepted(struct wire *w)
{
    estab_conn conn;

    assert_int_equal(estab_accept(w->stack, w->listener, &conn), ESTAB_OK);
    return conn;
}

static estab_conn opens(struct wire *w, unsigned i, uint32_t *iss)
{
    *iss = asks(w, i, 500);
    in(w, i, ACK, 501, *iss + 1, 0);
    return accepted(w);
}

/* ---- cookies -------------------------------------------------------------------------------------------- */

/* A cookie is good in its 64 seconds and in the next, whichever key made it; then neither is. */
static void cookies_live_as_long_as_they_would_have(void **state)
{
    static const struct {
        estab_time changed, back; /* seconds after the cookie */
        bool good;
    } rows[] = {
        {0, 0, true}, {0, 60, true}, {59, 60, true}, {60, 60, true}, {30, 64, true}, {64, 64, true},
        {0, 129, false}, {127, 129, false}, {129, 129, false},
    };
    struct wire *w = &w_;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t iss;
        estab_conn conn;

        begin(w, 2);
        iss = asks(w, 1, 500);
        (void)asks(w, 2, 500);
        wire_run(w, rows[i].changed * S);
        assert_int_equal(change(w, 'a'), ESTAB_OK);
        wire_run(w, rows[i].back * S);
        (void)asks(w, 3, 500); /* cookies are being sent */
        in(w, 1, ACK, 501, iss + 1, 0);
        w->head = w->tail;
        if (estab_accept(w->stack, w->listener, &conn) != (rows[i].good ? ESTAB_OK : ESTAB_AGAIN))
            wire_fail(w, HERE, "row %u", (unsigned)i);
        wire_stop(w);
    }
}

/* What one key made, another does not take for its own. */
static void a_cookie_of_the_new_key_is_another(void **state)
{
    struct wire *w = &w_;
    uint32_t before, after;

    (void)state;
    begin(w, 2);
    before = asks(w, 1, 500);
    assert_int_equal(change(w, 'a'), ESTAB_OK);
    after = asks(w, 1, 500);
    CHECK(before != after);
    in(w, 1, ACK, 501, after + 1, 0);
    (void)accepted(w);
    w->head = w->tail;
    wire_stop(w);
}

/* Of the keys before the last change cookies may be about: 128 seconds at most. */
static void changes_have_their_distance(void **state)
{
    struct wire *w = &w_;

    (void)state;
    begin(w, 1);
    assert_int_equal(change(w, 'a'), ESTAB_OK);
    assert_int_equal(change(w, 'b'), ESTAB_AGAIN);
    wire_run(w, 60 * S);
    assert_int_equal(change(w, 'b'), ESTAB_AGAIN);
    wire_run(w, 128 * S);
    assert_int_equal(change(w, 'b'), ESTAB_OK);
    wire_stop(w);
}

static void they_are_due_after_their_life(void **state)
{
    struct wire *w = &w_;

    (void)state;
    begin(w, 1);
    CHECK_EQ(estab_keys_due(w->stack), WIRE_START + 3600 * S);
    wire_run(w, 1000 * S);
    assert_int_equal(change(w, 'a'), ESTAB_OK);
    CHECK_EQ(estab_keys_due(w->stack), WIRE_START + 4600 * S);
    wire_stop(w);
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

/* A change in the midst of 400 connections: each is found at once, while the table is moved, and afterwards; one
 * of four is reset meanwhile, and as many are made anew; the next change finds the table half moved. */
static void every_connection_is_found(void **state)
{
    static uint32_t iss[MANY];
    static estab_conn conn[MANY];
    struct wire *w = &w_;

    (void)state;
    begin(w, 0);
    for (unsigned i = 0; i < MANY; i++)
        conn[i] = opens(w, i, &iss[i]);
    for (unsigned round = 0; round < 4; round++) {
        wire_run(w, round * 200 * S);
        assert_int_equal(change(w, (char)('a' + round)), ESTAB_OK);
        for (unsigned i = round; i < MANY; i += 1 + (round == 2) * 37) { /* in the third, few: half is moved */
            struct estab_received got;
            uint8_t text[16];

            if (i % 4 == 3) {
                in(w, i, RST, 501, 0, 0);
                conn[i] = opens(w, i, &iss[i]);
                continue;
            }
            in(w, i, ACK, wire_status(w, conn[i]).rcv_nxt, iss[i] + 1, 8);
            assert_int_equal(estab_receive(w->stack, conn[i], text, sizeof text, 0, &got, WIRE_START + w->now),
                             ESTAB_OK);
            CHECK_EQ(got.length, 8);
        }
    }
    w->head = w->tail;
    wire_stop(w);
}

/* ---- order --------------------------------------------------------------------------------------------------- */

/* RFC 6528 section 3, RFC 6191: pairs in TIME-WAIT go on beyond what they have sent, though F is another. */
static void numbers_go_on_after_time_wait(void **state)
{
    static uint32_t last[MANY];
    struct wire *w = &w_;

    (void)state;
    begin(w, 0);
    for (unsigned i = 0; i < MANY; i++) {
        uint32_t iss;
        estab_conn conn = opens(w, i, &iss);

        assert_int_equal(estab_close(w->stack, conn, WIRE_START + w->now), ESTAB_OK);
        in(w, i, FIN | ACK, 501, iss + 2, 0);
        last[i] = iss + 2; /* SND.NXT */
    }
    CHECK_EQ(wire_counters(w).records, MANY);
    assert_int_equal(change(w, 'a'), ESTAB_OK);
    for (unsigned i = 0; i < MANY; i++) {
        uint32_t iss = asks(w, i, 100000);

        if ((int32_t)(iss - last[i]) <= 65535)
            wire_fail(w, HERE, "peer %u: %u after %u", i, iss, last[i]);
    }
    w->head = w->tail;
    wire_stop(w);
}

/* A peer drops what has an older timestamp than it has seen, also of another connection: offsets stay. */
static void timestamps_go_on(void **state)
{
    struct wire *w = &w_;
    uint32_t before;

    (void)state;
    begin(w, 0);
    wire_in(w, &(struct wire_segment){.flags = SYN, .seq = 500, .wnd = 65535, .mss = 1400, .ts = true, .tsval = 7,
                                      .sport = FIRST, .dport = PORT});
    before = answer(w, 0)->tsval;
    assert_int_equal(change(w, 'a'), ESTAB_OK);
    wire_run(w, 500 * MS);
    w->head = w->tail;
    wire_in(w, &(struct wire_segment){.flags = SYN, .seq = 500, .wnd = 65535, .mss = 1400, .ts = true, .tsval = 8,
                                      .sport = FIRST, .dport = PORT});
    CHECK_EQ(answer(w, 0)->tsval - before, 500);
    w->head = w->tail;
    wire_stop(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_live_as_long_as_they_would_have),
        cmocka_unit_test(a_cookie_of_the_new_key_is_another),
        cmocka_unit_test(changes_have_their_distance),
        cmocka_unit_test(they_are_due_after_their_life),
        cmocka_unit_test(every_connection_is_found),
        cmocka_unit_test(numbers_go_on_after_time_wait),
        cmocka_unit_test(timestamps_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
