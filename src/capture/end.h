/* SPDX-License-Identifier: MIT */
/*
 * end.h - what is known of the state of one end of a connection, and of its moves with one packet.
 *
 * Our own ends tell their states.  Those of others are worked out from their packets (infer.h),
 * and marked as such wherever they are shown.
 */
#ifndef CAPTURE_END_H
#define CAPTURE_END_H

#include "tcp/fsm.h"

#include <string.h>

#define END_MOVES 4

struct end_move {
    uint8_t event; /* enum tcp_event; TCP_EVENTS: not known */
    uint8_t to;    /* enum tcp_state */
};

struct end_state {
    bool known; /* false: nothing is said of this end, and the rest is 0 */
    bool inferred;
    uint8_t before; /* enum tcp_state, before the moves */
    uint8_t moves;
    struct end_move move[END_MOVES];
};

/* An end that is in a state, and has not moved. */
static inline struct end_state end_in(enum tcp_state state)
{
    return (struct end_state){.known = true, .before = (uint8_t)state};
}

static inline enum tcp_state end_after(const struct end_state *end)
{
    return (enum tcp_state)(end->moves ? end->move[end->moves - 1].to : end->before);
}

/* Appends a move.  If there are too many, the oldest one is forgotten. */
static inline void end_move(struct end_state *end, enum tcp_event event, enum tcp_state to)
{
    if (end->moves == END_MOVES) {
        end->before = end->move[0].to;
        memmove(end->move, end->move + 1, sizeof end->move - sizeof end->move[0]);
        end->moves--;
    }
    end->move[end->moves++] = (struct end_move){(uint8_t)event, (uint8_t)to};
}

#endif
