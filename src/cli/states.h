/* SPDX-License-Identifier: MIT */
/*
 * states.h - the state machine on paper.
 *
 * A drawing is a layout (where the boxes stand, which way the lines between them go) filled with
 * the rows of fsm.def.  Rows with the same two ends share a line, and its label names them all; but
 * if some of them are on a normal path, only these.  Every other row goes into a table under the
 * drawing: these are the ways from every later state straight to CLOSED.  So a new row always shows,
 * and a line without a row is never drawn.
 *
 * Units are the drawing's own: characters or pixels.
 */
#ifndef CLI_STATES_H
#define CLI_STATES_H

#include <stdio.h>

#include "tcp/fsm.h"

#define STATES_POINTS_MAX 4
#define STATES_ATOMS_MAX  12

struct states_point {
    int x, y;
};

/* Which side of (x, y) the label's text lies on. */
enum states_align { ALIGN_START, ALIGN_MIDDLE, ALIGN_END };

struct states_route {
    uint8_t from, to; /* enum tcp_state */
    uint8_t points;
    uint8_t align; /* enum states_align */
    struct states_point point[STATES_POINTS_MAX];
    struct states_point label; /* of its first line */
    unsigned columns;          /* characters in a line of it, at most */
};

/* A row of a layout: whose ends, how its label lies, how many points, which. */
#define STATES_ROUTE(from, to, align, label_x, label_y, columns, n, ...)                           \
    {                                                                                              \
        TCP_##from, TCP_##to, n, ALIGN_##align, {__VA_ARGS__}, {label_x, label_y}, columns         \
    }

/* What a label is made of and may not be broken: an event, or what a group of events emits. */
struct states_atom {
    const struct tcp_edge *edge; /* NULL: what is emitted */
    const char *text;
    const char *after; /* ",", " /" or "" */
    bool newline;      /* begins a line, other than the first */
};

struct states_label {
    unsigned atoms, lines;
    struct states_atom atom[STATES_ATOMS_MAX];
};

/* The label of a route; without atoms if no row joins its ends. */
struct states_label states_label_of(const struct states_route *);
/* The route's first row, whose kind draws the line; NULL if there is none. */
const struct tcp_edge *states_first_edge(const struct states_route *);
/* Whether one of the routes draws this row. */
bool states_is_routed(const struct tcp_edge *, const struct states_route *, size_t routes);
const char *states_kind_name(unsigned kind);    /* "client" */
const char *states_kind_meaning(unsigned kind); /* "a client's normal path" */

void states_text(FILE *);
void states_svg(FILE *);

#endif
