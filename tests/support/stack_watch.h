/* SPDX-License-Identifier: MIT */
/*
 * stack_watch.h - what must hold of a stack at any time, checked from outside.
 *
 * The watch knows every handle that the user was given, how much was sent and received on it, and
 * what the text is: byte k of a stream is watch_byte(k), in both directions.  So it can tell whether
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
#ifndef SUPPORT_STACK_WATCH_H
#define SUPPORT_STACK_WATCH_H

#include "support/frame_check.h"

#define WATCH_HANDLES 256 /* in the life of a watch */
#define WATCH_LISTED  64  /* at a time */

struct watched {
    estab_conn conn;
    bool ended;              /* its CLOSED event was taken */
    bool heard_end;          /* RECEIVE has told of the end */
    uint32_t sent, received; /* bytes */
    struct estab_endpoint remote; /* of the OPEN; in LISTEN it is what it was */
    struct estab_status last;
};

struct stack_watch {
    estab_stack *stack;
    uint32_t memory, chunk_memory; /* of an idle connection, and of each chunk beyond that */
    uint32_t chunk_bytes;
    unsigned handles, listed;
    struct watched handle[WATCH_HANDLES];
    struct estab_status list[WATCH_LISTED];
    struct frame_seen frame; /* the last one that watch_frame saw */
};

static inline uint8_t watch_byte(uint32_t k)
{
    return (uint8_t)(k * 31 + k / 251);
}

/* A stack that was just made, with an interface 0; opens and aborts a connection to `somebody`. */
const char *watch_init(struct stack_watch *, estab_stack *, const struct estab_config *,
                       struct estab_endpoint somebody, estab_time now);

/* A connection that OPEN or accept gave; `remote` as it was given to OPEN. */
const char *watch_add(struct stack_watch *, estab_conn, struct estab_endpoint remote);
/* Calls of the user, with what they answered. */
const char *watch_send(struct stack_watch *, estab_conn, size_t length, estab_time now);
const char *watch_receive(struct stack_watch *, estab_conn, size_t size, unsigned flags,
                          estab_time now);
/* Takes the next event; *any: there was one. */
const char *watch_event(struct stack_watch *, struct estab_event *, bool *any);
/* A frame that estab_output gave, before any other call. */
const char *watch_frame(struct stack_watch *, const struct estab_frame *);

/* All that does not need an occasion.  `quiet`: there is no output, and all of it is done. */
const char *watch_check(struct stack_watch *, bool quiet, estab_time now);
/* Everything was aborted, all events and output were taken: nothing may be left. */
const char *watch_empty(struct stack_watch *, estab_time now);

/* The connection of a socket pair, as it was at the last watch_check; NULL: none. */
const struct estab_status *watch_find(const struct stack_watch *, struct estab_endpoint local,
                                      struct estab_endpoint remote);

#endif
