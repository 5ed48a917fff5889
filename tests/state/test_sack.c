/* SPDX-License-Identifier: MIT */
/*
 * test_sack.c - selective acknowledgments: who may send them, which blocks a receiver tells and in
 * which order (RFC 2018 section 4), duplicates (RFC 2883 section 4), and what a sender counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/trace.h"
#include "support/random.h"
#include "support/wire.h"

#define BLOCK(l, r) {(l), (r)}

static void start(struct wire *w)
{
    struct estab_config c = wire_config();

    wire_start(w, &c);
}

/* The next segment tells exactly these blocks; all numbers count from the peer's ISN. */
static void told(struct wire *w, uint32_t ack, unsigned n, const uint32_t (*want)[2], int line)
{
    const struct wire_segment *s = wire_out(w, w->now, ACK, 1, ack, 0, __FILE__, line);

    if (s->sacks != n)
        wire_fail(w, __FILE__, line, "%u blocks, not %u", s->sacks, n);
    for (unsigned i = 0; i < n; i++)
        if (s->sack[i].left != want[i][0] || s->sack[i].right != want[i][1])
            wire_fail(w, __FILE__, line, "block %u is %u:%u, not %u:%u", i, s->sack[i].left,
                      s->sack[i].right, want[i][0], want[i][1]);
}

#define TOLD(ack, ...)                                                                             \
    do {                                                                                           \
        const uint32_t want_[][2] = {__VA_ARGS__};                                                 \
        told(w, ack, sizeof want_ / sizeof want_[0], want_, __LINE__);                             \
    } while (0)
#define TOLD_NOTHING(ack) told(w, ack, 0, NULL, __LINE__)

/* ---- who may ------------------------------------------------------------------------------------- */

WIRE_TEST(a_syn_permits_it)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};

    start(w);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    CHECK(OUT(0, SYN, 0, 0, 0)->sack_ok);
}

WIRE_TEST(a_syn_without_it)
{
    struct estab_open open = {.size = sizeof open,
                              .local = {WIRE_OWN, WIRE_PORT},
                              .remote = {WIRE_PEER, WIRE_RPORT},
                              .fixed_iss = true,
                              .iss = w->iss};
    struct estab_config c = wire_config();

    c.sack = false;
    wire_start(w, &c);
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    CHECK(!OUT(0, SYN, 0, 0, 0)->sack_ok);
}

WIRE_TEST(a_syn_ack_permits_it_only_if_the_syn_did)
{
    start(w);
    ACCEPT(65535, .sack_ok = true);
    CHECK(w->queue[0].sack_ok);
    CHECK(STATUS.sack);
    wire_stop(w);
    *w = (struct wire){.iss = w->iss, .irs = w->irs};
    start(w);
    ACCEPT(65535);
    CHECK(!w->queue[0].sack_ok);
    CHECK(!STATUS.sack);
}

/* "If the data receiver has not received a SACK-Permitted option for a given connection, it MUST NOT
 * send SACK options on that connection." */
WIRE_TEST(no_blocks_without_permission)
{
    start(w);
    OPEN(65535);
    CHECK(!STATUS.sack);
    IN(ACK, 101, 1, 100, .wnd = 65535);
    TOLD_NOTHING(1);
    CHECK(!STATUS.cold);
}

/* ---- which blocks ---------------------------------------------------------------------------------- */

/* RFC 2018 section 4: the first block holds what has just arrived, the others what was told last. */
WIRE_TEST(the_latest_block_is_the_first)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK, 101, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(101, 201));
    CHECK(STATUS.cold);
    IN(ACK, 301, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(301, 401), BLOCK(101, 201));
    IN(ACK, 501, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(501, 601), BLOCK(301, 401), BLOCK(101, 201));
    IN(ACK, 201, 1, 50, .wnd = 65535); /* grows */
    TOLD(1, BLOCK(101, 251), BLOCK(501, 601), BLOCK(301, 401));
    IN(ACK, 401, 1, 100, .wnd = 65535); /* joins two */
    TOLD(1, BLOCK(301, 601), BLOCK(101, 251));
    IN(ACK, 1, 1, 100, .wnd = 65535); /* the first gap is filled */
    TOLD(251, BLOCK(301, 601));
    IN(ACK, 251, 1, 50, .wnd = 65535);
    TOLD_NOTHING(601);
    CHECK(!STATUS.cold);
    RECEIVE(600);
}

/* Four blocks fit, with timestamps three; the oldest is forgotten. */
WIRE_TEST(as_many_as_fit)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    for (uint32_t i = 1; i <= 5; i++) {
        IN(ACK, 200 * i, 1, 100, .wnd = 65535);
        if (i < 5)
            SKIP;
    }
    TOLD(1, BLOCK(1000, 1100), BLOCK(800, 900), BLOCK(600, 700), BLOCK(400, 500));
}

WIRE_TEST(three_with_timestamps)
{
    struct estab_config c = wire_config();

    c.timestamps = true;
    wire_start(w, &c);
    OPEN(65535, .sack_ok = true, .ts = true, .tsval = 9);
    for (uint32_t i = 1; i <= 4; i++) {
        IN(ACK, 200 * i, 1, 100, .wnd = 65535, .ts = true, .tsval = 9);
        if (i < 4)
            SKIP;
    }
    TOLD(1, BLOCK(800, 900), BLOCK(600, 700), BLOCK(400, 500));
}

/* The option goes along with text, which has less room then. */
WIRE_TEST(text_makes_room_for_blocks)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK, 101, 1, 100, .wnd = 65535);
    SKIP;
    SEND(3000);
    CHECK_EQ(OUT(0, ACK, 1, 1, 1448)->sacks, 1);
    CHECK_EQ(OUT(0, ACK, 1449, 1, 1448)->sacks, 1);
    CHECK_EQ(OUT(0, ACK | PSH, 2897, 1, 104)->sacks, 1);
}

/* A FIN has a sequence number, too. */
WIRE_TEST(a_fin_beyond_a_gap_is_in_the_block)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK | FIN, 101, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(101, 202));
}

/* And by how much, from where on: pieces of one byte here. */
static bool dropped_is_traced(struct wire *w)
{
    struct estab_trace t;

    wire_pump(w);
    while (estab_trace_next(w->stack, &t))
        if (t.kind == TRACE_OUT_OF_ORDER)
            return t.arg[1] == 1;
    return false;
}

/* RFC 2018 section 8 lets a receiver drop what it has told; it does not tell of it any more. */
WIRE_TEST(dropped_text_is_not_told)
{
    struct estab_config c = wire_config();
    uint32_t last = 0;

    c.chunk_bytes = 512;
    c.receive_reserve = c.receive_buffer = 4096;
    c.chunks = 128;
    c.trace_records = 4096;
    wire_start(w, &c);
    OPEN(65535, .sack_ok = true);
    for (uint32_t seq = 11; seq < 4000; seq += 20) { /* one byte each in a chunk of its own */
        IN(ACK, seq, 1, 1, .wnd = 65535);
        SKIP;
        if (STATUS.out_of_order > last)
            last = STATUS.out_of_order;
    }
    IN(ACK, 1, 1, 10, .wnd = 65535); /* takes its chunks from the furthest */
    SKIP;
    CHECK(wire_reason(w, "TEXT_NO_ROOM") > 0);
    CHECK(last > 4);
    CHECK(dropped_is_traced(w));
}

/* ---- duplicates (RFC 2883 section 4) -------------------------------------------------------------------- */

WIRE_TEST(text_left_of_the_window_is_told_once)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK, 1, 1, 100, .wnd = 65535);
    wire_run(w, 1 * S);
    SKIP;
    IN(ACK, 1, 1, 100, .wnd = 65535); /* 4.1.1: a duplicate segment */
    TOLD(101, BLOCK(1, 101));
    IN(ACK, 1, 1, 40, .wnd = 65535);
    TOLD(101, BLOCK(1, 41));
    CHECK(!STATUS.cold);
    SEND(1);
    CHECK_EQ(OUT(1 * S, ACK | PSH, 1, 101, 1)->sacks, 0);
}

/* 4.1.3, 4.2.1: in front of the others; a part of the segment is new. */
WIRE_TEST(a_partial_duplicate)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK, 1, 1, 100, .wnd = 65535);
    wire_run(w, 1 * S);
    SKIP;
    IN(ACK, 201, 1, 100, .wnd = 65535);
    TOLD(101, BLOCK(201, 301));
    IN(ACK, 51, 1, 100, .wnd = 65535);
    TOLD(151, BLOCK(51, 101), BLOCK(201, 301));
}

/* 4.2.2: inside a block: that block follows. */
WIRE_TEST(a_duplicate_beyond_the_gap)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    IN(ACK, 101, 1, 300, .wnd = 65535);
    TOLD(1, BLOCK(101, 401));
    IN(ACK, 501, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(501, 601), BLOCK(101, 401));
    IN(ACK, 201, 1, 100, .wnd = 65535);
    TOLD(1, BLOCK(201, 301), BLOCK(101, 401), BLOCK(501, 601));
    IN(ACK, 401, 1, 300, .wnd = 65535); /* new, twice, new */
    TOLD(1, BLOCK(501, 601), BLOCK(101, 701));
}

/* ---- what the sender hears ---------------------------------------------------------------------------------- */

WIRE_TEST(a_sender_counts_blocks)
{
    start(w);
    OPEN(65535, .sack_ok = true);
    SEND(4 * 1460);
    SKIP;
    IN(ACK, 1, 1, 0, .wnd = 65535, .sacks = 1, .sack = {{1461, 2921}});
    CHECK_EQ(STATUS.sack_blocks, 1);
    IN(ACK, 1, 1461, 0, .wnd = 65535, .sacks = 2, .sack = {{1, 1461}, {2921, 4381}});
    CHECK_EQ(STATUS.sack_blocks, 3);
    CHECK_EQ(STATUS.dsack_blocks, 1);
    IN(ACK, 1, 1461, 0, .wnd = 65535, .sacks = 2, .sack = {{2921, 3000}, {2921, 4381}});
    CHECK_EQ(STATUS.dsack_blocks, 2);
    /* What cannot be ours: upside down, or never sent. */
    IN(ACK, 1, 1461, 0, .wnd = 65535, .sacks = 2, .sack = {{2921, 2921}, {2921, 100000}});
    CHECK_EQ(STATUS.sack_blocks, 5);
    SKIP;
}

/* ---- at random -------------------------------------------------------------------------------------------------- */

enum { STREAM = 3000 };

/* Every block is text that was received and not acknowledged, or the first one a duplicate; the block
 * behind it, or the first, holds what has just arrived. */
static void honest(struct wire *w, const struct wire_segment *s, const uint8_t *here, uint32_t seq)
{
    unsigned first = 0;

    if (s->sacks > 0 && s->sack[0].left < s->ack)
        first = 1;
    else if (s->sacks > 1 && s->sack[1].left <= s->sack[0].left && s->sack[0].right <= s->sack[1].right)
        first = 1;
    for (unsigned i = 0; i < s->sacks; i++)
        for (uint32_t k = s->sack[i].left; k != s->sack[i].right; k++)
            if (k > STREAM || !here[k])
                wire_fail(w, HERE, "block %u tells of %u, which was never sent", i, k);
    for (unsigned i = first; i < s->sacks; i++) {
        CHECK(s->sack[i].left > s->ack);
        CHECK(!here[s->sack[i].left - 1] && !here[s->sack[i].right]); /* all of the run */
    }
    if (seq > s->ack)
        CHECK(s->sacks > first && s->sack[first].left <= seq && seq < s->sack[first].right);
}

static void random_arrivals(struct wire *w, uint64_t seed)
{
    static uint8_t here[STREAM + 2];
    uint64_t random = seed;
    struct estab_config c = wire_config();

    c.chunk_bytes = 512; /* room for as many gaps as come */
    c.chunks = 1024;
    memset(here, 0, sizeof here);
    wire_start(w, &c);
    OPEN(65535, .sack_ok = true);
    SKIP;
    for (unsigned i = 0; i < 100; i++) {
        uint32_t seq = 1 + (uint32_t)(random_next(&random) % STREAM);
        uint32_t n = 1 + (uint32_t)(random_next(&random) % 200);
        const struct wire_segment *s;

        if (n > STREAM + 1 - seq)
            n = STREAM + 1 - seq;
        memset(here + seq, 1, n);
        IN(ACK, seq, 1, n, .wnd = 65535);
        s = wire_any(w, w->now + 50 * MS);
        if (s)
            honest(w, s, here, seq);
    }
    SKIP;
}

WIRE_TEST(blocks_are_true)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        random_arrivals(w, seed);
        wire_stop(w);
        *w = (struct wire){.iss = w->iss, .irs = w->irs};
    }
    start(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_syn_permits_it),
        cmocka_unit_test(a_syn_without_it),
        cmocka_unit_test(a_syn_ack_permits_it_only_if_the_syn_did),
        cmocka_unit_test(no_blocks_without_permission),
        cmocka_unit_test(the_latest_block_is_the_first),
        cmocka_unit_test(as_many_as_fit),
        cmocka_unit_test(three_with_timestamps),
        cmocka_unit_test(text_makes_room_for_blocks),
        cmocka_unit_test(a_fin_beyond_a_gap_is_in_the_block),
        cmocka_unit_test(dropped_text_is_not_told),
        cmocka_unit_test(text_left_of_the_window_is_told_once),
        cmocka_unit_test(a_partial_duplicate),
        cmocka_unit_test(a_duplicate_beyond_the_gap),
        cmocka_unit_test(a_sender_counts_blocks),
        cmocka_unit_test(blocks_are_true),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
