/* SPDX-License-Identifier: MIT */
/* bridge.h - two devices of the same link, each given what the other one receives. */
#ifndef CLI_BRIDGE_H
#define CLI_BRIDGE_H

#include <estab_host.h>

struct bridge;

/* Told of frames, each in one piece and with its checksums; any may be NULL.  `cause` of a frame is what
 * the device that received it has said. */
struct bridge_watch {
    void *context;
    void (*leaving)(void *context, const struct estab_frame *); /* is about to be given to `a` */
    void (*lost)(void *context);                                /* and was not */
    void (*reached)(void *context, const struct estab_frame *); /* was given to `b` */
};

/* The devices stay the caller's.  NULL: no memory. */
ESTAB_MUST_CHECK struct bridge *bridge_new(estab_device *, estab_device *);
void bridge_free(struct bridge *);
void bridge_observe(struct bridge *, const struct bridge_watch *);
/* Moves what is there; what the other one does not take at once is lost, as in a full queue. */
void bridge_turn(struct bridge *);
uint64_t bridge_lost(const struct bridge *);

#endif
