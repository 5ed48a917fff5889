/* SPDX-License-Identifier: MIT */
/* run_packet.c - packets of the script go in; what comes out is compared with the script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/view.h"
#include "script/runner.h"

#define REMOTE_PORT_FIRST 49152 /* of the peers that a listener gets, one after the other */

/* ---- sockets --------------------------------------------------------------------------------------- */

struct script_socket *runner_new_socket(struct runner *r, int fd)
{
    struct script_socket *s;

    if (r->sockets == RUNNER_SOCKETS_MAX) {
        runner_fail(r, r->event ? r->event->at : (struct span){0},
                    "expected at most %u sockets in a script", RUNNER_SOCKETS_MAX);
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = fd;
    r->socket[r->sockets++] = s;
    r->under_test = s;
    free(r->theirs);
    r->theirs = NULL;
    return s;
}

/* Shows a packet to the one who infers what state the script's end is in. */
static void infer(struct runner *r, uint8_t *bytes, size_t n, bool from_script)
{
    const struct script_socket *s = r->under_test;
    struct estab_frame frame = {.length = (uint32_t)n, .link = ESTAB_LINK_IP, .parts = 1};
    struct frame_view view;

    if (s && s->datagram)
        return; /* it has no states */
    if (!r->theirs && s) {
        r->theirs = calloc(1, sizeof *r->theirs);
        if (r->theirs)
            infer_init(r->theirs, (struct estab_endpoint){r->settings.local, s->local_port},
                       (struct estab_endpoint){r->settings.remote, s->remote_port},
                       from_script ? TCP_CLOSED : TCP_LISTEN, 30 * ESTAB_SECOND);
    }
    frame.part[0] = (struct estab_part){bytes, (uint32_t)n};
    view_frame(&view, &frame);
    if (r->theirs)
        (void)infer_feed(r->theirs, &view, from_script, r->virtual.now);
}

/* A SYN of the script to a listener, or to nobody, begins a connection. */
static void begin_passive(struct runner *r, const struct packet_spec *spec)
{
    struct script_socket *listener = r->under_test, *s;

    if (spec->kind != PACKET_TCP || (listener && listener->phase != SOCKET_LISTENING))
        return;
    s = runner_new_socket(r, -1);
    if (!s)
        return;
    s->phase = SOCKET_SYN_RECEIVED;
    s->irs = spec->seq;
    s->local_port = listener && listener->local_port ? listener->local_port : r->settings.bind_port;
    s->remote_port = (uint16_t)(REMOTE_PORT_FIRST + r->sockets);
}

/* ---- in ------------------------------------------------------------------------------------------------ */

static void note_arrival(const struct packet_spec *spec, struct script_socket *s)
{
    bool tcp = spec->kind == PACKET_TCP;

    if (tcp && s->phase == SOCKET_SYN_SENT && spec->flags & CTL_SYN && spec->flags & CTL_ACK) {
        s->irs = spec->seq;
        s->phase = SOCKET_OPEN;
    } else if (tcp && s->phase == SOCKET_SYN_SENT && spec->flags & CTL_SYN) {
        s->irs = spec->seq; /* simultaneous open */
    } else if (tcp && s->phase == SOCKET_SYN_RECEIVED && spec->flags & CTL_ACK && s->iss_known) {
        s->phase = SOCKET_OPEN;
    }
}

static void inject(struct runner *r, const struct packet_spec *spec, uint8_t *bytes, size_t n)
{
    struct estab_frame frame = {
        .length = (uint32_t)n,
        .link = ESTAB_LINK_IP,
        .checksum = ESTAB_CHECKSUM_VERIFY,
        .parts = 1,
    };

    if (r->settings.mss && spec->length > r->settings.mss)
        frame.segment_size = (uint16_t)r->settings.mss;
    frame.part[0] = (struct estab_part){bytes, (uint32_t)n};
    r->report->packets_in++;
    infer(r, bytes, n, true);
    estab_input(r->virtual.stack, &frame, 1, r->virtual.now);
    runner_settle(r);
}

void runner_packet_in(struct runner *r, const struct packet_spec *spec)
{
    struct script_fault why = {0};
    uint8_t *bytes;
    size_t n;

    begin_passive(r, spec);
    if (spec->kind == PACKET_UDP && r->under_test && !r->under_test->remote_port)
        r->under_test->remote_port = REMOTE_PORT_FIRST; /* a peer of an unconnected socket's */
    if (!r->under_test) {
        runner_fail(r, spec->at, "no socket could receive this packet");
        return;
    }
    note_arrival(spec, r->under_test);
    bytes = malloc(PACKET_BYTES_MAX);
    n = bytes ? packet_build(spec, r->under_test, &r->settings, bytes, &why) : 0;
    if (n)
        inject(r, spec, bytes, n);
    else
        runner_fail(r, why.at, "%s", bytes ? why.text : "no memory");
    free(bytes);
}

/* ---- out -------------------------------------------------------------------------------------------------- */

void runner_queue_frame(struct runner *r, const struct estab_frame *f)
{
    struct live_packet *p = &r->queue[(r->queue_head + r->queue_count) % RUNNER_QUEUE_MAX];
    uint32_t used = f->head_length;

    r->report->packets_out++;
    if (r->queue_count == RUNNER_QUEUE_MAX || !(p->bytes = malloc(f->length ? f->length : 1))) {
        runner_fail(r, r->event ? r->event->at : (struct span){0},
                    "%u packets have left, and no event takes them", r->queue_count);
        return;
    }
    memcpy(p->bytes, f->head, f->head_length);
    for (unsigned i = 0; i < f->parts; i++) {
        memcpy(p->bytes + used, f->part[i].base, f->part[i].length);
        used += f->part[i].length;
    }
    p->length = f->length;
    p->time_us = runner_us(r);
    r->queue_count++;
}

static void drop_head(struct runner *r)
{
    free(r->queue[r->queue_head].bytes);
    r->queue_head = (r->queue_head + 1) % RUNNER_QUEUE_MAX;
    r->queue_count--;
}

/* The next packet of the socket under test, the `skip`th behind the head; those of others are
 * dropped.  NULL: there is none. */
static struct live_packet *find_packet(struct runner *r, unsigned skip)
{
    while (r->queue_count && !packet_is_of(&r->queue[r->queue_head], r->under_test, &r->settings))
        drop_head(r);
    for (unsigned i = 0; i < r->queue_count; i++) {
        struct live_packet *p = &r->queue[(r->queue_head + i) % RUNNER_QUEUE_MAX];

        if (packet_is_of(p, r->under_test, &r->settings) && skip-- == 0)
            return p;
    }
    return NULL;
}

/* Whether the packet's text is what the script wrote there. */
static bool text_is_right(const struct runner *r, const struct live_packet *p,
                          const struct packet_spec *actual)
{
    bool first = actual->kind == PACKET_UDP || actual->flags & CTL_SYN;
    uint32_t place = first ? 0 : actual->seq - 1;
    const uint8_t *text = p->bytes + p->length - actual->length;

    for (uint32_t i = 0; i < actual->length && !r->foreign_text; i++) {
        if (text[i] != script_text_at(place + i))
            return false;
    }
    return true;
}

static void show(struct runner *r, const struct event *e, const struct packet_spec *actual,
                 int64_t actual_us)
{
    packet_text(e->packet, r->report->expected, sizeof r->report->expected);
    packet_text(actual, r->report->actual, sizeof r->report->actual);
    r->report->expected_us = r->begin_us;
    r->report->actual_us = actual_us;
}

/* Compares a packet, or the sum of some, with the event's. */
static void judge(struct runner *r, const struct event *e, const struct packet_spec *actual,
                  int64_t time_us, bool text)
{
    char why[SCRIPT_LINE_MAX] = "";

    show(r, e, actual, time_us);
    if (packet_differs(e->packet, actual, &r->settings, r->begin_us, why, sizeof why)) {
        if (r->settings.packets_go_on)
            runner_note(r, "line %u: %s", e->at.line, why);
        else
            runner_fail(r, e->packet->at, "%s", why);
    } else if (!text) {
        runner_fail(r, e->packet->at, "text: the packet does not carry what was written");
    } else if (e->time != TIME_ANY) {
        runner_check_time(r, e->at, "the packet", time_us, r->begin_us, r->end_us);
    }
}

static void prepare(struct runner *r, const struct event *e)
{
    struct script_socket *s = r->under_test;
    const struct packet_spec *p = e->packet;

    if (p->kind != PACKET_TCP || !(p->flags & CTL_SYN))
        return;
    if (!(p->flags & CTL_ACK) && s->phase == SOCKET_CONNECTING) {
        s->phase = SOCKET_SYN_SENT;
        s->script_iss = p->seq;
    } else if (p->flags & CTL_ACK && s->phase == SOCKET_SYN_RECEIVED && !s->iss_known) {
        s->script_iss = p->seq;
    }
}

/* Sums up what has left until it is as long as the script says.  False: more must come. */
static bool gather(struct runner *r, const struct event *e, struct packet_spec *sum,
                   unsigned *taken, int64_t *time_us, bool *text)
{
    const struct packet_spec *expected = e->packet;
    struct live_packet *p = find_packet(r, 0);
    struct packet_spec one;

    if (!p)
        return false;
    packet_learn_ts(expected, p, r->under_test);
    *taken = 1;
    *time_us = p->time_us;
    *text = packet_describe(p, r->under_test, sum) && text_is_right(r, p, sum);
    while (expected->kind == PACKET_TCP && sum->length < expected->length &&
           !r->settings.strict_segments) {
        p = find_packet(r, *taken);
        if (!p)
            return false;
        packet_learn_ts(expected, p, r->under_test);
        if (!packet_describe(p, r->under_test, &one) || !packet_append(sum, &one))
            return true;
        *text = *text && text_is_right(r, p, &one);
        ++*taken;
    }
    return true;
}

bool runner_packet_out(struct runner *r, const struct event *e)
{
    struct packet_spec sum = {0};
    unsigned taken = 0;
    int64_t time_us = 0;
    bool text = true;

    if (!r->under_test) {
        runner_fail(r, e->at, "no socket could have sent this packet");
        return true;
    }
    prepare(r, e);
    if (!gather(r, e, &sum, &taken, &time_us, &text)) {
        if (!taken)
            return false;
        show(r, e, &sum, time_us); /* should no more come */
        return false;
    }
    judge(r, e, &sum, time_us, text);
    for (; taken; taken--) {
        find_packet(r, 0);
        infer(r, r->queue[r->queue_head].bytes, r->queue[r->queue_head].length, false);
        drop_head(r);
    }
    return true;
}
