/* SPDX-License-Identifier: MIT */
/*
 * test_frames.c - text on its way in and out of frames: super-segments, checksums that a device
 * finishes, text that stays in place until a frame is done, vectors of frames, and frames in parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/wire.h"

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    c.tuning = false; /* SEND takes as much as it may from the first */
    wire_start(w, &c);
}

/* ---- super-segments --------------------------------------------------------------------------------- */

static const struct wire_segment *super_out(struct wire *w, unsigned flags, uint32_t seq,
                                            uint32_t n, uint32_t size, const char *file, int line)
{
    const struct wire_segment *s = wire_out(w, w->now, flags, seq, 1, n, file, line);

    if (s->segment_size != size)
        wire_fail(w, file, line, "segments of %u bytes, not of %u", s->segment_size, size);
    return s;
}

#define SUPER(f, seq, n, size) super_out(w, f, seq, n, size, HERE)

/* As much as the windows allow, in whole segments but for the last. */
WIRE_TEST(text_goes_in_super_segments)
{
    w->super = 65535;
    start(w);
    OPEN(65535);
    SEND(100000);
    SUPER(ACK | PSH, 1, 14600, 1460);
    QUIET(w->now);
    IN(ACK, 1, 14601, 0, .wnd = 65535);
    SUPER(ACK | PSH, 14601, 29200, 1460);
    IN(ACK, 1, 43801, 0, .wnd = 65535);
    SUPER(ACK | PSH, 43801, 56200, 1460);
}

WIRE_TEST(one_segment_is_no_super_segment)
{
    w->super = 65535;
    start(w);
    OPEN(65535);
    SEND(1460);
    SUPER(ACK | PSH, 1, 1460, 0);
    SEND(700);
    SUPER(ACK | PSH, 1461, 700, 0);
    SEND(600);
    QUIET(w->now); /* Nagle */
    IN(ACK, 1, 2161, 0, .wnd = 65535);
    SUPER(ACK | PSH, 2161, 600, 0);
}

WIRE_TEST(a_super_segment_keeps_to_the_window)
{
    w->super = 65535;
    start(w);
    OPEN(5000);
    SEND(10000);
    SUPER(ACK | PSH, 1, 4380, 1460);
    QUIET(w->now);
    IN(ACK, 1, 4381, 0, .wnd = 10000);
    SUPER(ACK | PSH, 4381, 5620, 1460);
}

WIRE_TEST(a_small_device_gets_small_ones)
{
    w->super = 4000;
    start(w);
    OPEN(65535);
    SEND(10000);
    for (uint32_t i = 0; i < 3; i++)
        SUPER(ACK | PSH, 1 + 2920 * i, 2920, 1460);
    SUPER(ACK | PSH, 8761, 1240, 0);
    QUIET(w->now);
}

/* Sent again it is one segment, or as much as the window of the timeout allows. */
WIRE_TEST(a_lost_super_segment)
{
    w->super = 65535;
    start(w);
    OPEN(65535);
    SEND(14600);
    SUPER(ACK | PSH, 1, 14600, 1460);
    wire_run(w, 200 * MS);
    SUPER(ACK, 1, 1460, 0);
    IN(ACK, 1, 1461, 0, .wnd = 65535);
    SUPER(ACK, 1461, 2920, 1460);
}

/* Whoever cuts it copies the header to each piece: a pointer would be right in the first alone. */
WIRE_TEST(urgent_text_is_not_put_into_super_segments)
{
    w->super = 65535;
    start(w);
    OPEN(65535);
    wire_send(w, 5000, ESTAB_URGENT, HERE);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(SUPER(ACK | URG, 1 + 1460 * i, 1460, 0)->up, 5000 - 1460 * i);
    SUPER(ACK | PSH | URG, 4381, 620, 0);
    IN(ACK, 1, 5001, 0, .wnd = 65535);
    SEND(4380);
    SUPER(ACK | PSH, 5001, 4380, 1460);
}

WIRE_TEST(the_fin_goes_with_the_last)
{
    w->super = 65535;
    start(w);
    OPEN(0);
    SEND(5000);
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
    IN(ACK, 1, 1, 0, .wnd = 65535);
    SUPER(FIN | ACK | PSH, 1, 5000, 1460);
    IN(ACK, 1, 5002, 0, .wnd = 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
}

/* One that arrives holds several segments: it is acknowledged at once. */
WIRE_TEST(a_super_segment_arrives)
{
    start(w);
    ACCEPT(65535);
    IN(ACK, 1, 1, 20000, .wnd = 65535, .lent = true);
    OUT(0, ACK, 1, 20001, 0);
    RECEIVE(20000);
}

/* ---- checksums ---------------------------------------------------------------------------------------- */

WIRE_TEST(a_device_finishes_checksums)
{
    w->offload = true;
    w->super = 65535;
    start(w);
    OPEN(65535);
    for (uint32_t n = 1, seq = 1; n < 3000; n = n * 2 + 1) {
        SEND(n);
        CHECK(wire_any(w, 0)->len == n);
        seq += n;
        IN(ACK, 1, seq, 0, .wnd = 65535);
    }
    IN(SYN, 5, 0, 0, .sport = 9, .dport = 9); /* and of what no connection owns */
    CHECK_EQ(wire_any(w, 0)->flags, RST | ACK);
}

/* ---- out: pinned text ----------------------------------------------------------------------------------- */

/* Frames that a device keeps: their bytes stay, although they are acknowledged, sent again, and the
 * pool is in use. */
WIRE_TEST(text_stays_until_the_frame_is_done)
{
    static struct estab_frame f[40];
    static uint8_t text[5000];
    size_t n, taken;

    start(w);
    OPEN(65535);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = text_at(i);
    assert_int_equal(estab_send(w->stack, w->conn, text, 5000, 0, &taken, WIRE_START), ESTAB_OK);
    n = estab_output(w->stack, f, 20, WIRE_START);
    CHECK_EQ(n, 4);
    w->now = 200 * MS;
    estab_expire(w->stack, WIRE_START + w->now);
    n += estab_output(w->stack, f + n, 20, WIRE_START + w->now); /* the first, again */
    CHECK_EQ(n, 5);
    wire_in(w, &(struct wire_segment){.flags = ACK, .seq = 1, .ack = 4381, .wnd = 65535});
    memset(text, '?', sizeof text);
    assert_int_equal(estab_send(w->stack, w->conn, text, 5000, 0, &taken, WIRE_START), ESTAB_OK);
    CHECK(wire_counters(w).chunks_used >= 3);
    for (size_t i = 0; i < 5; i++) {
        uint32_t at = i == 4 ? 0 : (uint32_t)i * 1460;

        for (unsigned k = 0; k < f[i].parts; k++)
            for (uint32_t byte = 0; byte < f[i].part[k].length; byte++)
                CHECK_EQ(f[i].part[k].base[byte], text_at(at++));
    }
    assert_int_equal(estab_abort(w->stack, w->conn, WIRE_START + w->now), ESTAB_OK);
    CHECK(wire_counters(w).chunks_used >= 2); /* the frames' */
    estab_output_done(w->stack, f, 5);
    CHECK_EQ(wire_counters(w).chunks_used, 0);
    w->head = w->tail;
}

/* ---- in: vectors and parts ---------------------------------------------------------------------------------- */

static size_t make(struct wire *w, uint8_t *to, uint32_t seq, uint32_t n)
{
    static char text[3000];
    struct made_tcp m = {
        .src = {WIRE_PEER, WIRE_RPORT},
        .dst = {WIRE_OWN, WIRE_PORT},
        .seq = w->irs + seq,
        .ack = w->iss + 1,
        .flags = ACK,
        .window = 65535,
        .text = text,
        .length = n,
    };

    for (uint32_t i = 0; i < n; i++)
        text[i] = (char)text_at(seq - 1 + i);
    return made_tcp(to, &m, true);
}

/* MUST-58, MUST-59: "it MUST process them all before sending any ACK segments". */
WIRE_TEST(a_vector_is_acknowledged_once)
{
    static uint8_t bytes[10][1600];
    struct estab_frame f[10];

    start(w);
    ACCEPT(65535);
    for (uint32_t i = 0; i < 10; i++)
        f[i] = made_frame(bytes[i], make(w, bytes[i], 1 + 1460 * i, 1460), true);
    estab_input(w->stack, f, 10, WIRE_START);
    OUT(0, ACK, 1, 14601, 0);
    QUIET(1 * S);
    RECEIVE(14600);
}

/* The headers together, the text anywhere: cut at every place, into pieces of every size. */
WIRE_TEST(text_in_parts)
{
    static uint8_t bytes[400];
    uint32_t seq = 1;

    start(w);
    ACCEPT(65535);
    for (uint32_t piece = 1; piece <= 60; piece += piece < 20 ? 1 : 7) {
        size_t n = make(w, bytes, seq, 19 * piece < 300 ? 19 * piece : 300);
        struct estab_frame f = made_frame(bytes, n, true);

        f.part[0].length = 40 + piece % 3;
        for (size_t at = f.part[0].length; at < n; at += piece) {
            size_t left = n - at;

            if (f.parts == ESTAB_PARTS_MAX)
                fail_msg("too many parts");
            f.part[f.parts++] = (struct estab_part){
                bytes + at, (uint32_t)(left < piece || f.parts == ESTAB_PARTS_MAX ? left : piece)};
            if (f.parts == ESTAB_PARTS_MAX)
                break;
        }
        estab_input(w->stack, &f, 1, WIRE_START + w->now);
        seq += (uint32_t)n - 40;
        CHECK_EQ(STATUS.rcv_nxt, w->irs + seq);
        CHECK_EQ(wire_reason(w, "TCP_CHECKSUM"), 0);
        RECEIVE(n - 40);
        w->head = w->tail;
    }
    SKIP;
}

/* Its headers in `head`, as output has them: what a link hands from one stack to another. */
WIRE_TEST(headers_in_the_head)
{
    static uint8_t bytes[400];
    struct estab_frame f;
    size_t n;

    start(w);
    ACCEPT(65535);
    for (uint32_t head = 40; head <= 100; head += 20) {
        n = make(w, bytes, 1 + (head - 40) * 5, 100);
        f = made_frame(bytes, n, true);
        memcpy(f.head, bytes, head);
        f.head_length = (uint8_t)head;
        f.part[0] = (struct estab_part){bytes + head, (uint32_t)n - head};
        estab_input(w->stack, &f, 1, WIRE_START);
        RECEIVE(100);
    }
    SKIP;
}

/* A frame whose parts do not hold what its length says. */
WIRE_TEST(a_frame_that_is_not_covered)
{
    static uint8_t bytes[400];
    struct estab_frame f;

    start(w);
    ACCEPT(65535);
    f = made_frame(bytes, make(w, bytes, 1, 100), true);
    f.length++;
    estab_input(w->stack, &f, 1, WIRE_START);
    f.length -= 100;
    estab_input(w->stack, &f, 1, WIRE_START);
    f.parts = 0;
    estab_input(w->stack, &f, 1, WIRE_START);
    f.length = 0;
    estab_input(w->stack, &f, 1, WIRE_START);
    CHECK_EQ(STATUS.rcv_nxt, w->irs + 1);
    CHECK_EQ(wire_reason(w, "FRAME_SHORT"), 2);
    QUIET(1 * S);
}

/* Lent and returned empty, and lent to the last chunk. */
WIRE_TEST(lent_chunks_come_back)
{
    static struct estab_frame f[200];
    size_t n;

    start(w);
    ACCEPT(65535);
    n = estab_input_room(w->stack, f, 200, 65536);
    CHECK(n >= 50 && n < 64);
    CHECK_EQ(wire_counters(w).chunks_lent, n * 16);
    CHECK_EQ(estab_input_room(w->stack, f + n, 1, 4096 * 16), 0);
    estab_input(w->stack, f, n, WIRE_START);
    CHECK_EQ(wire_counters(w).chunks_lent, 0);
    CHECK_EQ(estab_input_room(w->stack, f, 1, 4096 * 21), 0); /* more than a frame holds */
    CHECK_EQ(wire_counters(w).chunks_lent, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_in_super_segments),
        cmocka_unit_test(one_segment_is_no_super_segment),
        cmocka_unit_test(a_super_segment_keeps_to_the_window),
        cmocka_unit_test(a_small_device_gets_small_ones),
        cmocka_unit_test(a_lost_super_segment),
        cmocka_unit_test(urgent_text_is_not_put_into_super_segments),
        cmocka_unit_test(the_fin_goes_with_the_last),
        cmocka_unit_test(a_super_segment_arrives),
        cmocka_unit_test(a_device_finishes_checksums),
        cmocka_unit_test(text_stays_until_the_frame_is_done),
        cmocka_unit_test(a_vector_is_acknowledged_once),
        cmocka_unit_test(text_in_parts),
        cmocka_unit_test(headers_in_the_head),
        cmocka_unit_test(a_frame_that_is_not_covered),
        cmocka_unit_test(lent_chunks_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
