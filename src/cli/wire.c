/* SPDX-License-Identifier: MIT */
/*
 * wire.c - the loop's observer.
 *
 *      leaving --> [ outgoing, until due ] --> infer --> story
 *      arriving --> infer --> (input) --> arrived --> story
 *
 * Between two turns the kernel may do what it wants: its moves are asked for when a packet is told.
 */
#include "cli/wire.h"

#include <stdlib.h>

#include "capture/infer.h"
#include "cli/news.h"
#include "cli/oracle.h"
#include "device/error.h"
#include "loop/impair.h"
#include "sim/random.h"

#define TURN_MOST  ESTAB_SECOND /* a signal just before the loop sleeps is noticed then */
#define LINUX_MSL  (30 * ESTAB_SECOND)
#define TRUTHS_MAX 256
#define PATIENCE   (3 * ESTAB_SECOND) /* for a report on a frame that has arrived */

/* A frame of ours on its way to the device. */
struct outgoing {
    struct outgoing *next;
    estab_time due; /* ESTAB_NEVER until the link has told */
    uint64_t serial;
    uint32_t fate;      /* enum link_fate, or enum envelope_fate, which begins with it */
    estab_time when;    /* it was delivered, on a wire; else `due` */
    enum reason reason; /* what its receiver made of it; REASONS */
    bool reported;      /* its receiver has told */
    enum emit_why why;
    struct estab_frame frame;
    struct frame_view view;
    uint8_t bytes[];
};

/* What the kernel's trace has told of one of its sockets. */
struct truth {
    struct estab_endpoint local, remote;
    uint16_t been; /* bits of enum estab_state: where it has been since it was opened */
};

struct wire {
    struct wire_config config;
    estab_time zero; /* estab_now's, which the story calls config.begin */
    estab_loop *loop;
    struct watch watch;
    unsigned number;  /* of the interface, in the file */
    uint64_t in, out; /* serials */
    struct link *inward, *outward;
    struct outgoing *first, *last;
    struct infer_table *peers;
    struct oracle *oracle; /* or NULL */
    struct news news;      /* with a station */
    bool said_inferred;
    unsigned truths;
    struct truth truth[TRUTHS_MAX];
};

estab_time wire_time(const struct wire *w, estab_time now)
{
    return (now > w->zero ? now - w->zero : 0) + w->config.begin;
}

/* ---- what the kernel says of its sockets ----------------------------------------------------------- */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

static struct truth *find_truth(struct wire *w, const struct story_end *end)
{
    for (unsigned i = 0; i < w->truths && i < TRUTHS_MAX; i++)
        if (same(&w->truth[i].local, &end->local) && same(&w->truth[i].remote, &end->remote))
            return &w->truth[i];
    return NULL;
}

static void hear_oracle(struct wire *w)
{
    struct oracle_event e;

    while (oracle_next(w->oracle, &e)) {
        struct truth *t = find_truth(w, &(struct story_end){e.local, e.remote});
        if (!t)
            t = &w->truth[w->truths++ % TRUTHS_MAX];
        if (e.from == ESTAB_STATE_CLOSED || e.from == ESTAB_STATE_LISTEN)
            *t = (struct truth){e.local, e.remote, (uint16_t)(1u << e.from)};
        t->been |= (uint16_t)(1u << e.to);
    }
}

/* Small records in SYN-RECEIVED, FIN-WAIT-2 and TIME-WAIT are not in the trace, but in the list. */
static bool listed(struct wire *w, const struct story_end *end, enum tcp_state state)
{
    struct diag_socket sockets[TRUTHS_MAX];
    int n = netns_sockets(w->config.netns, sockets, TRUTHS_MAX);

    for (int i = 0; i < n && i < TRUTHS_MAX; i++)
        if ((enum tcp_state)sockets[i].state == state && same(&sockets[i].local, &end->local) &&
            (state == TCP_LISTEN || same(&sockets[i].remote, &end->remote)))
            return true;
    return false;
}

/* Whether the kernel, asked now, is or was in this state.  A connection never returns to one. */
static bool confirmed(struct wire *w, const struct story_end *end, enum tcp_state state)
{
    struct truth *t;

    if (!w->oracle)
        return false;
    hear_oracle(w);
    t = find_truth(w, end);
    if (t && t->been >> state & 1)
        return true;
    if (state == TCP_LISTEN || state == TCP_CLOSED)
        return !t && (state == TCP_CLOSED) != (netns_listens(w->config.netns, end->local.port) > 0);
    return listed(w, end, state);
}

/* ---- the peer's states -------------------------------------------------------------------------------- */

/* On a wire it is known only now whether there is anything to infer. */
static void say_inferred(struct wire *w)
{
    if (!w->config.station || w->said_inferred || !w->config.say || !story_tells(w->config.story))
        return;
    w->said_inferred = true;
    w->config.say(w->config.context, "~ marks a state that is inferred from the packets");
}

/* The peer's moves go with the packet that it sends, or belong to the one that it receives. */
static void tell_peer(struct wire *w, const struct infer *i, const struct end_state *moved,
                      uint64_t carrier, estab_time now)
{
    struct story_end end = {i->peer, i->local};
    enum tcp_state state = (enum tcp_state)moved->before;

    if (!moved->known)
        return;
    say_inferred(w);
    story_know(w->config.story, &end, state, true);
    for (unsigned k = 0; k < moved->moves; k++) {
        enum tcp_event event = (enum tcp_event)moved->move[k].event;
        const struct tcp_edge *edge = fsm_next(state, event);
        if (edge)
            story_move(w->config.story, &end, edge, REASONS, carrier, wire_time(w, now));
        state = (enum tcp_state)moved->move[k].to;
    }
    story_trust(w->config.story, &end, !confirmed(w, &end, state));
}

/* What reached the peer moves it when it answers.  Where the kernel tells that it has moved, that is
 * known before: as if an acknowledgment of everything had come. */
static void prove(struct wire *w, struct infer *i, estab_time now)
{
    struct frame_view answer = {.kind = VIEW_TCP, .src = i->peer, .dst = i->local};
    struct story_end end = {i->peer, i->local};
    struct infer after = *i;
    struct end_state moved;

    answer.tcp.flags = CTL_ACK;
    answer.tcp.seq = i->snd_nxt.v;
    answer.tcp.ack = i->rcv_max.v;
    moved = infer_feed(&after, &answer, true, now);
    if (moved.moves == 0 || !confirmed(w, &end, end_after(&moved)))
        return;
    *i = after;
    tell_peer(w, i, &moved, 0, now);
}

static void feed_peer(struct wire *w, const struct frame_view *v, bool from_peer, uint64_t carrier,
                      estab_time now)
{
    struct infer *i = infer_find(w->peers, v, from_peer);
    struct end_state moved;

    if (!i)
        return;
    moved = infer_feed(i, v, from_peer, now);
    tell_peer(w, i, &moved, carrier, now);
    if (!from_peer && w->oracle)
        prove(w, i, now);
}

static void expire_peers(struct wire *w, estab_time now)
{
    struct end_state moved;
    struct infer *i;

    while ((i = infer_table_expire(w->peers, &moved, now)))
        tell_peer(w, i, &moved, 0, now);
}

/* ---- what leaves ----------------------------------------------------------------------------------------- */

/* A copy that stays, with all its checksums. */
static struct outgoing *copy_frame(const struct estab_frame *f)
{
    struct outgoing *o = calloc(1, sizeof *o + f->length);

    if (!o)
        return NULL;
    link_flatten(f, o->bytes);
    o->frame.length = f->length;
    o->frame.segment_size = f->segment_size;
    o->frame.link = f->link;
    o->frame.cause = f->cause;
    o->frame.parts = 1;
    o->frame.part[0] = (struct estab_part){o->bytes, f->length};
    view_frame(&o->view, &o->frame);
    return o;
}

static void leaving(void *context, const struct estab_frame *f, estab_time now)
{
    struct wire *w = context;
    struct outgoing *o = copy_frame(f);

    if (!o && w->config.station)
        station_note(w->config.station, &(struct envelope){.type = SAY_FRAME});
    if (!o)
        return; /* out of memory: it is sent, and not told */
    watch_read(&w->watch, &o->view.dst);
    watch_know(&w->watch, &o->view, true);
    o->why = watch_why(&w->watch, f);
    o->serial = ++w->out;
    o->reason = REASONS;
    o->due = w->outward || w->config.station ? ESTAB_NEVER : now;
    o->when = now;
    if (w->config.station)
        news_leaving(&w->news, &o->view, o->serial, o->why);
    story_sent(w->config.story, &o->view, o->serial);
    if (w->last)
        w->last->next = o;
    else
        w->first = o;
    w->last = o;
}

static const char *fate_note(uint32_t fate)
{
    return fate & FATE_NOBODY       ? "lost: nobody has this address"
           : fate & FATE_SLOW       ? "lost: its receiver does not read"
           : fate & LINK_LOST       ? "lost"
           : fate & LINK_QUEUE_FULL ? "lost: the queue is full"
           : fate & LINK_GONE       ? "lost"
           : fate & LINK_CORRUPTED  ? "corrupted on the way"
           : fate & LINK_MARKED     ? "marked CE on the way"
           : fate & LINK_DUPLICATED ? "delivered twice"
           : fate & LINK_HELD       ? "held back"
                                    : NULL;
}

static void tell_outgoing(struct wire *w, struct outgoing *o)
{
    bool gone = o->fate & FATE_GONE;

    if (!gone && !o->reported && !(o->fate & LINK_CORRUPTED))
        feed_peer(w, &o->view, false, 0, o->when);
    story_packet(w->config.story, &(struct story_packet){
                                      .frame = &o->frame,
                                      .view = &o->view,
                                      .wire = w->number,
                                      .direction = PCAPNG_OUT,
                                      .serial = o->serial,
                                      .reason = o->reason,
                                      .why = o->why,
                                      .note = fate_note(o->fate),
                                      .gone = gone,
                                      .time = wire_time(w, w->config.station ? o->when : o->due),
                                  });
}

static struct outgoing *take_due(struct wire *w, estab_time now)
{
    struct outgoing **best = NULL, *o, *previous = NULL;

    for (struct outgoing **p = &w->first; *p; p = &(*p)->next)
        if ((*p)->due <= now && (!best || (*p)->due < (*best)->due))
            best = p;
    if (!best)
        return NULL;
    o = *best;
    *best = o->next;
    if (o == w->last) {
        for (previous = w->first; previous && previous->next; previous = previous->next)
            continue;
        w->last = previous;
    }
    return o;
}

static void tell_due(struct wire *w, estab_time now)
{
    struct outgoing *o;

    while ((o = take_due(w, now))) {
        tell_outgoing(w, o);
        free(o);
    }
}

static estab_time next_due(const struct wire *w)
{
    estab_time first = ESTAB_NEVER;

    for (const struct outgoing *o = w->first; o; o = o->next)
        if (o->due < first)
            first = o->due;
    return first;
}

/* ---- what arrives ------------------------------------------------------------------------------------------ */

static void tell_incoming(struct wire *w, const struct estab_frame *f, const struct frame_view *v,
                          const char *note, bool gone, estab_time now)
{
    const struct envelope *e = w->config.station ? station_came(w->config.station, f) : NULL;

    if (e)
        note = e->fate & FATE_COPY ? "a copy" : fate_note(e->fate & ~(uint32_t)FATE_DUPLICATED);
    story_packet(w->config.story, &(struct story_packet){
                                      .frame = f,
                                      .view = v,
                                      .wire = w->number,
                                      .direction = PCAPNG_IN,
                                      .serial = w->in,
                                      .reason = gone ? REASONS : w->watch.reason,
                                      .why = e ? news_why(e->why) : WHYS,
                                      .note = note,
                                      .gone = gone,
                                      .time = wire_time(w, now),
                                  });
}

/* A device may hear what other hosts say to each other. */
static bool concerns(const struct wire *w, const struct frame_view *v)
{
    const struct estab_addr *ours = &w->config.interface.address;

    const struct estab_addr nobody = estab_ipv4(0, 0, 0, 0), everybody = estab_ipv4(255, 255, 255, 255);

    if (memcmp(ours, &nobody, sizeof nobody) == 0 && memcmp(&v->dst.addr, &everybody, sizeof everybody) == 0)
        return true; /* it may be the answer to who asks for an address */
    return v->kind == VIEW_ARP || memcmp(&v->dst.addr, ours, sizeof *ours) == 0 ||
           memcmp(&v->src.addr, ours, sizeof *ours) == 0;
}

/* Its state came with it, or is inferred. */
static void know_sender(struct wire *w, const struct estab_frame *f, const struct frame_view *v,
                        estab_time now)
{
    const struct envelope *e = w->config.station ? station_came(w->config.station, f) : NULL;
    struct story_end end = {v->src, v->dst};

    if (v->kind == VIEW_TCP && e && e->has & HAS_BEFORE)
        news_heard(&w->news, &end, e, ++w->in, w->zero, w->config.begin);
    else
        feed_peer(w, v, true, ++w->in, now);
}

static void arriving(void *context, const struct estab_frame *f, estab_time now)
{
    struct wire *w = context;
    struct frame_view v;

    view_frame(&v, f);
    watch_read(&w->watch, &v.src);
    tell_due(w, now);
    if (!concerns(w, &v))
        return;
    watch_know(&w->watch, &v, false);
    story_arriving(w->config.story, &v);
    if (!w->inward)
        know_sender(w, f, &v, now);
}

static void arrived(void *context, const struct estab_frame *f, estab_time now)
{
    struct wire *w = context;
    struct frame_view v;

    view_frame(&v, f);
    watch_read(&w->watch, &v.src);
    if (!concerns(w, &v))
        return;
    if (w->config.station)
        news_arrived(&w->news, &v, station_came(w->config.station, f));
    tell_incoming(w, f, &v, NULL, false, now);
}

static void expired(void *context, estab_time now)
{
    struct wire *w = context;

    watch_read(&w->watch, NULL);
    tell_due(w, now);
}

/* A frame was put on an impairing link; the outward ones come in the order in which they left. */
static void passing(void *context, bool outward, const struct estab_frame *f,
                    const struct link_passage *p, estab_time now)
{
    struct wire *w = context;
    struct frame_view v;

    if (outward) {
        struct outgoing *o = w->first;
        while (o && o->due != ESTAB_NEVER)
            o = o->next;
        if (!o)
            return;
        o->fate = p->fate;
        o->due = p->fate & LINK_GONE ? now : p->due;
        return;
    }
    view_frame(&v, f);
    tell_due(w, now);
    if (!concerns(w, &v))
        return;
    feed_peer(w, &v, true, ++w->in, now);
    if (p->fate & LINK_GONE)
        tell_incoming(w, f, &v, fate_note(p->fate), true, now);
}

/* ---- what other stations tell ------------------------------------------------------------------------------ */

static struct outgoing *find_outgoing(struct wire *w, uint64_t serial)
{
    struct outgoing *o = w->first;

    while (o && o->serial != serial)
        o = o->next;
    return o;
}

/* Who reports has a moment to do so. */
static void hear_fate(struct wire *w, const struct envelope *e)
{
    const struct station_peer *to = station_peer_number(w->config.station, e->to);
    struct outgoing *o = find_outgoing(w, e->serial);

    if (!o || o->due != ESTAB_NEVER)
        return;
    o->fate = e->fate;
    o->when = o->due = estab_now();
    if (!(e->fate & FATE_GONE) && o->view.kind == VIEW_TCP && to && to->flags & STATION_REPORTS)
        o->due += PATIENCE;
}

static void hear_report(struct wire *w, const struct envelope *e)
{
    struct outgoing *o = find_outgoing(w, e->serial);
    struct story_end end = {e->local, e->remote};

    if (!o) { /* told already: a copy's, or too late */
        if (e->has & HAS_LOCAL && e->has & HAS_REMOTE)
            news_heard(&w->news, &end, e, 0, w->zero, w->config.begin);
        return;
    }
    end = (struct story_end){o->view.dst, o->view.src};
    news_heard(&w->news, &end, e, 0, w->zero, w->config.begin);
    o->reported = true;
    o->reason = news_reason(e->reason);
    if (o->due == ESTAB_NEVER)
        o->when = estab_now();
    o->due = o->when;
    tell_due(w, estab_now());
}

static void hear_state(struct wire *w, const struct envelope *e)
{
    struct story_end end = {e->local, e->remote};

    news_heard(&w->news, &end, e, 0, w->zero, w->config.begin);
}

/* Whether it has left in the midst of a connection with us. */
static bool was_connected(struct wire *w, const struct estab_addr *address)
{
    struct estab_status st = {.size = sizeof st};
    uint64_t cursor = 0;

    while (estab_list(w->config.stack, &cursor, &st))
        if (memcmp(&st.remote.addr, address, sizeof *address) == 0 &&
            st.state != ESTAB_STATE_TIME_WAIT && st.state != ESTAB_STATE_LISTEN)
            return true;
    return false;
}

static void hear_station(struct wire *w, const struct envelope *e)
{
    char sentence[256];

    if (e->flags & (STATION_MONITOR | STATION_CARRIED))
        return;
    if (!(e->flags & STATION_GONE)) {
        story_name(w->config.story, e->address, e->name);
        return;
    }
    if (!w->config.say || !was_connected(w, &e->address))
        return;
    snprintf(sentence, sizeof sentence,
             "%s (%s, process %u) has left the wire and did not close its connection: what is sent "
             "to it now reaches nobody",
             e->name, e->program, e->pid);
    w->config.say(w->config.context, sentence);
}

static void heard(void *context, const struct envelope *e)
{
    struct wire *w = context;

    if (e->type == SAY_FATE)
        hear_fate(w, e);
    else if (e->type == SAY_REPORT)
        hear_report(w, e);
    else if (e->type == SAY_STATE)
        hear_state(w, e);
    else if (e->type == SAY_STATION)
        hear_station(w, e);
}

bool wire_untold(const struct wire *w)
{
    return w->first != NULL;
}

uint64_t wire_sent(const struct wire *w)
{
    return w->out;
}

void wire_flush(struct wire *w)
{
    wire_turn(w, 0);
    if (w->config.station)
        news_settle(&w->news, ESTAB_NEVER);
}

bool wire_gone(const struct wire *w)
{
    return w->config.station && station_gone(w->config.station);
}

/* ---- turns --------------------------------------------------------------------------------------------------- */

estab_loop *wire_loop(struct wire *w)
{
    return w->loop;
}

bool wire_knows_peer(const struct wire *w)
{
    return w->oracle != NULL;
}

void wire_listens(struct wire *w)
{
    w->peers->start = TCP_LISTEN;
}

void wire_calls(struct wire *w, const struct estab_endpoint *remote)
{
    watch_read(&w->watch, remote);
}

void wire_turn(struct wire *w, estab_time until)
{
    estab_time now = estab_now(), due = next_due(w), peers = infer_table_deadline(w->peers);

    until = until < due ? until : due;
    until = until < peers ? until : peers;
    until = until < now + TURN_MOST ? until : now + TURN_MOST;
    (void)estab_loop_once(w->loop, until);
    wire_settle(w);
}

void wire_settle(struct wire *w)
{
    estab_time now = estab_now();

    tell_due(w, now);
    expire_peers(w, now);
    if (w->config.station)
        news_settle(&w->news, now);
    story_settle(w->config.story, wire_time(w, now));
}

void wire_address(struct wire *w, struct estab_addr address)
{
    w->config.interface.address = w->watch.address = address;
}

/* ---- making -------------------------------------------------------------------------------------------------- */

static struct link *make_link(const struct cli_options *o, const char *name)
{
    struct random seeds = random_stream(o->seed, name);
    struct link *link = link_new(&o->impair, random_u64(&seeds));

    for (unsigned i = 0; link && i < o->rules.count; i++)
        (void)!link_rule_add(link, &o->rules.rule[i]);
    return link;
}

/* What a wire does to frames is its hub's business. */
static bool impaired(const struct wire *w)
{
    const struct cli_options *o = w->config.cli;

    if (w->config.station)
        return false;
    return cli_given(o, OPT_IMPAIR) || o->rules.count > 0;
}

static bool join(struct wire *w)
{
    struct estab_observer observer = {w, arriving, arrived, expired, leaving};
    bool has_it = estab_address_is_local(w->config.stack, w->config.interface.address);
    int interface = has_it ? 0 : estab_interface_add(w->config.stack, &w->config.interface);

    w->loop = estab_loop_new(w->config.stack);
    if (interface < 0 || !w->loop ||
        estab_loop_join(w->loop, interface, w->config.device) != ESTAB_OK)
        return false;
    estab_loop_observe(w->loop, &observer);
    if (!impaired(w))
        return true;
    w->inward = make_link(w->config.cli, "link inward");
    w->outward = make_link(w->config.cli, "link outward");
    return w->inward && w->outward &&
           loop_impair(w->loop, interface,
                       &(struct loop_impairment){w->inward, w->outward, passing, w}) == ESTAB_OK;
}

struct wire *wire_new(const struct wire_config *config, struct estab_host_error *error)
{
    struct estab_host_error none;
    struct wire *w = calloc(1, sizeof *w);

    if (!w || !(w->peers = calloc(1, sizeof *w->peers))) {
        host_fail(error, ESTAB_HOST_IO, 0, "no memory");
        free(w);
        return NULL;
    }
    w->config = *config;
    w->out = config->sent;
    if (config->netns) /* as root; others infer */
        w->oracle = oracle_open(config->peer, &none);
    w->zero = estab_now();
    watch_init(&w->watch, config->story, config->stack, config->interface.address);
    w->watch.zero = w->zero;
    w->watch.begin = config->begin;
    if (config->station) {
        news_init(&w->news, config->station, config->story, &w->watch);
        w->watch.moved = news_moved;
        w->watch.context = &w->news;
        station_listen(config->station, heard, w);
    }
    w->number = story_wire(config->story, (enum estab_link)config->interface.link, config->name);
    infer_table_init(w->peers, config->peer_listens ? TCP_LISTEN : TCP_CLOSED, LINUX_MSL);
    if (join(w))
        return w;
    host_fail(error, ESTAB_HOST_IO, 0, "no memory, or an interface that makes no sense");
    wire_free(w);
    return NULL;
}

void wire_free(struct wire *w)
{
    struct outgoing *o;

    if (!w)
        return;
    tell_due(w, ESTAB_NEVER - 1); /* what still waits for a report */
    while ((o = w->first)) {
        w->first = o->next;
        free(o);
    }
    estab_loop_free(w->loop);
    link_free(w->inward);
    link_free(w->outward);
    oracle_close(w->oracle);
    free(w->peers);
    free(w);
}
