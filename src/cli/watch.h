/* SPDX-License-Identifier: MIT */
/*
 * watch.h - reads what a stack of ours has decided (estab_trace_next) into the story.
 *
 * The trace names a connection by its ports.  The peer's address is that of the frame at hand, or
 * of the connection with these ports that the story knows.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli/story.h"

#define WATCH_SENT 1024 /* segments whose cause is remembered; a power of two */
#define WATCH_KNOWN 16  /* connections that are remembered beyond their end */

struct watch {
    struct story *story;
    estab_stack *stack;
    struct estab_addr address;
    estab_time zero, begin; /* the stack's time `zero` is the story's `begin`; 0 */
    enum reason reason;     /* what the stack made of the last frame; REASONS */
    /* Optional: an end has moved, at estab_now's `when`. */
    void (*moved)(void *context, const struct story_end *, const struct tcp_edge *, enum reason,
                  estab_time when);
    void *context;
    struct {
        uint32_t serial;
        uint16_t why;
    } sent[WATCH_SENT];
    /* What connections were while they had ends: the trace of one that has gone is read afterwards. */
    struct {
        estab_conn conn; /* generation 0: none */
        struct estab_status status;
    } known[WATCH_KNOWN];
    unsigned known_next;
};

void watch_init(struct watch *, struct story *, estab_stack *, struct estab_addr address);

/* Reads all that is new; `remote` is the peer of the frame at hand, or of a call, or NULL. */
void watch_read(struct watch *, const struct estab_endpoint *remote);
/* Why a segment that the stack put out was sent. */
enum emit_why watch_why(const struct watch *, const struct estab_frame *);
/* The state of the end at `local`: of the connection, or of a listener; else CLOSED. */
enum tcp_state watch_state(const struct watch *, const struct estab_endpoint *local,
                           const struct estab_endpoint *remote);
/* Tells the story what this end of the segment's connection is, if it has not heard of it. */
void watch_know(struct watch *, const struct frame_view *, bool sender);

#endif
