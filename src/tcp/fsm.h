/* SPDX-License-Identifier: MIT */
/*
 * fsm.h - the state machine as values: what fsm.def says, in C.
 *
 * fsm_next is pure: any (state, event) pair may be asked.  The only writer of a connection's state
 * is tcp_move (tcb.h), and a move that has no edge here is a bug of ours.
 */
#ifndef TCP_FSM_H
#define TCP_FSM_H

#include <stdbool.h>
#include <stdint.h>

enum tcp_state {
#define STATE(name, spelling, facts) TCP_##name,
#include "tcp/fsm.def"
    TCP_STATES
};

enum tcp_event {
#define EVENT(name, spelling, class) EV_##name,
#include "tcp/fsm.def"
    TCP_EVENTS
};

enum tcp_fact {
    F_SYNC = 1 << 0,
    F_MAY_SEND = 1 << 1,
    F_MAY_RECV = 1 << 2,
    F_FIN_SENT = 1 << 3,
    F_FIN_ACKED = 1 << 4,
    F_FIN_RCVD = 1 << 5,
};

enum tcp_edge_kind { EDGE_CLIENT, EDGE_SERVER, EDGE_UNUSUAL };

struct tcp_edge {
    uint8_t from, event, to, kind;
    const char *emits;  /* "snd SYN,ACK", "" for nothing */
    const char *source; /* section of RFC 9293 */
};

/* The row that leaves `from` by `event`, or NULL: the pair changes no state. */
const struct tcp_edge *fsm_next(enum tcp_state from, enum tcp_event event);

/* All rows in the order of fsm.def; NULL past the end. */
const struct tcp_edge *fsm_edge(unsigned i);

unsigned fsm_facts(enum tcp_state);
const char *fsm_state_name(enum tcp_state);       /* "SYN-RECEIVED" */
const char *fsm_state_identifier(enum tcp_state); /* "SYN_RECEIVED" */
const char *fsm_event_name(enum tcp_event);       /* "rcv ACK of SYN" */
const char *fsm_event_class(enum tcp_event);      /* "rcv", "call" or "timeout" */

static inline bool tcp_state_is(enum tcp_state state, unsigned facts)
{
    return (fsm_facts(state) & facts) == facts;
}

#endif
