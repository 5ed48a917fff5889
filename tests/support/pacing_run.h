/* SPDX-License-Identifier: MIT */
/*
 * pacing_run.h - what pacing costs and saves before a queue, in virtual time.  Two ways to send:
 *
 *      a bulk      all of the text at once, so that the window is always full and finds the queue's end itself
 *      objects     72,400 bytes, 50 segments, every 150 ms: the window is open when the text comes
 */
#ifndef SUPPORT_PACING_RUN_H
#define SUPPORT_PACING_RUN_H

#include "support/sim_transfer.h"

enum {
    PACING_BULK = 10000000, /* bytes */
    PACING_OBJECT = 72400,
    PACING_OBJECTS = 60,
};

#define PACING_EVERY (150 * ESTAB_MS)

struct pacing_cost {
    uint64_t dropped; /* frames that the queue had no place for */
    estab_time took;  /* a bulk: from the SYN until all had come; objects: of each, from SEND until it had come */
};

/* Adds to `cost`; false: not all of the text came, or other text. */
ESTAB_MUST_CHECK bool pacing_bulk(const char *link, uint64_t seed, bool paced, struct pacing_cost *cost);
ESTAB_MUST_CHECK bool pacing_objects(const char *link, uint64_t seed, bool paced, struct pacing_cost *cost);

#endif
