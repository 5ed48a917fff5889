/* SPDX-License-Identifier: MIT */
/*
 * sim_transfer.h - a simulation in which a client sends text to a server, byte for byte checked.
 *
 *      client 10.11.0.101  -- OPEN, SEND `bytes`, CLOSE -->  server 10.11.0.1:3333
 *                          <-- CLOSE after the end -------
 *
 * The state is found through sim_user, so that a fork goes on with a copy of it.
 */
#ifndef SUPPORT_SIM_TRANSFER_H
#define SUPPORT_SIM_TRANSFER_H

#include "sim/sim.h"

enum {
    TRANSFER_CLIENT,
    TRANSFER_SERVER,
};

struct transfer {
    size_t bytes; /* to send */
    size_t sent, received;
    size_t wrong; /* bytes that came out other than they went in */
    estab_listener listener;
    estab_conn client, server;
    bool client_opened, end_seen;
    unsigned client_closed, server_closed; /* events */
    enum estab_error client_error, server_error;
    enum estab_error failed; /* the first answer of a call that nobody expected */
    struct estab_addr to;    /* the server's address */
};

/* On what: Ethernet with IPv4, Ethernet or bare packets with IPv6 (fd11::101 to fd11::1). */
enum transfer_over {
    TRANSFER_IPV4,
    TRANSFER_IPV6,
    TRANSFER_IPV6_BARE,
};

/* The pools that this needs, and defaults for the rest. */
struct estab_config transfer_config(void);
/* NULL: the link's text, or the simulation, was refused.  Nothing is opened yet. */
struct sim *transfer_new(struct transfer *t, uint64_t seed, size_t bytes, const char *link);
/* With SACK, or without. */
struct sim *transfer_new_with(struct transfer *t, uint64_t seed, size_t bytes, const char *link, bool sack);
struct sim *transfer_new_over(struct transfer *t, uint64_t seed, size_t bytes, const char *link,
                              enum transfer_over over);
/* With any configuration, of both stacks. */
struct sim *transfer_new_configured(struct transfer *t, uint64_t seed, size_t bytes, const char *link,
                                    enum transfer_over over, const struct estab_config *config);
/* LISTEN and active OPEN; the rest follows by itself in sim_run. */
void transfer_start(struct sim *sim);
/* What must hold when all is over: all has come, both ends were closed, and no pool holds anything. */
void transfer_assert_done(struct sim *sim, const struct transfer *t);

#endif
