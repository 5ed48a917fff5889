/* SPDX-License-Identifier: MIT */
/*
 * test_text.c - text that arrives in any order, in any pieces, twice, overlapping, borrowed or in
 * chunks that the stack has lent: what the user receives is what was sent, what the window promised
 * is taken, and every chunk comes back.
 *
 * The oracle is an array with a mark for each byte of the stream that has arrived inside the window.
 */
#include "stack/stack.h"
#include "support/random.h"
#include "support/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STREAM 60000

static struct {
    uint8_t here[STREAM + 70000]; /* by place in the stream; sequence number less 1 */
    uint32_t next;                /* the first that is not here */
    uint32_t beyond;              /* how many lie beyond it */
    uint32_t unread;
} oracle;

static struct tcb *tcb_of(struct wire *w)
{
    struct tcp *t = stack_tcp(w->stack);

    return tcp_tcb(t, WHERE_INDEX(tcp_handle(t, handle_find(t, w->conn))->where));
}

static uint32_t chunks_held(const struct tcp *t, uint32_t i)
{
    uint32_t n = 0;

    for (; i != CHUNK_NONE; i = chunk_at(&t->chunks, i)->next)
        n++;
    return n;
}

/* The promise is kept: it covers what is held, and what may still come. */
static void check_promise(struct wire *w)
{
    const struct tcp *t = stack_tcp(w->stack);
    const struct tcb *b = tcb_of(w);
    uint32_t queue = chunks_held(t, b->rcv.text.head), beyond = chunks_held(t, b->rcv.beyond);

    CHECK_EQ(b->rcv.chunks, queue + beyond);
    CHECK_EQ(t->chunks.received, b->rcv.chunks);
    CHECK(b->rcv.chunks <= b->rcv.promised);
    CHECK(queue <= queue_chunks_for(&t->chunks, b->rcv.text.bytes));
    CHECK(queue_chunks_for(&t->chunks, b->rcv.text.bytes + window_now(t, b)) <= b->rcv.promised);
    CHECK_EQ(t->chunks.lent, 0);
}

static void oracle_take(uint32_t first, uint32_t end)
{
    for (; first < end; first++)
        if (!oracle.here[first]) {
            oracle.here[first] = 1;
            oracle.beyond++;
        }
    while (oracle.here[oracle.next]) {
        oracle.next++;
        oracle.beyond--;
        oracle.unread++;
    }
}

/* RFC 9293 section 3.10.7.4, step 1, for text: its first or its last byte is in the window. */
static bool acceptable(uint32_t first, uint32_t n, uint32_t edge)
{
    uint32_t last = first + n - 1;

    return (first >= oracle.next && first < edge) || (last >= oracle.next && last < edge);
}

/*
 * A piece arrives.  In order it must be taken as far as the window goes; beyond a gap it must be,
 * unless the stack says that it had no room (then the oracle forgets what lies beyond, and learns
 * again from what is kept).
 */
static void piece(struct wire *w, uint32_t first, uint32_t n, bool lent)
{
    uint64_t short_before = wire_reason(w, "TEXT_NO_ROOM");
    uint32_t edge, end, got;
    bool in_order;

    wire_pump(w); /* a window update may be on its way */
    edge = oracle.next + STATUS.rcv_wnd;
    end = first + n < edge ? first + n : edge;
    in_order = first <= oracle.next && acceptable(first, n, edge);
    IN(ACK, 1 + first, 1, n, .wnd = 65535, .lent = lent);
    w->head = w->tail;
    got = STATUS.rcv_nxt - w->irs - 1;
    if (wire_reason(w, "TEXT_NO_ROOM") != short_before) {
        CHECK(!in_order || got >= end);
        memset(oracle.here + got, 0, sizeof oracle.here - got);
        memset(oracle.here, 1, got);
        oracle.unread += got - oracle.next;
        oracle.next = got;
        oracle.beyond = 0;
        for (uint32_t i = tcb_of(w)->rcv.beyond; i != CHUNK_NONE;) {
            const struct chunk *c = chunk_at(&stack_tcp(w->stack)->chunks, i);

            oracle_take(c->seq - w->irs - 1, c->seq - w->irs - 1 + c->length);
            i = c->next;
        }
    } else if (acceptable(first, n, edge)) {
        oracle_take(first > oracle.next ? first : oracle.next, end);
    }
    CHECK_EQ(got, oracle.next);
    CHECK_EQ(STATUS.out_of_order, oracle.beyond);
    CHECK_EQ(STATUS.receive_queued, oracle.unread);
    check_promise(w);
}

static void read_some(struct wire *w, uint32_t n)
{
    if (n > oracle.unread)
        n = oracle.unread;
    if (n == 0)
        return;
    RECEIVE(n);
    oracle.unread -= n;
    w->head = w->tail;
}

static void begin(struct wire *w, const struct estab_config *c)
{
    memset(&oracle, 0, sizeof oracle);
    wire_start(w, c);
    ACCEPT(65535);
    w->head = w->tail;
}

/* ---- by hand ------------------------------------------------------------------------------------- */

static struct estab_config small_config(uint32_t chunk_bytes, uint32_t buffer)
{
    struct estab_config c = wire_config();

    c.chunks = 256;
    c.chunk_bytes = chunk_bytes;
    c.receive_reserve = c.receive_buffer = buffer;
    return c;
}

WIRE_TEST(in_order)
{
    struct estab_config c = small_config(512, 8192);

    begin(w, &c);
    for (uint32_t i = 0; i < 20; i++) {
        piece(w, i * 100, 100, i % 2);
        read_some(w, i * 13);
    }
    read_some(w, 9999);
}

WIRE_TEST(backwards)
{
    struct estab_config c = small_config(512, 8192);

    begin(w, &c);
    for (uint32_t i = 20; i-- > 0;)
        piece(w, i * 100, 100, i % 2);
    CHECK_EQ(oracle.next, 2000);
    read_some(w, 9999);
}

/* One byte each, every other one first: more pieces than there are chunks. */
WIRE_TEST(single_bytes)
{
    struct estab_config c = small_config(512, 8192);

    begin(w, &c);
    for (uint32_t i = 1; i < 2000; i += 2)
        piece(w, i, 1, false);
    CHECK(wire_reason(w, "TEXT_NO_ROOM") > 0);
    for (uint32_t i = 0; i < 2000; i++)
        piece(w, i, 1, i % 3 == 0);
    CHECK_EQ(oracle.next, 2000);
    read_some(w, 9999);
}

WIRE_TEST(pieces_that_overlap)
{
    struct estab_config c = small_config(512, 8192);

    begin(w, &c);
    piece(w, 100, 100, false);
    piece(w, 300, 100, false);
    piece(w, 150, 200, true); /* joins both */
    piece(w, 50, 500, false); /* around all of them */
    piece(w, 100, 50, false); /* nothing new */
    piece(w, 0, 60, true);
    CHECK_EQ(oracle.next, 550);
    piece(w, 0, 600, true); /* old and new */
    CHECK_EQ(oracle.next, 600);
    read_some(w, 9999);
}

/* What was received first stays; a copy that differs changes nothing. */
WIRE_TEST(the_first_copy_stays)
{
    struct estab_config c = small_config(512, 8192);
    char other[300];

    memset(other, '?', sizeof other);
    begin(w, &c);
    IN(ACK, 101, 1, 100, .wnd = 65535);
    IN(ACK, 101, 1, 100, .wnd = 65535, .text = other);
    IN(ACK, 151, 1, 50, .wnd = 65535, .text = other);
    IN(ACK, 1, 1, 101, .wnd = 65535);
    IN(ACK, 1, 1, 200, .wnd = 65535, .text = other);
    RECEIVE(200);
    w->head = w->tail;
}

/* Trimmed; but what begins before the window and ends beyond it, the RFC's table refuses. */
WIRE_TEST(a_segment_larger_than_the_window)
{
    struct estab_config c = small_config(1024, 2048);

    begin(w, &c);
    piece(w, 0, 500, false);
    piece(w, 0, 60000, true);
    CHECK_EQ(oracle.next, 500);
    piece(w, 500, 60000, true);
    CHECK_EQ(oracle.next, 2048);
    piece(w, 2048, 60000, false);
    read_some(w, 2048);
    piece(w, 2048, 60000, false);
    CHECK_EQ(oracle.next, 4096);
    read_some(w, 2048);
}

/*
 * The worst that a peer can do to a promise: chunks that a device has filled, next to others of
 * which all but the end was already received.  Three chunks each hold as little as one.
 */
WIRE_TEST(the_promise_holds_against_scattered_chunks)
{
    struct estab_config c = wire_config();
    uint32_t at = 0, first = 4096 - 40; /* of text in the first chunk of a frame, bare IP */

    c.receive_reserve = c.receive_buffer = 32768;
    begin(w, &c);
    while (STATUS.rcv_wnd > 5000) {
        piece(w, at + 1, 4096, false);
        piece(w, at, first, true);
        at = oracle.next;
        piece(w, at, 41, false);
        at += 41;
    }
    while (STATUS.rcv_wnd > 0) {
        piece(w, at, 1, false);
        at = oracle.next;
    }
    read_some(w, 99999);
}

/* ---- at random --------------------------------------------------------------------------------------- */

static uint32_t random_length(uint64_t *random)
{
    switch (random_next(random) % 4) {
    case 0:
        return 1;
    case 1:
        return 1 + (uint32_t)(random_next(random) % 20);
    case 2:
        return 1 + (uint32_t)(random_next(random) % 1460);
    default:
        return 1 + (uint32_t)(random_next(random) % 5000);
    }
}

static void random_step(struct wire *w, uint64_t *random, uint32_t stream)
{
    uint32_t n = random_length(random), first = oracle.next;
    uint32_t window = STATUS.rcv_wnd;

    switch (random_next(random) % 8) {
    case 0: /* old, or partly */
        first -= (uint32_t)(random_next(random) % 3000) % (first + 1);
        break;
    case 1:
    case 2:
    case 3: /* ahead, also beyond the window */
        first += (uint32_t)(random_next(random) % (window + 200));
        break;
    case 4:
        first += 1 + (uint32_t)(random_next(random) % 10);
        break;
    default:
        break;
    }
    if (first >= stream)
        first = oracle.next;
    if (first + n > stream)
        n = stream - first;
    piece(w, first, n, random_next(random) % 2);
    if (random_next(random) % 3 == 0)
        read_some(w, random_length(random));
    if (random_next(random) % 50 == 0)
        read_some(w, STREAM);
    if (random_next(random) % 20 == 0)
        wire_run(w, w->now + 40 * MS);
}

static void random_run(uint64_t seed)
{
    struct wire *w = calloc(1, sizeof *w);
    uint64_t random = seed;
    struct estab_config c = wire_config();
    uint32_t stream = 1 + (uint32_t)(random_next(&random) % 20000);

    assert_non_null(w);
    c.chunk_bytes = 512u << random_next(&random) % 4;
    c.receive_buffer = 1024 + (uint32_t)(random_next(&random) % 16384);
    c.receive_reserve = 512 + (uint32_t)(random_next(&random) % (c.receive_buffer - 511));
    c.chunks = 64 + 2 * c.receive_reserve / (c.chunk_bytes - 160);
    c.chunks += (uint32_t)(random_next(&random) % 128);
    w->iss = (uint32_t)random_next(&random);
    w->irs = (uint32_t) - (random_next(&random) % 30000);
    begin(w, &c);
    while (oracle.next < stream) {
        uint32_t before = oracle.next;

        for (int i = 0; i < 16 && oracle.next < stream; i++)
            random_step(w, &random, stream);
        if (oracle.next == before) /* closed: the user takes something */
            read_some(w, STREAM);
    }
    read_some(w, STREAM);
    wire_stop(w);
    free(w);
}

static uint64_t running;

static int print_seed(void **state)
{
    (void)state;
    if (running != UINT64_MAX)
        print_error("random_run(%llu) replays it\n", (unsigned long long)running);
    return 0;
}

/* SHLD-31. */
static void random_segmentations(void **state)
{
    (void)state;
    for (running = 0; running < 10000; running++)
        random_run(running);
    running = UINT64_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(backwards),
        cmocka_unit_test(single_bytes),
        cmocka_unit_test(pieces_that_overlap),
        cmocka_unit_test(the_first_copy_stays),
        cmocka_unit_test(a_segment_larger_than_the_window),
        cmocka_unit_test(the_promise_holds_against_scattered_chunks),
        cmocka_unit_test_teardown(random_segmentations, print_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
