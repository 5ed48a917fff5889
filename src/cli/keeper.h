/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - what a verb leaves open when it ends, carried on to its end.
 *
 *      verb      ...  CLOSE  FIN-WAIT-1  FIN-WAIT-2  TIME-WAIT | exit
 *      keeper                                        TIME-WAIT ------ 2 MSL ------> CLOSED, exit
 *
 * The keeper is a copy of the verb, stack and all, made by fork: it has the station's socket and
 * nothing else, no terminal and no name.  The hub gives its segments to it, and its name and address
 * to whoever wants them next (CARRY).  It ends with its last connection, or with the wire.
 */
#ifndef CLI_KEEPER_H
#define CLI_KEEPER_H

#include "cli/talk.h"

/* Connections that are open, in whatever state; those in TIME-WAIT. */
unsigned keeper_open(const struct talk *, unsigned *time_wait);
/* Starts a keeper, if there is anything to keep and the verb is on a wire.  The caller may do nothing
 * more with its stack, and ends.  How many connections are carried on. */
unsigned keeper_start(struct talk *);

#endif
