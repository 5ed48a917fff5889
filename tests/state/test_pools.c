/* SPDX-License-Identifier: MIT */
/*
 * test_pools.c - pools that run out refuse what is new, by name and with a counter, and harm nothing
 * that exists; and the memory that a connection is said to own is what the pools have lost to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack/stack.h"
#include "support/made_frame.h"
#include "support/random.h"
#include "support/wire.h"

#define CLOSED ESTAB_EVENT_CLOSED

static struct estab_config config(void)
{
    struct estab_config c = wire_config();

    c.receive_reserve = c.receive_buffer = 8192;
    return c;
}

static enum estab_error open_another(struct wire *w, unsigned rport, estab_conn *conn)
{
    struct estab_open open = {.size = sizeof open, .remote = {WIRE_PEER, (uint16_t)rport}};

    return estab_open(w->stack, &open, conn, WIRE_START + w->now);
}

static void listen_on(struct wire *w, unsigned port, unsigned backlog)
{
    struct estab_listen listen = {
        .size = sizeof listen, .local.port = (uint16_t)port, .backlog = backlog};

    assert_int_equal(estab_listen(w->stack, &listen, &w->listener), ESTAB_OK);
}

/* A peer of another port: its SYN, and its ACK of our SYN. */
static void syn(struct wire *w, unsigned rport)
{
    IN(SYN, 1000, 0, 0, .wnd = 65535, .sport = (uint16_t)rport);
}

static void ack(struct wire *w, unsigned rport, uint32_t seq, uint32_t ack_, uint32_t n)
{
    IN(ACK, seq, ack_, n, .wnd = 65535, .sport = (uint16_t)rport);
}

/* Handshake with such a peer; the number of our SYN, or 0: no answer came. */
static uint32_t handshake(struct wire *w, unsigned rport)
{
    const struct wire_segment *s;

    SKIP;
    syn(w, rport);
    s = wire_any(w, w->now);
    if (!s || s->flags != (SYN | ACK))
        return 0;
    ack(w, rport, 1001, s->seq + 1, 0);
    return s->seq;
}

/* The connection of the test still works in both directions. */
static void unharmed(struct wire *w, const char *file, int line)
{
    struct estab_status st = STATUS;
    uint32_t una = st.snd_una - st.iss, nxt = st.rcv_nxt - st.irs;

    SKIP;
    wire_send(w, 10, 0, file, line);
    wire_out(w, w->now, ACK | PSH, una, nxt, 10, file, line);
    IN(ACK, nxt, una + 10, 3000, .wnd = 65535);
    wire_receive(w, 3000, file, line);
    wire_run(w, w->now + 40 * MS);
    SKIP;
}

#define UNHARMED unharmed(w, HERE)

/* ---- each pool ---------------------------------------------------------------------------------------- */

WIRE_TEST(connections_run_out_for_open)
{
    struct estab_config c = config();
    estab_conn conn[3], no;

    c.connections = 3;
    wire_start(w, &c);
    OPEN(65535);
    assert_int_equal(open_another(w, 81, &conn[0]), ESTAB_OK);
    assert_int_equal(open_another(w, 82, &conn[1]), ESTAB_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(open_another(w, 83, &no), ESTAB_NO_RESOURCES);
    CHECK_EQ(no.generation, 0);
    UNHARMED;
    CHECK_EQ(wire_counters(w).connections, 3);
    assert_int_equal(estab_abort(w->stack, conn[0], WIRE_START + w->now), ESTAB_OK);
    assert_int_equal(open_another(w, 83, &conn[2]), ESTAB_OK);
    CHECK_EQ(wire_counters(w).connections_peak, 3);
    UNHARMED;
}

WIRE_TEST(connections_run_out_for_a_listener)
{
    struct estab_config c = config();
    estab_conn conn[2];
    uint32_t iss;

    c.connections = 3;
    wire_start(w, &c);
    OPEN(65535);
    assert_int_equal(open_another(w, 81, &conn[0]), ESTAB_OK);
    assert_int_equal(open_another(w, 82, &conn[1]), ESTAB_OK);
    listen_on(w, WIRE_PORT, 4);
    iss = handshake(w, 5000);
    CHECK_EQ(wire_reason(w, "LISTEN_CONNECTIONS"), 1);
    CHECK_EQ(wire_counters(w).records, 1); /* it may still be promoted */
    UNHARMED;
    ack(w, 5000, 1001, iss + 1, 100);
    CHECK_EQ(wire_reason(w, "LISTEN_CONNECTIONS"), 2);
    assert_int_equal(estab_abort(w->stack, conn[0], WIRE_START + w->now), ESTAB_OK);
    SKIP;
    ack(w, 5000, 1001, iss + 1, 100); /* its text again */
    CHECK_EQ(wire_counters(w).records, 0);
    assert_int_equal(estab_accept(w->stack, w->listener, &conn[0]), ESTAB_OK);
    CHECK_EQ(wire_status(w, conn[0]).receive_queued, 100);
    UNHARMED;
}

WIRE_TEST(records_run_out)
{
    struct estab_config c = config();

    c.records = 2;
    c.syn_cookies = 0;
    wire_start(w, &c);
    OPEN(65535);
    listen_on(w, WIRE_PORT, 10);
    for (unsigned i = 0; i < 5; i++)
        syn(w, 5000 + i);
    CHECK_EQ(wire_reason(w, "LISTEN_RECORDS"), 3);
    CHECK_EQ(wire_counters(w).records, 2);
    UNHARMED;
}

WIRE_TEST(the_backlog_runs_out)
{
    struct estab_config c = config();
    estab_conn conn;

    c.syn_cookies = 0;
    wire_start(w, &c);
    OPEN(65535);
    listen_on(w, WIRE_PORT, 2);
    CHECK(handshake(w, 5000)); /* waits for accept */
    syn(w, 5001);
    syn(w, 5002);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
    assert_int_equal(estab_accept(w->stack, w->listener, &conn), ESTAB_OK);
    CHECK(handshake(w, 5002));
    CHECK(!handshake(w, 5003));
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 2);
    UNHARMED;
}

/* What has not answered for an RTO makes room; what is in time, or established, does not. BAD-18. */
WIRE_TEST(an_old_half_open_one_makes_room)
{
    struct estab_config c = config();

    c.records = 3;
    c.syn_cookies = 0;
    wire_start(w, &c);
    OPEN(65535);
    listen_on(w, WIRE_PORT, 3);
    CHECK(handshake(w, 5000));
    syn(w, 5001);
    wire_run(w, 600 * MS);
    syn(w, 5002);
    syn(w, 5003);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 1);
    wire_run(w, 1 * S);
    syn(w, 5003); /* in the place of 5001 */
    CHECK_EQ(wire_reason(w, "LISTEN_RECYCLED"), 1);
    syn(w, 5004);
    CHECK_EQ(wire_reason(w, "LISTEN_BACKLOG"), 2);
    wire_run(w, 1600 * MS);
    CHECK(handshake(w, 5004)); /* of 5002 */
    CHECK_EQ(wire_reason(w, "LISTEN_RECYCLED"), 2);
    CHECK_EQ(wire_counters(w).connections, 3);
    UNHARMED;
}

WIRE_TEST(listeners_run_out)
{
    struct estab_config c = config();
    struct estab_listen listen = {.size = sizeof listen, .backlog = 1};
    struct estab_open passive = {.size = sizeof passive, .passive = true};
    estab_listener l[4];
    estab_conn conn;

    c.listeners = 2;
    wire_start(w, &c);
    OPEN(65535);
    for (unsigned i = 0; i < 4; i++) {
        listen.local.port = (uint16_t)(100 + i);
        assert_int_equal(estab_listen(w->stack, &listen, &l[i]),
                         i < 2 ? ESTAB_OK : ESTAB_NO_RESOURCES);
    }
    passive.local.port = 200;
    assert_int_equal(estab_open(w->stack, &passive, &conn, WIRE_START), ESTAB_NO_RESOURCES);
    CHECK_EQ(wire_counters(w).connections, 1);
    UNHARMED;
    assert_int_equal(estab_listen_end(w->stack, l[0], WIRE_START + w->now), ESTAB_OK);
    assert_int_equal(estab_open(w->stack, &passive, &conn, WIRE_START + w->now), ESTAB_OK);
    w->listener = l[1];
    assert_int_equal(estab_abort(w->stack, conn, WIRE_START + w->now), ESTAB_OK);
}

/* The text pool: what is promised to windows is there, and only the rest is anybody else's. */
WIRE_TEST(chunks_run_out)
{
    struct estab_config c = config();
    estab_conn conn[16];
    enum estab_error error;
    uint32_t iss;
    unsigned opened = 0;

    c.chunks = 72; /* a promise of 8192 bytes takes 8, and one is for what it sends first */
    wire_start(w, &c);
    OPEN(65535);
    IN(ACK, 1, 1, 8192, .wnd = 65535); /* the user takes nothing */
    listen_on(w, WIRE_PORT, 4);
    iss = 0;
    while (open_another(w, 81 + opened, &conn[opened]) == ESTAB_OK)
        if (++opened == 5) {
            SKIP;
            syn(w, 5000); /* has its record, but will find no window */
            iss = wire_any(w, w->now)->seq;
        }
    CHECK_EQ(opened, 6); /* an eighth of the pool stays for senders */
    syn(w, 5001);
    CHECK_EQ(wire_reason(w, "LISTEN_TEXT_POOL"), 1);
    ack(w, 5000, 1001, iss + 1, 0);
    CHECK_EQ(wire_reason(w, "LISTEN_TEXT_POOL"), 2);
    SKIP;
    CHECK_EQ(wire_send_some(w, 10, 0, &error), 10); /* who was there before can still send */
    CHECK_EQ(error, ESTAB_OK);
    OUT(w->now, ACK | PSH, 1, 8193, 10);
    CHECK_EQ(wire_counters(w).chunks_promised, 7 * 9 - 1);
    RECEIVE(8192);
    IN(ACK, 8193, 11, 4000, .wnd = 65535); /* as promised */
    RECEIVE(4000);
    assert_int_equal(estab_abort(w->stack, conn[0], WIRE_START), ESTAB_OK);
    SKIP;
    ack(w, 5000, 1001, iss + 1, 0);
    CHECK_EQ(wire_counters(w).records, 0);
    assert_int_equal(estab_abort(w->stack, conn[1], WIRE_START), ESTAB_OK);
    UNHARMED;
}

/* A sender that got no chunk goes on when there is one. */
WIRE_TEST(a_sender_waits_for_chunks)
{
    struct estab_config c = config();
    enum estab_error error;
    size_t taken;

    c.chunks = 64;
    c.chunk_bytes = 1024; /* the promise takes 22 of them: 42 are left */
    c.send_buffer = 65536;
    wire_start(w, &c);
    OPEN(65535);
    taken = wire_send_some(w, 65536, 0, &error);
    CHECK_EQ(error, ESTAB_AGAIN);
    CHECK_EQ(taken, 42 * 1024);
    while (wire_any(w, w->now))
        ;
    IN(ACK, 1, 1 + 14600, 0, .wnd = 65535);
    CHECK(w->events & ESTAB_EVENT_WRITABLE);
    CHECK_EQ(wire_send_some(w, 20000, 0, &error), 14 * 1024);
    SKIP;
}

/* Peers with a zero window cannot keep others from sending: each connection has a chunk of its own,
 * every time that all it had queued is acknowledged. */
WIRE_TEST(others_text_leaves_a_sender_its_chunk)
{
    static const uint8_t text[65536];
    struct estab_config c = config();
    enum estab_error error;
    estab_conn greedy;
    size_t taken;
    uint32_t iss;

    c.chunks = 64;
    c.chunk_bytes = 1024; /* of 22 the promise of 8192, one the sender's: 18 are left */
    c.send_buffer = 65536;
    wire_start(w, &c);
    OPEN(65535);
    listen_on(w, WIRE_PORT, 4);
    iss = handshake(w, 5000);
    assert_int_equal(estab_accept(w->stack, w->listener, &greedy), ESTAB_OK);
    IN(ACK, 1001, iss + 1, 0, .wnd = 0, .sport = 5000);
    assert_int_equal(estab_send(w->stack, greedy, text, sizeof text, 0, &taken, WIRE_START),
                     ESTAB_AGAIN);
    CHECK_EQ(taken, (64 - 2 * 22 - 1) * 1024);
    CHECK_EQ(wire_counters(w).chunks_used + wire_counters(w).chunks_promised, 64);
    SKIP;
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_EQ(wire_send_some(w, 3000, 0, &error), 1024);
        CHECK_EQ(error, ESTAB_AGAIN);
        w->events = 0;
        OUT(w->now, ACK | PSH, 1 + 1024 * i, 1, 1024);
        IN(ACK, 1, 1 + 1024 * (i + 1), 0, .wnd = 65535);
        CHECK(w->events & ESTAB_EVENT_WRITABLE);
    }
}

/* A window that has grown is given back as its user reads, once the pool runs low: the edge that was
 * told stays, and what was promised inside it arrives. */
WIRE_TEST(a_grown_window_is_given_back)
{
    struct estab_config c = config();
    uint32_t seq = 1, edge;
    estab_conn conn;
    unsigned more = 0;

    c.chunks = 100;
    c.receive_buffer = 65536; /* 37 chunks */
    c.tuning = false;         /* to which it grows by text alone */
    wire_start(w, &c);
    OPEN(65535);
    for (int i = 0; i < 20; i++, seq += 4000) {
        IN(ACK, seq, 1, 4000, .wnd = 65535);
        RECEIVE(4000);
        SKIP;
    }
    CHECK(STATUS.rcv_wnd > 50000);
    CHECK(wire_counters(w).chunks_promised > 30);
    while (open_another(w, 81 + more, &conn) == ESTAB_OK)
        more++;
    CHECK_EQ(more, 5);
    edge = STATUS.rcv_nxt + STATUS.rcv_wnd;
    for (int i = 0; i < 40; i++, seq += 2000) {
        IN(ACK, seq, 1, 2000, .wnd = 65535);
        RECEIVE(2000);
        SKIP;
        CHECK((int32_t)(STATUS.rcv_nxt + STATUS.rcv_wnd - edge) >= 0);
        edge = STATUS.rcv_nxt + STATUS.rcv_wnd;
    }
    CHECK(STATUS.rcv_wnd >= 8000);
    CHECK(STATUS.rcv_wnd < 55000);
    assert_int_equal(open_another(w, 81 + more, &conn), ESTAB_OK);
    UNHARMED;
}

WIRE_TEST(replies_run_out)
{
    struct estab_config c = config();
    static uint8_t bytes[10][100];
    struct estab_frame f[10];
    unsigned resets = 0;

    c.replies = 4;
    wire_start(w, &c);
    OPEN(65535);
    for (unsigned i = 0; i < 10; i++) {
        struct made_tcp m = {
            .src = {WIRE_PEER, 7}, .dst = {WIRE_OWN, (uint16_t)(i + 1)}, .flags = SYN, .text = ""};

        f[i] = made_frame(bytes[i], made_tcp(bytes[i], &m, true), true);
    }
    estab_input(w->stack, f, 10, WIRE_START);
    while (wire_any(w, 0))
        resets++;
    CHECK_EQ(resets, 4);
    CHECK_EQ(wire_reason(w, "REPLIES_FULL"), 6);
    UNHARMED;
}

/* TIME-WAIT without a record stays a TCB, and lasts no shorter. */
WIRE_TEST(time_wait_without_a_record)
{
    struct estab_config c = config();

    c.records = 1;
    wire_start(w, &c);
    OPEN(65535);
    listen_on(w, WIRE_PORT, 4);
    syn(w, 5000);
    SKIP;
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
    OUT(0, FIN | ACK, 1, 1, 0);
    IN(FIN | ACK, 1, 2, 0, .wnd = 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    CHECK(!STATUS.record);
    wire_run(w, 60 * S - 1);
    CHECK_EQ(STATUS.state, ESTAB_STATE_TIME_WAIT);
    wire_run(w, 60 * S);
    CHECK(w->events & CLOSED);
    SKIP;
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* What is counted for all of them, less the fixed parts, are the chunks in use. */
static void memory_is_what_the_pools_lost(struct wire *w, const char *file, int line)
{
    const struct tcp *t = stack_tcp(w->stack);
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0, counted = 0, lost = 0, boards;
    uint64_t places = t->config.connections + t->config.records;
    uint64_t share = ((t->bucket_mask + 1) * sizeof(uint32_t) + places - 1) / places;

    wire_pump(w);
    while (estab_list(w->stack, &cursor, &st))
        counted += st.memory;
    lost += (uint64_t)t->record_used * sizeof(struct tcp_record);
    lost += (uint64_t)t->tcb_used * (sizeof(struct tcb) + share);
    if (t->config.telemetry)
        lost += (uint64_t)t->tcb_used * sizeof(struct tcp_telemetry);
    for (uint32_t i = 0; i < t->config.listeners; i++)
        lost += tcp_listener(t, i)->used ? sizeof(struct tcp_listener) : 0;
    for (uint32_t i = 0; i < t->handle_fresh; i++)
        lost += tcp_handle(t, i)->where != WHERE_NONE ? sizeof(struct tcp_handle) : 0;
    boards = t->board_fresh;
    for (uint32_t i = t->board_free; i != TCB_NONE; i = tcp_scoreboard(t, i)->next)
        boards--;
    lost += boards * scoreboard_bytes(&t->config);
    lost += (uint64_t)(t->chunks.sending + t->chunks.received) *
            (t->chunks.bytes + sizeof(struct chunk));
    if (counted != lost)
        wire_fail(w, file, line, "%llu bytes are counted, %llu are gone",
                  (unsigned long long)counted, (unsigned long long)lost);
}

#define MEMORY memory_is_what_the_pools_lost(w, HERE)

WIRE_TEST(memory_through_an_active_life)
{
    struct estab_config c = config();
    struct estab_open open = {
        .size = sizeof open,
        .local = {WIRE_OWN, WIRE_PORT},
        .remote = {WIRE_PEER, WIRE_RPORT},
        .fixed_iss = true,
        .iss = w->iss,
    };

    wire_start(w, &c);
    MEMORY;
    assert_int_equal(estab_open(w->stack, &open, &w->conn, WIRE_START), ESTAB_OK);
    MEMORY;
    SEND(5000);
    MEMORY;
    IN(SYN | ACK, 0, 1, 0, .wnd = 65535, .mss = 1460);
    MEMORY;
    IN(ACK, 1, 1461, 3000, .wnd = 65535);
    IN(ACK, 4001, 1461, 2000, .wnd = 65535);
    MEMORY;
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
    MEMORY;
    IN(ACK, 3001, 5001, 1000, .wnd = 65535);
    IN(ACK, 6001, 5002, 0, .wnd = 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
    MEMORY;
    IN(FIN | ACK, 6001, 5002, 100, .wnd = 65535);
    CHECK(!STATUS.record);
    MEMORY;
    RECEIVE(6100);
    CHECK(STATUS.record);
    MEMORY;
    wire_run(w, 100 * S);
    CHECK(w->events & CLOSED);
    MEMORY;
    SKIP;
}

WIRE_TEST(memory_through_a_passive_life)
{
    struct estab_config c = config();

    c.telemetry = false;
    wire_start(w, &c);
    listen_on(w, WIRE_PORT, 4);
    MEMORY;
    syn(w, 5000);
    MEMORY;
    SKIP;
    (void)handshake(w, 5001);
    MEMORY;
    assert_int_equal(estab_accept(w->stack, w->listener, &w->conn), ESTAB_OK);
    MEMORY;
    ack(w, 5001, 1001, STATUS.snd_nxt, 2000);
    MEMORY;
    IN(FIN | ACK, 3001, STATUS.snd_nxt, 0, .wnd = 65535, .sport = 5001);
    CHECK_EQ(STATUS.state, ESTAB_STATE_CLOSE_WAIT);
    MEMORY;
    assert_int_equal(estab_close(w->stack, w->conn, WIRE_START), ESTAB_OK);
    MEMORY;
    SKIP;
}

WIRE_TEST(memory_of_a_single_shot)
{
    struct estab_config c = config();
    struct estab_open passive = {.size = sizeof passive, .local.port = WIRE_PORT, .passive = true};

    wire_start(w, &c);
    assert_int_equal(estab_open(w->stack, &passive, &w->conn, WIRE_START), ESTAB_OK);
    MEMORY;
    syn(w, 5000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_SYN_RECEIVED);
    MEMORY;
    IN(RST, 1001, 0, 0, .sport = 5000);
    CHECK_EQ(STATUS.state, ESTAB_STATE_LISTEN);
    MEMORY;
    SKIP;
}

/* The promise of the issue: an idle connection, everything counted, at a million of them. */
static void an_idle_connection_is_384_bytes_or_less(void **state)
{
    (void)state;
    struct estab_config c;
    struct tcp *t = calloc(1, sizeof *t);
    struct tcb b;

    assert_non_null(t);
    estab_config_init(&c);
    c.connections = 1000000;
    c.records = 65536;
    c.telemetry = false;
    t->config = c;
    (void)tcp_layout(t, &c);
    t->bucket_mask = (1u << 20) - 1;
    memset(&b, 0, sizeof b);
    queue_init(&b.snd.text);
    b.listener = LISTENER_NONE;
    assert_true(tcp_memory(t, &b) <= 384);
    free(t);
}

/* ---- promises ------------------------------------------------------------------------------------------------- */

enum { PEERS = 12 };

struct peer {
    estab_conn conn;
    uint32_t seq, una;
    unsigned port;
};

/* Windows never promise more than the pool holds, all of them together. */
static void promises_are_covered(struct wire *w, uint64_t seed)
{
    const struct tcp *t = stack_tcp(w->stack);
    uint64_t promised = 0, held = 0;

    for (uint32_t i = 0; i < t->tcb_fresh; i++) {
        const struct tcb *b = tcp_tcb(t, i);
        uint32_t window = window_now(t, b) + b->rcv.text.bytes;

        if (b->head.state == TCP_CLOSED)
            continue;
        promised += b->rcv.promised + ((b->flags & TCB_SEND_RESERVE) != 0);
        held += b->rcv.chunks;
        if (b->rcv.chunks > b->rcv.promised ||
            (window > 0 && queue_chunks_for(&t->chunks, window) > b->rcv.promised))
            wire_fail(w, HERE, "seed %llu: a window of %u is promised %u chunks, and holds %u",
                      (unsigned long long)seed, window, b->rcv.promised, b->rcv.chunks);
    }
    CHECK_EQ(t->chunks.promised, promised);
    CHECK_EQ(t->chunks.received, held);
    CHECK(promised + t->chunks.sending + t->chunks.lent <= t->chunks.chunks);
}

static void random_traffic(struct wire *w, struct peer *p, uint64_t *random)
{
    struct estab_status st = wire_status(w, p->conn);
    static uint8_t text[6000];
    struct estab_received got;
    size_t taken;
    uint32_t seq = st.rcv_nxt, n = (uint32_t)(random_next(random) % 3000);

    switch (random_next(random) % 8) {
    case 0:
    case 1:
        (void)!estab_receive(w->stack, p->conn, text, n * 2, 0, &got, WIRE_START + w->now);
        break;
    case 2:
        (void)!estab_send(w->stack, p->conn, text, n * 2, 0, &taken, WIRE_START + w->now);
        break;
    case 3:
        seq += 1 + (uint32_t)(random_next(random) % 6000);
        /* fall through */
    case 4:
    case 5:
    case 6:
        IN(ACK, seq, st.snd_una, n, .wnd = 65535, .sport = (uint16_t)p->port,
           .text = (const char *)text, .lent = random_next(random) % 2);
        break;
    default:
        IN(ACK, seq, st.snd_nxt, 0, .wnd = 65535, .sport = (uint16_t)p->port);
    }
}

static void traffic(uint64_t seed)
{
    struct wire *w = calloc(1, sizeof *w);
    struct estab_config c = wire_config();
    struct peer peer[PEERS];
    uint64_t random = seed;

    assert_non_null(w);
    c.chunks = 150 + (uint32_t)(random_next(&random) % 200);
    c.chunk_bytes = 1024u << random_next(&random) % 3;
    c.receive_reserve = 3000;
    c.receive_buffer = 50000;
    wire_start(w, &c);
    listen_on(w, WIRE_PORT, PEERS);
    for (unsigned i = 0; i < PEERS; i++) {
        peer[i].port = 5000 + i;
        CHECK(handshake(w, peer[i].port));
        assert_int_equal(estab_accept(w->stack, w->listener, &peer[i].conn), ESTAB_OK);
    }
    for (unsigned step = 0; step < 600; step++) {
        random_traffic(w, &peer[random_next(&random) % PEERS], &random);
        SKIP;
        promises_are_covered(w, seed);
        if (random_next(&random) % 8 == 0)
            wire_run(w, w->now + random_next(&random) % (300 * MS));
        SKIP;
    }
    wire_stop(w);
    free(w);
}

static void windows_never_promise_more_than_there_is(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++)
        traffic(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_run_out_for_open),
        cmocka_unit_test(connections_run_out_for_a_listener),
        cmocka_unit_test(records_run_out),
        cmocka_unit_test(the_backlog_runs_out),
        cmocka_unit_test(an_old_half_open_one_makes_room),
        cmocka_unit_test(listeners_run_out),
        cmocka_unit_test(chunks_run_out),
        cmocka_unit_test(a_sender_waits_for_chunks),
        cmocka_unit_test(others_text_leaves_a_sender_its_chunk),
        cmocka_unit_test(a_grown_window_is_given_back),
        cmocka_unit_test(replies_run_out),
        cmocka_unit_test(time_wait_without_a_record),
        cmocka_unit_test(memory_through_an_active_life),
        cmocka_unit_test(memory_through_a_passive_life),
        cmocka_unit_test(memory_of_a_single_shot),
        cmocka_unit_test(an_idle_connection_is_384_bytes_or_less),
        cmocka_unit_test(windows_never_promise_more_than_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
