/* SPDX-License-Identifier: MIT */
/*
 * publish.h - a port of the kernel's loopback, relayed onto a wire: for browsers, which know no wire.
 *
 *      browser --127.0.0.1:PORT--> [ relay: kernel's sockets | stack ] --wire--> server
 *
 * The relay is a child process with a stack and a station of its own (`relay`), so that its
 * connections cross the wire like anybody's, and netstat shows them.  It ends with the process that has
 * started it: at once if that is killed, else as soon as those that are relayed have come to their end.
 *
 * Limits: PUBLISH_RELAYS connections at a time; more wait in the kernel's backlog, where the one that has
 * been silent longest, for PUBLISH_SILENCE at least, is reset to make room.
 */
#ifndef CLI_PUBLISH_H
#define CLI_PUBLISH_H

#include <sys/types.h>

#include "cli/verb.h"
#include "estab_host.h"

#define PUBLISH_RELAYS  128
#define PUBLISH_SILENCE ESTAB_SECOND

struct publication {
    pid_t pid;  /* 0: none */
    int taking; /* closed at the other end once nobody is taken any more */
};

/* Listens on 127.0.0.1:`port` and connects each that comes to `target` on the wire of --on.  False with
 * `error`: the port is in use, or the wire takes no more. */
ESTAB_MUST_CHECK bool publish_start(struct publication *, const struct cli_options *, uint16_t port,
                                    const struct estab_endpoint *target,
                                    struct estab_host_error *error);
/* The port is free again; who is relayed is not waited for. */
void publish_end(struct publication *);

#endif
