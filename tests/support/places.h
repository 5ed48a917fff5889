/* SPDX-License-Identifier: MIT */
/*
 * places.h - a test of an input in each state where it can arrive: a case of its own for each, whose name is
 * that of the input and of the state (row_4_pointers_in_close_wait).
 *
 * A place is one of the eleven states; for LISTEN there are two, a single-shot OPEN and a listener, and a third
 * where that has answered a SYN with a cookie and knows nothing of it.  Each is reached in every way that leads
 * there, at initial sequence numbers that wrap.  Whatever the input was, the connection is alive after it: it
 * takes text, is opened, or is closed in order, as its state has it.
 *
 * tests/ledger/ledger.py reads the IN_STATES of a program, and knows the sets.
 */
#ifndef SUPPORT_PLACES_H
#define SUPPORT_PLACES_H

#include "support/rig.h"

enum place {
    AT_CLOSED,
    AT_LISTEN,
    AT_LISTENER,
    AT_COOKIE,
    AT_SYN_SENT,
    AT_SYN_RECEIVED,
    AT_ESTABLISHED,
    AT_FIN_WAIT_1,
    AT_FIN_WAIT_2,
    AT_CLOSE_WAIT,
    AT_CLOSING,
    AT_LAST_ACK,
    AT_TIME_WAIT,
    PLACES
};

#define PLACE(place) (1u << (place))
/* All; those that the peer knows of; those in which our SYN is acknowledged; those that take text; and those in
 * which text of ours is outstanding, to a peer that takes segments of 100 bytes, and SACKs. */
#define EVERYWHERE   (PLACE(PLACES) - 1)
#define SYNCHRONIZED (EVERYWHERE & ~(PLACE(AT_ESTABLISHED) - 1))
#define WITH_PEER    (SYNCHRONIZED | PLACE(AT_SYN_RECEIVED))
#define RECEIVING    (PLACE(AT_ESTABLISHED) | PLACE(AT_FIN_WAIT_1) | PLACE(AT_FIN_WAIT_2))
#define SENDING_BIT  PLACE(31)
#define SENDING                                                                                    \
    (SENDING_BIT | PLACE(AT_ESTABLISHED) | PLACE(AT_FIN_WAIT_1) | PLACE(AT_CLOSE_WAIT) | PLACE(AT_CLOSING) |   \
     PLACE(AT_LAST_ACK))

enum { PLACE_TEXT = 1000, PLACE_MSS = 100 }; /* of SENDING: what is outstanding, from 1 on */

struct state_case {
    const char *name;
    void (*input)(struct rig *);
    unsigned places;
    bool six; /* over IPv6 */
};

#define IN_STATES(name_, places_)      {.name = #name_, .input = (name_), .places = (places_)}
#define IN_STATES_OF_6(name_, places_) {.name = #name_, .input = (name_), .places = (places_), .six = true}

/* Runs them; how many failed. */
int places_run(const char *group, const struct state_case *, size_t n);

/* Where the peer's next byte goes, and what it would acknowledge at the most, and had before. */
uint32_t place_seq(const struct rig *);
uint32_t place_sent(const struct rig *);
uint32_t place_una(const struct rig *);
/* Nothing of the connection has changed. */
void place_unmoved(const struct rig *, const struct estab_status *was);
/* Nothing was sent, nobody was told, nothing has changed but one counter. */
void place_dropped(struct rig *, const struct estab_status *was, enum reason reason, uint64_t n);

#endif
