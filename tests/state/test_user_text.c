/* SPDX-License-Identifier: MIT */
/*
 * SEND and RECEIVE in detail (RFC 9293 sections 3.9.1.2, 3.9.1.3, 3.10.2 and 3.10.3), what a user
 * may set, and text that arrives in any order, in pieces, twice, and in chunks that were lent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/random.h"
#include "support/rig.h"

static struct rig r;

static void begin(enum rig_way way, enum rig_state state)
{
    rig_start(&r, NULL, UINT32_MAX - 100, UINT32_MAX - 200);
    rig_become(&r, way, state);
    r.events = 0;
}

/* ---- SEND -------------------------------------------------------------------------------------------- */

static void send_takes_what_fits(void **state)
{
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    IN(&r, ACK, 1, 1, .wnd = NO_WINDOW);
    assert_int_equal(rig_send(&r, 8000, 0), ESTAB_OK);
    assert_int_equal(rig_send(&r, 1000, 0), ESTAB_AGAIN); /* the buffer holds 8192 */
    assert_int_equal(r.sent, 8192);
    assert_int_equal(rig_send(&r, 1, 0), ESTAB_AGAIN);
    assert_int_equal(r.sent, 8192);
    HAPPENED(&r, 0, ESTAB_OK);
    IN(&r, ACK, 1, 1, .wnd = 65535);
    HAPPENED(&r, 0, ESTAB_OK); /* sent, but not acknowledged */
    for (uint32_t ack = 537; ack <= 2681; ack += 536)
        IN(&r, ACK, 1, ack, .wnd = 65535);
    HAPPENED(&r, 0, ESTAB_OK);
    IN(&r, ACK, 1, 2681 + 536, .wnd = 65535);
    HAPPENED(&r, ESTAB_EVENT_WRITABLE, ESTAB_OK); /* a third of the buffer is free */
    assert_int_equal(rig_send(&r, 1000, 0), ESTAB_OK);
    rig_end(&r);
}

static void send_of_nothing_is_nothing(void **state)
{
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    assert_int_equal(rig_send(&r, 0, ESTAB_PUSH | ESTAB_URGENT), ESTAB_OK);
    QUIET(&r);
    rig_end(&r);
}

/* The text pool is empty but for this sender's own chunk: what is acknowledged makes room again. */
static void send_without_chunks(void **state)
{
    struct estab_config config = rig_config();
    estab_conn conn;
    (void)state;
    config.chunks = 64; /* of which two windows are promised 52, and the other sender one */
    rig_start(&r, &config, 1, 2);
    rig_become(&r, ACTIVE, ESTABLISHED);
    conn = r.conn;
    IN(&r, ACK, 1, 1, .wnd = NO_WINDOW);
    assert_int_equal(rig_open_passive(&r, false), ESTAB_OK); /* the second window */
    r.conn = conn;
    assert_int_equal(rig_send(&r, 8000, 0), ESTAB_AGAIN); /* 11 chunks of 512 are left */
    assert_int_equal(r.sent, 5632);
    rig_end(&r);
}

static void urgent_text_is_pointed_at(void **state)
{
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    assert_int_equal(rig_send(&r, 10, ESTAB_URGENT), ESTAB_OK);
    OUT(&r, PSH | URG | ACK, 1, 1, .len = 10, .up = 10);
    assert_int_equal(rig_send(&r, 600, 0), ESTAB_OK);
    OUT(&r, ACK, 11, 1, .len = 536); /* nothing urgent is left */
    rig_end(&r);
}

/* ---- RECEIVE ------------------------------------------------------------------------------------------- */

static struct estab_received receive(size_t size, unsigned flags)
{
    struct estab_received got;
    uint8_t text[5000];

    assert_int_equal(estab_receive(r.stack, r.conn, text, size, flags, &got, r.now), ESTAB_OK);
    for (size_t i = 0; i < got.length; i++)
        assert_int_equal(text[i], rig_text(1 + r.received + (uint32_t)i));
    if (!(flags & ESTAB_PEEK))
        r.received += (uint32_t)got.length;
    rig_pull(&r);
    return got;
}

static void receive_tells_what_it_is(void **state)
{
    struct estab_received got;
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    IN(&r, ACK, 1, 1, .len = 100);
    got = receive(60, 0);
    assert_true(got.length == 60 && !got.push && !got.end && !got.urgent);
    got = receive(60, 0);
    assert_true(got.length == 40 && !got.push);
    IN(&r, PSH | ACK, 101, 1, .len = 100);
    got = receive(60, 0);
    assert_true(got.length == 60 && !got.push);
    got = receive(60, 0);
    assert_true(got.length == 40 && got.push);
    IN(&r, URG | ACK, 201, 1, .len = 50, .up = 30);
    got = receive(20, 0);
    assert_true(got.length == 20 && got.urgent);
    got = receive(20, 0);
    assert_true(got.length == 20 && !got.urgent);
    IN(&r, FIN | ACK, 251, 1, .len = 10);
    got = receive(15, 0);
    assert_true(got.length == 15 && !got.end);
    got = receive(15, 0);
    assert_true(got.length == 5 && got.end);
    got = receive(15, 0);
    assert_true(got.length == 0 && got.end);
    rig_end(&r);
}

static void peeking_takes_nothing(void **state)
{
    struct estab_received got;
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    IN(&r, FIN | PSH | ACK, 1, 1, .len = 1000);
    for (int i = 0; i < 3; i++) {
        got = receive(5000, ESTAB_PEEK);
        assert_true(got.length == 1000 && got.push);
    }
    got = receive(10, ESTAB_PEEK);
    assert_true(got.length == 10 && !got.push);
    assert_int_equal(rig_status(&r).receive_queued, 1000);
    got = receive(5000, 0);
    assert_true(got.length == 1000 && got.end);
    rig_end(&r);
}

/* ---- what a user may set ---------------------------------------------------------------------------------- */

static void settings_have_ranges(void **state)
{
    static const struct {
        enum estab_option option;
        uint32_t good[2], bad[2];
    } options[] = {
        {ESTAB_OPTION_NAGLE, {0, 1}, {2, UINT32_MAX}},
        {ESTAB_OPTION_KEEPALIVE_IDLE_MS, {0, INT32_MAX}, {0x80000000, UINT32_MAX}},
        {ESTAB_OPTION_KEEPALIVE_INTERVAL_MS, {1, INT32_MAX}, {0, UINT32_MAX}},
        {ESTAB_OPTION_KEEPALIVE_PROBES, {1, 255}, {0, 256}},
        {ESTAB_OPTION_USER_TIMEOUT_MS, {0, INT32_MAX}, {0x80000000, UINT32_MAX}},
        {ESTAB_OPTION_ADVERTISE_TIMEOUT_S, {0, 1966020}, {1966021, UINT32_MAX}},
        {ESTAB_OPTION_RECEIVE_BUFFER, {512, 0x20000000}, {511, 0x20000001}},
        {ESTAB_OPTION_SEND_BUFFER, {512, 0x20000000}, {511, 0x20000001}},
        {ESTAB_OPTION_DIFFSERV, {0, 63}, {64, UINT32_MAX}},
        {(enum estab_option)99, {0, 0}, {0, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        begin(ACTIVE, ESTABLISHED);
        for (int k = 0; k < 2; k++) {
            enum estab_option o = options[i].option;

            if (o != (enum estab_option)99)
                assert_int_equal(estab_set(r.stack, r.conn, o, options[i].good[k], r.now),
                                 ESTAB_OK);
            assert_int_equal(estab_set(r.stack, r.conn, o, options[i].bad[k], r.now),
                             ESTAB_INVALID);
        }
        IS(&r, ESTABLISHED);
        rig_end(&r);
    }
}

static void nothing_is_set_once_it_is_over(void **state)
{
    (void)state;
    begin(ACTIVE, TIME_WAIT);
    assert_int_equal(estab_set(r.stack, r.conn, ESTAB_OPTION_NAGLE, 0, r.now), ESTAB_CLOSING);
    rig_end(&r);
}

/* ---- events ------------------------------------------------------------------------------------------------- */

/* An error belongs to one event, not to the next. */
static void an_error_is_told_once(void **state)
{
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    assert_int_equal(rig_send(&r, 10, 0), ESTAB_OK);
    AT(&r, 5000); /* R1 has passed */
    HAPPENED(&r, ESTAB_EVENT_SOFT_ERROR, ESTAB_TIMED_OUT);
    IN(&r, PSH | ACK, 1, 11, .len = 10);
    HAPPENED(&r, ESTAB_EVENT_READABLE, ESTAB_OK);
    rig_end(&r);
}

/* A FIN that waits for a window is waited for from the CLOSE on, however long all was quiet. */
static void the_user_timeout_begins_with_close(void **state)
{
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    assert_int_equal(estab_set(r.stack, r.conn, ESTAB_OPTION_USER_TIMEOUT_MS, 5000, r.now),
                     ESTAB_OK);
    IN(&r, ACK, 1, 1, .wnd = NO_WINDOW);
    AT(&r, 60000);
    assert_int_equal(rig_close(&r), ESTAB_OK);
    AT(&r, 64999);
    IS(&r, FIN_WAIT_1);
    AT(&r, 65000);
    IS(&r, CLOSED);
    HAPPENED(&r, ESTAB_EVENT_CLOSED, ESTAB_TIMED_OUT);
    rig_end(&r);
}

/* ---- text in any order --------------------------------------------------------------------------------------- */

enum { BYTES = 20000 };

/* A device receives into chunks of the stack, or the frame is the caller's. */
static void deliver(const struct rig_seg *s, bool lent)
{
    static uint8_t bytes[RIG_FRAME_MAX];
    struct estab_frame frame;
    size_t n = rig_frame(&r, s, bytes), at = 0;

    if (!lent || estab_input_room(r.stack, &frame, 1, (uint32_t)n) != 1) {
        rig_in_bytes(&r, bytes, n);
        return;
    }
    frame.link = ESTAB_LINK_IP;
    frame.length = (uint32_t)n;
    for (unsigned i = 0; i < frame.parts; i++) {
        size_t take = n - at < frame.part[i].length ? n - at : frame.part[i].length;

        memcpy(frame.part[i].base, bytes + at, take);
        at += take;
    }
    estab_input(r.stack, &frame, 1, r.now);
    rig_pull(&r);
}

/* Some segment around RCV.NXT, of any length, perhaps old, perhaps beyond the window. */
static struct rig_seg some_segment(uint64_t *seed, uint32_t next)
{
    struct rig_seg s = {.flags = random_next(seed) % 2 ? ACK : PSH | ACK, .ack = 1};
    uint32_t most = random_next(seed) % 4 == 0 ? 2 : 1400;

    s.seq = next - 1000 + (uint32_t)random_next(seed) % 5500;
    if ((int32_t)s.seq < 1 || random_next(seed) % 3 == 0)
        s.seq = next;
    s.len = 1 + (uint32_t)random_next(seed) % most;
    if (s.seq + s.len > BYTES + 1)
        s.len = s.seq <= BYTES ? BYTES + 1 - s.seq : 0;
    if (s.seq + s.len == BYTES + 1 && s.seq <= BYTES)
        s.flags |= FIN;
    if (s.seq > BYTES)
        s.seq = next;
    return s;
}

static void check_counters(void)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(r.stack, &c);
    assert_true(c.chunks_used + c.chunks_lent <= c.chunks_total);
    assert_int_equal(c.chunks_lent, 0);
}

/* All of it arrives once and in order, whatever the way; rig_receive compares each byte.
 * SHLD-31. */
static void text_arrives_in_any_order(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 60; run++) {
        uint64_t seed = run;
        char name[32];

        snprintf(name, sizeof name, "seed %u", (unsigned)run);
        rig_start(&r, NULL, (uint32_t)random_next(&seed), (uint32_t)random_next(&seed));
        r.where = name;
        rig_become(&r, (enum rig_way)(run % RIG_WAYS), ESTABLISHED);
        for (unsigned i = 0; i < 20000 && rig_state(&r) == ESTABLISHED; i++) {
            struct rig_seg s = some_segment(&seed, rig_status(&r).rcv_nxt - r.irs);

            r.split = random_next(&seed) % 2;
            deliver(&s, run % 3 == 0 && random_next(&seed) % 2);
            if (random_next(&seed) % 3 == 0)
                (void)rig_receive(&r, (size_t)random_next(&seed) % 3000);
            rig_forget(&r);
        }
        IS(&r, CLOSE_WAIT);
        while (rig_receive(&r, 700) > 0)
            continue;
        assert_int_equal(r.received, BYTES);
        check_counters();
        assert_true(rig_leaves_nothing(&r));
        rig_end(&r);
    }
}

/* What is held already is not held twice. */
static void the_same_text_again_costs_nothing(void **state)
{
    struct estab_counters once = {.size = sizeof once}, often = {.size = sizeof often};
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    IN(&r, ACK, 11, 1, .len = 1000);
    estab_counters(r.stack, &once);
    for (uint32_t i = 0; i < 100; i++)
        IN(&r, ACK, 11 + i, 1, .len = 900);
    estab_counters(r.stack, &often);
    assert_int_equal(once.chunks_used, often.chunks_used);
    assert_int_equal(rig_status(&r).out_of_order, 1000);
    COUNTED(&r, REASON_TEXT_NO_ROOM, 0);
    IN(&r, ACK, 1, 1, .len = 10);
    assert_int_equal(rig_receive(&r, 2000), 1010);
    rig_end(&r);
}

/* Thousands of single bytes beyond a gap: what they may cost is bounded by the promise, and what was
 * dropped comes again (row 6 of the inputs that broke others). */
static void single_bytes_are_bounded(void **state)
{
    struct estab_counters before = {.size = sizeof before}, after = {.size = sizeof after};
    (void)state;
    begin(ACTIVE, ESTABLISHED);
    estab_counters(r.stack, &before);
    for (uint32_t seq = 3999; seq > 2; seq -= 2) {
        IN(&r, ACK, seq, 1, .len = 1);
        rig_forget(&r);
    }
    estab_counters(r.stack, &after);
    assert_true(after.chunks_used <= before.chunks_promised);
    assert_int_equal(after.chunks_promised, before.chunks_promised);
    assert_true(estab_reason_count(r.stack, REASON_TEXT_NO_ROOM) > 0);
    /* A full window in order still fits, as was promised. */
    IN(&r, ACK, 1, 1, .len = 1400);
    IN(&r, ACK, 1401, 1, .len = 1400);
    IN(&r, ACK, 2801, 1, .len = 1200);
    assert_int_equal(rig_receive(&r, 5000), 4000);
    assert_true(rig_leaves_nothing(&r));
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_takes_what_fits),
        cmocka_unit_test(send_of_nothing_is_nothing),
        cmocka_unit_test(send_without_chunks),
        cmocka_unit_test(urgent_text_is_pointed_at),
        cmocka_unit_test(receive_tells_what_it_is),
        cmocka_unit_test(peeking_takes_nothing),
        cmocka_unit_test(settings_have_ranges),
        cmocka_unit_test(nothing_is_set_once_it_is_over),
        cmocka_unit_test(an_error_is_told_once),
        cmocka_unit_test(the_user_timeout_begins_with_close),
        cmocka_unit_test(text_arrives_in_any_order),
        cmocka_unit_test(the_same_text_again_costs_nothing),
        cmocka_unit_test(single_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
