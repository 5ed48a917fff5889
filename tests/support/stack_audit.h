/* SPDX-License-Identifier: MIT */
/*
 * stack_audit.h - what must hold of a stack at any time, checked from outside.
 *
 * The audit knows every handle that the user was given, how much was sent and received on it, and
 * what the text is: byte k of a stream is audit_byte(k), in both directions.  So it can tell whether
 *
 *      - a handle ends with its CLOSED event and not before, and no event names another;
 *      - the list, the status of each handle, and the counters say the same;
 *      - SND.UNA, RCV.NXT and the right edge of the window never go back;
 *      - RCV.NXT is what was received and is queued, SND.NXT no further than what was sent;
 *      - every chunk in use belongs to somebody, and no window promises more than there is;
 *      - whoever waits for an acknowledgment has a timer, and the stack's deadline is not after it;
 *      - every frame is well-formed and carries what was sent, and its window is what was promised.
 *
 * The answer is what is wrong, or NULL.
 */
#ifndef SUPPORT_STACK_AUDIT_H
#define SUPPORT_STACK_AUDIT_H

#include "support/frame_check.h"

#define AUDIT_HANDLES 256 /* in the life of an audit */
#define AUDIT_LISTED  64  /* at a time */

struct audited {
    estab_conn conn;
    bool ended;              /* its CLOSED event was taken */
    bool heard_end;          /* RECEIVE has told of the end */
    uint32_t sent, received; /* bytes */
    struct estab_endpoint remote; /* of the OPEN; in LISTEN it is what it was */
    struct estab_status last;
};

struct stack_audit {
    estab_stack *stack;
    uint32_t memory, chunk_memory; /* of an idle connection, and of each chunk beyond that */
    uint32_t cold_memory;          /* of a cold block */
    uint32_t listen_memory;        /* and of a single-shot passive OPEN that may return to LISTEN */
    uint32_t spare_memory;         /* of a scoreboard's second array */
    uint32_t chunk_bytes;
    unsigned handles, listed;
    struct audited handle[AUDIT_HANDLES];
    struct estab_status list[AUDIT_LISTED];
    struct frame_seen frame; /* the last one that audit_frame saw */
};

static inline uint8_t audit_byte(uint32_t k)
{
    return (uint8_t)(k * 31 + k / 251);
}

/* A stack that was just made, with an interface 0; opens and aborts connections to `somebody`. */
const char *audit_init(struct stack_audit *, estab_stack *, const struct estab_config *,
                       struct estab_endpoint somebody, estab_time now);

/* A connection that OPEN or accept gave; `remote` as it was given to OPEN. */
const char *audit_add(struct stack_audit *, estab_conn, struct estab_endpoint remote);
/* Calls of the user, with what they answered. */
const char *audit_send(struct stack_audit *, estab_conn, size_t length, estab_time now);
const char *audit_receive(struct stack_audit *, estab_conn, size_t size, unsigned flags,
                          estab_time now);
/* The user leaves the connection: its handle ends without an event. */
const char *audit_release(struct stack_audit *, estab_conn, estab_time now);
/* Takes the next event; *any: there was one. */
const char *audit_event(struct stack_audit *, struct estab_event *, bool *any);
/* A frame that estab_output gave, before any other call. */
const char *audit_frame(struct stack_audit *, const struct estab_frame *);

/* All that does not need an occasion.  `quiet`: there is no output, and all of it is done. */
const char *audit_check(struct stack_audit *, bool quiet, estab_time now);
/* Everything was aborted, all events and output were taken: nothing may be left. */
const char *audit_empty(struct stack_audit *, estab_time now);

/* The connection of a socket pair, as it was at the last audit_check; NULL: none. */
const struct estab_status *audit_find(const struct stack_audit *, struct estab_endpoint local,
                                      struct estab_endpoint remote);

#endif
