/* SPDX-License-Identifier: MIT */
/*
 * describe.c - the line for people.
 *
 *      0.020135 server>client [SYN,ACK] seq 0 ack 1 win 65535 <mss 1460,...> | server: LISTEN -> ...
 *      '------'               '-------'                                        '------------------
 *      time_w   ends_w                  seq_w ack_w win_w                    left_w
 *
 * A line is tried in several layouts, the richest first; the first one that fits is taken.
 */
#include "capture/describe.h"

#include "capture/describe_parts.h"

#include <inttypes.h>
#include <stdio.h>

#define LEFT_EXTRA 27 /* columns kept free behind the window: " <mss 1460,sackOK,ts,ws 10>" */

/* Of most moves, "client: ESTABLISHED -> CLOSE-WAIT (by rcv FIN, 3.10.7.4 step 8)" */
#define MOVE_COLUMNS 64

#define NARROW 100 /* a terminal of fewer columns */

/* ---- time and ends ------------------------------------------------------------------------------- */

static void widen(uint16_t *width, size_t columns)
{
    if (columns > *width && columns < UINT16_MAX)
        *width = (uint16_t)columns;
}

estab_time describe_shown_time(const struct describe *d, estab_time time, estab_time delta)
{
    switch (d->config.ts) {
    case DESCRIBE_ABSOLUTE:
        return time + d->config.epoch_ns;
    case DESCRIBE_DELTA:
        return delta;
    default:
        return time > d->config.origin ? time - d->config.origin : 0;
    }
}

static void put_time(struct describe *d, struct text *t, estab_time time, estab_time delta)
{
    estab_time shown = describe_shown_time(d, time, delta);
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%*" PRIu64 ".%06" PRIu64,
                     d->time_w > 7 ? d->time_w - 7 : 1, shown / ESTAB_SECOND,
                     shown % ESTAB_SECOND / ESTAB_US);

    text_paint(t, TEXT_DIM, digits);
    text_add(t, " ");
    widen(&d->time_w, (size_t)n);
}

/* ---- fields ----------------------------------------------------------------------------------------- */

static void put_number(struct text *t, const char *name, uint16_t *width, int64_t number)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRId64, number);

    widen(width, (size_t)n);
    text_format(t, " %s %-*s", name, *width, digits);
}

static void put_numbers(struct describe *d, const struct describe_packet *p, struct text *t)
{
    const struct view_tcp *tcp = &p->view->tcp;
    bool absolute = d->config.absolute_seq;

    put_number(t, "seq", &d->seq_w, absolute ? tcp->seq : p->flow.seq);
    if (tcp->flags & CTL_ACK) {
        put_number(t, "ack", &d->ack_w, absolute ? tcp->ack : p->flow.ack);
    } else {
        text_pad(t, text_columns(t) + 5u + d->ack_w);
    }
    put_number(t, "win", &d->win_w, p->flow.window);
}

static void put_len(const struct describe_packet *p, struct text *t, enum describe_detail detail)
{
    const struct frame_view *v = p->view;

    if (v->tcp.flags & CTL_URG)
        text_format(t, " urg %u", v->tcp.urgent);
    if (v->payload_length == 0)
        return;
    text_format(t, " len %" PRIu32, v->payload_length);
    if (v->segments > 1)
        text_format(t, " in %u", v->segments);
    describe_preview(t, v, detail);
}

static void put_mark(struct text *t, enum text_colour colour, const char *what, const char *more)
{
    char mark[256];

    snprintf(mark, sizeof mark, " (%s%s)", what, more);
    text_paint(t, colour, mark);
}

static void put_marks(const struct describe_packet *p, struct text *t)
{
    const struct frame_view *v = p->view;
    const char *mark = describe_mark(p);

    if (v->malformed)
        put_mark(t, TEXT_RED, "malformed: ", v->malformed);
    if (v->checksum == VIEW_SUM_BAD)
        put_mark(t, TEXT_RED, "bad checksum", "");
    if (mark[0])
        put_mark(t, TEXT_YELLOW, mark, "");
    if (p->note && p->note[0])
        put_mark(t, TEXT_RED, p->note, "");
}

static void put_flags(const struct frame_view *v, struct text *t)
{
    char flags[VIEW_FLAGS_MAX], all[VIEW_FLAGS_MAX + 2];
    enum text_colour colour = v->tcp.flags & CTL_RST               ? TEXT_RED
                              : v->tcp.flags & (CTL_SYN | CTL_FIN) ? TEXT_CYAN
                                                                   : TEXT_PLAIN;
    size_t column = text_columns(t) + sizeof "[SYN,ACK]" - 1;

    view_flags_text(flags, v->tcp.flags);
    snprintf(all, sizeof all, "[%s]", flags);
    text_paint(t, colour, all);
    text_pad(t, column);
}

/* Everything before the bar but the marks. */
static void put_fields(struct describe *d, const struct describe_packet *p, struct text *t,
                       enum describe_detail detail)
{
    const struct frame_view *v = p->view;
    size_t column;

    put_time(d, t, p->time, p->delta);
    column = text_columns(t);
    describe_ends(d, p, t);
    widen(&d->ends_w, text_columns(t) - column);
    text_pad(t, column + d->ends_w + 1);
    if (v->kind == VIEW_TCP && v->tcp.header_length > 0) {
        put_flags(v, t);
        put_numbers(d, p, t);
        put_len(p, t, detail);
        describe_options(t, p, d->config.verbose, detail);
    } else {
        describe_other(d, p, t);
    }
    text_trim(t);
}

static void put_packet(struct describe *d, const struct describe_packet *p, struct text *t,
                       enum describe_detail detail)
{
    put_fields(d, p, t, detail);
    put_marks(p, t);
    if (d->config.verbose && p->flow.tcp)
        text_format(t, " #%" PRIu32, p->flow.number);
}

/* Where the bar stands: behind the columns and what a SYN's options take, but so that the states of
 * two ends that do not move have room. */
static size_t bar(struct describe *d)
{
    size_t states = d->ends_w + sizeof ": ESTABLISHED  ~: ESTABLISHED" - 1 + sizeof " | " - 1;
    size_t ends = d->ends_w > d->likely_w ? d->ends_w : d->likely_w;
    size_t columns = (size_t)d->time_w + 1 + ends + 1 + sizeof "[SYN,ACK]" - 1 + 5u +
                     d->seq_w + 5u + d->ack_w + 5u + d->win_w + LEFT_EXTRA;

    widen(&d->left_w, columns);
    if (d->config.width > states && d->left_w > d->config.width - states)
        return d->config.width - states;
    return d->left_w;
}

/* ---- the states -------------------------------------------------------------------------------------- */

struct layout {
    enum describe_detail detail; /* of options and text */
    enum describe_cause cause;
    bool padded; /* the bar keeps its column */
};

/* One line, if it fits. */
static bool try_line(struct describe *d, const struct describe_packet *p, struct text *t,
                     struct layout layout)
{
    char left_text[DESCRIBE_MAX / 4], right_text[DESCRIBE_MAX / 8];
    struct text left = text_of(left_text, sizeof left_text, d->config.colour);
    struct text right = text_of(right_text, sizeof right_text, d->config.colour);
    size_t column, columns;

    put_packet(d, p, &left, layout.detail);
    describe_put_states(d, p, &right, layout.cause, 0);
    column = layout.padded && bar(d) > text_columns(&left) ? bar(d) : text_columns(&left);
    columns = text_columns(&left);
    if (right.length > 0)
        columns = column + sizeof " | " - 1 + text_columns(&right);
    if (d->config.width && columns > d->config.width)
        return false;
    text_append(t, &left);
    if (right.length > 0) {
        text_pad(t, column);
        text_paint(t, TEXT_DIM, " | ");
        text_append(t, &right);
    }
    return true;
}

/* Where the bar stands in lines without a packet: behind its ends, or further left on a narrow
 * terminal. */
static size_t low_bar(const struct describe *d)
{
    return (size_t)d->time_w + 1 + (d->config.width < NARROW ? 0 : d->ends_w + 1u);
}

static void put_below(const struct describe *d, struct text *t, const char *before,
                      const struct text *what)
{
    text_newline(t);
    text_pad(t, low_bar(d));
    text_paint(t, TEXT_DIM, before);
    text_append(t, what);
}

/* A line with states below the packet; false: it does not fit. */
static bool try_below(struct describe *d, const struct describe_packet *p, struct text *t,
                      enum describe_cause cause, unsigned which)
{
    char state_text[DESCRIBE_MAX / 8];
    struct text state = text_of(state_text, sizeof state_text, d->config.colour);

    describe_put_states(d, p, &state, cause, which);
    if (low_bar(d) + 2 + text_columns(&state) > d->config.width)
        return false;
    if (state.length > 0)
        put_below(d, t, "| ", &state);
    return true;
}

static bool below(struct describe *d, const struct describe_packet *p, struct text *t,
                  unsigned which)
{
    return try_below(d, p, t, CAUSE_SECTION, which) || try_below(d, p, t, CAUSE_EVENT, which);
}

/* An end whose moves are too many for a line. */
static void overlong(struct describe *d, const struct describe_packet *p, struct text *t,
                     unsigned which)
{
    char state_text[DESCRIBE_MAX / 8];
    struct text state = text_of(state_text, sizeof state_text, d->config.colour);

    if (below(d, p, t, which))
        return;
    describe_put_states(d, p, &state, CAUSE_EVENT, which);
    put_below(d, t, "| ", &state);
}

/* What did not fit behind the fields: options, if they are not there, and marks. */
static void put_rest(struct describe *d, const struct describe_packet *p, struct text *t,
                     bool options)
{
    char rest_text[DESCRIBE_MAX / 4];
    struct text rest;

    for (unsigned detail = DETAIL_FULL; detail <= DETAIL_SHORT; detail++) {
        rest = text_of(rest_text, sizeof rest_text, d->config.colour);
        if (options)
            describe_options(&rest, p, d->config.verbose, (enum describe_detail)detail);
        put_marks(p, &rest);
        if (low_bar(d) + 1 + text_columns(&rest) <= d->config.width)
            break;
    }
    if (rest.length > 0)
        put_below(d, t, "|", &rest); /* it begins with a space */
}

/* The packet as rich as it fits; the rest follows below if it does not fit at all. */
static void broken_packet(struct describe *d, const struct describe_packet *p, struct text *t)
{
    char packet_text[DESCRIBE_MAX / 4];
    struct text packet;

    for (unsigned detail = DETAIL_FULL; detail <= DETAIL_NONE; detail++) {
        packet = text_of(packet_text, sizeof packet_text, d->config.colour);
        put_packet(d, p, &packet, (enum describe_detail)detail);
        if (text_columns(&packet) > d->config.width)
            continue;
        text_append(t, &packet);
        return;
    }
    packet = text_of(packet_text, sizeof packet_text, d->config.colour);
    put_fields(d, p, &packet, DETAIL_NONE);
    if (text_columns(&packet) <= d->config.width) {
        text_append(t, &packet);
        put_rest(d, p, t, false);
        return;
    }
    put_fields(d, p, t, DETAIL_BARE);
    put_rest(d, p, t, p->view->kind == VIEW_TCP && p->view->tcp.header_length > 0);
}

/* The packet, and below it both ends, on one line or on two. */
static void broken_line(struct describe *d, const struct describe_packet *p, struct text *t)
{
    broken_packet(d, p, t);
    if (below(d, p, t, 0))
        return;
    overlong(d, p, t, 1);
    overlong(d, p, t, 2);
}

/* A second line, broken between its clauses where it is too long. */
static void put_why(const struct describe *d, const struct describe_packet *p, struct text *t)
{
    char why[DESCRIBE_MAX / 4], *clause = why, *next;
    size_t column = (size_t)d->time_w + 1, start = column + sizeof "why: " - 1;

    if (!d->config.why || describe_why(d, p, why, sizeof why) == 0)
        return;
    text_newline(t);
    text_pad(t, column);
    text_paint(t, TEXT_DIM, "why: ");
    for (; clause; clause = next) {
        size_t n = strlen(clause);
        next = strstr(clause, "; ");
        if (next) {
            n = (size_t)(next - clause) + 1;
            next += 2;
        }
        if (text_columns(t) > start && d->config.width &&
            text_columns(t) + 1 + n > d->config.width) {
            text_newline(t);
            text_pad(t, start);
        } else if (text_columns(t) > start) {
            text_add(t, " ");
        }
        text_put(t, clause, n);
    }
}

/* ---- public -------------------------------------------------------------------------------------------- */

void describe_init(struct describe *d, const struct describe_config *config)
{
    size_t longest = 0, second = 0;

    memset(d, 0, sizeof *d);
    d->config = *config;
    for (unsigned i = 0; config->names && i < config->names->count; i++) {
        size_t n = strlen(config->names->entry[i].text);
        if (n > longest) {
            second = longest;
            longest = n;
        } else if (n > second) {
            second = n;
        }
    }
    d->time_w = 8;
    widen(&d->ends_w, longest + 1 + second);
    if (longest > 0 && second == 0) /* of one that waits: whoever comes is likely to be the client */
        second = sizeof "client" - 1;
    widen(&d->likely_w, longest + 1 + second);
    d->seq_w = d->ack_w = config->absolute_seq ? 10 : 3;
    d->win_w = 5;
}

void describe_see(struct describe *d, struct describe_packet *p)
{
    p->flow = flows_see(&d->flows, p->view);
    p->delta = d->started && p->time > d->last ? p->time - d->last : 0;
    d->last = p->time;
    d->started = true;
}

size_t describe_line(struct describe *d, const struct describe_packet *p, char *out, size_t size)
{
    static const struct layout layouts[] = {
        {DETAIL_FULL, CAUSE_SECTION, true}, {DETAIL_FULL, CAUSE_EVENT, true},
        {DETAIL_SHORT, CAUSE_EVENT, true},  {DETAIL_NONE, CAUSE_EVENT, true},
        {DETAIL_SHORT, CAUSE_EVENT, false}, {DETAIL_NONE, CAUSE_EVENT, false},
    };
    struct text t = text_of(out, size, d->config.colour);
    bool done = false;

    for (unsigned i = 0; i < sizeof layouts / sizeof layouts[0] && !done; i++)
        done = try_line(d, p, &t, layouts[i]);
    if (!done)
        broken_line(d, p, &t);
    put_why(d, p, &t);
    return t.length;
}

size_t describe_move_line(struct describe *d, const struct describe_move *m, char *out, size_t size)
{
    char move_text[DESCRIBE_MAX / 8];
    struct text t = text_of(out, size, d->config.colour);
    struct text move = text_of(move_text, sizeof move_text, d->config.colour);
    estab_time delta = d->started && m->time > d->last ? m->time - d->last : 0;
    size_t column = bar(d);

    d->last = m->time;
    d->started = true;
    put_time(d, &t, m->time, delta);
    if (m->decides) {
        describe_put_decision(d, m, &t);
        return t.length;
    }
    describe_put_move(d, m, &move);
    if (d->config.width && column + 3 + MOVE_COLUMNS > d->config.width)
        column = low_bar(d) - 1;
    text_pad(&t, column);
    text_paint(&t, TEXT_DIM, column + 1 > text_columns(&t) ? " | " : "| ");
    text_append(&t, &move);
    return t.length;
}
