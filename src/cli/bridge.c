/* SPDX-License-Identifier: MIT */
/* bridge.c - frames in batches, each in one piece and with its checksums. */
#include "cli/bridge.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "sim/link.h"

#define BATCH  32
#define ROUNDS 8  /* batches of one turn, in each direction */
#define WAIT   20 /* milliseconds that a device may take to take what it did not at once */

struct bridge {
    estab_device *end[2];
    struct bridge_watch watch;
    uint32_t room;
    uint64_t lost;
    uint8_t *in, *out; /* BATCH of `room` bytes each */
    struct estab_frame frame[BATCH];
};

struct bridge *bridge_new(estab_device *a, estab_device *b)
{
    struct bridge *g = calloc(1, sizeof *g);
    uint32_t one = estab_device_room(a), two = estab_device_room(b);

    if (!g)
        return NULL;
    g->end[0] = a;
    g->end[1] = b;
    g->room = one > two ? one : two;
    g->in = malloc((size_t)g->room * BATCH);
    g->out = malloc((size_t)g->room * BATCH);
    if (g->in && g->out)
        return g;
    bridge_free(g);
    return NULL;
}

void bridge_free(struct bridge *g)
{
    if (!g)
        return;
    free(g->in);
    free(g->out);
    free(g);
}

void bridge_observe(struct bridge *g, const struct bridge_watch *watch)
{
    g->watch = *watch;
}

uint64_t bridge_lost(const struct bridge *g)
{
    return g->lost;
}

/* Frames for us, in one piece each; how many. */
static size_t flatten(struct bridge *g, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct estab_frame f = g->frame[i];
        uint8_t *to = g->out + kept * g->room;
        if (f.length == 0 || f.segment_size != 0)
            continue;
        if (f.checksum == ESTAB_CHECKSUM_GOOD && f.checksum_start)
            f.checksum = ESTAB_CHECKSUM_FINISH;
        link_flatten(&f, to);
        g->frame[kept++] = (struct estab_frame){
            .length = f.length, .link = f.link, .cause = f.cause, .parts = 1,
            .part = {{to, f.length}}};
    }
    return kept;
}

static size_t send_some(estab_device *to, const struct estab_frame *f, size_t n)
{
    struct pollfd p = {.fd = estab_device_fd(to), .events = POLLOUT};
    size_t sent = estab_device_send(to, f, n);

    if (sent < n && poll(&p, 1, WAIT) > 0)
        sent += estab_device_send(to, f + sent, n - sent);
    return sent;
}

/* One by one, where somebody wants to know what each has done. */
static void give_watched(struct bridge *g, unsigned end, const struct estab_frame *f)
{
    const struct bridge_watch *w = &g->watch;
    bool sent;

    if (end == 0 && w->leaving)
        w->leaving(w->context, f);
    sent = send_some(g->end[end], f, 1) == 1;
    if (sent && end == 1 && w->reached)
        w->reached(w->context, f);
    if (!sent && end == 0 && w->lost)
        w->lost(w->context);
    g->lost += !sent;
}

static void give(struct bridge *g, unsigned end, size_t n)
{
    if (!g->watch.leaving && !g->watch.reached) {
        g->lost += n - send_some(g->end[end], g->frame, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        give_watched(g, end, &g->frame[i]);
}

static bool move(struct bridge *g, unsigned from)
{
    size_t got;

    for (unsigned i = 0; i < BATCH; i++) {
        memset(&g->frame[i], 0, offsetof(struct estab_frame, part));
        g->frame[i].parts = 1;
        g->frame[i].part[0] = (struct estab_part){g->in + i * g->room, g->room};
    }
    got = estab_device_receive(g->end[from], g->frame, BATCH);
    give(g, !from, flatten(g, got));
    return got > 0;
}

void bridge_turn(struct bridge *g)
{
    bool any = true;

    for (unsigned round = 0; any && round < ROUNDS; round++) {
        any = move(g, 0);
        any = move(g, 1) || any;
    }
}
