/* SPDX-License-Identifier: MIT */
/* bridge.h - two devices of the same link, each given what the other one receives. */
#ifndef CLI_BRIDGE_H
#define CLI_BRIDGE_H

#include <estab_host.h>

struct bridge;

/* The devices stay the caller's.  NULL: no memory. */
ESTAB_MUST_CHECK struct bridge *bridge_new(estab_device *, estab_device *);
void bridge_free(struct bridge *);
/* Moves what is there; what the other one does not take at once is lost, as in a full queue. */
void bridge_turn(struct bridge *);
uint64_t bridge_lost(const struct bridge *);

#endif
