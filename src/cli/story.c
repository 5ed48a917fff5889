/* SPDX-License-Identifier: MIT */
/*
 * story.c - two ends for each connection, and the moves of each that have yet to be told.
 *
 * A move is told twice: in a line, and in the file as a comment of a packet.  It is forgotten when
 * both have happened, or when there is no file.
 */
#include "cli/decision.h"
#include "cli/story.h"

#include <stdlib.h>

#include "cli/prose.h"

#define SIDE_MOVES  8
#define PATIENCE    ESTAB_SECOND /* for the packet of a call */

struct move {
    const struct tcp_edge *edge;
    estab_time when;
    uint64_t carrier; /* serial of the packet that tells of it; 0: none yet */
    uint16_t reason;
    bool shown, written;
};

struct side {
    struct estab_endpoint at;
    bool known, inferred;
    uint8_t shown; /* enum tcp_state, that the lines have come to */
    unsigned moves;
    struct move move[SIDE_MOVES];
};

struct pair {
    struct side side[2];
    uint64_t stamp;
};

struct story {
    struct story_config config;
    struct names names;
    struct describe describe;
    unsigned wires, named, count;
    uint64_t stamp;
    struct pair pair[STORY_PAIRS];
};

/* ---- which connection --------------------------------------------------------------------------- */

static bool same(const struct estab_endpoint *a, const struct estab_endpoint *b)
{
    return a->port == b->port && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

/* Its two sides, `local` first; made if it is new. */
static struct pair *find(struct story *s, const struct story_end *end, unsigned *local)
{
    struct pair *oldest = &s->pair[0], *t;

    for (unsigned i = 0; i < s->count; i++) {
        t = &s->pair[i];
        for (unsigned k = 0; k < 2; k++) {
            if (!same(&t->side[k].at, &end->local) || !same(&t->side[!k].at, &end->remote))
                continue;
            t->stamp = ++s->stamp;
            *local = k;
            return t;
        }
        if (t->stamp < oldest->stamp)
            oldest = t;
    }
    t = s->count < STORY_PAIRS ? &s->pair[s->count++] : oldest;
    *t = (struct pair){.side = {{.at = end->local}, {.at = end->remote}}, .stamp = ++s->stamp};
    *local = 0;
    return t;
}

static struct side *find_side(struct story *s, const struct story_end *end)
{
    unsigned local;
    struct pair *t = find(s, end, &local);

    return &t->side[local];
}

static struct story_end sender_of(const struct frame_view *v)
{
    return (struct story_end){v->src, v->dst};
}

bool story_remote(const struct story *s, const struct estab_endpoint *local, uint16_t port,
                  struct estab_endpoint *remote)
{
    uint64_t newest = 0;

    for (unsigned i = 0; i < s->count; i++) {
        const struct pair *t = &s->pair[i];
        for (unsigned k = 0; k < 2; k++) {
            if (t->stamp <= newest || !same(&t->side[k].at, local) || t->side[!k].at.port != port)
                continue;
            newest = t->stamp;
            *remote = t->side[!k].at;
        }
    }
    return newest > 0;
}

/* ---- telling ------------------------------------------------------------------------------------- */

static void put_line(const struct story *s, const char *line)
{
    if (!s->config.out)
        return;
    flockfile(s->config.out); /* a server's workers tell, too */
    fputs(line, s->config.out);
    fputc('\n', s->config.out);
    funlockfile(s->config.out);
}

static void tell_move(struct story *s, struct describe_move *m)
{
    char line[DESCRIBE_MAX];

    if (s->config.cli->json)
        describe_move_json(&s->describe, m, line, sizeof line);
    else
        describe_move_line(&s->describe, m, line, sizeof line);
    put_line(s, line);
}

/* "timeout 2MSL" says it all; but --why and programs want all of it. */
static enum reason worth_telling(const struct story *s, const struct move *m)
{
    bool plain = m->edge->event == EV_TIMEOUT_2MSL && !s->config.cli->why && !s->config.cli->json;

    return plain ? REASONS : (enum reason)m->reason;
}

/* A line of its own. */
static void show_move(struct story *s, struct pair *t, unsigned k, struct move *m)
{
    struct describe_move line = {
        .time = m->when,
        .local = t->side[k].at,
        .remote = t->side[!k].at,
        .end = end_in((enum tcp_state)m->edge->from),
        .reason = (uint16_t)worth_telling(s, m),
    };

    line.end.inferred = t->side[k].inferred;
    end_move(&line.end, (enum tcp_event)m->edge->event, (enum tcp_state)m->edge->to);
    tell_move(s, &line);
    m->shown = true;
    t->side[k].shown = m->edge->to;
}

/* What was told everywhere is forgotten. */
static void forget(const struct story *s, struct side *side)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < side->moves; i++)
        if (!side->move[i].shown || (s->config.file && !side->move[i].written))
            side->move[kept++] = side->move[i];
    side->moves = kept;
}

/* The first move of a side that no line has told; NULL. */
static struct move *untold(struct side *side)
{
    for (unsigned i = 0; i < side->moves; i++)
        if (!side->move[i].shown)
            return &side->move[i];
    return NULL;
}

/* Lines for all moves of both ends that have none, in the order in which they happened. */
static void show_all(struct story *s, struct pair *t)
{
    struct move *a, *b;

    while (a = untold(&t->side[0]), b = untold(&t->side[1]), a || b) {
        if (a && (!b || a->when <= b->when))
            show_move(s, t, 0, a);
        else
            show_move(s, t, 1, b);
    }
    forget(s, &t->side[0]);
    forget(s, &t->side[1]);
}

/* ---- moves --------------------------------------------------------------------------------------- */

void story_know(struct story *s, const struct story_end *end, enum tcp_state state, bool inferred)
{
    struct side *side = find_side(s, end);

    if (side->known)
        return;
    side->known = true;
    side->inferred = inferred;
    side->shown = (uint8_t)state;
}

void story_trust(struct story *s, const struct story_end *end, bool inferred)
{
    find_side(s, end)->inferred = inferred;
}

void story_move(struct story *s, const struct story_end *end, const struct tcp_edge *edge,
                enum reason reason, uint64_t carrier, estab_time when)
{
    unsigned k;
    struct pair *t = find(s, end, &k);
    struct side *side = &t->side[k];

    if (side->moves == SIDE_MOVES) {
        show_all(s, t);
        side->moves = 0; /* the file does without those */
    }
    if (!side->known || (!untold(side) && side->shown != edge->from)) {
        side->known = true;
        side->shown = edge->from;
    }
    side->move[side->moves++] =
        (struct move){.edge = edge, .when = when, .carrier = carrier, .reason = (uint16_t)reason};
}

void story_sent(struct story *s, const struct frame_view *v, uint64_t serial)
{
    struct story_end end = sender_of(v);
    struct side *side;

    if (v->kind != VIEW_TCP)
        return;
    side = find_side(s, &end);
    for (unsigned i = 0; i < side->moves; i++)
        if (side->move[i].carrier == 0)
            side->move[i].carrier = serial;
}

void story_arriving(struct story *s, const struct frame_view *v)
{
    struct story_end end = sender_of(v);
    unsigned k;
    struct pair *t;

    if (v->kind != VIEW_TCP)
        return;
    t = find(s, &end, &k);
    if (untold(&t->side[!k]))
        show_all(s, t);
}

/* Whether a packet may still tell of it. */
static bool awaits(const struct move *m, estab_time now)
{
    if (m->carrier)
        return true;
    return strstr(m->edge->emits, "snd") && now < m->when + PATIENCE;
}

static void show_everything(struct story *s)
{
    for (unsigned i = 0; i < s->count; i++)
        show_all(s, &s->pair[i]);
}

void story_settle(struct story *s, estab_time now)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct pair *t = &s->pair[i];
        struct move *a = untold(&t->side[0]), *b = untold(&t->side[1]);
        if ((a && !awaits(a, now)) || (b && !awaits(b, now)))
            show_all(s, t);
    }
}

static void tell_note(struct story *s, const struct story_end *end, enum tcp_state state, const char *note,
                      bool decides, estab_time when)
{
    struct describe_move line = {
        .time = when,
        .local = end->local,
        .remote = end->remote,
        .end = end_in(state),
        .reason = REASONS,
        .note = note,
        .decides = decides,
    };

    tell_move(s, &line);
}

void story_state(struct story *s, const struct story_end *end, enum tcp_state state,
                 const char *note, estab_time when)
{
    tell_note(s, end, state, note, false, when);
}

void story_decision(struct story *s, const struct estab_status *st, const struct estab_trace *t,
                    estab_time when)
{
    struct story_end end = {st->local, st->remote};
    char words[DESCRIBE_MAX / 4];

    if (s->config.cli->why &&
        decision_words(t, s->config.cli->absolute_seq ? NULL : st, words, sizeof words))
        tell_note(s, &end, (enum tcp_state)st->state, words, true, when);
}

/* ---- packets --------------------------------------------------------------------------------------- */

struct pick {
    bool sender; /* the moves that the packet carries; else those it has caused */
    bool file;   /* for the file; else for the line */
    uint64_t serial;
};

static bool picked(const struct move *m, const struct pick *p)
{
    if (p->file ? m->written : m->shown)
        return false;
    if (p->sender)
        return m->carrier && m->carrier <= p->serial;
    return !m->carrier && strcmp(fsm_event_class((enum tcp_event)m->edge->event), "rcv") == 0;
}

/* A side as the packet finds and leaves it. */
static struct end_state pick_end(const struct side *side, const struct pick *p)
{
    struct end_state end = end_in((enum tcp_state)side->shown);
    bool first = true;

    end.known = side->known;
    end.inferred = side->inferred;
    for (unsigned i = 0; i < side->moves; i++) {
        const struct move *m = &side->move[i];
        if (!picked(m, p))
            continue;
        if (first)
            end.before = m->edge->from;
        first = false;
        end_move(&end, (enum tcp_event)m->edge->event, (enum tcp_state)m->edge->to);
    }
    return end;
}

static void mark_picked(struct side *side, const struct pick *p)
{
    for (unsigned i = 0; i < side->moves; i++) {
        struct move *m = &side->move[i];
        if (!picked(m, p))
            continue;
        if (p->file) {
            m->written = true;
        } else {
            m->shown = true;
            side->shown = m->edge->to;
        }
    }
}

static void write_packet(struct story *s, const struct story_packet *p,
                         const struct describe_packet *d)
{
    char states[DESCRIBE_MAX / 4], why[DESCRIBE_MAX / 4];
    const char *comments[] = {states, why, p->note};

    describe_states(&s->describe, d, states, sizeof states);
    describe_why(&s->describe, d, why, sizeof why);
    pcapng_frame(s->config.file, p->wire, p->direction, p->frame, comments, 3, p->time);
}

static void show_packet(struct story *s, const struct describe_packet *d)
{
    char line[DESCRIBE_MAX];

    if (s->config.cli->json)
        describe_json(&s->describe, d, line, sizeof line);
    else
        describe_line(&s->describe, d, line, sizeof line);
    put_line(s, line);
}

/* For the line, then for the file: the moves are not always the same. */
static void tell_packet(struct story *s, const struct story_packet *p, struct describe_packet *d,
                        struct side *from, struct side *to)
{
    for (unsigned file = 0; file <= (s->config.file ? 1u : 0u); file++) {
        struct pick sender = {.sender = true, .file = file, .serial = p->serial};
        struct pick receiver = {.sender = false, .file = file, .serial = p->serial};
        d->from = pick_end(from, &sender);
        d->to = pick_end(to, &receiver);
        if (file)
            write_packet(s, p, d);
        else
            show_packet(s, d);
        mark_picked(from, &sender);
        if (!p->gone)
            mark_picked(to, &receiver);
    }
    forget(s, from);
    forget(s, to);
}

void story_packet(struct story *s, const struct story_packet *p)
{
    struct describe_packet d = describe_packet(p->view, p->time);
    struct story_end end = sender_of(p->view);
    struct pair *t;
    unsigned k;

    d.reason = (uint16_t)p->reason;
    d.why = (uint16_t)p->why;
    d.note = p->note;
    if (p->view->kind == VIEW_TCP) {
        describe_see(&s->describe, &d);
        t = find(s, &end, &k);
        tell_packet(s, p, &d, &t->side[k], &t->side[!k]);
        return;
    }
    if (p->view->kind == VIEW_ICMP || s->config.all || s->config.cli->verbose > 0) {
        show_everything(s);
        describe_see(&s->describe, &d);
        show_packet(s, &d);
    }
    if (s->config.file)
        write_packet(s, p, &d);
}

/* ---- making ------------------------------------------------------------------------------------------ */

static enum describe_ts ts_of(const struct cli_options *o)
{
    static const enum describe_ts of[] = {
        [TS_RELATIVE] = DESCRIBE_RELATIVE,
        [TS_ABSOLUTE] = DESCRIBE_ABSOLUTE,
        [TS_DELTA] = DESCRIBE_DELTA,
    };
    return of[o->ts];
}

struct story *story_new(const struct story_config *config)
{
    const struct cli_options *o = config->cli;
    struct story *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->config = *config;
    describe_init(&s->describe, &(struct describe_config){
                                    .names = &s->names,
                                    .width = o->json ? 0 : prose_columns(config->out),
                                    .ts = ts_of(o),
                                    .epoch_ns = config->epoch_ns,
                                    .absolute_seq = o->absolute_seq,
                                    .why = o->why,
                                    .verbose = o->verbose > 0,
                                    .colour = o->colour && !o->json,
                                });
    return s;
}

void story_free(struct story *s)
{
    free(s);
}

bool story_tells(const struct story *s)
{
    return s->config.out != NULL;
}

void story_mute(struct story *s)
{
    s->config.out = NULL;
    s->config.file = NULL;
}

void story_name(struct story *s, struct estab_addr addr, const char *name)
{
    (void)names_add(&s->names, addr, name);
}

unsigned story_wire(struct story *s, enum estab_link link, const char *name)
{
    if (s->config.file)
        (void)pcapng_interface(s->config.file, link, name);
    return s->wires++;
}

void story_label(const struct story *s, struct estab_addr addr, char out[NAMES_ADDR_MAX])
{
    (void)names_label(&s->names, addr, out);
}

unsigned story_width(const struct story *s)
{
    return s->describe.config.width;
}

void story_begin(struct story *s, estab_time origin)
{
    struct describe_config config = s->describe.config;

    config.origin = origin;
    describe_init(&s->describe, &config); /* the names are known only now */
    if (s->config.file && s->named < s->names.count)
        pcapng_names(s->config.file, &s->names);
    s->named = s->names.count;
}
