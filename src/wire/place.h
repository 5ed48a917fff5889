/* SPDX-License-Identifier: MIT */
/*
 * place.h - where the sockets of wires are, and how a hub begins and ends.
 *
 * In the private directory (device/runtime.h):
 *
 *          lab.wire      the socket of wire `lab`
 *          lab.vm.host   where its host `vm` can be joined (`estab host vm`)
 *          lock          held while a socket is made or removed
 *
 * A hub is started by its first user: with the lock in hand, and nobody answering, the user makes
 * the socket and lets a child serve it.  So there is one hub for each name, and whoever is too late
 * to start it finds its socket listening.  A hub takes the lock before it removes its socket; one
 * that was killed leaves a socket that nobody listens on, which the next command removes.
 */
#ifndef WIRE_PLACE_H
#define WIRE_PLACE_H

#include <estab_host.h>
#include <sys/types.h>

#include "wire/hub.h"

#define PLACE_NAME 24 /* of a wire, the terminating zero included */
#define PLACE_MAX  64 /* wires that place_list lists */

/* A name of letters, digits, '-', '_' and '.', as for stations. */
bool place_name_valid(const char *wire);

/* Of a hub that is started. */
struct place_start {
    hub_carry *carry; /* or NULL, see hub.h */
};

/* A socket connected to the hub of this wire, which is started first if there is none and `start` is not
 * NULL; -1 with `error`, NOT_FOUND if there is none. */
ESTAB_MUST_CHECK int place_connect(const char *wire, const struct place_start *start,
                                   struct estab_host_error *);

/* The process of its hub, asked or not; 0: it is not known, or there is none. */
pid_t place_process(const char *wire);

/* A socket beside those of the wires: `WIRE.NAME.host`, where host NAME of a wire can be joined.
 * Listening, not blocking; -1 with `error`. */
ESTAB_MUST_CHECK int place_host_listen(const char *wire, const char *host,
                                       struct estab_host_error *);
/* Connected to it; -1: there is none. */
ESTAB_MUST_CHECK int place_host_connect(const char *wire, const char *host);
/* If nobody listens on it any more. */
void place_host_remove(const char *wire, const char *host);

/* The wires that there are, dead sockets left out. */
unsigned place_list(char name[PLACE_MAX][PLACE_NAME]);

#endif
