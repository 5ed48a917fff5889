/* SPDX-License-Identifier: MIT */
/*
 * leave.h - what a verb leaves open when it ends, and to whom: TIME-WAIT, and text with a FIN behind it
 * that the peer does not have yet.
 *
 * On a wire the hub takes it: the stack's room goes there as it is, and a child of the hub's goes on with
 * it (carrier.h, wire/hub.h).  Where the hub takes no more, or is another build's, the verb stays until
 * nothing is left, or the user wants no more of it.  Elsewhere nobody is there to take anything, and the
 * verb has waited before.
 */
#ifndef CLI_LEAVE_H
#define CLI_LEAVE_H

#include "cli/talk.h"

/* Connections that are open, in whatever state; those in TIME-WAIT. */
unsigned leave_open(const struct talk *, unsigned *time_wait);
/* Whether the user has asked for the end, on a wire, and had a moment to see what comes of it. */
bool leave_due(const struct talk *);
/* Leaves what is open, of which the user has closed all.  How many connections are carried on: the caller
 * does nothing more with its stack, and ends; so it does after 0, as nothing is left then. */
unsigned leave_all(struct talk *);

#endif
