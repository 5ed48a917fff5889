/* SPDX-License-Identifier: MIT */
/*
 * bulk.h - a simulation in which connections of one stack, which never lack text, share a bottleneck
 * to another stack.
 *
 *      client 10.12.0.101  == flow 0, 1 ... ==  rate, delay, queue  ==>  server 10.12.0.1:3333
 */
#ifndef SUPPORT_BULK_H
#define SUPPORT_BULK_H

#include "sim/sim.h"

enum {
    BULK_CLIENT,
    BULK_SERVER,
};

#define BULK_FLOWS_MAX 4

struct bulk {
    unsigned flows;
    estab_conn client[BULK_FLOWS_MAX], server[BULK_FLOWS_MAX];
    uint64_t received[BULK_FLOWS_MAX];
    uint16_t port[BULK_FLOWS_MAX]; /* of the client */
    estab_listener listener;
    bool failed; /* a call had an answer that nobody expected */
};

/* `config` is the client's; `link` as in link_config.h, of both directions.  NULL: something was
 * refused. */
struct sim *bulk_new(struct bulk *b, uint64_t seed, const struct estab_config *config,
                     const char *link);
/* Opens one more flow; its number. */
unsigned bulk_open(struct sim *sim);
struct estab_status bulk_status(const struct sim *sim, unsigned flow); /* at the client */

#endif
