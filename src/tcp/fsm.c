/* SPDX-License-Identifier: MIT */
/*
 * fsm.c - the tables that fsm.def spells, and the one pure question: which edge leaves a state by
 * an event (RFC 9293 section 3.3.2).
 */
#include "tcp/fsm.h"

#include <stddef.h>

/* Numbers the rows, so that a pair finds its own. */
enum edge_row {
#define EDGE(from, event, to, emits, source, kind) ROW_##from##_##event,
#include "tcp/fsm.def"
    EDGES
};

static const struct tcp_edge edges[EDGES] = {
#define EDGE(from, event, to, emits, source, kind)                                                 \
    [ROW_##from##_##event] = {TCP_##from, EV_##event, TCP_##to, EDGE_##kind, emits, source},
#include "tcp/fsm.def"
};

/* Row + 1 of each pair; 0 where there is none. */
static const uint8_t row_of[TCP_STATES][TCP_EVENTS] = {
#define EDGE(from, event, to, emits, source, kind)                                                 \
    [TCP_##from][EV_##event] = ROW_##from##_##event + 1,
#include "tcp/fsm.def"
};

_Static_assert(EDGES < UINT8_MAX, "row_of holds a row + 1 in a byte");

static const uint8_t facts_of[TCP_STATES] = {
#define STATE(name, spelling, facts) [TCP_##name] = (facts),
#include "tcp/fsm.def"
};

const struct tcp_edge *fsm_next(enum tcp_state from, enum tcp_event event)
{
    unsigned row;

    if ((unsigned)from >= TCP_STATES || (unsigned)event >= TCP_EVENTS)
        return NULL;
    row = row_of[from][event];
    return row ? &edges[row - 1] : NULL;
}

const struct tcp_edge *fsm_edge(unsigned i)
{
    return i < EDGES ? &edges[i] : NULL;
}

unsigned fsm_facts(enum tcp_state state)
{
    return (unsigned)state < TCP_STATES ? facts_of[state] : 0;
}

const char *fsm_state_name(enum tcp_state state)
{
    static const char *const names[TCP_STATES] = {
#define STATE(name, spelling, facts) [TCP_##name] = spelling,
#include "tcp/fsm.def"
    };

    return (unsigned)state < TCP_STATES ? names[state] : "?";
}

const char *fsm_state_identifier(enum tcp_state state)
{
    static const char *const names[TCP_STATES] = {
#define STATE(name, spelling, facts) [TCP_##name] = #name,
#include "tcp/fsm.def"
    };

    return (unsigned)state < TCP_STATES ? names[state] : "?";
}

const char *fsm_event_name(enum tcp_event event)
{
    static const char *const names[TCP_EVENTS] = {
#define EVENT(name, spelling, class) [EV_##name] = spelling,
#include "tcp/fsm.def"
    };

    return (unsigned)event < TCP_EVENTS ? names[event] : "?";
}

const char *fsm_event_class(enum tcp_event event)
{
    static const char *const classes[TCP_EVENTS] = {
#define EVENT(name, spelling, class) [EV_##name] = class,
#include "tcp/fsm.def"
    };

    return (unsigned)event < TCP_EVENTS ? classes[event] : "?";
}
