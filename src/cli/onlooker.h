/* SPDX-License-Identifier: MIT */
/*
 * onlooker.h - the states of both ends of connections that are not ours, from the packets that pass,
 * told to a story.
 *
 * Limits: ONLOOKER_PAIRS connections; the one that was seen longest ago makes room.
 */
#ifndef CLI_ONLOOKER_H
#define CLI_ONLOOKER_H

#include "capture/infer.h"
#include "cli/story.h"

#define ONLOOKER_PAIRS 1024

struct onlooker_pair {
    struct infer end[2];
    uint64_t stamp;
};

struct onlooker {
    struct story *story;
    uint64_t stamp;
    unsigned count;
    struct onlooker_pair pair[ONLOOKER_PAIRS];
};

/* A segment passes.  The moves of the ends that are asked for are told: `serial` carries the
 * sender's.  Both are followed. */
void onlooker_see(struct onlooker *, const struct frame_view *, uint64_t serial, bool sender,
                  bool receiver, estab_time now);
/* TIME-WAITs that have ended by then. */
void onlooker_expire(struct onlooker *, estab_time now);

#endif
