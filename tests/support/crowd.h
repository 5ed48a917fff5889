/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - many connections between two stacks of a simulation: each sends a request, gets an
 * answer and sees the end.
 *
 *      client 10.11.0.101  -- OPEN, SEND the request -->  server 10.11.0.1:80
 *                          <-- the answer, CLOSE --------
 *                          -- CLOSE -------------------->
 */
#ifndef SUPPORT_CROWD_H
#define SUPPORT_CROWD_H

#include "sim/sim.h"

#define CROWD_MOST 1024 /* at once, at each end */

enum { CROWD_REQUEST = 500, CROWD_ANSWER = 3000 };

struct crowd_end {
    estab_conn conn; /* by its index */
    size_t received, sent;
    bool busy, closed;
};

struct crowd {
    unsigned wanted; /* in all */
    unsigned at_once;
    estab_time hold; /* a client waits so long before its request */
    unsigned opened, accepted, client_closed, server_closed, wrong;
    unsigned peak; /* established at one time, at the server */
    estab_listener listener;
    enum estab_error failed; /* the first answer or end that nobody expected */
    struct crowd_end client[CROWD_MOST], server[CROWD_MOST];
};

/* NULL: the simulation was refused.  Nothing is opened yet. */
struct sim *crowd_new(struct crowd *c, uint64_t seed, const char *link);
/* LISTEN, and the first clients; each that ends is followed by the next. */
void crowd_start(struct sim *sim);

#endif
