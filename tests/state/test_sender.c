/* SPDX-License-Identifier: MIT */
/*
 * test_sender.c - a sender against peers at random: they lose, delay and repeat, close and shrink
 * their window, divide and repeat ACKs.  All the while new text stays inside the window (RFC 9293
 * section 3.8.6, SHLD-15); and when the peer turns honest, everything arrives, the FIN too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"
#include "support/wire.h"

#define STREAM 120000

struct receiver {
    uint64_t random;
    uint32_t next;    /* the first byte that it lacks: its ACK, less 1 */
    uint32_t acked;   /* what it has said */
    uint32_t window;  /* with that */
    uint32_t highest; /* past the last byte ever seen */
    uint32_t tsval, tsecr;
    unsigned shift, loss_percent;
    bool ts, fin;
    uint8_t here[STREAM + 1];
};

static uint32_t below(struct receiver *r, uint32_t n)
{
    return (uint32_t)(random_next(&r->random) % n);
}

/* What the stack has sent: seen by the wire, and perhaps by the peer. */
static void hear(struct wire *w, struct receiver *r, const struct wire_segment *s)
{
    uint32_t first = s->seq - 1, end = first + s->len;

    if (s->len == 0 && !(s->flags & FIN))
        return;
    if (end > r->highest) {
        if (end > r->acked + r->window)
            wire_fail(w, HERE, "new text up to %u, the window ends at %u", end,
                      r->acked + r->window);
        r->highest = end;
    }
    if (below(r, 100) < r->loss_percent)
        return;
    if (s->ts && first <= r->next)
        r->tsecr = s->tsval;
    memset(r->here + first, 1, s->len);
    if (s->flags & FIN) {
        CHECK_EQ(end, STREAM);
        r->here[STREAM] = 1;
    }
    while (r->next <= STREAM && r->here[r->next])
        r->next++;
    r->fin = r->next == STREAM + 1;
}

static void say(struct wire *w, struct receiver *r, uint32_t upto, uint32_t window)
{
    r->acked = upto;
    r->window = window >> r->shift << r->shift;
    wire_in(w, &(struct wire_segment){.flags = ACK,
                                      .seq = 1,
                                      .ack = 1 + upto,
                                      .wnd = window >> r->shift,
                                      .ts = r->ts,
                                      .tsval = r->tsval + (uint32_t)(w->now / MS),
                                      .tsecr = r->tsecr});
}

static void listen_to(struct wire *w, struct receiver *r)
{
    const struct wire_segment *s;

    while ((s = wire_any(w, w->now)) != NULL)
        hear(w, r, s);
}

/* The peer's whim. */
static void whim(struct wire *w, struct receiver *r)
{
    uint32_t fresh = r->next - r->acked;

    switch (below(r, 12)) {
    case 0: /* closed, or shrunk */
        say(w, r, r->acked + (fresh ? below(r, fresh + 1) : 0), below(r, 3) ? 0 : below(r, 3000));
        break;
    case 1: /* ACKs of single bytes */
        for (uint32_t i = 0; i < 20 && r->acked < r->next; i++)
            say(w, r, r->acked + 1, r->window);
        break;
    case 2:
    case 3: /* duplicates, forged or not */
        for (uint32_t i = below(r, 10); i > 0; i--)
            say(w, r, r->acked, r->window);
        break;
    case 4: /* of what was never sent */
        wire_in(w, &(struct wire_segment){.flags = ACK,
                                          .seq = 1,
                                          .ack = r->highest + 100000,
                                          .wnd = 65535,
                                          .ts = r->ts,
                                          .tsval = r->tsval});
        break;
    case 5:
        wire_run(w, w->now + below(r, 1000) * MS);
        break;
    case 6: /* silence */
        wire_run(w, w->now + below(r, 10000) * MS);
        break;
    default:
        say(w, r, r->next, below(r, 2) ? 65535 : 1 + below(r, 20000));
    }
    listen_to(w, r);
}

static void user_turn(struct wire *w, struct receiver *r)
{
    unsigned flags = (below(r, 4) ? 0 : ESTAB_MORE) | (below(r, 8) ? 0 : ESTAB_URGENT) |
                     (below(r, 8) ? 0 : ESTAB_PUSH);
    size_t n = below(r, 3) ? below(r, 200) : below(r, 20000);
    enum estab_error error;

    if (w->sent == STREAM)
        return;
    if (n > STREAM - w->sent)
        n = STREAM - w->sent;
    (void)wire_send_some(w, n, flags, &error);
    CHECK(error == ESTAB_OK || error == ESTAB_AGAIN);
    listen_to(w, r);
}

/* From now on it takes and acknowledges all, at once. */
static void honest(struct wire *w, struct receiver *r)
{
    enum estab_error error;
    bool closed = false;

    r->loss_percent = 0;
    for (unsigned i = 0; !r->fin; i++) {
        if (w->sent < STREAM)
            (void)wire_send_some(w, STREAM - w->sent, 0, &error);
        else if (!closed)
            closed = estab_close(w->stack, w->conn, WIRE_START + w->now) == ESTAB_OK;
        listen_to(w, r);
        say(w, r, r->next, 65535);
        listen_to(w, r);
        wire_run(w, w->now + 50 * MS);
        if (i == 10000)
            wire_fail(w, HERE, "stuck: %u of %u bytes have arrived", r->next, STREAM);
    }
    listen_to(w, r);
    say(w, r, STREAM + 1, 65535);
    CHECK_EQ(STATUS.state, ESTAB_STATE_FIN_WAIT_2);
    CHECK_EQ(STATUS.send_queued, 0);
}

static void run(uint64_t seed)
{
    struct wire *w = calloc(1, sizeof *w);
    struct receiver *r = calloc(1, sizeof *r);
    struct estab_config c = wire_config();

    assert_non_null(w);
    assert_non_null(r);
    r->random = seed;
    w->iss = (uint32_t)random_next(&r->random);
    w->irs = (uint32_t)random_next(&r->random);
    w->super = below(r, 2) ? 0 : 65535;
    r->ts = below(r, 2);
    r->tsval = (uint32_t)random_next(&r->random);
    r->shift = below(r, 2) ? 0 : below(r, 8);
    r->loss_percent = below(r, 30);
    c.timestamps = r->ts;
    c.window_scale = true;
    c.nagle = below(r, 2);
    c.chunk_bytes = 512u << below(r, 4);
    c.chunks = 512;
    c.receive_reserve = c.receive_buffer = 16384;
    c.send_buffer = 1024 + below(r, 100000);
    wire_start(w, &c);
    r->window = below(r, 60000);
    OPEN(r->window, .mss = (int)(100 + below(r, 1400)), .wscale = (int)SCALE(r->shift), .ts = r->ts,
         .tsval = r->tsval);
    r->window = STATUS.snd_wnd;
    for (int i = 0; i < 200; i++) {
        if (below(r, 2))
            user_turn(w, r);
        whim(w, r);
        CHECK(STATUS.cwnd >= STATUS.snd_mss);
    }
    honest(w, r);
    wire_stop(w);
    free(w);
    free(r);
}

static uint64_t running;

static int print_seed(void **state)
{
    (void)state;
    if (running != UINT64_MAX)
        print_error("run(%llu) replays it\n", (unsigned long long)running);
    return 0;
}

/* SHLD-15. */
static void random_peers(void **state)
{
    (void)state;
    for (running = 0; running < 1000; running++)
        run(running);
    running = UINT64_MAX;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(random_peers, print_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
