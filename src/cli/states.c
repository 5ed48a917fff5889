/* SPDX-License-Identifier: MIT */
/*
 * states.c - `estab states`: the rows of fsm.def as JSON and as Graphviz source; and what the two
 * drawings (states_text.c, states_svg.c) have in common.
 */
#include "cli/states.h"

#include <ctype.h>
#include <string.h>

#include "cli/verb.h"

/* ---- labels --------------------------------------------------------------------------------------- */

const char *states_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [EDGE_CLIENT] = "client",
        [EDGE_SERVER] = "server",
        [EDGE_UNUSUAL] = "unusual",
    };

    return names[kind];
}

const char *states_kind_meaning(unsigned kind)
{
    static const char *const meanings[] = {
        [EDGE_CLIENT] = "a client's normal path",
        [EDGE_SERVER] = "a server's normal path",
        [EDGE_UNUSUAL] = "unusual",
    };

    return meanings[kind];
}

/* The least unusual kind of row between two states; EDGE_UNUSUAL too if there is none. */
static unsigned best_kind(enum tcp_state from, enum tcp_state to)
{
    const struct tcp_edge *edge;
    unsigned kind = EDGE_UNUSUAL;

    for (unsigned i = 0; (edge = fsm_edge(i)); i++) {
        if (edge->from == from && edge->to == to && edge->kind < kind)
            kind = edge->kind;
    }
    return kind;
}

static bool is_drawn(const struct tcp_edge *edge, const struct states_route *route)
{
    return edge->from == route->from && edge->to == route->to &&
           edge->kind == best_kind(edge->from, edge->to);
}

static const struct tcp_edge *next_edge(const struct states_route *route, unsigned *row)
{
    const struct tcp_edge *edge;

    while ((edge = fsm_edge((*row)++))) {
        if (is_drawn(edge, route))
            return edge;
    }
    return NULL;
}

const struct tcp_edge *states_first_edge(const struct states_route *route)
{
    unsigned row = 0;

    return next_edge(route, &row);
}

/* Appends an atom; it begins a line if it no longer fits the last. */
static void append(struct states_label *label, unsigned *column, unsigned columns,
                   struct states_atom atom)
{
    unsigned width = (unsigned)(strlen(atom.text) + strlen(atom.after));

    if (label->atoms == STATES_ATOMS_MAX)
        return;
    atom.newline = label->atoms && *column + 1 + width > columns;
    *column = atom.newline || !label->atoms ? width : *column + 1 + width;
    label->lines += atom.newline || !label->atoms;
    label->atom[label->atoms++] = atom;
}

struct states_label states_label_of(const struct states_route *route)
{
    struct states_label label = {0};
    unsigned row = 0, column = 0;
    const struct tcp_edge *edge = next_edge(route, &row), *next;

    for (; edge; edge = next) {
        next = next_edge(route, &row);
        bool last = !next || strcmp(edge->emits, next->emits) != 0;
        bool acts = last && *edge->emits;

        struct states_atom event = {.edge = edge, .text = fsm_event_name(edge->event), .after = ""};
        struct states_atom action = {.text = edge->emits, .after = next ? ";" : ""};

        if (acts)
            event.after = " /";
        else if (next)
            event.after = ",";
        append(&label, &column, route->columns, event);
        if (acts)
            append(&label, &column, route->columns, action);
    }
    return label;
}

bool states_is_routed(const struct tcp_edge *edge, const struct states_route *routes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_drawn(edge, &routes[i]))
            return true;
    }
    return false;
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static void json_facts(enum tcp_state state)
{
    static const struct {
        unsigned bit;
        const char *name;
    } facts[] = {
        {F_SYNC, "synchronized"}, {F_MAY_SEND, "may send"},          {F_MAY_RECV, "may receive"},
        {F_FIN_SENT, "FIN sent"}, {F_FIN_ACKED, "FIN acknowledged"}, {F_FIN_RCVD, "FIN received"},
    };
    const char *comma = "";

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (tcp_state_is(state, facts[i].bit)) {
            printf("%s\"%s\"", comma, facts[i].name);
            comma = ",";
        }
    }
}

/* No name in fsm.def needs an escape. */
static void states_json(void)
{
    const struct tcp_edge *edge;

    printf("{\"states\":[\n");
    for (unsigned state = 0; state < TCP_STATES; state++) {
        printf("%s{\"name\":\"%s\",\"facts\":[", state ? ",\n" : "", fsm_state_name(state));
        json_facts(state);
        printf("]}");
    }
    printf("],\n\"edges\":[\n");
    for (unsigned i = 0; (edge = fsm_edge(i)); i++)
        printf("%s{\"from\":\"%s\",\"event\":\"%s\",\"to\":\"%s\",\"emits\":\"%s\","
               "\"source\":\"%s%s\",\"kind\":\"%s\"}",
               i ? ",\n" : "", fsm_state_name(edge->from), fsm_event_name(edge->event),
               fsm_state_name(edge->to), edge->emits,
               isdigit((unsigned char)*edge->source) ? "RFC 9293 section " : "", edge->source,
               states_kind_name(edge->kind));
    printf("]}\n");
}

/* ---- Graphviz ------------------------------------------------------------------------------------- */

static void dot_edge(const struct tcp_edge *edge)
{
    static const char *const styles[] = {
        [EDGE_CLIENT] = "penwidth=3, weight=4",
        [EDGE_SERVER] = "style=dashed, penwidth=1.5, weight=4",
        [EDGE_UNUSUAL] = "penwidth=0.6",
    };

    printf("    \"%s\" -> \"%s\" [label=\"%s%s%s\", %s];\n", fsm_state_name(edge->from),
           fsm_state_name(edge->to), fsm_event_name(edge->event), *edge->emits ? " /\\n" : "",
           edge->emits, styles[edge->kind]);
}

static void states_dot(void)
{
    const struct tcp_edge *edge;

    printf("// The states of TCP (RFC 9293): estab states --format dot\n"
           "// Thick: a client's normal path. Dashed: a server's. Thin: the unusual.\n"
           "digraph tcp {\n"
           "    graph [rankdir=TB, nodesep=0.6, ranksep=0.7, fontname=\"sans-serif\"];\n"
           "    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
           "    edge [fontname=\"sans-serif\", fontsize=9];\n");
    for (unsigned state = 0; state < TCP_STATES; state++)
        printf("    \"%s\";\n", fsm_state_name(state));
    for (unsigned i = 0; (edge = fsm_edge(i)); i++)
        dot_edge(edge);
    printf("}\n");
}

int cmd_states(const struct cli_options *o)
{
    switch (o->json ? FORMAT_JSON : o->format) {
    case FORMAT_DOT:
        states_dot();
        break;
    case FORMAT_SVG:
        states_svg(stdout);
        break;
    case FORMAT_JSON:
        states_json();
        break;
    default:
        states_text(stdout);
    }
    return CLI_OK;
}
