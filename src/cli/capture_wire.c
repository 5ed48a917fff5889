/* SPDX-License-Identifier: MIT */
/*
 * capture_wire.c - a monitor of a wire: every frame, what its sender says of itself, and what its
 * receiver says that it did.
 *
 *      FRAME --> [ waits for its REPORT ] --> onlooker, news --> story
 *
 * Frames are told in the order in which they came; one waits at most PATIENCE for its report.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "cli/capture.h"
#include "cli/carrier.h"
#include "cli/news.h"
#include "packet/ipv4.h"

#define PATIENCE    (500 * ESTAB_MS)
#define ROOM        (66u << 10)
#define WAITING_MAX 1024

struct waiting {
    struct waiting *next;
    estab_time when, until;
    bool reported;
    struct envelope sent, report;
    struct estab_frame frame;
    struct frame_view view;
    uint8_t bytes[];
};

struct monitor {
    struct capture *c;
    struct station *station;
    struct news news;
    estab_time zero; /* estab_now's at the story's 0 */
    unsigned count;
    struct waiting *first, *last;
    uint8_t *room;
};

static estab_time wall_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (estab_time)t.tv_sec * ESTAB_SECOND + (estab_time)t.tv_nsec;
}

/* ---- telling ---------------------------------------------------------------------------------------- */

static const char *note_of(const struct envelope *e)
{
    return e->fate & FATE_CORRUPTED ? "corrupted on the way"
           : e->fate & FATE_MARKED  ? "marked CE on the way"
           : e->fate & FATE_COPY    ? "a copy"
           : e->fate & FATE_HELD    ? "was held back"
                                    : NULL;
}

static void tell(struct monitor *m, struct waiting *w)
{
    struct capture *c = m->c;
    const struct frame_view *v = &w->view;
    bool sender = v->kind == VIEW_TCP && w->sent.has & HAS_BEFORE;
    bool receiver = w->reported && w->report.has & HAS_BEFORE;
    estab_time now = w->when - m->zero;

    story_arriving(c->story, v);
    onlooker_see(c->onlooker, v, ++c->serial, !sender, !receiver, now);
    if (sender)
        news_heard(&m->news, &(struct story_end){v->src, v->dst}, &w->sent, c->serial, m->zero, 0);
    if (receiver)
        news_heard(&m->news, &(struct story_end){v->dst, v->src}, &w->report, 0, m->zero, 0);
    story_packet(c->story, &(struct story_packet){
                               .frame = &w->frame,
                               .view = v,
                               .wire = capture_wire(c, ESTAB_LINK_ETHERNET),
                               .serial = c->serial,
                               .reason = w->reported ? news_reason(w->report.reason) : REASONS,
                               .why = news_why(w->sent.why),
                               .note = note_of(&w->sent),
                               .time = now,
                           });
    c->told++;
}

/* Those at the head of the queue that wait for nothing any more. */
static void tell_ready(struct monitor *m, estab_time now)
{
    struct waiting *w;

    while ((w = m->first) && (w->reported || w->until <= now) && !capture_full(m->c)) {
        m->first = w->next;
        m->count--;
        tell(m, w);
        free(w);
    }
    if (m->c->story && !m->first)
        story_settle(m->c->story, now - m->zero);
    fflush(m->c->out);
}

/* ---- hearing ------------------------------------------------------------------------------------------- */

static void hear_report(struct monitor *m, const struct envelope *e)
{
    for (struct waiting *w = m->first; w; w = w->next) {
        if (w->reported || w->sent.serial != e->serial || w->sent.station != e->station)
            continue;
        w->reported = true;
        w->report = *e;
        return;
    }
}

/* A listener names no address: it is its station's. */
static void hear_state(struct monitor *m, const struct envelope *e)
{
    const struct station_peer *p = station_peer_number(m->station, e->station);
    struct story_end end = {e->local, e->remote};

    if (addr_is_unspecified(&end.local.addr) && p)
        end.local.addr = p->address;
    news_heard(&m->news, &end, e, 0, m->zero, 0);
}

static void heard(void *context, const struct envelope *e)
{
    struct monitor *m = context;

    if (e->type == SAY_REPORT)
        hear_report(m, e);
    else if (e->type == SAY_STATE && !m->first)
        hear_state(m, e);
    else if (e->type == SAY_STATION && !m->c->options.numeric &&
             !(e->flags & (STATION_MONITOR | STATION_CARRIED | STATION_GONE)))
        story_name(m->c->story, e->address, e->name);
}

/* Whether a station with this address will tell what the frame did; it may have left, and be carried on. */
static bool reports(struct monitor *m, const struct frame_view *v)
{
    const struct station_peer *p;

    for (unsigned i = 0; v->kind == VIEW_TCP && (p = station_peer_at(m->station, i)); i++)
        if (p->flags & STATION_REPORTS &&
            memcmp(&p->address, &v->dst.addr, sizeof p->address) == 0)
            return true;
    return false;
}

static void came(struct monitor *m, const struct estab_frame *f)
{
    struct capfile_packet p = {.bytes = f->part[0].base,
                               .length = f->length,
                               .original = f->length,
                               .linktype = LINKTYPE_ETHERNET};
    const struct envelope *e = station_came(m->station, f);
    struct waiting *w;

    if (!capture_wants(m->c, &p) || m->count == WAITING_MAX)
        return;
    w = calloc(1, sizeof *w + f->length);
    if (!w)
        return;
    memcpy(w->bytes, p.bytes, f->length);
    w->frame = (struct estab_frame){.length = f->length, .link = ESTAB_LINK_ETHERNET, .parts = 1};
    w->frame.part[0] = (struct estab_part){w->bytes, f->length};
    view_frame(&w->view, &w->frame);
    if (e)
        w->sent = *e;
    w->when = estab_now();
    w->until = w->when + (reports(m, &w->view) ? PATIENCE : 0);
    if (m->first)
        m->last->next = w;
    else
        m->first = w;
    m->last = w;
    m->count++;
}

static void receive(struct monitor *m)
{
    size_t n = 1;

    while (n > 0) {
        struct estab_frame f = {.parts = 1, .part[0] = {m->room, ROOM}};
        n = estab_device_receive(station_device(m->station), &f, 1);
        if (n > 0 && f.length > 0)
            came(m, &f);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------ */

static int watch(struct monitor *m)
{
    struct pollfd p = {.fd = estab_device_fd(station_device(m->station)), .events = POLLIN};
    const struct cli_options *o = &m->c->options;

    while (!capture_full(m->c) && !cli_interrupts()) {
        (void)poll(&p, 1, m->first ? (int)(PATIENCE / ESTAB_MS) : 1000);
        receive(m);
        tell_ready(m, estab_now());
        if (station_gone(m->station)) {
            tell_ready(m, ESTAB_NEVER - ESTAB_SECOND);
            return cli_say(o, CLI_FAILED, "the hub of wire %s has ended, and the wire with it",
                           o->on.name);
        }
    }
    return CLI_OK;
}

static void name_stations(struct monitor *m)
{
    const struct station_peer *p;

    for (unsigned i = 0; !m->c->options.numeric && (p = station_peer_at(m->station, i)); i++)
        if (!(p->flags & (STATION_MONITOR | STATION_CARRIED)))
            story_name(m->c->story, p->address, p->name);
}

int capture_on_wire(struct capture *c)
{
    struct station_config config = {.wire = c->options.on.name,
                                    .program = "estab capture",
                                    .flags = STATION_MONITOR,
                                    .start = &carrier_start};
    struct monitor m = {.c = c};
    struct estab_host_error error = {0};
    struct waiting *w;
    int code = capture_begin(c, wall_clock());

    c->where = c->options.on.name;
    m.zero = estab_now();
    m.room = malloc(ROOM);
    m.station = code == CLI_OK ? station_join(&config, &error) : NULL;
    if (code == CLI_OK && (!m.station || !m.room))
        code = cli_say(&c->options, CLI_FAILED, "%s", m.station ? "no memory" : error.text);
    if (code == CLI_OK) {
        news_init(&m.news, m.station, c->story, NULL);
        station_listen(m.station, heard, &m);
        name_stations(&m);
        fprintf(stderr, "capturing on wire %s; Ctrl-C ends\n", c->where);
        cli_catch();
        code = watch(&m);
    }
    while ((w = m.first)) {
        m.first = w->next;
        free(w);
    }
    if (m.station)
        estab_device_close(station_device(m.station));
    free(m.room);
    return code;
}
